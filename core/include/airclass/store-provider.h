/* For plugins that provide the store: what they learn of the collections, and the parts of the work that are the same for all.
 *
 * The functions of store.h check every document, filter and change before the provider sees it, count and measure the operations,
 * and make the cursors. So a provider can rely on: the collection is known; fields are of [0-9A-Za-z_-] with dots between; values in
 * filters are texts, numbers, booleans and null; operators are those that store.h lists, with operands of the right kind; an upsert
 * makes a document that fits its schema. */
#pragma once

#include <airclass/store.h>

G_BEGIN_DECLS

#define AIR_STORE_MAX_DOCUMENT_BYTES (1024 * 1024)
/* What one page of air_store_find() may hold; a provider ends the page after the document that passes it. */
#define AIR_STORE_MAX_PAGE_BYTES (16 * 1024 * 1024)
#define AIR_STORE_MAX_GROUPS 10000

typedef struct _AirStoreCollection AirStoreCollection;

typedef struct
{
  char **fields; /* '-' before it for descending; NULL-terminated */
  bool unique;   /* all its fields are required and never null */
} AirStoreIndex;

typedef enum
{
  AIR_STORE_NULL = 1 << 0,
  AIR_STORE_BOOLEAN = 1 << 1,
  AIR_STORE_OBJECT = 1 << 2,
  AIR_STORE_ARRAY = 1 << 3,
  AIR_STORE_NUMBER = 1 << 4,
  AIR_STORE_TEXT = 1 << 5,
  AIR_STORE_ANY = 0x3f,
} AirStoreTypes;

/* In the plugin's create(): registers the metrics of @store, for which @context speaks from now on. Main thread. */
AIR_PUBLIC void air_store_attach (AirStore *store, AirContext *context);
/* In the plugin's start(), before the service is provided: reads schemas/store/ of the schema folder.
 * Returns false with AIR_ERROR_INVALID, naming file and fault. Main thread. */
AIR_PUBLIC bool air_store_load_collections (AirStore *store, GError **error);
/* Returns: (transfer none) (element-type AirStoreCollection) by name; valid as long as @store. */
AIR_PUBLIC GPtrArray *air_store_get_collections (AirStore *store);
/* Returns: (transfer none) NULL when there is none of that name. */
AIR_PUBLIC const AirStoreCollection *air_store_find_collection (AirStore *store, const char *name);

/* The collections that the files of @folder describe, without a host: for a provider's own unit tests.
 * Returns: (transfer full) (element-type AirStoreCollection) sorted by name, NULL with AIR_ERROR_INVALID. Any thread. */
AIR_PUBLIC GPtrArray *air_store_collections_load (const char *folder, GError **error);

/* A collection is immutable: any thread. */
AIR_PUBLIC const char *air_store_collection_get_name (const AirStoreCollection *collection);
AIR_PUBLIC const char *air_store_collection_get_key (const AirStoreCollection *collection);
/* Returns: (transfer none) (element-type AirStoreIndex) */
AIR_PUBLIC GPtrArray *air_store_collection_get_indexes (const AirStoreCollection *collection);
/* What @field (dotted) may hold as far as the schema says: AirStoreTypes. 0: there is no such field. */
AIR_PUBLIC unsigned air_store_collection_get_types (const AirStoreCollection *collection, const char *field);
/* Whether @document may be inserted; else AIR_ERROR_INVALID. Any thread. */
AIR_PUBLIC bool air_store_collection_check (const AirStoreCollection *collection, JsonNode *document, GError **error);

/* ---- Life: the plugin's start() and stop() */

/* Opens what it needs of the disk or the network; the collections have been loaded. In a thread of its own. */
typedef bool (*AirStoreOpen) (AirStore *store, void *data, GError **error);
/* Ends its threads after what waits. Nothing is called any more. In a thread of its own. */
typedef void (*AirStoreClose) (AirStore *store, void *data);
/* Loads the collections, calls @open, then takes operations, provides the service, and answers @task. Main thread. */
AIR_PUBLIC void air_store_start (AirStore *store, AirStoreOpen open, void *data, GTask *task);
/* Takes no operations any more (they are AIR_ERROR_UNAVAILABLE), calls @close, and answers @task. Main thread. */
AIR_PUBLIC void air_store_stop (AirStore *store, AirStoreClose close, void *data, GTask *task);

/* ---- Writing: one thread, which does what waits as one batch, so that it is made durable once for all of it */

typedef enum
{
  AIR_STORE_INSERT,
  AIR_STORE_UPDATE,
  AIR_STORE_REMOVE,
} AirStoreWriteKind;

/* A write on its way; the first member of the provider's own. */
typedef struct
{
  AirStoreWriteKind kind;
  bool bulk; /* AIR_STORE_BULK: lets the others pass */
  const AirStoreCollection *collection;
  GTask *task; /* owned; NULL: nobody waits for it */
  /* what came of it */
  GError *error; /* owned */
  AirStoreUpdated updated;
  int64_t count;
} AirStoreWrite;

typedef struct
{
  unsigned max_batch; /* at least 100; a batch holds up those that come after it; so it ends at some time */
  void (*free_write) (AirStoreWrite *write);
  /* Does the writes (element-type AirStoreWrite), oldest first, and makes them durable; each has its error or its result then, and is
   * answered. Empty: nothing came in the time that prepare() gave. Writer thread. */
  void (*do_batch) (GPtrArray *batch, void *data);
  /* Before each batch. @ending: no more will come. Returns how long to wait for one, in ms. NULL: as long as it takes. Writer thread. */
  int (*prepare) (bool ending, void *data);
} AirStoreWriterClass;

typedef struct _AirStoreWriter AirStoreWriter;
/* @class is static. Returns after the first prepare(), which may wait: not on the main thread. */
AIR_PUBLIC AirStoreWriter *air_store_writer_new (const AirStoreWriterClass *class, void *data);
/* @write: (transfer full). Any thread. */
AIR_PUBLIC void air_store_writer_push (AirStoreWriter *writer, AirStoreWrite *write);
/* Does what waits, then ends the thread; may wait. NULL is taken. */
AIR_PUBLIC void air_store_writer_free (AirStoreWriter *writer);
/* Frees what an AirStoreWrite itself holds, unless it was answered. */
AIR_PUBLIC void air_store_write_clear (AirStoreWrite *write);

/* The member @field (dotted) of @document. Returns: (transfer none) NULL when there is none. Any thread. */
AIR_PUBLIC JsonNode *air_store_get_field (JsonNode *document, const char *field);
/* Applies @changes to @document, an object, in place; with @inserting $setOnInsert too. *@ret_modified: whether it is another now. A
 * change that does not fit what is there ($inc of a text) is AIR_ERROR_INVALID, one that makes the document too large
 * AIR_ERROR_LIMIT; @document is then half changed. Any thread. */
AIR_PUBLIC bool air_store_apply (JsonNode *document, JsonNode *changes, bool inserting, bool *ret_modified, GError **error);
/* The document that an upsert inserts. Returns: (transfer full), NULL with the error. Any thread. */
AIR_PUBLIC JsonNode *air_store_make_upserted (JsonNode *filter, JsonNode *changes, GError **error);

G_END_DECLS
