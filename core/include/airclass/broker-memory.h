/* What a broker's provider keeps in this process: keys with a lifetime, and who is in which room, within limits. The whole of a
 * provider without a server; what a node serves itself from while a provider's server is away. Main thread. Plain memory; keys,
 * values and names have been checked by <airclass/broker.h>.
 */
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#include <airclass/types.h>

G_BEGIN_DECLS

/* ---- Keys */

typedef struct _AirBrokerMemory AirBrokerMemory;

typedef struct
{
  const char *key;
  const char *value;  /* JSON */
  int64_t expires_us; /* monotonic */
  /* The provider's own; 0 when the value is set. */
  int64_t stamp;
  unsigned flags;
} AirBrokerEntry;

AIR_PUBLIC AirBrokerMemory *air_broker_memory_new (size_t max_keys, size_t max_bytes);
AIR_PUBLIC void air_broker_memory_free (AirBrokerMemory *memory);
/* Returns: (transfer none) the entry, valid until the next call; NULL with AIR_ERROR_CONFLICT (@only_new) or AIR_ERROR_LIMIT, and
 * then an earlier value stays. */
AIR_PUBLIC AirBrokerEntry *air_broker_memory_set (AirBrokerMemory *memory, const char *key, const char *value, int64_t lifetime_ms,
                                                  bool only_new, GError **error);
/* Returns: (transfer none) (nullable) valid until the next call. */
AIR_PUBLIC AirBrokerEntry *air_broker_memory_find (AirBrokerMemory *memory, const char *key);
/* @expected NULL: any. AIR_ERROR_NOT_FOUND, AIR_ERROR_CONFLICT. */
AIR_PUBLIC bool air_broker_memory_remove (AirBrokerMemory *memory, const char *key, const char *expected, GError **error);
/* Returns: (transfer full) an object of key → value; NULL with AIR_ERROR_LIMIT. */
AIR_PUBLIC JsonNode *air_broker_memory_list (AirBrokerMemory *memory, const char *prefix, GError **error);
/* Returns: (transfer full) (element-type utf8) all keys. */
AIR_PUBLIC GPtrArray *air_broker_memory_list_keys (AirBrokerMemory *memory);

/* Puts @value under @key into the answer to a list, and counts @bytes. false with AIR_ERROR_LIMIT when it becomes too large, and with
 * AIR_ERROR_INVALID when @value is no JSON. */
AIR_PUBLIC bool air_broker_add_listed (JsonObject *object, const char *key, const char *value, size_t *bytes, GError **error);

/* ---- Rooms */

typedef struct _AirBrokerRooms AirBrokerRooms;

AIR_PUBLIC AirBrokerRooms *air_broker_rooms_new (size_t max_members);
AIR_PUBLIC void air_broker_rooms_free (AirBrokerRooms *rooms);
/* Returns: whether something changed; false with AIR_ERROR_LIMIT when there is no room for more. */
AIR_PUBLIC bool air_broker_rooms_enter (AirBrokerRooms *rooms, const char *room, const char *member, const char *info,
                                        GError **error);
/* Returns: whether the member was there. */
AIR_PUBLIC bool air_broker_rooms_leave (AirBrokerRooms *rooms, const char *room, const char *member);
/* Returns: (transfer full) an object of member → info. */
AIR_PUBLIC JsonNode *air_broker_rooms_list (AirBrokerRooms *rooms, const char *room);
/* Returns: (transfer none) room → (member → info, JSON), all texts. */
AIR_PUBLIC GHashTable *air_broker_rooms_get_all (AirBrokerRooms *rooms);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirBrokerMemory, air_broker_memory_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirBrokerRooms, air_broker_rooms_free)

G_END_DECLS
