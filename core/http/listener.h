/* Listening sockets and the connections that came in by them: caps, deadlines, refusals. Main thread. */
#pragma once

#include <gio/gio.h>
#include <openssl/ssl.h>

#include "http/connection.h"

G_BEGIN_DECLS

typedef struct _AirListener AirListener;

typedef struct
{
  AirConnectionLimits connection;
  unsigned max_connections;
  unsigned max_connections_per_address;
} AirListenerLimits;

/* What the listener asks of its owner, beside AirConnectionOwner's request() and head_received(). */
typedef struct
{
  bool (*head_received) (AirConnection *connection, const AirHead *head, size_t *ret_limit, unsigned *ret_status,
                         const char **ret_slug, void *user_data);
  void (*request) (AirConnection *connection, AirHead *head, GBytes *body, void *user_data);
  void (*refused) (AirConnection *connection, unsigned status, const char *reason, void *user_data);
  /* The number of open connections has changed. */
  void (*count_changed) (unsigned count, void *user_data);
  /* Whether the cap per address does not apply (a trusted proxy). */
  bool (*is_exempt) (GInetAddress *address, void *user_data);
  /* Returns: (transfer none) the context for a new TLS connection; NULL: no certificate. */
  SSL_CTX *(*get_tls) (void *user_data);
} AirListenerOwner;

/* @limits and @owner are borrowed. */
AirListener *air_listener_new (const AirListenerLimits *limits, const AirListenerOwner *owner, void *user_data,
                               GError **error);
void air_listener_free (AirListener *listener);
/* Accepts from @socket: (transfer full), which listens. */
void air_listener_add (AirListener *listener, GSocket *socket, bool is_tls);
/* No more are accepted. */
void air_listener_close (AirListener *listener);
/* All connections end at once. */
void air_listener_kill_all (AirListener *listener);
unsigned air_listener_count (AirListener *listener);

G_END_DECLS
