/* Cursors: a page goes on after the values by which its last document was sorted, so that no write in between makes a document
 * come twice or not at all. A cursor is turned into conditions here; no provider knows of it. No state. Any thread. */
#include "data/store-private.h"

#include <airclass/json.h>
#include <airclass/error.h>
#include <string.h>

/* Each: a field and '-' for descending; the key is the last. */
static GStrv
split_sort (const AirStoreCollection *collection, const char *sort)
{
  g_autofree char *all = sort != NULL ? g_strconcat (sort, ",", collection->key, NULL) : g_strdup (collection->key);
  return g_strsplit (all, ",", -1);
}

char *
air_store_query_fingerprint (const AirStoreCollection *collection, JsonNode *filter, const char *sort)
{
  g_autofree char *text = filter != NULL ? air_json_to_string (filter) : g_strdup ("");
  g_autofree char *all = g_strjoin ("\n", collection->name, sort != NULL ? sort : "", text, NULL);
  char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, all, -1);
  sum[16] = '\0';
  return sum;
}

char *
air_store_make_cursor (const AirStoreCollection *collection, const char *sort, const char *fingerprint, JsonNode *last)
{
  g_auto (GStrv) fields = split_sort (collection, sort);
  g_autoptr (JsonNode) node = air_json_new ("{q:%s, v:[]}", fingerprint);
  for (unsigned i = 0; fields[i] != NULL; i++)
    {
      JsonNode *value = air_store_get_field (last, *fields[i] == '-' ? fields[i] + 1 : fields[i]);
      json_array_add_element (air_json_get_array (node, "v"), value != NULL ? json_node_copy (value) : json_node_new (JSON_NODE_NULL));
    }
  g_autofree char *text = air_json_to_string (node);
  char *cursor = g_base64_encode ((const guchar *)text, strlen (text));
  for (char *at = cursor; *at != '\0'; at++)
    *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
  cursor[strcspn (cursor, "=")] = '\0';
  return cursor;
}

static JsonArray *
read_cursor (const char *cursor, JsonNode **ret_node)
{
  g_autoptr (GString) padded = g_string_new (cursor);
  g_string_replace (padded, "-", "+", 0);
  g_string_replace (padded, "_", "/", 0);
  while (padded->len % 4 != 0)
    g_string_append_c (padded, '=');
  gsize length = 0;
  g_autofree guchar *text = g_base64_decode (padded->str, &length);
  *ret_node = air_json_parse ((const char *)text, (gssize)length, NULL);
  return air_json_get_array (*ret_node, "v");
}

static JsonNode *
condition (const char *field, JsonNode *value)
{
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, json_object_new ());
  json_object_set_member (json_node_get_object (node), field, value);
  return node;
}

static JsonNode *
compare (const char *field, const char *operator, JsonNode *value)
{
  return condition (field, condition (operator, json_node_copy (value)));
}

/* What sorts behind @value. Returns: (transfer full) NULL when nothing does. Null and absent come first. */
static JsonNode *
behind (const char *field, JsonNode *value)
{
  if (*field != '-')
    return JSON_NODE_HOLDS_NULL (value) ? compare (field, "$ne", value) : compare (field, "$gt", value);
  if (JSON_NODE_HOLDS_NULL (value))
    return NULL;
  return air_json_new ("{$or:[%n, %n]}", compare (field + 1, "$lt", value), condition (field + 1, json_node_new (JSON_NODE_NULL)));
}

/* A bound of the first field alone: it follows from the others, but an index can use it. NULL: no such. */
static JsonNode *
first_bound (const AirStoreCollection *collection, const char *field, JsonNode *value)
{
  const AirSchema *schema = NULL;
  bool required = false;
  if (JSON_NODE_HOLDS_NULL (value))
    return NULL;
  if (*field != '-')
    return compare (field, "$gte", value);
  bool known = air_store_find_member (collection->schema, field + 1, &schema, &required);
  return known && required && !(air_store_schema_types (schema) & AIR_STORE_NULL) ? compare (field + 1, "$lte", value) : NULL;
}

/* (a, b, key) behind (x, y, k): a behind x, or a = x and b behind y, or … */
static JsonNode *
all_behind (GStrv fields, JsonArray *values)
{
  JsonArray *any = json_array_new ();
  for (unsigned i = 0; fields[i] != NULL; i++)
    {
      JsonNode *last = behind (fields[i], json_array_get_element (values, i));
      if (last == NULL)
        continue;
      JsonArray *all = json_array_new ();
      for (unsigned j = 0; j < i; j++)
        json_array_add_element (all, condition (*fields[j] == '-' ? fields[j] + 1 : fields[j],
                                                json_node_copy (json_array_get_element (values, j))));
      json_array_add_element (all, last);
      JsonNode *list = json_node_new (JSON_NODE_ARRAY);
      json_node_take_array (list, all);
      json_array_add_element (any, condition ("$and", list));
    }
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, any);
  return condition ("$or", node);
}

static bool
values_fit (GStrv fields, JsonArray *values)
{
  if (values == NULL || json_array_get_length (values) != g_strv_length (fields))
    return false;
  for (unsigned i = 0; fields[i] != NULL; i++)
    if (!(air_json_type_of (json_array_get_element (values, i)) & (AIR_JSON_NULL | AIR_JSON_NUMBER | AIR_JSON_STRING)))
      return false;
  return air_json_type_of (json_array_get_element (values, g_strv_length (fields) - 1)) == AIR_JSON_STRING;
}

JsonNode *
air_store_after_cursor (const AirStoreCollection *collection, JsonNode *filter, const char *sort, const char *cursor, GError **error)
{
  g_autoptr (JsonNode) node = NULL;
  g_auto (GStrv) fields = split_sort (collection, sort);
  g_autofree char *fingerprint = air_store_query_fingerprint (collection, filter, sort);
  JsonArray *values = read_cursor (cursor, &node);
  if (g_strcmp0 (air_json_get_string (node, "q"), fingerprint) != 0 || !values_fit (fields, values))
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID, "the cursor is none of this query");
      return NULL;
    }
  JsonArray *all = json_array_new ();
  if (filter != NULL && json_object_get_size (json_node_get_object (filter)) > 0)
    json_array_add_element (all, json_node_copy (filter));
  JsonNode *bound = first_bound (collection, fields[0], json_array_get_element (values, 0));
  if (bound != NULL)
    json_array_add_element (all, bound);
  json_array_add_element (all, all_behind (fields, values));
  JsonNode *list = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (list, all);
  return condition ("$and", list);
}
