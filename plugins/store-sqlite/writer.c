/* The writer thread owns the writing connection. `waiting` and `ending` are under `lock`. */
#define G_LOG_DOMAIN "air-store-sqlite"

#include "writer.h"

#include <airclass/error.h>

/* A transaction holds up those that come after it; so it ends at some time. */
#define MAX_BATCH 1000

struct _Writer
{
  sqlite3 *database;
  WriterReport report;
  void *data;
  GThread *thread;
  GMutex lock;
  GCond changed;
  GQueue waiting; /* of Write */
  bool ending;
};

Write *
write_new (WriteFunction function, const AirStoreCollection *collection, GTask *task)
{
  Write *write = g_new0 (Write, 1);
  write->function = function;
  write->collection = collection;
  write->task = g_object_ref (task);
  return write;
}

static void
write_free (Write *write)
{
  statement_free (write->statement);
  g_clear_error (&write->error);
  g_object_unref (write->task);
  g_free (write->document);
  g_free (write->key);
  g_free (write->changes);
  g_free (write);
}

/* (transfer full) the writes of the next transaction, oldest first; empty when the thread is to end. */
static GPtrArray *
take_batch (Writer *writer)
{
  GPtrArray *batch = g_ptr_array_new_with_free_func ((GDestroyNotify)write_free);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->lock);
  while (writer->waiting.length == 0 && !writer->ending)
    g_cond_wait (&writer->changed, &writer->lock);
  while (batch->len < MAX_BATCH && writer->waiting.length > 0)
    g_ptr_array_add (batch, g_queue_pop_head (&writer->waiting));
  return batch;
}

/* Returns false when the whole transaction is lost. */
static bool
do_write (Writer *writer, Write *write, GError **error)
{
  if (!database_run (writer->database, "SAVEPOINT one", error))
    return false;
  if (write->function (write, writer->database, &write->error))
    return database_run (writer->database, "RELEASE one", error);
  /* A full disk and the like end the transaction themselves. */
  if (sqlite3_get_autocommit (writer->database))
    {
      g_propagate_error (error, g_error_copy (write->error));
      return false;
    }
  return database_run (writer->database, "ROLLBACK TO one; RELEASE one", error);
}

static bool
do_batch (Writer *writer, GPtrArray *batch, GError **error)
{
  if (!database_run (writer->database, "BEGIN IMMEDIATE", error))
    return false;
  for (unsigned i = 0; i < batch->len; i++)
    if (!do_write (writer, g_ptr_array_index (batch, i), error))
      return false;
  return database_run (writer->database, "COMMIT", error);
}

static void
answer (Write *write)
{
  if (write->error != NULL)
    g_task_return_error (write->task, g_steal_pointer (&write->error));
  else if (write->function == write_insert)
    g_task_return_boolean (write->task, TRUE);
  else if (write->function == write_update)
    g_task_return_pointer (write->task, g_memdup2 (&write->updated, sizeof write->updated), g_free);
  else
    g_task_return_int (write->task, write->count);
}

static gpointer
run (gpointer data)
{
  Writer *writer = data;
  for (;;)
    {
      g_autoptr (GPtrArray) batch = take_batch (writer);
      g_autoptr (GError) error = NULL;
      if (batch->len == 0)
        return NULL;
      if (!do_batch (writer, batch, &error) && !sqlite3_get_autocommit (writer->database))
        database_run (writer->database, "ROLLBACK", NULL);
      writer->report (error, writer->data);
      for (unsigned i = 0; i < batch->len; i++)
        {
          Write *write = g_ptr_array_index (batch, i);
          if (error != NULL && write->error == NULL)
            write->error = g_error_new (AIR_ERROR, AIR_ERROR_UNAVAILABLE, "%s", error->message);
          answer (write);
        }
    }
}

Writer *
writer_new (sqlite3 *database, WriterReport report, void *data)
{
  Writer *writer = g_new0 (Writer, 1);
  writer->database = database;
  writer->report = report;
  writer->data = data;
  g_mutex_init (&writer->lock);
  g_cond_init (&writer->changed);
  g_queue_init (&writer->waiting);
  writer->thread = g_thread_new ("store-writer", run, writer);
  return writer;
}

void
writer_push (Writer *writer, Write *write)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->lock);
  g_queue_push_tail (&writer->waiting, write);
  g_cond_signal (&writer->changed);
}

void
writer_free (Writer *writer)
{
  if (writer == NULL)
    return;
  g_mutex_lock (&writer->lock);
  writer->ending = true;
  g_cond_signal (&writer->changed);
  g_mutex_unlock (&writer->lock);
  g_thread_join (writer->thread);
  sqlite3_close (writer->database);
  g_mutex_clear (&writer->lock);
  g_cond_clear (&writer->changed);
  g_free (writer);
}
