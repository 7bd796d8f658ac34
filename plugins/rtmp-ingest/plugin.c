/* rtmp-ingest: RTMP(S) publishers and players. The callbacks run on the main thread; the work is the server's. */
#include <airclass/context.h>
#include <airclass/error.h>
#include <airclass/plugin.h>
#include <airclass/stream.h>
#include <string.h>

#include "server.h"

static void *
create (AirContext *context, GError **error)
{
  const char *app = air_context_get_string (context, "default_app");
  if (*app != '\0' && (strlen (app) > 63 || !air_stream_path_is_valid (app)))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID,
                   "default_app= may hold letters, digits, _ . ~ - and /, at most 63 characters");
      return NULL;
    }
  return rtmp_server_new (context);
}

static void
start (void *self, GTask *task)
{
  GError *error = NULL;
  if (rtmp_server_start (self, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
stop (void *self, GTask *task)
{
  rtmp_server_stop (self, task);
}

static void
destroy (void *self)
{
  rtmp_server_free (self);
}

static void
reload (void *self)
{
  rtmp_server_reload (self);
}

AIR_PLUGIN_EXPORT = { .struct_size = sizeof (AirPlugin),
                      .api_version = AIR_API_VERSION,
                      .name = "rtmp-ingest",
                      .version = "0.1.0",
                      .summary = "Takes streams by RTMP and RTMPS, and plays them.",
                      .options = rtmp_options,
                      .create = create,
                      .start = start,
                      .stop = stop,
                      .destroy = destroy,
                      .reload = reload };
