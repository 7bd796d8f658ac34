/* Doing a write. Changes are applied to the document here, not by the server, so that they mean the same as with any other database; the
 * result goes back only where the document is still the one that was read (`_air.revision`). Writer thread. */
#include "write.h"

#include <string.h>

/* Others, on other nodes, may change the same document in between; each time one of us succeeds. */
#define MAX_TRIES 50

typedef struct
{
  Write *write;
  const Database *database;
  mongoc_collection_t *collection;
  const char *key_name, *operation;
  JsonNode *filter, *changes;
  GError **error;
} Apply;

/* What is kept with a document. */
typedef struct
{
  int64_t revision;
  bool is_done;         /* by this operation */
  GPtrArray *operations; /* (element-type utf8) oldest first */
} Own;

static void
read_own (const Apply *apply, const bson_t *stored, Own *ret_own)
{
  bson_iter_t iter, child, list;
  ret_own->revision = 0;
  ret_own->is_done = false;
  ret_own->operations = g_ptr_array_new_with_free_func (g_free);
  if (bson_iter_init (&iter, stored) && bson_iter_find_descendant (&iter, BSON_OWN_FIELD ".revision", &child))
    ret_own->revision = bson_iter_as_int64 (&child);
  if (!bson_iter_init (&iter, stored) || !bson_iter_find_descendant (&iter, BSON_OWN_FIELD ".operations", &child)
      || !BSON_ITER_HOLDS_ARRAY (&child) || !bson_iter_recurse (&child, &list))
    return;
  while (bson_iter_next (&list))
    if (BSON_ITER_HOLDS_UTF8 (&list))
      {
        const char *operation = bson_iter_utf8 (&list, NULL);
        g_ptr_array_add (ret_own->operations, g_strdup (operation));
        ret_own->is_done |= strcmp (operation, apply->operation) == 0;
      }
}

static void
append_own (const Apply *apply, bson_t *bson, const Own *before)
{
  bson_t own, list;
  unsigned count = before != NULL ? before->operations->len : 0, number = 0;
  BSON_APPEND_DOCUMENT_BEGIN (bson, BSON_OWN_FIELD, &own);
  BSON_APPEND_INT64 (&own, "revision", before != NULL ? before->revision + 1 : 1);
  BSON_APPEND_ARRAY_BEGIN (&own, "operations", &list);
  for (unsigned i = count >= WRITE_KEPT_OPERATIONS ? count - WRITE_KEPT_OPERATIONS + 1 : 0; i <= count; i++)
    {
      char index[16];
      g_snprintf (index, sizeof index, "%u", number++);
      BSON_APPEND_UTF8 (&list, index, i < count ? g_ptr_array_index (before->operations, i) : apply->operation);
    }
  bson_append_array_end (&own, &list);
  bson_append_document_end (bson, &own);
}

/* Returns: (transfer full) the first that matches @filter (BSON), to be destroyed; NULL when there is none, or with the error. */
static bson_t *
find_one (const Apply *apply, const bson_t *filter)
{
  bson_t *options = BCON_NEW ("sort", "{", "_id", BCON_INT32 (1), "}", "limit", BCON_INT64 (1));
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts (apply->collection, filter, options, NULL);
  const bson_t *found = NULL;
  bson_error_t fault;
  bson_t *copy = mongoc_cursor_next (cursor, &found) ? bson_copy (found) : NULL;
  if (copy == NULL && mongoc_cursor_error (cursor, &fault))
    database_fail (&fault, apply->error);
  mongoc_cursor_destroy (cursor);
  bson_destroy (options);
  return copy;
}

static bson_t *
find_by_key (const Apply *apply, const char *key)
{
  bson_t *filter = BCON_NEW ("_id", BCON_UTF8 (key));
  bson_t *found = find_one (apply, filter);
  bson_destroy (filter);
  return found;
}

/* ---- Inserting */

/* Whether the document of that key was inserted by this operation, before a crash or a lost answer. */
static bool
was_inserted (const Apply *apply, const char *key)
{
  Own own = { 0 };
  bson_t *found = find_by_key (apply, key);
  if (found == NULL)
    return false;
  read_own (apply, found, &own);
  bson_destroy (found);
  g_ptr_array_unref (own.operations);
  return own.is_done;
}

static bool
insert (const Apply *apply, JsonNode *document)
{
  bson_t bson;
  bson_error_t fault;
  const char *key = air_json_get_string (document, apply->key_name);
  bson_from_json (&bson, document, apply->key_name);
  append_own (apply, &bson, NULL);
  bool inserted = mongoc_collection_insert_one (apply->collection, &bson, NULL, NULL, &fault);
  bson_destroy (&bson);
  if (inserted)
    return true;
  GError *error = NULL;
  database_fail (&fault, &error);
  if (g_error_matches (error, AIR_ERROR, AIR_ERROR_CONFLICT) && was_inserted (apply, key))
    {
      g_error_free (error);
      return true;
    }
  if (*apply->error == NULL)
    g_propagate_error (apply->error, error);
  else
    g_error_free (error);
  return false;
}

/* ---- Updating */

typedef enum
{
  STEP_DONE,
  STEP_AGAIN, /* another was faster */
  STEP_FAILED,
} Step;

static Step
replace (const Apply *apply, JsonNode *document, const Own *own)
{
  bson_t bson;
  bson_error_t fault;
  bson_t reply;
  bson_iter_t iter;
  const char *key = air_json_get_string (document, apply->key_name);
  bson_t *selector = BCON_NEW ("_id", BCON_UTF8 (key), BSON_OWN_FIELD ".revision", BCON_INT64 (own->revision));
  bson_from_json (&bson, document, apply->key_name);
  append_own (apply, &bson, own);
  Step step = STEP_FAILED;
  if (!mongoc_collection_replace_one (apply->collection, selector, &bson, NULL, &reply, &fault))
    database_fail (&fault, apply->error);
  else
    step = bson_iter_init_find (&iter, &reply, "matchedCount") && bson_iter_as_int64 (&iter) == 1 ? STEP_DONE : STEP_AGAIN;
  bson_destroy (&reply);
  bson_destroy (&bson);
  bson_destroy (selector);
  return step;
}

static Step
update_found (const Apply *apply, const bson_t *stored)
{
  Own own = { 0 };
  bool modified = false;
  Step step = STEP_DONE;
  g_autoptr (JsonNode) document = bson_to_json (stored, apply->key_name);
  read_own (apply, stored, &own);
  if (own.is_done)
    modified = true;
  else if (!air_store_apply (document, apply->changes, false, &modified, apply->error))
    step = STEP_FAILED;
  else if (modified)
    step = replace (apply, document, &own);
  if (step == STEP_DONE)
    {
      apply->write->base.updated.matched++;
      apply->write->base.updated.modified += modified;
    }
  g_ptr_array_unref (own.operations);
  return step;
}

static bool
insert_upserted (const Apply *apply, bool last, Step *ret_step)
{
  g_autoptr (JsonNode) document = air_store_make_upserted (apply->filter, apply->changes, apply->error);
  if (document == NULL || insert (apply, document))
    {
      *ret_step = document != NULL ? STEP_DONE : STEP_FAILED;
      apply->write->base.updated.inserted = document != NULL;
      return document != NULL;
    }
  /* Somebody inserted what the filter matches since we looked; or something else is in the way, as the next look shows. */
  bool again = g_error_matches (*apply->error, AIR_ERROR, AIR_ERROR_CONFLICT) && !last;
  if (again)
    g_clear_error (apply->error);
  *ret_step = again ? STEP_AGAIN : STEP_FAILED;
  return false;
}

static bool
update_one (const Apply *apply, bool upsert)
{
  bson_t filter;
  Step step = STEP_AGAIN;
  unsigned conflicts = 0;
  bson_from_json (&filter, apply->filter, apply->key_name);
  for (unsigned i = 0; step == STEP_AGAIN && i < MAX_TRIES; i++)
    {
      bson_t *stored = find_one (apply, &filter);
      if (stored != NULL)
        step = update_found (apply, stored);
      else if (*apply->error != NULL)
        step = STEP_FAILED;
      else if (upsert)
        insert_upserted (apply, conflicts++ > 0, &step);
      else
        step = STEP_DONE;
      if (stored != NULL)
        bson_destroy (stored);
    }
  bson_destroy (&filter);
  if (step == STEP_AGAIN)
    g_set_error_literal (apply->error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "others change the same document all the time");
  return step == STEP_DONE;
}

/* (transfer full) (element-type utf8) */
static GPtrArray *
find_keys (const Apply *apply, const bson_t *filter)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  bson_t *options = BCON_NEW ("projection", "{", "_id", BCON_INT32 (1), "}", "batchSize", BCON_INT32 (DATABASE_BATCH_DOCUMENTS));
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts (apply->collection, filter, options, NULL);
  const bson_t *found = NULL;
  bson_error_t fault;
  bson_iter_t iter;
  while (mongoc_cursor_next (cursor, &found))
    if (bson_iter_init_find (&iter, found, "_id") && BSON_ITER_HOLDS_UTF8 (&iter))
      g_ptr_array_add (keys, g_strdup (bson_iter_utf8 (&iter, NULL)));
  bool failed = mongoc_cursor_error (cursor, &fault);
  if (failed)
    database_fail (&fault, apply->error);
  mongoc_cursor_destroy (cursor);
  bson_destroy (options);
  return failed ? NULL : g_steal_pointer (&keys);
}

static bool
update_many (const Apply *apply)
{
  bson_t filter;
  bson_from_json (&filter, apply->filter, apply->key_name);
  g_autoptr (GPtrArray) keys = find_keys (apply, &filter);
  bson_destroy (&filter);
  Step step = keys != NULL ? STEP_DONE : STEP_FAILED;
  for (unsigned i = 0; step != STEP_FAILED && i < keys->len; i++)
    {
      step = STEP_AGAIN;
      for (unsigned j = 0; step == STEP_AGAIN && j < MAX_TRIES; j++)
        {
          bson_t *stored = find_by_key (apply, g_ptr_array_index (keys, i));
          if (stored != NULL)
            step = update_found (apply, stored);
          else
            step = *apply->error == NULL ? STEP_DONE : STEP_FAILED;
          if (stored != NULL)
            bson_destroy (stored);
        }
    }
  return step != STEP_FAILED;
}

/* ---- Removing */

static bool
remove_all (const Apply *apply)
{
  bson_t filter, reply;
  bson_error_t fault;
  bson_iter_t iter;
  bson_from_json (&filter, apply->filter, apply->key_name);
  bool removed = mongoc_collection_delete_many (apply->collection, &filter, NULL, &reply, &fault);
  if (!removed)
    database_fail (&fault, apply->error);
  else if (bson_iter_init_find (&iter, &reply, "deletedCount"))
    apply->write->base.count = bson_iter_as_int64 (&iter);
  bson_destroy (&reply);
  bson_destroy (&filter);
  return removed;
}

void
write_apply (Write *write, const Database *database, mongoc_client_t *client)
{
  g_autoptr (JsonNode) line = json_from_string (write->line, NULL);
  JsonNode *filter = air_json_get (line, "filter");
  unsigned flags = (unsigned)air_json_get_int (line, "flags", 0);
  Apply apply = { .write = write,
                  .database = database,
                  .collection = database_get_collection (database, client, write->base.collection),
                  .key_name = air_store_collection_get_key (write->base.collection),
                  .operation = air_json_get_string (line, "op"),
                  .filter = filter != NULL && JSON_NODE_HOLDS_OBJECT (filter) ? filter : NULL,
                  .changes = air_json_get (line, "changes"),
                  .error = &write->base.error };
  write->base.updated = (AirStoreUpdated){ 0 };
  write->base.count = 0;
  if (write->base.kind == AIR_STORE_INSERT)
    insert (&apply, air_json_get (line, "document"));
  else if (write->base.kind == AIR_STORE_REMOVE)
    remove_all (&apply);
  else if (flags & AIR_STORE_UPDATE_MANY)
    update_many (&apply);
  else
    update_one (&apply, flags & AIR_STORE_UPSERT);
  mongoc_collection_destroy (apply.collection);
}
