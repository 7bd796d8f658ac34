/* Events, metrics, health, services and endpoints of a context. */
#define G_LOG_DOMAIN "air-core"

#include "host/context-private.h"

#include <airclass/error.h>

#include "bus/event.h"

#include <string.h>

/* ---- Events */

typedef struct
{
  const char *name; /* interned, or NULL */
  AirEventHandler handler;
} EventRegistration;

static void
register_event (AirContext *context, const void *what)
{
  const EventRegistration *registration = what;

  air_bus_subscribe (context->host->bus, context, context->name, registration->name, registration->handler, context->self);
}

void
air_context_on_event (AirContext *context, const char *name, AirEventHandler handler)
{
  EventRegistration registration = { name != NULL ? g_intern_string (name) : NULL, handler };

  air_context_register (context, register_event, &registration, sizeof registration);
}

void
air_context_on_shared_event (AirContext *context, AirEventHandler handler)
{
  air_context_on_event (context, "", handler);
}

bool
air_context_publish_remote_event (AirContext *context, JsonNode *json, GError **error)
{
  g_autoptr (AirEvent) event = air_event_from_json (json, error);

  if (event == NULL)
    return false;
  if (!air_event_is_shared (event))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "event '%s' is not one that nodes share", air_event_get_name (event));
      return false;
    }
  air_event_set_remote (event);
  air_bus_publish (context->host->bus, g_steal_pointer (&event));
  return true;
}

void
air_context_publish_event (AirContext *context, AirEvent *event)
{
  air_bus_publish (context->host->bus, event);
}

/* ---- Metrics and health */

AirMetric *
air_context_add_metric (AirContext *context, AirMetricType type, const char *name, const char *help,
                        const char *const *label_names, const double *buckets)
{
  return air_metrics_registry_add (context->host->metrics, context, type, name, help, label_names, buckets);
}

void
air_context_set_health (AirContext *context, const char *dependency, bool ok, bool required, const char *detail)
{
  air_health_set (context->host->health, context, dependency, ok, required, detail);
}

/* ---- Services */

static bool
lists (const char *const *names, const char *name)
{
  return names != NULL && g_strv_contains (names, name);
}

void
air_context_provide_service (AirContext *context, const char *name, void *service)
{
  AirService *entry;

  g_return_if_fail (lists (context->plugin->provides, name));
  g_return_if_fail (!g_hash_table_contains (context->host->services, name));
  entry = g_new (AirService, 1);
  *entry = (AirService){ context, service };
  g_hash_table_insert (context->host->services, g_strdup (name), entry);
}

void *
air_context_get_service (AirContext *context, const char *name)
{
  AirService *entry;

  g_return_val_if_fail (lists (context->plugin->needs, name) || lists (context->plugin->wants, name), NULL);
  entry = g_hash_table_lookup (context->host->services, name);
  return entry != NULL ? entry->service : NULL;
}

/* ---- Endpoints */

static void
announce (AirContext *context, const char *protocol, const char *host, unsigned port)
{
  GPtrArray *endpoints = context->host->endpoints;
  AirEndpoint *endpoint;

  for (unsigned i = endpoints->len; i > 0; i--)
    {
      endpoint = g_ptr_array_index (endpoints, i - 1);
      if (endpoint->owner == context && strcmp (endpoint->protocol, protocol) == 0
          && (port == 0 || (strcmp (endpoint->host, host) == 0 && endpoint->port == port)))
        g_ptr_array_remove_index (endpoints, i - 1);
    }
  if (port == 0)
    return;
  endpoint = g_new (AirEndpoint, 1);
  *endpoint = (AirEndpoint){ context, g_strdup (protocol), g_strdup (host), port };
  g_ptr_array_add (endpoints, endpoint);
}

void
air_context_visit_endpoints (AirContext *context, AirEndpointVisitor visitor, void *data)
{
  GPtrArray *endpoints = context->host->endpoints;

  for (unsigned i = 0; i < endpoints->len; i++)
    {
      const AirEndpoint *endpoint = g_ptr_array_index (endpoints, i);
      visitor (endpoint->protocol, endpoint->host, endpoint->port, data);
    }
}

void
air_context_announce_endpoint (AirContext *context, const char *protocol, const char *host, unsigned port)
{
  announce (context, protocol, host, port);
  if (context->host->ready)
    air_host_write_run_file (context->host);
}
