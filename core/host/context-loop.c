/* The main loop and the worker pool as a context gives them: every piece of a plugin's code that runs on the main loop is
 * marked for the watchdog, and none of it runs after the plugin has stopped. */
#define G_LOG_DOMAIN "air-core"

#include "host/context-private.h"

/* Threads of the worker pool: what waits there waits for disks and other machines, not for a core. */
#define POOL_THREADS 4

/* ---- Calls: queued from any thread, run in order */

typedef struct
{
  AirCallback callback;
  void *data;
  GDestroyNotify destroy;
} Call;

static void
call_free (Call *call)
{
  if (call->destroy != NULL)
    call->destroy (call->data);
  g_free (call);
}

static Call *
take_call (AirContext *context)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&context->lock);
  Call *call = g_queue_pop_head (&context->calls);

  if (call == NULL)
    context->calls_scheduled = false;
  return call;
}

static gboolean
run_calls (gpointer data)
{
  AirContext *context = data;
  const char *previous = air_watchdog_enter (context->name);
  /* As many as wait now; a call that queues another gives the others on the loop their turn first. */
  unsigned waiting;
  Call *call;

  g_mutex_lock (&context->lock);
  waiting = context->calls.length;
  g_mutex_unlock (&context->lock);
  for (; waiting > 0 && (call = take_call (context)) != NULL; waiting--)
    {
      call->callback (call->data);
      call_free (call);
    }
  air_watchdog_leave (previous);

  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&context->lock);
  context->calls_scheduled = context->calls.length > 0;
  return context->calls_scheduled ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void
air_context_invoke (AirContext *context, AirCallback callback, void *data, GDestroyNotify destroy)
{
  Call *call = g_new (Call, 1);
  bool dropped, schedule = false;

  *call = (Call){ callback, data, destroy };
  g_mutex_lock (&context->lock);
  dropped = context->closed;
  if (!dropped)
    {
      g_queue_push_tail (&context->calls, call);
      schedule = !context->calls_scheduled;
      context->calls_scheduled = true;
    }
  g_mutex_unlock (&context->lock);
  if (dropped)
    call_free (call);
  if (schedule)
    g_idle_add_full (G_PRIORITY_DEFAULT, run_calls, air_context_ref (context), (GDestroyNotify) air_context_unref);
}

/* ---- Sources: their functions are replaced by ones that mark the plugin and notice the end */

typedef struct
{
  GSourceFuncs funcs; /* first: GLib sees this */
  const GSourceFuncs *original;
  AirContext *context;
  unsigned id;
} SourceWrapper;

static gboolean
wrapped_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  SourceWrapper *wrapper = (SourceWrapper *) source->source_funcs;
  const char *previous = air_watchdog_enter (wrapper->context->name);
  gboolean again = wrapper->original->dispatch (source, callback, data);

  air_watchdog_leave (previous);
  if (!again)
    g_hash_table_remove (wrapper->context->sources, GUINT_TO_POINTER (wrapper->id));
  return again;
}

static void
wrapped_finalize (GSource *source)
{
  SourceWrapper *wrapper = (SourceWrapper *) source->source_funcs;

  if (wrapper->original->finalize != NULL)
    wrapper->original->finalize (source);
  g_hash_table_remove (wrapper->context->sources, GUINT_TO_POINTER (wrapper->id));
  air_context_unref (wrapper->context);
  g_free (wrapper);
}

unsigned
air_context_add_source (AirContext *context, GSource *source)
{
  SourceWrapper *wrapper = g_new0 (SourceWrapper, 1);

  wrapper->original = source->source_funcs;
  wrapper->funcs = *source->source_funcs;
  wrapper->funcs.dispatch = wrapped_dispatch;
  wrapper->funcs.finalize = wrapped_finalize;
  wrapper->context = air_context_ref (context);
  g_source_set_funcs (source, &wrapper->funcs);
  wrapper->id = g_source_attach (source, NULL);
  g_hash_table_insert (context->sources, GUINT_TO_POINTER (wrapper->id), source);
  g_source_unref (source);
  return wrapper->id;
}

typedef struct
{
  AirCallback callback;
  void *data;
} Timer;

static gboolean
run_timer (gpointer data)
{
  Timer *timer = data;

  timer->callback (timer->data);
  return G_SOURCE_CONTINUE;
}

unsigned
air_context_add_timer (AirContext *context, unsigned interval_ms, AirCallback callback, void *data)
{
  GSource *source = g_timeout_source_new (interval_ms);
  Timer *timer = g_new (Timer, 1);

  *timer = (Timer){ callback, data };
  g_source_set_callback (source, run_timer, timer, g_free);
  return air_context_add_source (context, source);
}

void
air_context_remove_source (AirContext *context, unsigned id)
{
  gpointer source;

  if (g_hash_table_steal_extended (context->sources, GUINT_TO_POINTER (id), NULL, &source))
    g_source_destroy (source);
}

void
air_context_undo_loop (AirContext *context)
{
  g_autoptr (GList) ids = g_hash_table_get_keys (context->sources);
  Call *call;

  for (GList *id = ids; id != NULL; id = id->next)
    air_context_remove_source (context, GPOINTER_TO_UINT (id->data));
  g_mutex_lock (&context->lock);
  context->closed = true;
  g_mutex_unlock (&context->lock);
  while ((call = take_call (context)) != NULL)
    call_free (call);
}

/* ---- Worker pool */

typedef struct
{
  AirContext *context;
  AirCallback work, done;
  void *data;
  GDestroyNotify destroy;
} Job;

static void
job_done (void *data)
{
  Job *job = data;

  if (job->done != NULL)
    job->done (job->data);
}

static void
job_free (void *data)
{
  Job *job = data;

  if (job->destroy != NULL)
    job->destroy (job->data);
  air_context_unref (job->context);
  g_free (job);
}

static void
run_job (gpointer data, gpointer pool_data)
{
  Job *job = data;
  g_autoptr (AirContext) context = air_context_ref (job->context);

  job->work (job->data);
  air_context_invoke (context, job_done, job, job_free);
  g_mutex_lock (&context->lock);
  if (--context->jobs == 0)
    g_cond_broadcast (&context->jobs_ended);
  g_mutex_unlock (&context->lock);
  g_main_context_wakeup (NULL);
}

void
air_context_run_in_pool (AirContext *context, AirCallback work, AirCallback done, void *data, GDestroyNotify destroy)
{
  AirHost *host = context->host;
  Job *job = g_new (Job, 1);

  if (host->pool == NULL)
    host->pool = g_thread_pool_new (run_job, NULL, POOL_THREADS, FALSE, NULL);
  *job = (Job){ air_context_ref (context), work, done, data, destroy };
  g_mutex_lock (&context->lock);
  context->jobs++;
  g_mutex_unlock (&context->lock);
  g_thread_pool_push (host->pool, job, NULL);
}

bool
air_context_is_stopping (AirContext *context)
{
  return g_atomic_int_get (&context->host->stopping) != 0;
}

unsigned
air_context_count_jobs (AirContext *context)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&context->lock);

  return context->jobs;
}

bool
air_context_wait_for_jobs (AirContext *context, unsigned timeout_ms)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&context->lock);
  int64_t end_us = g_get_monotonic_time () + (int64_t) timeout_ms * 1000;

  while (context->jobs > 0)
    if (!g_cond_wait_until (&context->jobs_ended, &context->lock, end_us))
      return context->jobs == 0;
  return true;
}
