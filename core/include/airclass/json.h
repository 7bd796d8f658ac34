/* JSON from strangers: parsed within limits, checked against a schema.
 *
 * The schemas are a strict subset of JSON Schema 2020-12 over json-glib. A keyword that is not known is an error when the schema is
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

#include <airclass/types.h>

G_BEGIN_DECLS

/* A text is parsed as JSON only within limits: at most 1 MiB, depth 32, strict RFC 8259 (no duplicate names, no NUL).
 * Returns: (transfer full) or NULL with AIR_ERROR_INVALID. Any thread. */
AIR_PUBLIC JsonNode *air_json_parse (const char *text, gssize length, GError **error);

typedef struct _AirSchemas AirSchemas;
typedef struct _AirSchema AirSchema;

/* The schemas of one document. @document is kept; it must not change. */
AIR_PUBLIC AirSchemas *air_schemas_new (JsonNode *document);
AIR_PUBLIC void air_schemas_free (AirSchemas *schemas);
/* @pointer: "#", "#/components/schemas/TokenRequest".
 * Returns: (transfer none) loaded once; NULL with AIR_ERROR_NOT_FOUND or AIR_ERROR_INVALID (naming keyword and place).
 */
AIR_PUBLIC AirSchema *air_schemas_get (AirSchemas *schemas, const char *pointer, GError **error);
/* Whether @instance is valid; else AIR_ERROR_INVALID with the first fault and its place, for people. */
AIR_PUBLIC bool air_schema_check (const AirSchema *schema, JsonNode *instance, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirSchemas, air_schemas_free)

G_END_DECLS
