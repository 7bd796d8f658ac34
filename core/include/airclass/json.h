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
#include <stdint.h>

#include <airclass/types.h>

G_BEGIN_DECLS

/* A text is parsed as JSON only within limits: at most 1 MiB, depth 32, strict RFC 8259 (no duplicate names, no NUL).
 * Returns: (transfer full) or NULL with AIR_ERROR_INVALID. Any thread. */
AIR_PUBLIC JsonNode *air_json_parse (const char *text, gssize length, GError **error);

/* ---- Our own JSON */

/* Makes JSON of @format: JSON in which names have no quotes, texts stand in '…', and % takes an argument:
 *   %s text, NULL: null · %i int · %l int64_t · %f double, NAN: null · %b bool · %t int64_t, microseconds since the epoch, written as RFC 3339
 *   UTC with milliseconds; 0: null · %n JsonNode (transfer full), NULL: null · %N JsonNode (transfer none) likewise
 * A name with ? after it is left out where its argument would be null: air_json_new ("{type:'chat', text:%s, name?:%s}", text, name).
 * A bad format is a programming error and aborts. Returns: (transfer full). Any thread. */
AIR_PUBLIC JsonNode *air_json_new (const char *format, ...);

/* RFC 8259, without spaces, members in their order; numbers have the shortest digits that are read as the same double, infinity and NAN are
 * null. @node: (nullable) null. json-glib's own writer is not JSON for numbers like 1e17. Returns: (transfer full). Any thread. */
AIR_PUBLIC char *air_json_to_string (JsonNode *node);

/* A member of the object @node; what it would be if it is absent or of another type (@node may be anything, or NULL). Any thread. */
AIR_PUBLIC JsonNode *air_json_get (JsonNode *node, const char *name);            /* (transfer none) NULL */
AIR_PUBLIC const char *air_json_get_string (JsonNode *node, const char *name);   /* (transfer none) NULL */
AIR_PUBLIC int64_t air_json_get_int (JsonNode *node, const char *name, int64_t otherwise); /* 5.0, too, as in JSON Schema */
AIR_PUBLIC double air_json_get_double (JsonNode *node, const char *name, double otherwise); /* of any number */
AIR_PUBLIC bool air_json_get_bool (JsonNode *node, const char *name, bool otherwise);
/* Returns: (transfer none) the elements, or NULL. */
AIR_PUBLIC JsonArray *air_json_get_array (JsonNode *node, const char *name);

/* Times as documents have them, "2026-03-01T09:30:00.123Z". Returns: (transfer full). Any thread. */
AIR_PUBLIC char *air_time_to_string (int64_t time_us);
/* Returns: microseconds since the epoch; 0 when @text is NULL or no such time. */
AIR_PUBLIC int64_t air_time_from_string (const char *text);

/* ---- Schemas */

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
