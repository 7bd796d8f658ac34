/* JSON values are a subset of BSON's; integers stay integers. */
#include "bson-json.h"

#include <string.h>

static void append_value (bson_t *bson, const char *name, JsonNode *value, const char *key);

static void
append_members (bson_t *bson, JsonObject *object, const char *key)
{
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, &value))
    append_value (bson, key != NULL && strcmp (name, key) == 0 ? "_id" : name, value, *name == '$' ? key : NULL);
}

static void
append_array (bson_t *bson, const char *name, JsonArray *array, const char *key)
{
  bson_t child;
  BSON_APPEND_ARRAY_BEGIN (bson, name, &child);
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    {
      char index[16];
      g_snprintf (index, sizeof index, "%u", i);
      append_value (&child, index, json_array_get_element (array, i), key);
    }
  bson_append_array_end (bson, &child);
}

static void
append_value (bson_t *bson, const char *name, JsonNode *value, const char *key)
{
  bson_t child;
  if (JSON_NODE_HOLDS_ARRAY (value))
    append_array (bson, name, json_node_get_array (value), key);
  else if (JSON_NODE_HOLDS_OBJECT (value))
    {
      BSON_APPEND_DOCUMENT_BEGIN (bson, name, &child);
      append_members (&child, json_node_get_object (value), key);
      bson_append_document_end (bson, &child);
    }
  else if (JSON_NODE_HOLDS_NULL (value))
    BSON_APPEND_NULL (bson, name);
  else if (json_node_get_value_type (value) == G_TYPE_STRING)
    BSON_APPEND_UTF8 (bson, name, json_node_get_string (value));
  else if (json_node_get_value_type (value) == G_TYPE_BOOLEAN)
    BSON_APPEND_BOOL (bson, name, json_node_get_boolean (value));
  else if (json_node_get_value_type (value) == G_TYPE_DOUBLE)
    BSON_APPEND_DOUBLE (bson, name, json_node_get_double (value));
  else
    BSON_APPEND_INT64 (bson, name, json_node_get_int (value));
}

void
bson_from_json (bson_t *bson, JsonNode *object, const char *key)
{
  bson_init (bson);
  if (object != NULL)
    append_members (bson, json_node_get_object (object), key);
}

/* ---- Back */

static JsonNode *read_value (bson_iter_t *iter);

static JsonNode *
read_container (bson_iter_t *iter, bool is_array)
{
  bson_iter_t child;
  JsonNode *node = json_node_new (is_array ? JSON_NODE_ARRAY : JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  JsonArray *array = json_array_new ();
  for (bool more = bson_iter_recurse (iter, &child); more && bson_iter_next (&child);)
    if (is_array)
      json_array_add_element (array, read_value (&child));
    else
      json_object_set_member (object, bson_iter_key (&child), read_value (&child));
  if (is_array)
    json_node_set_array (node, array);
  else
    json_node_set_object (node, object);
  json_array_unref (array);
  json_object_unref (object);
  return node;
}

static JsonNode *
read_value (bson_iter_t *iter)
{
  switch (bson_iter_type (iter))
    {
    case BSON_TYPE_DOCUMENT:
      return read_container (iter, false);
    case BSON_TYPE_ARRAY:
      return read_container (iter, true);
    case BSON_TYPE_UTF8:
      return json_node_init_string (json_node_alloc (), bson_iter_utf8 (iter, NULL));
    case BSON_TYPE_BOOL:
      return json_node_init_boolean (json_node_alloc (), bson_iter_bool (iter));
    case BSON_TYPE_DOUBLE:
      return json_node_init_double (json_node_alloc (), bson_iter_double (iter));
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
      return json_node_init_int (json_node_alloc (), bson_iter_as_int64 (iter));
    default:
      return json_node_new (JSON_NODE_NULL);
    }
}

JsonNode *
bson_to_json (const bson_t *bson, const char *key)
{
  bson_iter_t iter;
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  for (bool more = bson_iter_init (&iter, bson); more && bson_iter_next (&iter);)
    {
      const char *name = bson_iter_key (&iter);
      if (strcmp (name, BSON_OWN_FIELD) != 0)
        json_object_set_member (object, strcmp (name, "_id") == 0 ? key : name, read_value (&iter));
    }
  json_node_take_object (node, object);
  return node;
}
