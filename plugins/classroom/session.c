/* The life of a run: begun by a teacher, ended by one, or by itself when for a while neither teacher nor picture was there. */
#include "classroom.h"

#define SETTLE_US (2 * G_USEC_PER_SEC)

JsonNode *
session_counts (Room *room)
{
  const Session *session = room->session;
  unsigned students = 0;
  GHashTableIter iter;
  const Member *member = NULL;
  g_hash_table_iter_init (&iter, room->members);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&member))
    students += member->info.role == AIR_ROLE_STUDENT;
  return air_json_new ("{students:%i, peak:%i, messages:%i, hands:%i, reactions:%i}", (int)students, (int)session->peak,
                       (int)session->messages, (int)session->hands, (int)session->reactions);
}

JsonNode *
session_document_new (Room *room, const char *started_by)
{
  g_autofree char *session_id = air_store_new_key ();
  int64_t now_us = g_get_real_time ();
  return air_json_new ("{session_id:%s, class_id:%s, class_created_at?:%s, title:%s, teacher_id?:%s, started_at:%t, started_by?:%s, "
                       "seen_at:%t, created_at:%t}",
                       session_id, room->class_id, room->info.created_at, room->info.title, room->info.teacher_id, now_us, started_by,
                       now_us, now_us);
}

/* Those who are there begin their stay now; hands and chat of before are gone. */
void
session_begin (Room *room, JsonNode *document)
{
  Session *session = g_new0 (Session, 1);
  session->session_id = g_strdup (air_json_get_string (document, "session_id"));
  session->title = g_strdup (air_json_get_string (document, "title"));
  session->started_us = session->anchor_us = air_time_from_string (air_json_get_string (document, "started_at"));
  session->anchor_mono_us = g_get_monotonic_time ();
  room_set_session (room, session);
  session->peak = room_count_students (room);
  GHashTableIter iter;
  Member *member = NULL;
  g_hash_table_iter_init (&iter, room->members);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&member))
    {
      member->hand = member->lost = false;
      if (member_is_here (member))
        attendance_open (member);
    }
  g_queue_clear_full (&room->chat, (GDestroyNotify)json_node_unref);
  room->chat_bytes = 0;
  room_send (room, AIR_AUDIENCE_ALL, air_json_new ("{type:'session', session:%n}", room_describe_session (room)));
}

/* When it ends, if it does so now. */
static int64_t
get_end_us (const Session *session)
{
  return session->left_us != 0 ? session->left_us : session_now_us (session);
}

static int64_t
get_duration_ms (const Session *session)
{
  return MAX (get_end_us (session) - session->started_us, 0) / 1000;
}

JsonNode *
session_end_changes (Room *room, const char *reason)
{
  const Session *session = room->session;
  return air_json_new ("{$set:{ended_at:%t, ended_reason:%s, duration_ms:%l, counts:%n}}", get_end_us (session), reason,
                       get_duration_ms (session), session_counts (room));
}

void
session_stop (Room *room)
{
  room->session->ended_us = get_end_us (room->session);
  GHashTableIter iter;
  Member *member = NULL;
  g_hash_table_iter_init (&iter, room->members);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&member))
    attendance_close (member);
}

/* The heartbeat begins the stays of those who are there again. */
void
session_go_on (Room *room)
{
  room->session->ended_us = 0;
}

void
session_forget (Room *room)
{
  GHashTableIter iter;
  Member *member = NULL;
  g_hash_table_iter_init (&iter, room->members);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&member))
    {
      attendance_close (member);
      member->hand = member->lost = false;
    }
  room_set_session (room, NULL);
  room_forget_absent (room, NULL);
  room_send (room, AIR_AUDIENCE_ALL, air_json_new ("{type:'session', session:null}"));
}

void
session_finish (Room *room)
{
  Classroom *classroom = room->classroom;
  g_autofree char *session_id = g_strdup (room->session->session_id);
  int64_t duration_ms = get_duration_ms (room->session);
  session_forget (room);
  air_context_publish_event (classroom->context, air_event_session_ended_new (room->class_id, session_id, duration_ms));
}

void
session_end (Room *room, const char *reason)
{
  session_stop (room);
  classroom_update (room->classroom, "sessions", air_json_new ("{session_id:%s}", room->session->session_id),
                    session_end_changes (room, reason), AIR_STORE_UPDATE_ONE);
  session_finish (room);
}

static bool
is_attended (Room *room)
{
  if (room->clients[KIND_TEACHER]->len > 0)
    return true;
  g_autoptr (AirStream) stream = air_context_find_stream (room->classroom->context, room->path);
  return stream != NULL || room->teachers_elsewhere > 0;
}

/* By the wall clock: one that was set back makes no absence. */
void
session_check_absence (Room *room, JsonNode *document)
{
  const char *seen_at = air_json_get_string (document, "seen_at");
  int64_t limit_us = air_context_get_int (room->classroom->context, "away_timeout") * 1000;
  int64_t seen_us = seen_at != NULL ? MAX (air_time_from_string (seen_at), room->session->started_us) : 0;
  if (limit_us > 0 && seen_us > 0 && g_get_real_time () - seen_us > limit_us)
    room->session->left_us = seen_us;
}

void
session_tick (Room *room, int64_t now_us)
{
  Session *session = room->session;
  int64_t timeout_us = air_context_get_int (room->classroom->context, "session_timeout") * 1000;
  if (session == NULL || room->closing)
    return;
  if (session->left_us != 0)
    {
      /* The plugins that read it when they start, too, have it by then, and end what is theirs. */
      if (now_us - room->classroom->started_us > SETTLE_US)
        {
          g_message ("the session of \"%s\" has ended while no server was there", room->class_id);
          session_end (room, "abandoned");
        }
    }
  else if (is_attended (room))
    session->unattended_us = 0;
  else if (session->unattended_us == 0)
    session->unattended_us = now_us;
  else if (timeout_us > 0 && now_us - session->unattended_us > timeout_us)
    {
      g_message ("the session of \"%s\" has ended: for %d s neither teacher nor picture was there", room->class_id,
                 (int)(timeout_us / G_USEC_PER_SEC));
      session_end (room, "abandoned");
    }
}
