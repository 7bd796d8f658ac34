/* What the parts of the HTTP server share. Main thread. */
#pragma once

#include "http/http-server.h"

#include <libsoup/soup.h>

#include "http/listener.h"
#include "http/request.h"
#include "http/router.h"
#include "http/socket.h"

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
  bool is_stopping;
  AirMetric *requests_total, *request_seconds, *connections, *refused_total, *sockets_open;
};

/* dispatch.c: from a whole request to its handler. */
extern const AirListenerOwner air_http_dispatch;
void air_http_on_soup_request (SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                               gpointer user_data);

/* policy.c: headers that every reply gets, and who is asking. */
void air_http_decorate (AirHttpServer *server, AirRequest *request);
bool air_http_is_preflight (AirRequest *request);
void air_http_identify (AirHttpServer *server, AirRequest *request);

G_END_DECLS
