/* The first message of a socket: all that a page needs to be drawn. */
#include "classroom.h"

typedef struct
{
  AirSnapshotWriter writer;
  void *self;
} SnapshotPart;

GArray *
snapshot_parts_new (void)
{
  return g_array_new (FALSE, FALSE, sizeof (SnapshotPart));
}

void
classroom_add_snapshot_part (Classroom *classroom, AirSnapshotWriter writer, void *self)
{
  SnapshotPart part = { writer, self };
  g_array_append_val (classroom->snapshots, part);
}

void
classroom_remove_snapshot_parts (Classroom *classroom, void *self)
{
  for (unsigned i = classroom->snapshots->len; i > 0; i--)
    if (g_array_index (classroom->snapshots, SnapshotPart, i - 1).self == self)
      g_array_remove_index (classroom->snapshots, i - 1);
}

JsonNode *
room_describe_stream (Room *room, bool for_teacher)
{
  g_autoptr (AirStream) stream = air_context_find_stream (room->classroom->context, room->path);
  if (stream == NULL)
    return air_json_new ("{path:%s, state:'idle', publisher:null, tracks:[], keyframe_interval_ms:null, readers:{}, warnings:[]}",
                         room->path);
  JsonNode *node = air_stream_describe (stream);
  JsonObject *object = json_node_get_object (node);
  /* As GET /api/streams/{path} has it for them: where the teacher is, and what ails the picture, is the teacher's. */
  if (!for_teacher)
    json_object_set_null_member (object, "publisher");
  return node;
}

JsonNode *
room_describe_session (Room *room)
{
  const Session *session = room->session;
  return session != NULL ? air_json_new ("{session_id:%s, title:%s, started_at:%t}", session->session_id, session->title,
                                         session->started_us)
                         : NULL;
}

void
classroom_on_stream_state (AirEvent *event, void *self)
{
  Classroom *classroom = self;
  const char *path = air_event_stream_state_get_path (event);
  Room *room = g_str_has_prefix (path, "live/") ? room_find (classroom, path + 5) : NULL;
  if (room == NULL || room_is_empty (room))
    return;
  room_send (room, AIR_AUDIENCE_TEACHERS, air_json_new ("{type:'stream_state', stream:%n}", room_describe_stream (room, true)));
  room_send (room, AIR_AUDIENCE_STUDENTS | AIR_AUDIENCE_MONITORS,
             air_json_new ("{type:'stream_state', stream:%n}", room_describe_stream (room, false)));
}

static JsonNode *
describe_chat (Room *room)
{
  JsonArray *array = json_array_new ();
  for (GList *at = room->chat.head; at != NULL; at = at->next)
    json_array_add_element (array, json_node_ref (at->data));
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, array);
  return node;
}

static JsonNode *
describe_roster (Room *room)
{
  JsonArray *array = json_array_new ();
  GHashTableIter iter;
  Member *member = NULL;
  g_hash_table_iter_init (&iter, room->members);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&member))
    if (member->info.role == AIR_ROLE_STUDENT)
      json_array_add_element (array, member_describe (member));
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, array);
  return node;
}

static JsonNode *
describe_banned (Room *room)
{
  JsonNode *banned = air_json_get (room->document, "banned");
  JsonArray *array = json_array_new ();
  for (unsigned i = 0; banned != NULL && i < json_array_get_length (json_node_get_array (banned)); i++)
    {
      JsonNode *one = json_array_get_element (json_node_get_array (banned), i);
      json_array_add_element (array, air_json_new ("{user_id:%s, name:%s}", air_json_get_string (one, "user_id"),
                                                   air_json_get_string (one, "name")));
    }
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, array);
  return node;
}

static JsonNode *
describe_join (Client *client)
{
  Room *room = client->room;
  AirRequest *request = air_socket_get_request (client->socket);
  g_autofree char *url = g_strdup_printf ("%s/join?class=%s", air_request_get_base_url (request), room->class_id);
  g_autofree char *qr = g_strdup_printf ("/api/classes/%s/qr.svg", room->class_id);
  return air_json_new ("{pin:%s, url:%s, qr:%s}", air_json_get_string (room->document, "pin"), url, qr);
}

static void
add_for_moderators (Client *client, JsonObject *snapshot)
{
  if (client->kind == KIND_TEACHER)
    {
      json_object_set_member (snapshot, "roster", describe_roster (client->room));
      json_object_set_member (snapshot, "banned", describe_banned (client->room));
    }
  if (client->kind != KIND_STUDENT)
    json_object_set_member (snapshot, "join", describe_join (client));
}

JsonNode *
snapshot_build (Client *client)
{
  Room *room = client->room;
  Member *member = client->member;
  JsonNode *session = room_describe_session (room);
  bool muted = g_hash_table_contains (room->muted, member->user_id);
  JsonNode *node = air_json_new (
    "{type:'snapshot', server_time:%t, class:{class_id:%s, title:%s, path:%s}, session:%n,"
    " me:{user_id:%s, name:%s, role:%s, muted:%b, hand:%b, lost:%b}, chat:%n, chat_settings:{enabled:%b, slow_mode_s:%l},"
    " roster_size:%i, stream:%n, recording:{recording:false}, analysis:{enabled:%b}}",
    g_get_real_time (), room->class_id, room->info.title, room->path, session, member->user_id, member->name,
    air_role_to_string (member->info.role), muted, member->hand, member->lost, describe_chat (room),
    room_setting_bool (room, "chat", true), room_setting_int (room, "slow_mode_s", 0), (int)room_count_students (room),
    room_describe_stream (room, client->kind == KIND_TEACHER), room_setting_bool (room, "analysis", true));
  JsonObject *snapshot = json_node_get_object (node);
  add_for_moderators (client, snapshot);
  const GArray *parts = client->classroom->snapshots;
  for (unsigned i = 0; i < parts->len; i++)
    {
      const SnapshotPart *part = &g_array_index (parts, SnapshotPart, i);
      part->writer (&member->info, snapshot, part->self);
    }
  return node;
}
