/* What ThreadSanitizer must know of GLib, which is not built with it: its locks, queues and hand-overs between threads order
 * what happens around them. Loaded before GLib into what is built with -Db_sanitize=thread, the server and the unit tests;
 * docs/writing-a-plugin.md says how. */
#include <dlfcn.h>
#include <gio/gio.h>
#include <poll.h>

void __tsan_acquire (void *place);
void __tsan_release (void *place);

#define REAL(name) ((__typeof__ (&name))dlsym (RTLD_NEXT, #name))

/* Looked for until somebody has found it; all find the same. */
#define FIND(name)                                                                                                     \
  static __typeof__ (&name) found;                                                                                     \
  __typeof__ (&name) real = __atomic_load_n (&found, __ATOMIC_ACQUIRE);                                                \
  if (!real)                                                                                                           \
  __atomic_store_n (&found, real = REAL (name), __ATOMIC_RELEASE)

#define LOCK(name, type)                                                                                               \
  void name (type *lock)                                                                                               \
  {                                                                                                                    \
    FIND (name);                                                                                                       \
    real (lock);                                                                                                       \
    __tsan_acquire (lock);                                                                                             \
  }
#define TRYLOCK(name, type)                                                                                            \
  gboolean name (type *lock)                                                                                           \
  {                                                                                                                    \
    FIND (name);                                                                                                       \
    gboolean locked = real (lock);                                                                                     \
    if (locked)                                                                                                        \
      __tsan_acquire (lock);                                                                                           \
    return locked;                                                                                                     \
  }
#define UNLOCK(name, type)                                                                                             \
  void name (type *lock)                                                                                               \
  {                                                                                                                    \
    FIND (name);                                                                                                       \
    __tsan_release (lock);                                                                                             \
    real (lock);                                                                                                       \
  }

LOCK (g_mutex_lock, GMutex)
TRYLOCK (g_mutex_trylock, GMutex)
UNLOCK (g_mutex_unlock, GMutex)
LOCK (g_rec_mutex_lock, GRecMutex)
TRYLOCK (g_rec_mutex_trylock, GRecMutex)
UNLOCK (g_rec_mutex_unlock, GRecMutex)
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

/* Sources carry data to the thread of their context, which polls before it dispatches. */
static char attached;

unsigned
g_source_attach (GSource *source, GMainContext *context)
{
  FIND (g_source_attach);
  __tsan_release (&attached);
  return real (source, context);
}

int
poll (struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
  FIND (poll);
  int ready = real (descriptors, count, timeout_ms);
  __tsan_acquire (&attached);
  return ready;
}

gboolean
g_main_context_iteration (GMainContext *context, gboolean may_block)
{
  FIND (g_main_context_iteration);
  gboolean dispatched = real (context, may_block);
  __tsan_acquire (&attached);
  return dispatched;
}

/* A pool carries its jobs to its threads, and whoever waits for its end sees what they did. */
typedef struct
{
  GFunc function;
  void *data;
} Jobs;

static void
run_job (void *job, void *data)
{
  Jobs *jobs = data;
  __tsan_acquire (jobs);
  jobs->function (job, jobs->data);
  __tsan_release (jobs);
}

GThreadPool *
g_thread_pool_new (GFunc function, void *data, int max_threads, gboolean exclusive, GError **error)
{
  FIND (g_thread_pool_new);
  Jobs *jobs = g_new (Jobs, 1); /* stays: threads may look at it when the pool is gone */
  *jobs = (Jobs){ function, data };
  return real (run_job, jobs, max_threads, exclusive, error);
}

gboolean
g_thread_pool_push (GThreadPool *pool, void *job, GError **error)
{
  FIND (g_thread_pool_push);
  __tsan_release (pool->user_data);
  return real (pool, job, error);
}

void
g_thread_pool_free (GThreadPool *pool, gboolean immediate, gboolean wait)
{
  FIND (g_thread_pool_free);
  void *jobs = pool->user_data;
  real (pool, immediate, wait);
  __tsan_acquire (jobs);
}
