/* A class in memory. */
#include "classroom.h"

#include <string.h>

GPtrArray *
table_list_values (GHashTable *table)
{
  GPtrArray *values = g_ptr_array_sized_new (g_hash_table_size (table));
  GHashTableIter iter;
  gpointer value = NULL;
  g_hash_table_iter_init (&iter, table);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    g_ptr_array_add (values, value);
  return values;
}

Room *
room_new (Classroom *classroom, JsonNode *document)
{
  Room *room = g_new0 (Room, 1);
  room->classroom = classroom;
  room->class_id = g_strdup (air_json_get_string (document, "class_id"));
  room->path = g_strconcat ("live/", room->class_id, NULL);
  room->members = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)member_free);
  for (unsigned i = 0; i < KINDS; i++)
    room->clients[i] = g_ptr_array_new ();
  room->elsewhere = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  room->muted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  room->reactions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  /* Milliseconds since the epoch: a later run of the server begins above all ids of an earlier one. */
  ring_init (&room->ring, g_get_real_time () / 1000);
  room_set_document (room, document);
  room_revoke_earlier (room);
  return room;
}

void
room_free (Room *room)
{
  room_drop_changes (room);
  for (unsigned i = 0; i < KINDS; i++)
    {
      for (unsigned k = 0; k < room->clients[i]->len; k++)
        {
          Client *client = room->clients[i]->pdata[k];
          client->room = NULL;
          client->member = NULL;
        }
      g_ptr_array_unref (room->clients[i]);
    }
  g_clear_pointer (&room->session, session_free);
  g_hash_table_unref (room->members);
  g_hash_table_unref (room->elsewhere);
  bans_clear (&room->bans);
  g_clear_pointer (&room->banned, json_array_unref);
  g_hash_table_unref (room->muted);
  g_hash_table_unref (room->reactions);
  ring_clear (&room->ring);
  g_queue_clear_full (&room->chat, (GDestroyNotify)json_node_unref);
  json_node_unref (room->document);
  g_free (room->class_id);
  g_free (room->path);
  g_free (room);
}

Room *
room_find (Classroom *classroom, const char *class_id)
{
  return class_id != NULL ? g_hash_table_lookup (classroom->rooms, class_id) : NULL;
}

Room *
room_find_session (Classroom *classroom, const char *session_id)
{
  GHashTableIter iter;
  Room *room = NULL;
  g_hash_table_iter_init (&iter, classroom->rooms);
  while (session_id != NULL && g_hash_table_iter_next (&iter, NULL, (void **)&room))
    if (room->session != NULL && g_str_equal (room->session->session_id, session_id))
      return room;
  return NULL;
}

static void
update_info (Room *room)
{
  Session *session = room->session;
  room->info = (AirClassInfo){ .class_id = room->class_id,
                               .title = air_json_get_string (room->document, "title"),
                               .teacher_id = air_json_get_string (room->document, "teacher_id"),
                               .session_id = session != NULL ? session->session_id : NULL,
                               .session_started_us = session != NULL ? session->started_us : 0,
                               .settings = air_json_get (room->document, "settings"),
                               .created_at = air_json_get_string (room->document, "created_at") };
}

void
room_set_document (Room *room, JsonNode *document)
{
  if (room->document != NULL && room->document != document)
    json_node_unref (room->document);
  room->document = document;
  g_hash_table_remove_all (room->muted);
  room_set_bans (room, air_json_get_array (document, "banned"));
  JsonArray *muted = air_json_get_array (document, "muted");
  for (unsigned i = 0; muted != NULL && i < json_array_get_length (muted); i++)
    g_hash_table_add (room->muted, g_strdup (json_array_get_string_element (muted, i)));
  update_info (room);
}

void
session_free (Session *session)
{
  g_free (session->session_id);
  g_free (session->title);
  g_free (session);
}

void
room_set_session (Room *room, Session *session)
{
  g_clear_pointer (&room->session, session_free);
  room->session = session;
  room->closing = false; /* another node may have been faster than our writing of the end */
  update_info (room);
}

int64_t
session_now_us (const Session *session)
{
  return session->ended_us != 0 ? session->ended_us : session->anchor_us + g_get_monotonic_time () - session->anchor_mono_us;
}

const AirClassInfo *
room_get_info (Room *room)
{
  room->info.students_present = room->present;
  return &room->info;
}

bool
room_is_empty (const Room *room)
{
  for (unsigned i = 0; i < KINDS; i++)
    if (room->clients[i]->len > 0)
      return false;
  return true;
}

unsigned
room_count_students (Room *room)
{
  return room->present + g_hash_table_size (room->elsewhere);
}

bool
room_setting_bool (Room *room, const char *name, bool otherwise)
{
  return air_json_get_bool (room->info.settings, name, otherwise);
}

int64_t
room_setting_int (Room *room, const char *name, int64_t otherwise)
{
  return air_json_get_int (room->info.settings, name, otherwise);
}

JsonNode *
room_copy_settings (Room *room)
{
  g_autofree char *text = air_json_to_string (room->info.settings); /* json_node_copy() shares the object */
  return json_from_string (text, NULL);
}

static size_t
chat_size (JsonNode *message)
{
  const char *text = air_json_get_string (message, "text");
  return text != NULL ? strlen (text) : 0;
}

void
room_add_chat (Room *room, JsonNode *message)
{
  g_queue_push_tail (&room->chat, message);
  room->chat_bytes += chat_size (message);
  while (g_queue_get_length (&room->chat) > CHAT_TAIL || (room->chat_bytes > CHAT_TAIL_BYTES && room->chat.head != room->chat.tail))
    {
      JsonNode *oldest = g_queue_pop_head (&room->chat);
      room->chat_bytes -= chat_size (oldest);
      json_node_unref (oldest);
    }
}

bool
room_remove_chat (Room *room, const char *message_id)
{
  for (GList *at = room->chat.head; at != NULL; at = at->next)
    if (g_strcmp0 (air_json_get_string (at->data, "message_id"), message_id) == 0)
      {
        room->chat_bytes -= chat_size (at->data);
        json_node_unref (at->data);
        g_queue_delete_link (&room->chat, at);
        return true;
      }
  return false;
}
