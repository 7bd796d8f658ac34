/* Creating and starting the modules, one after the other on the main loop.
 *
 * Each starts when the one before it has answered; a plugin that fails is taken out, and those that need it too; a component
 * that fails ends the host. A module that does not answer in time is given up. */
#define G_LOG_DOMAIN "air-core"

#include "host/lifecycle.h"

#include <airclass/error.h>
#include <string.h>

#include "host/order.h"
#include "host/steps.h"

static void start_next (AirHost *host);

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
  air_step_publish (host, module,
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
  if (air_step_create (module, &error))
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
late_stop_done (GObject *source, GAsyncResult *result, gpointer data)
{
  AirModule *module = data;

  module->given_up = false;
  air_step_free (module);
}

/* start() answered after its time was over: what it began is ended. */
static void
end_late_start (AirModule *module, bool started)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, late_stop_done, module);

  air_step_call (module, started ? module->plugin.stop : NULL, task);
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
  air_step_clear_timeout (host);
  host->waiting_for = NULL;
  if (started)
    {
      module->state = AIR_MODULE_RUNNING;
      air_step_publish (host, module, AIR_EVENT_PLUGIN_STATE_STATE_RUNNING);
    }
  else
    {
      fail_module (host, module, "cannot start", error);
      air_step_undo (module);
      if (!module->component)
        air_step_free (module);
      report_not_running (host, module);
    }
  if (host->stopping)
    air_host_stop_next (host);
  else
    start_next (host);
}

static gboolean
start_expired (gpointer data)
{
  AirHost *host = data;
  AirModule *module = g_steal_pointer (&host->waiting_for);
  g_autoptr (GError) error = g_error_new (AIR_ERROR, AIR_ERROR_FAILED, "it did not answer within %g s",
                                          host->start_timeout_ms / 1000.0);

  host->timeout_id = 0;
  air_step_give_up (host, module);
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
  air_step_set_timeout (host, host->start_timeout_ms, start_expired);
  air_step_call (module, module->plugin.start, task);
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
      air_step_undo (module);
      air_step_free (module);
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
