/* Pages of several collections. */
#include "collect.h"

/* More rows than any class makes; a report does not fill the memory. */
#define MAX_DOCUMENTS 200000

typedef struct
{
  Classroom *classroom;
  CollectQuery queries[COLLECT_MAX_QUERIES];
  GPtrArray *results[COLLECT_MAX_QUERIES];
  unsigned count, at, documents;
  char *cursor;
  CollectDone done;
  void *data;
} Collection;

static void
finish (Collection *collection, const GError *error)
{
  Classroom *classroom = collection->classroom;
  collection->done (error == NULL ? collection->results : NULL, error, collection->data);
  for (unsigned i = 0; i < collection->count; i++)
    {
      g_ptr_array_unref (collection->results[i]);
      json_node_unref (collection->queries[i].filter);
    }
  g_free (collection->cursor);
  g_free (collection);
  classroom_end_write (classroom);
}

static void ask (Collection *collection);

static void
on_page (GObject *store, GAsyncResult *result, gpointer data)
{
  Collection *collection = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (store), result, &error);
  g_clear_pointer (&collection->cursor, g_free);
  bool is_missing = g_error_matches (error, AIR_ERROR, AIR_ERROR_INVALID) || g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND);
  if (page == NULL && !is_missing)
    {
      finish (collection, error);
      return;
    }
  for (unsigned i = 0; page != NULL && i < page->documents->len; i++)
    g_ptr_array_add (collection->results[collection->at], json_node_ref (page->documents->pdata[i]));
  collection->documents += page != NULL ? page->documents->len : 0;
  if (page != NULL && collection->documents < MAX_DOCUMENTS)
    collection->cursor = g_steal_pointer (&page->cursor);
  if (collection->cursor == NULL)
    collection->at++;
  if (collection->at < collection->count)
    ask (collection);
  else
    finish (collection, NULL);
}

static void
ask (Collection *collection)
{
  const CollectQuery *wanted = &collection->queries[collection->at];
  const AirStoreQuery query = { .filter = wanted->filter, .sort = wanted->sort, .cursor = collection->cursor };
  air_store_find (collection->classroom->store, wanted->collection, &query, on_page, collection);
}

void
collect (Classroom *classroom, const CollectQuery *queries, unsigned count, CollectDone done, void *data)
{
  g_return_if_fail (count > 0 && count <= COLLECT_MAX_QUERIES);
  Collection *collection = g_new0 (Collection, 1);
  collection->classroom = classroom;
  collection->count = count;
  collection->done = done;
  collection->data = data;
  for (unsigned i = 0; i < count; i++)
    {
      collection->queries[i] = queries[i];
      collection->results[i] = g_ptr_array_new_with_free_func ((GDestroyNotify)json_node_unref);
    }
  classroom_begin_write (classroom);
  ask (collection);
}
