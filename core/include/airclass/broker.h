/* The broker: what the nodes of a school share. One plugin provides it (service "broker"): in this process alone, or Redis.
 *
 * Three things: events (an event whose schema says `x-shared` reaches the bus of every node; the provider carries it, nobody else has
 * to do anything), keys with a lifetime, and presence. Main thread; nothing waits; callbacks come on the main thread, later.
 *
 * Errors: AIR_ERROR_NOT_FOUND (no such key), AIR_ERROR_CONFLICT (it is there already), AIR_ERROR_UNAVAILABLE (the broker's
 * server is away, and what this node knows by itself does not answer it), AIR_ERROR_LIMIT (no room for more), AIR_ERROR_INVALID.
 *
 * While the broker's server is away, this node serves itself: what it sets, enters and removes is kept and written when the
 * server is back; it reads what it set itself. Only a lease (@only_new) cannot be had then: AIR_ERROR_UNAVAILABLE.
 */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#include <airclass/types.h>

G_BEGIN_DECLS

#define AIR_BROKER_SERVICE "broker"

#define AIR_TYPE_BROKER (air_broker_get_type ())
/* Signals: "reconnected" (void): the broker's server was away and is there again; events in between are lost, so whoever
 * keeps something by events looks at the keys anew. "presence" (const char *room, detail the room): its members changed. */
AIR_PUBLIC G_DECLARE_INTERFACE (AirBroker, air_broker, AIR, BROKER, GObject)

/* What a provider implements; each task is answered with what the _finish function returns. All arguments have been checked.
 * Values come as JSON texts whose objects have their names in order, so that equal values are equal texts. */
struct _AirBrokerInterface
{
  GTypeInterface parent;
  void (*set) (AirBroker *broker, const char *key, const char *value, int64_t lifetime_ms, bool only_new, GTask *task);
  void (*get) (AirBroker *broker, const char *key, GTask *task);
  void (*remove) (AirBroker *broker, const char *key, const char *expected, GTask *task);
  void (*list) (AirBroker *broker, const char *prefix, GTask *task);
  void (*enter) (AirBroker *broker, const char *room, const char *member, const char *info);
  void (*leave) (AirBroker *broker, const char *room, const char *member);
  void (*members) (AirBroker *broker, const char *room, GTask *task);
};

#define AIR_BROKER_MAX_KEY_BYTES 256
#define AIR_BROKER_MAX_VALUE_BYTES (64 * 1024)
#define AIR_BROKER_MAX_INFO_BYTES 4096
#define AIR_BROKER_MAX_LIFETIME_MS INT64_C (31622400000) /* 366 days */
/* Of an answer to a list. */
#define AIR_BROKER_MAX_LISTED 10000
#define AIR_BROKER_MAX_LISTED_BYTES (16 * 1024 * 1024)

/* For providers: emits the signal. */
AIR_PUBLIC void air_broker_emit_reconnected (AirBroker *broker);
AIR_PUBLIC void air_broker_emit_presence (AirBroker *broker, const char *room);

/* Keys: 1 to 256 bytes of [0-9A-Za-z:._/-]; values up to 64 KiB as JSON. @value: (transfer none). 0 < @lifetime_ms <= 366 days,
 * the key is gone afterwards. @only_new: AIR_ERROR_CONFLICT when there is one (a lease). */
AIR_PUBLIC void air_broker_set (AirBroker *broker, const char *key, JsonNode *value, int64_t lifetime_ms, bool only_new,
                                GAsyncReadyCallback callback, void *data);
AIR_PUBLIC bool air_broker_set_finish (AirBroker *broker, GAsyncResult *result, GError **error);
AIR_PUBLIC void air_broker_get (AirBroker *broker, const char *key, GAsyncReadyCallback callback, void *data);
/* Returns: (transfer full) */
AIR_PUBLIC JsonNode *air_broker_get_finish (AirBroker *broker, GAsyncResult *result, GError **error);
/* @expected: only when the value is this one (NULL: any); else AIR_ERROR_CONFLICT. */
AIR_PUBLIC void air_broker_remove (AirBroker *broker, const char *key, JsonNode *expected, GAsyncReadyCallback callback,
                                   void *data);
AIR_PUBLIC bool air_broker_remove_finish (AirBroker *broker, GAsyncResult *result, GError **error);
AIR_PUBLIC void air_broker_list (AirBroker *broker, const char *prefix, GAsyncReadyCallback callback, void *data);
/* @prefix: as a key, or "". Returns: (transfer full) an object of key → value. AIR_ERROR_LIMIT when there are more than 10,000, or
 * more than 16 MiB of them. */
AIR_PUBLIC JsonNode *air_broker_list_finish (AirBroker *broker, GAsyncResult *result, GError **error);

/* Presence: @member is in @room until it leaves or this node is gone for 15 s. The same member may be on several nodes. The provider
 * keeps it alive, also over an outage of the broker's server. @room: as a key. @member: UTF-8, 1 to 256 bytes. @info: (transfer none)
 * up to 4 KiB; NULL: null. Another @info for a member who is there replaces the earlier one. What is none of this is logged and
 * left out. */
AIR_PUBLIC void air_broker_enter (AirBroker *broker, const char *room, const char *member, JsonNode *info);
AIR_PUBLIC void air_broker_leave (AirBroker *broker, const char *room, const char *member);
AIR_PUBLIC void air_broker_members (AirBroker *broker, const char *room, GAsyncReadyCallback callback, void *data);
/* Returns: (transfer full) an object of member → info, of all nodes. */
AIR_PUBLIC JsonNode *air_broker_members_finish (AirBroker *broker, GAsyncResult *result, GError **error);

G_END_DECLS
