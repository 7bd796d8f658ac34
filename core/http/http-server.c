/* The component [http]: options, registrations, start and stop. */
#define G_LOG_DOMAIN "air-http"

#include "http/server-private.h"

#include <airclass/error.h>
#include <airclass/metrics.h>

#include "http/hosts.h"
#include "http/pages.h"

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
                                (const char *const[]){ "route", "status", NULL }, NULL);
  server->request_seconds = air_context_add_metric (context, AIR_METRIC_HISTOGRAM, "airclass_http_request_seconds",
                                                    "Time from a whole request to its answer.",
                                                    (const char *const[]){ "route", NULL }, buckets);
  server->connections = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_http_connections",
                                                "Open client connections.", NULL, NULL);
  server->refused_total
      = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_http_refused_total",
                                "Connections and requests refused or given up before a handler saw them.",
                                (const char *const[]){ "reason", NULL }, NULL);
  server->sockets_open
      = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_http_websockets", "Open WebSockets.", NULL, NULL);
}

bool
air_http_resolve_schema (AirHttpServer *server, AirRouteEntry *entry, GError **error)
{
  const char *wanted = entry->route.request_schema;
  if (wanted == NULL || entry->schema != NULL)
    return true;
  if (wanted[0] != '{')
    entry->schema = air_api_document_get_schema (server->document, wanted, error);
  else if ((entry->inline_schema = air_json_parse (wanted, -1, error)) != NULL)
    {
      entry->inline_schemas = air_schemas_new (entry->inline_schema);
      entry->schema = air_schemas_get (entry->inline_schemas, "#", error);
    }
  if (entry->schema == NULL)
    g_prefix_error (error, "plugin '%s': %s %s: ", entry->owner_name, entry->route.method, entry->route.template);
  return entry->schema != NULL;
}

static void *
create (AirContext *context, GError **error)
{
  AirHttpServer *server = g_new0 (AirHttpServer, 1);
  server->context = context;
  server->router = air_router_new ();
  g_mutex_init (&server->tls_lock);
  server->requests = g_hash_table_new (NULL, NULL);
  server->sockets = g_hash_table_new_full (NULL, NULL, (GDestroyNotify)air_socket_unref, NULL);
  server->former_hosts = g_ptr_array_new_with_free_func ((GDestroyNotify)g_strfreev);
  server->addresses = g_ptr_array_new_with_free_func (g_object_unref);
  server->public_hosts = air_hosts_list (air_context_get_string (context, "public_url"));
  read_limits (server);
  add_metrics (server);
  air_http_add_pages (context);
  return server;
}

/* The description of the interface, the web app, and the schemas that the routes registered so far name. */
static bool
load_resources (AirHttpServer *server, GError **error)
{
  const char *folder = air_context_get_string (server->context, "web_dir");
  server->document = air_api_document_new (air_context_get_resource_dir (server->context, "schemas"), error);
  if (server->document == NULL)
    return false;
  server->web_app = air_web_app_new (server->context, *folder != '\0' ? folder : AIR_DATA_DIR "/web", error);
  if (server->web_app == NULL)
    return false;
  GPtrArray *entries = air_router_get_entries (server->router);
  for (unsigned i = 0; i < entries->len; i++)
    if (!air_http_resolve_schema (server, entries->pdata[i], error))
      return false;
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
  if (load_resources (server, &error) && air_http_open_listeners (server, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
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

/* Others hold the list that they were given, so it stays until the end. */
static void
reload (void *self)
{
  AirHttpServer *server = self;
  g_ptr_array_add (server->former_hosts, server->public_hosts);
  server->public_hosts = air_hosts_list (air_context_get_string (server->context, "public_url"));
}

static void
destroy (void *self)
{
  AirHttpServer *server = self;
  close_sockets (server, NULL);
  cancel_requests (server, NULL);
  if (server->tls_timer != 0)
    air_context_remove_source (server->context, server->tls_timer);
  g_clear_pointer (&server->listener, air_listener_free);
  g_clear_object (&server->soup);
  air_http_forget_document (server);
  g_clear_pointer (&server->web_app, air_web_app_free);
  /* A handler may still hold a request; it must not call back here. */
  GHashTableIter iter;
  gpointer request;
  g_hash_table_iter_init (&iter, server->requests);
  while (g_hash_table_iter_next (&iter, &request, NULL))
    ((AirRequest *)request)->observer = NULL;
  g_hash_table_unref (server->requests);
  g_hash_table_unref (server->sockets);
  g_ptr_array_unref (server->addresses);
  g_strfreev (server->public_hosts);
  g_ptr_array_unref (server->former_hosts);
  air_router_free (server->router);
  g_clear_pointer (&server->document, air_api_document_free);
  g_clear_pointer (&server->tls, air_tls_free);
  g_clear_error (&server->tls_error);
  g_mutex_clear (&server->tls_lock);
  g_free (server);
}

const AirPlugin air_http_component = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "http",
  .version = AIR_VERSION,
  .summary = "The HTTP and WebSocket server",
  .options = air_http_options,
  .create = create,
  .start = start,
  .stop = stop,
  .destroy = destroy,
  .reload = reload,
};

/* ---- What the contexts forward */

void
air_http_server_add_route (AirHttpServer *server, AirContext *owner, const AirRoute *route, void *self)
{
  const char *name = air_context_get_plugin_name (owner);
  g_autoptr (GError) error = NULL;
  AirRouteEntry *entry = air_router_add (server->router, owner, name, route, NULL, self);
  if (entry == NULL)
    g_critical ("plugin '%s': the route %s %s is malformed or taken", name, route->method, route->template);
  else if (server->document != NULL && !air_http_resolve_schema (server, entry, &error))
    g_critical ("%s", error->message);
  air_http_forget_document (server);
}

void
air_http_server_add_socket (AirHttpServer *server, AirContext *owner, const AirSocketRoute *socket, void *self)
{
  const char *name = air_context_get_plugin_name (owner);
  AirRoute route = { .method = "GET", .template = socket->template, .summary = socket->summary, .role = socket->role };
  if (air_router_add (server->router, owner, name, &route, socket, self) == NULL)
    g_critical ("plugin '%s': the socket %s is malformed or taken", name, socket->template);
  air_http_forget_document (server);
}

void
air_http_server_remove_owner (AirHttpServer *server, AirContext *owner)
{
  close_sockets (server, owner);
  cancel_requests (server, owner);
  air_router_remove_owner (server->router, owner);
  air_http_forget_document (server);
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
  AirTls *tls = air_http_get_tls (server);
  return tls != NULL ? air_tls_get_certificate (tls) : NULL;
}

const char *const *
air_http_server_get_public_hosts (AirHttpServer *server)
{
  return (const char *const *)server->public_hosts;
}
