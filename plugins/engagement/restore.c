/* A session as it was kept, after a restart: see documents.h. Those who were present come back as their sockets do. */
#include "documents.h"

#include <airclass/json.h>
#include <math.h>

/* A wall-clock member as monotonic time, negative when it was before the machine started; ENGAGEMENT_NEVER when there is none.
 * Later than now (the clock was set back) is now. */
static int64_t
monotonic (const EngagementSession *session, JsonNode *node, const char *name, int64_t now_us)
{
  int64_t wall_us = air_time_from_string (air_json_get_string (node, name));
  return wall_us > 0 ? MIN (wall_us - session->wall_offset_us, now_us) : ENGAGEMENT_NEVER;
}

/* The `at` of what has happened. */
static int64_t
moment (const EngagementSession *session, JsonNode *node, int64_t now_us)
{
  int64_t at_us = monotonic (session, node, "at", now_us);
  return at_us != ENGAGEMENT_NEVER ? at_us : session->started_us;
}

static int64_t
milliseconds (JsonNode *node, const char *name)
{
  return MAX (air_json_get_int (node, name, 0), 0) * 1000;
}

static unsigned
small (JsonNode *node, const char *name)
{
  return (unsigned)CLAMP (air_json_get_int (node, name, 0), 0, 1000000);
}

static unsigned
recent (JsonArray *array, unsigned index)
{
  return array != NULL && index < json_array_get_length (array) ? (unsigned)json_array_get_int_element (array, index) & 7u : 0;
}

static void
restore_state (EngagementSession *session, EngagementStudent *student, JsonNode *state, int64_t now_us)
{
  JsonArray *last = air_json_get_array (state, "recent");
  student->lost_at_us = monotonic (session, state, "lost_at", now_us);
  student->chat_at_us = monotonic (session, state, "chat_at", now_us);
  student->wrong_at_us = monotonic (session, state, "wrong_at", now_us);
  student->short_mean = air_json_get_double (state, "short_mean", NAN);
  student->long_mean = air_json_get_double (state, "long_mean", NAN);
  student->recent_asked = recent (last, 0);
  student->recent_answered = recent (last, 1);
  student->recent_graded = recent (last, 2);
  student->recent_right = recent (last, 3);
}

/* The questions in the student's counts that took answers then. The session's document may be older, and not know one. */
static void
restore_counted (EngagementSession *session, const char *student_id, JsonArray *counted)
{
  for (unsigned i = 0; counted != NULL && i < json_array_get_length (counted); i++)
    {
      JsonNode *document = json_array_get_element (counted, i);
      const char *id = air_json_get_string (document, "quiz_id");
      EngagementQuiz *quiz = id != NULL ? engagement_session_quiz (session, id, false) : NULL;
      if (id != NULL && quiz == NULL && (quiz = engagement_session_quiz (session, id, true)) != NULL)
        {
          quiz->poll = air_json_get_bool (document, "poll", false);
          quiz->external = air_json_get_bool (document, "external", false);
        }
      if (quiz != NULL && quiz->answered != NULL)
        g_hash_table_add (quiz->answered, g_strdup (student_id));
    }
}

void
engagement_session_restore_student (EngagementSession *session, JsonNode *document, int64_t now_us)
{
  const char *id = air_json_get_string (document, "student_id");
  JsonNode *details = air_json_get (document, "details");
  EngagementStudent *student
      = id != NULL ? engagement_session_student (session, id, air_json_get_string (document, "name"), true, now_us) : NULL;
  if (student == NULL || details == NULL)
    return;
  student->present_us = milliseconds (document, "present_ms");
  student->on_page_us = student->sampled_on_page_us = milliseconds (details, "on_page_ms");
  student->watched_us = milliseconds (details, "watched_ms");
  student->network_lost_us = milliseconds (details, "network_lost_ms");
  student->sampled_known_us = student->watched_us - student->network_lost_us;
  for (unsigned i = 0; i < ENGAGEMENT_SIGNALS; i++)
    student->counts[i] = small (details, engagement_signal_name (i));
  student->polls_asked = small (details, "polls_asked");
  student->asked = small (details, "asked");
  student->answered = small (details, "answered");
  student->graded = small (details, "graded");
  student->right = small (details, "right");
  session->graded += student->graded;
  session->right += student->right;
  restore_state (session, student, air_json_get (document, "state"), now_us);
  restore_counted (session, id, air_json_get_array (air_json_get (document, "state"), "counted"));
  student->unsaved = false;
}

static void
restore_quiz (EngagementSession *session, JsonNode *document)
{
  const char *id = air_json_get_string (document, "quiz_id");
  EngagementQuiz *quiz = id != NULL ? engagement_session_quiz (session, id, true) : NULL;
  if (quiz == NULL)
    return;
  quiz->poll = air_json_get_bool (document, "poll", false);
  quiz->anonymous = air_json_get_bool (document, "anonymous", false);
  quiz->external = air_json_get_bool (document, "external", false);
  quiz->revealed = air_json_get_bool (document, "revealed", false);
  if (air_json_get_bool (document, "closed", false))
    g_clear_pointer (&quiz->answered, g_hash_table_unref);
}

static void
restore_alert (EngagementSession *session, JsonNode *document, int64_t now_us)
{
  const char *id = air_json_get_string (document, "alert_id");
  if (id == NULL)
    return;
  EngagementAlert alert = { .alert_id = g_strdup (id), .at_us = moment (session, document, now_us),
                            .ended_us = monotonic (session, document, "ended_at", now_us),
                            .level = air_json_get_double (document, "level", 0),
                            .threshold = air_json_get_double (document, "threshold", 0),
                            .present = small (document, "present") };
  g_array_append_val (session->alerts, alert);
}

static void
restore_point (EngagementSession *session, JsonNode *document, int64_t now_us)
{
  EngagementPoint point = { .at_us = moment (session, document, now_us),
                            .mean = air_json_get_double (document, "mean", NAN),
                            .on_page = air_json_get_double (document, "on_page", NAN),
                            .confusion = air_json_get_double (document, "confusion", 0),
                            .present = small (document, "present") };
  g_array_append_val (session->points, point);
}

void
engagement_session_restore (EngagementSession *session, JsonNode *summary, int64_t now_us)
{
  JsonNode *state = air_json_get (summary, "state");
  JsonArray *quizzes = air_json_get_array (state, "quizzes");
  JsonArray *alerts = air_json_get_array (summary, "alerts");
  JsonArray *points = air_json_get_array (summary, "points");
  session->chat_offered = air_json_get_bool (state, "chat_offered", session->chat_offered);
  for (unsigned i = 0; quizzes != NULL && i < json_array_get_length (quizzes); i++)
    restore_quiz (session, json_array_get_element (quizzes, i));
  for (unsigned i = 0; alerts != NULL && i < json_array_get_length (alerts); i++)
    restore_alert (session, json_array_get_element (alerts, i), now_us);
  for (unsigned i = 0; points != NULL && i < json_array_get_length (points); i++)
    restore_point (session, json_array_get_element (points, i), now_us);
}
