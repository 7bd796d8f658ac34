/* The component [http]: options, registrations, start and stop. */
#include "http/server-private.h"

#include <airclass/error.h>
#include <airclass/metrics.h>

#include "http/hosts.h"

static const AirOption options[] = {
  { "listen", AIR_OPTION_ADDRESSES, "0.0.0.0:8000", 0, 0, NULL, NULL, "Where HTTP is served; several addresses are separated by commas, port 0 takes a free one.", 0 },
  { "public_url", AIR_OPTION_STRING, "", 0, 0, NULL, NULL, "How clients reach this server, if not by the name in their request: https://class.example.org.", AIR_OPTION_FLAG_LIVE },
  { "trusted_proxies", AIR_OPTION_NETWORKS, "", 0, 0, NULL, NULL, "Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.", AIR_OPTION_FLAG_LIVE },
  { "cors_origins", AIR_OPTION_LIST, "*", 0, 0, NULL, NULL, "Web pages of other origins that may call this server; * stands for all.", AIR_OPTION_FLAG_LIVE },
  { "max_connections", AIR_OPTION_INT, "4096", 1, 1000000, "connections", NULL, "More clients at the same time are answered 503.", 0 },
  { "max_connections_per_address", AIR_OPTION_INT, "1024", 1, 1000000, "connections", NULL, "As max_connections, for one client address (IPv6: one /64). A school behind one router shares an address.", 0 },
  { "max_header", AIR_OPTION_SIZE, "16KiB", 1024, 1048576, NULL, NULL, "Longest request head; more is answered 431.", 0 },
  { "max_upload_memory", AIR_OPTION_SIZE, "64MiB", 65536, 4294967296, NULL, NULL, "Memory for all request bodies that are being received.", 0 },
  { "header_timeout", AIR_OPTION_DURATION, "10s", 100, 600000, NULL, NULL, "Time for a request head from its first byte on; then 408.", 0 },
  { "body_timeout", AIR_OPTION_DURATION, "30s", 100, 3600000, NULL, NULL, "Time for a whole request body; then 408.", 0 },
  { "idle_timeout", AIR_OPTION_DURATION, "60s", 100, 3600000, NULL, NULL, "A connection is closed after so long without a request, or without progress of a reply.", 0 },
  { "tls_timeout", AIR_OPTION_DURATION, "10s", 100, 600000, NULL, NULL, "Time for a TLS handshake.", 0 },
  { "websocket_ping", AIR_OPTION_DURATION, "20s", 100, 600000, NULL, NULL, "A silent WebSocket is asked after so long whether it lives, and closed after as long again.", AIR_OPTION_FLAG_LIVE },
  { NULL },
};

static void
read_limits (AirHttpServer *server)
{
  AirContext *context = server->context;
  server->limits = (AirListenerLimits) {
    .connection = {
      .max_head_bytes = (size_t) air_context_get_int (context, "max_header"),
      .tls_timeout_us = air_context_get_int (context, "tls_timeout") * 1000,
      .head_timeout_us = air_context_get_int (context, "header_timeout") * 1000,
      .body_timeout_us = air_context_get_int (context, "body_timeout") * 1000,
      .idle_timeout_us = air_context_get_int (context, "idle_timeout") * 1000,
      .max_total_body_bytes = (size_t) air_context_get_int (context, "max_upload_memory"),
    },
    .max_connections = (unsigned) air_context_get_int (context, "max_connections"),
    .max_connections_per_address = (unsigned) air_context_get_int (context, "max_connections_per_address"),
  };
}

static void
add_metrics (AirHttpServer *server)
{
  static const double buckets[] = { 0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 0 };
  AirContext *context = server->context;
  server->requests_total
      = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_http_requests_total", "Requests answered.",
                                (const char *const[]) { "route", "status", NULL }, NULL);
  server->request_seconds = air_context_add_metric (
      context, AIR_METRIC_HISTOGRAM, "airclass_http_request_seconds",
      "Time from a whole request to its answer.", (const char *const[]) { "route", NULL }, buckets);
  server->connections = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_http_connections",
                                                "Open client connections.", NULL, NULL);
  server->refused_total = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_http_refused_total",
                                                  "Connections and requests refused or given up before a handler saw them.",
                                                  (const char *const[]) { "reason", NULL }, NULL);
  server->sockets_open = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_http_websockets",
                                                 "Open WebSockets.", NULL, NULL);
}

static void *
create (AirContext *context, GError **error)
{
  AirHttpServer *server = g_new0 (AirHttpServer, 1);
  server->context = context;
  server->router = air_router_new ();
  server->requests = g_hash_table_new (NULL, NULL);
  server->sockets = g_hash_table_new_full (NULL, NULL, (GDestroyNotify) air_socket_unref, NULL);
  server->addresses = g_ptr_array_new_with_free_func (g_object_unref);
  server->public_hosts = air_hosts_list (air_context_get_string (context, "public_url"));
  read_limits (server);
  add_metrics (server);
  return server;
}

static bool
open_listeners (AirHttpServer *server, const char *key, bool is_tls, GError **error)
{
  GPtrArray *wanted = air_context_get_addresses (server->context, key);
  for (unsigned i = 0; i < wanted->len; i++)
    {
      g_autoptr (GSocketAddress) bound = NULL;
      if (!air_listener_listen (server->listener, wanted->pdata[i], is_tls, &bound, error))
        return false;
      GInetSocketAddress *address = G_INET_SOCKET_ADDRESS (bound);
      g_autofree char *host = g_inet_address_to_string (g_inet_socket_address_get_address (address));
      if (i == 0)
        air_context_announce_endpoint (server->context, is_tls ? "https" : "http", host,
                                       g_inet_socket_address_get_port (address));
      g_ptr_array_add (server->addresses, g_steal_pointer (&bound));
    }
  return true;
}

static void
start (void *self, GTask *task)
{
  AirHttpServer *server = self;
  GError *error = NULL;
  server->soup = soup_server_new (NULL, NULL);
  soup_server_add_handler (server->soup, NULL, air_http_on_soup_request, server, NULL);
  server->is_stopping = false;
  server->listener = air_listener_new (&server->limits, &air_http_dispatch, server, &error);
  if (server->listener == NULL || !open_listeners (server, "listen", false, &error))
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
close_sockets (AirHttpServer *server, AirContext *owner)
{
  unsigned count = 0;
  g_autofree gpointer *all = g_hash_table_get_keys_as_array (server->sockets, &count);
  for (unsigned i = 0; i < count; i++)
    {
      AirSocket *socket = all[i];
      if (owner != NULL && air_socket_get_entry (socket)->owner != owner)
        continue;
      air_socket_close (socket, 1001, "this part of the server is being stopped");
      air_socket_finish (socket);
    }
}

static void
cancel_requests (AirHttpServer *server, AirContext *owner)
{
  unsigned count = 0;
  g_autofree gpointer *all = g_hash_table_get_keys_as_array (server->requests, &count);
  for (unsigned i = 0; i < count; i++)
    {
      AirRequest *request = all[i];
      if (owner == NULL || (request->entry != NULL && request->entry->owner == owner))
        air_request_cancel (request);
    }
}

static void
stop (void *self, GTask *task)
{
  AirHttpServer *server = self;
  server->is_stopping = true;
  if (server->listener != NULL)
    {
      air_listener_close (server->listener);
      close_sockets (server, NULL);
      cancel_requests (server, NULL);
    }
  g_ptr_array_set_size (server->addresses, 0);
  g_task_return_boolean (task, TRUE);
}

static void
destroy (void *self)
{
  AirHttpServer *server = self;
  close_sockets (server, NULL);
  cancel_requests (server, NULL);
  g_clear_pointer (&server->listener, air_listener_free);
  g_clear_object (&server->soup);
  /* A handler may still hold a request; it must not call back here. */
  GHashTableIter iter;
  gpointer request;
  g_hash_table_iter_init (&iter, server->requests);
  while (g_hash_table_iter_next (&iter, &request, NULL))
    ((AirRequest *) request)->observer = NULL;
  g_hash_table_unref (server->requests);
  g_hash_table_unref (server->sockets);
  g_ptr_array_unref (server->addresses);
  g_strfreev (server->public_hosts);
  air_router_free (server->router);
  g_free (server);
}

const AirPlugin air_http_component = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "http",
  .version = AIR_VERSION,
  .summary = "The HTTP and WebSocket server",
  .options = options,
  .create = create,
  .start = start,
  .stop = stop,
  .destroy = destroy,
};

/* ---- What the contexts forward */

void
air_http_server_add_route (AirHttpServer *server, AirContext *owner, const AirRoute *route, void *self)
{
  const char *name = air_context_get_plugin_name (owner);
  if (air_router_add (server->router, owner, name, route, NULL, self) == NULL)
    g_critical ("plugin '%s': the route %s %s is malformed or taken", name, route->method, route->template);
}

void
air_http_server_add_socket (AirHttpServer *server, AirContext *owner, const AirSocketRoute *socket, void *self)
{
  const char *name = air_context_get_plugin_name (owner);
  AirRoute route = { .method = "GET", .template = socket->template, .summary = socket->summary, .role = socket->role };
  if (air_router_add (server->router, owner, name, &route, socket, self) == NULL)
    g_critical ("plugin '%s': the socket %s is malformed or taken", name, socket->template);
}

void
air_http_server_remove_owner (AirHttpServer *server, AirContext *owner)
{
  close_sockets (server, owner);
  cancel_requests (server, owner);
  air_router_remove_owner (server->router, owner);
}

unsigned
air_http_server_count_owner (AirHttpServer *server, AirContext *owner)
{
  unsigned count = air_router_count_owner (server->router, owner);
  GHashTableIter iter;
  gpointer socket;
  g_hash_table_iter_init (&iter, server->sockets);
  while (g_hash_table_iter_next (&iter, &socket, NULL))
    count += air_socket_get_entry (socket)->owner == owner;
  return count;
}

GPtrArray *
air_http_server_get_addresses (AirHttpServer *server)
{
  return g_ptr_array_ref (server->addresses);
}

GTlsCertificate *
air_http_server_get_tls_certificate (AirHttpServer *server)
{
  return NULL;
}

const char *const *
air_http_server_get_public_hosts (AirHttpServer *server)
{
  return (const char *const *) server->public_hosts;
}
