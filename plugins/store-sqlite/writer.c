/* The writer thread owns the writing connection. */
#define G_LOG_DOMAIN "air-store-sqlite"

#include "writer.h"

#include <airclass/error.h>

struct _Writer
{
  sqlite3 *database;
  WriterReport report;
  void *data;
  AirStoreWriter *thread;
};

Write *
write_new (AirStoreWriteKind kind, const AirStoreCollection *collection, GTask *task)
{
  Write *write = g_new0 (Write, 1);
  write->base = (AirStoreWrite){ .kind = kind, .collection = collection, .task = g_object_ref (task) };
  return write;
}

static void
write_free (AirStoreWrite *base)
{
  Write *write = (Write *)base;
  air_store_write_clear (base);
  statement_free (write->statement);
  g_free (write->document);
  g_free (write->key);
  g_free (write->changes);
  g_free (write);
}

/* Returns false when the whole transaction is lost. */
static bool
do_write (Writer *writer, Write *write, GError **error)
{
  static bool (*const functions[]) (Write *, sqlite3 *, GError **)
      = { [AIR_STORE_INSERT] = write_insert, [AIR_STORE_UPDATE] = write_update, [AIR_STORE_REMOVE] = write_remove };
  if (!database_run (writer->database, "SAVEPOINT one", error))
    return false;
  if (functions[write->base.kind](write, writer->database, &write->base.error))
    return database_run (writer->database, "RELEASE one", error);
  /* A full disk and the like end the transaction themselves. */
  if (sqlite3_get_autocommit (writer->database))
    {
      g_propagate_error (error, g_error_copy (write->base.error));
      return false;
    }
  return database_run (writer->database, "ROLLBACK TO one; RELEASE one", error);
}

static bool
do_transaction (Writer *writer, GPtrArray *batch, GError **error)
{
  if (!database_run (writer->database, "BEGIN IMMEDIATE", error))
    return false;
  for (unsigned i = 0; i < batch->len; i++)
    if (!do_write (writer, g_ptr_array_index (batch, i), error))
      return false;
  return database_run (writer->database, "COMMIT", error);
}

static void
do_batch (GPtrArray *batch, void *data)
{
  Writer *writer = data;
  g_autoptr (GError) error = NULL;
  if (!do_transaction (writer, batch, &error) && !sqlite3_get_autocommit (writer->database))
    database_run (writer->database, "ROLLBACK", NULL);
  writer->report (error, writer->data);
  for (unsigned i = 0; error != NULL && i < batch->len; i++)
    {
      AirStoreWrite *write = g_ptr_array_index (batch, i);
      if (write->error == NULL)
        write->error = g_error_new (AIR_ERROR, AIR_ERROR_UNAVAILABLE, "%s", error->message);
    }
}

Writer *
writer_new (sqlite3 *database, WriterReport report, void *data)
{
  static const AirStoreWriterClass class = { .max_batch = 1000, .free_write = write_free, .do_batch = do_batch };
  Writer *writer = g_new0 (Writer, 1);
  writer->database = database;
  writer->report = report;
  writer->data = data;
  writer->thread = air_store_writer_new (&class, writer);
  return writer;
}

void
writer_push (Writer *writer, Write *write)
{
  air_store_writer_push (writer->thread, &write->base);
}

void
writer_free (Writer *writer)
{
  if (writer == NULL)
    return;
  air_store_writer_free (writer->thread);
  sqlite3_close (writer->database);
  g_free (writer);
}
