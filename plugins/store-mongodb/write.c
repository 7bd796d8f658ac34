/* Making writes and answering them. Main thread and writer thread, one at a time. */
#include "write.h"

#include <string.h>

static const char *const kinds[] = { "insert", "update", "remove" };

static Write *
write_new (WriteKind kind, const AirStoreCollection *collection, JsonNode *line, GTask *task)
{
  Write *write = g_new0 (Write, 1);
  write->kind = kind;
  write->collection = collection;
  write->line = json_to_string (line, FALSE);
  write->task = g_object_ref (task);
  return write;
}

Write *
write_new_insert (const AirStoreCollection *collection, JsonNode *document, GTask *task)
{
  g_autofree char *id = air_store_new_key ();
  g_autoptr (JsonNode) line
      = air_json_new ("{op:%s, kind:'insert', collection:%s, document:%N}", id, air_store_collection_get_name (collection), document);
  Write *write = write_new (WRITE_INSERT, collection, line, task);
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
  Write *write = write_new (WRITE_UPDATE, collection, line, task);
  write->spoolable = !(flags & AIR_STORE_UPDATE_MANY) && filter != NULL && names_one (collection, filter);
  return write;
}

Write *
write_new_remove (const AirStoreCollection *collection, JsonNode *filter, GTask *task)
{
  g_autoptr (JsonNode) line
      = air_json_new ("{kind:'remove', collection:%s, filter:%N}", air_store_collection_get_name (collection), filter);
  return write_new (WRITE_REMOVE, collection, line, task);
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
  write->kind = strcmp (kind, kinds[WRITE_INSERT]) == 0 ? WRITE_INSERT : WRITE_UPDATE;
  write->collection = collection;
  write->line = g_strdup (line);
  write->spoolable = true;
  return write;
}

void
write_free (Write *write)
{
  g_clear_object (&write->task);
  g_clear_error (&write->error);
  g_free (write->line);
  g_free (write);
}

void
write_answer (Write *write)
{
  if (write->task == NULL)
    return;
  if (write->error != NULL)
    g_task_return_error (write->task, g_steal_pointer (&write->error));
  else if (write->kind == WRITE_INSERT)
    g_task_return_boolean (write->task, TRUE);
  else if (write->kind == WRITE_UPDATE)
    g_task_return_pointer (write->task, g_memdup2 (&write->updated, sizeof write->updated), g_free);
  else
    g_task_return_int (write->task, write->count);
}
