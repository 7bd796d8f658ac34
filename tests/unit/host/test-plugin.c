/* The plugin of the loader's tests, built many times with other names and faults (meson.build). */
#include <airclass/airclass.h>

#ifndef PLUGIN_API
#define PLUGIN_API AIR_API_VERSION
#endif
#ifndef PLUGIN_SIZE
#define PLUGIN_SIZE sizeof (AirPlugin)
#endif

#ifdef BLOCK
static AirContext *the_context;
static unsigned timer;

static void
block (void *data)
{
  air_context_remove_source (the_context, timer);
  g_usleep (G_USEC_PER_SEC);
}
#endif

static void *
create (AirContext *context, GError **error)
{
#ifdef FAIL_CREATE
  g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "no wish to be");
  return NULL;
#else
#ifdef BLOCK
  the_context = context;
#endif
  return g_malloc0 (1);
#endif
}

#ifdef LATE_START
static void
answer_late (GCancellable *cancellable, gpointer task)
{
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}
#endif

static void
start (void *self, GTask *task)
{
#ifdef LATE_START
  g_signal_connect (g_task_get_cancellable (task), "cancelled", G_CALLBACK (answer_late), g_object_ref (task));
  return;
#endif
#ifdef BLOCK
  timer = air_context_add_timer (the_context, 10, block, NULL);
#endif
#ifdef FAIL_START
  g_task_return_new_error (task, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "the port is taken");
#else
  g_task_return_boolean (task, TRUE);
#endif
}

static void
stop (void *self, GTask *task)
{
#ifdef HANG_STOP
  g_object_ref (task);
#else
  g_task_return_boolean (task, TRUE);
#endif
}

AIR_PLUGIN_EXPORT = {
  .struct_size = PLUGIN_SIZE,
  .api_version = PLUGIN_API,
  .name = PLUGIN_NAME,
  .version = "1",
  .summary = "A plugin for tests",
#ifdef PLUGIN_PROVIDES
  .provides = (const char *const[]){ PLUGIN_PROVIDES, NULL },
#endif
#ifdef PLUGIN_NEEDS
  .needs = (const char *const[]){ PLUGIN_NEEDS, NULL },
#endif
#ifdef PLUGIN_WANTS
  .wants = (const char *const[]){ PLUGIN_WANTS, NULL },
#endif
  .create = create,
  .start = start,
  .stop = stop,
  .destroy = g_free,
};
