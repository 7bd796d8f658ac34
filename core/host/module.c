/* Modules and their states. */
#define G_LOG_DOMAIN "air-core"

#include "host/module.h"

AirModule *
air_module_new (const char *name, const char *path, const AirPlugin *plugin)
{
  AirModule *module = g_new0 (AirModule, 1);

  if (plugin != NULL)
    module->plugin = *plugin;
  module->name = g_strdup (name);
  module->plugin.name = module->name;
  module->path = g_strdup (path);
  module->component = path == NULL && plugin != NULL;
  return module;
}

void
air_module_free (AirModule *module)
{
  if (module == NULL)
    return;
  g_clear_pointer (&module->context, air_context_unref);
  g_clear_object (&module->starting);
  g_free (module->name);
  g_free (module->path);
  g_free (module->reason);
  g_free (module);
}

void
air_module_skip (AirModule *module, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_free (module->reason);
  module->reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  module->state = AIR_MODULE_SKIPPED;
}

bool
air_module_is_usable (const AirModule *module)
{
  return module->state != AIR_MODULE_SKIPPED && module->state != AIR_MODULE_FAILED;
}

const char *
air_module_state_to_string (AirModuleState state)
{
  static const char *const names[] = { "loaded",   "created", "starting", "running",
                                       "stopping", "stopped", "skipped",  "failed" };

  return names[state];
}
