/* Stays of students. One is written when it begins, and marked each 30 s as far as it has come, so that the end of the process costs
 * no more. Its times are the run's: they do not jump with the wall clock. */
#include "classroom.h"

typedef struct
{
  Classroom *classroom;
  char *class_id, *user_id, *attendance_id;
} Opening;

static void
opening_free (Opening *opening)
{
  g_free (opening->class_id);
  g_free (opening->user_id);
  g_free (opening->attendance_id);
  g_free (opening);
}

/* A stay that could not be written is written at the next heartbeat, with its true beginning. */
static void
on_opened (GObject *store, GAsyncResult *result, gpointer data)
{
  Opening *opening = data;
  Classroom *classroom = opening->classroom;
  g_autoptr (GError) error = NULL;
  if (!air_store_insert_finish (AIR_STORE (store), result, &error))
    {
      Room *room = room_find (classroom, opening->class_id);
      Member *member = room != NULL ? member_find (room, KIND_STUDENT, opening->user_id) : NULL;
      g_warning ("a stay in \"%s\" could not be written: %s", opening->class_id, error->message);
      if (member != NULL && g_strcmp0 (member->attendance_id, opening->attendance_id) == 0)
        g_clear_pointer (&member->attendance_id, g_free);
    }
  opening_free (opening);
  classroom_end_write (classroom);
}

void
attendance_open (Member *member)
{
  Room *room = member->room;
  Session *session = room->session;
  if (session == NULL || session->left_us != 0 || session->ended_us != 0 || member->attendance_id != NULL || member->info.role != AIR_ROLE_STUDENT)
    return;
  Opening *opening = g_new0 (Opening, 1);
  member->attendance_id = air_store_new_key ();
  *opening = (Opening){ .classroom = room->classroom,
                        .class_id = g_strdup (room->class_id),
                        .user_id = g_strdup (member->user_id),
                        .attendance_id = g_strdup (member->attendance_id) };
  int64_t now_us = session_now_us (session);
  int64_t joined_us = session->anchor_us + member->joined_mono_us - session->anchor_mono_us;
  g_autoptr (JsonNode) document = air_json_new (
    "{attendance_id:%s, session_id:%s, class_id:%s, user_id:%s, name:%s, node:%s, joined_at:%t, left_at:%t, open:true, created_at:%t}",
    member->attendance_id, session->session_id, room->class_id, member->user_id, member->name, room->classroom->node_id,
    MAX (joined_us, session->started_us), now_us, now_us);
  classroom_begin_write (room->classroom);
  air_store_insert (room->classroom->store, "attendance", document, on_opened, opening);
}

void
attendance_close (Member *member)
{
  Session *session = member->room->session;
  if (session != NULL && member->attendance_id != NULL)
    classroom_update (member->room->classroom, "attendance", air_json_new ("{attendance_id:%s}", member->attendance_id),
                      air_json_new ("{$set:{left_at:%t, open:false}}", session_now_us (session)), AIR_STORE_UPDATE_ONE);
  g_clear_pointer (&member->attendance_id, g_free);
}

/* After a restart the session's `seen_at` tells how long no server was there: by the wall clock, since nothing else outlives a machine. */
static void
mark_session (Room *room)
{
  if (room->session->left_us == 0)
    classroom_update (room->classroom, "sessions", air_json_new ("{session_id:%s}", room->session->session_id),
                      air_json_new ("{$set:{seen_at:%t}}", g_get_real_time ()), AIR_STORE_UPDATE_ONE);
}

static void
mark_room (Room *room)
{
  GHashTableIter iter;
  Member *member = NULL;
  unsigned open = 0;
  g_hash_table_iter_init (&iter, room->members);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&member))
    {
      open += member->attendance_id != NULL;
      if (member_is_here (member))
        attendance_open (member);
    }
  if (open > 0)
    classroom_update (room->classroom, "attendance",
                      air_json_new ("{open:true, session_id:%s, node:%s}", room->session->session_id, room->classroom->node_id),
                      air_json_new ("{$set:{left_at:%t}}", session_now_us (room->session)), AIR_STORE_UPDATE_MANY | AIR_STORE_BULK);
}

void
classroom_heartbeat (Classroom *classroom)
{
  GHashTableIter iter;
  Room *room = NULL;
  g_hash_table_iter_init (&iter, classroom->rooms);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&room))
    if (room->session != NULL)
      {
        mark_session (room);
        mark_room (room);
      }
}
