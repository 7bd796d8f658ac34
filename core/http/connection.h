/* One client: reads and checks requests, one after the other, and hands each on whole; writes what it is told.
 * Main thread. Reference-counted, because a reply that is being written may outlive the peer. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "http/head.h"
#include "http/poller.h"
#include "http/transport.h"

G_BEGIN_DECLS

typedef struct _AirConnection AirConnection;

typedef struct
{
  size_t max_head_bytes;
  int64_t tls_timeout_us;      /* for the handshake */
  int64_t head_timeout_us;     /* from a request's first byte to the end of its head */
  int64_t body_timeout_us;     /* for the whole body */
  int64_t idle_timeout_us;     /* between requests, and while a reply makes no progress */
  size_t max_total_body_bytes; /* of all bodies that are being received */
} AirConnectionLimits;

/* What a connection asks of its owner; all are set. */
typedef struct
{
  /* A head has come: @ret_limit is the largest body to take. False: the owner wants the request refused with
   * @ret_status and @ret_slug before its body is read. */
  bool (*head_received) (AirConnection *connection, const AirHead *head, size_t *ret_limit, unsigned *ret_status,
                         const char **ret_slug, void *user_data);
  /* A whole request, @head and @body (transfer full). Ends with air_connection_finish_reply() or _upgrade(). */
  void (*request) (AirConnection *connection, AirHead *head, GBytes *body, void *user_data);
  /* Something was refused or given up, for the metrics: "header-timeout", "body-too-large", … */
  void (*refused) (AirConnection *connection, unsigned status, const char *reason, void *user_data);
  /* The peer is gone; the owner drops its reference. Exactly once. */
  void (*closed) (AirConnection *connection, void *user_data);
} AirConnectionOwner;

/* What a WebSocket does with the connection that it takes over. */
typedef struct
{
  void (*input) (void *user_data, const guint8 *bytes, size_t length);
  void (*tick) (void *user_data, int64_t now_us);
  void (*closed) (void *user_data); /* exactly once */
} AirConnectionUpgrade;

/* Takes @fd. @total_body_bytes is shared by all connections. */
AirConnection *air_connection_new (int fd, SSL_CTX *tls, AirPoller *poller, const AirConnectionLimits *limits,
                                   size_t *total_body_bytes, const AirConnectionOwner *owner, void *user_data);
AirConnection *air_connection_ref (AirConnection *connection);
void air_connection_unref (AirConnection *connection);
/* Both (transfer none); @remote and @local are set by the listener. */
void air_connection_set_addresses (AirConnection *connection, GSocketAddress *remote, GSocketAddress *local);
GSocketAddress *air_connection_get_remote_address (AirConnection *connection);
GSocketAddress *air_connection_get_local_address (AirConnection *connection);
bool air_connection_is_tls (AirConnection *connection);
bool air_connection_is_open (AirConnection *connection);

/* Starts to read; called once. */
void air_connection_start (AirConnection *connection);
/* Looks at the deadlines. */
void air_connection_tick (AirConnection *connection, int64_t now_us);
/* Answers with a problem document without any handler, then closes in a way that lets the peer read it. */
void air_connection_refuse (AirConnection *connection, unsigned status, const char *slug, const char *reason);
/* The reply is written whole (or not); goes on with the next request, or closes. */
void air_connection_finish_reply (AirConnection *connection, bool is_complete, bool keep_alive);
void air_connection_upgrade (AirConnection *connection, const AirConnectionUpgrade *upgrade, void *user_data);
/* Queues bytes (upgraded connections). Returns: how many bytes wait. */
size_t air_connection_send (AirConnection *connection, const void *bytes, size_t length);
/* Ends it once the queue is written; at the latest after two seconds. */
void air_connection_end (AirConnection *connection);
/* Ends it at once. */
void air_connection_kill (AirConnection *connection);

/* For the reply stream: writes without waiting, as air_transport_write(). */
gssize air_connection_write (AirConnection *connection, const void *bytes, size_t length);
/* @source becomes ready when writing can go on. (transfer none), forgotten when NULL. */
void air_connection_wait_writable (AirConnection *connection, GSource *source);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirConnection, air_connection_unref)

G_END_DECLS
