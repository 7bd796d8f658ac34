/* The provider of the store runs alone here, without network: what is exported does not change meanwhile. Main thread. */
#define G_LOG_DOMAIN "air-core"

#include "host/store-transfer.h"

#include <airclass/error.h>
#include <stdlib.h>

#include "host/lifecycle.h"
#include "host/order.h"
#include "host/steps.h"

typedef struct
{
  bool done;
  GError *error;
} Step;

static void
on_step (GObject *source, GAsyncResult *result, gpointer data)
{
  Step *step = data;
  g_task_propagate_boolean (G_TASK (result), &step->error);
  step->done = true;
}

static bool
take_step (AirModule *module, void (*function) (void *self, GTask *task), GError **error)
{
  Step step = { 0 };
  g_autoptr (GTask) task = g_task_new (NULL, NULL, on_step, &step);
  air_step_call (module, function, task);
  while (!step.done)
    g_main_context_iteration (NULL, TRUE);
  if (step.error != NULL)
    g_propagate_error (error, step.error);
  return step.error == NULL;
}

/* Leaves the components, which are needed for registering, and @kept. */
static void
drop_others (AirHost *host, const AirModule *kept)
{
  for (unsigned i = host->modules->len; i > 0; i--)
    {
      const AirModule *module = g_ptr_array_index (host->modules, i - 1);
      if (!module->component && module != kept)
        g_ptr_array_remove_index (host->modules, i - 1);
    }
}

static bool
fail (GError **error, const char *what)
{
  g_set_error_literal (error, AIR_ERROR, AIR_ERROR_FAILED, what);
  return false;
}

static bool
transfer (AirHost *host, AirModule *module, const char *path, bool import, GError **error)
{
  uint64_t documents = 0;
  if (!take_step (module, module->plugin.start, error))
    return false;
  AirService *service = g_hash_table_lookup (host->services, AIR_STORE_SERVICE);
  bool moved = service == NULL ? fail (error, "it has started, but provides no store")
               : import        ? air_store_import (service->service, path, &documents, error)
                               : air_store_export (service->service, path, &documents, error);
  if (module->plugin.stop != NULL && !take_step (module, module->plugin.stop, moved ? error : NULL))
    moved = false;
  if (moved)
    g_print ("%s: %" G_GUINT64_FORMAT " documents %s\n", path, documents, import ? "imported" : "exported");
  return moved;
}

int
air_host_transfer_store (AirHost *host, const char *path, bool import)
{
  AirModule *module = air_order_find_provider (host->modules, AIR_STORE_SERVICE);
  g_autoptr (GError) error = NULL;
  bool moved = false;
  if (module == NULL)
    {
      g_printerr ("no plugin that is enabled provides a store\n");
      return EXIT_FAILURE;
    }
  drop_others (host, module);
  host->started_us = g_get_monotonic_time ();
  bool created = air_host_take_state_dir (host) && air_host_create_modules (host);
  if (created && module->state == AIR_MODULE_CREATED)
    {
      moved = transfer (host, module, path, import, &error);
      air_step_undo (module);
    }
  const char *reason = error != NULL ? error->message : host->failure != NULL ? host->failure->message : module->reason;
  if (!moved)
    g_printerr ("%s: %s\n", module->name, reason != NULL ? reason : "cannot be started");
  if (created)
    air_host_destroy_modules (host);
  return moved ? EXIT_SUCCESS : EXIT_FAILURE;
}
