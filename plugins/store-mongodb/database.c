/* libmongoc waits 30 s for a dead server unless told otherwise; here nothing waits longer than 2 s. */
#include "database.h"

#include <string.h>

#define TIMEOUT_MS 2000
#define POOL_SIZE 12

static void
on_log (mongoc_log_level_t level, const char *domain, const char *message, void *data)
{
  g_log ("air-store-mongodb", G_LOG_LEVEL_DEBUG, "%s: %s", domain, message);
}

static void
limit_timeout (mongoc_uri_t *uri, const char *option)
{
  int32_t value = mongoc_uri_get_option_as_int32 (uri, option, TIMEOUT_MS);
  mongoc_uri_set_option_as_int32 (uri, option, value > 0 && value < TIMEOUT_MS ? value : TIMEOUT_MS);
}

Database *
database_new (const char *text, const char *name, GError **error)
{
  static gsize initialized;
  if (g_once_init_enter (&initialized))
    {
      mongoc_init ();
      mongoc_log_set_handler (on_log, NULL);
      g_once_init_leave (&initialized, 1);
    }
  bson_error_t fault;
  mongoc_uri_t *uri = mongoc_uri_new_with_error (text, &fault);
  if (uri == NULL)
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID, "uri is no mongodb://HOST[:PORT]/…");
      return NULL;
    }
  limit_timeout (uri, MONGOC_URI_CONNECTTIMEOUTMS);
  limit_timeout (uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS);
  limit_timeout (uri, MONGOC_URI_SOCKETTIMEOUTMS);
  mongoc_uri_set_option_as_bool (uri, MONGOC_URI_RETRYWRITES, false); /* ours, which know what they did */
  mongoc_uri_set_option_as_int32 (uri, MONGOC_URI_MAXPOOLSIZE, POOL_SIZE);
  mongoc_uri_set_appname (uri, "airclass");
  Database *database = g_new0 (Database, 1);
  database->name = g_strdup (name);
  database->pool = mongoc_client_pool_new (uri);
  mongoc_uri_destroy (uri);
  if (database->pool == NULL)
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID, "uri asks for what this build of the driver does not have");
      database_free (database);
      return NULL;
    }
  mongoc_client_pool_set_error_api (database->pool, MONGOC_ERROR_API_VERSION_2);
  return database;
}

void
database_free (Database *database)
{
  if (database == NULL)
    return;
  g_clear_pointer (&database->pool, mongoc_client_pool_destroy);
  g_free (database->name);
  g_free (database);
}

/* Answers of a server that is not, or no longer, the one that takes writes, or that stops; and a time-out of the write concern. */
static bool
is_away (uint32_t code)
{
  static const uint32_t codes[] = { 6, 7, 50, 64, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436 };
  for (unsigned i = 0; i < G_N_ELEMENTS (codes); i++)
    if (codes[i] == code)
      return true;
  return false;
}

bool
database_fail (const bson_error_t *fault, GError **error)
{
  bool from_server = fault->domain == MONGOC_ERROR_SERVER || fault->domain == MONGOC_ERROR_COMMAND || fault->domain == MONGOC_ERROR_WRITE_CONCERN;
  /* FerretDB gives the code for inserts only. */
  bool is_duplicate = fault->code == MONGOC_ERROR_DUPLICATE_KEY || strstr (fault->message, "UNIQUE constraint failed") != NULL;
  if (from_server && is_duplicate)
    g_set_error_literal (error, AIR_ERROR, AIR_ERROR_CONFLICT, "there is already such a document");
  else if (from_server && !is_away (fault->code))
    g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "the database: %s", fault->message);
  else
    g_set_error (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "the database is away: %s", fault->message);
  return false;
}

mongoc_collection_t *
database_get_collection (const Database *database, mongoc_client_t *client, const AirStoreCollection *collection)
{
  return mongoc_client_get_collection (client, database->name, air_store_collection_get_name (collection));
}

static bool
command (const Database *database, mongoc_client_t *client, const bson_t *request, bson_t *reply, GError **error)
{
  bson_error_t fault;
  return mongoc_client_command_simple (client, database->name, request, NULL, reply, &fault) || database_fail (&fault, error);
}

bool
database_ping (const Database *database, mongoc_client_t *client, GError **error)
{
  bson_t *request = BCON_NEW ("ping", BCON_INT32 (1));
  bson_t reply;
  bool answered = command (database, client, request, &reply, error);
  bson_destroy (&reply);
  bson_destroy (request);
  return answered;
}

/* An index's name tells what it is, so that one whose description changed is another. */
static char *
index_name (const AirStoreIndex *index)
{
  g_autoptr (GString) name = g_string_new ("air");
  for (unsigned i = 0; index->fields[i] != NULL; i++)
    {
      bool descending = *index->fields[i] == '-';
      g_string_append_printf (name, "_%s_%s", index->fields[i] + descending, descending ? "down" : "up");
    }
  g_string_append (name, index->unique ? "_unique" : "");
  g_strdelimit (name->str, ".", '-');
  return g_strdup (name->str);
}

/* (transfer full) the names of the indexes that are there; NULL with the error. */
static GHashTable *
list_indexes (mongoc_collection_t *collection, GError **error)
{
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  mongoc_cursor_t *cursor = mongoc_collection_find_indexes_with_opts (collection, NULL);
  const bson_t *found = NULL;
  bson_error_t fault;
  bson_iter_t iter;
  while (mongoc_cursor_next (cursor, &found))
    if (bson_iter_init_find (&iter, found, "name") && BSON_ITER_HOLDS_UTF8 (&iter))
      g_hash_table_add (names, g_strdup (bson_iter_utf8 (&iter, NULL)));
  bool failed = mongoc_cursor_error (cursor, &fault);
  if (failed)
    database_fail (&fault, error);
  mongoc_cursor_destroy (cursor);
  return failed ? NULL : g_steal_pointer (&names);
}

static bool
make_index (const Database *database, mongoc_client_t *client, const AirStoreCollection *collection, const AirStoreIndex *index,
            const char *name, GError **error)
{
  bson_t request = BSON_INITIALIZER, list, entry, key, reply;
  BSON_APPEND_UTF8 (&request, "createIndexes", air_store_collection_get_name (collection));
  BSON_APPEND_ARRAY_BEGIN (&request, "indexes", &list);
  BSON_APPEND_DOCUMENT_BEGIN (&list, "0", &entry);
  BSON_APPEND_DOCUMENT_BEGIN (&entry, "key", &key);
  for (unsigned i = 0; index->fields[i] != NULL; i++)
    {
      bool descending = *index->fields[i] == '-';
      const char *field = index->fields[i] + descending;
      bool is_key = strcmp (field, air_store_collection_get_key (collection)) == 0;
      bson_append_int32 (&key, is_key ? "_id" : field, -1, descending ? -1 : 1);
    }
  bson_append_document_end (&entry, &key);
  BSON_APPEND_UTF8 (&entry, "name", name);
  if (index->unique)
    BSON_APPEND_BOOL (&entry, "unique", true);
  bson_append_document_end (&list, &entry);
  bson_append_array_end (&request, &list);
  bool made = command (database, client, &request, &reply, error);
  bson_destroy (&reply);
  bson_destroy (&request);
  return made;
}

/* One by one, and only those that are missing: FerretDB 1.24 ends the connection of who asks for several that are there. */
static bool
make_indexes (const Database *database, mongoc_client_t *client, const AirStoreCollection *collection, GError **error)
{
  GPtrArray *indexes = air_store_collection_get_indexes (collection);
  mongoc_collection_t *stored = database_get_collection (database, client, collection);
  g_autoptr (GHashTable) there = list_indexes (stored, error);
  bool made = there != NULL;
  for (unsigned i = 0; made && i < indexes->len; i++)
    {
      const AirStoreIndex *index = g_ptr_array_index (indexes, i);
      g_autofree char *name = index_name (index);
      if (!g_hash_table_remove (there, name))
        made = make_index (database, client, collection, index, name, error);
    }
  GHashTableIter iter;
  gpointer name = NULL;
  bson_error_t fault;
  if (made)
    for (g_hash_table_iter_init (&iter, there); made && g_hash_table_iter_next (&iter, &name, NULL);)
      if (g_str_has_prefix (name, "air_"))
        made = mongoc_collection_drop_index_with_opts (stored, name, NULL, &fault) || database_fail (&fault, error);
  mongoc_collection_destroy (stored);
  if (!made)
    g_prefix_error (error, "indexes of %s: ", air_store_collection_get_name (collection));
  return made;
}

bool
database_make_indexes (const Database *database, mongoc_client_t *client, GPtrArray *collections, GError **error)
{
  for (unsigned i = 0; i < collections->len; i++)
    if (!make_indexes (database, client, g_ptr_array_index (collections, i), error))
      return false;
  return true;
}

char *
database_get_term (const Database *database, mongoc_client_t *client, GError **error)
{
  bson_t *request = BCON_NEW ("hello", BCON_INT32 (1));
  bson_t reply;
  bson_iter_t iter;
  char *term = NULL;
  if (command (database, client, request, &reply, error))
    {
      char oid[25] = "";
      if (bson_iter_init_find (&iter, &reply, "electionId") && BSON_ITER_HOLDS_OID (&iter))
        bson_oid_to_string (bson_iter_oid (&iter), oid);
      const char *me = bson_iter_init_find (&iter, &reply, "me") && BSON_ITER_HOLDS_UTF8 (&iter) ? bson_iter_utf8 (&iter, NULL) : "";
      term = g_strdup_printf ("%s %s", me, oid);
    }
  bson_destroy (&reply);
  bson_destroy (request);
  return term;
}

bool
database_sync (const Database *database, mongoc_client_t *client, const char *node, GError **error)
{
  mongoc_collection_t *collection = mongoc_client_get_collection (client, database->name, "airclass_nodes");
  bson_t *selector = BCON_NEW ("_id", BCON_UTF8 (node));
  bson_t *change = BCON_NEW ("$inc", "{", "writes", BCON_INT64 (1), "}");
  bson_t *options = BCON_NEW ("upsert", BCON_BOOL (true), "writeConcern", "{", "w", BCON_UTF8 ("majority"), "j", BCON_BOOL (true), "wtimeout",
                              BCON_INT32 (TIMEOUT_MS), "}");
  bson_error_t fault;
  bool synced = mongoc_collection_update_one (collection, selector, change, options, NULL, &fault) || database_fail (&fault, error);
  bson_destroy (options);
  bson_destroy (change);
  bson_destroy (selector);
  mongoc_collection_destroy (collection);
  return synced;
}
