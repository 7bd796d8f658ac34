/* The interface's description as one page: no scripts, nothing from elsewhere, readable on a phone. */
#include "http/api-document.h"

#include <string.h>

static const char style[]
    = ":root{color-scheme:light dark;--line:#8883;--soft:#8881;--mark:#0b7a75}"
      "*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1rem;font:16px/1.55 system-ui,sans-serif}"
      "h1{margin:.5rem 0 0}h2{margin:2.5rem 0 .5rem;border-bottom:1px solid var(--line)}"
      "code,pre{font:.9em/1.5 ui-monospace,monospace}code{background:var(--soft);padding:.1em .3em;border-radius:.3em}"
      "pre{background:var(--soft);padding:.75rem;border-radius:.5rem;overflow-x:auto}pre "
      "code{background:none;padding:0}"
      "details{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0}"
      "summary{cursor:pointer;padding:.6rem .75rem;display:flex;flex-wrap:wrap;gap:.25rem .75rem;align-items:baseline}"
      "summary>code{background:none;padding:0;overflow-wrap:anywhere;font-weight:600}summary>span{opacity:.8}"
      "details>div{padding:0 .75rem .75rem}.method{font:700 .75em ui-monospace,monospace;min-width:4.5em;padding:.2em "
      ".5em;"
      "border-radius:.3em;text-align:center;color:#fff;background:#555;opacity:1}.get{background:#1f6feb}.post{"
      "background:#1a7f37}"
      ".patch{background:#9a6700}.delete{background:#cf222e}table{border-collapse:collapse;width:100%}"
      "td,th{border-top:1px solid var(--line);padding:.35rem .5rem .35rem 0;text-align:left;vertical-align:top}"
      "a{color:var(--mark)}nav a{margin-right:1rem}";

static const char *
get_text (JsonObject *object, const char *name)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, name) : NULL;
  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : "";
}

static JsonObject *
get_object (JsonObject *object, const char *name)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, name) : NULL;
  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static void
append_escaped (GString *page, const char *text)
{
  g_autofree char *escaped = g_markup_escape_text (text, -1);
  g_string_append (page, escaped);
}

/* The little markdown that descriptions use: paragraphs, `code`, **bold**. */
static void
append_inline (GString *page, const char *text)
{
  g_autofree char *escaped = g_markup_escape_text (text, -1);
  bool in_code = false, in_bold = false;
  for (const char *at = escaped; *at != '\0'; at++)
    if (*at == '`')
      {
        g_string_append (page, in_code ? "</code>" : "<code>");
        in_code = !in_code;
      }
    else if (at[0] == '*' && at[1] == '*' && !in_code)
      {
        g_string_append (page, in_bold ? "</b>" : "<b>");
        in_bold = !in_bold;
        at++;
      }
    else if (at[0] == '\n' && at[1] == '\n' && at[2] != '\0')
      g_string_append (page, "</p><p>");
    else
      g_string_append_c (page, *at);
  g_string_append (page, in_code ? "</code>" : "");
  g_string_append (page, in_bold ? "</b>" : "");
}

static void
append_markdown (GString *page, const char *text)
{
  if (*text == '\0')
    return;
  g_string_append (page, "<p>");
  append_inline (page, text);
  g_string_append (page, "</p>");
}

/* Follows one $ref within the document. */
static JsonObject *
resolve (JsonObject *document, JsonObject *object)
{
  const char *reference = get_text (object, "$ref");
  if (!g_str_has_prefix (reference, "#/components/"))
    return object;
  g_auto (GStrv) parts = g_strsplit (reference + 2, "/", 3);
  JsonObject *found = document;
  for (unsigned i = 0; parts[i] != NULL && found != NULL; i++)
    found = get_object (found, parts[i]);
  return found != NULL ? found : object;
}

static void
append_schema_name (GString *page, JsonObject *schema)
{
  const char *reference = get_text (schema, "$ref");
  const char *name = strrchr (reference, '/');
  if (name != NULL)
    {
      g_autofree char *escaped = g_markup_escape_text (name + 1, -1);
      g_string_append_printf (page, "<a href=\"#schema-%s\">%s</a>", escaped, escaped);
    }
  else
    append_escaped (page, get_text (schema, "type"));
}

static void
append_content (GString *page, JsonObject *content)
{
  if (content == NULL)
    return;
  JsonObjectIter iter;
  const char *type = NULL;
  JsonNode *node = NULL;
  json_object_iter_init_ordered (&iter, content);
  while (json_object_iter_next_ordered (&iter, &type, &node))
    {
      g_string_append (page, " <code>");
      append_escaped (page, type);
      g_string_append (page, "</code> ");
      if (JSON_NODE_HOLDS_OBJECT (node) && get_object (json_node_get_object (node), "schema") != NULL)
        append_schema_name (page, get_object (json_node_get_object (node), "schema"));
    }
}

static void
append_parameters (GString *page, JsonObject *document, JsonObject *owner)
{
  JsonNode *node = json_object_get_member (owner, "parameters");
  JsonArray *parameters = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  for (unsigned i = 0; parameters != NULL && i < json_array_get_length (parameters); i++)
    {
      JsonObject *parameter = resolve (document, json_array_get_object_element (parameters, i));
      g_string_append (page, "<tr><td><code>");
      append_escaped (page, get_text (parameter, "name"));
      g_string_append (page, "</code></td><td>");
      append_escaped (page, get_text (parameter, "in"));
      g_string_append (page, "</td><td>");
      append_inline (page, get_text (parameter, "description"));
      g_string_append (page, "</td></tr>");
    }
}

static void
append_responses (GString *page, JsonObject *document, JsonObject *operation)
{
  JsonObject *responses = get_object (operation, "responses");
  if (responses == NULL)
    return;
  JsonObjectIter iter;
  const char *status = NULL;
  JsonNode *node = NULL;
  g_string_append (page, "<table><tr><th>Status</th><th>Meaning</th></tr>");
  json_object_iter_init_ordered (&iter, responses);
  while (json_object_iter_next_ordered (&iter, &status, &node))
    {
      JsonObject *response = resolve (document, json_node_get_object (node));
      g_string_append (page, "<tr><td><code>");
      append_escaped (page, status);
      g_string_append (page, "</code></td><td>");
      append_inline (page, get_text (response, "description"));
      append_content (page, get_object (response, "content"));
      g_string_append (page, "</td></tr>");
    }
  g_string_append (page, "</table>");
}

static void
append_operation (GString *page, JsonObject *document, const char *path, const char *method, JsonObject *shared,
                  JsonObject *operation)
{
  g_autofree char *upper = g_ascii_strup (method, -1);
  bool is_socket = json_object_has_member (operation, "x-websocket");
  g_string_append_printf (page, "<details><summary><span class=\"method %s\">%s</span><code>", method,
                          is_socket ? "WS" : upper);
  append_escaped (page, path);
  g_string_append (page, "</code><span>");
  append_inline (page, get_text (operation, "summary"));
  g_string_append (page, "</span></summary><div>");
  append_markdown (page, get_text (operation, "description"));
  if (json_object_has_member (operation, "security"))
    g_string_append (page, "<p>Needs a token.</p>");
  g_string_append (page, "<table>");
  append_parameters (page, document, shared);
  append_parameters (page, document, operation);
  g_string_append (page, "</table>");
  if (get_object (operation, "requestBody") != NULL)
    {
      g_string_append (page, "<p>Body:");
      append_content (page, get_object (get_object (operation, "requestBody"), "content"));
      g_string_append (page, "</p>");
    }
  append_responses (page, document, operation);
  g_string_append (page, "</div></details>");
}

static const char *
get_tag (JsonObject *operation)
{
  JsonNode *tags = json_object_get_member (operation, "tags");
  if (tags == NULL || !JSON_NODE_HOLDS_ARRAY (tags) || json_array_get_length (json_node_get_array (tags)) == 0)
    return "Other";
  return json_array_get_string_element (json_node_get_array (tags), 0);
}

/* Calls append_operation() for each operation with @tag; with @tag NULL: collects the tags into @tags. */
static void
walk_operations (GString *page, JsonObject *document, const char *tag, GPtrArray *tags)
{
  static const char *const methods[] = { "get", "post", "put", "patch", "delete", "options" };
  JsonObjectIter iter;
  const char *path = NULL;
  JsonNode *node = NULL;
  json_object_iter_init_ordered (&iter, get_object (document, "paths"));
  while (json_object_iter_next_ordered (&iter, &path, &node))
    for (size_t i = 0; i < G_N_ELEMENTS (methods); i++)
      {
        JsonObject *operation = get_object (json_node_get_object (node), methods[i]);
        if (operation == NULL)
          continue;
        if (tag == NULL && !g_ptr_array_find_with_equal_func (tags, get_tag (operation), g_str_equal, NULL))
          g_ptr_array_add (tags, (char *)get_tag (operation));
        else if (tag != NULL && g_str_equal (tag, get_tag (operation)))
          append_operation (page, document, path, methods[i], json_node_get_object (node), operation);
      }
}

static void
append_schemas (GString *page, JsonObject *schemas)
{
  if (schemas == NULL)
    return;
  g_string_append (page, "<h2 id=\"schemas\">Schemas</h2>");
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *node = NULL;
  json_object_iter_init_ordered (&iter, schemas);
  while (json_object_iter_next_ordered (&iter, &name, &node))
    {
      g_autofree char *text = json_to_string (node, TRUE);
      g_autofree char *escaped = g_markup_escape_text (name, -1);
      g_string_append_printf (page, "<details id=\"schema-%s\"><summary><code>%s</code></summary><div><pre><code>",
                              escaped, escaped);
      append_escaped (page, text);
      g_string_append (page, "</code></pre></div></details>");
    }
}

char *
air_api_page_build (JsonNode *document_node)
{
  JsonObject *document = json_node_get_object (document_node), *info = get_object (document, "info");
  g_autoptr (GPtrArray) tags = g_ptr_array_new ();
  GString *page
      = g_string_new ("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                      "content=\"width=device-width,initial-scale=1\"><title>AIRClass: HTTP interface</title>"
                      "<link rel=\"icon\" href=\"/favicon.svg\"><style>");
  g_string_append_printf (page, "%s</style></head><body><header><h1>", style);
  append_escaped (page, get_text (info, "title"));
  g_string_append (page, "</h1><p>");
  append_escaped (page, get_text (info, "summary"));
  g_string_append (page, ", version ");
  append_escaped (page, get_text (info, "version"));
  g_string_append (page, " · <a href=\"/openapi.json\">openapi.json</a></p></header><main>");
  append_markdown (page, get_text (info, "description"));
  walk_operations (page, document, NULL, tags);
  for (unsigned i = 0; i < tags->len; i++)
    {
      g_string_append (page, "<h2>");
      append_escaped (page, tags->pdata[i]);
      g_string_append (page, "</h2>");
      walk_operations (page, document, tags->pdata[i], NULL);
    }
  append_schemas (page, get_object (get_object (document, "components"), "schemas"));
  g_string_append (page, "</main></body></html>\n");
  return g_string_free (page, FALSE);
}
