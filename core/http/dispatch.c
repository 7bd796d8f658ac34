/* From a whole request to its handler: route, caller, body, schema.
 *
 * libsoup gets a request of its own for each reply, over a stream that ends with it: it formats and writes replies,
 * holds them back while a handler thinks, and never sees a byte that a stranger sent. */
#define G_LOG_DOMAIN "air-http"

#include "http/server-private.h"

#include <airclass/error.h>
#include <string.h>

#include "http/pages.h"
#include "http/reply-stream.h"
#include "http/websocket.h"
#include "ops/watchdog.h"

#define DEFAULT_MAX_BODY_BYTES (64 * 1024)

/* ---- Body limits, before the body is read */

static size_t
get_body_limit (const AirRouteEntry *entry)
{
  if (entry == NULL)
    return DEFAULT_MAX_BODY_BYTES; /* read away, so that 404 and 405 can be told */
  if (entry->is_socket || entry->route.body == AIR_BODY_NONE)
    return 0;
  return entry->route.max_body_bytes > 0 ? entry->route.max_body_bytes : DEFAULT_MAX_BODY_BYTES;
}

static bool
on_head_received (AirConnection *connection, const AirHead *head, size_t *ret_limit, unsigned *ret_status,
                  const char **ret_slug, void *user_data)
{
  AirHttpServer *server = user_data;
  if (server->is_stopping)
    {
      *ret_status = 503;
      *ret_slug = "stopping";
      return false;
    }
  *ret_limit = get_body_limit (air_router_find (server->router, head->method, head->segments, NULL, NULL));
  return true;
}

/* ---- Checks */

/* False: answered. */
static bool
check_identity (AirHttpServer *server, AirRequest *request, AirRole role, bool may_come_later)
{
  g_autoptr (GError) error = NULL;
  /* Anybody may come: a handler that hands the token to air_context_authorize() would have it checked, counted and
   * logged twice. */
  if (role == AIR_ROLE_NONE)
    return true;
  request->is_identified = true;
  if (request->token != NULL)
    request->identity = air_context_authenticate (server->context, request->token, request->address, &error);
  if (request->identity == NULL)
    {
      if (request->token == NULL && may_come_later)
        return true;
      if (error != NULL && g_error_matches (error, AIR_ERROR, AIR_ERROR_RATE_LIMITED))
        air_request_reply_error (request, error);
      else
        air_request_reply_problem (request, 401, "unauthorized", error != NULL ? error->message : "a token is needed");
      return false;
    }
  if (air_identity_get_role (request->identity) < role)
    {
      air_request_reply_problem (request, 403, "forbidden", "this token does not grant this");
      return false;
    }
  return true;
}

/* An empty body stands for an object without members, so that a schema without "required" lets it be. */
static bool
check_schema (AirRequest *request, bool has_body)
{
  const AirSchema *schema = request->entry->schema;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) nothing = json_object_new ();
  g_autoptr (JsonNode) empty = json_node_init_object (json_node_alloc (), nothing);
  if (schema == NULL || air_schema_check (schema, has_body ? request->json : empty, &error))
    return true;
  air_request_reply_problem (request, 400, "invalid-body", has_body ? error->message : "a JSON body is needed");
  return false;
}

static bool
check_json (AirHttpServer *server, AirRequest *request)
{
  size_t size = 0;
  const char *text = g_bytes_get_data (request->body, &size);
  if (size > 0)
    {
      g_autoptr (GError) error = NULL;
      if (!g_str_equal (request->content_type, "application/json"))
        {
          air_request_reply_problem (request, 415, "unsupported-media-type", "the body must be application/json");
          return false;
        }
      request->json = air_json_parse (text, (gssize)size, &error);
      if (request->json == NULL)
        {
          air_request_reply_problem (request, 400, "invalid-json", error->message);
          return false;
        }
    }
  return check_schema (request, size > 0);
}

static bool
check_body (AirHttpServer *server, AirRequest *request)
{
  if (request->entry->route.body == AIR_BODY_NONE)
    return true;
  const char *fault = g_bytes_get_size (request->body) > 0 ? air_request_find_foreign_form (request) : NULL;
  if (fault != NULL)
    {
      air_request_set_header (request, "Accept-Encoding", "identity");
      air_request_reply_problem (request, 415, "unsupported-media-type", fault);
      return false;
    }
  return request->entry->route.body != AIR_BODY_JSON || check_json (server, request);
}

/* ---- WebSockets */

static AirIdentity *
authenticate_socket (const char *token, GInetAddress *address, void *user_data)
{
  AirHttpServer *server = user_data;
  return air_context_authenticate (server->context, token, address, NULL);
}

static void
on_socket_closed (AirSocket *socket, void *user_data)
{
  AirHttpServer *server = user_data;
  g_hash_table_remove (server->sockets, socket);
  air_metric_set (server->sockets_open, g_hash_table_size (server->sockets), NULL);
}

static const AirSocketOwner socket_owner = {
  .authenticate = authenticate_socket,
  .closed = on_socket_closed,
};

static void
open_socket (AirHttpServer *server, AirRequest *request)
{
  g_autofree char *accept = air_websocket_accept (air_head_get (request->head, "Sec-WebSocket-Key"));
  const char *version = air_head_get (request->head, "Sec-WebSocket-Version");
  if (!request->head->is_websocket || g_strcmp0 (version, "13") != 0)
    {
      air_request_set_header (request, "Upgrade", "websocket");
      air_request_set_header (request, "Sec-WebSocket-Version", "13");
      air_request_reply_problem (request, 426, "upgrade-required", "this is a WebSocket endpoint (RFC 6455)");
      return;
    }
  if (accept == NULL)
    {
      air_request_reply_problem (request, 400, "bad-request", "malformed Sec-WebSocket-Key");
      return;
    }
  if (!check_identity (server, request, request->entry->socket.role, true))
    return;
  air_request_get_identity (request); /* where anybody may come too, a token ends its socket */

  /* The connection is ours again: libsoup's view of it ends here, without a word on the wire. */
  g_autoptr (SoupServerMessage) message = g_steal_pointer (&request->message);
  g_signal_handlers_disconnect_by_data (message, request);
  g_autoptr (GIOStream) stream = soup_server_message_steal_connection (message);
  request->status = 101;
  int64_t ping_us = air_context_get_int (server->context, "websocket_ping") * 1000;
  AirSocket *socket = air_socket_new (request, accept, ping_us, &socket_owner, server);
  g_hash_table_add (server->sockets, socket);
  air_metric_set (server->sockets_open, g_hash_table_size (server->sockets), NULL);
  air_socket_start (socket);
}

/* ---- Routes */

static void
call_handler (AirRequest *request)
{
  const AirRouteEntry *entry = request->entry;
  const char *previous = air_watchdog_enter (entry->owner_name);
  entry->route.handler (request, entry->self);
  air_watchdog_leave (previous);
}

static void
answer_without_route (AirHttpServer *server, AirRequest *request, const char *allow)
{
  if (allow == NULL && air_http_is_in_web_app (server, request))
    allow = "GET, HEAD, OPTIONS";
  else if (allow == NULL && g_str_equal (request->head->path, "*"))
    allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"; /* of the server as a whole: RFC 9110 §9.3.7 */
  if (air_http_is_preflight (request))
    air_request_reply_empty (request, 204);
  else if (air_http_reply_from_web_app (server, request))
    return;
  else if (allow != NULL)
    {
      air_request_set_header (request, "Allow", allow);
      if (g_str_equal (request->head->method, "OPTIONS"))
        air_request_reply_empty (request, 204);
      else
        air_request_reply_problem (request, 405, "method-not-allowed", NULL);
    }
  else
    air_request_reply_problem (request, 404, "not-found", NULL);
}

static void
dispatch (AirHttpServer *server, AirRequest *request)
{
  g_autofree char *allow = NULL;
  AirRouteEntry *entry
      = air_router_find (server->router, request->head->method, request->head->segments, &request->variables, &allow);
  air_http_identify (server, request);
  if (air_http_redirect (server, request))
    return;
  if (entry == NULL)
    {
      answer_without_route (server, request, allow);
      return;
    }
  request->entry = air_route_entry_ref (entry);
  if (entry->is_socket)
    open_socket (server, request);
  else if (check_identity (server, request, entry->route.role, false) && check_body (server, request))
    call_handler (request);
}

/* ---- libsoup */

typedef struct
{
  AirConnection *connection;
  bool is_complete, keep_alive;
} ReplyWatch;

static void
reply_watch_free (gpointer data, GClosure *closure)
{
  ReplyWatch *watch = data;
  air_connection_unref (watch->connection);
  g_free (watch);
}

static void
on_wrote_body (SoupServerMessage *message, ReplyWatch *watch)
{
  watch->is_complete = true;
}

static void
on_finished (SoupServerMessage *message, ReplyWatch *watch)
{
  air_connection_finish_reply (watch->connection, watch->is_complete, watch->keep_alive);
}

static void
on_disconnected (SoupServerMessage *message, AirRequest *request)
{
  g_signal_handlers_disconnect_by_data (message, request);
  g_clear_object (&request->message);
}

static const char request_key[] = "air-request";

void
air_http_on_soup_request (SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                          gpointer user_data)
{
  AirHttpServer *server = user_data;
  GObject *remote = G_OBJECT (soup_server_message_get_remote_address (message));
  g_autoptr (AirRequest) request = g_object_steal_data (remote, request_key);
  if (request == NULL)
    {
      soup_server_message_set_status (message, 500, NULL);
      return;
    }
  ReplyWatch *watch = g_new0 (ReplyWatch, 1);
  watch->connection = air_connection_ref (request->connection);
  watch->keep_alive = !request->head->wants_close;
  g_signal_connect (message, "wrote-body", G_CALLBACK (on_wrote_body), watch);
  g_signal_connect_data (message, "finished", G_CALLBACK (on_finished), watch, reply_watch_free, 0);
  request->message = g_object_ref (message);
  g_signal_connect (message, "disconnected", G_CALLBACK (on_disconnected), request);

  dispatch (server, request);
  if (request->status == 0 && request->message != NULL)
    {
      request->is_paused = true;
      soup_server_message_pause (message);
    }
}

/* ---- The requests' observer */

static void
decorate (AirRequest *request, void *user_data)
{
  air_http_decorate (user_data, request);
}

static void
on_replied (AirRequest *request, unsigned status, void *user_data)
{
  AirHttpServer *server = user_data;
  const char *route = request->entry != NULL ? request->entry->route.template : "none";
  const char class[] = { (char)('0' + status / 100), 'x', 'x', '\0' };
  air_metric_add (server->requests_total, 1, (const char *const[]){ route, class, NULL });
  air_metric_observe (server->request_seconds, (double)(g_get_monotonic_time () - request->started_us) / G_USEC_PER_SEC,
                      (const char *const[]){ route, NULL });
}

static void
identify (AirRequest *request, void *user_data)
{
  AirHttpServer *server = user_data;
  /* What is no JWT may be a key that the handler knows; only the handler may count it as a failed try. */
  if (strchr (request->token, '.') != NULL)
    request->identity = air_context_authenticate (server->context, request->token, request->address, NULL);
}

static void
on_gone (AirRequest *request, void *user_data)
{
  AirHttpServer *server = user_data;
  g_hash_table_remove (server->requests, request);
}

static const AirRequestObserver request_observer = {
  .decorate = decorate,
  .replied = on_replied,
  .identify = identify,
  .gone = on_gone,
};

/* ---- The listener's owner */

static void
on_request (AirConnection *connection, AirHead *head, GBytes *body, void *user_data)
{
  AirHttpServer *server = user_data;
  bool is_head = g_str_equal (head->method, "HEAD");
  AirRequest *request = air_request_new (connection, head, body);
  if (request == NULL)
    {
      air_connection_refuse (connection, 400, "bad-request", "malformed query");
      return;
    }
  request->observer = &request_observer;
  request->observer_data = server;
  g_hash_table_add (server->requests, request);

  GSocketAddress *remote = air_connection_get_remote_address (connection);
  g_object_set_data_full (G_OBJECT (remote), request_key, request, (GDestroyNotify)air_request_unref);
  g_autofree char *text = g_strdup_printf ("%s / HTTP/1.1\r\nHost: localhost\r\n\r\n", is_head ? "HEAD" : "GET");
  g_autoptr (GIOStream) stream = air_reply_stream_new (connection, g_steal_pointer (&text));
  g_autoptr (GError) error = NULL;
  if (!soup_server_accept_iostream (server->soup, stream, air_connection_get_local_address (connection), remote,
                                    &error))
    {
      g_warning ("libsoup does not take a request: %s", error->message);
      air_connection_kill (connection);
    }
}

static void
on_refused (AirConnection *connection, unsigned status, const char *reason, void *user_data)
{
  AirHttpServer *server = user_data;
  air_metric_add (server->refused_total, 1, (const char *const[]){ reason, NULL });
}

static void
on_count_changed (unsigned count, void *user_data)
{
  AirHttpServer *server = user_data;
  air_metric_set (server->connections, count, NULL);
}

static bool
is_exempt (GInetAddress *address, void *user_data)
{
  AirHttpServer *server = user_data;
  return air_context_network_contains (server->context, "trusted_proxies", address);
}

static SSL_CTX *
get_tls (void *user_data)
{
  AirHttpServer *server = user_data;
  return server->tls != NULL ? air_tls_get_context (server->tls) : NULL;
}

const AirListenerOwner air_http_dispatch = {
  .head_received = on_head_received,
  .request = on_request,
  .refused = on_refused,
  .count_changed = on_count_changed,
  .is_exempt = is_exempt,
  .get_tls = get_tls,
};
