/* What holds for every request: where it comes from behind trusted proxies, cross-origin rules, headers for safety. */
#include "http/server-private.h"

#include <string.h>

static GInetAddress *
parse_forwarded (const char *text)
{
  g_autofree char *address = g_strstrip (g_strdup (text));
  return g_inet_address_new_from_string (address);
}

/* X-Forwarded-For is read from the right, through the proxies that are trusted, to the first that is not. Its lines are one
 * list (RFC 9110 §5.3): some proxies add a line of their own below that of a client who pretends to be another. */
static GInetAddress *
find_client (AirHttpServer *server, AirRequest *request, GInetAddress *peer)
{
  g_autofree char *forwarded = air_head_join (request->head, "X-Forwarded-For");
  g_autoptr (GInetAddress) client = g_object_ref (peer);
  if (forwarded == NULL)
    return g_steal_pointer (&client);
  g_auto (GStrv) hops = g_strsplit (forwarded, ",", -1); /* bounded by the head */
  for (unsigned i = g_strv_length (hops);
       i-- > 0 && air_context_network_contains (server->context, "trusted_proxies", client);)
    {
      g_autoptr (GInetAddress) hop = parse_forwarded (hops[i]);
      if (hop == NULL)
        break;
      g_set_object (&client, hop);
    }
  return g_steal_pointer (&client);
}

static char *
make_base_url (AirHttpServer *server, AirRequest *request, bool is_proxied)
{
  const char *public_url = air_context_get_string (server->context, "public_url");
  if (*public_url != '\0')
    return g_strdup (public_url);
  const char *forwarded = is_proxied ? air_head_get (request->head, "X-Forwarded-Proto") : NULL;
  bool is_tls
      = forwarded != NULL ? g_ascii_strcasecmp (forwarded, "https") == 0 : air_connection_is_tls (request->connection);
  const char *scheme = is_tls ? "https" : "http";
  if (*request->head->host != '\0')
    return g_strdup_printf ("%s://%s", scheme, request->head->host);
  g_autofree char *address = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (request->local));
  return g_strdup_printf ("%s://%s", scheme, address);
}

static void
find_token (AirRequest *request)
{
  const char *authorization = air_head_get (request->head, "Authorization");
  if (authorization != NULL && g_ascii_strncasecmp (authorization, "Bearer ", 7) == 0)
    request->token = g_strstrip (g_strdup (authorization + 7));
  else
    request->token = g_strdup (air_request_get_query (request, "jwt"));
}

void
air_http_identify (AirHttpServer *server, AirRequest *request)
{
  GSocketAddress *remote = air_connection_get_remote_address (request->connection);
  GInetAddress *peer = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (remote));
  request->address = find_client (server, request, peer);
  request->base_url
      = make_base_url (server, request, air_context_network_contains (server->context, "trusted_proxies", peer));
  find_token (request);
}

static const char *
allowed_origin (AirHttpServer *server, AirRequest *request)
{
  const char *origin = air_head_get (request->head, "Origin");
  const char *const *origins = air_context_get_list (server->context, "cors_origins");
  for (unsigned i = 0; origins[i] != NULL; i++)
    {
      if (g_str_equal (origins[i], "*"))
        return "*";
      if (origin != NULL && g_ascii_strcasecmp (origins[i], origin) == 0)
        return origin;
    }
  return NULL;
}

bool
air_http_is_preflight (AirRequest *request)
{
  return g_str_equal (request->head->method, "OPTIONS") && air_head_get (request->head, "Origin") != NULL
         && air_head_get (request->head, "Access-Control-Request-Method") != NULL;
}

static void
set_default (AirRequest *request, const char *name, const char *value)
{
  if (air_request_get_reply_header (request, name) == NULL)
    air_request_set_header (request, name, value);
}

/* Fetch standard, "CORS protocol". Tokens travel in a header or the query, never in a cookie, so that credentials are
 * not allowed and the default of any origin is harmless. */
static void
set_cors (AirHttpServer *server, AirRequest *request)
{
  const char *origin = allowed_origin (server, request);
  if (origin == NULL)
    return;
  air_request_set_header (request, "Access-Control-Allow-Origin", origin);
  if (!g_str_equal (origin, "*"))
    set_default (request, "Vary", "Origin");
  if (air_http_is_preflight (request))
    {
      air_request_set_header (request, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
      air_request_set_header (request, "Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match");
      air_request_set_header (request, "Access-Control-Max-Age", "86400");
    }
  else
    air_request_set_header (request, "Access-Control-Expose-Headers",
                            "Location, ETag, Link, Retry-After, Accept-Post, Accept-Patch");
}

void
air_http_decorate (AirHttpServer *server, AirRequest *request)
{
  set_cors (server, request);
  /* A page's address may hold a token: it must not travel on. */
  set_default (request, "Referrer-Policy", "no-referrer");
  set_default (request, "X-Content-Type-Options", "nosniff");
  set_default (request, "Cache-Control", "no-store");
  if (request->head->wants_close || server->is_stopping)
    air_request_set_header (request, "Connection", "close");
}

bool
air_http_redirect (AirHttpServer *server, AirRequest *request)
{
  /* What a probe on this machine asks must not depend on a certificate it does not know. */
  static const char *const exempt[] = { "/healthz", "/readyz", "/metrics", NULL };
  if (server->tls_port == 0 || !air_context_get_bool (server->context, "redirect_to_https")
      || g_str_has_prefix (request->base_url, "https:") || air_connection_is_tls (request->connection)
      || g_strv_contains (exempt, request->head->path))
    return false;
  g_autoptr (GUri) base = g_uri_parse (request->base_url, G_URI_FLAGS_NONE, NULL);
  const char *host = base != NULL ? g_uri_get_host (base) : NULL;
  if (host == NULL)
    return false;
  g_autofree char *path = g_uri_escape_string (request->head->path, "/!$&'()*+,;=:@", FALSE);
  g_autofree char *location
      = g_uri_join (G_URI_FLAGS_ENCODED, "https", NULL, host, server->tls_port == 443 ? -1 : (int)server->tls_port,
                    path, request->head->query, NULL);
  air_request_set_header (request, "Location", location);
  air_request_reply_empty (request, 307);
  return true;
}
