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

static void
open_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Plugin *self = data;
  GError *error = NULL;
  if (sqlite_store_open (self->store, self->path, self->readers, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_open (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Plugin *self = g_task_get_task_data (G_TASK (result));
  GError *error = NULL;
  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      g_task_return_error (task, error);
      return;
    }
  sqlite_store_take (self->store, true);
  air_context_set_health (self->context, AIR_STORE_SERVICE, true, true, "SQLite");
  air_context_provide_service (self->context, AIR_STORE_SERVICE, self->store);
  g_task_return_boolean (task, TRUE);
}

static void
plugin_start (void *data, GTask *task)
{
  Plugin *self = data;
  GError *error = NULL;
  if (!air_store_load_collections (AIR_STORE (self->store), &error))
    {
      g_task_return_error (task, error);
      return;
    }
  g_free (self->path);
  self->path = g_build_filename (air_context_get_state_dir (self->context), SQLITE_STORE_FILE, NULL);
  self->readers = (unsigned)air_context_get_int (self->context, "readers");
  g_autoptr (GTask) opening = g_task_new (NULL, NULL, on_open, g_object_ref (task));
  g_task_set_task_data (opening, self, NULL);
  g_task_run_in_thread (opening, open_in_thread);
}

static void
close_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  sqlite_store_close (((Plugin *)data)->store);
  g_task_return_boolean (task, TRUE);
}

static void
on_closed (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  g_task_return_boolean (task, TRUE);
}

static void
plugin_stop (void *data, GTask *task)
{
  Plugin *self = data;
  g_autoptr (GTask) closing = g_task_new (NULL, NULL, on_closed, g_object_ref (task));
  sqlite_store_take (self->store, false);
  g_task_set_task_data (closing, self, NULL);
  g_task_run_in_thread (closing, close_in_thread);
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
