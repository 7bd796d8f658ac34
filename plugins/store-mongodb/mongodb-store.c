/* From AirStore's operations to the writer and the readers. */
#define G_LOG_DOMAIN "air-store-mongodb"

#include "mongodb-store.h"

#include <string.h>

#include "reader.h"
#include "writer.h"

struct _MongodbStore
{
  GObject parent;
  AirContext *context;
  AirMetric *commits, *spooled_bytes, *replayed;
  Database *database; /* owned, these three NULL unless open */
  Writer *writer;
  Readers *readers;
};

static void store_iface_init (AirStoreInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MongodbStore, mongodb_store, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (AIR_TYPE_STORE, store_iface_init))

/* ---- Operations */

static void
store_insert (AirStore *store, const char *name, JsonNode *document, GTask *task)
{
  writer_push (MONGODB_STORE (store)->writer, write_new_insert (air_store_find_collection (store, name), document, task));
}

static void
store_update (AirStore *store, const char *name, JsonNode *filter, JsonNode *changes, AirStoreUpdateFlags flags, GTask *task)
{
  writer_push (MONGODB_STORE (store)->writer,
               write_new_update (air_store_find_collection (store, name), filter, changes, flags, task));
}

static void
store_remove (AirStore *store, const char *name, JsonNode *filter, GTask *task)
{
  writer_push (MONGODB_STORE (store)->writer, write_new_remove (air_store_find_collection (store, name), filter, task));
}

static void
store_get (AirStore *store, const char *name, const char *key, GTask *task)
{
  Read *read = read_new (READ_GET, air_store_find_collection (store, name), NULL, task);
  BSON_APPEND_UTF8 (&read->filter, "_id", key);
  readers_push (MONGODB_STORE (store)->readers, read);
}

static bson_t *
find_options (const AirStoreCollection *collection, const AirStoreQuery *query)
{
  bson_t *options = bson_new ();
  bson_t sort;
  bool by_key = false;
  g_auto (GStrv) fields = g_strsplit (query->sort != NULL ? query->sort : "", ",", -1);
  BSON_APPEND_INT64 (options, "limit", query->limit + 1);
  BSON_APPEND_INT32 (options, "batchSize", (int32_t)query->limit + 1); /* one answer, where the server's 16 MiB hold it */
  BSON_APPEND_DOCUMENT_BEGIN (options, "sort", &sort);
  for (unsigned i = 0; fields[i] != NULL; i++)
    {
      bool descending = *fields[i] == '-';
      const char *field = fields[i] + descending;
      bool is_key = strcmp (field, air_store_collection_get_key (collection)) == 0;
      if (!by_key)
        bson_append_int32 (&sort, is_key ? "_id" : field, -1, descending ? -1 : 1);
      by_key |= is_key;
    }
  if (!by_key)
    bson_append_int32 (&sort, "_id", -1, 1);
  bson_append_document_end (options, &sort);
  return options;
}

static void
store_find (AirStore *store, const char *name, const AirStoreQuery *query, GTask *task)
{
  const AirStoreCollection *collection = air_store_find_collection (store, name);
  Read *read = read_new (READ_FIND, collection, query->filter, task);
  read->limit = query->limit;
  read->options = find_options (collection, query);
  readers_push (MONGODB_STORE (store)->readers, read);
}

static void
store_count (AirStore *store, const char *name, JsonNode *filter, GTask *task)
{
  readers_push (MONGODB_STORE (store)->readers, read_new (READ_COUNT, air_store_find_collection (store, name), filter, task));
}

static void
append_projected (GHashTable *fields, const char *field)
{
  g_hash_table_add (fields, g_strndup (field, strcspn (field, ".")));
}

/* Only the members that the groups are made of. */
static bson_t *
group_options (const AirStoreCollection *collection, JsonNode *group)
{
  g_autoptr (GHashTable) fields = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  JsonArray *by = air_json_get_array (group, "by");
  g_autoptr (GList) values = json_object_get_values (json_node_get_object (air_json_get (group, "values")));
  for (unsigned i = 0; i < json_array_get_length (by); i++)
    append_projected (fields, json_array_get_string_element (by, i));
  for (const GList *value = values; value != NULL; value = value->next)
    {
      g_autoptr (GList) operands = json_object_get_values (json_node_get_object (value->data));
      if (json_node_get_value_type (operands->data) == G_TYPE_STRING)
        append_projected (fields, json_node_get_string (operands->data));
    }
  g_hash_table_remove (fields, air_store_collection_get_key (collection)); /* _id comes anyway */
  bson_t *options = bson_new ();
  bson_t projection;
  GHashTableIter iter;
  gpointer field = NULL;
  BSON_APPEND_INT32 (options, "batchSize", DATABASE_BATCH_DOCUMENTS);
  BSON_APPEND_DOCUMENT_BEGIN (options, "projection", &projection);
  BSON_APPEND_INT32 (&projection, "_id", 1);
  g_hash_table_iter_init (&iter, fields);
  while (g_hash_table_iter_next (&iter, &field, NULL))
    bson_append_int32 (&projection, field, -1, 1);
  bson_append_document_end (options, &projection);
  return options;
}

static void
store_aggregate (AirStore *store, const char *name, JsonNode *filter, JsonNode *group, GTask *task)
{
  const AirStoreCollection *collection = air_store_find_collection (store, name);
  Read *read = read_new (READ_AGGREGATE, collection, filter, task);
  read->group = air_json_to_string (group);
  read->options = group_options (collection, group);
  readers_push (MONGODB_STORE (store)->readers, read);
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

static bool
check_required (MongodbStore *self, GError **error)
{
  if (!air_context_get_bool (self->context, "required"))
    return true;
  mongoc_client_t *client = mongoc_client_pool_pop (self->database->pool);
  bool answers = database_ping (self->database, client, error);
  mongoc_client_pool_push (self->database->pool, client);
  return answers;
}

bool
mongodb_store_open (MongodbStore *self, const char *folder, GError **error)
{
  self->database = database_new (air_context_get_string (self->context, "uri"), air_context_get_string (self->context, "database"), error);
  if (self->database == NULL)
    return false;
  Spool *spool = check_required (self, error) ? spool_new (folder, (uint64_t)air_context_get_int (self->context, "spool_size"), error) : NULL;
  if (spool == NULL)
    {
      mongodb_store_close (self);
      return false;
    }
  WriterConfig config = { .context = self->context,
                          .store = AIR_STORE (self),
                          .database = self->database,
                          .spool = spool,
                          .commits = self->commits,
                          .spooled_bytes = self->spooled_bytes,
                          .replayed = self->replayed };
  self->readers = readers_new (self->database, (unsigned)air_context_get_int (self->context, "readers"));
  self->writer = writer_new (&config);
  return true;
}

void
mongodb_store_close (MongodbStore *self)
{
  g_clear_pointer (&self->readers, readers_free);
  g_clear_pointer (&self->writer, writer_free);
  g_clear_pointer (&self->database, database_free);
}

static void
mongodb_store_finalize (GObject *object)
{
  mongodb_store_close (MONGODB_STORE (object));
  G_OBJECT_CLASS (mongodb_store_parent_class)->finalize (object);
}

static void
mongodb_store_class_init (MongodbStoreClass *class)
{
  G_OBJECT_CLASS (class)->finalize = mongodb_store_finalize;
}

static void
mongodb_store_init (MongodbStore *self)
{
}

MongodbStore *
mongodb_store_new (AirContext *context)
{
  MongodbStore *self = g_object_new (MONGODB_TYPE_STORE, NULL);
  self->context = context;
  self->commits = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_store_batches_total",
                                          "Batches of writes that were made durable in MongoDB together.", NULL, NULL);
  self->spooled_bytes = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_store_spooled_bytes",
                                                "Writes that wait on the disk for MongoDB to come back.", NULL, NULL);
  self->replayed = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_store_replayed_total",
                                           "Writes that had waited on the disk and were done when MongoDB was back.", NULL, NULL);
  air_store_attach (AIR_STORE (self), context);
  return self;
}
