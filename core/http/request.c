/* What a handler sees of a request, and how it answers. The reply goes out through libsoup's message; when the client
 * is gone meanwhile, it goes nowhere. */
#define G_LOG_DOMAIN "air-http"

#include "http/request.h"

#include <airclass/json.h>
#include <airclass/error.h>
#include <string.h>

#include "http/problem.h"

#define MAX_QUERY_PARAMETERS 64

static bool
parse_query (AirRequest *request, const char *query)
{
  request->query = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (query == NULL)
    return true;
  g_auto (GStrv) pairs = g_strsplit (query, "&", MAX_QUERY_PARAMETERS + 1);
  if (g_strv_length (pairs) > MAX_QUERY_PARAMETERS)
    return false;
  for (unsigned i = 0; pairs[i] != NULL; i++)
    {
      if (*pairs[i] == '\0')
        continue;
      const char *equals = strchr (pairs[i], '=');
      g_autofree char *name = air_percent_decode (pairs[i], equals != NULL ? equals - pairs[i] : -1, true);
      g_autofree char *value = air_percent_decode (equals != NULL ? equals + 1 : "", -1, true);
      if (name == NULL || value == NULL)
        return false;
      if (!g_hash_table_contains (request->query, name))
        g_hash_table_insert (request->query, g_steal_pointer (&name), g_steal_pointer (&value));
    }
  return true;
}

AirRequest *
air_request_new (AirConnection *connection, AirHead *head, GBytes *body)
{
  g_autoptr (AirRequest) request = g_new0 (AirRequest, 1);
  g_ref_count_init (&request->references);
  request->connection = air_connection_ref (connection);
  request->head = head;
  request->body = body;
  request->started_us = g_get_monotonic_time ();
  g_set_object (&request->local, air_connection_get_local_address (connection));

  const char *type = air_head_get (head, "Content-Type");
  request->content_type = g_ascii_strdown (type != NULL ? type : "", type != NULL ? (gssize)strcspn (type, ";") : 0);
  g_strstrip (request->content_type);
  return parse_query (request, head->query) ? g_steal_pointer (&request) : NULL;
}

AirRequest *
air_request_ref (AirRequest *request)
{
  g_ref_count_inc (&request->references);
  return request;
}

void
air_request_unref (AirRequest *request)
{
  if (request == NULL)
    return;
  if (g_ref_count_compare (&request->references, 1) && request->message != NULL && request->status == 0)
    {
      g_warning ("%s %s: the handler of '%s' has gone without an answer", request->head->method,
                 request->entry != NULL ? request->entry->route.template : "?",
                 request->entry != NULL ? request->entry->owner_name : "?");
      air_request_reply_problem (request, 500, "internal-error", NULL);
    }
  if (!g_ref_count_dec (&request->references))
    return;
  if (request->observer != NULL)
    request->observer->gone (request, request->observer_data);
  if (request->message != NULL)
    g_signal_handlers_disconnect_by_data (request->message, request);
  g_clear_object (&request->message);
  g_clear_pointer (&request->entry, air_route_entry_unref);
  g_clear_pointer (&request->connection, air_connection_unref);
  g_clear_pointer (&request->head, air_head_free);
  g_clear_pointer (&request->body, g_bytes_unref);
  g_clear_pointer (&request->json, json_node_unref);
  g_clear_pointer (&request->identity, air_identity_unref);
  g_clear_pointer (&request->token, g_free);
  g_clear_pointer (&request->content_type, g_free);
  g_clear_pointer (&request->query, g_hash_table_unref);
  g_clear_pointer (&request->variables, g_strfreev);
  g_clear_object (&request->address);
  g_clear_object (&request->local);
  g_clear_pointer (&request->base_url, g_free);
  g_free (request);
}

const char *
air_request_get_method (AirRequest *request)
{
  return request->head->method;
}

const char *
air_request_get_path (AirRequest *request)
{
  return request->head->path;
}

const char *
air_request_get_variable (AirRequest *request, const char *name)
{
  for (unsigned i = 0; request->variables != NULL && request->variables[i] != NULL; i += 2)
    if (g_str_equal (request->variables[i], name))
      return request->variables[i + 1];
  return NULL;
}

const char *
air_request_get_query (AirRequest *request, const char *name)
{
  return g_hash_table_lookup (request->query, name);
}

const char *
air_request_get_header (AirRequest *request, const char *name)
{
  return air_head_get (request->head, name);
}

GInetAddress *
air_request_get_address (AirRequest *request)
{
  return request->address;
}

GSocketAddress *
air_request_get_local_address (AirRequest *request)
{
  return request->local;
}

const char *
air_request_get_base_url (AirRequest *request)
{
  return request->base_url;
}

AirIdentity *
air_request_get_identity (AirRequest *request)
{
  if (!request->is_identified && request->token != NULL && request->observer != NULL)
    {
      request->is_identified = true;
      request->observer->identify (request, request->observer_data);
    }
  return request->identity;
}

const char *
air_request_get_token (AirRequest *request)
{
  return request->token;
}

JsonNode *
air_request_get_json (AirRequest *request)
{
  return request->json;
}

GBytes *
air_request_get_body (AirRequest *request)
{
  return request->body;
}

const char *
air_request_get_content_type (AirRequest *request)
{
  return request->content_type;
}

/* RFC 9110 §12.4.2 */
static double
parse_quality (const char *parameters)
{
  const char *quality = parameters != NULL ? strstr (parameters, "q=") : NULL;
  return quality != NULL ? CLAMP (g_ascii_strtod (quality + 2, NULL), 0, 1) : 1;
}

double
air_request_get_quality (AirRequest *request, const char *header, const char *what)
{
  const char *value = air_head_get (request->head, header);
  g_auto (GStrv) parts = g_strsplit (value != NULL ? value : "", ",", 32);
  for (unsigned i = 0; parts[i] != NULL; i++)
    {
      char *parameters = strchr (parts[i], ';');
      if (parameters != NULL)
        *parameters++ = '\0';
      if (g_ascii_strcasecmp (g_strstrip (parts[i]), what) == 0)
        return parse_quality (parameters);
    }
  return 0;
}

/* Whether the parameter charset of Content-Type, if any, is the one that all our texts have. */
static bool
is_utf8 (const char *content_type)
{
  g_auto (GStrv) parts = g_strsplit (content_type != NULL ? content_type : "", ";", 8);
  for (unsigned i = 1; parts[0] != NULL && parts[i] != NULL; i++)
    {
      const char *parameter = g_strstrip (parts[i]);
      if (g_ascii_strncasecmp (parameter, "charset=", 8) != 0)
        continue;
      parameter += 8;
      if (g_ascii_strcasecmp (parameter, "utf-8") != 0 && g_ascii_strcasecmp (parameter, "\"utf-8\"") != 0
          && g_ascii_strcasecmp (parameter, "us-ascii") != 0)
        return false;
    }
  return true;
}

const char *
air_request_find_foreign_form (AirRequest *request)
{
  const char *coding = air_head_get (request->head, "Content-Encoding");
  if (coding != NULL && g_ascii_strcasecmp (coding, "identity") != 0)
    return "the body must not be compressed";
  if (request->entry->route.body == AIR_BODY_JSON && !is_utf8 (air_head_get (request->head, "Content-Type")))
    return "the body must be UTF-8";
  return NULL;
}

/* ---- Replies */

const char *
air_request_get_reply_header (AirRequest *request, const char *name)
{
  if (request->message == NULL)
    return NULL;
  return soup_message_headers_get_one (soup_server_message_get_response_headers (request->message), name);
}

void
air_request_set_header (AirRequest *request, const char *name, const char *value)
{
  g_return_if_fail (name != NULL && value != NULL);
  if (strpbrk (value, "\r\n") != NULL || strpbrk (name, "\r\n: ") != NULL)
    {
      g_warning ("a reply header with a line break was dropped");
      return;
    }
  if (request->message != NULL && request->status == 0)
    soup_message_headers_replace (soup_server_message_get_response_headers (request->message), name, value);
}

/* False when there is nothing to answer any more. */
static bool
begin_reply (AirRequest *request)
{
  if (request->status != 0 && !request->is_cancelled)
    g_warning ("%s %s is answered twice", request->head->method,
               request->entry != NULL ? request->entry->route.template : "?");
  return request->status == 0;
}

static void
send_reply (AirRequest *request, unsigned status, const char *content_type, GBytes *body)
{
  g_autoptr (AirRequest) guard = air_request_ref (request);
  SoupServerMessage *message = request->message;
  if (message != NULL)
    {
      SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);
      if (content_type != NULL)
        soup_message_headers_replace (headers, "Content-Type", content_type);
      if (request->observer != NULL)
        request->observer->decorate (request, request->observer_data);
      soup_server_message_set_status (message, status, air_status_title (status));
      if (body != NULL)
        soup_message_body_append_bytes (soup_server_message_get_response_body (message), body);
      if (status != 204 && status != 304)
        soup_message_headers_set_content_length (headers, body != NULL ? (goffset)g_bytes_get_size (body) : 0);
    }
  request->status = status;
  if (request->observer != NULL)
    request->observer->replied (request, status, request->observer_data);
  if (message != NULL && request->is_paused)
    {
      request->is_paused = false;
      soup_server_message_unpause (message);
    }
}

void
air_request_reply_bytes (AirRequest *request, unsigned status, const char *content_type, GBytes *body)
{
  if (begin_reply (request))
    send_reply (request, status, content_type, body);
}

void
air_request_reply_empty (AirRequest *request, unsigned status)
{
  if (begin_reply (request))
    send_reply (request, status, NULL, NULL);
}

void
air_request_reply_text (AirRequest *request, unsigned status, const char *content_type, const char *text)
{
  g_autoptr (GBytes) body = g_bytes_new (text, strlen (text));
  air_request_reply_bytes (request, status, content_type, body);
}

void
air_request_reply_json (AirRequest *request, unsigned status, JsonNode *body)
{
  g_autoptr (JsonNode) node = body;
  char *text = air_json_to_string (node);
  g_autoptr (GBytes) bytes = g_bytes_new_take (text, strlen (text));
  air_request_reply_bytes (request, status, "application/json", bytes);
}

void
air_request_reply_problem (AirRequest *request, unsigned status, const char *slug, const char *detail)
{
  char *text = air_problem_to_json (status, slug, detail);
  g_autoptr (GBytes) bytes = g_bytes_new_take (text, strlen (text));
  if (status == 401 && air_request_get_reply_header (request, "WWW-Authenticate") == NULL)
    air_request_set_header (request, "WWW-Authenticate", "Bearer realm=\"airclass\"");
  if ((status == 429 || status == 503) && air_request_get_reply_header (request, "Retry-After") == NULL)
    air_request_set_header (request, "Retry-After", "2");
  air_request_reply_bytes (request, status, "application/problem+json", bytes);
}

void
air_request_reply_error (AirRequest *request, const GError *error)
{
  static const struct
  {
    unsigned status;
    const char *slug;
  } problems[] = {
    [AIR_ERROR_FAILED] = { 500, "internal-error" },     [AIR_ERROR_INVALID] = { 400, "invalid" },
    [AIR_ERROR_UNAUTHORIZED] = { 401, "unauthorized" }, [AIR_ERROR_FORBIDDEN] = { 403, "forbidden" },
    [AIR_ERROR_NOT_FOUND] = { 404, "not-found" },       [AIR_ERROR_CONFLICT] = { 409, "conflict" },
    [AIR_ERROR_LIMIT] = { 503, "limit-reached" },       [AIR_ERROR_RATE_LIMITED] = { 429, "rate-limited" },
    [AIR_ERROR_UNSUPPORTED] = { 422, "unsupported" },   [AIR_ERROR_UNAVAILABLE] = { 503, "unavailable" },
  };
  g_return_if_fail (error != NULL);

  if (error->domain == AIR_ERROR && error->code != AIR_ERROR_FAILED && error->code >= 0
      && error->code < (int)G_N_ELEMENTS (problems))
    {
      g_autofree char *seconds = g_strdup_printf ("%u", air_error_get_retry_after_s (error));
      if (air_error_get_retry_after_s (error) > 0)
        air_request_set_header (request, "Retry-After", seconds);
      air_request_reply_problem (request, problems[error->code].status, problems[error->code].slug, error->message);
      return;
    }
  g_warning ("%s %s failed: %s", request->head->method, request->entry != NULL ? request->entry->route.template : "?",
             error->message);
  air_request_reply_problem (request, 500, "internal-error", NULL);
}

void
air_request_cancel (AirRequest *request)
{
  if (request->status == 0)
    air_request_reply_problem (request, 503, "unavailable", "this part of the server is being stopped");
  request->is_cancelled = true;
}
