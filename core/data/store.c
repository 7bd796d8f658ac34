/* The store's interface: from the public functions to the provider. Main thread. */
#include <airclass/store.h>

#include <errno.h>
#include <sys/random.h>

G_DEFINE_INTERFACE (AirStore, air_store, G_TYPE_OBJECT)

static void
air_store_default_init (AirStoreInterface *iface)
{
}

static GTask *
new_task (AirStore *store, void *tag, GAsyncReadyCallback callback, void *data)
{
  GTask *task = g_task_new (store, NULL, callback, data);
  g_task_set_source_tag (task, tag);
  return task;
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

void
air_store_insert (AirStore *store, const char *collection, JsonNode *document, GAsyncReadyCallback callback, void *data)
{
  g_autoptr (GTask) task = new_task (store, air_store_insert, callback, data);
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
  g_autoptr (GTask) task = new_task (store, air_store_get, callback, data);
  AIR_STORE_GET_IFACE (store)->get (store, collection, key, task);
}

JsonNode *
air_store_get_finish (AirStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
air_store_find (AirStore *store, const char *collection, const AirStoreQuery *query, GAsyncReadyCallback callback, void *data)
{
  g_autoptr (GTask) task = new_task (store, air_store_find, callback, data);
  AIR_STORE_GET_IFACE (store)->find (store, collection, query, task);
}

AirStorePage *
air_store_find_finish (AirStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
air_store_update (AirStore *store, const char *collection, JsonNode *filter, JsonNode *changes, AirStoreUpdateFlags flags,
                  GAsyncReadyCallback callback, void *data)
{
  g_autoptr (GTask) task = new_task (store, air_store_update, callback, data);
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
  g_autoptr (GTask) task = new_task (store, air_store_remove, callback, data);
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
  g_autoptr (GTask) task = new_task (store, air_store_count, callback, data);
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
  g_autoptr (GTask) task = new_task (store, air_store_aggregate, callback, data);
  AIR_STORE_GET_IFACE (store)->aggregate (store, collection, filter, group, task);
}

JsonNode *
air_store_aggregate_finish (AirStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
