/* Fields of documents: dotted names, what stands there, and what the schema says of it. No state. Any thread. */
#include "data/store-private.h"

#include <string.h>

G_STATIC_ASSERT ((int)AIR_STORE_NULL == (int)AIR_JSON_NULL && (int)AIR_STORE_BOOLEAN == (int)AIR_JSON_BOOLEAN
                 && (int)AIR_STORE_OBJECT == (int)AIR_JSON_OBJECT && (int)AIR_STORE_ARRAY == (int)AIR_JSON_ARRAY
                 && (int)AIR_STORE_NUMBER == (int)AIR_JSON_NUMBER && (int)AIR_STORE_TEXT == (int)AIR_JSON_STRING);

/* Also a bound for schemas that refer to themselves. */
#define MAX_PARTS 8

bool
air_store_field_is_valid (const char *field)
{
  unsigned parts = 1, in_part = 0;
  size_t length = 0;
  for (; field[length] != '\0'; length++)
    if (field[length] == '.')
      {
        if (in_part == 0)
          return false;
        parts++;
        in_part = 0;
      }
    else if (g_ascii_isalnum (field[length]) || field[length] == '_' || field[length] == '-')
      in_part++;
    else
      return false;
  return in_part > 0 && parts <= MAX_PARTS && length <= AIR_STORE_MAX_FIELD_BYTES && *field != '-';
}

JsonNode *
air_store_get_field (JsonNode *document, const char *field)
{
  g_auto (GStrv) parts = g_strsplit (field, ".", MAX_PARTS);
  for (unsigned i = 0; parts[i] != NULL && document != NULL; i++)
    document = air_json_get (document, parts[i]);
  return document;
}

/* Without its references. NULL: more than what is followed here says what fits. */
static const AirSchema *
resolve (const AirSchema *schema)
{
  for (unsigned i = 0; schema != NULL && schema->reference != NULL; i++)
    schema = i < MAX_PARTS ? schema->reference : NULL;
  return schema;
}

static bool
is_combined (const AirSchema *schema)
{
  return schema->all_of != NULL || schema->any_of != NULL || schema->one_of != NULL || schema->if_schema != NULL;
}

static bool
find_child (const AirSchema *schema, const char *name, const AirSchema **ret_schema, bool *ret_required)
{
  const AirSchema *child = schema->properties != NULL ? g_hash_table_lookup (schema->properties, name) : NULL;
  for (unsigned i = 0; child == NULL && schema->pattern_properties != NULL && i < schema->pattern_properties->len; i++)
    {
      const AirPatternProperty *property = &g_array_index (schema->pattern_properties, AirPatternProperty, i);
      if (g_regex_match (property->regex, name, 0, NULL))
        child = property->schema;
    }
  if (child == NULL && !is_combined (schema))
    child = schema->additional;
  if (schema->required == NULL || !g_strv_contains ((const char *const *)schema->required, name))
    *ret_required = false;
  *ret_schema = child;
  return child == NULL || !child->is_false;
}

bool
air_store_find_member (const AirSchema *schema, const char *field, const AirSchema **ret_schema, bool *ret_required)
{
  g_auto (GStrv) parts = g_strsplit (field, ".", MAX_PARTS);
  *ret_required = true;
  for (unsigned i = 0; parts[i] != NULL; i++)
    {
      schema = resolve (schema);
      if (schema == NULL)
        {
          *ret_required = false;
          break;
        }
      if (schema->types != 0 && !(schema->types & AIR_JSON_OBJECT))
        return false;
      if (!find_child (schema, parts[i], &schema, ret_required))
        return false;
    }
  *ret_schema = schema;
  return true;
}

unsigned
air_store_schema_types (const AirSchema *schema)
{
  schema = resolve (schema);
  if (schema == NULL || schema->types == 0)
    return AIR_STORE_ANY;
  unsigned types = schema->types & AIR_JSON_INTEGER ? schema->types | AIR_JSON_NUMBER : schema->types;
  return types & AIR_STORE_ANY;
}

const AirSchema *
air_store_schema_items (const AirSchema *schema)
{
  schema = resolve (schema);
  return schema != NULL ? schema->items : NULL;
}

unsigned
air_store_collection_get_types (const AirStoreCollection *collection, const char *field)
{
  const AirSchema *schema = NULL;
  bool required = false;
  return air_store_find_member (collection->schema, field, &schema, &required) ? air_store_schema_types (schema) : 0;
}
