/* The thread that writes for a store, and what waits for it. What is under `lock` stands behind it. */
#include "data/store-private.h"

/* Bulk writes are done in groups of so many, since one that somebody waits for waits for the group; and after so many batches of the
 * others a group is done with them, however many they are. */
#define BULK_GROUP 32
#define BULK_PASSED 8

struct _AirStoreWriter
{
  const AirStoreWriterClass *class;
  void *data;
  GThread *thread;
  GMutex lock;
  GCond changed;
  GQueue waiting, bulk; /* of AirStoreWrite */
  unsigned passed;      /* batches since bulk writes wait that had none of them */
  bool ending, has_prepared;
};

void
air_store_write_clear (AirStoreWrite *write)
{
  g_clear_object (&write->task);
  g_clear_error (&write->error);
}

static void
answer (AirStoreWrite *write)
{
  g_autoptr (GTask) task = g_steal_pointer (&write->task);
  if (task == NULL)
    return;
  if (write->error != NULL)
    g_task_return_error (task, g_steal_pointer (&write->error));
  else if (write->kind == AIR_STORE_INSERT)
    g_task_return_boolean (task, TRUE);
  else if (write->kind == AIR_STORE_UPDATE)
    g_task_return_pointer (task, g_memdup2 (&write->updated, sizeof write->updated), g_free);
  else
    g_task_return_int (task, write->count);
}

static bool
is_idle (const AirStoreWriter *writer)
{
  return writer->waiting.length == 0 && writer->bulk.length == 0;
}

static void
move (GQueue *from, unsigned most, GPtrArray *batch)
{
  for (unsigned i = 0; i < most && from->length > 0; i++)
    g_ptr_array_add (batch, g_queue_pop_head (from));
}

/* (transfer full) what is to be done next, of each kind the oldest first; empty after @wait_ms (−1: never) without anything; NULL when
 * the thread is to end and nothing is left. */
static GPtrArray *
take_batch (AirStoreWriter *writer, int wait_ms)
{
  int64_t end_us = g_get_monotonic_time () + (int64_t)wait_ms * 1000;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->lock);
  while (is_idle (writer) && !writer->ending)
    if (wait_ms < 0)
      g_cond_wait (&writer->changed, &writer->lock);
    else if (!g_cond_wait_until (&writer->changed, &writer->lock, end_us))
      break;
  if (writer->ending && is_idle (writer))
    return NULL;
  GPtrArray *batch = g_ptr_array_new_with_free_func ((GDestroyNotify)writer->class->free_write);
  bool has_bulk = writer->bulk.length > 0 && (writer->waiting.length == 0 || writer->passed >= BULK_PASSED);
  writer->passed = has_bulk || writer->bulk.length == 0 ? 0 : writer->passed + 1;
  move (&writer->waiting, writer->class->max_batch - (has_bulk ? BULK_GROUP : 0), batch);
  if (has_bulk)
    move (&writer->bulk, BULK_GROUP, batch);
  return batch;
}

static bool
is_ending (AirStoreWriter *writer)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->lock);
  return writer->ending;
}

static int
prepare (AirStoreWriter *writer)
{
  int wait_ms = writer->class->prepare != NULL ? writer->class->prepare (is_ending (writer), writer->data) : -1;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->lock);
  writer->has_prepared = true;
  g_cond_broadcast (&writer->changed);
  return wait_ms;
}

static gpointer
run (gpointer data)
{
  AirStoreWriter *writer = data;
  for (;;)
    {
      int wait_ms = prepare (writer);
      g_autoptr (GPtrArray) batch = take_batch (writer, wait_ms);
      if (batch == NULL)
        return NULL;
      writer->class->do_batch (batch, writer->data);
      for (unsigned i = 0; i < batch->len; i++)
        answer (g_ptr_array_index (batch, i));
    }
}

AirStoreWriter *
air_store_writer_new (const AirStoreWriterClass *class, void *data)
{
  AirStoreWriter *writer = g_new0 (AirStoreWriter, 1);
  writer->class = class;
  writer->data = data;
  g_mutex_init (&writer->lock);
  g_cond_init (&writer->changed);
  g_queue_init (&writer->waiting);
  g_queue_init (&writer->bulk);
  writer->thread = g_thread_new ("store-writer", run, writer);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->lock);
  while (!writer->has_prepared)
    g_cond_wait (&writer->changed, &writer->lock);
  return writer;
}

void
air_store_writer_push (AirStoreWriter *writer, AirStoreWrite *write)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&writer->lock);
  g_queue_push_tail (write->bulk ? &writer->bulk : &writer->waiting, write);
  g_cond_signal (&writer->changed);
}

void
air_store_writer_free (AirStoreWriter *writer)
{
  if (writer == NULL)
    return;
  g_mutex_lock (&writer->lock);
  writer->ending = true;
  g_cond_signal (&writer->changed);
  g_mutex_unlock (&writer->lock);
  g_thread_join (writer->thread);
  g_mutex_clear (&writer->lock);
  g_cond_clear (&writer->changed);
  g_free (writer);
}
