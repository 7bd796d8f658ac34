/* The command line: run, or answer a question about the configuration or the plugins and end.
 *
 * Answers go to standard output, faults to standard error. Exit status: 0, or 1 after any fault. */
#define G_LOG_DOMAIN "air-core"

#include "host/cli.h"

#include <airclass/error.h>
#include <gst/gst.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "host/describe.h"
#include "host/host.h"
#include "host/lifecycle.h"
#include "host/loader.h"
#include "host/module.h"
#include "host/store-transfer.h"
#include "ops/log.h"

typedef struct
{
  char *config, *describe, *export_store, *import_store;
  gboolean check_config, list_plugins, list_metrics, print_config, version, json;
} Arguments;

static void
print_json (JsonNode *node)
{
  g_autofree char *text = json_to_string (node, TRUE);

  g_print ("%s\n", text);
}

static void
print_problems (GPtrArray *problems)
{
  for (unsigned i = 0; i < problems->len; i++)
    g_printerr ("%s\n", (char *) g_ptr_array_index (problems, i));
}

/* ---- --check-config, --print-config */

/* Besides the faults in the text: whether everything that is enabled could be started. */
static int
check_config (AirHost *host, GPtrArray *problems)
{
  for (unsigned i = 0; i < host->modules->len; i++)
    {
      AirModule *module = g_ptr_array_index (host->modules, i);

      if (!air_module_is_usable (module))
        g_ptr_array_add (problems, g_strdup_printf ("plugin '%s': %s", module->name, module->reason));
    }
  print_problems (problems);
  if (problems->len > 0)
    return EXIT_FAILURE;
  g_print ("%s: good\n", host->config_path != NULL ? host->config_path : "no file, the defaults");
  return EXIT_SUCCESS;
}

static int
print_config (AirHost *host, GPtrArray *problems)
{
  g_autoptr (GString) out = g_string_new (NULL);

  print_problems (problems);
  for (unsigned i = 0; i < host->modules->len; i++)
    {
      AirModule *module = g_ptr_array_index (host->modules, i);

      if (module->context == NULL || module->plugin.options == NULL)
        continue;
      air_settings_print (module->context->settings, out);
      g_string_append_c (out, '\n');
    }
  g_print ("%s", out->str);
  return problems->len > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- --list-plugins, --describe */

/* (transfer full) (element-type AirModule) those lying in the folder that are not enabled. */
static GPtrArray *
list_disabled (AirHost *host)
{
  g_autoptr (GPtrArray) names = air_loader_list (host->plugin_dir);
  GPtrArray *modules = g_ptr_array_new_with_free_func ((GDestroyNotify) air_module_free);

  for (unsigned i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);

      if (air_host_find_module (host, name) == NULL)
        g_ptr_array_add (modules, air_host_load_plugin (host, name));
    }
  return modules;
}

static void
list_module (JsonBuilder *builder, const AirModule *module, bool enabled)
{
  const char *state = !air_module_is_usable (module) ? "broken" : enabled ? "enabled" : "disabled";

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "name");
  json_builder_add_string_value (builder, module->name);
  json_builder_set_member_name (builder, "version");
  json_builder_add_string_value (builder, module->plugin.version != NULL ? module->plugin.version : "-");
  json_builder_set_member_name (builder, "state");
  json_builder_add_string_value (builder, state);
  json_builder_set_member_name (builder, "text");
  json_builder_add_string_value (builder, module->reason != NULL ? module->reason : module->plugin.summary);
  json_builder_end_object (builder);
}

static void
print_list_item (JsonArray *array, guint i, JsonNode *node, gpointer data)
{
  JsonObject *item = json_node_get_object (node);

  g_print ("%-20s %-10s %-9s %s\n", json_object_get_string_member (item, "name"),
           json_object_get_string_member (item, "version"), json_object_get_string_member (item, "state"),
           json_object_get_string_member (item, "text"));
}

static int
list_plugins (AirHost *host, bool json, GPtrArray *problems)
{
  g_autoptr (GPtrArray) disabled = list_disabled (host);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;

  print_problems (problems);
  json_builder_begin_array (builder);
  for (unsigned i = 0; i < host->modules->len; i++)
    {
      const AirModule *module = g_ptr_array_index (host->modules, i);

      if (!module->component)
        list_module (builder, module, true);
    }
  for (unsigned i = 0; i < disabled->len; i++)
    list_module (builder, g_ptr_array_index (disabled, i), false);
  json_builder_end_array (builder);
  root = json_builder_get_root (builder);
  if (json)
    print_json (root);
  else
    json_array_foreach_element (json_node_get_array (root), print_list_item, NULL);
  return EXIT_SUCCESS;
}

static void
print_metric (JsonArray *array, guint i, JsonNode *node, gpointer data)
{
  JsonObject *metric = json_node_get_object (node);

  g_print ("%-48s %-12s %-9s %s\n", json_object_get_string_member (metric, "name"),
           json_object_get_string_member (metric, "section"), json_object_get_string_member (metric, "type"),
           json_object_get_string_member (metric, "help"));
}

static const char *
find_section (const void *owner, void *user_data)
{
  AirHost *host = user_data;

  for (unsigned i = 0; i < host->modules->len; i++)
    {
      const AirModule *module = g_ptr_array_index (host->modules, i);

      if (module->context == owner && owner != NULL)
        return module->name;
    }
  return air_core_component.name;
}

/* Metrics are registered by create(), which does nothing else that is felt outside. */
static int
list_metrics (AirHost *host, bool json, GPtrArray *problems)
{
  g_autoptr (JsonNode) root = NULL;
  bool created = air_host_create_modules (host);

  print_problems (problems);
  host->watchdog = air_watchdog_new (host->metrics, 1000);
  root = air_metrics_registry_describe (host->metrics, find_section, host);
  if (json)
    print_json (root);
  else
    json_array_foreach_element (json_node_get_array (root), print_metric, NULL);
  air_host_destroy_modules (host);
  return created ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* (transfer full) NULL when there is no such plugin or component, or it is broken. */
static AirModule *
find_described (AirHost *host, const char *name, GError **error)
{
  AirModule *enabled = air_host_find_module (host, name);
  AirModule *module;
  AirPlugin plugin;

  if (enabled != NULL && enabled->component)
    return air_module_new (name, NULL, &enabled->plugin);
  if (strchr (name, '/') != NULL || g_str_has_suffix (name, ".so"))
    {
      g_autofree char *path = g_canonicalize_filename (name, NULL);

      if (!air_loader_open (path, NULL, &plugin, error))
        return NULL;
      return air_module_new (plugin.name, path, &plugin);
    }
  module = air_host_load_plugin (host, name);
  if (air_module_is_usable (module))
    return module;
  g_set_error_literal (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, module->reason);
  air_module_free (module);
  return NULL;
}

static int
describe (AirHost *host, const char *name, bool json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AirModule) module = find_described (host, name, &error);

  if (module == NULL)
    {
      g_printerr ("%s: %s\n", name, error->message);
      return EXIT_FAILURE;
    }
  if (json)
    {
      g_autoptr (JsonNode) node = air_describe_json (module);

      print_json (node);
    }
  else
    {
      g_autoptr (GString) out = g_string_new (NULL);

      air_describe_text (module, out);
      g_print ("%s", out->str);
    }
  return EXIT_SUCCESS;
}

/* ---- Run */

static int
run (AirHost *host, GPtrArray *problems)
{
  if (problems->len > 0)
    {
      print_problems (problems);
      g_printerr ("not started: the configuration has %u fault%s\n", problems->len, problems->len == 1 ? "" : "s");
      return EXIT_FAILURE;
    }
  return air_host_run (host);
}

static int
transfer (AirHost *host, const Arguments *arguments, GPtrArray *problems)
{
  print_problems (problems);
  if (problems->len > 0)
    return EXIT_FAILURE;
  if (arguments->import_store != NULL)
    return air_host_transfer_store (host, arguments->import_store, true);
  return air_host_transfer_store (host, arguments->export_store, false);
}

static int
act (const Arguments *arguments)
{
  const char *config = arguments->config;
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  AirHost *host;
  int status;

  if (config == NULL && g_file_test (AIR_CONFIG_FILE, G_FILE_TEST_EXISTS))
    config = AIR_CONFIG_FILE;
  host = air_host_new (config, problems);
  if (arguments->describe != NULL)
    status = describe (host, arguments->describe, arguments->json);
  else if (arguments->export_store != NULL || arguments->import_store != NULL)
    status = transfer (host, arguments, problems);
  else if (arguments->list_plugins)
    status = list_plugins (host, arguments->json, problems);
  else if (arguments->list_metrics)
    status = list_metrics (host, arguments->json, problems);
  else if (arguments->print_config)
    status = print_config (host, problems);
  else if (arguments->check_config)
    status = check_config (host, problems);
  else
    status = run (host, problems);
  if (!host->abandoned)
    air_host_free (host);
  return status;
}

/* Whether it is the server that is wanted, and not a look at it. */
static bool
runs (const Arguments *arguments)
{
  return !arguments->check_config && !arguments->list_plugins && !arguments->list_metrics && !arguments->print_config
         && arguments->describe == NULL && arguments->export_store == NULL && arguments->import_store == NULL;
}

int
air_main (int argc, char **argv)
{
  Arguments arguments = { 0 };
  const GOptionEntry entries[] = {
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &arguments.config,
      "The configuration (default: " AIR_CONFIG_FILE " if it exists)", "FILE" },
    { "check-config", 0, 0, G_OPTION_ARG_NONE, &arguments.check_config, "Check the configuration and end", NULL },
    { "print-config", 0, 0, G_OPTION_ARG_NONE, &arguments.print_config,
      "Print every option's value, secrets blotted out, and end", NULL },
    { "list-plugins", 0, 0, G_OPTION_ARG_NONE, &arguments.list_plugins,
      "List the plugins with their state and end", NULL },
    { "list-metrics", 0, 0, G_OPTION_ARG_NONE, &arguments.list_metrics,
      "List the metrics of what is enabled and end", NULL },
    { "describe", 0, 0, G_OPTION_ARG_FILENAME, &arguments.describe,
      "Print what a plugin or built-in section is, with its options, and end", "NAME|FILE.so" },
    { "export-store", 0, 0, G_OPTION_ARG_FILENAME, &arguments.export_store,
      "Write everything that the store has to a file, as lines of JSON, and end", "FILE" },
    { "import-store", 0, 0, G_OPTION_ARG_FILENAME, &arguments.import_store,
      "Read what --export-store wrote into the store that is configured, and end", "FILE" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &arguments.json, "Print --describe and the lists as JSON", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &arguments.version, "Print the version and end", NULL },
    { NULL },
  };
  g_autoptr (GOptionContext) options = g_option_context_new ("- the live-classroom server");
  g_autoptr (GError) error = NULL;
  int status = EXIT_SUCCESS;

  setlocale (LC_CTYPE, "");
  g_option_context_add_main_entries (options, entries, NULL);
  if (!g_option_context_parse (options, &argc, &argv, &error) || argc > 1)
    {
      g_printerr ("%s\n", error != NULL ? error->message : "airclassd takes only options");
      g_printerr ("Try airclassd --help.\n");
      status = EXIT_FAILURE;
    }
  else if (arguments.version)
    g_print ("airclassd %s (plugin interface version %u)\n", AIR_VERSION, AIR_API_VERSION);
  else
    {
      if (runs (&arguments))
        air_host_take_signals ();
      air_log_setup (AIR_LOG_TEXT, G_LOG_LEVEL_INFO);
      gst_init (NULL, NULL);
      status = act (&arguments);
    }
  g_free (arguments.config);
  g_free (arguments.describe);
  g_free (arguments.export_store);
  g_free (arguments.import_store);
  return status;
}
