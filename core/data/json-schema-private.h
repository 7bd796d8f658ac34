/* The loaded form of a schema. */
#pragma once

#include <airclass/json.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef enum
{
  AIR_JSON_NULL = 1 << 0,
  AIR_JSON_BOOLEAN = 1 << 1,
  AIR_JSON_OBJECT = 1 << 2,
  AIR_JSON_ARRAY = 1 << 3,
  AIR_JSON_NUMBER = 1 << 4,
  AIR_JSON_STRING = 1 << 5,
  AIR_JSON_INTEGER = 1 << 6, /* a number without a fraction has both bits */
} AirJsonType;

typedef struct
{
  GRegex *regex;
  const AirSchema *schema;
} AirPatternProperty;

typedef struct
{
  bool is_set;
  long double value; /* holds every int64 and every double */
} AirBound;

/* Pointers to other schemas are borrowed: AirSchemas owns them all. NULL or empty: no such keyword. */
struct _AirSchema
{
  bool is_false;
  bool is_broken; /* its loading failed */
  unsigned types; /* AirJsonType; 0: any */
  JsonArray *enumeration;
  JsonNode *constant;

  GHashTable *properties; /* name → AirSchema */
  GArray *pattern_properties;
  const AirSchema *additional, *property_names;
  char **required;
  AirBound min_properties, max_properties;

  const AirSchema *items, *contains;
  AirBound min_items, max_items;
  bool unique_items;

  AirBound min_length, max_length;
  GRegex *pattern;
  char *pattern_text;

  AirBound minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of;

  const AirSchema *reference;
  GPtrArray *all_of, *any_of, *one_of;
  const AirSchema *not_schema, *if_schema, *then_schema, *else_schema;
};

unsigned air_json_type_of (JsonNode *node);
bool air_json_equal (JsonNode *a, JsonNode *b, unsigned *steps);
long double air_json_number (JsonNode *node);
/* "string", "integer", …; 0 when there is no such type. */
unsigned air_json_type_from_name (const char *name);
/* Returns: (transfer full) the regular expression of ECMA-262 in the terms of GRegex, bounded in its work; NULL with
 * AIR_ERROR_INVALID for what is not taken. */
GRegex *air_json_pattern_new (const char *pattern, GError **error);

G_END_DECLS
