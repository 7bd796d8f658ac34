/* Chat: a message is told to the class once the store has it. */
#include "classroom.h"

#define TEXT_CHARACTERS 2000
#define CHAT_PER_MINUTE 30

typedef struct
{
  Classroom *classroom;
  char *class_id, *user_id, *ref;
  JsonNode *document;
} Saying;

static void
saying_free (Saying *saying)
{
  g_free (saying->class_id);
  g_free (saying->user_id);
  g_free (saying->ref);
  json_node_unref (saying->document);
  g_free (saying);
}

static JsonNode *
describe (JsonNode *document, bool as_message)
{
  return air_json_new ("{type?:%s, message_id:%s, at:%s, user_id:%s, name:%s, role:%s, text:%s}", as_message ? "chat" : NULL,
                       air_json_get_string (document, "message_id"), air_json_get_string (document, "at"),
                       air_json_get_string (document, "user_id"), air_json_get_string (document, "name"),
                       air_json_get_string (document, "role"), air_json_get_string (document, "text"));
}

void
chat_show (Room *room, JsonNode *document)
{
  room_add_chat (room, describe (document, false));
  room_send (room, AIR_AUDIENCE_ALL, describe (document, true));
}

static AirEventChatMessageUserRole
event_role (const char *role)
{
  return g_strcmp0 (role, "student") == 0   ? AIR_EVENT_CHAT_MESSAGE_USER_ROLE_STUDENT
         : g_strcmp0 (role, "teacher") == 0 ? AIR_EVENT_CHAT_MESSAGE_USER_ROLE_TEACHER
                                            : AIR_EVENT_CHAT_MESSAGE_USER_ROLE_ADMIN;
}

static void
publish (Classroom *classroom, JsonNode *document)
{
  const char *role = air_json_get_string (document, "role");
  air_metric_add (classroom->chat, 1, NULL);
  air_context_publish_event (
    classroom->context,
    air_event_chat_message_new (air_json_get_string (document, "class_id"), air_json_get_string (document, "session_id"),
                                air_json_get_string (document, "message_id"), air_json_get_string (document, "user_id"),
                                air_json_get_string (document, "name"), event_role (role), air_json_get_string (document, "text")));
}

static void
on_saved (GObject *store, GAsyncResult *result, gpointer data)
{
  Saying *saying = data;
  Classroom *classroom = saying->classroom;
  Room *room = room_find (classroom, saying->class_id);
  g_autoptr (GError) error = NULL;
  bool saved = air_store_insert_finish (AIR_STORE (store), result, &error);
  if (room != NULL && saved)
    {
      if (room->session != NULL)
        room->session->messages++;
      chat_show (room, saying->document);
      publish (classroom, saying->document);
    }
  else if (!saved)
    {
      g_warning ("a chat message in \"%s\" was not kept: %s", saying->class_id, error->message);
      if (room != NULL)
        room_send_to (room, saying->user_id, air_json_new ("{type:'error', ref?:%s, problem:'unavailable', detail:%s}", saying->ref,
                                                           "the message could not be kept; try again"));
    }
  saying_free (saying);
  classroom_end_write (classroom);
}

static bool
may_write (Room *room, Member *member, GError **error)
{
  int64_t now_us = g_get_monotonic_time (), slow_us = room_setting_int (room, "slow_mode_s", 0) * G_USEC_PER_SEC;
  if (member->info.role >= AIR_ROLE_TEACHER)
    return true;
  if (!room_setting_bool (room, "chat", true))
    g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN, "the chat is switched off");
  else if (g_hash_table_contains (room->muted, member->user_id))
    g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN, "you may read, but not write");
  else if (slow_us > 0 && member->chat_us != 0 && now_us - member->chat_us < slow_us)
    g_set_error (error, AIR_ERROR, AIR_ERROR_RATE_LIMITED, "slow mode: wait %d s",
                 (int)((member->chat_us + slow_us - now_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC));
  else
    {
      member->chat_us = now_us;
      return true;
    }
  return false;
}

static bool
on_chat (const AirClassMember *from, JsonNode *message, void *self, GError **error)
{
  Classroom *classroom = self;
  Member *member = (Member *)from;
  Room *room = member->room;
  g_autofree char *text = air_text_clean (air_json_get_string (message, "text"), AIR_TEXT_BLOCK, TEXT_CHARACTERS);
  if (text == NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "a message has 1 to %d characters", TEXT_CHARACTERS);
      return false;
    }
  if (!may_write (room, member, error))
    return false;
  g_autofree char *message_id = air_store_new_key ();
  int64_t now_us = g_get_real_time ();
  Saying *saying = g_new0 (Saying, 1);
  *saying = (Saying){ .classroom = classroom,
                      .class_id = g_strdup (room->class_id),
                      .user_id = g_strdup (member->user_id),
                      .ref = g_strdup (air_json_get_string (message, "ref")) };
  saying->document
    = air_json_new ("{message_id:%s, class_id:%s, session_id?:%s, user_id:%s, name:%s, role:%s, text:%s, at:%t, created_at:%t}",
                    message_id, room->class_id, room->info.session_id, member->user_id, member->name,
                    air_role_to_string (member->info.role), text, now_us, now_us);
  classroom_begin_write (classroom);
  air_store_insert (classroom->store, "chat_messages", saying->document, on_saved, saying);
  return true;
}

/* ---- Deleting */

typedef struct
{
  Classroom *classroom;
  AirClassReply *reply;
  char *class_id, *message_id, *by;
} Deleting;

static void
on_deleted (GObject *store, GAsyncResult *result, gpointer data)
{
  Deleting *deleting = data;
  Classroom *classroom = deleting->classroom;
  Room *room = room_find (classroom, deleting->class_id);
  g_autoptr (GError) error = NULL;
  if (air_store_update_finish (AIR_STORE (store), result, NULL, &error) && room != NULL)
    {
      chat_hide (room, deleting->message_id);
      air_context_publish_event (classroom->context, air_event_chat_deleted_new (room->class_id, room->info.session_id,
                                                                                 deleting->message_id, deleting->by));
    }
  classroom_reply (deleting->reply, error, NULL);
  g_free (deleting->class_id);
  g_free (deleting->message_id);
  g_free (deleting->by);
  g_free (deleting);
  classroom_end_write (classroom);
}

/* Also one that is no longer in the tail: it may still stand on pages. */
static void
on_chat_delete (const AirClassMember *from, JsonNode *message, AirClassReply *reply, void *self)
{
  Classroom *classroom = self;
  const char *message_id = air_json_get_string (message, "message_id");
  g_autoptr (JsonNode) filter = air_json_new ("{message_id:%s, class_id:%s}", message_id, from->class_id);
  g_autoptr (JsonNode) changes = air_json_new ("{$set:{deleted_at:%t, deleted_by:%s}}", g_get_real_time (), from->user_id);
  Deleting *deleting = g_new0 (Deleting, 1);
  *deleting = (Deleting){ .classroom = classroom,
                          .reply = reply,
                          .class_id = g_strdup (from->class_id),
                          .message_id = g_strdup (message_id),
                          .by = g_strdup (from->user_id) };
  classroom_begin_write (classroom);
  air_store_update (classroom->store, "chat_messages", filter, changes, AIR_STORE_UPDATE_ONE, on_deleted, deleting);
}

void
chat_hide (Room *room, const char *message_id)
{
  room_remove_chat (room, message_id);
  /* Whoever resumes must not get what was deleted. */
  ring_forget_text (&room->ring, message_id);
  room_send (room, AIR_AUDIENCE_ALL, air_json_new ("{type:'chat_deleted', message_id:%s}", message_id));
}

void
classroom_add_chat_messages (Classroom *classroom)
{
  static const AirClassMessage messages[] = {
    { .type = "chat", .role = AIR_ROLE_STUDENT, .schema = "SocketChat", .per_minute = CHAT_PER_MINUTE, .handler = on_chat },
    { .type = "chat_delete", .role = AIR_ROLE_TEACHER, .schema = "SocketChatDelete", .handler_later = on_chat_delete },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (messages); i++)
    classroom_add_message (classroom, &messages[i], classroom);
}
