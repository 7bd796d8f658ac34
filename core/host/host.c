/* What runs: the built-in components and the enabled plugins, with their settings, checked before anything runs. */
#define G_LOG_DOMAIN "air-core"

#include "host/host.h"

#include <airclass/events.h>
#include <string.h>
#include <unistd.h>

#include "host/loader.h"
#include "host/module.h"
#include "host/order.h"
#include "util/nearest.h"

#define START_TIMEOUT_MS 10000

/* In the order they are created. */
static const AirPlugin *const components[] = {
  &air_log_component, &air_http_component, &air_streams_component, &air_auth_component, &air_core_component,
};

GPtrArray *
air_host_list_components (void)
{
  GPtrArray *modules = g_ptr_array_new_with_free_func ((GDestroyNotify) air_module_free);

  for (unsigned i = 0; i < G_N_ELEMENTS (components); i++)
    g_ptr_array_add (modules, air_module_new (components[i]->name, NULL, components[i]));
  return modules;
}

AirModule *
air_host_find_module (AirHost *host, const char *name)
{
  for (unsigned i = 0; i < host->modules->len; i++)
    {
      AirModule *module = g_ptr_array_index (host->modules, i);

      if (strcmp (module->name, name) == 0)
        return module;
    }
  return NULL;
}

AirSettings *
air_host_get_core_settings (AirHost *host)
{
  return air_host_find_module (host, air_core_component.name)->context->settings;
}

static void
read_settings (AirHost *host, AirModule *module, GPtrArray *problems)
{
  AirSettings *settings = air_settings_new (module->name, module->plugin.options, host->ini, problems);

  module->context = air_context_new (host, &module->plugin, settings);
}

/* ---- Folders */

/* Where state is kept when nobody says: systemd's StateDirectory=, else the user's own folder, for root /var/lib. */
static char *
default_state_dir (void)
{
  const char *systemd = g_getenv ("STATE_DIRECTORY");

  if (systemd != NULL && *systemd != '\0')
    {
      g_auto (GStrv) folders = g_strsplit (systemd, ":", 2);

      return g_strdup (folders[0]);
    }
  if (geteuid () == 0)
    return g_strdup ("/var/lib/airclass");
  return g_build_filename (g_get_user_state_dir (), "airclass", NULL);
}

static char *
folder_or (AirSettings *settings, const char *key, const char *fallback)
{
  const char *folder = air_settings_get_string (settings, key);

  if (*folder != '\0')
    return g_strdup (folder);
  air_settings_set_effective (settings, key, fallback);
  return g_strdup (fallback);
}

static void
resolve_folders (AirHost *host)
{
  AirSettings *settings = air_host_get_core_settings (host);
  g_autofree char *state_dir = default_state_dir ();

  host->plugin_dir = folder_or (settings, "plugin_dir", AIR_PLUGIN_DIR);
  host->schema_dir = folder_or (settings, "schema_dir", AIR_DATA_DIR "/schemas");
  host->pipeline_dir = folder_or (settings, "pipeline_dir", AIR_DATA_DIR "/pipelines");
  host->state_dir = folder_or (settings, "state_dir", state_dir);
}

/* ---- Plugins */

AirModule *
air_host_load_plugin (AirHost *host, const char *name)
{
  g_autofree char *path = air_loader_find (host->plugin_dir, name);
  g_autoptr (GError) error = NULL;
  AirPlugin plugin;
  AirModule *module;

  if (path == NULL)
    {
      g_autoptr (GPtrArray) known = air_loader_list (host->plugin_dir);
      const char *nearest = air_nearest (name, known);

      module = air_module_new (name, "", NULL);
      air_module_skip (module, "there is no %s.so in '%s'%s%s%s", name, host->plugin_dir,
                       nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                       nearest != NULL ? "'?" : "");
      return module;
    }
  if (air_loader_open (path, name, &plugin, &error))
    return air_module_new (name, path, &plugin);
  module = air_module_new (name, path, NULL);
  air_module_skip (module, "%s %s", path, error->message);
  return module;
}

static void
load_plugins (AirHost *host, GPtrArray *problems)
{
  AirSettings *settings = air_host_get_core_settings (host);
  const char *const *names = air_settings_get_list (settings, "plugins");
  const char *where = air_settings_get_where (settings, "plugins");

  for (; *names != NULL; names++)
    {
      AirModule *module = air_host_find_module (host, *names);

      if (module != NULL)
        {
          g_ptr_array_add (problems, g_strdup_printf ("%s: [core] plugins: '%s' %s", where, *names,
                                                      module->component ? "is built in, not a plugin" : "is named twice"));
          continue;
        }
      module = air_host_load_plugin (host, *names);
      g_ptr_array_add (host->modules, module);
      if (air_module_is_usable (module))
        read_settings (host, module, problems);
    }
}

/* Everything that may have a section: built in, enabled, or lying in the plugin folder. */
static GPtrArray *
list_known_sections (AirHost *host)
{
  GPtrArray *known = air_loader_list (host->plugin_dir);

  for (unsigned i = 0; i < host->modules->len; i++)
    g_ptr_array_add (known, g_strdup (((AirModule *) g_ptr_array_index (host->modules, i))->name));
  return known;
}

void
air_host_check_other_sections (AirHost *host, const AirIni *ini, GPtrArray *problems)
{
  g_autoptr (GPtrArray) sections = air_ini_list_sections (ini);
  g_autoptr (GPtrArray) known = list_known_sections (host);

  for (unsigned i = 0; i < sections->len; i++)
    {
      const char *section = g_ptr_array_index (sections, i);
      g_autoptr (AirModule) module = NULL;
      const char *nearest;

      /* The section of an enabled plugin has been read, or cannot be since the plugin could not be loaded. */
      if (air_host_find_module (host, section) != NULL)
        continue;
      if (g_ptr_array_find_with_equal_func (known, section, g_str_equal, NULL))
        {
          module = air_host_load_plugin (host, section);
          if (air_module_is_usable (module))
            air_settings_free (air_settings_new (section, module->plugin.options, ini, problems));
          continue;
        }
      nearest = air_nearest (section, known);
      g_ptr_array_add (problems, g_strdup_printf ("%s:%u: unknown section [%s]%s%s%s", air_ini_get_path (ini),
                                                  air_ini_get_section_line (ini, section), section,
                                                  nearest != NULL ? "; did you mean [" : "",
                                                  nearest != NULL ? nearest : "", nearest != NULL ? "]?" : ""));
    }
}

/* ---- Environment */

static char *
environment_name (const char *section, const char *key, const char *suffix)
{
  g_autofree char *name = g_strdup_printf ("AIRCLASS_%s_%s%s", section, key, suffix);

  return g_ascii_strup (g_strdelimit (name, "-", '_'), -1);
}

/* A mistyped override must not be silently without effect. It is no fault: the environment may be made for another version. */
static void
check_environment (AirHost *host)
{
  g_autoptr (GPtrArray) known = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) prefixes = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) names = g_listenv ();

  for (unsigned i = 0; i < host->modules->len; i++)
    {
      AirModule *module = g_ptr_array_index (host->modules, i);

      if (module->context == NULL)
        continue;
      g_ptr_array_add (prefixes, environment_name (module->name, "", ""));
      for (const AirOption *option = module->plugin.options; option != NULL && option->key != NULL; option++)
        {
          g_ptr_array_add (known, environment_name (module->name, option->key, ""));
          if (option->type == AIR_OPTION_SECRET)
            g_ptr_array_add (known, environment_name (module->name, option->key, "_file"));
        }
    }
  for (char **name = names; *name != NULL; name++)
    for (unsigned i = 0; i < prefixes->len; i++)
      {
        const char *nearest;

        if (!g_str_has_prefix (*name, g_ptr_array_index (prefixes, i))
            || g_ptr_array_find_with_equal_func (known, *name, g_str_equal, NULL))
          continue;
        nearest = air_nearest (*name, known);
        g_warning ("environment %s: there is no such option%s%s%s", *name, nearest != NULL ? "; did you mean '" : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
      }
}

/* ---- The host */

static void
endpoint_free (gpointer data)
{
  AirEndpoint *endpoint = data;

  g_free (endpoint->protocol);
  g_free (endpoint->host);
  g_free (endpoint);
}

AirHost *
air_host_new (const char *config_path, GPtrArray *problems)
{
  AirHost *host = g_new0 (AirHost, 1);

  host->config_path = g_strdup (config_path);
  host->lock_fd = -1;
  host->start_timeout_ms = START_TIMEOUT_MS;
  air_events_register ();
  host->bus = air_bus_new ();
  host->metrics = air_metrics_registry_new ();
  host->health = air_health_new ();
  host->services = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  host->endpoints = g_ptr_array_new_with_free_func (endpoint_free);
  if (config_path != NULL)
    host->ini = air_ini_load (config_path, problems);
  host->modules = air_host_list_components ();
  for (unsigned i = 0; i < host->modules->len; i++)
    read_settings (host, g_ptr_array_index (host->modules, i), problems);
  resolve_folders (host);
  load_plugins (host, problems);
  if (host->ini != NULL)
    air_host_check_other_sections (host, host->ini, problems);
  check_environment (host);
  air_order_modules (host->modules);
  return host;
}

void
air_host_free (AirHost *host)
{
  if (host == NULL)
    return;
  if (host->pool != NULL)
    g_thread_pool_free (host->pool, TRUE, FALSE);
  g_ptr_array_unref (host->modules);
  g_clear_pointer (&host->steps, g_ptr_array_unref);
  g_object_unref (host->bus);
  g_clear_pointer (&host->watchdog, air_watchdog_free);
  air_health_free (host->health);
  air_metrics_registry_free (host->metrics);
  g_hash_table_unref (host->services);
  g_ptr_array_unref (host->endpoints);
  air_ini_free (host->ini);
  g_clear_error (&host->failure);
  g_clear_pointer (&host->loop, g_main_loop_unref);
  if (host->lock_fd >= 0)
    close (host->lock_fd);
  g_free (host->plugin_dir);
  g_free (host->schema_dir);
  g_free (host->pipeline_dir);
  g_free (host->state_dir);
  g_free (host->config_path);
  g_free (host);
}
