/* What the writer does within its transaction. Changes are applied to the document here, not by SQL, so that they mean the same as
 * with any other database. Writer thread. */
#include "writer.h"

#include <airclass/airclass.h>

static bool
insert (const Write *write, sqlite3 *database, const char *key, const char *document, GError **error)
{
  g_autofree char *table = database_table (write->base.collection);
  g_autofree char *sql = g_strdup_printf ("INSERT INTO %s (key, document) VALUES (?, ?)", table);
  sqlite3_stmt *statement = database_prepare (database, sql, error);
  if (statement == NULL)
    return false;
  sqlite3_bind_text (statement, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, document, -1, SQLITE_STATIC);
  bool inserted = database_step (database, statement, error);
  sqlite3_finalize (statement);
  return inserted;
}

bool
write_insert (Write *write, sqlite3 *database, GError **error)
{
  return insert (write, database, write->key, write->document, error);
}

bool
write_remove (Write *write, sqlite3 *database, GError **error)
{
  sqlite3_stmt *statement = statement_prepare (write->statement, database, error);
  if (statement == NULL)
    return false;
  bool removed = database_step (database, statement, error);
  sqlite3_finalize (statement);
  write->base.count = sqlite3_changes64 (database);
  return removed;
}

/* ---- Updates */

/* (transfer full) (element-type utf8) the keys of those that match. */
static GPtrArray *
find_keys (const Write *write, sqlite3 *database, GError **error)
{
  sqlite3_stmt *statement = statement_prepare (write->statement, database, error);
  if (statement == NULL)
    return NULL;
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  int code = SQLITE_ROW;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    g_ptr_array_add (keys, g_strdup ((const char *)sqlite3_column_text (statement, 0)));
  bool found = code == SQLITE_DONE || database_fail (database, error);
  sqlite3_finalize (statement);
  return found ? g_steal_pointer (&keys) : NULL;
}

typedef struct
{
  Write *write;
  sqlite3 *database;
  sqlite3_stmt *select, *update;
  JsonNode *changes;
} Update;

static JsonNode *
read_document (Update *update, const char *key, GError **error)
{
  JsonNode *document = NULL;
  sqlite3_reset (update->select);
  sqlite3_bind_text (update->select, 1, key, -1, SQLITE_STATIC);
  if (sqlite3_step (update->select) == SQLITE_ROW)
    document = air_json_parse ((const char *)sqlite3_column_text (update->select, 0), -1, error);
  else
    database_fail (update->database, error);
  sqlite3_reset (update->select);
  return document;
}

static bool
update_one (Update *update, const char *key, GError **error)
{
  bool modified = false;
  g_autoptr (JsonNode) document = read_document (update, key, error);
  if (document == NULL || !air_store_apply (document, update->changes, false, &modified, error))
    return false;
  update->write->base.updated.matched++;
  if (!modified)
    return true;
  g_autofree char *text = air_json_to_string (document);
  sqlite3_reset (update->update);
  sqlite3_bind_text (update->update, 1, text, -1, SQLITE_STATIC);
  sqlite3_bind_text (update->update, 2, key, -1, SQLITE_STATIC);
  update->write->base.updated.modified++;
  bool updated = database_step (update->database, update->update, error);
  sqlite3_reset (update->update);
  return updated;
}

static bool
update_all (Write *write, sqlite3 *database, GPtrArray *keys, GError **error)
{
  g_autofree char *table = database_table (write->base.collection);
  g_autofree char *select = g_strdup_printf ("SELECT document FROM %s WHERE key = ?", table);
  g_autofree char *sql = g_strdup_printf ("UPDATE %s SET document = ? WHERE key = ?", table);
  g_autoptr (JsonNode) changes = air_json_parse (write->changes, -1, error);
  Update update = { write, database, database_prepare (database, select, error), NULL, changes };
  bool updated = update.select != NULL && changes != NULL;
  if (updated)
    update.update = database_prepare (database, sql, error);
  updated = updated && update.update != NULL;
  for (unsigned i = 0; updated && i < keys->len; i++)
    updated = update_one (&update, g_ptr_array_index (keys, i), error);
  sqlite3_finalize (update.select);
  sqlite3_finalize (update.update);
  return updated;
}

bool
write_update (Write *write, sqlite3 *database, GError **error)
{
  g_autoptr (GPtrArray) keys = find_keys (write, database, error);
  if (keys == NULL)
    return false;
  if (keys->len > 0 || !(write->flags & AIR_STORE_UPSERT))
    return update_all (write, database, keys, error);
  write->base.updated.inserted = insert (write, database, write->key, write->document, error);
  return write->base.updated.inserted;
}
