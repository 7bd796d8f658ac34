/* The store's interface: what is called is checked and counted, and goes to the provider. Main thread. */
#include "data/store-private.h"

#include <airclass/error.h>
#include <errno.h>
#include <sys/random.h>

G_DEFINE_INTERFACE (AirStore, air_store, G_TYPE_OBJECT)

static void
air_store_default_init (AirStoreInterface *iface)
{
}

void
air_store_page_free (AirStorePage *page)
{
  if (page == NULL)
    return;
  g_clear_pointer (&page->documents, g_ptr_array_unref);
  g_free (page->cursor);
  g_free (page);
}

#define KEY_RANDOM 8
#define KEY_TIME 8

char *
air_store_new_key (void)
{
  static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  char *key = g_malloc0 (KEY_TIME + KEY_RANDOM + 1);
  uint64_t time_ms = (uint64_t)(g_get_real_time () / 1000);
  for (unsigned i = KEY_TIME; i-- > 0; time_ms /= 36)
    key[i] = digits[time_ms % 36];
  uint64_t random = 0; /* 36⁸ is 41 bits */
  if (getrandom (&random, sizeof random, 0) != sizeof random)
    g_error ("the kernel gives no random bytes: %s", g_strerror (errno));
  for (unsigned i = 0; i < KEY_RANDOM; i++, random /= 36)
    key[KEY_TIME + i] = digits[random % 36];
  return key;
}

/* ---- Operations */

#define MAX_WAITING 10000
#define MAX_WAITING_BYTES (64 * 1024 * 1024)
/* What an operation holds besides its document. */
#define OPERATION_BYTES 512
#define MAX_LIMIT 1000

/* The data of a task, until it is answered. */
typedef struct
{
  const char *name; /* static */
  int64_t started_us;
  size_t bytes;
  /* of find */
  const AirStoreCollection *collection;
  char *sort, *fingerprint;
} Operation;

static void
operation_free (gpointer data)
{
  Operation *operation = data;
  g_free (operation->sort);
  g_free (operation->fingerprint);
  g_free (operation);
}

static void
on_completed (GTask *task, GParamSpec *property, gpointer data)
{
  AirStoreState *state = air_store_get_state (g_task_get_source_object (task));
  Operation *operation = g_task_get_task_data (task);
  const char *const labels[] = { operation->name, g_task_had_error (task) ? "error" : "ok", NULL };
  air_metric_add (state->operations, 1, labels);
  air_metric_observe (state->seconds, (double)(g_get_monotonic_time () - operation->started_us) / G_USEC_PER_SEC,
                      (const char *const[]){ operation->name, NULL });
  state->waiting_count--;
  state->waiting_bytes -= operation->bytes;
  air_metric_set (state->waiting, state->waiting_count, NULL);
}

/* Answers @task when too much waits. */
static bool
has_room (AirStoreState *state, Operation *operation, GTask *task)
{
  state->waiting_count++;
  state->waiting_bytes += operation->bytes;
  air_metric_set (state->waiting, state->waiting_count, NULL);
  if (state->waiting_count <= MAX_WAITING && state->waiting_bytes <= MAX_WAITING_BYTES)
    return true;
  g_task_return_new_error (task, AIR_ERROR, AIR_ERROR_LIMIT, "too much waits for the store");
  return false;
}

/* @bytes: what it holds. Returns: (transfer full) *@ret_collection is NULL when the task was answered already. */
static GTask *
new_task (AirStore *store, const char *collection, void *tag, const char *name, size_t bytes, GAsyncReadyCallback callback,
          void *data, const AirStoreCollection **ret_collection)
{
  GTask *task = g_task_new (store, NULL, callback, data);
  AirStoreState *state = air_store_get_state (store);
  g_task_set_source_tag (task, tag);
  *ret_collection = NULL;
  if (state == NULL || state->collections == NULL)
    {
      g_task_return_new_error (task, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "the store is not there yet");
      return task;
    }
  if (!state->taking)
    {
      g_task_return_new_error (task, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "the store is closed");
      return task;
    }
  Operation *operation = g_new0 (Operation, 1);
  operation->name = name;
  operation->started_us = g_get_monotonic_time ();
  operation->bytes = bytes + OPERATION_BYTES;
  g_task_set_task_data (task, operation, operation_free);
  g_signal_connect (task, "notify::completed", G_CALLBACK (on_completed), NULL);
  if (!has_room (state, operation, task))
    return task;
  *ret_collection = g_hash_table_lookup (state->by_name, collection);
  if (*ret_collection == NULL)
    g_task_return_new_error (task, AIR_ERROR, AIR_ERROR_INVALID, "there is no collection \"%s\"", collection);
  return task;
}

/* Returns @is_good; otherwise answers with *@error. */
static bool
pass (GTask *task, bool is_good, GError **error)
{
  if (!is_good)
    g_task_return_error (task, *error);
  return is_good;
}

static bool
filter_passes (GTask *task, const AirStoreCollection *collection, JsonNode *filter)
{
  GError *error = NULL;
  return pass (task, air_store_check_filter (collection, filter, &error), &error);
}

void
air_store_insert (AirStore *store, const char *collection, JsonNode *document, GAsyncReadyCallback callback, void *data)
{
  size_t bytes = 0;
  GError *error = NULL;
  const AirStoreCollection *known = NULL;
  air_store_measure (document, &bytes, NULL);
  g_autoptr (GTask) task = new_task (store, collection, air_store_insert, "insert", bytes, callback, data, &known);
  if (known != NULL && pass (task, air_store_collection_check (known, document, &error), &error))
    AIR_STORE_GET_IFACE (store)->insert (store, collection, document, task);
}

bool
air_store_insert_finish (AirStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
air_store_get (AirStore *store, const char *collection, const char *key, GAsyncReadyCallback callback, void *data)
{
  const AirStoreCollection *known = NULL;
  g_autoptr (GTask) task = new_task (store, collection, air_store_get, "get", 0, callback, data, &known);
  if (known != NULL && g_utf8_validate (key, -1, NULL))
    AIR_STORE_GET_IFACE (store)->get (store, collection, key, task);
  else if (known != NULL)
    g_task_return_new_error (task, AIR_ERROR, AIR_ERROR_INVALID, "the key is not UTF-8");
}

JsonNode *
air_store_get_finish (AirStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Answers @task when the query is not taken. *@ret_filter: (transfer full) with the conditions of its cursor. */
static bool
query_passes (GTask *task, const AirStoreCollection *collection, const AirStoreQuery *query, JsonNode **ret_filter)
{
  GError *error = NULL;
  Operation *operation = g_task_get_task_data (task);
  *ret_filter = NULL;
  if (!pass (task,
             air_store_check_filter (collection, query->filter, &error) && air_store_check_sort (collection, query->sort, &error), &error))
    return false;
  operation->collection = collection;
  operation->sort = g_strdup (query->sort);
  operation->fingerprint = air_store_query_fingerprint (collection, query->filter, query->sort);
  if (query->cursor != NULL)
    *ret_filter = air_store_after_cursor (collection, query->filter, query->sort, query->cursor, &error);
  else if (query->filter != NULL)
    *ret_filter = json_node_ref (query->filter);
  return pass (task, error == NULL, &error);
}

void
air_store_find (AirStore *store, const char *collection, const AirStoreQuery *query, GAsyncReadyCallback callback, void *data)
{
  const AirStoreCollection *known = NULL;
  g_autoptr (JsonNode) filter = NULL;
  g_autoptr (GTask) task = new_task (store, collection, air_store_find, "find", 0, callback, data, &known);
  if (known == NULL || !query_passes (task, known, query, &filter))
    return;
  AirStoreQuery checked = { .filter = filter, .sort = query->sort, .limit = query->limit };
  if (checked.limit == 0 || checked.limit > MAX_LIMIT)
    checked.limit = MAX_LIMIT;
  AIR_STORE_GET_IFACE (store)->find (store, collection, &checked, task);
}

AirStorePage *
air_store_find_finish (AirStore *store, GAsyncResult *result, GError **error)
{
  AirStorePage *page = g_task_propagate_pointer (G_TASK (result), error);
  Operation *operation = g_task_get_task_data (G_TASK (result));
  if (page == NULL || page->cursor == NULL)
    return page;
  g_free (page->cursor);
  page->cursor = air_store_make_cursor (operation->collection, operation->sort, operation->fingerprint,
                                        g_ptr_array_index (page->documents, page->documents->len - 1));
  return page;
}

void
air_store_update (AirStore *store, const char *collection, JsonNode *filter, JsonNode *changes, AirStoreUpdateFlags flags,
                  GAsyncReadyCallback callback, void *data)
{
  size_t bytes = 0;
  GError *error = NULL;
  const AirStoreCollection *known = NULL;
  air_store_measure (changes, &bytes, NULL);
  g_autoptr (GTask) task = new_task (store, collection, air_store_update, "update", bytes, callback, data, &known);
  if (known != NULL && filter_passes (task, known, filter)
      && pass (task, air_store_check_changes (known, filter, changes, flags, &error), &error))
    AIR_STORE_GET_IFACE (store)->update (store, collection, filter, changes, flags, task);
}

/* The provider returns a g_new'd AirStoreUpdated. */
bool
air_store_update_finish (AirStore *store, GAsyncResult *result, AirStoreUpdated *ret_updated, GError **error)
{
  g_autofree AirStoreUpdated *updated = g_task_propagate_pointer (G_TASK (result), error);
  if (updated != NULL && ret_updated != NULL)
    *ret_updated = *updated;
  return updated != NULL;
}

void
air_store_remove (AirStore *store, const char *collection, JsonNode *filter, GAsyncReadyCallback callback, void *data)
{
  const AirStoreCollection *known = NULL;
  g_autoptr (GTask) task = new_task (store, collection, air_store_remove, "remove", 0, callback, data, &known);
  if (known == NULL || !filter_passes (task, known, filter))
    return;
  if (filter == NULL || json_object_get_size (json_node_get_object (filter)) == 0)
    g_task_return_new_error (task, AIR_ERROR, AIR_ERROR_INVALID, "what is removed is named by a filter that is not empty");
  else
    AIR_STORE_GET_IFACE (store)->remove (store, collection, filter, task);
}

int64_t
air_store_remove_finish (AirStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_int (G_TASK (result), error);
}

void
air_store_count (AirStore *store, const char *collection, JsonNode *filter, GAsyncReadyCallback callback, void *data)
{
  const AirStoreCollection *known = NULL;
  g_autoptr (GTask) task = new_task (store, collection, air_store_count, "count", 0, callback, data, &known);
  if (known != NULL && filter_passes (task, known, filter))
    AIR_STORE_GET_IFACE (store)->count (store, collection, filter, task);
}

int64_t
air_store_count_finish (AirStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_int (G_TASK (result), error);
}

void
air_store_aggregate (AirStore *store, const char *collection, JsonNode *filter, JsonNode *group, GAsyncReadyCallback callback,
                     void *data)
{
  GError *error = NULL;
  const AirStoreCollection *known = NULL;
  g_autoptr (GTask) task = new_task (store, collection, air_store_aggregate, "aggregate", 0, callback, data, &known);
  if (known != NULL && filter_passes (task, known, filter)
      && pass (task, air_store_check_group (known, group, &error), &error))
    AIR_STORE_GET_IFACE (store)->aggregate (store, collection, filter, group, task);
}

JsonNode *
air_store_aggregate_finish (AirStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
