/* The one thread that writes. Whatever waits for it goes into one transaction and is acknowledged after its COMMIT, so that a
 * hundred answers in the same moment cost one sync of the disk. A write that fails is rolled back alone. */
#pragma once

#include "statement.h"

G_BEGIN_DECLS

typedef struct _Writer Writer;
typedef struct _Write Write;

/* Does the work within a transaction; a result stands in the write. Writer thread. */
typedef bool (*WriteFunction) (Write *write, sqlite3 *database, GError **error);

struct _Write
{
  WriteFunction function;
  const AirStoreCollection *collection;
  GTask *task;          /* owned */
  Statement *statement; /* owned */
  char *document;       /* JSON text of what an insert or upsert inserts */
  char *key;            /* of that */
  char *changes;        /* JSON text */
  unsigned flags;
  /* the result */
  GError *error;
  AirStoreUpdated updated;
  int64_t count;
};

/* Told after each transaction: NULL, or why it could not be made durable. Writer thread. */
typedef void (*WriterReport) (const GError *error, void *data);

/* @database: (transfer full) */
Writer *writer_new (sqlite3 *database, WriterReport report, void *data);
/* Does what waits, then ends the thread; may wait. NULL is taken. */
void writer_free (Writer *writer);

/* Returns: (transfer full) */
Write *write_new (WriteFunction function, const AirStoreCollection *collection, GTask *task);
/* @write: (transfer full) */
void writer_push (Writer *writer, Write *write);

/* What a write may do. */
bool write_insert (Write *write, sqlite3 *database, GError **error);
bool write_update (Write *write, sqlite3 *database, GError **error);
bool write_remove (Write *write, sqlite3 *database, GError **error);

G_END_DECLS
