/* What the parts of the HTTP server share. Main thread. */
#pragma once

#include "http/http-server.h"

#include <libsoup/soup.h>

#include "http/api-document.h"
#include "http/asset.h"
#include "http/listener.h"
#include "http/request.h"
#include "http/router.h"
#include "http/socket.h"
#include "http/tls.h"
#include "http/web-app.h"

G_BEGIN_DECLS

struct _AirHttpServer
{
  AirContext *context;
  AirRouter *router;
  AirListener *listener; /* NULL unless started */
  AirListenerLimits limits;
  SoupServer *soup;
  GHashTable *requests; /* set of AirRequest that are not gone; borrowed */
  GHashTable *sockets;  /* set of AirSocket; owned */
  GPtrArray *addresses; /* GInetSocketAddress */
  char **public_hosts;
  GPtrArray *former_hosts; /* of before a reload */
  GMutex tls_lock;
  bool is_tls_loaded; /* under tls_lock */
  AirTls *tls;        /* under tls_lock; NULL: no certificate; stays once it is loaded */
  GError *tls_error;  /* why it could not be loaded */
  unsigned tls_port;  /* of the first TLS listener; 0: none */
  unsigned tls_timer;
  AirApiDocument *document; /* NULL unless started */
  AirAsset *openapi, *docs; /* made when asked for */
  AirWebApp *web_app;       /* NULL unless started */
  bool is_stopping;
  AirMetric *requests_total, *request_seconds, *connections, *refused_total, *sockets_open;
};

extern const AirOption air_http_options[];

/* dispatch.c: from a whole request to its handler. */
extern const AirListenerOwner air_http_dispatch;
void air_http_on_soup_request (SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                               gpointer user_data);

/* Finds the schema that @entry names. */
bool air_http_resolve_schema (AirHttpServer *server, AirRouteEntry *entry, GError **error);
/* The certificate, loaded by the first who asks; NULL when none is configured or it is no good. Any thread. */
AirTls *air_http_get_tls (AirHttpServer *server);
/* Opens what [http] listen= and tls_listen= say. */
bool air_http_open_listeners (AirHttpServer *server, GError **error);

/* policy.c: headers that every reply gets, and who is asking. */
void air_http_decorate (AirHttpServer *server, AirRequest *request);
bool air_http_is_preflight (AirRequest *request);
void air_http_identify (AirHttpServer *server, AirRequest *request);
/* Sends a plain request to the TLS listener when [http] redirect_to_https= says so; true: answered. */
bool air_http_redirect (AirHttpServer *server, AirRequest *request);

G_END_DECLS
