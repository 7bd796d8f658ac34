/* The three WebSockets. Anybody may open one: whoever must not be here is told why by a code that a page can read, which a refused
 * handshake could not. */
#include "classroom.h"

#include <string.h>

#define TOKEN_DEADLINE_US (5 * G_USEC_PER_SEC)
/* Tabs and devices of one person. */
#define MAX_SOCKETS_OF_ONE 16
#define MAX_STUDENTS 1000
/* Those who came and left a run are remembered, within reason. */
#define MAX_REMEMBERED 10000

enum
{
  CLOSE_UNAUTHORIZED = 4401,
  CLOSE_FORBIDDEN = 4403,
  CLOSE_NO_CLASS = 4404,
  CLOSE_BANNED = 4409,
};

/* ---- Coming in */

static bool
is_for_kind (AirRole role, Kind kind)
{
  switch (kind)
    {
    case KIND_STUDENT:
      return role == AIR_ROLE_STUDENT;
    case KIND_MONITOR:
      return role == AIR_ROLE_MONITOR || role == AIR_ROLE_TEACHER || role == AIR_ROLE_ADMIN;
    default:
      return role == AIR_ROLE_TEACHER || role == AIR_ROLE_ADMIN;
    }
}

static const char *
get_class_id (AirSocket *socket, AirIdentity *identity)
{
  const char *class_id = air_request_get_query (air_socket_get_request (socket), "class_id");
  return class_id != NULL ? class_id : air_identity_get_class_id (identity);
}

static bool
is_full (Room *room, Kind kind, const char *user_id)
{
  if (kind != KIND_STUDENT || member_find (room, kind, user_id) != NULL)
    return false;
  return room->present >= room_setting_int (room, "max_members", MAX_STUDENTS) || g_hash_table_size (room->members) >= MAX_REMEMBERED;
}

/* By user id and tokens; whoever has not been here is also looked at by the address, as one who asks for a token is. */
static bool
is_banned (Client *client, Room *room, AirIdentity *identity)
{
  const char *user_id = air_identity_get_user_id (identity);
  bool known = user_id != NULL && member_find (room, KIND_STUDENT, user_id) != NULL;
  g_autofree char *address = !known ? address_group (air_request_get_address (air_socket_get_request (client->socket))) : NULL;
  return client->kind == KIND_STUDENT && room_has_banned (room, user_id, air_identity_get_family (identity), address);
}

/* Whether @identity may be in the class by this socket; else the code and the reason. */
static unsigned short
check_entry (Client *client, AirIdentity *identity, Room **ret_room, const char **ret_reason)
{
  const char *class_id = get_class_id (client->socket, identity), *user_id = air_identity_get_user_id (identity);
  g_autoptr (GError) error = NULL;
  *ret_reason = "this token is not for this class or this page";
  if (!is_for_kind (air_identity_get_role (identity), client->kind))
    return CLOSE_FORBIDDEN;
  if (class_id != NULL && !classroom_check_kept (identity, class_id, AIR_ROLE_STUDENT, &error))
    return CLOSE_FORBIDDEN;
  Room *room = *ret_room = room_find (client->classroom, class_id);
  *ret_reason = "there is no such class";
  if (room == NULL)
    return CLOSE_NO_CLASS;
  *ret_reason = "banned from this class";
  if (is_banned (client, room, identity))
    return CLOSE_BANNED;
  *ret_reason = "this class is full";
  if (client->kind == KIND_STUDENT && user_id != NULL && is_full (room, client->kind, user_id))
    return 1013;
  return 0;
}

static void
send_beginning (Client *client)
{
  Ring *ring = &client->room->ring;
  const char *last_text = air_request_get_query (air_socket_get_request (client->socket), "last_id");
  guint64 last_id = 0;
  GList *at = NULL;
  if (last_text == NULL || !g_ascii_string_to_unsigned (last_text, 10, 1, G_MAXINT64, &last_id, NULL)
      || !ring_resume (ring, (int64_t)last_id, g_get_monotonic_time (), &at))
    {
      client_send_as (client, ring->last_id, snapshot_build (client));
      return;
    }
  client_send_as (client, (int64_t)last_id, air_json_new ("{type:'resumed'}"));
  for (; at != NULL; at = at->next)
    {
      const RingEntry *entry = at->data;
      if (entry->user_id != NULL
            ? entry->audience == client->kind && g_str_equal (entry->user_id, client->member->user_id)
            : (entry->audience & kind_audience (client->kind)) != 0)
        air_socket_send_text (client->socket, entry->text);
    }
}

/* @identity: (transfer full) */
static void
enter (Client *client, AirIdentity *identity)
{
  g_autoptr (AirIdentity) owned = identity;
  Room *room = NULL;
  const char *reason = NULL;
  unsigned short code = check_entry (client, identity, &room, &reason);
  if (code != 0)
    {
      air_metric_add (client->classroom->refused, 1, (const char *[]){ code == CLOSE_BANNED ? "banned" : "other", NULL });
      air_socket_close (client->socket, code, reason);
      return;
    }
  AirRole role = client->kind == KIND_MONITOR ? AIR_ROLE_MONITOR : air_identity_get_role (identity);
  /* The server's keys belong to nobody in particular. */
  const char *user_id = air_identity_get_user_id (identity);
  if (user_id == NULL)
    user_id = air_role_to_string (role);
  Member *member = member_ensure (room, client->kind, user_id, air_identity_get_name (identity), role);
  if (member->clients->len >= MAX_SOCKETS_OF_ONE)
    {
      air_socket_close (client->socket, 1008, "too many open pages");
      return;
    }
  member->info.role = role;
  client->identity = g_steal_pointer (&owned);
  client->room = room;
  client->member = member;
  client->deadline_us = 0;
  presence_enter (client);
  send_beginning (client);
}

/* ---- The socket's life */

static void
client_free (gpointer data)
{
  Client *client = data;
  g_clear_pointer (&client->identity, air_identity_unref);
  g_clear_pointer (&client->reports, g_hash_table_unref);
  g_free (client);
}

/* A token; or one of the server's keys, in the header alone: addresses end up in logs and histories. (transfer full) (nullable) */
static AirIdentity *
identify (Classroom *classroom, AirRequest *request)
{
  AirIdentity *identity = air_request_get_identity (request);
  const char *token = air_request_get_token (request);
  if (identity != NULL)
    return air_identity_ref (identity);
  /* What has a dot has been looked at as a token. */
  if (token == NULL || strchr (token, '.') != NULL || air_request_get_header (request, "Authorization") == NULL)
    return NULL;
  return air_context_authenticate (classroom->context, token, air_request_get_address (request), NULL);
}

static void
open_client (AirSocket *socket, Classroom *classroom, Kind kind)
{
  AirRequest *request = air_socket_get_request (socket);
  g_autoptr (AirIdentity) identity = identify (classroom, request);
  Client *client = g_new0 (Client, 1);
  client->classroom = classroom;
  client->socket = socket;
  client->kind = kind;
  client->deadline_us = g_get_monotonic_time () + TOKEN_DEADLINE_US;
  air_socket_set_data (socket, client, client_free);
  g_ptr_array_add (classroom->clients, client);
  air_metric_set (classroom->sockets, classroom->clients->len, NULL);
  if (identity != NULL)
    enter (client, g_steal_pointer (&identity));
  else if (air_request_get_token (request) != NULL)
    air_socket_close (socket, CLOSE_UNAUTHORIZED, "this token is not valid");
}

static void
opened_student (AirSocket *socket, void *self)
{
  open_client (socket, self, KIND_STUDENT);
}

static void
opened_monitor (AirSocket *socket, void *self)
{
  open_client (socket, self, KIND_MONITOR);
}

static void
opened_teacher (AirSocket *socket, void *self)
{
  open_client (socket, self, KIND_TEACHER);
}

static bool
is_same_person (AirIdentity *a, AirIdentity *b)
{
  return g_strcmp0 (air_identity_get_user_id (a), air_identity_get_user_id (b)) == 0
         && g_strcmp0 (air_identity_get_class_id (a), air_identity_get_class_id (b)) == 0
         && air_identity_get_role (a) == air_identity_get_role (b);
}

/* {"type":"auth","token":…}: first of all, or later with a fresh token. */
static void
take_token (Client *client, const char *token)
{
  GInetAddress *address = air_request_get_address (air_socket_get_request (client->socket));
  g_autoptr (AirIdentity) identity = token != NULL ? air_context_authenticate (client->classroom->context, token, address, NULL) : NULL;
  if (identity == NULL)
    air_socket_close (client->socket, CLOSE_UNAUTHORIZED, "this token is not valid");
  else if (client->room == NULL)
    enter (client, g_steal_pointer (&identity));
  else if (!is_same_person (identity, client->identity))
    air_socket_close (client->socket, CLOSE_FORBIDDEN, "this is somebody else's token");
  else
    {
      classroom_hold_token (client->classroom, client->room->class_id, identity);
      air_identity_unref (client->identity);
      client->identity = g_steal_pointer (&identity);
    }
}

static void
on_message (AirSocket *socket, const char *text, size_t length, void *self)
{
  Client *client = air_socket_get_data (socket);
  g_autoptr (JsonNode) message = NULL;
  if (client->room == NULL || strstr (text, "\"auth\"") != NULL)
    message = air_json_parse (text, (gssize)length, NULL);
  if (message != NULL && g_strcmp0 (air_json_get_string (message, "type"), "auth") == 0)
    take_token (client, air_json_get_string (message, "token"));
  else if (client->room == NULL)
    air_socket_close (socket, CLOSE_UNAUTHORIZED, "the first frame must be {\"type\":\"auth\",\"token\":…}");
  else
    client_take_message (client, text, length);
}

static void
on_closed (AirSocket *socket, void *self)
{
  Classroom *classroom = self;
  Client *client = air_socket_get_data (socket);
  g_ptr_array_remove_fast (classroom->clients, client);
  air_metric_set (classroom->sockets, classroom->clients->len, NULL);
  if (client->room != NULL)
    presence_leave (client);
}

static void
close_all (GPtrArray *clients, unsigned short code, const char *reason)
{
  for (unsigned i = 0; i < clients->len; i++)
    air_socket_close (((const Client *)clients->pdata[i])->socket, code, reason);
}

void
room_close_clients (Room *room, const char *user_id, unsigned short code, const char *reason)
{
  const Member *member = user_id != NULL ? member_find (room, KIND_STUDENT, user_id) : NULL;
  if (member != NULL)
    close_all (member->clients, code, reason);
  for (unsigned i = 0; user_id == NULL && i < KINDS; i++)
    close_all (room->clients[i], code, reason);
}

/* A token that came with the request is the core's to watch; it may have been replaced there. */
static bool
has_expired (const Client *client, int64_t now_s)
{
  if (client->identity == NULL || air_request_get_identity (air_socket_get_request (client->socket)) != NULL)
    return false;
  int64_t expires_at = air_identity_get_expires_at (client->identity);
  return expires_at != 0 && now_s >= expires_at;
}

void
classroom_check_clients (Classroom *classroom, int64_t now_us)
{
  int64_t now_s = g_get_real_time () / G_USEC_PER_SEC;
  for (unsigned i = 0; i < classroom->clients->len; i++)
    {
      const Client *client = classroom->clients->pdata[i];
      if (client->deadline_us != 0 && now_us > client->deadline_us)
        air_socket_close (client->socket, CLOSE_UNAUTHORIZED, "no token came");
      else if (has_expired (client, now_s))
        air_socket_close (client->socket, CLOSE_UNAUTHORIZED, "the token has expired");
    }
}

void
classroom_add_sockets (AirContext *context)
{
  static const AirSocketRoute routes[KINDS] = {
    [KIND_STUDENT] = { .template = "/ws/student",
                       .summary = "A student's page of a class",
                       .max_queue_bytes = 512 * 1024,
                       .opened = opened_student,
                       .message = on_message,
                       .closed = on_closed },
    [KIND_MONITOR] = { .template = "/ws/monitor",
                       .summary = "The projector of a class",
                       .max_queue_bytes = 512 * 1024,
                       .opened = opened_monitor,
                       .message = on_message,
                       .closed = on_closed },
    [KIND_TEACHER] = { .template = "/ws/teacher",
                       .summary = "The teacher's page of a class",
                       .max_queue_bytes = 4 * 1024 * 1024,
                       .opened = opened_teacher,
                       .message = on_message,
                       .closed = on_closed },
  };
  for (unsigned i = 0; i < KINDS; i++)
    air_context_add_socket (context, &routes[i]);
}
