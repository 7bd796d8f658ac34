/* What may come to a provider: sizes, filters, sorts, groups. No state. Any thread. */
#include "data/store-private.h"

#include <airclass/error.h>
#include <math.h>
#include <string.h>

/* So that what is written can be read again: see json-guard.c. */
#define MAX_DEPTH 32
#define MAX_NODES 100000
#define MAX_FILTER_DEPTH 8
#define MAX_CONDITIONS 100
#define MAX_CHOICES 1000
#define MAX_SORT_FIELDS 4
#define MAX_GROUP_FIELDS 8
#define MAX_GROUP_VALUES 32

static bool G_GNUC_PRINTF (2, 3)
fail (GError **error, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID, text);
  return false;
}

/* ---- Documents: depth and size as JSON text */

typedef struct
{
  size_t bytes;
  unsigned nodes, depth;
  GError **error;
} Measure;

static bool measure (Measure *state, JsonNode *node);

/* Not less than it takes as JSON text. */
static size_t
text_bytes (const char *text)
{
  size_t bytes = 2;
  for (; *text != '\0'; text++)
    {
      unsigned char byte = (unsigned char)*text;
      bytes += byte < 0x20 || byte == 0x7f ? 6 : byte == '"' || byte == '\\' ? 2 : 1;
    }
  return bytes;
}

static bool
measure_object (Measure *state, JsonObject *object)
{
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, &value))
    {
      if (*name == '\0' || *name == '$' || strchr (name, '.') != NULL || (state->depth == 1 && g_str_equal (name, "_id")))
        return fail (state->error, "a member cannot have the name \"%s\"", name);
      state->bytes += text_bytes (name) + 2;
      if (!measure (state, value))
        return false;
    }
  return true;
}

static bool
measure_array (Measure *state, JsonArray *array)
{
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    if (!measure (state, json_array_get_element (array, i)))
      return false;
  return true;
}

static bool
measure_value (Measure *state, JsonNode *node)
{
  switch (json_node_get_value_type (node))
    {
    case G_TYPE_STRING:
      state->bytes += text_bytes (json_node_get_string (node));
      return g_utf8_validate (json_node_get_string (node), -1, NULL) || fail (state->error, "a text is not UTF-8");
    case G_TYPE_DOUBLE:
      state->bytes += 26;
      return isfinite (json_node_get_double (node)) || fail (state->error, "a number is not finite");
    default:
      state->bytes += 20;
      return true;
    }
}

static bool
measure (Measure *state, JsonNode *node)
{
  bool is_good = true;
  state->depth++;
  state->bytes += 2;
  if (++state->nodes > MAX_NODES || state->depth > MAX_DEPTH || state->bytes > AIR_STORE_MAX_DOCUMENT_BYTES)
    return fail (state->error, "a document has at most 1 MiB, %d levels and %d values", MAX_DEPTH, MAX_NODES);
  if (JSON_NODE_HOLDS_OBJECT (node))
    is_good = measure_object (state, json_node_get_object (node));
  else if (JSON_NODE_HOLDS_ARRAY (node))
    is_good = measure_array (state, json_node_get_array (node));
  else if (JSON_NODE_HOLDS_VALUE (node))
    is_good = measure_value (state, node);
  else
    state->bytes += 4;
  state->depth--;
  return is_good
         && (state->bytes <= AIR_STORE_MAX_DOCUMENT_BYTES || fail (state->error, "a document has at most 1 MiB"));
}

bool
air_store_measure (JsonNode *node, size_t *ret_bytes, GError **error)
{
  Measure state = { .error = error };
  bool is_good = measure (&state, node);
  *ret_bytes = state.bytes;
  return is_good;
}

/* ---- Filters */

typedef struct
{
  const AirStoreCollection *collection;
  unsigned depth, conditions;
  GError **error;
} Filter;

static bool check_filter (Filter *filter, JsonNode *node);

static bool
check_field (const AirStoreCollection *collection, const char *field, GError **error)
{
  if (!air_store_field_is_valid (field))
    return fail (error, "\"%s\" cannot be the name of a field", field);
  return air_store_collection_get_types (collection, field) != 0
         || fail (error, "%s has no field \"%s\"", collection->name, field);
}

static bool
is_scalar (JsonNode *node)
{
  unsigned type = air_json_type_of (node);
  if (type & AIR_JSON_NUMBER)
    return isfinite ((double)air_json_number (node));
  return type == AIR_JSON_NULL || type == AIR_JSON_BOOLEAN
         || (type == AIR_JSON_STRING && g_utf8_validate (json_node_get_string (node), -1, NULL));
}

static bool
check_choices (Filter *filter, const char *operator, JsonNode *node)
{
  if (!JSON_NODE_HOLDS_ARRAY (node) || json_array_get_length (json_node_get_array (node)) > MAX_CHOICES)
    return fail (filter->error, "%s takes an array of at most %d values", operator, MAX_CHOICES);
  JsonArray *array = json_node_get_array (node);
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    if (!is_scalar (json_array_get_element (array, i)))
      return fail (filter->error, "%s takes texts, numbers, booleans and null", operator);
  return true;
}

static bool
check_operator (Filter *filter, const char *operator, JsonNode *value)
{
  static const char *const compare[] = { "$gt", "$gte", "$lt", "$lte", NULL };
  if (g_strv_contains (compare, operator))
    return (is_scalar (value) && (air_json_type_of (value) & (AIR_JSON_NUMBER | AIR_JSON_STRING)))
           || fail (filter->error, "%s takes a text or a number", operator);
  if (g_str_equal (operator, "$ne"))
    return is_scalar (value) || fail (filter->error, "$ne takes a text, a number, a boolean or null");
  if (g_str_equal (operator, "$in") || g_str_equal (operator, "$nin"))
    return check_choices (filter, operator, value);
  if (g_str_equal (operator, "$exists"))
    return air_json_type_of (value) == AIR_JSON_BOOLEAN || fail (filter->error, "$exists takes a boolean");
  return fail (filter->error, "a filter has no operator \"%s\"", operator);
}

static bool
check_condition (Filter *filter, const char *field, JsonNode *value)
{
  if (++filter->conditions > MAX_CONDITIONS)
    return fail (filter->error, "a filter has at most %d conditions", MAX_CONDITIONS);
  if (!check_field (filter->collection, field, filter->error))
    return false;
  if (is_scalar (value))
    return true;
  if (!JSON_NODE_HOLDS_OBJECT (value) || json_object_get_size (json_node_get_object (value)) == 0)
    return fail (filter->error, "\"%s\" is compared with what is neither a value nor an operator", field);
  JsonObjectIter iter;
  const char *operator = NULL;
  JsonNode *operand = NULL;
  json_object_iter_init (&iter, json_node_get_object (value));
  while (json_object_iter_next (&iter, &operator, &operand))
    if (!check_operator (filter, operator, operand))
      return false;
  return true;
}

static bool
check_list (Filter *filter, const char *operator, JsonNode *node)
{
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  unsigned count = array != NULL ? json_array_get_length (array) : 0;
  if (count == 0 || count > MAX_CONDITIONS)
    return fail (filter->error, "%s takes an array of 1 to %d filters", operator, MAX_CONDITIONS);
  for (unsigned i = 0; i < count; i++)
    if (!check_filter (filter, json_array_get_element (array, i)))
      return false;
  return true;
}

static bool
check_filter (Filter *filter, JsonNode *node)
{
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return fail (filter->error, "a filter is an object");
  if (++filter->depth > MAX_FILTER_DEPTH || ++filter->conditions > MAX_CONDITIONS)
    return fail (filter->error, "a filter has at most %d levels and %d conditions", MAX_FILTER_DEPTH, MAX_CONDITIONS);
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init (&iter, json_node_get_object (node));
  while (json_object_iter_next (&iter, &name, &value))
    {
      bool is_list = g_str_equal (name, "$and") || g_str_equal (name, "$or");
      if (!(is_list ? check_list (filter, name, value) : check_condition (filter, name, value)))
        return false;
    }
  filter->depth--;
  return true;
}

bool
air_store_check_filter (const AirStoreCollection *collection, JsonNode *filter, GError **error)
{
  Filter state = { .collection = collection, .error = error };
  return filter == NULL || check_filter (&state, filter);
}

/* ---- Sorts and groups */

bool
air_store_check_sort (const AirStoreCollection *collection, const char *sort, GError **error)
{
  if (sort == NULL)
    return true;
  g_auto (GStrv) fields = g_strsplit (sort, ",", MAX_SORT_FIELDS + 1);
  if (*sort == '\0' || g_strv_length (fields) > MAX_SORT_FIELDS)
    return fail (error, "a sort has 1 to %d fields", MAX_SORT_FIELDS);
  for (unsigned i = 0; fields[i] != NULL; i++)
    {
      const char *field = *fields[i] == '-' ? fields[i] + 1 : fields[i];
      if (!check_field (collection, field, error))
        return false;
      unsigned types = air_store_collection_get_types (collection, field) & ~(unsigned)AIR_STORE_NULL;
      if (types != AIR_STORE_TEXT && types != AIR_STORE_NUMBER)
        return fail (error, "\"%s\" cannot be sorted by: it is not always a text, or always a number", field);
    }
  return true;
}

static bool
check_group_value (const AirStoreCollection *collection, const char *name, JsonNode *value, GError **error)
{
  static const char *const operators[] = { "$sum", "$avg", "$min", "$max", NULL };
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (value) ? json_node_get_object (value) : NULL;
  if (!air_store_field_is_valid (name) || strchr (name, '.') != NULL || object == NULL || json_object_get_size (object) != 1)
    return fail (error, "a value of a group is {name: {operator: field}}");
  g_autoptr (GList) names = json_object_get_members (object);
  const char *operator = names->data;
  JsonNode *operand = json_object_get_member (object, operator);
  if (!g_strv_contains (operators, operator))
    return fail (error, "a group has no operator \"%s\"", operator);
  if (air_json_type_of (operand) == AIR_JSON_STRING)
    return check_field (collection, json_node_get_string (operand), error);
  return (g_str_equal (operator, "$sum") && (air_json_type_of (operand) & AIR_JSON_INTEGER) && json_node_get_int (operand) == 1)
         || fail (error, "%s takes the name of a field", operator);
}

static bool
check_by (const AirStoreCollection *collection, JsonArray *by, JsonObject *values, GError **error)
{
  if (by == NULL || json_array_get_length (by) > MAX_GROUP_FIELDS)
    return fail (error, "a group has \"by\", an array of at most %d fields", MAX_GROUP_FIELDS);
  for (unsigned i = 0; i < json_array_get_length (by); i++)
    {
      JsonNode *field = json_array_get_element (by, i);
      if (air_json_type_of (field) != AIR_JSON_STRING || strchr (json_node_get_string (field), '.') != NULL)
        return fail (error, "a group is by members of the document");
      if (!check_field (collection, json_node_get_string (field), error))
        return false;
      if (json_object_has_member (values, json_node_get_string (field)))
        return fail (error, "a group has two results of the name \"%s\"", json_node_get_string (field));
      if (air_store_collection_get_types (collection, json_node_get_string (field)) & (AIR_STORE_ARRAY | AIR_STORE_OBJECT))
        return fail (error, "a group is by texts, numbers and booleans, which \"%s\" need not be", json_node_get_string (field));
    }
  return true;
}

bool
air_store_check_group (const AirStoreCollection *collection, JsonNode *group, GError **error)
{
  JsonNode *values = air_json_get (group, "values");
  if (values == NULL || !JSON_NODE_HOLDS_OBJECT (values) || json_object_get_size (json_node_get_object (values)) > MAX_GROUP_VALUES
      || json_object_get_size (json_node_get_object (group)) != 2)
    return fail (error, "a group is {\"by\": [field…], \"values\": {…}} with at most %d values", MAX_GROUP_VALUES);
  if (!check_by (collection, air_json_get_array (group, "by"), json_node_get_object (values), error))
    return false;
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init (&iter, json_node_get_object (values));
  while (json_object_iter_next (&iter, &name, &value))
    if (!check_group_value (collection, name, value, error))
      return false;
  return true;
}
