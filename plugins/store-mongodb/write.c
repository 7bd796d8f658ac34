/* Making writes. Main thread and writer thread, one at a time. */
#include "write.h"

#include <string.h>

static Write *
write_new (AirStoreWriteKind kind, const AirStoreCollection *collection, JsonNode *line, GTask *task)
{
  Write *write = g_new0 (Write, 1);
  write->base = (AirStoreWrite){ .kind = kind, .collection = collection, .task = g_object_ref (task) };
  write->line = air_json_to_string (line);
  return write;
}

Write *
write_new_insert (const AirStoreCollection *collection, JsonNode *document, GTask *task)
{
  g_autofree char *id = air_store_new_key ();
  g_autoptr (JsonNode) line
      = air_json_new ("{op:%s, kind:'insert', collection:%s, document:%N}", id, air_store_collection_get_name (collection), document);
  Write *write = write_new (AIR_STORE_INSERT, collection, line, task);
  write->spoolable = true;
  return write;
}

static bool
is_equality (JsonNode *filter, const char *field)
{
  JsonNode *value = air_json_get (filter, field);
  return value != NULL && JSON_NODE_HOLDS_VALUE (value);
}

/* Whether @filter can match one document only: by the key, or by all fields of a unique index. */
static bool
names_one (const AirStoreCollection *collection, JsonNode *filter)
{
  GPtrArray *indexes = air_store_collection_get_indexes (collection);
  if (is_equality (filter, air_store_collection_get_key (collection)))
    return true;
  for (unsigned i = 0; i < indexes->len; i++)
    {
      const AirStoreIndex *index = g_ptr_array_index (indexes, i);
      bool all = index->unique;
      for (unsigned j = 0; all && index->fields[j] != NULL; j++)
        all = is_equality (filter, index->fields[j] + (*index->fields[j] == '-'));
      if (all)
        return true;
    }
  return false;
}

Write *
write_new_update (const AirStoreCollection *collection, JsonNode *filter, JsonNode *changes, unsigned flags, GTask *task)
{
  g_autofree char *id = air_store_new_key ();
  g_autoptr (JsonNode) line
      = air_json_new ("{op:%s, kind:'update', collection:%s, filter:%N, changes:%N, flags:%i}", id,
                      air_store_collection_get_name (collection), filter, changes, (int)flags);
  Write *write = write_new (AIR_STORE_UPDATE, collection, line, task);
  write->base.bulk = (flags & AIR_STORE_BULK) != 0;
  write->spoolable = !(flags & AIR_STORE_UPDATE_MANY) && filter != NULL && names_one (collection, filter);
  return write;
}

Write *
write_new_remove (const AirStoreCollection *collection, JsonNode *filter, GTask *task)
{
  g_autoptr (JsonNode) line
      = air_json_new ("{kind:'remove', collection:%s, filter:%N}", air_store_collection_get_name (collection), filter);
  return write_new (AIR_STORE_REMOVE, collection, line, task);
}

Write *
write_from_line (AirStore *store, const char *line, GError **error)
{
  g_autoptr (JsonNode) node = json_from_string (line, error);
  const char *kind = air_json_get_string (node, "kind"), *name = air_json_get_string (node, "collection");
  const AirStoreCollection *collection = name != NULL ? air_store_find_collection (store, name) : NULL;
  if (collection == NULL || kind == NULL)
    {
      g_clear_error (error);
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "the spool has a write to the collection '%s', which there is not",
                   name != NULL ? name : "");
      return NULL;
    }
  Write *write = g_new0 (Write, 1);
  write->base.kind = strcmp (kind, "insert") == 0 ? AIR_STORE_INSERT : AIR_STORE_UPDATE;
  write->base.collection = collection;
  write->line = g_strdup (line);
  write->spoolable = true;
  return write;
}

void
write_free (Write *write)
{
  air_store_write_clear (&write->base);
  g_free (write->line);
  g_free (write);
}
