#include "reader.h"

struct _Readers
{
  GThreadPool *pool;
  const Database *database;
};

Read *
read_new (ReadKind kind, const AirStoreCollection *collection, JsonNode *filter, GTask *task)
{
  Read *read = g_aligned_alloc0 (1, sizeof *read, _Alignof (Read)); /* a bson_t wants more than malloc() gives */
  read->kind = kind;
  read->collection = collection;
  read->task = g_object_ref (task);
  bson_from_json (&read->filter, filter, air_store_collection_get_key (collection));
  return read;
}

static void
read_free (Read *read)
{
  g_object_unref (read->task);
  bson_destroy (&read->filter);
  if (read->options != NULL)
    bson_destroy (read->options);
  g_free (read->group);
  g_aligned_free (read);
}

/* ---- What is read: each returns false with the error, and otherwise has answered the task */

static bool
get (Read *read, mongoc_cursor_t *cursor, GError **error)
{
  const bson_t *found = NULL;
  bson_error_t fault;
  if (mongoc_cursor_next (cursor, &found))
    {
      g_task_return_pointer (read->task, bson_to_json (found, air_store_collection_get_key (read->collection)),
                             (GDestroyNotify)json_node_unref);
      return true;
    }
  if (mongoc_cursor_error (cursor, &fault))
    return database_fail (&fault, error);
  g_set_error_literal (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "there is no such document");
  return false;
}

static bool
find (Read *read, mongoc_cursor_t *cursor, GError **error)
{
  g_autoptr (AirStorePage) page = g_new0 (AirStorePage, 1);
  const bson_t *found = NULL;
  bson_error_t fault;
  size_t bytes = 0;
  page->documents = g_ptr_array_new_with_free_func ((GDestroyNotify)json_node_unref);
  while (mongoc_cursor_next (cursor, &found))
    {
      if (page->documents->len == read->limit || bytes > AIR_STORE_MAX_PAGE_BYTES)
        {
          page->cursor = g_strdup ("");
          break;
        }
      bytes += found->len;
      g_ptr_array_add (page->documents, bson_to_json (found, air_store_collection_get_key (read->collection)));
    }
  if (mongoc_cursor_error (cursor, &fault))
    return database_fail (&fault, error);
  g_task_return_pointer (read->task, g_steal_pointer (&page), (GDestroyNotify)air_store_page_free);
  return true;
}

static bool
aggregate (Read *read, mongoc_cursor_t *cursor, GError **error)
{
  g_autoptr (JsonNode) group = json_from_string (read->group, NULL);
  JsonNode *groups = groups_make (cursor, group, air_store_collection_get_key (read->collection), error);
  if (groups == NULL)
    return false;
  g_task_return_pointer (read->task, groups, (GDestroyNotify)json_node_unref);
  return true;
}

static bool
count (Read *read, mongoc_collection_t *collection, GError **error)
{
  bson_error_t fault;
  int64_t found = mongoc_collection_count_documents (collection, &read->filter, NULL, NULL, NULL, &fault);
  if (found < 0)
    return database_fail (&fault, error);
  g_task_return_int (read->task, found);
  return true;
}

static bool
read_by_cursor (Read *read, mongoc_collection_t *collection, GError **error)
{
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts (collection, &read->filter, read->options, NULL);
  bool answered = read->kind == READ_GET    ? get (read, cursor, error)
                  : read->kind == READ_FIND ? find (read, cursor, error)
                                            : aggregate (read, cursor, error);
  mongoc_cursor_destroy (cursor);
  return answered;
}

/* ---- Threads */

static void
run (gpointer data, gpointer user_data)
{
  Readers *readers = user_data;
  Read *read = data;
  GError *error = NULL;
  mongoc_client_t *client = mongoc_client_pool_pop (readers->database->pool);
  mongoc_collection_t *collection = database_get_collection (readers->database, client, read->collection);
  if (!(read->kind == READ_COUNT ? count (read, collection, &error) : read_by_cursor (read, collection, &error)))
    g_task_return_error (read->task, error);
  mongoc_collection_destroy (collection);
  mongoc_client_pool_push (readers->database->pool, client);
  read_free (read);
}

Readers *
readers_new (const Database *database, unsigned count)
{
  Readers *readers = g_new0 (Readers, 1);
  readers->database = database;
  readers->pool = g_thread_pool_new (run, readers, (int)count, FALSE, NULL);
  return readers;
}

void
readers_free (Readers *readers)
{
  if (readers == NULL)
    return;
  g_thread_pool_free (readers->pool, FALSE, TRUE);
  g_free (readers);
}

void
readers_push (Readers *readers, Read *read)
{
  g_thread_pool_push (readers->pool, read, NULL);
}
