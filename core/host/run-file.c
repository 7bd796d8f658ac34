/* Where everything is reached, told to people by GET /api/system and GET /cluster/nodes, and to programs by STATE_DIR/run.json. */
#define G_LOG_DOMAIN "air-core"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/host.h"
#include "host/module.h"

static void
add_endpoints (AirHost *host, JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "endpoints");
  json_builder_begin_array (builder);
  for (unsigned i = 0; i < host->endpoints->len; i++)
    {
      const AirEndpoint *endpoint = g_ptr_array_index (host->endpoints, i);

      json_builder_begin_object (builder);
      json_builder_set_member_name (builder, "protocol");
      json_builder_add_string_value (builder, endpoint->protocol);
      json_builder_set_member_name (builder, "host");
      json_builder_add_string_value (builder, endpoint->host);
      json_builder_set_member_name (builder, "port");
      json_builder_add_int_value (builder, endpoint->port);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
}

static char *
run_file_path (AirHost *host)
{
  return g_build_filename (host->state_dir, "run.json", NULL);
}

void
air_host_write_run_file (AirHost *host)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = run_file_path (host);
  g_autofree char *text = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "pid");
  json_builder_add_int_value (builder, getpid ());
  json_builder_set_member_name (builder, "version");
  json_builder_add_string_value (builder, AIR_VERSION);
  json_builder_set_member_name (builder, "ready");
  json_builder_add_boolean_value (builder, TRUE);
  add_endpoints (host, builder);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = air_json_to_string (root);
  if (!g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error))
    g_warning ("cannot write '%s': %s", path, error->message);
}

void
air_host_remove_run_file (AirHost *host)
{
  g_autofree char *path = run_file_path (host);

  if (g_unlink (path) != 0 && errno != ENOENT)
    g_warning ("cannot remove '%s': %s", path, g_strerror (errno));
}

/* ---- GET /api/system */

static void
add_text (JsonBuilder *builder, const char *name, const char *text)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, text);
}

static void
add_plugins (AirHost *host, JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "plugins");
  json_builder_begin_array (builder);
  for (unsigned i = 0; i < host->modules->len; i++)
    {
      const AirModule *module = g_ptr_array_index (host->modules, i);

      if (module->component)
        continue;
      json_builder_begin_object (builder);
      add_text (builder, "name", module->name);
      add_text (builder, "state", air_module_state_to_string (module->state));
      if (module->plugin.version != NULL)
        add_text (builder, "version", module->plugin.version);
      if (module->plugin.summary != NULL)
        add_text (builder, "summary", module->plugin.summary);
      if (module->reason != NULL)
        add_text (builder, "reason", module->reason);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
}

static void
add_load (JsonBuilder *builder)
{
  double averages[3] = { 0, 0, 0 };

  if (getloadavg (averages, 3) < 3)
    averages[0] = averages[1] = averages[2] = 0;
  json_builder_set_member_name (builder, "load");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "cores");
  json_builder_add_int_value (builder, g_get_num_processors ());
  json_builder_set_member_name (builder, "average_1min");
  json_builder_add_double_value (builder, averages[0]);
  json_builder_set_member_name (builder, "average_5min");
  json_builder_add_double_value (builder, averages[1]);
  json_builder_set_member_name (builder, "average_15min");
  json_builder_add_double_value (builder, averages[2]);
  json_builder_end_object (builder);
}

JsonNode *
air_host_describe (AirHost *host)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  add_text (builder, "name", "AIRClass");
  add_text (builder, "version", AIR_VERSION);
  json_builder_set_member_name (builder, "uptime_ms");
  json_builder_add_int_value (builder, (g_get_monotonic_time () - host->started_us) / 1000);
  add_plugins (host, builder);
  add_endpoints (host, builder);
  add_load (builder);
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}

/* ---- GET /cluster/nodes: this node alone, until a placement service brings others */

JsonNode *
air_host_describe_nodes (AirHost *host, const char *base_url)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "nodes");
  json_builder_begin_array (builder);
  json_builder_begin_object (builder);
  add_text (builder, "node_id", g_get_host_name ());
  add_text (builder, "url", base_url);
  add_text (builder, "state", host->ready ? "ready" : "starting");
  json_builder_set_member_name (builder, "self");
  json_builder_add_boolean_value (builder, TRUE);
  add_text (builder, "version", AIR_VERSION);
  json_builder_set_member_name (builder, "uptime_ms");
  json_builder_add_int_value (builder, (g_get_monotonic_time () - host->started_us) / 1000);
  add_endpoints (host, builder);
  add_load (builder);
  json_builder_end_object (builder);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}
