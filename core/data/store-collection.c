/* The collections: read from schemas/store/NAME.json once, immutable from then on. */
#include "data/store-private.h"

#include <airclass/error.h>
#include <string.h>

#define MAX_INDEXES 16
#define MAX_INDEX_FIELDS 4

static void
index_free (gpointer data)
{
  AirStoreIndex *index = data;
  g_strfreev (index->fields);
  g_free (index);
}

static void
collection_free (gpointer data)
{
  AirStoreCollection *collection = data;
  g_clear_pointer (&collection->schemas, air_schemas_free);
  g_clear_pointer (&collection->indexes, g_ptr_array_unref);
  g_free (collection->name);
  g_free (collection->key);
  g_free (collection);
}

static bool
fail (GError **error, const char *what)
{
  g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID, what);
  return false;
}

/* A unique index over fields that may be absent means something else in each database. */
static bool
check_index_field (const AirStoreCollection *collection, const char *field, bool unique, GError **error)
{
  const AirSchema *schema = NULL;
  bool required = false;
  if (*field == '-')
    field++;
  if (!air_store_field_is_valid (field) || !air_store_find_member (collection->schema, field, &schema, &required))
    return fail (error, "x-indexes names a field that the schema does not have");
  if (unique && (!required || (air_store_schema_types (schema) & (AIR_STORE_NULL | AIR_STORE_ARRAY | AIR_STORE_OBJECT))))
    return fail (error, "the fields of a unique index must be required, of one value, and not null");
  return true;
}

static bool
load_index (AirStoreCollection *collection, JsonNode *node, GError **error)
{
  JsonArray *fields = air_json_get_array (node, "fields");
  unsigned count = fields != NULL ? json_array_get_length (fields) : 0;
  if (count == 0 || count > MAX_INDEX_FIELDS)
    return fail (error, "an index of x-indexes has 1 to 4 fields");
  AirStoreIndex *index = g_new0 (AirStoreIndex, 1);
  index->unique = air_json_get_bool (node, "unique", false);
  index->fields = g_new0 (char *, count + 1);
  g_ptr_array_add (collection->indexes, index);
  for (unsigned i = 0; i < count; i++)
    {
      JsonNode *field = json_array_get_element (fields, i);
      if (air_json_type_of (field) != AIR_JSON_STRING)
        return fail (error, "the fields of an index are texts");
      index->fields[i] = g_strdup (json_node_get_string (field));
      if (!check_index_field (collection, index->fields[i], index->unique, error))
        return false;
    }
  return true;
}

static bool
load_key (AirStoreCollection *collection, JsonNode *document, GError **error)
{
  const char *key = air_json_get_string (document, "x-key");
  const AirSchema *schema = NULL;
  bool required = false;
  if (key == NULL || strchr (key, '.') != NULL || !air_store_field_is_valid (key)
      || !air_store_find_member (collection->schema, key, &schema, &required) || !required
      || air_store_schema_types (schema) != AIR_STORE_TEXT)
    return fail (error, "x-key must name a required member that is a text");
  collection->key = g_strdup (key);
  return true;
}

static bool
load (AirStoreCollection *collection, JsonNode *document, GError **error)
{
  JsonArray *indexes = air_json_get_array (document, "x-indexes");
  unsigned count = indexes != NULL ? json_array_get_length (indexes) : 0;
  collection->schemas = air_schemas_new (document);
  collection->schema = air_schemas_get (collection->schemas, "#", error);
  if (collection->schema == NULL || !load_key (collection, document, error))
    return false;
  if (count > MAX_INDEXES)
    return fail (error, "x-indexes has at most 16 indexes");
  for (unsigned i = 0; i < count; i++)
    if (!load_index (collection, json_array_get_element (indexes, i), error))
      return false;
  return true;
}

/* Names become names of tables and files. */
static bool
is_name (const char *name)
{
  size_t length = strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789_");
  return g_ascii_islower (name[0]) && name[length] == '\0' && length <= 48;
}

static AirStoreCollection *
load_file (const char *folder, const char *file, GError **error)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);
  g_autofree char *text = NULL;
  gsize length = 0;
  if (!g_file_get_contents (path, &text, &length, error))
    return NULL;
  AirStoreCollection *collection = g_new0 (AirStoreCollection, 1);
  collection->name = g_strndup (file, strlen (file) - strlen (".json"));
  collection->indexes = g_ptr_array_new_with_free_func (index_free);
  g_autoptr (JsonNode) document = air_json_parse (text, (gssize)length, error);
  bool loaded = document != NULL
                && (is_name (collection->name) || fail (error, "a collection's name is up to 48 of [a-z0-9_]"))
                && load (collection, document, error);
  if (loaded)
    return collection;
  g_prefix_error (error, "%s: ", path);
  collection_free (collection);
  return NULL;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(AirStoreCollection *const *)a)->name, (*(AirStoreCollection *const *)b)->name);
}

GPtrArray *
air_store_collections_load (const char *folder, GError **error)
{
  g_autoptr (GPtrArray) collections = g_ptr_array_new_with_free_func (collection_free);
  if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    return g_steal_pointer (&collections);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, error);
  if (dir == NULL)
    return NULL;
  const char *file = NULL;
  while ((file = g_dir_read_name (dir)) != NULL)
    {
      if (!g_str_has_suffix (file, ".json") || *file == '.')
        continue;
      AirStoreCollection *collection = load_file (folder, file, error);
      if (collection == NULL)
        return NULL;
      g_ptr_array_add (collections, collection);
    }
  g_ptr_array_sort (collections, compare_names);
  return g_steal_pointer (&collections);
}

const char *
air_store_collection_get_name (const AirStoreCollection *collection)
{
  return collection->name;
}

const char *
air_store_collection_get_key (const AirStoreCollection *collection)
{
  return collection->key;
}

GPtrArray *
air_store_collection_get_indexes (const AirStoreCollection *collection)
{
  return collection->indexes;
}

bool
air_store_collection_check (const AirStoreCollection *collection, JsonNode *document, GError **error)
{
  size_t bytes = 0;
  const char *key = NULL;
  if (!JSON_NODE_HOLDS_OBJECT (document))
    return fail (error, "a document is an object");
  if (!air_store_measure (document, &bytes, error) || !air_schema_check (collection->schema, document, error))
    return false;
  key = air_json_get_string (document, collection->key);
  if (*key == '\0' || strlen (key) > AIR_STORE_MAX_FIELD_BYTES)
    return fail (error, "a primary key has 1 to 256 bytes");
  return true;
}
