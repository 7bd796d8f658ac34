/* The store: documents in collections. One plugin provides it (service "store"), everything that keeps something uses it.
 *
 * A collection is described by schemas/store/NAME.json: the JSON Schema of its documents, `x-key` (the member that is its
 * primary key, a text), and `x-indexes` ([{"fields": ["class_id", "-started_at"], "unique": true}, …]). Collections that
 * have no such file are not taken. Times are RFC 3339 UTC texts with milliseconds, so that they sort as texts.
 *
 * All functions are called on the main thread and never wait; the callback comes on the main thread, later, and always: a plugin
 * whose state it uses waits in its stop() for those that are still to come. A write is acknowledged only when it is durable. Writes of
 * one caller are applied in the order of the calls; but those with AIR_STORE_BULK let the others pass.
 *
 * Filters are JSON objects, a subset of MongoDB's: {field: value} (also a member of an array), {field: {$ne $gt $gte $lt $lte
 * $in $nin $exists: …}}, $and, $or; fields may be dotted. Changes are {$set $unset $inc $max $min $push $pull $addToSet
 * $setOnInsert: {field: value}}. Anything else, and a field that the schema does not have, is AIR_ERROR_INVALID. A dotted field goes
 * through objects, not into the elements of arrays; {field: null} matches absent ones too. A sort is by fields that are always texts, or
 * always numbers (or null). Never put a stranger's object into a filter, only texts and numbers.
 *
 * A document has up to 1 MiB of JSON, 32 levels, 100,000 values; its members' names are not empty, have no '.' and no '$' in front. What
 * a change sets must fit the schema of that member; what an upsert would insert must fit as a whole.
 *
 * Errors: AIR_ERROR_INVALID (the document does not fit its schema, a bad filter), AIR_ERROR_CONFLICT (a unique index),
 * AIR_ERROR_NOT_FOUND (get), AIR_ERROR_UNAVAILABLE (the database is away), AIR_ERROR_LIMIT (too much waits).
 */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#include <airclass/types.h>

G_BEGIN_DECLS

#define AIR_STORE_SERVICE "store"

#define AIR_TYPE_STORE (air_store_get_type ())
AIR_PUBLIC G_DECLARE_INTERFACE (AirStore, air_store, AIR, STORE, GObject)

/* What is looked for. Strings are borrowed for the call. */
typedef struct
{
  JsonNode *filter;   /* (transfer none) NULL: all */
  const char *sort;   /* "-at,name": fields, '-' for descending; NULL: by the primary key. The key always breaks ties. */
  unsigned limit;     /* 1 to 1000; 0: 1000 */
  const char *cursor; /* of the page before, for the same filter and sort; NULL: from the start */
} AirStoreQuery;

typedef struct
{
  GPtrArray *documents; /* (element-type JsonNode) */
  char *cursor;         /* of the next page; NULL: this was the last */
} AirStorePage;

typedef enum
{
  AIR_STORE_UPDATE_ONE = 0,
  AIR_STORE_UPDATE_MANY = 1 << 0,
  AIR_STORE_UPSERT = 1 << 1, /* none matches: insert what the filter's equalities, the changes and $setOnInsert make */
  /* One of many that nobody waits for: done in small groups when nothing else is to be written, though not put off for ever. Among
   * one another they keep the order of the calls, so all changes of such a document are bulk, or it does not matter which is first. */
  AIR_STORE_BULK = 1 << 2,
} AirStoreUpdateFlags;

typedef struct
{
  unsigned matched, modified;
  bool inserted; /* by AIR_STORE_UPSERT */
} AirStoreUpdated;

/* What a provider implements: each answers through @task (borrowed; take a reference, set no task data) with what the _finish
 * function returns. What comes in was checked, see store-provider.h. A query has a limit and no cursor; the page's cursor is "" when
 * there is more, and made by air_store_find_finish(). */
struct _AirStoreInterface
{
  GTypeInterface parent;
  void (*insert) (AirStore *store, const char *collection, JsonNode *document, GTask *task);
  void (*get) (AirStore *store, const char *collection, const char *key, GTask *task);
  void (*find) (AirStore *store, const char *collection, const AirStoreQuery *query, GTask *task);
  void (*update) (AirStore *store, const char *collection, JsonNode *filter, JsonNode *changes, AirStoreUpdateFlags flags,
                  GTask *task);
  void (*remove) (AirStore *store, const char *collection, JsonNode *filter, GTask *task);
  void (*count) (AirStore *store, const char *collection, JsonNode *filter, GTask *task);
  void (*aggregate) (AirStore *store, const char *collection, JsonNode *filter, JsonNode *group, GTask *task);
};

/* A new primary key: 16 characters [0-9a-z], unguessable, roughly in the order of time. (transfer full) Any thread. */
AIR_PUBLIC char *air_store_new_key (void);

/* @document: (transfer none), an object; it is not changed afterwards. */
AIR_PUBLIC void air_store_insert (AirStore *store, const char *collection, JsonNode *document, GAsyncReadyCallback callback,
                                  void *data);
AIR_PUBLIC bool air_store_insert_finish (AirStore *store, GAsyncResult *result, GError **error);

AIR_PUBLIC void air_store_get (AirStore *store, const char *collection, const char *key, GAsyncReadyCallback callback,
                               void *data);
/* Returns: (transfer full) the document, or NULL with the error. */
AIR_PUBLIC JsonNode *air_store_get_finish (AirStore *store, GAsyncResult *result, GError **error);

AIR_PUBLIC void air_store_find (AirStore *store, const char *collection, const AirStoreQuery *query,
                                GAsyncReadyCallback callback, void *data);
/* Returns: (transfer full) a page, never NULL without an error. */
AIR_PUBLIC AirStorePage *air_store_find_finish (AirStore *store, GAsyncResult *result, GError **error);
AIR_PUBLIC void air_store_page_free (AirStorePage *page);

/* @filter, @changes: (transfer none) */
AIR_PUBLIC void air_store_update (AirStore *store, const char *collection, JsonNode *filter, JsonNode *changes,
                                  AirStoreUpdateFlags flags, GAsyncReadyCallback callback, void *data);
/* @ret_updated may be NULL. */
AIR_PUBLIC bool air_store_update_finish (AirStore *store, GAsyncResult *result, AirStoreUpdated *ret_updated, GError **error);

/* Deletes all that match; @filter (transfer none) must not be empty. */
AIR_PUBLIC void air_store_remove (AirStore *store, const char *collection, JsonNode *filter, GAsyncReadyCallback callback,
                                  void *data);
/* Returns: how many went, or -1 with the error. */
AIR_PUBLIC int64_t air_store_remove_finish (AirStore *store, GAsyncResult *result, GError **error);

AIR_PUBLIC void air_store_count (AirStore *store, const char *collection, JsonNode *filter, GAsyncReadyCallback callback,
                                 void *data);
AIR_PUBLIC int64_t air_store_count_finish (AirStore *store, GAsyncResult *result, GError **error);

/* Groups what matches. @group: {"by": ["student_id", …], "values": {"n": {"$sum": 1}, "points": {"$sum": "points"}, "mean": {"$avg":
 * "response_ms"}, "first": {"$min": "at"}, "last": {"$max": "at"}}}; `by` may be empty: one group of all. */
AIR_PUBLIC void air_store_aggregate (AirStore *store, const char *collection, JsonNode *filter, JsonNode *group,
                                     GAsyncReadyCallback callback, void *data);
/* Returns: (transfer full) an array of objects with the members of `by` and `values`, in the order of `by`. At most 10,000. */
AIR_PUBLIC JsonNode *air_store_aggregate_finish (AirStore *store, GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirStorePage, air_store_page_free)

G_END_DECLS
