/* The event bus: typed, immutable events, delivered in order on the main loop, never re-entrantly.
 *
 * The events of the product are described by schemas/events/NAME.json; their constructors and accessors stand in the
 * generated header <airclass/events.h>: air_event_NAME_new (…) and air_event_NAME_get_FIELD (event).
 */
#pragma once

#include <glib-object.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#include <airclass/types.h>

G_BEGIN_DECLS

#define AIR_TYPE_EVENT (air_event_get_type ())
AIR_PUBLIC G_DECLARE_DERIVABLE_TYPE (AirEvent, air_event, AIR, EVENT, GObject)

struct _AirEventClass
{
  GObjectClass parent_class;
  const char *name; /* "stream-state": the file under schemas/events/ and the detail of the bus's signal */
  bool shared;      /* also carried to the other nodes */
  JsonNode *(*to_json) (AirEvent *event); /* (transfer full) the event's own fields */
};

/* "stream-state" */
AIR_PUBLIC const char *air_event_get_name (AirEvent *event);
/* When it was made: microseconds since the epoch, wall clock. */
AIR_PUBLIC int64_t air_event_get_at_us (AirEvent *event);
/* Returns: (transfer full) {"type": name, "at": RFC 3339, …fields} */
AIR_PUBLIC JsonNode *air_event_to_json (AirEvent *event);

/* An optional integer that the event does not have, in constructors and accessors of generated events. */
#define AIR_EVENT_ABSENT INT64_MIN

/* Queues @event (transfer full). Any thread. */
AIR_PUBLIC void air_context_publish_event (AirContext *context, AirEvent *event);

typedef void (*AirEventHandler) (AirEvent *event, void *self);
/* Calls @handler on the main thread for each event @name (NULL: all). @self is the plugin's state. */
AIR_PUBLIC void air_context_on_event (AirContext *context, const char *name, AirEventHandler handler);

G_END_DECLS
