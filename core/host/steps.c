/* One step of a module's life each. */
#define G_LOG_DOMAIN "air-core"

#include "host/steps.h"

#define JOBS_TIMEOUT_MS 2000

/* ---- Calls into a module, marked for the watchdog */

bool
air_step_create (AirModule *module, GError **error)
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

void
air_step_call (AirModule *module, void (*step) (void *self, GTask *task), GTask *task)
{
  const char *previous = air_watchdog_enter (module->context->name);

  if (step != NULL)
    step (module->self, task);
  else
    g_task_return_boolean (task, TRUE);
  air_watchdog_leave (previous);
}

void
air_step_publish (AirHost *host, AirModule *module, AirEventPluginStateState state)
{
  if (!module->component)
    air_bus_publish (host->bus, air_event_plugin_state_new (module->name, state, module->reason));
}

/* ---- Undo and destroy */

/* Jobs may still use the module's state. When it ran, its end has waited for them without holding up the others. */
void
air_step_undo (AirModule *module)
{
  if (!module->given_up && !air_context_wait_for_jobs (module->context, JOBS_TIMEOUT_MS))
    {
      g_warning ("'%s' still has jobs in the worker pool and is left as it is", module->name);
      air_step_give_up (module->context->host, module);
    }
  air_context_undo (module->context);
  if (!module->given_up)
    air_context_report_left (module->context);
}

void
air_step_free (AirModule *module)
{
  if (module->given_up || module->context == NULL)
    return;
  call_destroy (module);
  air_context_undo_metrics (module->context);
}

/* ---- Time limits */

void
air_step_give_up (AirHost *host, AirModule *module)
{
  module->given_up = true;
  host->abandoned = true;
}

void
air_step_set_timeout (AirHost *host, unsigned timeout_ms, GSourceFunc expired)
{
  host->timeout_id = g_timeout_add (timeout_ms, expired, host);
}

void
air_step_clear_timeout (AirHost *host)
{
  g_clear_handle_id (&host->timeout_id, g_source_remove);
}
