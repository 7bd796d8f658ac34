/* Checks a value against a loaded schema. The first fault found is told, with its place as a JSON Pointer.
 *
 * The value is at most 32 deep (json-guard.c); the depth and the steps are bounded here too, because a schema may refer
 * to itself and "uniqueItems" compares everything with everything. */
#include "data/json-schema-private.h"

#include <airclass/error.h>
#include <math.h>

#define MAX_DEPTH 256
#define MAX_STEPS 1000000

typedef struct
{
  GString *place; /* NULL: only the answer is wanted */
  char *fault;    /* the first */
  unsigned depth, steps;
  bool is_exhausted; /* a limit was met: no "not" or "if" may turn that into a yes */
} Check;

static bool check (Check *state, const AirSchema *schema, JsonNode *node);

static bool fail (Check *state, const char *format, ...) G_GNUC_PRINTF (2, 3);

static bool
fail (Check *state, const char *format, ...)
{
  if (state->place != NULL && state->fault == NULL)
    {
      va_list arguments;
      va_start (arguments, format);
      g_autofree char *what = g_strdup_vprintf (format, arguments);
      va_end (arguments);
      state->fault = g_strdup_printf ("%s: %s", state->place->len > 0 ? state->place->str : "the body", what);
    }
  return false;
}

static bool
check_quietly (Check *state, const AirSchema *schema, JsonNode *node)
{
  GString *place = g_steal_pointer (&state->place);
  bool is_valid = check (state, schema, node);
  state->place = place;
  return is_valid;
}

static bool
check_at (Check *state, const AirSchema *schema, JsonNode *node, const char *token)
{
  if (state->place == NULL)
    return check (state, schema, node);
  size_t length = state->place->len;
  g_string_append_c (state->place, '/');
  for (const char *at = token; *at != '\0'; at++)
    if (*at == '~' || *at == '/')
      g_string_append (state->place, *at == '~' ? "~0" : "~1");
    else
      g_string_append_c (state->place, *at);
  bool is_valid = check (state, schema, node);
  g_string_truncate (state->place, length);
  return is_valid;
}

/* ---- Any value */

static bool
check_enumeration (Check *state, const AirSchema *schema, JsonNode *node)
{
  if (schema->constant != NULL && !air_json_equal (schema->constant, node, &state->steps))
    return fail (state, "is not the one value that is allowed");
  if (schema->enumeration == NULL)
    return true;
  unsigned length = json_array_get_length (schema->enumeration);
  for (unsigned i = 0; i < length; i++)
    if (air_json_equal (json_array_get_element (schema->enumeration, i), node, &state->steps))
      return true;
  return fail (state, "is not one of the allowed values");
}

static bool
check_combined (Check *state, const AirSchema *schema, JsonNode *node)
{
  for (unsigned i = 0; schema->all_of != NULL && i < schema->all_of->len; i++)
    if (!check (state, schema->all_of->pdata[i], node))
      return false;
  bool has_any = schema->any_of == NULL;
  for (unsigned i = 0; !has_any && i < schema->any_of->len; i++)
    has_any = check_quietly (state, schema->any_of->pdata[i], node);
  if (!has_any)
    return fail (state, "fits none of the allowed forms");
  unsigned fitting = 0;
  for (unsigned i = 0; schema->one_of != NULL && i < schema->one_of->len; i++)
    fitting += check_quietly (state, schema->one_of->pdata[i], node);
  if (schema->one_of != NULL && fitting != 1)
    return fail (state, "fits %u of the allowed forms instead of exactly one", fitting);
  if (schema->not_schema != NULL && check_quietly (state, schema->not_schema, node))
    return fail (state, "has a form that is not allowed");
  if (schema->if_schema == NULL)
    return true;
  const AirSchema *next = check_quietly (state, schema->if_schema, node) ? schema->then_schema : schema->else_schema;
  return next == NULL || check (state, next, node);
}

/* ---- Objects */

static bool
check_member (Check *state, const AirSchema *schema, const char *name, JsonNode *value)
{
  bool is_known = false;
  const AirSchema *property = schema->properties != NULL ? g_hash_table_lookup (schema->properties, name) : NULL;
  if (property != NULL)
    {
      is_known = true;
      if (!check_at (state, property, value, name))
        return fail (state, "'%s' is not allowed", name);
    }
  for (unsigned i = 0; schema->pattern_properties != NULL && i < schema->pattern_properties->len; i++)
    {
      AirPatternProperty *each = &g_array_index (schema->pattern_properties, AirPatternProperty, i);
      if (!g_regex_match (each->regex, name, 0, NULL))
        continue;
      is_known = true;
      if (!check_at (state, each->schema, value, name))
        return fail (state, "'%s' is not allowed", name);
    }
  if (!is_known && schema->additional != NULL && schema->additional->is_false)
    return fail (state, "'%s' is not known", name);
  if (!is_known && schema->additional != NULL && !check_at (state, schema->additional, value, name))
    return fail (state, "'%s' is not allowed", name);
  if (schema->property_names == NULL)
    return true;
  g_autoptr (JsonNode) name_node = json_node_init_string (json_node_alloc (), name);
  return check_quietly (state, schema->property_names, name_node) || fail (state, "the name '%s' is not allowed", name);
}

static bool
check_object (Check *state, const AirSchema *schema, JsonObject *object)
{
  unsigned size = json_object_get_size (object);
  if (schema->min_properties.is_set && size < schema->min_properties.value)
    return fail (state, "has too few members");
  if (schema->max_properties.is_set && size > schema->max_properties.value)
    return fail (state, "has too many members");
  for (unsigned i = 0; schema->required != NULL && schema->required[i] != NULL; i++)
    if (!json_object_has_member (object, schema->required[i]))
      return fail (state, "'%s' is missing", schema->required[i]);
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, &value))
    if (!check_member (state, schema, name, value))
      return false;
  return true;
}

/* ---- Arrays */

static bool
check_unique (Check *state, JsonArray *array)
{
  unsigned length = json_array_get_length (array);
  for (unsigned i = 0; i < length; i++)
    for (unsigned j = 0; j < i; j++)
      {
        if (state->steps > MAX_STEPS)
          {
            state->is_exhausted = true;
            return fail (state, "is too large to be checked");
          }
        if (air_json_equal (json_array_get_element (array, i), json_array_get_element (array, j), &state->steps))
          return fail (state, "holds the same value twice");
      }
  return true;
}

static bool
check_array (Check *state, const AirSchema *schema, JsonArray *array)
{
  unsigned length = json_array_get_length (array);
  if (schema->min_items.is_set && length < schema->min_items.value)
    return fail (state, "has too few entries");
  if (schema->max_items.is_set && length > schema->max_items.value)
    return fail (state, "has too many entries");
  bool is_contained = schema->contains == NULL;
  for (unsigned i = 0; i < length; i++)
    {
      char token[16];
      g_snprintf (token, sizeof token, "%u", i);
      if (schema->items != NULL && !check_at (state, schema->items, json_array_get_element (array, i), token))
        return fail (state, "entry %u is not allowed", i);
      is_contained = is_contained || check_quietly (state, schema->contains, json_array_get_element (array, i));
    }
  if (!is_contained)
    return fail (state, "lacks an entry of the required form");
  return !schema->unique_items || check_unique (state, array);
}

/* ---- Texts and numbers */

static bool
check_string (Check *state, const AirSchema *schema, const char *text)
{
  bool has_length = schema->min_length.is_set || schema->max_length.is_set;
  glong length = has_length ? g_utf8_strlen (text, -1) : 0;
  if (schema->min_length.is_set && length < schema->min_length.value)
    return fail (state, "is too short");
  if (schema->max_length.is_set && length > schema->max_length.value)
    return fail (state, "is too long");
  if (schema->pattern != NULL && !g_regex_match (schema->pattern, text, 0, NULL))
    return fail (state, "does not match %s", schema->pattern_text);
  return true;
}

static bool
is_multiple (long double number, long double of)
{
  long double quotient = number / of;
  if (!isfinite (quotient))
    return false;
  /* 0.0075 is a multiple of 0.0001 for people, though not for binary fractions. */
  long double tolerance = 1e-12L * fmaxl (1, fabsl (quotient));
  return of == truncl (of) && number == truncl (number) ? fmodl (number, of) == 0
                                                        : fabsl (quotient - roundl (quotient)) <= tolerance;
}

static bool
check_number (Check *state, const AirSchema *schema, long double number)
{
  if (schema->minimum.is_set && number < schema->minimum.value)
    return fail (state, "must be at least %Lg", schema->minimum.value);
  if (schema->maximum.is_set && number > schema->maximum.value)
    return fail (state, "must be at most %Lg", schema->maximum.value);
  if (schema->exclusive_minimum.is_set && number <= schema->exclusive_minimum.value)
    return fail (state, "must be more than %Lg", schema->exclusive_minimum.value);
  if (schema->exclusive_maximum.is_set && number >= schema->exclusive_maximum.value)
    return fail (state, "must be less than %Lg", schema->exclusive_maximum.value);
  if (schema->multiple_of.is_set && !is_multiple (number, schema->multiple_of.value))
    return fail (state, "must be a multiple of %Lg", schema->multiple_of.value);
  return true;
}

static bool
check_by_type (Check *state, const AirSchema *schema, JsonNode *node, unsigned type)
{
  switch (type)
    {
    case AIR_JSON_OBJECT:
      return check_object (state, schema, json_node_get_object (node));
    case AIR_JSON_ARRAY:
      return check_array (state, schema, json_node_get_array (node));
    case AIR_JSON_STRING:
      return check_string (state, schema, json_node_get_string (node));
    case AIR_JSON_NULL:
    case AIR_JSON_BOOLEAN:
      return true;
    default:
      return check_number (state, schema, air_json_number (node));
    }
}

static bool
check (Check *state, const AirSchema *schema, JsonNode *node)
{
  unsigned type = air_json_type_of (node);
  if (state->depth >= MAX_DEPTH || ++state->steps > MAX_STEPS || state->is_exhausted)
    {
      state->is_exhausted = true;
      return fail (state, "is too large to be checked");
    }
  if (schema->is_false)
    return fail (state, "is not allowed");
  if (schema->types != 0 && !(schema->types & type))
    return fail (state, "is of another type than allowed");
  state->depth++;
  bool is_valid = check_enumeration (state, schema, node) && check_by_type (state, schema, node, type)
                  && (schema->reference == NULL || check (state, schema->reference, node))
                  && check_combined (state, schema, node);
  state->depth--;
  return is_valid;
}

bool
air_schema_check (const AirSchema *schema, JsonNode *instance, GError **error)
{
  g_autoptr (GString) place = g_string_new (NULL);
  Check state = { .place = place };
  bool is_valid = check (&state, schema, instance) && !state.is_exhausted;
  if (!is_valid)
    g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "%s", state.fault != NULL ? state.fault : "not valid");
  g_free (state.fault);
  return is_valid;
}
