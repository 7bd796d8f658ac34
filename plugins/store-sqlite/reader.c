/* As many connections as threads, so that one is always free for a thread. */
#define G_LOG_DOMAIN "air-store-sqlite"

#include "reader.h"

#include <airclass/airclass.h>

struct _Readers
{
  GThreadPool *pool;
  GAsyncQueue *connections; /* of sqlite3, free ones */
};

Read *
read_new (ReadKind kind, GTask *task, Statement *statement)
{
  Read *read = g_new0 (Read, 1);
  read->kind = kind;
  read->task = g_object_ref (task);
  read->statement = statement;
  return read;
}

static void
read_free (Read *read)
{
  g_object_unref (read->task);
  statement_free (read->statement);
  g_strfreev (read->names);
  g_free (read);
}

/* ---- What is read: each returns false with the error, and otherwise has answered the task */

static bool
get (Read *read, sqlite3_stmt *statement, GError **error)
{
  int code = sqlite3_step (statement);
  if (code == SQLITE_DONE)
    g_set_error_literal (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "there is no such document");
  if (code != SQLITE_ROW)
    return code == SQLITE_DONE ? false : database_fail (sqlite3_db_handle (statement), error);
  JsonNode *document = air_json_parse ((const char *)sqlite3_column_text (statement, 0), -1, error);
  if (document == NULL)
    return false;
  g_task_return_pointer (read->task, document, (GDestroyNotify)json_node_unref);
  return true;
}

static bool
find (Read *read, sqlite3_stmt *statement, GError **error)
{
  g_autoptr (AirStorePage) page = g_new0 (AirStorePage, 1);
  size_t bytes = 0;
  int code = SQLITE_ROW;
  page->documents = g_ptr_array_new_with_free_func ((GDestroyNotify)json_node_unref);
  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    {
      if (page->documents->len == read->limit || bytes > AIR_STORE_MAX_PAGE_BYTES)
        {
          page->cursor = g_strdup ("");
          break;
        }
      JsonNode *document = air_json_parse ((const char *)sqlite3_column_text (statement, 0), -1, error);
      if (document == NULL)
        return false;
      bytes += (size_t)sqlite3_column_bytes (statement, 0);
      g_ptr_array_add (page->documents, document);
    }
  if (code != SQLITE_DONE && code != SQLITE_ROW)
    return database_fail (sqlite3_db_handle (statement), error);
  g_task_return_pointer (read->task, g_steal_pointer (&page), (GDestroyNotify)air_store_page_free);
  return true;
}

static bool
count (Read *read, sqlite3_stmt *statement, GError **error)
{
  if (sqlite3_step (statement) != SQLITE_ROW)
    return database_fail (sqlite3_db_handle (statement), error);
  g_task_return_int (read->task, sqlite3_column_int64 (statement, 0));
  return true;
}

static JsonNode *
column_to_json (sqlite3_stmt *statement, int column)
{
  switch (sqlite3_column_type (statement, column))
    {
    case SQLITE_INTEGER:
      return json_node_init_int (json_node_alloc (), sqlite3_column_int64 (statement, column));
    case SQLITE_FLOAT:
      return json_node_init_double (json_node_alloc (), sqlite3_column_double (statement, column));
    case SQLITE_NULL:
      return json_node_new (JSON_NODE_NULL);
    default:
      return json_node_init_string (json_node_alloc (), (const char *)sqlite3_column_text (statement, column));
    }
}

static JsonObject *
row_to_object (const Read *read, sqlite3_stmt *statement)
{
  JsonObject *object = json_object_new ();
  int column = 0;
  for (unsigned i = 0; read->names[i] != NULL; i++)
    {
      JsonNode *value = column_to_json (statement, column++);
      /* json_node_init_boolean() on a node that has a value goes on using the value that it frees. */
      if (i < read->by_count && sqlite3_column_int (statement, column++) != 0)
        json_node_set_boolean (value, json_node_get_int (value) != 0);
      json_object_set_member (object, read->names[i], value);
    }
  return object;
}

static bool
aggregate (Read *read, sqlite3_stmt *statement, GError **error)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_ARRAY);
  JsonArray *array = json_array_new ();
  int code = SQLITE_ROW;
  json_node_take_array (node, array);
  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    {
      if (json_array_get_length (array) == AIR_STORE_MAX_GROUPS)
        {
          g_set_error (error, AIR_ERROR, AIR_ERROR_LIMIT, "there are more than %d groups", AIR_STORE_MAX_GROUPS);
          return false;
        }
      json_array_add_object_element (array, row_to_object (read, statement));
    }
  if (code != SQLITE_DONE)
    return database_fail (sqlite3_db_handle (statement), error);
  g_task_return_pointer (read->task, g_steal_pointer (&node), (GDestroyNotify)json_node_unref);
  return true;
}

/* ---- Threads */

static void
run (gpointer data, gpointer user_data)
{
  static bool (*const functions[]) (Read *, sqlite3_stmt *, GError **)
      = { [READ_GET] = get, [READ_FIND] = find, [READ_COUNT] = count, [READ_AGGREGATE] = aggregate };
  Readers *readers = user_data;
  Read *read = data;
  GError *error = NULL;
  sqlite3 *database = g_async_queue_pop (readers->connections);
  sqlite3_stmt *statement = statement_prepare (read->statement, database, &error);
  bool answered = statement != NULL && functions[read->kind](read, statement, &error);
  sqlite3_finalize (statement);
  g_async_queue_push (readers->connections, database);
  if (!answered)
    g_task_return_error (read->task, error);
  read_free (read);
}

static void
close_connection (gpointer database)
{
  sqlite3_close (database);
}

Readers *
readers_new (const char *path, unsigned count, GError **error)
{
  Readers *readers = g_new0 (Readers, 1);
  readers->connections = g_async_queue_new_full (close_connection);
  readers->pool = g_thread_pool_new (run, readers, (int)count, FALSE, NULL);
  for (unsigned i = 0; i < count; i++)
    {
      sqlite3 *database = database_open (path, false, error);
      if (database == NULL)
        {
          readers_free (readers);
          return NULL;
        }
      g_async_queue_push (readers->connections, database);
    }
  return readers;
}

void
readers_free (Readers *readers)
{
  if (readers == NULL)
    return;
  g_thread_pool_free (readers->pool, FALSE, TRUE);
  g_async_queue_unref (readers->connections);
  g_free (readers);
}

void
readers_push (Readers *readers, Read *read)
{
  g_thread_pool_push (readers->pool, read, NULL);
}
