/* People come and go: the first socket of a person brings, the last takes away. */
#include "classroom.h"

#define SIZE_EVERY_US G_USEC_PER_SEC

static const struct
{
  AirRole role;
  AirEventMemberJoinedUserRole joined;
  AirEventMemberLeftUserRole left;
} event_roles[] = {
  { AIR_ROLE_STUDENT, AIR_EVENT_MEMBER_JOINED_USER_ROLE_STUDENT, AIR_EVENT_MEMBER_LEFT_USER_ROLE_STUDENT },
  { AIR_ROLE_MONITOR, AIR_EVENT_MEMBER_JOINED_USER_ROLE_MONITOR, AIR_EVENT_MEMBER_LEFT_USER_ROLE_MONITOR },
  { AIR_ROLE_TEACHER, AIR_EVENT_MEMBER_JOINED_USER_ROLE_TEACHER, AIR_EVENT_MEMBER_LEFT_USER_ROLE_TEACHER },
  { AIR_ROLE_ADMIN, AIR_EVENT_MEMBER_JOINED_USER_ROLE_ADMIN, AIR_EVENT_MEMBER_LEFT_USER_ROLE_ADMIN },
};

static unsigned
find_role (AirRole role)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (event_roles); i++)
    if (event_roles[i].role == role)
      return i;
  return 0;
}

static const char *
get_session_id (const Room *room)
{
  return room->session != NULL ? room->session->session_id : NULL;
}

static char *
broker_room (const Room *room)
{
  char *name = g_strconcat ("class:", room->class_id, NULL);
  return g_strdelimit (name, "~", '/'); /* of a class's characters the only one that a broker's key does not have */
}

static void
tell (Member *member, const char *event)
{
  Room *room = member->room;
  unsigned size = room_count_students (room);
  room->told_size = size;
  room->size_told_us = g_get_monotonic_time ();
  room_send (room, AIR_AUDIENCE_TEACHERS,
             air_json_new ("{type:'presence', event:%s, user_id:%s, name:%s, member:%n, roster_size:%i}", event, member->user_id,
                           member->name, member_describe (member), (int)size));
  /* The others learn the number with the next tick. */
  room->told_size = UINT_MAX;
}

JsonNode *
member_describe (Member *member)
{
  bool muted = g_hash_table_contains (member->room->muted, member->user_id);
  return air_json_new ("{user_id:%s, name:%s, role:%s, present:%b, since:%t, hand:%b, lost:%b, muted:%b}", member->user_id,
                       member->name, air_role_to_string (member->info.role), member_is_here (member), member->info.since_us,
                       member->hand, member->lost, muted);
}

static void
arrive (Member *member)
{
  Room *room = member->room;
  AirContext *context = room->classroom->context;
  member->info.since_us = g_get_real_time ();
  member->info.present = true;
  member->joined_mono_us = g_get_monotonic_time ();
  if (member->info.role == AIR_ROLE_STUDENT)
    {
      room->present++;
      g_hash_table_remove (room->elsewhere, member->user_id);
      if (room->session != NULL)
        room->session->peak = MAX (room->session->peak, room_count_students (room));
      attendance_open (member);
      tell (member, "joined");
    }
  if (room->classroom->broker != NULL)
    {
      g_autofree char *name = broker_room (room);
      g_autofree char *who = g_strdup_printf ("%c%s", "smt"[kind_of_role (member->info.role)], member->user_id);
      g_autoptr (JsonNode) info = air_json_new ("{name:%s, role:%s}", member->name, air_role_to_string (member->info.role));
      air_broker_enter (room->classroom->broker, name, who, info);
    }
  air_metric_add (room->classroom->members_present, 1, (const char *[]){ air_role_to_string (member->info.role), NULL });
  air_context_publish_event (context, air_event_member_joined_new (room->class_id, get_session_id (room), member->user_id,
                                                                   member->name, event_roles[find_role (member->info.role)].joined));
}

static void
depart (Member *member)
{
  Room *room = member->room;
  AirContext *context = room->classroom->context;
  int64_t present_ms = (g_get_monotonic_time () - member->joined_mono_us) / 1000;
  member->info.present = false;
  if (room->classroom->broker != NULL)
    {
      g_autofree char *name = broker_room (room);
      g_autofree char *who = g_strdup_printf ("%c%s", "smt"[kind_of_role (member->info.role)], member->user_id);
      air_broker_leave (room->classroom->broker, name, who);
    }
  if (member->info.role == AIR_ROLE_STUDENT)
    {
      room->present--;
      /* Whoever is on another node, too, comes back with the broker's next list. */
      attendance_close (member);
      tell (member, "left");
    }
  air_metric_add (room->classroom->members_present, -1, (const char *[]){ air_role_to_string (member->info.role), NULL });
  air_context_publish_event (context, air_event_member_left_new (room->class_id, get_session_id (room), member->user_id, member->name,
                                                                 event_roles[find_role (member->info.role)].left, present_ms));
}

void
presence_enter (Client *client)
{
  Member *member = client->member;
  const char *name = air_identity_get_name (client->identity);
  classroom_hold_token (client->classroom, client->room->class_id, client->identity);
  if (g_strcmp0 (name, member->token_name) != 0)
    {
      member_set_name (member, name);
      g_free (member->token_name);
      member->token_name = g_strdup (name);
    }
  g_free (member->address);
  member->address = address_group (air_request_get_address (air_socket_get_request (client->socket)));
  g_ptr_array_add (member->clients, client);
  if (member->clients->len == 1)
    arrive (member);
  g_ptr_array_add (client->room->clients[client->kind], client);
}

void
presence_leave (Client *client)
{
  Room *room = client->room;
  Member *member = client->member;
  g_ptr_array_remove_fast (room->clients[client->kind], client);
  g_ptr_array_remove_fast (member->clients, client);
  client->room = NULL;
  client->member = NULL;
  if (!member_is_here (member))
    {
      depart (member);
      room_forget_absent (room, member);
    }
  else
    member_report_again (member, client->reports);
}

/* ---- Other nodes */

typedef struct
{
  Classroom *classroom;
  char *class_id;
} Asking;

/* The broker names those of this node, too. */
static bool
member_is_elsewhere (Room *room, Kind kind, const char *user_id)
{
  const Member *member = member_find (room, kind, user_id);
  return member == NULL || !member_is_here (member);
}

static void
on_members (GObject *broker, GAsyncResult *result, gpointer data)
{
  Asking *asking = data;
  Classroom *classroom = asking->classroom;
  Room *room = room_find (classroom, asking->class_id);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) members = air_broker_members_finish (AIR_BROKER (broker), result, &error);
  if (members != NULL && room != NULL)
    {
      g_autoptr (GList) names = json_object_get_members (json_node_get_object (members));
      g_hash_table_remove_all (room->elsewhere);
      room->teachers_elsewhere = 0;
      for (GList *at = names; at != NULL; at = at->next)
        {
          const char *who = at->data;
          if (who[0] == 's' && member_is_elsewhere (room, KIND_STUDENT, who + 1))
            g_hash_table_add (room->elsewhere, g_strdup (who + 1));
          else if (who[0] == 't' && member_is_elsewhere (room, KIND_TEACHER, who + 1))
            room->teachers_elsewhere++;
        }
    }
  g_free (asking->class_id);
  g_free (asking);
  classroom_end_write (classroom);
}

static void
ask_members (Room *room)
{
  Classroom *classroom = room->classroom;
  Asking *asking = g_new (Asking, 1);
  *asking = (Asking){ classroom, g_strdup (room->class_id) };
  g_autofree char *name = broker_room (room);
  room->presence_changed = false;
  classroom_begin_write (classroom);
  air_broker_members (classroom->broker, name, on_members, asking);
}

/* Asked with the next tick: a class that comes in all at once is one question. */
void
classroom_on_presence (Classroom *classroom, const char *class_id)
{
  Room *room = room_find (classroom, class_id);
  if (room != NULL)
    room->presence_changed = true;
}

void
presence_tick (Room *room, int64_t now_us)
{
  if (room->presence_changed)
    ask_members (room);
  unsigned size = room_count_students (room);
  if (size == room->told_size || now_us - room->size_told_us < SIZE_EVERY_US)
    return;
  room->told_size = size;
  room->size_told_us = now_us;
  room_send (room, AIR_AUDIENCE_ALL, air_json_new ("{type:'presence', roster_size:%i}", (int)size));
}
