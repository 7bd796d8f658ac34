/* The one thread that writes. Whatever waits for it goes into one transaction and is acknowledged after its COMMIT, so that a
 * hundred answers in the same moment cost one sync of the disk. A write that fails is rolled back alone. */
#pragma once

#include "statement.h"

G_BEGIN_DECLS

typedef struct _Writer Writer;

typedef struct
{
  AirStoreWrite base;
  Statement *statement; /* owned */
  char *document;       /* JSON text of what an insert or upsert inserts */
  char *key;            /* of that */
  char *changes;        /* JSON text */
  unsigned flags;
} Write;

/* Told after each transaction: NULL, or why it could not be made durable. Writer thread. */
typedef void (*WriterReport) (const GError *error, void *data);

/* @database: (transfer full) */
Writer *writer_new (sqlite3 *database, WriterReport report, void *data);
/* Does what waits, then ends the thread; may wait. NULL is taken. */
void writer_free (Writer *writer);

/* Returns: (transfer full) */
Write *write_new (AirStoreWriteKind kind, const AirStoreCollection *collection, GTask *task);
/* @write: (transfer full) */
void writer_push (Writer *writer, Write *write);

/* Do the work within a transaction; a result stands in the write. Writer thread. */
bool write_insert (Write *write, sqlite3 *database, GError **error);
bool write_update (Write *write, sqlite3 *database, GError **error);
bool write_remove (Write *write, sqlite3 *database, GError **error);

G_END_DECLS
