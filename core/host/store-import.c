/* Reading what --export-store wrote, some lines at a time so that they share a sync of the disk. A document that is there already, and the
 * same, is done: an import that was interrupted is simply run again. */
#include "host/store-transfer.h"

#include <airclass/error.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/json-schema-private.h"

#define BATCH_DOCUMENTS 200
#define BATCH_BYTES (8 * 1024 * 1024)
/* A document, with its collection around it. */
#define MAX_LINE_BYTES (AIR_STORE_MAX_DOCUMENT_BYTES + 4096)

typedef struct
{
  AirStore *store;
  FILE *file;
  uint64_t line, documents;
  unsigned waiting; /* inserts */
  bool ended;       /* the last line was seen */
  GError *error;    /* the first */
} Import;

typedef struct
{
  Import *import;
  uint64_t line;
  char *collection, *key;
  JsonNode *document;
} Document;

static void
document_free (Document *document)
{
  g_free (document->collection);
  g_free (document->key);
  json_node_unref (document->document);
  g_free (document);
}

static bool G_GNUC_PRINTF (3, 4)
fail (Import *import, uint64_t line, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  if (import->error == NULL)
    g_set_error (&import->error, AIR_ERROR, AIR_ERROR_INVALID, "line %" G_GUINT64_FORMAT ": %s", line, text);
  return false;
}

/* ---- Inserting */

static void
on_existing (GObject *source, GAsyncResult *result, gpointer data)
{
  Document *document = data;
  unsigned steps = 0;
  g_autoptr (JsonNode) existing = air_store_get_finish (AIR_STORE (source), result, NULL);
  if (existing == NULL || !air_json_equal (existing, document->document, &steps))
    fail (document->import, document->line, "there is another document with this key, or with these values of a unique index");
  else
    document->import->documents++;
  document->import->waiting--;
  document_free (document);
}

static void
on_inserted (GObject *source, GAsyncResult *result, gpointer data)
{
  Document *document = data;
  g_autoptr (GError) error = NULL;
  if (!air_store_insert_finish (AIR_STORE (source), result, &error) && g_error_matches (error, AIR_ERROR, AIR_ERROR_CONFLICT))
    {
      air_store_get (AIR_STORE (source), document->collection, document->key, on_existing, document);
      return;
    }
  if (error != NULL)
    fail (document->import, document->line, "%s", error->message);
  else
    document->import->documents++;
  document->import->waiting--;
  document_free (document);
}

/* ---- Lines */

/* The document of a line as it is written by the export. Alone it may be as large and deep as documents are; a line that is written
 * otherwise is taken as long as it is within the limits of any JSON. Returns: (transfer full) NULL with the error. */
static JsonNode *
parse_line (const char *text, size_t length, char **ret_collection, GError **error)
{
  static const char start[] = "{\"collection\":\"", middle[] = "\",\"document\":";
  const char *name = text + strlen (start);
  const char *end = g_str_has_prefix (text, start) ? strstr (name, middle) : NULL;
  if (end != NULL && text[length - 1] == '}' && strcspn (name, "\"\\") == (size_t)(end - name))
    {
      const char *document = end + strlen (middle);
      *ret_collection = g_strndup (name, (gsize)(end - name));
      return air_json_parse (document, (gssize)(text + length - 1 - document), error);
    }
  g_autoptr (JsonNode) line = air_json_parse (text, (gssize)length, error);
  JsonNode *document = air_json_get (line, "document");
  *ret_collection = g_strdup (air_json_get_string (line, "collection"));
  if (document != NULL && *ret_collection != NULL)
    return json_node_ref (document);
  if (line != NULL && air_json_get_bool (line, "end", false))
    return json_node_ref (line);
  if (line != NULL)
    g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID, "no {\"collection\", \"document\"}");
  return NULL;
}

static bool
end (Import *import, JsonNode *line)
{
  import->ended = true;
  int64_t expected = air_json_get_int (line, "documents", -1);
  return expected == (int64_t)import->line - 2
         || fail (import, import->line, "the file has %" G_GINT64_FORMAT " documents less than were exported",
                  expected - (int64_t)import->line + 2);
}

static bool
take_line (Import *import, const char *text, size_t length)
{
  g_autofree char *name = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = parse_line (text, length, &name, &error);
  if (import->ended)
    return fail (import, import->line, "there is something after the last line");
  if (node == NULL)
    return fail (import, import->line, "%s", error->message);
  if (name == NULL)
    return end (import, node);
  const AirStoreCollection *collection = air_store_find_collection (import->store, name);
  if (collection == NULL)
    return fail (import, import->line, "there is no collection \"%s\"", name);
  if (!air_store_collection_check (collection, node, &error))
    return fail (import, import->line, "%s", error->message);
  Document *document = g_new0 (Document, 1);
  *document = (Document){ .import = import, .line = import->line };
  document->collection = g_steal_pointer (&name);
  document->key = g_strdup (air_json_get_string (node, air_store_collection_get_key (collection)));
  document->document = g_steal_pointer (&node);
  import->waiting++;
  air_store_insert (import->store, document->collection, document->document, on_inserted, document);
  return true;
}

static bool
take_header (Import *import, const char *text, size_t length)
{
  g_autoptr (JsonNode) header = air_json_parse (text, (gssize)length, NULL);
  return air_json_get_int (header, "airclass_store", 0) == 1
         || fail (import, import->line, "this is no file of --export-store, or one of another version");
}

/* getline() with a bound. Returns the length without the newline, or -1 at the end of the file and for a fault. */
static ssize_t
read_line (Import *import, char *buffer)
{
  if (fgets (buffer, MAX_LINE_BYTES, import->file) == NULL)
    return -1;
  import->line++;
  size_t length = strlen (buffer);
  if (length == 0 || buffer[length - 1] != '\n')
    {
      fail (import, import->line, length + 1 == MAX_LINE_BYTES ? "it is longer than any document" : "it is not finished");
      return -1;
    }
  buffer[length - 1] = '\0';
  return (ssize_t)length - 1;
}

/* Returns whether there may be more. */
static bool
take_batch (Import *import, char *buffer)
{
  size_t bytes = 0;
  ssize_t length = 0;
  for (unsigned i = 0; i < BATCH_DOCUMENTS && bytes < BATCH_BYTES && import->error == NULL; i++)
    {
      length = read_line (import, buffer);
      if (length < 0)
        break;
      bytes += (size_t)length;
      if (!(import->line == 1 ? take_header (import, buffer, (size_t)length) : take_line (import, buffer, (size_t)length)))
        break;
    }
  while (import->waiting > 0)
    g_main_context_iteration (NULL, TRUE);
  return length >= 0 && import->error == NULL;
}

bool
air_store_import (AirStore *store, const char *path, uint64_t *ret_documents, GError **error)
{
  Import import = { .store = store, .file = fopen (path, "re") };
  if (import.file == NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "'%s': %s", path, g_strerror (errno));
      return false;
    }
  g_autofree char *buffer = g_malloc (MAX_LINE_BYTES);
  while (take_batch (&import, buffer))
    ;
  fclose (import.file);
  if (import.error == NULL && !import.ended)
    fail (&import, import.line, "the file ends here, before its last line");
  *ret_documents = import.documents;
  if (import.error == NULL)
    return true;
  g_propagate_prefixed_error (error, import.error, "'%s', %" G_GUINT64_FORMAT " documents done: ", path, import.documents);
  return false;
}
