/* The plugin: its options, and the broker that it offers. Main thread. */
#include "redis-broker.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>

typedef struct
{
  AirContext *context;
  RedisBrokerSettings settings;
  RedisBrokerMetrics metrics;
  RedisBroker *broker; /* owned */
} Plugin;

static const AirOption options[] = {
  { .key = "address",
    .type = AIR_OPTION_STRING,
    .default_value = "127.0.0.1:6379",
    .help = "Where Redis is: HOST:PORT, IPv6 in brackets, or the path of its Unix socket." },
  { .key = "user", .type = AIR_OPTION_STRING, .default_value = "", .help = "The user of Redis's ACL; empty: its default user." },
  { .key = "password", .type = AIR_OPTION_SECRET, .default_value = "", .help = "The password; empty: none is asked for." },
  { .key = "database",
    .type = AIR_OPTION_INT,
    .default_value = "0",
    .maximum = 9999,
    .help = "The number of the database. Channels are common to all databases: two schools need two prefixes." },
  { .key = "prefix",
    .type = AIR_OPTION_STRING,
    .default_value = "airclass",
    .help = "How all keys and channels begin. Nodes with the same one share." },
  { .key = "tls", .type = AIR_OPTION_BOOL, .default_value = "false", .help = "Whether to speak TLS with Redis." },
  { .key = "tls_ca",
    .type = AIR_OPTION_FILE,
    .default_value = "",
    .help = "The certificates (PEM) that vouch for Redis's; empty: those of the system." },
  { .key = "timeout",
    .type = AIR_OPTION_DURATION,
    .default_value = "2 s",
    .minimum = 500,
    .maximum = 5000,
    .help = "How long Redis may take to answer; then it counts as away, and the node serves itself." },
  { .key = "required",
    .type = AIR_OPTION_BOOL,
    .default_value = "false",
    .help = "Whether /readyz answers 503 while Redis is away. The node serves its classes all the same." },
  { .key = NULL },
};

/* (transfer full) */
static GSocketConnectable *
parse_address (const char *text, GError **error)
{
  g_autoptr (GSocketConnectable) address = NULL;
  const char *host;

  if (*text == '/')
    return G_SOCKET_CONNECTABLE (g_unix_socket_address_new (text));
  address = g_network_address_parse (text, 6379, NULL);
  host = address != NULL ? g_network_address_get_hostname (G_NETWORK_ADDRESS (address)) : "";
  if (*host != '\0' && (strchr (host, ':') == NULL || g_hostname_is_ip_address (host)))
    return g_steal_pointer (&address);
  g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "address='%s' is neither HOST:PORT nor the path of a socket", text);
  return NULL;
}

/* What is searched for by pattern in Redis must have none of a pattern's characters. */
static bool
check_prefix (const char *prefix, GError **error)
{
  size_t length = strlen (prefix);
  bool ok = length > 0 && length <= 64;

  for (size_t i = 0; ok && i < length; i++)
    ok = g_ascii_isalnum (prefix[i]) || strchr (":._-", prefix[i]) != NULL;
  if (!ok)
    g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "prefix='%s' must be 1 to 64 of 0-9 A-Z a-z : . _ -", prefix);
  return ok;
}

static void
add_metrics (Plugin *plugin)
{
  static const char *const direction[] = { "direction", NULL };
  RedisBrokerMetrics *metrics = &plugin->metrics;
  AirContext *context = plugin->context;

  metrics->connected = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_broker_connected",
                                               "1 while this node is in touch with the others.", NULL, NULL);
  metrics->reconnects = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_broker_reconnects_total",
                                                "How often Redis was away and came back.", NULL, NULL);
  metrics->messages = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_broker_events_total",
                                              "Events sent to the other nodes (out) and taken from them (in).", direction, NULL);
  metrics->dropped = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_broker_events_dropped_total",
                                             "Events that were lost because Redis was away or they were too large (out), or that "
                                             "this node did not understand (in).",
                                             direction, NULL);
}

static void
on_shared_event (AirEvent *event, void *self)
{
  redis_broker_send_event (((Plugin *) self)->broker, event);
}

static void plugin_destroy (void *self);

static void *
plugin_create (AirContext *context, GError **error)
{
  Plugin *plugin = g_new0 (Plugin, 1);
  RedisBrokerSettings *settings = &plugin->settings;

  plugin->context = context;
  settings->address = air_context_get_string (context, "address");
  settings->prefix = air_context_get_string (context, "prefix");
  settings->required = air_context_get_bool (context, "required");
  settings->link.user = air_context_get_string (context, "user");
  settings->link.password = air_context_get_string (context, "password");
  settings->link.database = air_context_get_int (context, "database");
  settings->link.timeout_ms = air_context_get_int (context, "timeout");
  settings->link.target.tls = air_context_get_bool (context, "tls");
  settings->link.target.address = parse_address (settings->address, error);
  if (settings->link.target.address == NULL || !check_prefix (settings->prefix, error))
    {
      plugin_destroy (plugin);
      return NULL;
    }
  add_metrics (plugin);
  plugin->broker = redis_broker_new (context, settings, &plugin->metrics);
  air_context_on_shared_event (context, on_shared_event);
  return plugin;
}

static void
plugin_start (void *self, GTask *task)
{
  Plugin *plugin = self;
  const char *authorities = air_context_get_string (plugin->context, "tls_ca");
  g_autoptr (GError) error = NULL;

  if (*authorities != '\0')
    plugin->settings.link.target.authorities = g_tls_file_database_new (authorities, &error);
  if (error != NULL)
    {
      g_task_return_new_error (task, AIR_ERROR, AIR_ERROR_INVALID, "tls_ca='%s': %s", authorities, error->message);
      return;
    }
  air_context_provide_service (plugin->context, AIR_BROKER_SERVICE, plugin->broker);
  redis_broker_start (plugin->broker, task);
}

static void
plugin_stop (void *self, GTask *task)
{
  redis_broker_stop (((Plugin *) self)->broker, task);
}

static void
plugin_destroy (void *self)
{
  Plugin *plugin = self;

  g_clear_object (&plugin->broker);
  g_clear_object (&plugin->settings.link.target.address);
  g_clear_object (&plugin->settings.link.target.authorities);
  g_free (plugin);
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "broker-redis",
  .version = "1.0",
  .summary = "What nodes share, by way of Redis: events, keys with a lifetime, presence",
  .provides = (const char *const[]){ AIR_BROKER_SERVICE, NULL },
  .options = options,
  .create = plugin_create,
  .start = plugin_start,
  .stop = plugin_stop,
  .destroy = plugin_destroy,
};
