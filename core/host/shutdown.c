/* Stopping the modules: the order of starting backwards, each when the one before it has answered and its jobs in the worker
 * pool have ended. One that does not answer in time is given up. */
#define G_LOG_DOMAIN "air-core"

#include <stdlib.h>

#include "host/steps.h"

#define STOP_TIMEOUT_MS 2000
/* All modules together: SIGTERM ends the process within 3 s. */
#define STOP_ALL_TIMEOUT_MS 2500
/* How often it is looked whether the jobs of a stopping module have ended. */
#define JOBS_POLL_MS 10

static void
finish_stop (AirHost *host, AirModule *module)
{
  air_step_clear_timeout (host);
  host->waiting_for = NULL;
  air_step_undo (module);
  module->state = AIR_MODULE_STOPPED;
  air_step_publish (host, module, AIR_EVENT_PLUGIN_STATE_STATE_STOPPED);
  /* Components stay until all contexts have been undone: those reach into them. */
  if (!module->component)
    air_step_free (module);
  air_host_stop_next (host);
}

/* Jobs in the worker pool may still use the plugin's state. */
static gboolean
wait_for_jobs (gpointer data)
{
  AirHost *host = data;

  if (air_context_count_jobs (host->waiting_for->context) > 0)
    return G_SOURCE_CONTINUE;
  host->jobs_id = 0;
  finish_stop (host, host->waiting_for);
  return G_SOURCE_REMOVE;
}

static void
stop_done (GObject *source, GAsyncResult *result, gpointer data)
{
  AirModule *module = data;
  AirHost *host = module->context->host;
  g_autoptr (GError) error = NULL;

  if (module->given_up)
    return;
  if (!g_task_propagate_boolean (G_TASK (result), &error))
    g_warning ("'%s' did not stop cleanly: %s", module->name, error->message);
  if (air_context_count_jobs (module->context) == 0)
    finish_stop (host, module);
  else
    host->jobs_id = g_timeout_add (JOBS_POLL_MS, wait_for_jobs, host);
}

static gboolean
stop_expired (gpointer data)
{
  AirHost *host = data;
  AirModule *module = host->waiting_for;

  host->timeout_id = 0;
  g_clear_handle_id (&host->jobs_id, g_source_remove);
  g_warning ("'%s' did not stop in time and is left as it is", module->name);
  host->exit_status = EXIT_FAILURE;
  air_step_give_up (host, module);
  finish_stop (host, module);
  return G_SOURCE_REMOVE;
}

void
air_host_stop_next (AirHost *host)
{
  while (host->next_step > 0)
    {
      AirModule *module = g_ptr_array_index (host->steps, --host->next_step);
      int64_t left_ms = (host->stop_deadline_us - g_get_monotonic_time ()) / 1000;
      g_autoptr (GTask) task = NULL;

      if (module->state == AIR_MODULE_CREATED)
        {
          air_step_undo (module);
          if (!module->component)
            air_step_free (module);
        }
      if (module->state != AIR_MODULE_RUNNING)
        continue;
      module->state = AIR_MODULE_STOPPING;
      host->waiting_for = module;
      task = g_task_new (NULL, NULL, stop_done, module);
      air_step_set_timeout (host, CLAMP (left_ms, 0, STOP_TIMEOUT_MS), stop_expired);
      air_step_call (module, module->plugin.stop, task);
      return;
    }
  g_main_loop_quit (host->loop);
}

static gboolean
start_not_ended (gpointer data)
{
  AirHost *host = data;
  AirModule *module = g_steal_pointer (&host->waiting_for);

  host->timeout_id = 0;
  g_warning ("'%s' was still starting and is left as it is", module->name);
  host->exit_status = EXIT_FAILURE;
  air_step_give_up (host, module);
  air_context_undo (module->context);
  air_host_stop_next (host);
  return G_SOURCE_REMOVE;
}

void
air_host_stop_modules (AirHost *host)
{
  host->stop_deadline_us = g_get_monotonic_time () + STOP_ALL_TIMEOUT_MS * 1000;
  if (host->waiting_for == NULL)
    {
      air_host_stop_next (host);
      return;
    }
  air_step_clear_timeout (host);
  g_cancellable_cancel (host->waiting_for->starting);
  air_step_set_timeout (host, STOP_TIMEOUT_MS, start_not_ended);
}

void
air_host_destroy_modules (AirHost *host)
{
  for (unsigned i = host->modules->len; i > 0; i--)
    {
      AirModule *module = g_ptr_array_index (host->modules, i - 1);
      void *freed = module->given_up ? NULL : module->self;
      air_step_free (module);
      /* A context that is undone later must not reach into what is gone. */
      if (freed != NULL && freed == (void *)host->http)
        host->http = NULL;
      if (freed != NULL && freed == (void *)host->streams)
        host->streams = NULL;
      if (freed != NULL && freed == (void *)host->authority)
        host->authority = NULL;
    }
  host->http = NULL;
  host->streams = NULL;
  host->authority = NULL;
}
