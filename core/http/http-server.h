/* The HTTP server: our own listener in front of SoupServer, the router and the WebSockets. Main thread.
 * It is the built-in component [http]; the host forwards the contexts' registrations to it. */
#pragma once

#include <airclass/context.h>
#include <airclass/http.h>
#include <airclass/plugin.h>

G_BEGIN_DECLS

typedef struct _AirHttpServer AirHttpServer;

/* Section [http]: create() returns an AirHttpServer, start() opens the listeners, stop() closes them and all
 * connections. Exported for the host's list of built-in components. */
extern const AirPlugin air_http_component;

/* @owner names the registering context and is the key for removal; @self is given to the handlers. */
void air_http_server_add_route (AirHttpServer *server, AirContext *owner, const AirRoute *route, void *self);
void air_http_server_add_socket (AirHttpServer *server, AirContext *owner, const AirSocketRoute *route, void *self);
/* Takes away the owner's routes, closes its sockets with 1001, answers its waiting requests with 503. */
void air_http_server_remove_owner (AirHttpServer *server, AirContext *owner);
/* Number of routes and sockets that @owner still has: asserted to be 0 after removal. */
unsigned air_http_server_count_owner (AirHttpServer *server, AirContext *owner);
/* (transfer full) (element-type GInetSocketAddress) what is really listened on (port 0 resolved); empty before start.
 */
GPtrArray *air_http_server_get_addresses (AirHttpServer *server);
GTlsCertificate *
air_http_server_get_tls_certificate (AirHttpServer *server); /* (transfer full) (nullable); any thread */
const char *const *air_http_server_get_public_hosts (AirHttpServer *server);

G_END_DECLS
