/* Between our documents and MongoDB's: the primary key is `_id` there, and `_air` holds what the provider keeps with a document. Any thread. */
#pragma once

#include <airclass/store-provider.h>
#include <mongoc/mongoc.h>

G_BEGIN_DECLS

#define BSON_OWN_FIELD "_air"

/* @bson is initialized here; to be destroyed. @key: the name that becomes `_id` at the top level, NULL: none. Objects within $and and $or
 * are top levels too. */
void bson_from_json (bson_t *bson, JsonNode *object, const char *key);
/* Without `_air`. Returns: (transfer full) */
JsonNode *bson_to_json (const bson_t *bson, const char *key);

G_END_DECLS
