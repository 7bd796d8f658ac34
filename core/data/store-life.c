/* Starting and stopping a store, which wait for its disk or network in a thread. Main thread. */
#include "data/store-private.h"

typedef struct
{
  AirStore *store; /* borrowed: the plugin keeps it until it has been answered */
  AirStoreOpen open;
  AirStoreClose close;
  void *data;
  GTask *task; /* owned: of the plugin's start or stop */
} Life;

static Life *
life_new (AirStore *store, void *data, GTask *task)
{
  Life *life = g_new0 (Life, 1);
  life->store = store;
  life->data = data;
  life->task = g_object_ref (task);
  return life;
}

static void
life_free (void *data)
{
  Life *life = data;
  g_object_unref (life->task);
  g_free (life);
}

/* Calls @work in a thread, then @done. @life: (transfer full) */
static void
run (Life *life, GTaskThreadFunc work, GAsyncReadyCallback done)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, done, NULL);
  g_task_set_task_data (task, life, life_free);
  g_task_run_in_thread (task, work);
}

static void
open_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Life *life = data;
  GError *error = NULL;
  if (life->open (life->store, life->data, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_open (GObject *source, GAsyncResult *result, gpointer data)
{
  Life *life = g_task_get_task_data (G_TASK (result));
  AirStoreState *state = air_store_get_state (life->store);
  GError *error = NULL;
  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      g_task_return_error (life->task, error);
      return;
    }
  state->taking = true;
  air_context_provide_service (state->context, AIR_STORE_SERVICE, life->store);
  g_task_return_boolean (life->task, TRUE);
}

void
air_store_start (AirStore *store, AirStoreOpen open, void *data, GTask *task)
{
  GError *error = NULL;
  if (!air_store_load_collections (store, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  Life *life = life_new (store, data, task);
  life->open = open;
  run (life, open_in_thread, on_open);
}

static void
close_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Life *life = data;
  life->close (life->store, life->data);
  g_task_return_boolean (task, TRUE);
}

static void
on_closed (GObject *source, GAsyncResult *result, gpointer data)
{
  Life *life = g_task_get_task_data (G_TASK (result));
  g_task_return_boolean (life->task, TRUE);
}

void
air_store_stop (AirStore *store, AirStoreClose close, void *data, GTask *task)
{
  Life *life = life_new (store, data, task);
  life->close = close;
  air_store_get_state (store)->taking = false;
  run (life, close_in_thread, on_closed);
}
