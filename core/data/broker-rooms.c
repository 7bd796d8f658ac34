/* Who is in which room, in memory. Main thread. */
#include <airclass/broker-memory.h>

#include <airclass/error.h>
#include <airclass/json.h>

#include <string.h>

struct _AirBrokerRooms
{
  GHashTable *rooms; /* room → (member → info), all texts owned */
  size_t count, max_members;
};

AirBrokerRooms *
air_broker_rooms_new (size_t max_members)
{
  AirBrokerRooms *rooms = g_new0 (AirBrokerRooms, 1);
  rooms->rooms = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
  rooms->max_members = max_members;
  return rooms;
}

void
air_broker_rooms_free (AirBrokerRooms *rooms)
{
  if (rooms == NULL)
    return;
  g_hash_table_unref (rooms->rooms);
  g_free (rooms);
}

bool
air_broker_rooms_enter (AirBrokerRooms *rooms, const char *room, const char *member, const char *info, GError **error)
{
  GHashTable *members = g_hash_table_lookup (rooms->rooms, room);
  const char *before = members != NULL ? g_hash_table_lookup (members, member) : NULL;
  if (before != NULL && strcmp (before, info) == 0)
    return false;
  if (before == NULL && rooms->count >= rooms->max_members)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_LIMIT, "the broker keeps no more than %" G_GSIZE_FORMAT " members of rooms",
                   rooms->max_members);
      return false;
    }
  if (members == NULL)
    {
      members = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
      g_hash_table_insert (rooms->rooms, g_strdup (room), members);
    }
  rooms->count += before == NULL;
  g_hash_table_insert (members, g_strdup (member), g_strdup (info));
  return true;
}

bool
air_broker_rooms_leave (AirBrokerRooms *rooms, const char *room, const char *member)
{
  GHashTable *members = g_hash_table_lookup (rooms->rooms, room);
  if (members == NULL || !g_hash_table_remove (members, member))
    return false;
  rooms->count--;
  if (g_hash_table_size (members) == 0)
    g_hash_table_remove (rooms->rooms, room);
  return true;
}

JsonNode *
air_broker_rooms_list (AirBrokerRooms *rooms, const char *room)
{
  g_autoptr (JsonObject) object = json_object_new ();
  GHashTable *members = g_hash_table_lookup (rooms->rooms, room);
  GHashTableIter iter;
  gpointer member, info;
  if (members != NULL)
    {
      g_hash_table_iter_init (&iter, members);
      while (g_hash_table_iter_next (&iter, &member, &info))
        json_object_set_member (object, member, air_json_parse (info, -1, NULL));
    }
  return json_node_init_object (json_node_alloc (), object);
}

GHashTable *
air_broker_rooms_get_all (AirBrokerRooms *rooms)
{
  return rooms->rooms;
}
