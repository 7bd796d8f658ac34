/* What a teacher may do to people: mute, ban, take their messages and hands away. Bans and mutes are the class's: they outlast the run,
 * and the name. */
#include "classroom.h"

#include <string.h>

#define MAX_BANNED 1000

char *
address_group (GInetAddress *address)
{
  char *text = g_inet_address_to_string (address);
  if (g_inet_address_get_family (address) != G_SOCKET_FAMILY_IPV6)
    return text;
  const uint8_t *bytes = g_inet_address_to_bytes (address);
  static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
  g_free (text);
  if (memcmp (bytes, mapped, sizeof mapped) == 0)
    return g_strdup_printf ("%u.%u.%u.%u", bytes[12], bytes[13], bytes[14], bytes[15]);
  GString *group = g_string_new (NULL);
  for (unsigned i = 0; i < 8; i++)
    g_string_append_printf (group, i % 2 == 1 && i < 7 ? "%02x:" : "%02x", bytes[i]);
  return g_string_free (group, FALSE);
}

static bool
array_has (JsonArray *array, const char *text)
{
  for (unsigned i = 0; array != NULL && text != NULL && i < json_array_get_length (array); i++)
    if (g_strcmp0 (json_array_get_string_element (array, i), text) == 0)
      return true;
  return false;
}

bool
room_has_banned (Room *room, const char *user_id, const char *family, const char *address)
{
  if (user_id != NULL && g_hash_table_contains (room->banned, user_id))
    return true;
  JsonArray *banned = family != NULL || address != NULL ? air_json_get_array (room->document, "banned") : NULL;
  for (unsigned i = 0; banned != NULL && i < json_array_get_length (banned); i++)
    {
      JsonNode *one = json_array_get_element (banned, i);
      bool same_run = room->session != NULL
                      && g_strcmp0 (air_json_get_string (one, "session_id"), room->session->session_id) == 0;
      if (array_has (air_json_get_array (one, "families"), family)
          || (same_run && address != NULL && g_strcmp0 (air_json_get_string (one, "address"), address) == 0))
        return true;
    }
  return false;
}

void
room_apply_bans (Room *room)
{
  JsonArray *banned = air_json_get_array (room->document, "banned");
  for (unsigned i = 0; banned != NULL && i < json_array_get_length (banned); i++)
    {
      JsonArray *families = air_json_get_array (json_array_get_element (banned, i), "families");
      for (unsigned k = 0; families != NULL && k < json_array_get_length (families); k++)
        air_context_revoke_tokens (room->classroom->context, json_array_get_string_element (families, k), true);
    }
}

/* ---- Changes of the class's document */

/* Sets @name of the document, in memory and in the store. @value: (transfer full) */
static void
set_in_document (Room *room, const char *name, JsonNode *value)
{
  JsonNode *document = json_node_copy (room->document), *set = air_json_new ("{}"), *changes = air_json_new ("{}");
  json_object_set_member (json_node_get_object (document), name, value);
  json_object_set_member (json_node_get_object (set), name, json_node_copy (value));
  json_object_set_member (json_node_get_object (changes), "$set", set);
  classroom_update (room->classroom, "classes", air_json_new ("{class_id:%s}", room->class_id), changes, AIR_STORE_UPDATE_ONE);
  room_set_document (room, document);
}

/* Returns: (transfer full) the document's array @name without what is about @user_id. */
static JsonArray *
copy_without (Room *room, const char *name, const char *user_id)
{
  JsonArray *array = json_array_new (), *before = air_json_get_array (room->document, name);
  for (unsigned i = 0; before != NULL && i < json_array_get_length (before); i++)
    {
      JsonNode *one = json_array_get_element (before, i);
      const char *whose = JSON_NODE_HOLDS_OBJECT (one) ? air_json_get_string (one, "user_id") : json_node_get_string (one);
      if (g_strcmp0 (whose, user_id) != 0)
        json_array_add_element (array, json_node_copy (one));
    }
  return array;
}

static JsonNode *
take_array (JsonArray *array)
{
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, array);
  return node;
}

/* The address of a banned person is shut out for the run, unless others of the class share it: a school has one. */
static bool
is_shared_address (Room *room, const Member *banned)
{
  GHashTableIter iter;
  const Member *member = NULL;
  g_hash_table_iter_init (&iter, room->members);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&member))
    if (member != banned && g_strcmp0 (member->address, banned->address) == 0)
      return true;
  return false;
}

static JsonNode *
describe_ban (Room *room, const char *user_id, const char *by)
{
  const Member *member = member_find (room, KIND_STUDENT, user_id);
  JsonArray *families = json_array_new ();
  GHashTableIter iter;
  const char *family = NULL;
  if (member != NULL)
    {
      g_hash_table_iter_init (&iter, member->families);
      while (g_hash_table_iter_next (&iter, (void **)&family, NULL))
        json_array_add_string_element (families, family);
    }
  bool by_address = member != NULL && member->address != NULL && room->session != NULL && !is_shared_address (room, member);
  return air_json_new ("{user_id:%s, name:%s, families:%n, address?:%s, session_id?:%s, at:%t, by:%s}", user_id,
                       member != NULL ? member->name : user_id, take_array (families), by_address ? member->address : NULL,
                       by_address ? room->session->session_id : NULL, g_get_real_time (), by);
}

/* ---- What pages send */

static void
tell (Room *room, const char *user_id, const char *action, AirEventMemberModeratedAction event_action, const char *by)
{
  const Member *member = member_find (room, KIND_STUDENT, user_id);
  const char *session_id = room->session != NULL ? room->session->session_id : NULL;
  const char *name = member != NULL ? member->name : user_id;
  room_send (room, AIR_AUDIENCE_TEACHERS, air_json_new ("{type:'moderation', action:%s, user_id:%s, name:%s}", action, user_id, name));
  if (member != NULL && member->clients > 0)
    room_send_to (room, user_id, air_json_new ("{type:'moderation', action:%s}", action));
  air_context_publish_event (room->classroom->context,
                             air_event_member_moderated_new (room->class_id, session_id, user_id, name, event_action, by));
}

static Room *
room_of (const AirClassMember *from)
{
  return ((const Member *)from)->room;
}

static bool
check_student (Room *room, const char *user_id, GError **error)
{
  if (member_find (room, KIND_STUDENT, user_id) != NULL)
    return true;
  g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "nobody of that user id has been here");
  return false;
}

static bool
on_mute (const AirClassMember *from, JsonNode *message, void *self, GError **error)
{
  Room *room = room_of (from);
  const char *user_id = air_json_get_string (message, "user_id");
  if (!check_student (room, user_id, error))
    return false;
  JsonArray *muted = copy_without (room, "muted", user_id);
  json_array_add_string_element (muted, user_id);
  if (json_array_get_length (muted) > MAX_BANNED)
    json_array_remove_element (muted, 0);
  set_in_document (room, "muted", take_array (muted));
  tell (room, user_id, "mute", AIR_EVENT_MEMBER_MODERATED_ACTION_MUTE, from->user_id);
  return true;
}

static bool
on_unmute (const AirClassMember *from, JsonNode *message, void *self, GError **error)
{
  Room *room = room_of (from);
  const char *user_id = air_json_get_string (message, "user_id");
  set_in_document (room, "muted", take_array (copy_without (room, "muted", user_id)));
  tell (room, user_id, "unmute", AIR_EVENT_MEMBER_MODERATED_ACTION_UNMUTE, from->user_id);
  return true;
}

static bool
on_ban (const AirClassMember *from, JsonNode *message, void *self, GError **error)
{
  Room *room = room_of (from);
  const char *user_id = air_json_get_string (message, "user_id");
  if (!check_student (room, user_id, error))
    return false;
  JsonArray *banned = copy_without (room, "banned", user_id);
  if (json_array_get_length (banned) >= MAX_BANNED)
    json_array_remove_element (banned, 0);
  json_array_add_element (banned, describe_ban (room, user_id, from->user_id));
  set_in_document (room, "banned", take_array (banned));
  tell (room, user_id, "ban", AIR_EVENT_MEMBER_MODERATED_ACTION_BAN, from->user_id);
  room_close_clients (room, user_id, 4409, "banned from this class");
  room_apply_bans (room);
  return true;
}

static bool
on_unban (const AirClassMember *from, JsonNode *message, void *self, GError **error)
{
  Room *room = room_of (from);
  const char *user_id = air_json_get_string (message, "user_id");
  JsonArray *banned = air_json_get_array (room->document, "banned");
  for (unsigned i = 0; banned != NULL && i < json_array_get_length (banned); i++)
    {
      JsonNode *one = json_array_get_element (banned, i);
      JsonArray *families = air_json_get_array (one, "families");
      if (g_strcmp0 (air_json_get_string (one, "user_id"), user_id) == 0)
        for (unsigned k = 0; families != NULL && k < json_array_get_length (families); k++)
          air_context_revoke_tokens (room->classroom->context, json_array_get_string_element (families, k), false);
    }
  if (!g_hash_table_contains (room->banned, user_id))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "that person is not banned");
      return false;
    }
  set_in_document (room, "banned", take_array (copy_without (room, "banned", user_id)));
  tell (room, user_id, "unban", AIR_EVENT_MEMBER_MODERATED_ACTION_UNBAN, from->user_id);
  return true;
}

/* ---- The chat as a whole */

void
room_tell_chat_settings (Room *room)
{
  room_send (room, AIR_AUDIENCE_ALL,
             air_json_new ("{type:'moderation', action:'chat_settings', chat_settings:{enabled:%b, slow_mode_s:%l}}",
                           room_setting_bool (room, "chat", true), room_setting_int (room, "slow_mode_s", 0)));
}

static void
set_setting (Room *room, const char *name, JsonNode *value)
{
  JsonNode *settings = json_node_copy (room->info.settings);
  json_object_set_member (json_node_get_object (settings), name, value);
  set_in_document (room, "settings", settings);
  room_tell_chat_settings (room);
  air_context_publish_event (room->classroom->context,
                             air_event_class_changed_new (room->class_id, AIR_EVENT_CLASS_CHANGED_CHANGE_CHANGED));
}

static bool
on_slow_mode (const AirClassMember *from, JsonNode *message, void *self, GError **error)
{
  set_setting (room_of (from), "slow_mode_s", json_node_init_int (json_node_alloc (), air_json_get_int (message, "seconds", 0)));
  return true;
}

static bool
on_chat_enabled (const AirClassMember *from, JsonNode *message, void *self, GError **error)
{
  set_setting (room_of (from), "chat", json_node_init_boolean (json_node_alloc (), air_json_get_bool (message, "enabled", true)));
  return true;
}

void
classroom_add_moderation_messages (Classroom *classroom)
{
  static const AirClassMessage messages[] = {
    { .type = "mute", .role = AIR_ROLE_TEACHER, .schema = "SocketUserMessage", .handler = on_mute },
    { .type = "unmute", .role = AIR_ROLE_TEACHER, .schema = "SocketUserMessage", .handler = on_unmute },
    { .type = "ban", .role = AIR_ROLE_TEACHER, .schema = "SocketUserMessage", .handler = on_ban },
    { .type = "unban", .role = AIR_ROLE_TEACHER, .schema = "SocketUserMessage", .handler = on_unban },
    { .type = "slow_mode", .role = AIR_ROLE_TEACHER, .schema = "SocketSlowMode", .handler = on_slow_mode },
    { .type = "chat_enabled", .role = AIR_ROLE_TEACHER, .schema = "SocketChatEnabled", .handler = on_chat_enabled },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (messages); i++)
    classroom_add_message (classroom, &messages[i], classroom);
}
