/* Messages to pages. A text is made once, whoever gets it. */
#include "classroom.h"

unsigned
kind_audience (Kind kind)
{
  static const unsigned audiences[KINDS] = { AIR_AUDIENCE_STUDENTS, AIR_AUDIENCE_MONITORS, AIR_AUDIENCE_TEACHERS };
  return audiences[kind];
}

/* Returns: (transfer full) a GRefString. @message: (transfer full) */
static char *
stamp (JsonNode *message, int64_t id)
{
  g_autoptr (JsonNode) node = message;
  JsonObject *object = json_node_get_object (node);
  g_autofree char *id_text = g_strdup_printf ("%" G_GINT64_FORMAT, id);
  json_object_set_string_member (object, "id", id_text);
  if (!json_object_has_member (object, "at"))
    {
      g_autofree char *at = air_time_to_string (g_get_real_time ());
      json_object_set_string_member (object, "at", at);
    }
  g_autofree char *text = air_json_to_string (node);
  return g_ref_string_new (text);
}

/* A GRefString that is kept for sockets that resume. @audience: with @user_id a Kind. @message: (transfer full) */
static char *
keep (Room *room, unsigned audience, const char *user_id, JsonNode *message)
{
  int64_t id = ring_next_id (&room->ring);
  char *text = stamp (message, id);
  ring_add (&room->ring, id, audience, user_id, text, g_get_monotonic_time ());
  return text;
}

static void
deliver (const GPtrArray *clients, const char *text)
{
  for (unsigned i = 0; i < clients->len; i++)
    air_socket_send_text (((const Client *)clients->pdata[i])->socket, text);
}

void
room_send (Room *room, unsigned audience, JsonNode *message)
{
  g_return_if_fail (JSON_NODE_HOLDS_OBJECT (message));
  char *text = keep (room, audience, NULL, message);
  for (unsigned i = 0; i < KINDS; i++)
    if ((audience & kind_audience (i)) != 0)
      deliver (room->clients[i], text);
  g_ref_string_release (text);
}

void
room_send_to (Room *room, const char *user_id, JsonNode *message)
{
  g_return_if_fail (JSON_NODE_HOLDS_OBJECT (message));
  const Member *member = member_find_any (room, user_id);
  if (member == NULL)
    {
      json_node_unref (message);
      return;
    }
  char *text = keep (room, kind_of_role (member->info.role), user_id, message);
  deliver (member->clients, text);
  g_ref_string_release (text);
}

void
client_send_as (Client *client, int64_t id, JsonNode *message)
{
  char *text = stamp (message, id);
  air_socket_send_text (client->socket, text);
  g_ref_string_release (text);
}

void
client_reply (Client *client, JsonNode *message)
{
  client_send_as (client, client->room != NULL ? ring_next_id (&client->room->ring) : 0, message);
}

void
client_reply_error (Client *client, const char *ref, const char *problem, const char *detail)
{
  client_reply (client, air_json_new ("{type:'error', ref?:%s, problem:%s, detail?:%s}", ref, problem, detail));
}
