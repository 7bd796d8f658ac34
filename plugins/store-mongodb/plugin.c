/* The plugin: provides the service "store" from a MongoDB. Main thread; what waits for the network runs on other threads. */
#define G_LOG_DOMAIN "air-store-mongodb"

#include <airclass/airclass.h>
#include <airclass/store-provider.h>

#include "mongodb-store.h"

typedef struct
{
  AirContext *context;
  MongodbStore *store;
  const char *folder; /* borrowed */
} Plugin;

static const AirOption options[] = {
  { .key = "uri",
    .type = AIR_OPTION_SECRET,
    .default_value = "mongodb://127.0.0.1:27017",
    .help = "Where the database is, as mongodb://USER:PASSWORD@HOST:PORT/?replicaSet=NAME and the like." },
  { .key = "database",
    .type = AIR_OPTION_STRING,
    .default_value = "airclass",
    .help = "The name of the database." },
  { .key = "required",
    .type = AIR_OPTION_BOOL,
    .default_value = "false",
    .help = "Refuse to start while the database is away. Otherwise the store starts, /readyz is 503, and writes are spooled until "
            "it is there." },
  { .key = "readers",
    .type = AIR_OPTION_INT,
    .default_value = "4",
    .minimum = 1,
    .maximum = 10,
    .unit = "threads",
    .help = "How many reads run at the same time. Writes have one thread of their own." },
  { .key = "spool_size",
    .type = AIR_OPTION_SIZE,
    .default_value = "256 MiB",
    .minimum = 1024 * 1024,
    .maximum = INT64_C (64) << 30,
    .help = "How much may wait on the disk while the database is away; what comes after that is refused." },
  { .key = NULL },
};

static void *
plugin_create (AirContext *context, GError **error)
{
  Plugin *self = g_new0 (Plugin, 1);
  self->context = context;
  self->store = mongodb_store_new (context);
  return self;
}

static bool
open_store (AirStore *store, void *data, GError **error)
{
  Plugin *self = data;
  return mongodb_store_open (self->store, self->folder, error);
}

static void
plugin_start (void *data, GTask *task)
{
  Plugin *self = data;
  self->folder = air_context_get_state_dir (self->context);
  air_store_start (AIR_STORE (self->store), open_store, self, task);
}

static void
close_store (AirStore *store, void *data)
{
  mongodb_store_close (((Plugin *)data)->store);
}

static void
plugin_stop (void *data, GTask *task)
{
  Plugin *self = data;
  air_store_stop (AIR_STORE (self->store), close_store, self, task);
}

static void
plugin_destroy (void *data)
{
  Plugin *self = data;
  g_object_unref (self->store);
  g_free (self);
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "store-mongodb",
  .version = "1.0",
  .summary = "Keeps classes, answers and reports in a MongoDB",
  .provides = (const char *const[]){ AIR_STORE_SERVICE, NULL },
  .options = options,
  .create = plugin_create,
  .start = plugin_start,
  .stop = plugin_stop,
  .destroy = plugin_destroy,
};
