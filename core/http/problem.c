/* Problem documents: type, title, status, detail. The slugs are part of the interface and never change. */
#include "http/problem.h"

#include <airclass/json.h>
#include <json-glib/json-glib.h>

static const struct
{
  unsigned status;
  const char *title, *slug;
} statuses[] = {
  { 101, "Switching Protocols", "" },
  { 200, "OK", "" },
  { 201, "Created", "" },
  { 202, "Accepted", "" },
  { 204, "No Content", "" },
  { 304, "Not Modified", "" },
  { 307, "Temporary Redirect", "" },
  { 308, "Permanent Redirect", "" },
  { 400, "Bad Request", "bad-request" },
  { 401, "Unauthorized", "unauthorized" },
  { 403, "Forbidden", "forbidden" },
  { 404, "Not Found", "not-found" },
  { 405, "Method Not Allowed", "method-not-allowed" },
  { 406, "Not Acceptable", "not-acceptable" },
  { 408, "Request Timeout", "request-timeout" },
  { 409, "Conflict", "conflict" },
  { 411, "Length Required", "length-required" },
  { 412, "Precondition Failed", "precondition-failed" },
  { 413, "Content Too Large", "content-too-large" },
  { 414, "URI Too Long", "uri-too-long" },
  { 415, "Unsupported Media Type", "unsupported-media-type" },
  { 417, "Expectation Failed", "expectation-failed" },
  { 422, "Unprocessable Content", "unprocessable-content" },
  { 426, "Upgrade Required", "upgrade-required" },
  { 428, "Precondition Required", "precondition-required" },
  { 429, "Too Many Requests", "too-many-requests" },
  { 431, "Request Header Fields Too Large", "header-too-large" },
  { 500, "Internal Server Error", "internal-error" },
  { 501, "Not Implemented", "not-implemented" },
  { 502, "Bad Gateway", "bad-gateway" },
  { 503, "Service Unavailable", "unavailable" },
};

const char *
air_status_title (unsigned status)
{
  for (size_t i = 0; i < G_N_ELEMENTS (statuses); i++)
    if (statuses[i].status == status)
      return statuses[i].title;
  return status < 400 ? "OK" : "Error";
}

const char *
air_status_slug (unsigned status)
{
  for (size_t i = 0; i < G_N_ELEMENTS (statuses); i++)
    if (statuses[i].status == status && *statuses[i].slug != '\0')
      return statuses[i].slug;
  return "error";
}

char *
air_problem_to_json (unsigned status, const char *slug, const char *detail)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autofree char *type = g_strdup_printf ("/problems/%s", slug);
  json_object_set_string_member (object, "type", type);
  json_object_set_string_member (object, "title", air_status_title (status));
  json_object_set_int_member (object, "status", status);
  if (detail != NULL)
    {
      /* json-glib writes what it is given; what is no UTF-8 would make the document invalid. */
      g_autofree char *valid = g_utf8_make_valid (detail, -1);
      json_object_set_string_member (object, "detail", valid);
    }
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  return air_json_to_string (node);
}
