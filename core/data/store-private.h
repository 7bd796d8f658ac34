/* What the parts of the store's interface share. Main thread, unless it says otherwise. */
#pragma once

#include <airclass/context.h>
#include <airclass/metrics.h>
#include <airclass/store-provider.h>

#include "data/json-schema-private.h"

G_BEGIN_DECLS

struct _AirStoreCollection
{
  char *name, *key;
  AirSchemas *schemas;
  const AirSchema *schema; /* of a whole document */
  GPtrArray *indexes;      /* (element-type AirStoreIndex) */
};

/* Kept with the store from air_store_attach() on. */
typedef struct
{
  AirContext *context;
  GPtrArray *collections; /* (element-type AirStoreCollection), NULL until loaded */
  GHashTable *by_name;    /* name → AirStoreCollection, borrowed */
  AirMetric *operations, *seconds, *waiting;
  bool taking; /* operations: between start and stop */
  unsigned waiting_count;
  size_t waiting_bytes;
} AirStoreState;

/* Returns NULL before air_store_attach(). */
AirStoreState *air_store_get_state (AirStore *store);

/* store-field.c. Any thread. */
#define AIR_STORE_MAX_FIELD_BYTES 256
bool air_store_field_is_valid (const char *field);
/* Returns whether the schema allows such a member. *@ret_schema: what it must fit, NULL: anything. *@ret_required: whether no document
 * is without it. */
bool air_store_find_member (const AirSchema *schema, const char *field, const AirSchema **ret_schema, bool *ret_required);
/* AirStoreTypes; @schema NULL: any. */
unsigned air_store_schema_types (const AirSchema *schema);
/* What the elements of an array must fit; NULL: anything. */
const AirSchema *air_store_schema_items (const AirSchema *schema);

/* store-check.c: AIR_ERROR_INVALID for what is not taken. *@ret_bytes: about how much memory it holds. Any thread. */
bool air_store_measure (JsonNode *node, size_t *ret_bytes, GError **error);
bool air_store_check_filter (const AirStoreCollection *collection, JsonNode *filter, GError **error);
bool air_store_check_sort (const AirStoreCollection *collection, const char *sort, GError **error);
bool air_store_check_group (const AirStoreCollection *collection, JsonNode *group, GError **error);
/* store-changes.c */
bool air_store_check_changes (const AirStoreCollection *collection, JsonNode *filter, JsonNode *changes, unsigned flags,
                              GError **error);

/* store-cursor.c */
/* Returns: (transfer full) @filter and what comes after @cursor; NULL with AIR_ERROR_INVALID for a cursor that is none of this
 * collection, filter and sort. */
JsonNode *air_store_after_cursor (const AirStoreCollection *collection, JsonNode *filter, const char *sort, const char *cursor,
                                  GError **error);
/* A fingerprint of what a cursor belongs to. (transfer full) */
char *air_store_query_fingerprint (const AirStoreCollection *collection, JsonNode *filter, const char *sort);
/* (transfer full) the cursor behind @last. */
char *air_store_make_cursor (const AirStoreCollection *collection, const char *sort, const char *fingerprint, JsonNode *last);

G_END_DECLS
