/* Opens the listening sockets, with and without TLS. */
#include "http/server-private.h"

#include <airclass/error.h>

#define REFRESH_TLS_MS 2000

static bool
open_all (AirHttpServer *server, const char *key, bool is_tls, GError **error)
{
  GPtrArray *wanted = air_context_get_addresses (server->context, key);
  for (unsigned i = 0; i < wanted->len; i++)
    {
      g_autoptr (GSocket) socket = air_listen_tcp (wanted, i, error);
      g_autoptr (GSocketAddress) bound = socket != NULL ? g_socket_get_local_address (socket, error) : NULL;
      if (bound == NULL)
        return false;
      air_listener_add (server->listener, g_steal_pointer (&socket), is_tls);
      GInetSocketAddress *address = G_INET_SOCKET_ADDRESS (bound);
      unsigned port = g_inet_socket_address_get_port (address);
      g_autofree char *host = g_inet_address_to_string (g_inet_socket_address_get_address (address));
      air_context_announce_endpoint (server->context, is_tls ? "https" : "http", host, port);
      if (i == 0 && is_tls)
        server->tls_port = port;
      g_ptr_array_add (server->addresses, g_steal_pointer (&bound));
    }
  return true;
}

static void
refresh_tls (void *data)
{
  air_tls_refresh (((AirHttpServer *)data)->tls);
}

static AirTls *
load_certificate (AirHttpServer *server, GError **error)
{
  AirContext *context = server->context;
  const char *certificate = air_context_get_string (context, "tls_certificate");
  const char *key = air_context_get_string (context, "tls_key");
  if ((*certificate == '\0') != (*key == '\0'))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "[http] tls_certificate= and tls_key= go together");
      return NULL;
    }
  if (*certificate != '\0')
    return air_tls_new (certificate, key, error);
  if (!air_context_get_bool (context, "tls_self_signed"))
    return NULL;
  const char *folder = air_context_get_state_dir (context);
  g_autofree char *own_certificate = g_build_filename (folder, "certificate.pem", NULL);
  g_autofree char *own_key = g_build_filename (folder, "key.pem", NULL);
  return air_tls_make_self_signed (folder, (const char *const *)server->public_hosts, error)
             ? air_tls_new (own_certificate, own_key, error)
             : NULL;
}

/* Plugins that speak TLS start before the listeners and ask for the certificate, on any thread. */
AirTls *
air_http_get_tls (AirHttpServer *server)
{
  g_mutex_lock (&server->tls_lock);
  if (!server->is_tls_loaded)
    server->tls = load_certificate (server, &server->tls_error);
  server->is_tls_loaded = true;
  AirTls *tls = server->tls;
  g_mutex_unlock (&server->tls_lock);
  return tls;
}

bool
air_http_open_listeners (AirHttpServer *server, GError **error)
{
  AirTls *tls = air_http_get_tls (server);
  if (server->tls_error != NULL)
    {
      g_propagate_error (error, g_error_copy (server->tls_error));
      return false;
    }
  if (tls != NULL && server->tls_timer == 0)
    server->tls_timer = air_context_add_timer (server->context, REFRESH_TLS_MS, refresh_tls, server);
  server->listener = air_listener_new (&server->limits, &air_http_dispatch, server, error);
  return server->listener != NULL && open_all (server, "listen", false, error)
         && (tls == NULL || open_all (server, "tls_listen", true, error));
}
