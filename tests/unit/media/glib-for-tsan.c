/* GLib's locks and reference counts for programs built with -Db_sanitize=thread.
 *
 * The system's GLib is not built for the thread sanitizer, which therefore sees neither its futexes nor its atomic
 * counters and reports races where there are locks. Linked into a test, these take their place; they use what the
 * sanitizer knows. Only made in such builds. */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#undef g_atomic_ref_count_init
#undef g_atomic_ref_count_inc
#undef g_atomic_ref_count_dec
#undef g_atomic_ref_count_compare

/* A GMutex is a pointer that is zero before its first use, as static ones are. */
static void *
object_of (void **slot, void *(*make) (void))
{
  void *object = __atomic_load_n (slot, __ATOMIC_ACQUIRE);
  if (object != NULL)
    return object;
  void *made = make (), *none = NULL;
  if (__atomic_compare_exchange_n (slot, &none, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return made;
  free (made);
  return none;
}

static void *
make_mutex (void)
{
  pthread_mutex_t *mutex = malloc (sizeof *mutex);
  pthread_mutex_init (mutex, NULL);
  return mutex;
}

static void *
make_rec_mutex (void)
{
  pthread_mutex_t *mutex = malloc (sizeof *mutex);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init (&attributes);
  pthread_mutexattr_settype (&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init (mutex, &attributes);
  pthread_mutexattr_destroy (&attributes);
  return mutex;
}

static void *
make_cond (void)
{
  pthread_cond_t *cond = malloc (sizeof *cond);
  pthread_condattr_t attributes;
  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (cond, &attributes);
  pthread_condattr_destroy (&attributes);
  return cond;
}

static pthread_mutex_t *
mutex_of (GMutex *mutex)
{
  return object_of (&mutex->p, make_mutex);
}

static pthread_mutex_t *
rec_mutex_of (GRecMutex *mutex)
{
  return object_of (&mutex->p, make_rec_mutex);
}

static pthread_cond_t *
cond_of (GCond *cond)
{
  return object_of (&cond->p, make_cond);
}

static void
clear_mutex (void **slot)
{
  if (*slot != NULL)
    pthread_mutex_destroy (*slot);
  free (*slot);
  *slot = NULL;
}

void
g_mutex_init (GMutex *mutex)
{
  mutex->p = NULL;
}

void
g_mutex_clear (GMutex *mutex)
{
  clear_mutex (&mutex->p);
}

void
g_mutex_lock (GMutex *mutex)
{
  pthread_mutex_lock (mutex_of (mutex));
}

void
g_mutex_unlock (GMutex *mutex)
{
  pthread_mutex_unlock (mutex_of (mutex));
}

gboolean
g_mutex_trylock (GMutex *mutex)
{
  return pthread_mutex_trylock (mutex_of (mutex)) == 0;
}

void
g_rec_mutex_init (GRecMutex *mutex)
{
  mutex->p = NULL;
}

void
g_rec_mutex_clear (GRecMutex *mutex)
{
  clear_mutex (&mutex->p);
}

void
g_rec_mutex_lock (GRecMutex *mutex)
{
  pthread_mutex_lock (rec_mutex_of (mutex));
}

void
g_rec_mutex_unlock (GRecMutex *mutex)
{
  pthread_mutex_unlock (rec_mutex_of (mutex));
}

gboolean
g_rec_mutex_trylock (GRecMutex *mutex)
{
  return pthread_mutex_trylock (rec_mutex_of (mutex)) == 0;
}

void
g_cond_init (GCond *cond)
{
  cond->p = NULL;
}

void
g_cond_clear (GCond *cond)
{
  if (cond->p != NULL)
    pthread_cond_destroy (cond->p);
  free (cond->p);
  cond->p = NULL;
}

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  pthread_cond_wait (cond_of (cond), mutex_of (mutex));
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  struct timespec end = { .tv_sec = end_time / G_USEC_PER_SEC, .tv_nsec = end_time % G_USEC_PER_SEC * 1000 };
  return pthread_cond_timedwait (cond_of (cond), mutex_of (mutex), &end) != ETIMEDOUT;
}

void
g_cond_signal (GCond *cond)
{
  pthread_cond_signal (cond_of (cond));
}

void
g_cond_broadcast (GCond *cond)
{
  pthread_cond_broadcast (cond_of (cond));
}

void
g_atomic_ref_count_init (gatomicrefcount *count)
{
  __atomic_store_n (count, 1, __ATOMIC_SEQ_CST);
}

void
g_atomic_ref_count_inc (gatomicrefcount *count)
{
  __atomic_fetch_add (count, 1, __ATOMIC_SEQ_CST);
}

gboolean
g_atomic_ref_count_dec (gatomicrefcount *count)
{
  return __atomic_fetch_sub (count, 1, __ATOMIC_SEQ_CST) == 1;
}

gboolean
g_atomic_ref_count_compare (gatomicrefcount *count, gint value)
{
  return __atomic_load_n (count, __ATOMIC_SEQ_CST) == value;
}
