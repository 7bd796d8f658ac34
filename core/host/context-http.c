/* Routes, WebSockets, certificate and names of this host: forwarded to the HTTP server. */
#include "host/context-private.h"

static void
register_route (AirContext *context, const void *what)
{
  air_http_server_add_route (context->host->http, context, what, context->self);
}

void
air_context_add_route (AirContext *context, const AirRoute *route)
{
  air_context_register (context, register_route, route, sizeof *route);
}

static void
register_socket (AirContext *context, const void *what)
{
  air_http_server_add_socket (context->host->http, context, what, context->self);
}

void
air_context_add_socket (AirContext *context, const AirSocketRoute *route)
{
  air_context_register (context, register_socket, route, sizeof *route);
}

GTlsCertificate *
air_context_get_tls_certificate (AirContext *context)
{
  return air_http_server_get_tls_certificate (context->host->http);
}

const char *const *
air_context_get_public_hosts (AirContext *context)
{
  return air_http_server_get_public_hosts (context->host->http);
}
