/* Types, numbers and equality of JSON values, as JSON Schema sees them (1 and 1.0 are the same integer). No state. */
#include "data/json-schema-private.h"

#include <math.h>
#include <string.h>

long double
air_json_number (JsonNode *node)
{
  return json_node_get_value_type (node) == G_TYPE_INT64 ? (long double)json_node_get_int (node)
                                                         : (long double)json_node_get_double (node);
}

unsigned
air_json_type_of (JsonNode *node)
{
  switch (json_node_get_node_type (node))
    {
    case JSON_NODE_OBJECT:
      return AIR_JSON_OBJECT;
    case JSON_NODE_ARRAY:
      return AIR_JSON_ARRAY;
    case JSON_NODE_NULL:
      return AIR_JSON_NULL;
    default:
      break;
    }
  GType type = json_node_get_value_type (node);
  if (type == G_TYPE_STRING)
    return AIR_JSON_STRING;
  if (type == G_TYPE_BOOLEAN)
    return AIR_JSON_BOOLEAN;
  long double number = air_json_number (node);
  return number == truncl (number) ? AIR_JSON_NUMBER | AIR_JSON_INTEGER : AIR_JSON_NUMBER;
}

unsigned
air_json_type_from_name (const char *name)
{
  static const char *const names[] = { "null", "boolean", "object", "array", "number", "string", "integer" };
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (names[i], name))
      return 1u << i;
  return 0;
}

static bool
objects_equal (JsonObject *a, JsonObject *b, unsigned *steps)
{
  if (json_object_get_size (a) != json_object_get_size (b))
    return false;
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init (&iter, a);
  while (json_object_iter_next (&iter, &name, &value))
    {
      JsonNode *other = json_object_get_member (b, name);
      if (other == NULL || !air_json_equal (value, other, steps))
        return false;
    }
  return true;
}

static bool
arrays_equal (JsonArray *a, JsonArray *b, unsigned *steps)
{
  unsigned length = json_array_get_length (a);
  if (length != json_array_get_length (b))
    return false;
  for (unsigned i = 0; i < length; i++)
    if (!air_json_equal (json_array_get_element (a, i), json_array_get_element (b, i), steps))
      return false;
  return true;
}

bool
air_json_equal (JsonNode *a, JsonNode *b, unsigned *steps)
{
  unsigned type = air_json_type_of (a);
  ++*steps;
  if (type != air_json_type_of (b))
    return false;
  switch (type)
    {
    case AIR_JSON_NULL:
      return true;
    case AIR_JSON_BOOLEAN:
      return json_node_get_boolean (a) == json_node_get_boolean (b);
    case AIR_JSON_STRING:
      return g_str_equal (json_node_get_string (a), json_node_get_string (b));
    case AIR_JSON_OBJECT:
      return objects_equal (json_node_get_object (a), json_node_get_object (b), steps);
    case AIR_JSON_ARRAY:
      return arrays_equal (json_node_get_array (a), json_node_get_array (b), steps);
    default:
      return air_json_number (a) == air_json_number (b);
    }
}
