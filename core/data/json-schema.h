/* A strict subset of JSON Schema 2020-12 over json-glib. A keyword that is not known is an error when the schema is
 * loaded: a constraint that is silently ignored is worse than none. Loaded schemas are immutable: any thread.
 *
 * Taken: type enum const; properties required additionalProperties patternProperties propertyNames minProperties
 * maxProperties; items contains minItems maxItems uniqueItems; minLength maxLength pattern; minimum maximum
 * exclusiveMinimum exclusiveMaximum multipleOf; allOf anyOf oneOf not if then else; $ref within the document, $defs;
 * true and false. Without effect: title description default examples deprecated readOnly writeOnly format $schema $id
 * $comment x-…  */
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct _AirSchemas AirSchemas;
typedef struct _AirSchema AirSchema;

/* The schemas of one document. @document is kept; it must not change. */
AirSchemas *air_schemas_new (JsonNode *document);
void air_schemas_free (AirSchemas *schemas);
/* @pointer: "#", "#/components/schemas/TokenRequest".
 * Returns: (transfer none) loaded once; NULL with AIR_ERROR_NOT_FOUND or AIR_ERROR_INVALID (naming keyword and place).
 */
AirSchema *air_schemas_get (AirSchemas *schemas, const char *pointer, GError **error);
/* Whether @instance is valid; else AIR_ERROR_INVALID with the first fault and its place, for people. */
bool air_schema_check (const AirSchema *schema, JsonNode *instance, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirSchemas, air_schemas_free)

G_END_DECLS
