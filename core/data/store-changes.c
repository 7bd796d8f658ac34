/* Changes: checked against the schema, and applied to a document as MongoDB would. No state. Any thread. */
#include "data/store-private.h"

#include <airclass/error.h>
#include <math.h>
#include <string.h>

#define MAX_CHANGES 100

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

/* ---- Applying */

/* The object in which the last part of @field stands, and that part. NULL with the error when something else is in the way. */
static JsonObject *
open_parent (JsonNode *document, const char *field, bool make, const char **ret_name, GError **error)
{
  JsonObject *object = json_node_get_object (document);
  const char *dot = NULL;
  while ((dot = strchr (field, '.')) != NULL)
    {
      g_autofree char *name = g_strndup (field, (gsize)(dot - field));
      JsonNode *member = json_object_get_member (object, name);
      if (member == NULL && !make)
        return NULL;
      if (member == NULL)
        {
          member = json_node_init_object (json_node_alloc (), NULL);
          json_node_take_object (member, json_object_new ());
          json_object_set_member (object, name, member);
        }
      if (!JSON_NODE_HOLDS_OBJECT (member))
        {
          if (make)
            fail (error, "\"%s\" is no object", name);
          return NULL;
        }
      object = json_node_get_object (member);
      field = dot + 1;
    }
  *ret_name = field;
  return object;
}

static bool
equal (JsonNode *a, JsonNode *b)
{
  unsigned steps = 0;
  return air_json_equal (a, b, &steps);
}

/* A copy that shares nothing, so that each may be changed. */
static JsonNode *
copy_deep (JsonNode *node)
{
  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      JsonObject *object = json_object_new ();
      JsonNode *copy = json_node_new (JSON_NODE_OBJECT), *value = NULL;
      const char *name = NULL;
      JsonObjectIter iter;
      json_object_iter_init (&iter, json_node_get_object (node));
      while (json_object_iter_next (&iter, &name, &value))
        json_object_set_member (object, name, copy_deep (value));
      json_node_take_object (copy, object);
      return copy;
    }
  if (JSON_NODE_HOLDS_ARRAY (node))
    {
      JsonArray *array = json_array_new ();
      JsonNode *copy = json_node_new (JSON_NODE_ARRAY);
      for (unsigned i = 0; i < json_array_get_length (json_node_get_array (node)); i++)
        json_array_add_element (array, copy_deep (json_array_get_element (json_node_get_array (node), i)));
      json_node_take_array (copy, array);
      return copy;
    }
  return json_node_copy (node);
}

typedef struct
{
  const char *field, *name;
  JsonObject *object;
  JsonNode *old, *value; /* old: NULL if absent */
  bool modified;
  GError **error;
} Change;

static bool
set (Change *change)
{
  if (change->old != NULL && equal (change->old, change->value))
    return true;
  json_object_set_member (change->object, change->name, copy_deep (change->value));
  change->modified = true;
  return true;
}

static bool
unset (Change *change)
{
  if (change->old == NULL)
    return true;
  json_object_remove_member (change->object, change->name);
  change->modified = true;
  return true;
}

static bool
increase (Change *change)
{
  int64_t sum = 0;
  if (change->old == NULL)
    return set (change);
  if (!(air_json_type_of (change->old) & AIR_JSON_NUMBER))
    return fail (change->error, "$inc: \"%s\" is no number", change->field);
  JsonNode *result = NULL;
  if (json_node_get_value_type (change->old) == G_TYPE_INT64 && json_node_get_value_type (change->value) == G_TYPE_INT64)
    {
      if (__builtin_add_overflow (json_node_get_int (change->old), json_node_get_int (change->value), &sum))
        return fail (change->error, "$inc: \"%s\" becomes too large", change->field);
      result = json_node_init_int (json_node_alloc (), sum);
    }
  else
    result = json_node_init_double (json_node_alloc (), (double)air_json_number (change->old) + (double)air_json_number (change->value));
  change->modified = !equal (change->old, result);
  json_object_set_member (change->object, change->name, result);
  return true;
}

/* The order of kinds, as MongoDB has it. */
static int
rank (unsigned type)
{
  static const unsigned order[] = { AIR_JSON_NULL, AIR_JSON_NUMBER, AIR_JSON_STRING, AIR_JSON_OBJECT, AIR_JSON_ARRAY, AIR_JSON_BOOLEAN };
  for (unsigned i = 0; i < G_N_ELEMENTS (order); i++)
    if (type & order[i])
      return (int)i;
  return -1;
}

static int
compare (JsonNode *a, JsonNode *b)
{
  unsigned type = air_json_type_of (a);
  int ranks = rank (type) - rank (air_json_type_of (b));
  if (ranks != 0)
    return ranks;
  if (type == AIR_JSON_STRING)
    return strcmp (json_node_get_string (a), json_node_get_string (b));
  if (type & AIR_JSON_NUMBER)
    return air_json_number (a) < air_json_number (b) ? -1 : air_json_number (a) > air_json_number (b);
  return 0;
}

static bool
set_greater (Change *change)
{
  return change->old == NULL || compare (change->value, change->old) > 0 ? set (change) : true;
}

static bool
set_less (Change *change)
{
  return change->old == NULL || compare (change->value, change->old) < 0 ? set (change) : true;
}

static JsonArray *
open_array (Change *change, bool make)
{
  if (change->old == NULL && make)
    {
      change->old = json_node_new (JSON_NODE_ARRAY);
      json_node_take_array (change->old, json_array_new ());
      json_object_set_member (change->object, change->name, change->old);
    }
  if (change->old != NULL && JSON_NODE_HOLDS_ARRAY (change->old))
    return json_node_get_array (change->old);
  if (change->old != NULL)
    fail (change->error, "\"%s\" is no array", change->field);
  return NULL;
}

static bool
push (Change *change)
{
  JsonArray *array = open_array (change, true);
  if (array == NULL)
    return false;
  json_array_add_element (array, copy_deep (change->value));
  change->modified = true;
  return true;
}

static bool
add_to_set (Change *change)
{
  JsonArray *array = open_array (change, true);
  for (unsigned i = 0; array != NULL && i < json_array_get_length (array); i++)
    if (equal (json_array_get_element (array, i), change->value))
      return true;
  return push (change);
}

static bool
pull (Change *change)
{
  JsonArray *array = open_array (change, false);
  for (unsigned i = array != NULL ? json_array_get_length (array) : 0; i > 0; i--)
    if (equal (json_array_get_element (array, i - 1), change->value))
      {
        json_array_remove_element (array, i - 1);
        change->modified = true;
      }
  return array != NULL || change->old == NULL;
}

static const struct
{
  const char *name;
  bool (*apply) (Change *change);
  bool makes;     /* the field, and the objects around it */
  bool inserting; /* only then */
  unsigned takes; /* AirStoreTypes of the value */
  bool element;   /* the value is an element of the array that the field holds */
} operators[] = {
  { "$set", set, true, false, AIR_STORE_ANY, false },
  { "$setOnInsert", set, true, true, AIR_STORE_ANY, false },
  { "$unset", unset, false, false, AIR_STORE_ANY, false },
  { "$inc", increase, true, false, AIR_STORE_NUMBER, false },
  { "$max", set_greater, true, false, AIR_STORE_NUMBER | AIR_STORE_TEXT, false },
  { "$min", set_less, true, false, AIR_STORE_NUMBER | AIR_STORE_TEXT, false },
  { "$push", push, true, false, AIR_STORE_ANY, true },
  { "$addToSet", add_to_set, true, false, AIR_STORE_ANY, true },
  { "$pull", pull, false, false, AIR_STORE_ANY & ~(AIR_STORE_OBJECT | AIR_STORE_ARRAY), true },
};

static bool
apply_one (JsonNode *document, unsigned operator, const char *field, JsonNode *value, bool *ret_modified, GError **error)
{
  GError *fault = NULL;
  Change change = { .field = field, .value = value, .error = &fault };
  change.object = open_parent (document, field, operators[operator].makes, &change.name, &fault);
  bool applied = fault == NULL;
  if (change.object != NULL)
    {
      change.old = json_object_get_member (change.object, change.name);
      applied = operators[operator].apply (&change);
    }
  *ret_modified |= change.modified;
  if (!applied)
    g_propagate_error (error, fault);
  return applied;
}

bool
air_store_apply (JsonNode *document, JsonNode *changes, bool inserting, bool *ret_modified, GError **error)
{
  *ret_modified = false;
  for (unsigned i = 0; i < G_N_ELEMENTS (operators); i++)
    {
      JsonNode *fields = air_json_get (changes, operators[i].name), *value = NULL;
      const char *field = NULL;
      JsonObjectIter iter;
      if (fields == NULL || (operators[i].inserting && !inserting))
        continue;
      json_object_iter_init (&iter, json_node_get_object (fields));
      while (json_object_iter_next (&iter, &field, &value))
        if (!apply_one (document, i, field, value, ret_modified, error))
          return false;
    }
  size_t bytes = 0;
  if (*ret_modified && !air_store_measure (document, &bytes, NULL))
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_LIMIT, "the document becomes larger than 1 MiB");
      return false;
    }
  return true;
}

/* ---- Upserts */

static bool
take_equalities (JsonNode *document, JsonNode *filter, GError **error)
{
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  bool modified = false;
  json_object_iter_init (&iter, json_node_get_object (filter));
  while (json_object_iter_next (&iter, &name, &value))
    {
      JsonArray *all = g_str_equal (name, "$and") ? json_node_get_array (value) : NULL;
      for (unsigned i = 0; all != NULL && i < json_array_get_length (all); i++)
        if (!take_equalities (document, json_array_get_element (all, i), error))
          return false;
      if (*name != '$' && !JSON_NODE_HOLDS_OBJECT (value) && !apply_one (document, 0, name, value, &modified, error))
        return false;
    }
  return true;
}

JsonNode *
air_store_make_upserted (JsonNode *filter, JsonNode *changes, GError **error)
{
  g_autoptr (JsonNode) document = json_node_new (JSON_NODE_OBJECT);
  bool modified = false;
  json_node_take_object (document, json_object_new ());
  if ((filter != NULL && !take_equalities (document, filter, error)) || !air_store_apply (document, changes, true, &modified, error))
    return NULL;
  return g_steal_pointer (&document);
}

/* ---- Checking */

typedef struct
{
  const AirStoreCollection *collection;
  GPtrArray *fields; /* borrowed names */
  GError **error;
} Check;

/* Neither twice, nor a field and one within it. */
static bool
check_apart (Check *check, const char *field)
{
  for (unsigned i = 0; i < check->fields->len; i++)
    {
      const char *other = g_ptr_array_index (check->fields, i);
      size_t length = MIN (strlen (field), strlen (other));
      if (strncmp (field, other, length) == 0 && strchr (".", field[length]) != NULL && strchr (".", other[length]) != NULL)
        return fail (check->error, "two changes of \"%s\"", field);
    }
  g_ptr_array_add (check->fields, (gpointer)field);
  return check->fields->len <= MAX_CHANGES || fail (check->error, "at most %d changes at once", MAX_CHANGES);
}

static bool
check_value (Check *check, unsigned operator, const char *field, const AirSchema *schema, JsonNode *value)
{
  size_t bytes = 0;
  unsigned type = air_json_type_of (value);
  if (!air_store_measure (value, &bytes, check->error))
    return false;
  if (!(type & operators[operator].takes))
    return fail (check->error, "%s of \"%s\" cannot take this value", operators[operator].name, field);
  if (operators[operator].apply == increase)
    return (air_store_schema_types (schema) & AIR_STORE_NUMBER) || fail (check->error, "$inc: \"%s\" is no number", field);
  if (operators[operator].element)
    {
      if (!(air_store_schema_types (schema) & AIR_STORE_ARRAY))
        return fail (check->error, "%s: \"%s\" is no array", operators[operator].name, field);
      schema = air_store_schema_items (schema);
    }
  g_autoptr (GError) fault = NULL;
  return schema == NULL || operators[operator].apply == pull || air_schema_check (schema, value, &fault)
         || fail (check->error, "\"%s\": %s", field, fault->message);
}

static bool
check_change (Check *check, unsigned operator, const char *field, JsonNode *value)
{
  const AirSchema *schema = NULL;
  bool required = false;
  if (!air_store_field_is_valid (field) || !air_store_find_member (check->collection->schema, field, &schema, &required))
    return fail (check->error, "%s has no field \"%s\"", check->collection->name, field);
  if (!operators[operator].inserting && g_str_equal (field, check->collection->key))
    return fail (check->error, "the primary key of a document does not change");
  if (!check_apart (check, field))
    return false;
  if (operators[operator].apply == unset)
    return !required || fail (check->error, "$unset: \"%s\" is required", field);
  return check_value (check, operator, field, schema, value);
}

static bool
check_operator (Check *check, const char *name, JsonNode *fields)
{
  unsigned operator = 0;
  while (operator < G_N_ELEMENTS (operators) && !g_str_equal (operators[operator].name, name))
    operator++;
  if (operator == G_N_ELEMENTS (operators))
    return fail (check->error, "there is no change \"%s\"", name);
  if (!JSON_NODE_HOLDS_OBJECT (fields))
    return fail (check->error, "%s takes an object of fields", name);
  JsonObjectIter iter;
  const char *field = NULL;
  JsonNode *value = NULL;
  json_object_iter_init (&iter, json_node_get_object (fields));
  while (json_object_iter_next (&iter, &field, &value))
    if (!check_change (check, operator, field, value))
      return false;
  return true;
}

bool
air_store_check_changes (const AirStoreCollection *collection, JsonNode *filter, JsonNode *changes, unsigned flags, GError **error)
{
  g_autoptr (GPtrArray) fields = g_ptr_array_new ();
  Check check = { collection, fields, error };
  if (changes == NULL || !JSON_NODE_HOLDS_OBJECT (changes) || json_object_get_size (json_node_get_object (changes)) == 0)
    return fail (error, "changes are an object of operators");
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init (&iter, json_node_get_object (changes));
  while (json_object_iter_next (&iter, &name, &value))
    if (!check_operator (&check, name, value))
      return false;
  if (!(flags & AIR_STORE_UPSERT))
    return true;
  if (flags & AIR_STORE_UPDATE_MANY)
    return fail (error, "an upsert is of one document");
  g_autoptr (JsonNode) document = air_store_make_upserted (filter, changes, error);
  return document != NULL && air_store_collection_check (collection, document, error);
}
