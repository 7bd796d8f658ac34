/* Plugins are shared objects that export one AirPlugin. They stay resident: GTypes cannot be unloaded. */
#define G_LOG_DOMAIN "air-core"

#include "host/loader.h"

#include <airclass/error.h>
#include <gmodule.h>
#include <string.h>

/* The fields of the first release: a plugin that has fewer was not built with <airclass/plugin.h>. */
#define MIN_STRUCT_SIZE G_STRUCT_OFFSET (AirPlugin, reload)

char *
air_loader_find (const char *plugin_dir, const char *name)
{
  g_autofree char *file = g_strconcat (name, ".so", NULL);
  g_autofree char *flat = g_build_filename (plugin_dir, file, NULL);
  g_autofree char *nested = g_build_filename (plugin_dir, name, file, NULL);

  if (*name == '\0' || strchr (name, '/') != NULL)
    return NULL;
  if (g_file_test (flat, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&flat);
  return g_file_test (nested, G_FILE_TEST_EXISTS) ? g_steal_pointer (&nested) : NULL;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *
air_loader_list (const char *plugin_dir)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (plugin_dir, 0, NULL);
  const char *entry;

  while (dir != NULL && (entry = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *name = g_str_has_suffix (entry, ".so") ? g_strndup (entry, strlen (entry) - 3) : g_strdup (entry);
      g_autofree char *path = air_loader_find (plugin_dir, name);

      if (path != NULL && !g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
        g_ptr_array_add (names, g_steal_pointer (&name));
    }
  g_ptr_array_sort (names, compare_names);
  return names;
}

/* [a-z][a-z0-9@extra]* */
static bool
is_name (const char *text, char extra)
{
  if (text == NULL || !g_ascii_islower (*text))
    return false;
  for (; *text != '\0'; text++)
    if (!g_ascii_islower (*text) && !g_ascii_isdigit (*text) && *text != extra)
      return false;
  return true;
}

static bool
check_option (const AirOption *option, GError **error)
{
  const char *fault = NULL;

  if (!is_name (option->key, '_'))
    fault = "its key is not lower-case letters, digits and underscores";
  else if (option->default_value == NULL)
    fault = "it has no default";
  else if (option->type > AIR_OPTION_URL)
    fault = "its type is unknown";
  else if (option->type == AIR_OPTION_ENUM && option->choices == NULL)
    fault = "it has no choices";
  else if (option->minimum > option->maximum)
    fault = "its range is empty";
  else if (option->help == NULL)
    fault = "it has no help";
  if (fault != NULL)
    g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "option '%s': %s", option->key, fault);
  return fault == NULL;
}

bool
air_loader_check (const AirPlugin *exported, const char *name, AirPlugin *ret_plugin, GError **error)
{
  AirPlugin plugin = { 0 };

  if (exported->api_version != AIR_API_VERSION)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED,
                   "was built for version %u of the plugin interface; this airclassd has version %u: build it again",
                   exported->api_version, AIR_API_VERSION);
      return false;
    }
  if (exported->struct_size < MIN_STRUCT_SIZE)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "its description is %zu bytes, at least %zu are expected",
                   exported->struct_size, (size_t) MIN_STRUCT_SIZE);
      return false;
    }
  memcpy (&plugin, exported, MIN (exported->struct_size, sizeof plugin));
  if (!is_name (plugin.name, '-') || plugin.version == NULL || plugin.summary == NULL || plugin.create == NULL
      || plugin.destroy == NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "its description lacks name, version, summary, create or destroy");
      return false;
    }
  if (name != NULL && strcmp (plugin.name, name) != 0)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "it calls itself '%s'; the file must have the same name",
                   plugin.name);
      return false;
    }
  for (const AirOption *option = plugin.options; option != NULL && option->key != NULL; option++)
    if (!check_option (option, error))
      return false;
  *ret_plugin = plugin;
  return true;
}

bool
air_loader_open (const char *path, const char *name, AirPlugin *ret_plugin, GError **error)
{
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  gpointer symbol;

  if (module == NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "cannot be loaded: %s", g_module_error ());
      return false;
    }
  g_module_make_resident (module);
  if (!g_module_symbol (module, AIR_PLUGIN_SYMBOL, &symbol))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "is not a plugin: it exports no '" AIR_PLUGIN_SYMBOL "'");
      return false;
    }
  return air_loader_check (symbol, name, ret_plugin, error);
}
