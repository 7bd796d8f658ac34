/* Writing all documents, a page at a time: a header, one line a document, and a last line by which a file that was cut is known. */
#include "host/store-transfer.h"

#include <airclass/error.h>
#include <airclass/json.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PAGE_DOCUMENTS 100

typedef struct
{
  FILE *file;
  uint64_t documents;
} Export;

static bool
fail (GError **error, const char *path)
{
  g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "'%s': %s", path, g_strerror (errno));
  return false;
}

static void
on_result (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **)data = g_object_ref (result);
}

/* Returns: (transfer full) */
static AirStorePage *
find (AirStore *store, const char *collection, const char *cursor, GError **error)
{
  AirStoreQuery query = { .limit = PAGE_DOCUMENTS, .cursor = cursor };
  g_autoptr (GAsyncResult) result = NULL;
  air_store_find (store, collection, &query, on_result, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return air_store_find_finish (store, result, error);
}

static bool
write_line (Export *state, JsonNode *made)
{
  g_autoptr (JsonNode) node = made;
  g_autofree char *text = air_json_to_string (node);
  return fprintf (state->file, "%s\n", text) > 0;
}

static bool
export_collection (Export *state, AirStore *store, const char *name, const char *path, GError **error)
{
  g_autofree char *cursor = NULL;
  do
    {
      g_autoptr (AirStorePage) page = find (store, name, cursor, error);
      if (page == NULL)
        return false;
      for (unsigned i = 0; i < page->documents->len; i++, state->documents++)
        if (!write_line (state, air_json_new ("{collection:%s, document:%N}", name, g_ptr_array_index (page->documents, i))))
          return fail (error, path);
      g_free (cursor);
      cursor = g_steal_pointer (&page->cursor);
    }
  while (cursor != NULL);
  return true;
}

static bool
export_all (Export *state, AirStore *store, const char *path, GError **error)
{
  GPtrArray *collections = air_store_get_collections (store);
  if (!write_line (state, air_json_new ("{airclass_store:1, created_at:%t}", g_get_real_time ())))
    return fail (error, path);
  for (unsigned i = 0; i < collections->len; i++)
    if (!export_collection (state, store, air_store_collection_get_name (g_ptr_array_index (collections, i)), path, error))
      return false;
  if (!write_line (state, air_json_new ("{end:true, documents:%l}", (int64_t)state->documents)) || fflush (state->file) != 0
      || fsync (fileno (state->file)) != 0)
    return fail (error, path);
  return true;
}

/* A file of that name is replaced only by a whole one. */
bool
air_store_export (AirStore *store, const char *path, uint64_t *ret_documents, GError **error)
{
  g_autofree char *part = g_strconcat (path, ".part", NULL);
  Export state = { 0 };
  int fd = open (part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  state.file = fd >= 0 ? fdopen (fd, "w") : NULL;
  if (state.file == NULL)
    return fail (error, part);
  bool exported = export_all (&state, store, part, error);
  if (fclose (state.file) != 0 && exported)
    exported = fail (error, part);
  if (exported && rename (part, path) != 0)
    exported = fail (error, path);
  if (!exported)
    unlink (part);
  *ret_documents = state.documents;
  return exported;
}
