/* The interface's description: schemas/openapi.json, against which bodies are checked, and what of it is loaded. */
#pragma once

#include <airclass/json.h>
#include <json-glib/json-glib.h>

#include "http/router.h"

G_BEGIN_DECLS

typedef struct _AirApiDocument AirApiDocument;

/* NULL with AIR_ERROR when the file is missing or no OpenAPI document. */
AirApiDocument *air_api_document_new (const char *schema_folder, GError **error);
void air_api_document_free (AirApiDocument *document);
/* The schema that a route names: under components/schemas. (transfer none) */
AirSchema *air_api_document_get_schema (AirApiDocument *document, const char *name, GError **error);
/* Returns: (transfer full) the document with exactly the paths of @entries (element-type AirRouteEntry); routes that
 * the file does not describe get an entry made from what they registered. */
JsonNode *air_api_document_describe (AirApiDocument *document, GPtrArray *entries);
/* Returns: (transfer full) that document as an HTML page. */
char *air_api_page_build (JsonNode *document);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirApiDocument, air_api_document_free)

G_END_DECLS
