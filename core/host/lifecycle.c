/* Create, start, stop and destroy, one module after the other on the main loop.
 *
 * Start: each module when the one before it has answered; a plugin that fails is taken out, and those that need it too; a
 * component that fails ends the host. Stop: the same list backwards, with all undone and looked over after each. A module
 * that does not answer in time is given up: its state is left alone, since its threads may still use it. */
#define G_LOG_DOMAIN "air-core"

#include "host/lifecycle.h"

#include <airclass/error.h>
#include <airclass/events.h>
#include <stdlib.h>
#include <string.h>

#include "host/order.h"

#define START_TIMEOUT_MS 10000
#define STOP_TIMEOUT_MS 2000
/* All modules together: SIGTERM ends the process within 3 s. */
#define STOP_ALL_TIMEOUT_MS 2500
/* How often it is looked whether the jobs of a stopping module have ended. */
#define JOBS_POLL_MS 10

static void start_next (AirHost *host);
static void stop_next (AirHost *host);

/* ---- Calls into a module, marked for the watchdog */

static bool
call_create (AirModule *module, GError **error)
{
  const char *previous = air_watchdog_enter (module->context->name);

  module->self = module->plugin.create (module->context, error);
  air_watchdog_leave (previous);
  return module->self != NULL;
}

static void
call_destroy (AirModule *module)
{
  const char *previous = air_watchdog_enter (module->context->name);

  if (module->self != NULL)
    module->plugin.destroy (module->self);
  module->self = NULL;
  air_watchdog_leave (previous);
}

static void
call_step (AirModule *module, void (*step) (void *self, GTask *task), GTask *task)
{
  const char *previous = air_watchdog_enter (module->context->name);

  if (step != NULL)
    step (module->self, task);
  else
    g_task_return_boolean (task, TRUE);
  air_watchdog_leave (previous);
}

static void
publish_state (AirHost *host, AirModule *module, AirEventPluginStateState state)
{
  if (!module->component)
    air_bus_publish (host->bus, air_event_plugin_state_new (module->name, state, module->reason));
}

/* ---- Create */

static void
fail_module (AirHost *host, AirModule *module, const char *what, const GError *error)
{
  g_free (module->reason);
  module->reason = g_strdup_printf ("%s: %s", what, error != NULL ? error->message : "no reason was given");
  module->state = AIR_MODULE_FAILED;
  if (module->component && host->failure == NULL)
    g_set_error (&host->failure, AIR_ERROR, AIR_ERROR_FAILED, "[%s] %s", module->name, module->reason);
}

static void
report_not_running (AirHost *host, AirModule *module)
{
  if (!module->component)
    {
      AirModule *core = air_host_find_module (host, air_core_component.name);

      g_warning ("plugin '%s' is not running: %s", module->name, module->reason);
      /* The class goes on without it, so it is shown but does not make the host unready. */
      air_health_set (host->health, core->context, module->name, false, false, module->reason);
    }
  publish_state (host, module,
                 module->state == AIR_MODULE_FAILED ? AIR_EVENT_PLUGIN_STATE_STATE_FAILED
                                                    : AIR_EVENT_PLUGIN_STATE_STATE_SKIPPED);
}

static void
remember_manager (AirHost *host, AirModule *module)
{
  if (strcmp (module->name, air_http_component.name) == 0)
    host->http = module->self;
  else if (strcmp (module->name, air_streams_component.name) == 0)
    host->streams = module->self;
  else if (strcmp (module->name, air_auth_component.name) == 0)
    host->authority = module->self;
}

static void
create_module (AirHost *host, AirModule *module)
{
  g_autoptr (GError) error = NULL;

  if (!air_module_is_usable (module) || air_order_skip_if_needs_fail (host->modules, module))
    {
      report_not_running (host, module);
      return;
    }
  if (call_create (module, &error))
    {
      module->state = AIR_MODULE_CREATED;
      remember_manager (host, module);
      return;
    }
  fail_module (host, module, "cannot be created", error);
  air_context_undo (module->context);
  air_context_undo_metrics (module->context);
  report_not_running (host, module);
}

bool
air_host_create_modules (AirHost *host)
{
  unsigned i;

  /* What the components register waits until all managers are there; plugins find them there. */
  for (i = 0; i < host->modules->len && ((AirModule *) g_ptr_array_index (host->modules, i))->component; i++)
    create_module (host, g_ptr_array_index (host->modules, i));
  if (host->failure != NULL)
    return false;
  for (unsigned j = 0; j < i; j++)
    {
      AirModule *module = g_ptr_array_index (host->modules, j);

      air_context_activate (module->context, module->self);
    }
  for (; i < host->modules->len; i++)
    {
      AirModule *module = g_ptr_array_index (host->modules, i);

      create_module (host, module);
      if (module->state == AIR_MODULE_CREATED)
        air_context_activate (module->context, module->self);
    }
  return true;
}

/* ---- Undo and destroy */

static void
undo_module (AirModule *module)
{
  air_context_undo (module->context);
  if (!module->given_up)
    air_context_report_left (module->context);
}

static void
destroy_module (AirModule *module)
{
  if (module->given_up || module->context == NULL)
    return;
  call_destroy (module);
  air_context_undo_metrics (module->context);
}

void
air_host_destroy_modules (AirHost *host)
{
  for (unsigned i = host->modules->len; i > 0; i--)
    destroy_module (g_ptr_array_index (host->modules, i - 1));
  host->http = NULL;
  host->streams = NULL;
  host->authority = NULL;
}

/* ---- Start */

/* The order in which they start: the HTTP listeners open when everything behind them is there. */
static void
list_steps (AirHost *host)
{
  AirModule *http = NULL;

  host->steps = g_ptr_array_new ();
  for (unsigned i = 0; i < host->modules->len; i++)
    {
      AirModule *module = g_ptr_array_index (host->modules, i);

      if (strcmp (module->name, air_http_component.name) == 0)
        http = module;
      else
        g_ptr_array_add (host->steps, module);
    }
  if (http != NULL)
    g_ptr_array_add (host->steps, http);
}

static void
set_timeout (AirHost *host, unsigned timeout_ms, GSourceFunc expired)
{
  host->timeout_id = g_timeout_add (timeout_ms, expired, host);
}

/* Its state is neither used nor freed from now on. */
static void
give_up (AirHost *host, AirModule *module)
{
  module->given_up = true;
  host->abandoned = true;
}

static void
clear_timeout (AirHost *host)
{
  g_clear_handle_id (&host->timeout_id, g_source_remove);
}

static void
late_stop_done (GObject *source, GAsyncResult *result, gpointer data)
{
  AirModule *module = data;

  module->given_up = false;
  destroy_module (module);
}

/* start() answered after its time was over: what it began is ended. */
static void
end_late_start (AirModule *module, bool started)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, late_stop_done, module);

  call_step (module, started ? module->plugin.stop : NULL, task);
}

static void
start_done (GObject *source, GAsyncResult *result, gpointer data)
{
  AirModule *module = data;
  AirHost *host = module->context->host;
  g_autoptr (GError) error = NULL;
  bool started = g_task_propagate_boolean (G_TASK (result), &error);

  if (module->given_up)
    {
      end_late_start (module, started);
      return;
    }
  clear_timeout (host);
  host->waiting_for = NULL;
  if (started)
    {
      module->state = AIR_MODULE_RUNNING;
      publish_state (host, module, AIR_EVENT_PLUGIN_STATE_STATE_RUNNING);
    }
  else
    {
      fail_module (host, module, "cannot start", error);
      undo_module (module);
      if (!module->component)
        destroy_module (module);
      report_not_running (host, module);
    }
  if (host->stopping)
    stop_next (host);
  else
    start_next (host);
}

static gboolean
start_expired (gpointer data)
{
  AirHost *host = data;
  AirModule *module = g_steal_pointer (&host->waiting_for);
  g_autoptr (GError) error = g_error_new (AIR_ERROR, AIR_ERROR_FAILED, "it did not answer within %d s",
                                          START_TIMEOUT_MS / 1000);

  host->timeout_id = 0;
  give_up (host, module);
  g_cancellable_cancel (module->starting);
  fail_module (host, module, "cannot start", error);
  air_context_undo (module->context);
  report_not_running (host, module);
  start_next (host);
  return G_SOURCE_REMOVE;
}

static void
start_module (AirHost *host, AirModule *module)
{
  g_autoptr (GTask) task = NULL;

  module->starting = g_cancellable_new ();
  module->state = AIR_MODULE_STARTING;
  host->waiting_for = module;
  task = g_task_new (NULL, module->starting, start_done, module);
  /* Whether it succeeded is said by start() itself: a listener that is open is open, cancelled or not. */
  g_task_set_check_cancellable (task, FALSE);
  set_timeout (host, START_TIMEOUT_MS, start_expired);
  call_step (module, module->plugin.start, task);
}

static void
start_next (AirHost *host)
{
  if (host->failure != NULL)
    {
      air_host_quit (host);
      return;
    }
  while (host->next_step < host->steps->len)
    {
      AirModule *module = g_ptr_array_index (host->steps, host->next_step++);

      if (module->state != AIR_MODULE_CREATED)
        continue;
      if (!air_order_skip_if_needs_fail (host->modules, module))
        {
          start_module (host, module);
          return;
        }
      undo_module (module);
      destroy_module (module);
      report_not_running (host, module);
    }
  air_host_set_ready (host);
}

void
air_host_start_modules (AirHost *host)
{
  list_steps (host);
  start_next (host);
}

/* ---- Stop */

static void
finish_stop (AirHost *host, AirModule *module)
{
  clear_timeout (host);
  host->waiting_for = NULL;
  undo_module (module);
  module->state = AIR_MODULE_STOPPED;
  publish_state (host, module, AIR_EVENT_PLUGIN_STATE_STATE_STOPPED);
  /* Components stay until all contexts have been undone: those reach into them. */
  if (!module->component)
    destroy_module (module);
  stop_next (host);
}

/* Jobs in the worker pool may still use the plugin's state. */
static gboolean
wait_for_jobs (gpointer data)
{
  AirHost *host = data;

  if (host->waiting_for == NULL || air_context_count_jobs (host->waiting_for->context) > 0)
    return G_SOURCE_CONTINUE;
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
  give_up (host, module);
  finish_stop (host, module);
  return G_SOURCE_REMOVE;
}

static void
stop_next (AirHost *host)
{
  while (host->next_step > 0)
    {
      AirModule *module = g_ptr_array_index (host->steps, --host->next_step);
      int64_t left_ms = (host->stop_deadline_us - g_get_monotonic_time ()) / 1000;
      g_autoptr (GTask) task = NULL;

      if (module->state == AIR_MODULE_CREATED)
        {
          undo_module (module);
          if (!module->component)
            destroy_module (module);
        }
      if (module->state != AIR_MODULE_RUNNING)
        continue;
      module->state = AIR_MODULE_STOPPING;
      host->waiting_for = module;
      task = g_task_new (NULL, NULL, stop_done, module);
      set_timeout (host, CLAMP (left_ms, 0, STOP_TIMEOUT_MS), stop_expired);
      call_step (module, module->plugin.stop, task);
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
  give_up (host, module);
  air_context_undo (module->context);
  stop_next (host);
  return G_SOURCE_REMOVE;
}

void
air_host_stop_modules (AirHost *host)
{
  host->stop_deadline_us = g_get_monotonic_time () + STOP_ALL_TIMEOUT_MS * 1000;
  if (host->waiting_for == NULL)
    {
      stop_next (host);
      return;
    }
  clear_timeout (host);
  g_cancellable_cancel (host->waiting_for->starting);
  set_timeout (host, STOP_TIMEOUT_MS, start_not_ended);
}
