/* Several nodes: what happened in a class on another one is shown to the pages that are here. That node has written it and answered for
 * it; here it is only told. Events of this node are not looked at: what they say has been done. */
#include "classroom.h"

static void
on_chat (AirEvent *event, void *self)
{
  Room *room = room_find (self, air_event_chat_message_get_class_id (event));
  if (!air_event_is_remote (event) || room == NULL)
    return;
  const char *role = air_event_chat_message_user_role_to_string (air_event_chat_message_get_user_role (event));
  g_autoptr (JsonNode) document = air_json_new (
    "{message_id:%s, at:%t, user_id:%s, name:%s, role:%s, text:%s}", air_event_chat_message_get_message_id (event),
    air_event_get_at_us (event), air_event_chat_message_get_user_id (event), air_event_chat_message_get_user_name (event), role,
    air_event_chat_message_get_text (event));
  chat_show (room, document);
}

static void
on_chat_deleted (AirEvent *event, void *self)
{
  Room *room = room_find (self, air_event_chat_deleted_get_class_id (event));
  if (air_event_is_remote (event) && room != NULL)
    chat_hide (room, air_event_chat_deleted_get_message_id (event));
}

static void
on_hand (AirEvent *event, void *self)
{
  Room *room = room_find (self, air_event_hand_changed_get_class_id (event));
  if (!air_event_is_remote (event) || room == NULL)
    return;
  Member *member = member_ensure (room, KIND_STUDENT, air_event_hand_changed_get_user_id (event),
                                  air_event_hand_changed_get_user_name (event), AIR_ROLE_STUDENT);
  signals_show_hand (member, air_event_hand_changed_get_up (event));
}

static void
on_lost (AirEvent *event, void *self)
{
  Room *room = room_find (self, air_event_lost_changed_get_class_id (event));
  if (!air_event_is_remote (event) || room == NULL)
    return;
  Member *member = member_ensure (room, KIND_STUDENT, air_event_lost_changed_get_user_id (event),
                                  air_event_lost_changed_get_user_name (event), AIR_ROLE_STUDENT);
  signals_show_lost (member, air_event_lost_changed_get_lost (event));
}

static void
on_reaction (AirEvent *event, void *self)
{
  Room *room = room_find (self, air_event_reaction_sent_get_class_id (event));
  if (air_event_is_remote (event) && room != NULL)
    signals_add_reaction (room, air_event_reaction_sent_get_reaction (event));
}

/* Whoever came or went elsewhere: known here too, so that a teacher's page shows the whole class. */
static void
on_joined (AirEvent *event, void *self)
{
  Room *room = room_find (self, air_event_member_joined_get_class_id (event));
  if (!air_event_is_remote (event) || room == NULL
      || air_event_member_joined_get_user_role (event) != AIR_EVENT_MEMBER_JOINED_USER_ROLE_STUDENT)
    return;
  member_ensure (room, KIND_STUDENT, air_event_member_joined_get_user_id (event), air_event_member_joined_get_user_name (event),
                 AIR_ROLE_STUDENT);
}

static void
on_moderated (AirEvent *event, void *self)
{
  const char *class_id = air_event_member_moderated_get_class_id (event), *user_id = air_event_member_moderated_get_user_id (event);
  Room *room = room_find (self, class_id);
  if (!air_event_is_remote (event) || room == NULL)
    return;
  AirEventMemberModeratedAction action = air_event_member_moderated_get_action (event);
  const char *text = air_event_member_moderated_action_to_string (action);
  room_send (room, AIR_AUDIENCE_TEACHERS, air_json_new ("{type:'moderation', action:%s, user_id:%s, name:%s}", text, user_id,
                                                        air_event_member_moderated_get_user_name (event)));
  if (member_find (room, KIND_STUDENT, user_id) != NULL)
    room_send_to (room, user_id, air_json_new ("{type:'moderation', action:%s}", text));
  if (action == AIR_EVENT_MEMBER_MODERATED_ACTION_BAN)
    room_close_clients (room, user_id, 4409, "banned from this class");
  classroom_reload_class (self, class_id);
}

static void
on_class_changed (AirEvent *event, void *self)
{
  const char *class_id = air_event_class_changed_get_class_id (event);
  if (!air_event_is_remote (event))
    return;
  if (air_event_class_changed_get_change (event) == AIR_EVENT_CLASS_CHANGED_CHANGE_DELETED)
    classroom_take_deletion (self, class_id);
  else
    classroom_reload_class (self, class_id);
}

static void
on_session_started (AirEvent *event, void *self)
{
  Room *room = room_find (self, air_event_session_started_get_class_id (event));
  if (!air_event_is_remote (event) || room == NULL || room->session != NULL)
    return;
  g_autoptr (JsonNode) document
    = air_json_new ("{session_id:%s, title:%s, started_at:%t}", air_event_session_started_get_session_id (event),
                    air_event_session_started_get_title (event), air_event_get_at_us (event));
  session_begin (room, document);
}

static void
on_session_ended (AirEvent *event, void *self)
{
  Room *room = room_find_session (self, air_event_session_ended_get_session_id (event));
  if (air_event_is_remote (event) && room != NULL)
    session_forget (room);
}

void
classroom_watch_shared_events (AirContext *context)
{
  static const struct
  {
    const char *name;
    AirEventHandler handler;
  } events[] = {
    { "chat-message", on_chat },
    { "chat-deleted", on_chat_deleted },
    { "hand-changed", on_hand },
    { "lost-changed", on_lost },
    { "reaction-sent", on_reaction },
    { "member-joined", on_joined },
    { "member-moderated", on_moderated },
    { "class-changed", on_class_changed },
    { "session-started", on_session_started },
    { "session-ended", on_session_ended },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (events); i++)
    air_context_on_event (context, events[i].name, events[i].handler);
}
