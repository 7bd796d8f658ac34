/* What a plugin or component is, with every option: for people, and as JSON for the generated reference. */
#pragma once

#include <json-glib/json-glib.h>

#include "host/module.h"

G_BEGIN_DECLS

/* Appends lines of text. */
void air_describe_text (const AirModule *module, GString *out);
/* (transfer full) */
JsonNode *air_describe_json (const AirModule *module);

G_END_DECLS
