/* What students show without words: the hand, reactions, "I am lost"; and their names. */
#include "classroom.h"

#define NAME_CHARACTERS AIR_NAME_MAX_CHARACTERS

static Member *
member_of (const AirClassMember *from)
{
  return (Member *)from;
}

/* Hands and the lost of the run, so that a restart of the server does not lower them. */
void
signals_save (Room *room)
{
  JsonArray *hands = json_array_new (), *lost = json_array_new ();
  JsonNode *hands_node = json_node_new (JSON_NODE_ARRAY), *lost_node = json_node_new (JSON_NODE_ARRAY);
  GHashTableIter iter;
  const Member *member = NULL;
  g_hash_table_iter_init (&iter, room->members);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&member))
    {
      if (member->hand)
        json_array_add_string_element (hands, member->user_id);
      if (member->lost)
        json_array_add_string_element (lost, member->user_id);
    }
  json_node_take_array (hands_node, hands);
  json_node_take_array (lost_node, lost);
  JsonNode *changes = air_json_new ("{$set:{hands:%n, lost:%n, counts:%n, seen_at?:%n}}", hands_node, lost_node, session_counts (room),
                                    room->session->left_us == 0 ? air_json_new ("%t", g_get_real_time ()) : NULL);
  classroom_update (room->classroom, "sessions", air_json_new ("{session_id:%s}", room->session->session_id), changes,
                    AIR_STORE_UPDATE_ONE);
}

void
signals_show_hand (Member *member, bool up)
{
  member->hand = up;
  room_send (member->room, AIR_AUDIENCE_TEACHERS,
             air_json_new ("{type:'hand', user_id:%s, name:%s, up:%b}", member->user_id, member->name, up));
}

void
signals_show_lost (Member *member, bool lost)
{
  member->lost = lost;
  room_send (member->room, AIR_AUDIENCE_TEACHERS,
             air_json_new ("{type:'lost', user_id:%s, name:%s, lost:%b}", member->user_id, member->name, lost));
}

static void
set_hand (Member *member, bool up)
{
  Room *room = member->room;
  if (member->hand == up)
    return;
  signals_show_hand (member, up);
  if (room->session != NULL)
    {
      room->session->hands += up;
      room->unsaved = true;
    }
  air_context_publish_event (room->classroom->context, air_event_hand_changed_new (room->class_id, room->info.session_id,
                                                                                   member->user_id, member->name, up));
}

static bool
check_is_student (const AirClassMember *from, GError **error)
{
  if (from->role == AIR_ROLE_STUDENT)
    return true;
  g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN, "this is for students");
  return false;
}

static bool
on_hand (const AirClassMember *from, JsonNode *message, void *self, GError **error)
{
  if (!check_is_student (from, error))
    return false;
  set_hand (member_of (from), air_json_get_bool (message, "up", false));
  return true;
}

/* The person sees that it is down: a page shows its own hand. */
static bool
on_lower_hand (const AirClassMember *from, JsonNode *message, void *self, GError **error)
{
  Room *room = member_of (from)->room;
  const char *user_id = air_json_get_string (message, "user_id");
  Member *member = member_find (room, KIND_STUDENT, user_id);
  if (member == NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "nobody of that user id has been here");
      return false;
    }
  set_hand (member, false);
  room_send_to (room, user_id, air_json_new ("{type:'hand', user_id:%s, name:%s, up:false}", member->user_id, member->name));
  return true;
}

static bool
on_lost (const AirClassMember *from, JsonNode *message, void *self, GError **error)
{
  Member *member = member_of (from);
  Room *room = member->room;
  bool lost = air_json_get_bool (message, "lost", false);
  if (!check_is_student (from, error))
    return false;
  if (member->lost == lost)
    return true;
  signals_show_lost (member, lost);
  room->unsaved = room->session != NULL;
  air_context_publish_event (room->classroom->context, air_event_lost_changed_new (room->class_id, room->info.session_id,
                                                                                   member->user_id, member->name, lost));
  return true;
}

/* ---- Reactions: collected until the next tick, so that a clapping class costs one message */

void
signals_add_reaction (Room *room, const char *name)
{
  unsigned count = GPOINTER_TO_UINT (g_hash_table_lookup (room->reactions, name));
  g_hash_table_replace (room->reactions, g_strdup (name), GUINT_TO_POINTER (count + 1));
}

static bool
on_reaction (const AirClassMember *from, JsonNode *message, void *self, GError **error)
{
  Room *room = member_of (from)->room;
  const char *name = air_json_get_string (message, "name");
  signals_add_reaction (room, name);
  if (room->session != NULL)
    room->session->reactions++;
  air_context_publish_event (room->classroom->context, air_event_reaction_sent_new (room->class_id, room->info.session_id,
                                                                                    from->user_id, from->name, name));
  return true;
}

void
signals_tick (Room *room)
{
  GHashTableIter iter;
  const char *name = NULL;
  gpointer count = NULL;
  g_hash_table_iter_init (&iter, room->reactions);
  while (g_hash_table_iter_next (&iter, (void **)&name, &count))
    {
      room_send (room, AIR_AUDIENCE_ALL, air_json_new ("{type:'reaction', name:%s, count:%i}", name, (int)GPOINTER_TO_UINT (count)));
      g_hash_table_iter_remove (&iter);
    }
  if (room->unsaved && room->session != NULL)
    signals_save (room);
  room->unsaved = false;
}

/* ---- Names */

static bool
on_rename (const AirClassMember *from, JsonNode *message, void *self, GError **error)
{
  Member *member = member_of (from);
  Room *room = member->room;
  g_autofree char *name = air_text_clean (air_json_get_string (message, "name"), AIR_TEXT_LINE, NAME_CHARACTERS);
  if (name == NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "a name has 1 to %d characters, one of them visible", NAME_CHARACTERS);
      return false;
    }
  if (g_str_equal (name, member->name))
    return true;
  member_set_name (member, name);
  if (member->attendance_id != NULL)
    classroom_update (room->classroom, "attendance", air_json_new ("{attendance_id:%s}", member->attendance_id),
                      air_json_new ("{$set:{name:%s}}", name), AIR_STORE_UPDATE_ONE);
  room_send (room, AIR_AUDIENCE_TEACHERS, air_json_new ("{type:'member', user_id:%s, name:%s}", member->user_id, name));
  if (from->role == AIR_ROLE_STUDENT)
    room_send_to (room, member->user_id, air_json_new ("{type:'member', user_id:%s, name:%s}", member->user_id, name));
  return true;
}

void
classroom_add_signal_messages (Classroom *classroom)
{
  static const AirClassMessage messages[] = {
    { .type = "hand", .role = AIR_ROLE_STUDENT, .schema = "SocketHand", .per_minute = 30, .handler = on_hand },
    { .type = "lower_hand", .role = AIR_ROLE_TEACHER, .schema = "SocketUserMessage", .per_minute = 120, .handler = on_lower_hand },
    { .type = "lost", .role = AIR_ROLE_STUDENT, .schema = "SocketLost", .per_minute = 30, .handler = on_lost },
    { .type = "reaction", .role = AIR_ROLE_STUDENT, .schema = "SocketReaction", .per_minute = 60, .handler = on_reaction },
    { .type = "rename", .role = AIR_ROLE_STUDENT, .schema = "SocketRename", .per_minute = 6, .handler = on_rename },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (messages); i++)
    classroom_add_message (classroom, &messages[i], classroom);
}
