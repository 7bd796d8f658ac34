/* Fetches a session for a request. */
#include "ask-session.h"

void
asked_session_free (AskedSession *asked)
{
  Classroom *classroom = asked->classroom;
  air_request_unref (asked->request);
  g_clear_pointer (&asked->document, json_node_unref);
  g_free (asked->session_id);
  g_free (asked);
  classroom_end_write (classroom);
}

JsonNode *
session_describe (Classroom *classroom, JsonNode *document)
{
  const char *session_id = air_json_get_string (document, "session_id"), *ended_at = air_json_get_string (document, "ended_at");
  Room *room = ended_at == NULL ? room_find_session (classroom, session_id) : NULL;
  JsonNode *kept = air_json_get (document, "counts");
  JsonNode *counts = room != NULL ? session_counts (room) : kept != NULL ? json_node_copy (kept) : air_json_new ("{}");
  JsonNode *node = air_json_new (
    "{session_id:%s, class_id:%s, title:%s, teacher_id?:%s, started_at:%s, ended_at:%s, ended_reason?:%s, running:%b, counts:%n}",
    session_id, air_json_get_string (document, "class_id"), air_json_get_string (document, "title"),
    air_json_get_string (document, "teacher_id"), air_json_get_string (document, "started_at"), ended_at,
    air_json_get_string (document, "ended_reason"), room != NULL, counts);
  int64_t duration_ms = air_json_get_int (document, "duration_ms", 0);
  if (room != NULL)
    duration_ms = (session_now_us (room->session) - room->session->started_us) / 1000;
  json_object_set_int_member (json_node_get_object (node), "duration_ms", MAX (duration_ms, 0));
  return node;
}

static void
on_session (GObject *store, GAsyncResult *result, gpointer data)
{
  AskedSession *asked = data;
  g_autoptr (GError) error = NULL;
  asked->document = air_store_get_finish (AIR_STORE (store), result, &error);
  if (asked->document != NULL
      && classroom_check_session (asked->classroom, air_request_get_identity (asked->request), asked->document, AIR_ROLE_TEACHER,
                                  &error))
    {
      asked->next (asked);
      return;
    }
  if (g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND))
    air_request_reply_problem (asked->request, 404, "not-found", "there is no such session");
  else
    air_request_reply_error (asked->request, error);
  asked_session_free (asked);
}

void
asked_session_read_again (AskedSession *asked)
{
  asked->again = true;
  g_clear_pointer (&asked->document, json_node_unref);
  air_store_get (asked->classroom->store, "sessions", asked->session_id, on_session, asked);
}

void
ask_session (Classroom *classroom, AirRequest *request, void (*next) (AskedSession *asked))
{
  AskedSession *asked = g_new0 (AskedSession, 1);
  *asked = (AskedSession){ .classroom = classroom,
                           .request = air_request_ref (request),
                           .session_id = g_strdup (air_request_get_variable (request, "session_id")),
                           .next = next };
  classroom_begin_write (classroom);
  air_store_get (classroom->store, "sessions", asked->session_id, on_session, asked);
}
