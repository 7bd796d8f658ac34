/* Loads schemas: each keyword has its row in a table; what is not in the table is refused. */
#include "data/json-schema-private.h"

#include <airclass/error.h>
#include <string.h>

struct _AirSchemas
{
  JsonNode *document;
  GHashTable *loaded; /* JsonObject → AirSchema; before its keywords are read, so that schemas may be recursive */
  AirSchema always, never;
};

typedef struct
{
  AirSchemas *schemas;
  const char *keyword;
  GError **error;
} Loader;

static AirSchema *load_schema (Loader *loader, JsonNode *node);

static void
schema_free (AirSchema *schema)
{
  g_clear_pointer (&schema->properties, g_hash_table_unref);
  g_clear_pointer (&schema->pattern_properties, g_array_unref);
  g_strfreev (schema->required);
  g_clear_pointer (&schema->pattern, g_regex_unref);
  g_free (schema->pattern_text);
  g_clear_pointer (&schema->all_of, g_ptr_array_unref);
  g_clear_pointer (&schema->any_of, g_ptr_array_unref);
  g_clear_pointer (&schema->one_of, g_ptr_array_unref);
  g_free (schema);
}

static bool
fail (Loader *loader, const char *what)
{
  if (loader->error != NULL && *loader->error == NULL)
    g_set_error (loader->error, AIR_ERROR, AIR_ERROR_INVALID, "JSON Schema: %s '%s'", what, loader->keyword);
  return false;
}

/* ---- Values of keywords */

static bool
load_bound (Loader *loader, JsonNode *value, bool is_count, AirBound *ret_bound)
{
  unsigned type = air_json_type_of (value);
  if (!(type & AIR_JSON_NUMBER) || (is_count && (!(type & AIR_JSON_INTEGER) || air_json_number (value) < 0)))
    return fail (loader, "no number for");
  *ret_bound = (AirBound){ true, air_json_number (value) };
  return true;
}

static bool
load_into (Loader *loader, JsonNode *value, const AirSchema **ret_schema)
{
  *ret_schema = load_schema (loader, value);
  return *ret_schema != NULL;
}

static bool
load_list (Loader *loader, JsonNode *value, GPtrArray **ret_list)
{
  if (!JSON_NODE_HOLDS_ARRAY (value) || json_array_get_length (json_node_get_array (value)) == 0)
    return fail (loader, "no list of schemas for");
  JsonArray *array = json_node_get_array (value);
  *ret_list = g_ptr_array_new ();
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    {
      AirSchema *schema = load_schema (loader, json_array_get_element (array, i));
      if (schema == NULL)
        return false;
      g_ptr_array_add (*ret_list, schema);
    }
  return true;
}

static const char *
get_text (JsonNode *value)
{
  return air_json_type_of (value) == AIR_JSON_STRING ? json_node_get_string (value) : NULL;
}

/* ---- Keywords */

static bool
load_type (Loader *loader, AirSchema *schema, JsonNode *value)
{
  unsigned count = JSON_NODE_HOLDS_ARRAY (value) ? json_array_get_length (json_node_get_array (value)) : 1;
  for (unsigned i = 0; i < count; i++)
    {
      JsonNode *each = JSON_NODE_HOLDS_ARRAY (value) ? json_array_get_element (json_node_get_array (value), i) : value;
      const char *name = get_text (each);
      unsigned type = name != NULL ? air_json_type_from_name (name) : 0;
      if (type == 0)
        return fail (loader, "unknown value of");
      schema->types |= type;
    }
  return schema->types != 0 || fail (loader, "no value for");
}

static bool
load_enum (Loader *loader, AirSchema *schema, JsonNode *value)
{
  if (!JSON_NODE_HOLDS_ARRAY (value))
    return fail (loader, "no list for");
  schema->enumeration = json_node_get_array (value);
  return true;
}

static bool
load_const (Loader *loader, AirSchema *schema, JsonNode *value)
{
  schema->constant = value;
  return true;
}

static bool
load_properties (Loader *loader, AirSchema *schema, JsonNode *value)
{
  if (!JSON_NODE_HOLDS_OBJECT (value))
    return fail (loader, "no object for");
  schema->properties = g_hash_table_new (g_str_hash, g_str_equal);
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *node = NULL;
  json_object_iter_init (&iter, json_node_get_object (value));
  while (json_object_iter_next (&iter, &name, &node))
    {
      AirSchema *property = load_schema (loader, node);
      if (property == NULL)
        return false;
      g_hash_table_insert (schema->properties, (char *)name, property);
    }
  return true;
}

static void
clear_pattern_property (void *data)
{
  g_clear_pointer (&((AirPatternProperty *)data)->regex, g_regex_unref);
}

static bool
load_pattern_properties (Loader *loader, AirSchema *schema, JsonNode *value)
{
  if (!JSON_NODE_HOLDS_OBJECT (value))
    return fail (loader, "no object for");
  schema->pattern_properties = g_array_new (FALSE, FALSE, sizeof (AirPatternProperty));
  g_array_set_clear_func (schema->pattern_properties, clear_pattern_property);
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *node = NULL;
  json_object_iter_init (&iter, json_node_get_object (value));
  while (json_object_iter_next (&iter, &name, &node))
    {
      AirPatternProperty property = { .schema = load_schema (loader, node) };
      if (property.schema == NULL || (property.regex = air_json_pattern_new (name, loader->error)) == NULL)
        return false;
      g_array_append_val (schema->pattern_properties, property);
    }
  return true;
}

static bool
load_required (Loader *loader, AirSchema *schema, JsonNode *value)
{
  if (!JSON_NODE_HOLDS_ARRAY (value))
    return fail (loader, "no list for");
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  JsonArray *array = json_node_get_array (value);
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    {
      const char *name = get_text (json_array_get_element (array, i));
      if (name == NULL)
        return fail (loader, "no name in");
      g_strv_builder_add (builder, name);
    }
  schema->required = g_strv_builder_end (builder);
  return true;
}

static bool
load_unique (Loader *loader, AirSchema *schema, JsonNode *value)
{
  if (air_json_type_of (value) != AIR_JSON_BOOLEAN)
    return fail (loader, "no boolean for");
  schema->unique_items = json_node_get_boolean (value);
  return true;
}

static bool
load_pattern (Loader *loader, AirSchema *schema, JsonNode *value)
{
  const char *text = get_text (value);
  if (text == NULL)
    return fail (loader, "no text for");
  schema->pattern_text = g_strdup (text);
  schema->pattern = air_json_pattern_new (text, loader->error);
  return schema->pattern != NULL;
}

static bool
load_multiple_of (Loader *loader, AirSchema *schema, JsonNode *value)
{
  return load_bound (loader, value, false, &schema->multiple_of)
         && (schema->multiple_of.value > 0 || fail (loader, "no positive number for"));
}

static bool
load_definitions (Loader *loader, AirSchema *schema, JsonNode *value)
{
  /* Loaded when they are referred to. */
  return JSON_NODE_HOLDS_OBJECT (value) || fail (loader, "no object for");
}

static bool
load_reference (Loader *loader, AirSchema *schema, JsonNode *value)
{
  const char *pointer = get_text (value);
  if (pointer == NULL || pointer[0] != '#')
    return fail (loader, "only places in the same document can stand in");
  schema->reference = air_schemas_get (loader->schemas, pointer, loader->error);
  return schema->reference != NULL;
}

#define LOAD_SCHEMA(keyword, field)                                                                                    \
  static bool load_##keyword (Loader *loader, AirSchema *schema, JsonNode *value)                                      \
  {                                                                                                                    \
    return load_into (loader, value, &schema->field);                                                                  \
  }
#define LOAD_LIST(keyword)                                                                                             \
  static bool load_##keyword (Loader *loader, AirSchema *schema, JsonNode *value)                                      \
  {                                                                                                                    \
    return load_list (loader, value, &schema->keyword);                                                                \
  }
#define LOAD_BOUND(keyword, is_count)                                                                                  \
  static bool load_##keyword (Loader *loader, AirSchema *schema, JsonNode *value)                                      \
  {                                                                                                                    \
    return load_bound (loader, value, is_count, &schema->keyword);                                                     \
  }

LOAD_SCHEMA (additional, additional)
LOAD_SCHEMA (property_names, property_names)
LOAD_SCHEMA (items, items)
LOAD_SCHEMA (contains, contains)
LOAD_SCHEMA (not, not_schema)
LOAD_SCHEMA (if, if_schema)
LOAD_SCHEMA (then, then_schema)
LOAD_SCHEMA (else, else_schema)
LOAD_LIST (all_of)
LOAD_LIST (any_of)
LOAD_LIST (one_of)
LOAD_BOUND (min_properties, true)
LOAD_BOUND (max_properties, true)
LOAD_BOUND (min_items, true)
LOAD_BOUND (max_items, true)
LOAD_BOUND (min_length, true)
LOAD_BOUND (max_length, true)
LOAD_BOUND (minimum, false)
LOAD_BOUND (maximum, false)
LOAD_BOUND (exclusive_minimum, false)
LOAD_BOUND (exclusive_maximum, false)

static const struct
{
  const char *name;
  bool (*load) (Loader *loader, AirSchema *schema, JsonNode *value); /* NULL: without effect */
} keywords[] = {
  { "type", load_type },
  { "enum", load_enum },
  { "const", load_const },
  { "properties", load_properties },
  { "required", load_required },
  { "additionalProperties", load_additional },
  { "patternProperties", load_pattern_properties },
  { "propertyNames", load_property_names },
  { "minProperties", load_min_properties },
  { "maxProperties", load_max_properties },
  { "items", load_items },
  { "contains", load_contains },
  { "minItems", load_min_items },
  { "maxItems", load_max_items },
  { "uniqueItems", load_unique },
  { "minLength", load_min_length },
  { "maxLength", load_max_length },
  { "pattern", load_pattern },
  { "minimum", load_minimum },
  { "maximum", load_maximum },
  { "exclusiveMinimum", load_exclusive_minimum },
  { "exclusiveMaximum", load_exclusive_maximum },
  { "multipleOf", load_multiple_of },
  { "allOf", load_all_of },
  { "anyOf", load_any_of },
  { "oneOf", load_one_of },
  { "not", load_not },
  { "if", load_if },
  { "then", load_then },
  { "else", load_else },
  { "$ref", load_reference },
  { "$defs", load_definitions },
  { "title", NULL },
  { "description", NULL },
  { "default", NULL },
  { "examples", NULL },
  { "deprecated", NULL },
  { "readOnly", NULL },
  { "writeOnly", NULL },
  { "format", NULL },
  { "$schema", NULL },
  { "$id", NULL },
  { "$comment", NULL },
};

static bool
load_keyword (Loader *loader, AirSchema *schema, const char *name, JsonNode *value)
{
  if (g_str_has_prefix (name, "x-"))
    return true;
  const char *outer = loader->keyword;
  loader->keyword = name;
  for (size_t i = 0; i < G_N_ELEMENTS (keywords); i++)
    if (g_str_equal (keywords[i].name, name))
      {
        bool is_good = keywords[i].load == NULL || keywords[i].load (loader, schema, value);
        loader->keyword = outer;
        return is_good;
      }
  return fail (loader, "unknown keyword");
}

static AirSchema *
load_schema (Loader *loader, JsonNode *node)
{
  if (air_json_type_of (node) == AIR_JSON_BOOLEAN)
    return json_node_get_boolean (node) ? &loader->schemas->always : &loader->schemas->never;
  if (!JSON_NODE_HOLDS_OBJECT (node))
    {
      fail (loader, "no schema in");
      return NULL;
    }
  JsonObject *object = json_node_get_object (node);
  AirSchema *schema = g_hash_table_lookup (loader->schemas->loaded, object);
  if (schema != NULL && schema->is_broken)
    fail (loader, "a schema with a fault is used in");
  if (schema != NULL)
    return schema->is_broken ? NULL : schema;
  schema = g_new0 (AirSchema, 1);
  g_hash_table_insert (loader->schemas->loaded, object, schema);

  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, &value))
    if (!load_keyword (loader, schema, name, value))
      {
        /* It stays, for others may refer to it already; but nobody gets it any more. */
        schema->is_broken = true;
        return NULL;
      }
  return schema;
}

/* ---- The document */

AirSchemas *
air_schemas_new (JsonNode *document)
{
  AirSchemas *schemas = g_new0 (AirSchemas, 1);
  schemas->document = json_node_ref (document);
  schemas->loaded = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)schema_free);
  schemas->never.is_false = true;
  return schemas;
}

void
air_schemas_free (AirSchemas *schemas)
{
  if (schemas == NULL)
    return;
  g_hash_table_unref (schemas->loaded);
  json_node_unref (schemas->document);
  g_free (schemas);
}

/* One reference token of RFC 6901, as a URI fragment. */
static JsonNode *
step_into (JsonNode *node, const char *token)
{
  g_autofree char *decoded = g_uri_unescape_string (token, NULL);
  if (decoded == NULL)
    return NULL;
  g_autoptr (GString) name = g_string_new (decoded);
  g_string_replace (name, "~1", "/", 0);
  g_string_replace (name, "~0", "~", 0);
  if (JSON_NODE_HOLDS_OBJECT (node))
    return json_object_get_member (json_node_get_object (node), name->str);
  guint64 index = 0;
  if (!JSON_NODE_HOLDS_ARRAY (node) || !g_ascii_string_to_unsigned (name->str, 10, 0, G_MAXINT, &index, NULL)
      || index >= json_array_get_length (json_node_get_array (node)))
    return NULL;
  return json_array_get_element (json_node_get_array (node), (guint)index);
}

AirSchema *
air_schemas_get (AirSchemas *schemas, const char *pointer, GError **error)
{
  JsonNode *node = schemas->document;
  g_auto (GStrv) tokens = g_strsplit (pointer, "/", -1);
  bool is_pointer = tokens[0] != NULL && g_str_equal (tokens[0], "#");
  for (unsigned i = 1; is_pointer && node != NULL && tokens[i] != NULL; i++)
    node = step_into (node, tokens[i]);
  if (!is_pointer || node == NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "JSON Schema: there is nothing at '%s'", pointer);
      return NULL;
    }
  g_autoptr (GError) fault = NULL;
  Loader loader = { schemas, pointer, &fault };
  AirSchema *schema = load_schema (&loader, node);
  if (schema == NULL)
    g_propagate_error (error, g_steal_pointer (&fault));
  return schema;
}
