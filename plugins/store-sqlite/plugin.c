/* The plugin: provides the service "store" from one file in its state folder. Main thread; what waits for the disk runs on a thread. */
#define G_LOG_DOMAIN "air-store-sqlite"

#include <airclass/airclass.h>
#include <airclass/store-provider.h>

#include "database.h"
#include "sqlite-store.h"

typedef struct
{
  AirContext *context;
  SqliteStore *store;
  char *path;
  unsigned readers;
} Plugin;

static const AirOption options[] = {
  { .key = "readers",
    .type = AIR_OPTION_INT,
    .default_value = "2",
    .minimum = 1,
    .maximum = 16,
    .unit = "threads",
    .help = "How many reads of the database run at the same time. Writes have one thread of their own." },
  { .key = NULL },
};

static void *
plugin_create (AirContext *context, GError **error)
{
  Plugin *self = g_new0 (Plugin, 1);
  self->context = context;
  self->store = sqlite_store_new (context);
  return self;
}

static bool
open_store (AirStore *store, void *data, GError **error)
{
  Plugin *self = data;
  return sqlite_store_open (self->store, self->path, self->readers, error);
}

static void
plugin_start (void *data, GTask *task)
{
  Plugin *self = data;
  g_free (self->path);
  self->path = g_build_filename (air_context_get_state_dir (self->context), SQLITE_STORE_FILE, NULL);
  self->readers = (unsigned)air_context_get_int (self->context, "readers");
  air_store_start (AIR_STORE (self->store), open_store, self, task);
}

static void
close_store (AirStore *store, void *data)
{
  sqlite_store_close (((Plugin *)data)->store);
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
  g_free (self->path);
  g_free (self);
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "store-sqlite",
  .version = "1.0",
  .summary = "Keeps classes, answers and reports in one file (SQLite)",
  .provides = (const char *const[]){ AIR_STORE_SERVICE, NULL },
  .options = options,
  .create = plugin_create,
  .start = plugin_start,
  .stop = plugin_stop,
  .destroy = plugin_destroy,
};
