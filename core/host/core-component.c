/* The built-in component [core]: what runs and where it keeps things, and the routes by which an operator looks at the
 * host. Main thread. */
#define G_LOG_DOMAIN "air-core"

#include <airclass/http.h>

#include "host/context-private.h"

static const AirOption options[] = {
  { .key = "plugins",
    .type = AIR_OPTION_LIST,
    .default_value = AIR_DEFAULT_PLUGINS,
    .help = "The plugins that run, by name. Each has a section of its own." },
  { .key = "state_dir",
    .type = AIR_OPTION_FILE,
    .default_value = "",
    .help = "The folder for keys and everything else that is kept. Empty: systemd's StateDirectory, else "
            "/var/lib/airclass for root and ~/.local/state/airclass for others." },
  { .key = "plugin_dir",
    .type = AIR_OPTION_FILE,
    .default_value = "",
    .help = "The folder with the plugins, as NAME.so or NAME/NAME.so. Empty: the one they were installed in." },
  { .key = "schema_dir",
    .type = AIR_OPTION_FILE,
    .default_value = "",
    .help = "The folder with the API's description and schemas. Empty: the one they were installed in." },
  { .key = "pipeline_dir",
    .type = AIR_OPTION_FILE,
    .default_value = "",
    .help = "The folder with the pipeline templates of renditions. Empty: the one they were installed in." },
  { .key = "lag_warning",
    .type = AIR_OPTION_DURATION,
    .default_value = "250 ms",
    .minimum = 10,
    .maximum = 60000,
    .help = "When the main loop is held up for longer, the log and a metric name the plugin that held it." },
  { .key = NULL },
};

static void
reply_alive (AirRequest *request, void *self)
{
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "status", "ok");
  json_node_take_object (node, object);
  air_request_reply_json (request, 200, node);
}

static void
reply_ready (AirRequest *request, void *self)
{
  AirHost *host = self;
  bool ready;
  JsonNode *node = air_health_describe (host->health, &ready);

  if (!host->ready)
    {
      ready = false;
      json_object_set_boolean_member (json_node_get_object (node), "ready", FALSE);
    }
  air_request_reply_json (request, ready ? 200 : 503, node);
}

static void
reply_metrics (AirRequest *request, void *self)
{
  AirHost *host = self;
  g_autofree char *text = air_metrics_registry_expose (host->metrics);

  air_request_reply_text (request, 200, "text/plain; version=0.0.4; charset=utf-8", text);
}

static void
reply_system (AirRequest *request, void *self)
{
  air_request_reply_json (request, 200, air_host_describe (self));
}

static void
reply_nodes (AirRequest *request, void *self)
{
  air_request_reply_json (request, 200, air_host_describe_nodes (self, air_request_get_base_url (request)));
}

static const AirRoute routes[] = {
  { .method = "GET", .template = "/healthz", .summary = "Whether the process is alive", .handler = reply_alive },
  { .method = "GET",
    .template = "/readyz",
    .summary = "Whether everything that is required works, and the state of each dependency",
    .handler = reply_ready },
  { .method = "GET",
    .template = "/metrics",
    .summary = "Metrics as Prometheus text 0.0.4",
    .handler = reply_metrics },
  { .method = "GET",
    .template = "/api/system",
    .summary = "Version, uptime, plugins, endpoints and load",
    .handler = reply_system },
  { .method = "GET",
    .template = "/cluster/nodes",
    .summary = "The nodes that serve viewers together",
    .role = AIR_ROLE_TEACHER,
    .handler = reply_nodes },
};

static void *
create (AirContext *context, GError **error)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
  return context->host;
}

static void
destroy (void *self)
{
}

const AirPlugin air_core_component = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "core",
  .version = AIR_VERSION,
  .summary = "Which plugins run, where things are kept, and how the host is looked at",
  .options = options,
  .create = create,
  .destroy = destroy,
};
