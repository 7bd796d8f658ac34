/* From AirStore's operations to SQL: a statement is made on the main thread and run by the writer or a reader. */
#define G_LOG_DOMAIN "air-store-sqlite"

#include "sqlite-store.h"

#include <airclass/json.h>
#include <airclass/store-provider.h>

#include "reader.h"
#include "writer.h"

struct _SqliteStore
{
  GObject parent;
  AirContext *context;
  AirMetric *commits;
  Writer *writer; /* owned, NULL unless open */
  Readers *readers;
  bool failing; /* writer thread: the last transaction was lost */
};

static void store_iface_init (AirStoreInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (SqliteStore, sqlite_store, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (AIR_TYPE_STORE, store_iface_init))

/* ---- Writes */

static const char *
get_key (const AirStoreCollection *collection, JsonNode *document)
{
  return air_json_get_string (document, air_store_collection_get_key (collection));
}

static void
store_insert (AirStore *store, const char *name, JsonNode *document, GTask *task)
{
  const AirStoreCollection *collection = air_store_find_collection (store, name);
  Write *write = write_new (AIR_STORE_INSERT, collection, task);
  write->key = g_strdup (get_key (collection, document));
  write->document = air_json_to_string (document);
  writer_push (SQLITE_STORE (store)->writer, write);
}

static Statement *
new_statement (const AirStoreCollection *collection, const char *verb, JsonNode *filter)
{
  g_autofree char *table = database_table (collection);
  g_autofree char *sql = g_strdup_printf ("%s FROM %s WHERE ", verb, table);
  Statement *statement = statement_new (sql);
  statement_append_filter (statement, collection, filter);
  return statement;
}

static void
store_update (AirStore *store, const char *name, JsonNode *filter, JsonNode *changes, AirStoreUpdateFlags flags, GTask *task)
{
  const AirStoreCollection *collection = air_store_find_collection (store, name);
  Write *write = write_new (AIR_STORE_UPDATE, collection, task);
  write->flags = flags;
  write->base.bulk = (flags & AIR_STORE_BULK) != 0;
  write->changes = air_json_to_string (changes);
  write->statement = new_statement (collection, "SELECT key", filter);
  if (!(flags & AIR_STORE_UPDATE_MANY))
    g_string_append (write->statement->sql, " ORDER BY key LIMIT 1");
  if (flags & AIR_STORE_UPSERT)
    {
      g_autoptr (JsonNode) document = air_store_make_upserted (filter, changes, NULL);
      write->key = g_strdup (get_key (collection, document));
      write->document = air_json_to_string (document);
    }
  writer_push (SQLITE_STORE (store)->writer, write);
}

static void
store_remove (AirStore *store, const char *name, JsonNode *filter, GTask *task)
{
  const AirStoreCollection *collection = air_store_find_collection (store, name);
  Write *write = write_new (AIR_STORE_REMOVE, collection, task);
  write->statement = new_statement (collection, "DELETE", filter);
  writer_push (SQLITE_STORE (store)->writer, write);
}

/* ---- Reads */

static void
store_get (AirStore *store, const char *name, const char *key, GTask *task)
{
  Statement *statement = new_statement (air_store_find_collection (store, name), "SELECT document", NULL);
  g_string_append (statement->sql, " AND key = ?");
  statement_bind_text (statement, key);
  readers_push (SQLITE_STORE (store)->readers, read_new (READ_GET, task, statement));
}

static void
append_order (Statement *statement, const AirStoreCollection *collection, const char *sort)
{
  g_auto (GStrv) fields = g_strsplit (sort != NULL ? sort : "", ",", -1);
  g_string_append (statement->sql, " ORDER BY ");
  for (unsigned i = 0; fields[i] != NULL; i++)
    {
      const char *field = fields[i];
      database_append_field (statement->sql, collection, *field == '-' ? field + 1 : field);
      g_string_append (statement->sql, *field == '-' ? " DESC, " : ", ");
    }
  g_string_append (statement->sql, "key");
}

static void
store_find (AirStore *store, const char *name, const AirStoreQuery *query, GTask *task)
{
  const AirStoreCollection *collection = air_store_find_collection (store, name);
  Statement *statement = new_statement (collection, "SELECT document", query->filter);
  append_order (statement, collection, query->sort);
  g_string_append_printf (statement->sql, " LIMIT %u", query->limit + 1);
  Read *read = read_new (READ_FIND, task, statement);
  read->limit = query->limit;
  readers_push (SQLITE_STORE (store)->readers, read);
}

static void
store_count (AirStore *store, const char *name, JsonNode *filter, GTask *task)
{
  Statement *statement = new_statement (air_store_find_collection (store, name), "SELECT COUNT(*)", filter);
  readers_push (SQLITE_STORE (store)->readers, read_new (READ_COUNT, task, statement));
}

/* $sum and $avg are of numbers only, as in MongoDB; $min and $max of what is not null. */
static void
append_value (GString *sql, const AirStoreCollection *collection, const char *operator, JsonNode *operand)
{
  if (json_node_get_value_type (operand) != G_TYPE_STRING)
    {
      g_string_append (sql, "COUNT(*)");
      return;
    }
  const char *field = json_node_get_string (operand);
  g_autoptr (GString) value = g_string_new (NULL);
  database_append_field (value, collection, field);
  if (operator[1] == 'm')
    g_string_append_printf (sql, "%s(%s)", operator + 1, value->str);
  else
    g_string_append_printf (sql, operator[1] == 's' ? "COALESCE(SUM(%s),0)" : "AVG(%s)",
                            air_store_collection_get_types (collection, field) & AIR_STORE_NUMBER ? value->str : "NULL");
}

static void
append_values (GString *columns, const AirStoreCollection *collection, JsonObject *values, GPtrArray *names)
{
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init (&iter, values);
  while (json_object_iter_next (&iter, &name, &value))
    {
      g_autoptr (GList) operators = json_object_get_members (json_node_get_object (value));
      g_string_append (columns, ", ");
      append_value (columns, collection, operators->data, air_json_get (value, operators->data));
      g_ptr_array_add (names, g_strdup (name));
    }
}

static void
store_aggregate (AirStore *store, const char *name, JsonNode *filter, JsonNode *group, GTask *task)
{
  const AirStoreCollection *collection = air_store_find_collection (store, name);
  JsonArray *by = air_json_get_array (group, "by");
  g_autoptr (GString) columns = g_string_new (NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (unsigned i = 0; i < json_array_get_length (by); i++)
    {
      const char *field = json_array_get_string_element (by, i);
      g_string_append (columns, ", ");
      database_append_field (columns, collection, field);
      g_string_append_printf (columns, ", COALESCE(json_type(document,'$.\"%s\"') IN ('true','false'),0)", field);
      g_ptr_array_add (names, g_strdup (field));
    }
  append_values (columns, collection, json_node_get_object (air_json_get (group, "values")), names);
  g_ptr_array_add (names, NULL);

  g_autofree char *verb = g_strdup_printf ("SELECT %s", columns->str + strlen (", "));
  Statement *statement = new_statement (collection, verb, filter);
  for (unsigned i = 0; i < 2 * json_array_get_length (by); i++)
    g_string_append_printf (statement->sql, "%s%u", i == 0 ? " GROUP BY " : ",", i + 1);
  for (unsigned i = 0; i < 2 * json_array_get_length (by); i++)
    g_string_append_printf (statement->sql, "%s%u", i == 0 ? " ORDER BY " : ",", i + 1);
  g_string_append_printf (statement->sql, " LIMIT %d", AIR_STORE_MAX_GROUPS + 1);
  Read *read = read_new (READ_AGGREGATE, task, statement);
  read->by_count = json_array_get_length (by);
  read->names = (char **)g_ptr_array_steal (names, NULL);
  readers_push (SQLITE_STORE (store)->readers, read);
}

static void
store_iface_init (AirStoreInterface *iface)
{
  iface->insert = store_insert;
  iface->get = store_get;
  iface->find = store_find;
  iface->update = store_update;
  iface->remove = store_remove;
  iface->count = store_count;
  iface->aggregate = store_aggregate;
}

/* ---- Life */

static void
report (const GError *error, void *data)
{
  SqliteStore *self = data;
  air_metric_add (self->commits, 1, (const char *const[]){ error == NULL ? "ok" : "error", NULL });
  if ((error != NULL) == self->failing)
    return;
  self->failing = error != NULL;
  if (error != NULL)
    g_warning ("cannot write to the database: %s", error->message);
  else
    g_message ("the database can be written to again");
  air_context_set_health (self->context, AIR_STORE_SERVICE, error == NULL, true, error != NULL ? error->message : "SQLite");
}

bool
sqlite_store_open (SqliteStore *self, const char *path, unsigned readers, GError **error)
{
  sqlite3 *database = database_open (path, true, error);
  if (database == NULL)
    return false;
  if (database_make_tables (database, air_store_get_collections (AIR_STORE (self)), error))
    self->readers = readers_new (path, readers, error);
  if (self->readers == NULL)
    {
      sqlite3_close (database);
      return false;
    }
  self->writer = writer_new (database, report, self);
  air_context_set_health (self->context, AIR_STORE_SERVICE, true, true, "SQLite");
  return true;
}

void
sqlite_store_close (SqliteStore *self)
{
  g_clear_pointer (&self->readers, readers_free);
  g_clear_pointer (&self->writer, writer_free);
}

static void
sqlite_store_finalize (GObject *object)
{
  sqlite_store_close (SQLITE_STORE (object));
  G_OBJECT_CLASS (sqlite_store_parent_class)->finalize (object);
}

static void
sqlite_store_class_init (SqliteStoreClass *class)
{
  G_OBJECT_CLASS (class)->finalize = sqlite_store_finalize;
}

static void
sqlite_store_init (SqliteStore *self)
{
}

SqliteStore *
sqlite_store_new (AirContext *context)
{
  SqliteStore *self = g_object_new (SQLITE_TYPE_STORE, NULL);
  self->context = context;
  self->commits = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_store_commits_total",
                                          "Transactions of the embedded store; each holds all the writes that waited for it.",
                                          (const char *const[]){ "result", NULL }, NULL);
  air_store_attach (AIR_STORE (self), context);
  return self;
}
