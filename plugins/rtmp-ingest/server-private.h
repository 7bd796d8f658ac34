/* Shared by server.c and listener.c. */
#pragma once

#include <airclass/error.h>

#include "connection.h"
#include "server.h"

G_BEGIN_DECLS

typedef struct _RtmpListener RtmpListener;

struct _RtmpServer
{
  AirContext *context;
  RtmpMetrics metrics;
  GPtrArray *listeners; /* of RtmpListener */
  GThread *thread;
  GTask *stop_task; /* written before stop_requested is set */
  int wake_fd;

  /* The I/O thread's, once it runs */
  RtmpSettings settings;
  RtmpLoop loop;
  RtmpWatch wake;
  RtmpTls *tls;
  AdobeAuth *adobe_auth;
  uint8_t *receive_buffer;
  GHashTable *connections; /* id → RtmpConnection */
  GHashTable *addresses;   /* address, or IPv6 /64 → number of connections from there */
  GPtrArray *dead;         /* to be freed at the end of the round */
  uint64_t last_id;
  int publishers, players;
  uint64_t bytes_in, bytes_out; /* not yet in the metrics */
  int64_t drain_until_us;       /* 0: not stopping */

  /* Left by other threads, under the lock */
  GMutex lock;
  GArray *ended;
  RtmpSettings next_settings;
  bool settings_changed;
  bool stop_requested;
};

/* Binds every address of listen= and, with a certificate, of tls_listen=, and announces them. Main thread. */
bool rtmp_listeners_open (RtmpServer *server, GError **error);
/* Accepts again after the process ran out of descriptors. */
void rtmp_listener_resume (RtmpListener *listener);
void rtmp_listener_close (RtmpListener *listener);
void rtmp_listener_free (void *listener);

/* Takes an accepted socket, or closes it when a limit is reached. */
void rtmp_server_adopt (RtmpServer *server, int fd, GInetAddress *address, bool tls);

G_END_DECLS
