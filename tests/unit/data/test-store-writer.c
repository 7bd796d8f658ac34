/* The thread that writes for a store: the order of writes, their batches, their answers, and what is left at the end. */
#include <airclass/error.h>
#include <airclass/store-provider.h>

/* What the thread does: it waits at the gate before each batch, and keeps the numbers that it did. */
typedef struct
{
  GMutex lock;
  GCond changed;
  bool open;
  unsigned arrived;  /* batches that came to the gate */
  GArray *done;      /* (element-type int) the numbers, in the order in which they were done */
  unsigned largest;  /* batch */
  unsigned prepared; /* how often */
} Work;

typedef struct
{
  AirStoreWrite base;
  int number;
} Numbered;

static void
free_numbered (AirStoreWrite *write)
{
  air_store_write_clear (write);
  g_free (write);
}

static void
do_numbers (GPtrArray *batch, void *data)
{
  Work *work = data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&work->lock);
  if (batch->len == 0)
    return;
  work->arrived++;
  g_cond_broadcast (&work->changed);
  while (!work->open)
    g_cond_wait (&work->changed, &work->lock);
  work->largest = MAX (work->largest, batch->len);
  for (unsigned i = 0; i < batch->len; i++)
    {
      Numbered *write = g_ptr_array_index (batch, i);
      g_array_append_val (work->done, write->number);
      write->base.updated.matched = (unsigned)write->number;
      write->base.count = write->number;
      if (write->number == 13)
        write->base.error = g_error_new_literal (AIR_ERROR, AIR_ERROR_CONFLICT, "unlucky");
    }
}

static int
look (bool ending, void *data)
{
  Work *work = data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&work->lock);
  work->prepared++;
  return 1;
}

static const AirStoreWriterClass plain = { .max_batch = 100, .free_write = free_numbered, .do_batch = do_numbers };
static const AirStoreWriterClass looking
    = { .max_batch = 100, .free_write = free_numbered, .do_batch = do_numbers, .prepare = look };

static Work *
work_new (void)
{
  Work *work = g_new0 (Work, 1);
  g_mutex_init (&work->lock);
  g_cond_init (&work->changed);
  work->done = g_array_new (FALSE, FALSE, sizeof (int));
  return work;
}

static void
work_free (Work *work)
{
  g_mutex_clear (&work->lock);
  g_cond_clear (&work->changed);
  g_array_unref (work->done);
  g_free (work);
}

static void
wait_for_batch (Work *work)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&work->lock);
  while (work->arrived == 0)
    g_cond_wait (&work->changed, &work->lock);
}

static void
open_gate (Work *work)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&work->lock);
  work->open = true;
  g_cond_broadcast (&work->changed);
}

static AirStoreWrite *
numbered (int number, AirStoreWriteKind kind, GTask *task)
{
  Numbered *write = g_new0 (Numbered, 1);
  write->number = number;
  write->base.kind = kind;
  write->base.task = task;
  return &write->base;
}

static void
test_order_and_end (void)
{
  Work *work = work_new ();
  AirStoreWriter *writer = air_store_writer_new (&plain, work);
  for (int i = 0; i < 1000; i++)
    air_store_writer_push (writer, numbered (i, AIR_STORE_INSERT, NULL));
  open_gate (work);
  /* All that waits is done before it ends. */
  air_store_writer_free (writer);
  g_assert_cmpuint (work->done->len, ==, 1000);
  for (int i = 0; i < 1000; i++)
    g_assert_cmpint (g_array_index (work->done, int, i), ==, i);
  g_assert_cmpuint (work->largest, ==, 100);
  work_free (work);
}

/* Bulk writes let the others pass, in their order, a group at a time, and are not put off for ever. */
static void
test_bulk (void)
{
  Work *work = work_new ();
  AirStoreWriter *writer = air_store_writer_new (&plain, work);
  air_store_writer_push (writer, numbered (-1, AIR_STORE_UPDATE, NULL));
  wait_for_batch (work);
  for (int i = 0; i < 200; i++)
    {
      AirStoreWrite *write = numbered (i, AIR_STORE_UPDATE, NULL);
      write->bulk = true;
      air_store_writer_push (writer, write);
    }
  for (int i = 0; i < 1000; i++)
    air_store_writer_push (writer, numbered (1000 + i, AIR_STORE_INSERT, NULL));
  open_gate (work);
  air_store_writer_free (writer);
  g_assert_cmpuint (work->done->len, ==, 1201);
  int next = 0, next_bulk = 0, passing = 0;
  for (unsigned i = 1; i < work->done->len; i++)
    {
      int number = g_array_index (work->done, int, i);
      if (number >= 1000)
        g_assert_cmpint (number - 1000, ==, next++);
      else
        g_assert_cmpint (number, ==, next_bulk++);
      if (number >= 1000 && next_bulk == 0)
        passing = next;
      if (next == 1000 && number >= 1000)
        g_assert_cmpint (next_bulk, <=, 32);
    }
  g_assert_cmpint (next, ==, 1000);
  g_assert_cmpint (next_bulk, ==, 200);
  /* Eight whole batches, and of the ninth what the group leaves. */
  g_assert_cmpint (passing, ==, 868);
  work_free (work);
}

typedef struct
{
  GMainLoop *loop;
  unsigned answered;
  GError *error;
  unsigned matched;
  int64_t count;
  bool inserted;
} Answers;

static void
on_answer (GObject *source, GAsyncResult *result, gpointer data)
{
  Answers *answers = data;
  switch (GPOINTER_TO_INT (g_task_get_source_tag (G_TASK (result))))
    {
    case AIR_STORE_INSERT:
      answers->inserted = g_task_propagate_boolean (G_TASK (result), NULL);
      break;
    case AIR_STORE_UPDATE:
      {
        AirStoreUpdated updated = { 0 };
        if (air_store_update_finish (NULL, result, &updated, &answers->error))
          answers->matched = updated.matched;
        break;
      }
    default:
      answers->count = g_task_propagate_int (G_TASK (result), NULL);
    }
  if (++answers->answered == 4)
    g_main_loop_quit (answers->loop);
}

static GTask *
new_task (Answers *answers, AirStoreWriteKind kind)
{
  GTask *task = g_task_new (NULL, NULL, on_answer, answers);
  g_task_set_source_tag (task, GINT_TO_POINTER (kind));
  return task;
}

static void
test_answers (void)
{
  Work *work = work_new ();
  Answers answers = { .loop = g_main_loop_new (NULL, FALSE) };
  AirStoreWriter *writer = air_store_writer_new (&plain, work);
  open_gate (work);
  air_store_writer_push (writer, numbered (1, AIR_STORE_INSERT, new_task (&answers, AIR_STORE_INSERT)));
  air_store_writer_push (writer, numbered (7, AIR_STORE_UPDATE, new_task (&answers, AIR_STORE_UPDATE)));
  air_store_writer_push (writer, numbered (9, AIR_STORE_REMOVE, new_task (&answers, AIR_STORE_REMOVE)));
  air_store_writer_push (writer, numbered (13, AIR_STORE_UPDATE, new_task (&answers, AIR_STORE_UPDATE)));
  g_main_loop_run (answers.loop);
  g_assert_true (answers.inserted);
  g_assert_cmpuint (answers.matched, ==, 7);
  g_assert_cmpint (answers.count, ==, 9);
  g_assert_error (answers.error, AIR_ERROR, AIR_ERROR_CONFLICT);
  g_clear_error (&answers.error);
  air_store_writer_free (writer);
  g_main_loop_unref (answers.loop);
  work_free (work);
}

static void
test_looking (void)
{
  Work *work = work_new ();
  AirStoreWriter *writer = air_store_writer_new (&looking, work);
  /* Before it is there, it has looked. */
  g_mutex_lock (&work->lock);
  g_assert_cmpuint (work->prepared, >=, 1);
  g_mutex_unlock (&work->lock);
  open_gate (work);
  air_store_writer_push (writer, numbered (1, AIR_STORE_INSERT, NULL));
  wait_for_batch (work);
  air_store_writer_free (writer);
  g_assert_cmpuint (work->done->len, ==, 1);
  air_store_writer_free (NULL);
  work_free (work);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/store/writer/order-and-end", test_order_and_end);
  g_test_add_func ("/store/writer/bulk", test_bulk);
  g_test_add_func ("/store/writer/answers", test_answers);
  g_test_add_func ("/store/writer/looking", test_looking);
  return g_test_run ();
}
