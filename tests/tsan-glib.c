/* What ThreadSanitizer must know of GLib, which is not built with it: its locks, queues and hand-overs between threads order
 * what happens around them. Loaded before GLib into a server built with -Db_sanitize=thread; docs/writing-a-plugin.md says how. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <gio/gio.h>

void __tsan_acquire (void *place);
void __tsan_release (void *place);

#define REAL(name) ((__typeof__ (&name))dlsym (RTLD_NEXT, #name))

/* Found once per function; the race to find it is harmless, both find the same. */
#define FIND(name)                                                                                                     \
  static __typeof__ (&name) real;                                                                                      \
  if (!__atomic_load_n (&real, __ATOMIC_RELAXED))                                                                      \
  __atomic_store_n (&real, REAL (name), __ATOMIC_RELAXED)

#define LOCK(name, type)                                                                                               \
  void name (type *lock)                                                                                               \
  {                                                                                                                    \
    FIND (name);                                                                                                       \
    real (lock);                                                                                                       \
    __tsan_acquire (lock);                                                                                             \
  }
#define UNLOCK(name, type)                                                                                             \
  void name (type *lock)                                                                                               \
  {                                                                                                                    \
    FIND (name);                                                                                                       \
    __tsan_release (lock);                                                                                             \
    real (lock);                                                                                                       \
  }

LOCK (g_mutex_lock, GMutex)
UNLOCK (g_mutex_unlock, GMutex)
LOCK (g_rw_lock_reader_lock, GRWLock)
UNLOCK (g_rw_lock_reader_unlock, GRWLock)
LOCK (g_rw_lock_writer_lock, GRWLock)
UNLOCK (g_rw_lock_writer_unlock, GRWLock)

void
g_cond_wait (GCond *condition, GMutex *mutex)
{
  FIND (g_cond_wait);
  __tsan_release (mutex);
  real (condition, mutex);
  __tsan_acquire (mutex);
}

gboolean
g_cond_wait_until (GCond *condition, GMutex *mutex, gint64 end_us)
{
  FIND (g_cond_wait_until);
  __tsan_release (mutex);
  gboolean signalled = real (condition, mutex, end_us);
  __tsan_acquire (mutex);
  return signalled;
}

void
g_async_queue_push (GAsyncQueue *queue, void *data)
{
  FIND (g_async_queue_push);
  __tsan_release (queue);
  real (queue, data);
}

void *
g_async_queue_pop (GAsyncQueue *queue)
{
  FIND (g_async_queue_pop);
  void *data = real (queue);
  __tsan_acquire (queue);
  return data;
}

void *
g_async_queue_try_pop (GAsyncQueue *queue)
{
  FIND (g_async_queue_try_pop);
  void *data = real (queue);
  __tsan_acquire (queue);
  return data;
}

/* The last one to let go sees what the others did. */
gboolean
(g_atomic_ref_count_dec) (gatomicrefcount *count)
{
  FIND (g_atomic_ref_count_dec);
  __tsan_release (count);
  gboolean last = real (count);
  if (last)
    __tsan_acquire (count);
  return last;
}

/* Sources carry data to the thread of their context. */
unsigned
g_source_attach (GSource *source, GMainContext *context)
{
  FIND (g_source_attach);
  __tsan_release (&real);
  return real (source, context);
}

gboolean
g_main_context_iteration (GMainContext *context, gboolean may_block)
{
  FIND (g_main_context_iteration);
  gboolean dispatched = real (context, may_block);
  __tsan_acquire (&real);
  return dispatched;
}
