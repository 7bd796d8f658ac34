/* Opening, tables, indexes, errors. A collection is one table: the key, and the document as JSON text; its indexes are over what
 * json_extract() takes from the text. */
#include "database.h"

#include <airclass/error.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* For the moment in which the other connection holds what we want: opening, checkpoints. */
#define BUSY_TIMEOUT_MS 5000
#define DATABASE_FAULT "the database: "

bool
database_fail (sqlite3 *database, GError **error)
{
  int code = sqlite3_errcode (database);
  AirErrorCode kind = AIR_ERROR_UNAVAILABLE;
  if (code == SQLITE_CONSTRAINT)
    kind = AIR_ERROR_CONFLICT;
  else if (code == SQLITE_TOOBIG)
    kind = AIR_ERROR_LIMIT;
  else if (code == SQLITE_ERROR)
    kind = AIR_ERROR_FAILED;
  if (kind == AIR_ERROR_CONFLICT)
    g_set_error_literal (error, AIR_ERROR, kind, "there is already such a document");
  else
    g_set_error (error, AIR_ERROR, kind, DATABASE_FAULT "%s", sqlite3_errmsg (database));
  return false;
}

bool
database_run (sqlite3 *database, const char *sql, GError **error)
{
  return sqlite3_exec (database, sql, NULL, NULL, NULL) == SQLITE_OK || database_fail (database, error);
}

sqlite3_stmt *
database_prepare (sqlite3 *database, const char *sql, GError **error)
{
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2 (database, sql, -1, &statement, NULL) != SQLITE_OK)
    database_fail (database, error);
  return statement;
}

bool
database_step (sqlite3 *database, sqlite3_stmt *statement, GError **error)
{
  return sqlite3_step (statement) == SQLITE_DONE || database_fail (database, error);
}

sqlite3 *
database_open (const char *path, bool writes, GError **error)
{
  sqlite3 *database = NULL;
  int flags = SQLITE_OPEN_NOMUTEX | (writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
  if (sqlite3_open_v2 (path, &database, flags, NULL) != SQLITE_OK)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "cannot open '%s': %s", path, sqlite3_errmsg (database));
      sqlite3_close (database);
      return NULL;
    }
  sqlite3_busy_timeout (database, BUSY_TIMEOUT_MS);
  bool prepared = database_run (database, "PRAGMA temp_store=MEMORY", error)
                  && (!writes || database_run (database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", error));
  if (prepared)
    return database;
  g_prefix_error (error, "'%s': ", path);
  sqlite3_close (database);
  return NULL;
}

char *
database_table (const AirStoreCollection *collection)
{
  return g_strdup_printf ("\"c_%s\"", air_store_collection_get_name (collection));
}

void
database_append_field (GString *sql, const AirStoreCollection *collection, const char *field)
{
  if (strcmp (field, air_store_collection_get_key (collection)) == 0)
    {
      g_string_append (sql, "key");
      return;
    }
  g_auto (GStrv) parts = g_strsplit (field, ".", -1);
  g_string_append (sql, "json_extract(document,'$");
  for (unsigned i = 0; parts[i] != NULL; i++)
    g_string_append_printf (sql, ".\"%s\"", parts[i]);
  g_string_append (sql, "')");
}

/* ---- Tables and indexes */

/* An index's name tells what it is, so that one whose description changed is another. */
static char *
index_name (const AirStoreCollection *collection, const AirStoreIndex *index)
{
  g_autofree char *fields = g_strjoinv (",", index->fields);
  return g_strdup_printf ("i_%s/%s%s", air_store_collection_get_name (collection), fields, index->unique ? "/unique" : "");
}

static bool
make_index (sqlite3 *database, const AirStoreCollection *collection, const AirStoreIndex *index, const char *name, GError **error)
{
  g_autofree char *table = database_table (collection);
  g_autoptr (GString) sql = g_string_new (NULL);
  g_string_append_printf (sql, "CREATE %sINDEX IF NOT EXISTS \"%s\" ON %s (", index->unique ? "UNIQUE " : "", name, table);
  for (unsigned i = 0; index->fields[i] != NULL; i++)
    {
      const char *field = index->fields[i];
      g_string_append (sql, i > 0 ? ", " : "");
      database_append_field (sql, collection, *field == '-' ? field + 1 : field);
      g_string_append (sql, *field == '-' ? " DESC" : "");
    }
  g_string_append_c (sql, ')');
  if (database_run (database, sql->str, error))
    return true;
  g_prefix_error (error, "index \"%s\": ", name);
  return false;
}

static bool
make_table (sqlite3 *database, const AirStoreCollection *collection, GHashTable *wanted, GError **error)
{
  g_autofree char *table = database_table (collection);
  g_autofree char *sql
      = g_strdup_printf ("CREATE TABLE IF NOT EXISTS %s (key TEXT PRIMARY KEY NOT NULL, document TEXT NOT NULL)", table);
  GPtrArray *indexes = air_store_collection_get_indexes (collection);
  if (!database_run (database, sql, error))
    return false;
  for (unsigned i = 0; i < indexes->len; i++)
    {
      char *name = index_name (collection, g_ptr_array_index (indexes, i));
      g_hash_table_add (wanted, name);
      if (!make_index (database, collection, g_ptr_array_index (indexes, i), name, error))
        return false;
    }
  return true;
}

static bool
drop_other_indexes (sqlite3 *database, GHashTable *wanted, GError **error)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  sqlite3_stmt *statement = database_prepare (database, "SELECT name FROM sqlite_schema WHERE type='index' AND name GLOB 'i_*'", error);
  if (statement == NULL)
    return false;
  while (sqlite3_step (statement) == SQLITE_ROW)
    {
      const char *name = (const char *)sqlite3_column_text (statement, 0);
      if (!g_hash_table_contains (wanted, name))
        g_string_append_printf (sql, "DROP INDEX \"%s\";", name);
    }
  sqlite3_finalize (statement);
  return database_run (database, sql->str, error);
}

bool
database_make_tables (sqlite3 *database, GPtrArray *collections, GError **error)
{
  g_autoptr (GHashTable) wanted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  bool made = database_run (database, "BEGIN IMMEDIATE", error);
  for (unsigned i = 0; made && i < collections->len; i++)
    made = make_table (database, g_ptr_array_index (collections, i), wanted, error);
  made = made && drop_other_indexes (database, wanted, error) && database_run (database, "COMMIT", error);
  if (!made)
    database_run (database, "ROLLBACK", NULL);
  return made;
}
