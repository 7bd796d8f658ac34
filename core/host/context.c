/* The life of a context, and the options of its section.
 *
 * create() registers before the host has the state that the handlers are to be called with: those registrations wait in
 * `pending` until air_context_activate(). The other parts of a context stand in context-*.c. */
#define G_LOG_DOMAIN "air-core"

#include "host/context-private.h"

#include <errno.h>
#include <string.h>

typedef struct
{
  AirRegister function;
  void *what;
} Registration;

static void
registration_free (gpointer data)
{
  Registration *registration = data;

  g_free (registration->what);
  g_free (registration);
}

AirContext *
air_context_new (AirHost *host, const AirPlugin *plugin, AirSettings *settings)
{
  AirContext *context = g_new0 (AirContext, 1);

  g_atomic_ref_count_init (&context->references);
  context->host = host;
  context->plugin = plugin;
  context->name = g_intern_string (plugin->name);
  context->settings = settings;
  context->pending = g_ptr_array_new_with_free_func (registration_free);
  context->sources = g_hash_table_new (NULL, NULL);
  g_mutex_init (&context->lock);
  g_cond_init (&context->jobs_ended);
  g_queue_init (&context->calls);
  return context;
}

AirContext *
air_context_ref (AirContext *context)
{
  g_atomic_ref_count_inc (&context->references);
  return context;
}

void
air_context_unref (AirContext *context)
{
  if (!g_atomic_ref_count_dec (&context->references))
    return;
  air_settings_free (context->settings);
  g_ptr_array_unref (context->pending);
  g_hash_table_unref (context->sources);
  g_cond_clear (&context->jobs_ended);
  g_mutex_clear (&context->lock);
  g_free (context->state_dir);
  g_free (context);
}

void
air_context_register (AirContext *context, AirRegister function, const void *what, size_t size)
{
  Registration *registration;

  if (context->active)
    {
      function (context, what);
      return;
    }
  registration = g_new0 (Registration, 1);
  registration->function = function;
  registration->what = g_memdup2 (what, size);
  g_ptr_array_add (context->pending, registration);
}

void
air_context_activate (AirContext *context, void *self)
{
  context->self = self;
  context->active = true;
  for (unsigned i = 0; i < context->pending->len; i++)
    {
      Registration *registration = g_ptr_array_index (context->pending, i);

      registration->function (context, registration->what);
    }
  g_ptr_array_set_size (context->pending, 0);
}

static gboolean
service_is_owned (gpointer key, gpointer value, gpointer owner)
{
  return ((AirService *) value)->owner == owner;
}

static void
remove_endpoints (AirContext *context)
{
  GPtrArray *endpoints = context->host->endpoints;

  for (unsigned i = endpoints->len; i > 0; i--)
    if (((AirEndpoint *) g_ptr_array_index (endpoints, i - 1))->owner == context)
      g_ptr_array_remove_index (endpoints, i - 1);
}

void
air_context_undo (AirContext *context)
{
  AirHost *host = context->host;

  g_ptr_array_set_size (context->pending, 0);
  if (host->http != NULL)
    air_http_server_remove_owner (host->http, context);
  if (host->streams != NULL)
    air_stream_registry_remove_owner (host->streams, context);
  if (host->authority != NULL)
    air_authority_remove_owner (host->authority, context);
  air_bus_remove_owner (host->bus, context);
  air_context_undo_loop (context);
  g_hash_table_foreach_remove (host->services, service_is_owned, context);
  remove_endpoints (context);
  air_health_remove_owner (host->health, context);
}

void
air_context_undo_metrics (AirContext *context)
{
  air_metrics_registry_remove_owner (context->host->metrics, context);
}

static unsigned
report (AirContext *context, unsigned count, const char *what)
{
  if (count > 0)
    g_critical ("plugin '%s' has stopped, but left %u %s", context->name, count, what);
  return count;
}

unsigned
air_context_report_left (AirContext *context)
{
  AirHost *host = context->host;
  unsigned left = 0;

  if (host->http != NULL)
    left += report (context, air_http_server_count_owner (host->http, context), "routes or sockets");
  if (host->streams != NULL)
    left += report (context, air_stream_registry_count_owner (host->streams, context), "publishers or stream readers");
  left += report (context, air_bus_count_owner (host->bus, context), "event handlers");
  left += report (context, g_hash_table_size (context->sources), "main loop sources");
  left += report (context, air_context_count_jobs (context), "jobs in the worker pool");
  return left;
}

/* ---- Options */

const char *
air_context_get_plugin_name (AirContext *context)
{
  return context->name;
}

const char *
air_context_get_string (AirContext *context, const char *key)
{
  return air_settings_get_string (context->settings, key);
}

bool
air_context_get_bool (AirContext *context, const char *key)
{
  return air_settings_get_bool (context->settings, key);
}

int64_t
air_context_get_int (AirContext *context, const char *key)
{
  return air_settings_get_int (context->settings, key);
}

const char *const *
air_context_get_list (AirContext *context, const char *key)
{
  return air_settings_get_list (context->settings, key);
}

GPtrArray *
air_context_get_addresses (AirContext *context, const char *key)
{
  return air_settings_get_addresses (context->settings, key);
}

bool
air_context_network_contains (AirContext *context, const char *key, GInetAddress *address)
{
  return air_settings_network_contains (context->settings, key, address);
}

/* ---- Folders */

const char *
air_context_get_state_dir (AirContext *context)
{
  if (context->state_dir == NULL)
    {
      context->state_dir = g_build_filename (context->host->state_dir, context->name, NULL);
      if (g_mkdir_with_parents (context->state_dir, 0700) != 0)
        g_warning ("cannot make the folder '%s': %s", context->state_dir, g_strerror (errno));
    }
  return context->state_dir;
}

const char *
air_context_get_resource_dir (AirContext *context, const char *kind)
{
  if (strcmp (kind, "schemas") == 0)
    return context->host->schema_dir;
  if (strcmp (kind, "pipelines") == 0)
    return context->host->pipeline_dir;
  g_critical ("no such kind of resource: '%s'", kind);
  return "";
}
