/* Events made of JSON: the types that can be, and the check of every field against what its schema says. Any thread; the registry
 * is under a lock, and holds classes, which stay for ever as their types do. */
#include "bus/event.h"

#include <airclass/error.h>
#include <airclass/json.h>

#include <string.h>

static GMutex lock;
static GHashTable *classes; /* name → AirEventClass, under lock */

void
air_event_register (GType type)
{
  AirEventClass *klass = g_type_class_ref (type);

  g_return_if_fail (AIR_IS_EVENT_CLASS (klass) && klass->from_json != NULL);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&lock);

  if (classes == NULL)
    classes = g_hash_table_new (g_str_hash, g_str_equal);
  if (!g_hash_table_contains (classes, klass->name))
    g_hash_table_insert (classes, (gpointer) klass->name, klass);
}

static const AirEventClass *
find_class (const char *name)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&lock);

  return classes != NULL && name != NULL ? g_hash_table_lookup (classes, name) : NULL;
}

static bool
is_string (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING;
}

static bool
is_in_range (const AirEventField *field, double number)
{
  return number >= field->minimum && number <= field->maximum;
}

static bool
is_one_of (const AirEventField *field, JsonNode *node)
{
  for (unsigned i = 0; is_string (node) && i < field->n_values; i++)
    if (strcmp (field->values[i], json_node_get_string (node)) == 0)
      return true;
  return false;
}

static bool
are_strings (JsonNode *node)
{
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  for (unsigned i = 0; array != NULL && i < json_array_get_length (array); i++)
    if (!is_string (json_array_get_element (array, i)))
      return false;
  return array != NULL;
}

static bool
check_value (const AirEventField *field, JsonNode *node)
{
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_INVALID;

  switch (field->kind)
    {
    case AIR_EVENT_FIELD_STRING:
      return type == G_TYPE_STRING;
    case AIR_EVENT_FIELD_ENUM:
      return is_one_of (field, node);
    case AIR_EVENT_FIELD_INTEGER:
      return type == G_TYPE_INT64 && json_node_get_int (node) != AIR_EVENT_ABSENT && is_in_range (field, json_node_get_int (node));
    case AIR_EVENT_FIELD_NUMBER:
      return (type == G_TYPE_INT64 || type == G_TYPE_DOUBLE) && is_in_range (field, json_node_get_double (node));
    case AIR_EVENT_FIELD_BOOLEAN:
      return type == G_TYPE_BOOLEAN;
    case AIR_EVENT_FIELD_STRINGS:
      return are_strings (node);
    }
  return false;
}

static bool
check_fields (const AirEventClass *klass, JsonObject *object, GError **error)
{
  unsigned known = 2; /* type, at */

  for (const AirEventField *field = klass->fields; field->name != NULL; field++)
    {
      JsonNode *node = json_object_get_member (object, field->name);

      if (node == NULL ? field->required : !check_value (field, node))
        {
          g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "event '%s': '%s' is %s", klass->name, field->name,
                       node == NULL ? "missing" : "not what its schema says");
          return false;
        }
      known += node != NULL;
    }
  if (known == json_object_get_size (object))
    return true;
  g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "event '%s': more fields than its schema has", klass->name);
  return false;
}

AirEvent *
air_event_from_json (JsonNode *json, GError **error)
{
  const char *name = air_json_get_string (json, "type");
  int64_t at_us = air_time_from_string (air_json_get_string (json, "at"));
  const AirEventClass *klass = find_class (name);
  AirEvent *event;

  if (name == NULL || at_us == 0)
    g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "an event must be an object with 'type' and 'at'");
  else if (klass == NULL)
    g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "no event '%s' is known here", name);
  else if (check_fields (klass, json_node_get_object (json), error))
    {
      event = klass->from_json (json);
      air_event_set_at_us (event, at_us);
      return event;
    }
  return NULL;
}
