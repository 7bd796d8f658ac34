/* airclassd --describe. */
#include "host/describe.h"

#include "host/option-value.h"

static void
append_names (GString *out, const char *label, const char *const *names)
{
  g_autofree char *joined = names != NULL ? g_strjoinv (", ", (char **) names) : NULL;

  if (joined != NULL && *joined != '\0')
    g_string_append_printf (out, "%s %s\n", label, joined);
}

static void
append_option (GString *out, const AirOption *option)
{
  g_autofree char *range = air_option_describe_range (option);

  g_string_append_printf (out, "\n%s=%s\n    %s", option->key, option->default_value,
                          air_option_type_to_string (option->type));
  if (range != NULL)
    g_string_append_printf (out, ", %s", range);
  else if (option->unit != NULL)
    g_string_append_printf (out, ", %s", option->unit);
  if (option->flags & AIR_OPTION_FLAG_LIVE)
    g_string_append (out, "; reloaded by SIGHUP");
  if (option->type == AIR_OPTION_SECRET)
    g_string_append_printf (out, "; or %s_file= names the file that holds it", option->key);
  g_string_append_printf (out, "\n    %s\n", option->help);
}

void
air_describe_text (const AirModule *module, GString *out)
{
  const AirPlugin *plugin = &module->plugin;

  g_string_append_printf (out, "%s %s: %s\n", plugin->name, plugin->version, plugin->summary);
  if (module->path != NULL)
    g_string_append_printf (out, "file: %s (plugin interface version %u)\n", module->path, plugin->api_version);
  append_names (out, "provides:", plugin->provides);
  append_names (out, "needs:", plugin->needs);
  append_names (out, "wants:", plugin->wants);
  if (plugin->options == NULL || plugin->options->key == NULL)
    {
      g_string_append (out, "\nno options\n");
      return;
    }
  g_string_append_printf (out, "\n[%s]\n", plugin->name);
  for (const AirOption *option = plugin->options; option->key != NULL; option++)
    append_option (out, option);
}

/* ---- JSON */

static void
add_text (JsonBuilder *builder, const char *name, const char *text)
{
  if (text == NULL)
    return;
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, text);
}

static void
add_names (JsonBuilder *builder, const char *name, const char *const *names)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_array (builder);
  for (; names != NULL && *names != NULL; names++)
    json_builder_add_string_value (builder, *names);
  json_builder_end_array (builder);
}

static void
add_option (JsonBuilder *builder, const AirOption *option)
{
  g_autofree char *range = air_option_describe_range (option);

  json_builder_begin_object (builder);
  add_text (builder, "key", option->key);
  add_text (builder, "type", air_option_type_to_string (option->type));
  add_text (builder, "default", option->default_value);
  add_text (builder, "range", range);
  add_text (builder, "unit", option->unit);
  json_builder_set_member_name (builder, "live");
  json_builder_add_boolean_value (builder, (option->flags & AIR_OPTION_FLAG_LIVE) != 0);
  add_text (builder, "help", option->help);
  json_builder_end_object (builder);
}

JsonNode *
air_describe_json (const AirModule *module)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  const AirPlugin *plugin = &module->plugin;

  json_builder_begin_object (builder);
  add_text (builder, "name", plugin->name);
  add_text (builder, "version", plugin->version);
  add_text (builder, "summary", plugin->summary);
  add_text (builder, "file", module->path);
  json_builder_set_member_name (builder, "built_in");
  json_builder_add_boolean_value (builder, module->component);
  json_builder_set_member_name (builder, "api_version");
  json_builder_add_int_value (builder, plugin->api_version);
  add_names (builder, "provides", plugin->provides);
  add_names (builder, "needs", plugin->needs);
  add_names (builder, "wants", plugin->wants);
  json_builder_set_member_name (builder, "options");
  json_builder_begin_array (builder);
  for (const AirOption *option = plugin->options; option != NULL && option->key != NULL; option++)
    add_option (builder, option);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}
