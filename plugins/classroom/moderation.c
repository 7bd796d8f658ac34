/* What a teacher may do to people: mute, ban, take their messages and hands away. Bans and mutes are the class's: they outlast the run,
 * and the name. */
#include "classroom.h"

#include <string.h>

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

bool
room_has_banned (Room *room, const char *user_id, const char *family, const char *address)
{
  return bans_have (&room->bans, user_id, family, room->info.session_id, address);
}

/* ---- The core is told whose tokens are worth nothing */

static void
revoke_family (const char *family, bool revoked, void *data)
{
  air_context_revoke_tokens (((Room *)data)->classroom->context, family, revoked);
}

/* The tokens that this node knows to be somebody's: another node, which has written the ban, may not. */
static void
revoke_user (const char *user_id, bool revoked, void *data)
{
  Room *room = data;
  unsigned count = 0;
  char *const *families = classroom_get_held_families (room->classroom, room->class_id, user_id, &count);
  if (!air_context_revoke_student (room->classroom->context, room->class_id, user_id, revoked))
    g_warning ("too many people are banned on this server: the tokens of one of \"%s\" stay good outside of the class", room->class_id);
  for (unsigned i = 0; i < count; i++)
    revoke_family (families[i], revoked || g_hash_table_contains (room->bans.families, families[i]), room);
}

void
room_set_bans (Room *room, JsonArray *banned)
{
  if (banned == room->banned && room->bans.users != NULL)
    return;
  Bans before = room->bans;
  if (before.users == NULL)
    bans_init (&before, NULL);
  bans_init (&room->bans, banned);
  g_clear_pointer (&room->banned, json_array_unref);
  room->banned = banned != NULL ? json_array_ref (banned) : NULL;
  bans_compare (&before, &room->bans, revoke_user, revoke_family, room);
  bans_clear (&before);
}

/* ---- What is changed in the class's document */

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

/* @one: (transfer full). The oldest go where there are too many. */
static void
add_bounded (JsonArray *array, JsonNode *one)
{
  while (json_array_get_length (array) >= MAX_BANNED)
    json_array_remove_element (array, 0);
  json_array_add_element (array, one);
}

static JsonNode *
take_array (JsonArray *array)
{
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, array);
  return node;
}

/* {@name: @value}. @value: (transfer full) */
static JsonNode *
set_of (const char *name, JsonNode *value)
{
  JsonNode *set = air_json_new ("{}");
  json_object_set_member (json_node_get_object (set), name, value);
  return set;
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
  unsigned count = 0;
  char *const *held = classroom_get_held_families (room->classroom, room->class_id, user_id, &count);
  JsonArray *families = json_array_new ();
  for (unsigned i = 0; i < count; i++)
    json_array_add_string_element (families, held[i]);
  bool by_address = member->address != NULL && room->session != NULL && !is_shared_address (room, member);
  return air_json_new ("{user_id:%s, name:%s, families:%n, address?:%s, session_id?:%s, at:%t, by:%s}", user_id, member->name,
                       take_array (families), by_address ? member->address : NULL, by_address ? room->session->session_id : NULL,
                       g_get_real_time (), by);
}

/* ---- What pages send: answered when the store has it */

typedef struct
{
  AirClassReply *reply;
  JsonNode *message;
  char *by;
} Moderation;

static const char *
user_of (const Moderation *moderation)
{
  return air_json_get_string (moderation->message, "user_id");
}

static void
answer (Moderation *moderation, const GError *error)
{
  classroom_reply (moderation->reply, error, NULL);
  json_node_unref (moderation->message);
  g_free (moderation->by);
  g_free (moderation);
}

static void
change (const AirClassMember *from, JsonNode *message, AirClassReply *reply, const ChangeKind *kind)
{
  Moderation *moderation = g_new0 (Moderation, 1);
  *moderation = (Moderation){ .reply = reply, .message = json_node_ref (message), .by = g_strdup (from->user_id) };
  room_change (((const Member *)from)->room, kind, moderation);
}

static void
tell (Room *room, const Moderation *moderation, const char *action, AirEventMemberModeratedAction event_action)
{
  const char *user_id = user_of (moderation);
  const Member *member = member_find (room, KIND_STUDENT, user_id);
  const char *name = member != NULL ? member->name : user_id;
  room_send (room, AIR_AUDIENCE_TEACHERS, air_json_new ("{type:'moderation', action:%s, user_id:%s, name:%s}", action, user_id, name));
  if (member != NULL && member_is_here (member))
    room_send_to (room, user_id, air_json_new ("{type:'moderation', action:%s}", action));
  air_context_publish_event (room->classroom->context, air_event_member_moderated_new (room->class_id, room->info.session_id, user_id,
                                                                                       name, event_action, moderation->by));
}

static bool
check_student (Room *room, const char *user_id, GError **error)
{
  if (member_find (room, KIND_STUDENT, user_id) != NULL)
    return true;
  g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "nobody of that user id has been here");
  return false;
}

static JsonNode *
prepare_mute (Room *room, void *data, GError **error)
{
  const char *user_id = user_of (data);
  if (!check_student (room, user_id, error))
    return NULL;
  JsonArray *muted = copy_without (room, "muted", user_id);
  add_bounded (muted, json_node_init_string (json_node_alloc (), user_id));
  return set_of ("muted", take_array (muted));
}

static void
done_mute (Room *room, void *data, const GError *error)
{
  if (error == NULL)
    tell (room, data, "mute", AIR_EVENT_MEMBER_MODERATED_ACTION_MUTE);
  answer (data, error);
}

static JsonNode *
prepare_unmute (Room *room, void *data, GError **error)
{
  return set_of ("muted", take_array (copy_without (room, "muted", user_of (data))));
}

static void
done_unmute (Room *room, void *data, const GError *error)
{
  if (error == NULL)
    tell (room, data, "unmute", AIR_EVENT_MEMBER_MODERATED_ACTION_UNMUTE);
  answer (data, error);
}

static JsonNode *
prepare_ban (Room *room, void *data, GError **error)
{
  const char *user_id = user_of (data);
  if (!check_student (room, user_id, error))
    return NULL;
  JsonArray *banned = copy_without (room, "banned", user_id);
  add_bounded (banned, describe_ban (room, user_id, ((Moderation *)data)->by));
  return set_of ("banned", take_array (banned));
}

static void
done_ban (Room *room, void *data, const GError *error)
{
  if (error == NULL)
    {
      tell (room, data, "ban", AIR_EVENT_MEMBER_MODERATED_ACTION_BAN);
      room_close_clients (room, user_of (data), 4409, "banned from this class");
    }
  answer (data, error);
}

static JsonNode *
prepare_unban (Room *room, void *data, GError **error)
{
  const char *user_id = user_of (data);
  if (room_has_banned (room, user_id, NULL, NULL))
    return set_of ("banned", take_array (copy_without (room, "banned", user_id)));
  g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "that person is not banned");
  return NULL;
}

static void
done_unban (Room *room, void *data, const GError *error)
{
  if (error == NULL)
    tell (room, data, "unban", AIR_EVENT_MEMBER_MODERATED_ACTION_UNBAN);
  answer (data, error);
}

static void
on_mute (const AirClassMember *from, JsonNode *message, AirClassReply *reply, void *self)
{
  static const ChangeKind kind = { prepare_mute, done_mute };
  change (from, message, reply, &kind);
}

static void
on_unmute (const AirClassMember *from, JsonNode *message, AirClassReply *reply, void *self)
{
  static const ChangeKind kind = { prepare_unmute, done_unmute };
  change (from, message, reply, &kind);
}

static void
on_ban (const AirClassMember *from, JsonNode *message, AirClassReply *reply, void *self)
{
  static const ChangeKind kind = { prepare_ban, done_ban };
  change (from, message, reply, &kind);
}

static void
on_unban (const AirClassMember *from, JsonNode *message, AirClassReply *reply, void *self)
{
  static const ChangeKind kind = { prepare_unban, done_unban };
  change (from, message, reply, &kind);
}

/* ---- The chat as a whole */

void
room_tell_chat_settings (Room *room)
{
  room_send (room, AIR_AUDIENCE_ALL,
             air_json_new ("{type:'moderation', action:'chat_settings', chat_settings:{enabled:%b, slow_mode_s:%l}}",
                           room_setting_bool (room, "chat", true), room_setting_int (room, "slow_mode_s", 0)));
}

/* Of its own: those in memory change only when the store has them. @value: (transfer full) */
static JsonNode *
set_setting (Room *room, const char *name, JsonNode *value)
{
  JsonNode *settings = room_copy_settings (room);
  json_object_set_member (json_node_get_object (settings), name, value);
  return set_of ("settings", settings);
}

static JsonNode *
prepare_slow_mode (Room *room, void *data, GError **error)
{
  int64_t seconds = air_json_get_int (((Moderation *)data)->message, "seconds", 0);
  return set_setting (room, "slow_mode_s", json_node_init_int (json_node_alloc (), seconds));
}

static JsonNode *
prepare_chat_enabled (Room *room, void *data, GError **error)
{
  bool enabled = air_json_get_bool (((Moderation *)data)->message, "enabled", true);
  return set_setting (room, "chat", json_node_init_boolean (json_node_alloc (), enabled));
}

static void
done_setting (Room *room, void *data, const GError *error)
{
  if (error == NULL)
    {
      room_tell_chat_settings (room);
      air_context_publish_event (room->classroom->context,
                                 air_event_class_changed_new (room->class_id, AIR_EVENT_CLASS_CHANGED_CHANGE_CHANGED));
    }
  answer (data, error);
}

static void
on_slow_mode (const AirClassMember *from, JsonNode *message, AirClassReply *reply, void *self)
{
  static const ChangeKind kind = { prepare_slow_mode, done_setting };
  change (from, message, reply, &kind);
}

static void
on_chat_enabled (const AirClassMember *from, JsonNode *message, AirClassReply *reply, void *self)
{
  static const ChangeKind kind = { prepare_chat_enabled, done_setting };
  change (from, message, reply, &kind);
}

void
classroom_add_moderation_messages (Classroom *classroom)
{
  static const AirClassMessage messages[] = {
    { .type = "mute", .role = AIR_ROLE_TEACHER, .schema = "SocketUserMessage", .handler_later = on_mute },
    { .type = "unmute", .role = AIR_ROLE_TEACHER, .schema = "SocketUserMessage", .handler_later = on_unmute },
    { .type = "ban", .role = AIR_ROLE_TEACHER, .schema = "SocketUserMessage", .handler_later = on_ban },
    { .type = "unban", .role = AIR_ROLE_TEACHER, .schema = "SocketUserMessage", .handler_later = on_unban },
    { .type = "slow_mode", .role = AIR_ROLE_TEACHER, .schema = "SocketSlowMode", .handler_later = on_slow_mode },
    { .type = "chat_enabled", .role = AIR_ROLE_TEACHER, .schema = "SocketChatEnabled", .handler_later = on_chat_enabled },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (messages); i++)
    classroom_add_message (classroom, &messages[i], classroom);
}
