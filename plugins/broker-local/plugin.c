/* The plugin: offers the broker of a single node. Main thread. */
#include "local-broker.h"

typedef struct
{
  AirContext *context;
  LocalBroker *broker; /* owned */
} Plugin;

static const AirOption options[] = {
  { .key = "max_keys",
    .type = AIR_OPTION_INT,
    .default_value = "100000",
    .minimum = 100,
    .maximum = 10000000,
    .unit = "keys",
    .help = "How many keys are kept at a time; more are refused." },
  { .key = "max_size",
    .type = AIR_OPTION_SIZE,
    .default_value = "64 MiB",
    .minimum = 1024 * 1024,
    .maximum = INT64_C (64) * 1024 * 1024 * 1024,
    .help = "How much memory the keys with their values may take." },
  { .key = NULL },
};

static void *
plugin_create (AirContext *context, GError **error)
{
  Plugin *plugin = g_new0 (Plugin, 1);

  plugin->context = context;
  plugin->broker = local_broker_new (context, air_context_get_int (context, "max_keys"), air_context_get_int (context, "max_size"));
  return plugin;
}

static void
plugin_start (void *self, GTask *task)
{
  Plugin *plugin = self;

  air_context_provide_service (plugin->context, AIR_BROKER_SERVICE, plugin->broker);
  g_task_return_boolean (task, TRUE);
}

static void
plugin_destroy (void *self)
{
  Plugin *plugin = self;

  g_object_unref (plugin->broker);
  g_free (plugin);
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "broker-local",
  .version = "1.0",
  .summary = "What nodes share, for a single node: keys with a lifetime and presence, in this process",
  .provides = (const char *const[]){ AIR_BROKER_SERVICE, NULL },
  .options = options,
  .create = plugin_create,
  .start = plugin_start,
  .destroy = plugin_destroy,
};
