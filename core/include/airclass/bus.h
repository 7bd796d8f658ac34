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

typedef enum
{
  AIR_EVENT_FIELD_STRING,
  AIR_EVENT_FIELD_ENUM,
  AIR_EVENT_FIELD_INTEGER,
  AIR_EVENT_FIELD_NUMBER,
  AIR_EVENT_FIELD_BOOLEAN,
  AIR_EVENT_FIELD_STRINGS,
} AirEventFieldKind;

/* What the schema says of a field; a table ends with a row whose name is NULL. */
typedef struct
{
  const char *name;
  AirEventFieldKind kind;
  bool required;
  const char *const *values; /* of an enum */
  unsigned n_values;
  double minimum, maximum; /* of a number or integer */
} AirEventField;

struct _AirEventClass
{
  GObjectClass parent_class;
  const char *name; /* "stream-state": the file under schemas/events/ and the detail of the bus's signal */
  bool shared;      /* also carried to the other nodes */
  JsonNode *(*to_json) (AirEvent *event); /* (transfer full) the event's own fields */
  const AirEventField *fields;
  AirEvent *(*from_json) (JsonNode *json); /* (transfer full) of an object that has been held against `fields` */
};

/* "stream-state" */
AIR_PUBLIC const char *air_event_get_name (AirEvent *event);
/* When it was made: microseconds since the epoch, wall clock. */
AIR_PUBLIC int64_t air_event_get_at_us (AirEvent *event);
/* Returns: (transfer full) {"type": name, "at": RFC 3339, …fields} */
AIR_PUBLIC JsonNode *air_event_to_json (AirEvent *event);

/* The other way, for what another node sent: @json is held strictly against the event's schema, and names no other fields.
 * Returns: (transfer full) the event with the time that @json says; NULL with AIR_ERROR_NOT_FOUND when its type has not been
 * registered, or AIR_ERROR_INVALID. Any thread. */
AIR_PUBLIC AirEvent *air_event_from_json (JsonNode *json, GError **error);
/* From now on events of @type can be made of JSON. The product's own are registered by the host. Any thread. */
AIR_PUBLIC void air_event_register (GType type);
/* Whether its schema says `x-shared`: it is for the other nodes, too. */
AIR_PUBLIC bool air_event_is_shared (AirEvent *event);
/* Whether it came from another node: what has to happen once in all, such as writing to the store, that node has done. */
AIR_PUBLIC bool air_event_is_remote (AirEvent *event);

/* An optional integer that the event does not have, in constructors and accessors of generated events. */
#define AIR_EVENT_ABSENT INT64_MIN

/* Queues @event (transfer full). Any thread. */
AIR_PUBLIC void air_context_publish_event (AirContext *context, AirEvent *event);

typedef void (*AirEventHandler) (AirEvent *event, void *self);
/* Calls @handler on the main thread for each event @name (NULL: all). @self is the plugin's state. */
AIR_PUBLIC void air_context_on_event (AirContext *context, const char *name, AirEventHandler handler);

/* ---- For the broker's provider, which carries shared events from node to node */

/* Calls @handler on the main thread for each shared event of this node: those that the other nodes are to be told of. */
AIR_PUBLIC void air_context_on_shared_event (AirContext *context, AirEventHandler handler);
/* Queues the event that another node sent as @json; it never comes to the handlers of shared events. Returns: false, and nothing
 * is queued, with AIR_ERROR_NOT_FOUND when this node knows no such event (the other one may have other plugins), or with
 * AIR_ERROR_INVALID when it is malformed or not a shared one. Any thread. */
AIR_PUBLIC bool air_context_publish_remote_event (AirContext *context, JsonNode *json, GError **error);

G_END_DECLS
