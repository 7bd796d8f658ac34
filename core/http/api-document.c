/* Reads the OpenAPI document and cuts it to what is loaded. */
#include "http/api-document.h"

#include <airclass/error.h>
#include <airclass/http.h>
#include <string.h>

struct _AirApiDocument
{
  JsonNode *root;
  AirSchemas *schemas;
};

static bool
is_openapi (JsonNode *root)
{
  if (!JSON_NODE_HOLDS_OBJECT (root))
    return false;
  JsonNode *paths = json_object_get_member (json_node_get_object (root), "paths");
  return paths != NULL && JSON_NODE_HOLDS_OBJECT (paths)
         && json_object_has_member (json_node_get_object (root), "info");
}

AirApiDocument *
air_api_document_new (const char *schema_folder, GError **error)
{
  g_autofree char *path = g_build_filename (schema_folder, "openapi.json", NULL);
  g_autofree char *text = NULL;
  gsize length = 0;
  if (!g_file_get_contents (path, &text, &length, error))
    return NULL;
  g_autoptr (JsonNode) root = air_json_parse (text, (gssize)length, error);
  if (root == NULL)
    {
      g_prefix_error (error, "'%s': ", path);
      return NULL;
    }
  if (!is_openapi (root))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "'%s' is no OpenAPI document", path);
      return NULL;
    }
  AirApiDocument *document = g_new0 (AirApiDocument, 1);
  document->schemas = air_schemas_new (root);
  document->root = g_steal_pointer (&root);
  return document;
}

void
air_api_document_free (AirApiDocument *document)
{
  if (document == NULL)
    return;
  air_schemas_free (document->schemas);
  json_node_unref (document->root);
  g_free (document);
}

AirSchema *
air_api_document_get_schema (AirApiDocument *document, const char *name, GError **error)
{
  g_autofree char *pointer = g_strdup_printf ("#/components/schemas/%s", name);
  return air_schemas_get (document->schemas, pointer, error);
}

/* ---- Entries for routes that the file does not describe */

static void
add_response (JsonObject *responses, const char *status, const char *description)
{
  JsonObject *response = json_object_new ();
  json_object_set_string_member (response, "description", description);
  json_object_set_object_member (responses, status, response);
}

static JsonArray *
make_parameters (const AirRouteEntry *entry)
{
  JsonArray *parameters = json_array_new ();
  for (unsigned i = 0; entry->segments[i] != NULL; i++)
    {
      if (entry->segments[i][0] != '{')
        continue;
      g_autofree char *name = g_strndup (entry->segments[i] + 1, strlen (entry->segments[i]) - 2);
      JsonObject *parameter = json_object_new (), *schema = json_object_new ();
      json_object_set_string_member (parameter, "name", name);
      json_object_set_string_member (parameter, "in", "path");
      json_object_set_boolean_member (parameter, "required", TRUE);
      json_object_set_string_member (schema, "type", "string");
      json_object_set_object_member (parameter, "schema", schema);
      json_array_add_object_element (parameters, parameter);
    }
  return parameters;
}

static JsonObject *
make_request_body (const AirRouteEntry *entry)
{
  JsonObject *body = json_object_new (), *content = json_object_new (), *type = json_object_new ();
  bool is_json = entry->route.body == AIR_BODY_JSON;
  const char *name = entry->route.request_schema;
  if (entry->inline_schema != NULL)
    json_object_set_member (type, "schema", json_node_ref (entry->inline_schema));
  else if (is_json && name != NULL)
    {
      g_autofree char *reference = g_strdup_printf ("#/components/schemas/%s", name);
      JsonObject *schema = json_object_new ();
      json_object_set_string_member (schema, "$ref", reference);
      json_object_set_object_member (type, "schema", schema);
    }
  json_object_set_object_member (content, is_json ? "application/json" : "application/octet-stream", type);
  json_object_set_object_member (body, "content", content);
  return body;
}

static JsonObject *
make_responses (const AirRouteEntry *entry)
{
  JsonObject *responses = json_object_new ();
  if (entry->is_socket)
    {
      add_response (responses, "101", "The WebSocket is open");
      add_response (responses, "426", "This is a WebSocket endpoint");
    }
  else
    add_response (responses, "2XX", "Done");
  add_response (responses, "400", "The request is malformed");
  if (entry->route.role != AIR_ROLE_NONE)
    {
      add_response (responses, "401", "No valid credential came with the request");
      add_response (responses, "403", "The credential does not grant this");
    }
  return responses;
}

static JsonObject *
make_operation (const AirRouteEntry *entry)
{
  JsonObject *operation = json_object_new ();
  JsonArray *tags = json_array_new ();
  json_array_add_string_element (tags, entry->owner_name);
  json_object_set_array_member (operation, "tags", tags);
  json_object_set_string_member (operation, "summary", entry->route.summary != NULL ? entry->route.summary : "");
  json_object_set_array_member (operation, "parameters", make_parameters (entry));
  if (entry->is_socket)
    json_object_set_boolean_member (operation, "x-websocket", TRUE);
  else if (entry->route.body != AIR_BODY_NONE)
    json_object_set_object_member (operation, "requestBody", make_request_body (entry));
  json_object_set_object_member (operation, "responses", make_responses (entry));
  return operation;
}

/* ---- The document of what is loaded */

static JsonObject *
get_object (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static void
copy_shared_members (JsonObject *from, JsonObject *into)
{
  static const char *const shared[] = { "summary", "description", "parameters" };
  for (size_t i = 0; i < G_N_ELEMENTS (shared); i++)
    if (json_object_has_member (from, shared[i]))
      json_object_set_member (into, shared[i], json_node_ref (json_object_get_member (from, shared[i])));
}

static void
describe_entry (JsonObject *described, JsonObject *paths, const AirRouteEntry *entry)
{
  JsonObject *from = get_object (described, entry->route.template);
  JsonObject *into = get_object (paths, entry->route.template);
  g_autofree char *method = g_ascii_strdown (entry->route.method, -1);
  if (into == NULL)
    {
      into = json_object_new ();
      json_object_set_object_member (paths, entry->route.template, into);
      if (from != NULL)
        copy_shared_members (from, into);
    }
  JsonObject *operation = from != NULL ? get_object (from, method) : NULL;
  if (operation != NULL)
    json_object_set_object_member (into, method, json_object_ref (operation));
  else
    json_object_set_object_member (into, method, make_operation (entry));
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  const AirRouteEntry *first = *(const AirRouteEntry *const *)a, *second = *(const AirRouteEntry *const *)b;
  int order = g_strcmp0 (first->route.template, second->route.template);
  return order != 0 ? order : g_strcmp0 (first->route.method, second->route.method);
}

JsonNode *
air_api_document_describe (AirApiDocument *document, GPtrArray *entries)
{
  JsonObject *from = json_node_get_object (document->root), *into = json_object_new (), *paths = json_object_new ();
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init_ordered (&iter, from);
  while (json_object_iter_next_ordered (&iter, &name, &value))
    json_object_set_member (into, name, json_node_ref (value));

  g_autoptr (GPtrArray) sorted = g_ptr_array_copy (entries, NULL, NULL);
  g_ptr_array_set_free_func (sorted, NULL);
  g_ptr_array_sort (sorted, compare_entries);
  for (unsigned i = 0; i < sorted->len; i++)
    describe_entry (get_object (from, "paths"), paths, sorted->pdata[i]);
  json_object_set_object_member (into, "paths", paths);

  JsonNode *node = json_node_alloc ();
  json_node_init (node, JSON_NODE_OBJECT);
  json_node_take_object (node, into);
  return node;
}
