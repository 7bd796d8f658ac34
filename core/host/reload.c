/* SIGHUP: the file is read and checked as a whole; only when all of it is right does anything change. */
#define G_LOG_DOMAIN "air-core"

#include <airclass/events.h>

#include "host/host.h"
#include "host/module.h"

typedef struct
{
  AirModule *module;  /* borrowed */
  AirSettings *newer; /* owned */
} Candidate;

static void
candidate_free (gpointer data)
{
  air_settings_free (((Candidate *) data)->newer);
  g_free (data);
}

static GPtrArray *
read_candidates (AirHost *host, const AirIni *ini, GPtrArray *problems)
{
  GPtrArray *candidates = g_ptr_array_new_with_free_func (candidate_free);

  for (unsigned i = 0; i < host->modules->len; i++)
    {
      AirModule *module = g_ptr_array_index (host->modules, i);
      Candidate *candidate;

      if (module->context == NULL)
        continue;
      candidate = g_new (Candidate, 1);
      *candidate = (Candidate){ module, air_settings_new (module->name, module->plugin.options, ini, problems) };
      g_ptr_array_add (candidates, candidate);
    }
  if (ini != NULL)
    air_host_check_other_sections (host, ini, problems);
  return candidates;
}

static void
tell (AirModule *module)
{
  const char *previous;

  if (module->plugin.reload == NULL || module->state != AIR_MODULE_RUNNING)
    return;
  previous = air_watchdog_enter (module->context->name);
  module->plugin.reload (module->self);
  air_watchdog_leave (previous);
}

static void
apply (AirHost *host, GPtrArray *candidates)
{
  g_autoptr (GPtrArray) changed = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) need_restart = g_ptr_array_new_with_free_func (g_free);

  for (unsigned i = 0; i < candidates->len; i++)
    {
      Candidate *candidate = g_ptr_array_index (candidates, i);
      AirSettings *settings = candidate->module->context->settings;

      if (!air_settings_adopt (settings, candidate->newer, changed, need_restart))
        continue;
      tell (candidate->module);
      air_settings_forget_old (settings);
    }
  for (unsigned i = 0; i < changed->len; i++)
    g_message ("reloaded: %s changed", (char *) g_ptr_array_index (changed, i));
  for (unsigned i = 0; i < need_restart->len; i++)
    g_warning ("reloaded: %s changed, but needs a restart to take effect", (char *) g_ptr_array_index (need_restart, i));
  if (changed->len == 0 && need_restart->len == 0)
    g_message ("reloaded: nothing changed");
  g_ptr_array_add (changed, NULL);
  air_bus_publish (host->bus, air_event_config_reloaded_new ((const char *const *) changed->pdata));
}

bool
air_host_reload (AirHost *host)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) candidates = NULL;
  g_autoptr (AirIni) ini = NULL;

  if (host->config_path != NULL)
    ini = air_ini_load (host->config_path, problems);
  candidates = read_candidates (host, ini, problems);
  if (problems->len == 0)
    {
      apply (host, candidates);
      return true;
    }
  for (unsigned i = 0; i < problems->len; i++)
    g_warning ("%s", (char *) g_ptr_array_index (problems, i));
  g_warning ("not reloaded: the configuration has %u fault%s; everything stays as it was", problems->len,
             problems->len == 1 ? "" : "s");
  return false;
}
