/* See documents.h. What is read back is in restore.c. */
#include "documents.h"

#include <airclass/json.h>
#include <math.h>

const char *const engagement_row_members[] = { "student_id", "name", "session_id", "present", "overall", "components", "weights",
                                               "trend", "flagged", "present_ms", "updated_at", "details", NULL };
const char *const engagement_stats_members[]
    = { "session_id", "class_id", "analysis", "students", "present", "scored", "mean", "components", "weights", "flagged",
        "counts", "confusion", "alerts", NULL };

JsonNode *
engagement_take_array (JsonArray *array)
{
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, array);
  return node;
}

static double
rounded (double value, double steps)
{
  return isnan (value) ? NAN : round (value * steps) / steps;
}

static int64_t
wall (const EngagementSession *session, int64_t at_us)
{
  return at_us != ENGAGEMENT_NEVER ? at_us + session->wall_offset_us : 0;
}

int64_t
engagement_stream_ms (const EngagementSession *session, int64_t at_us)
{
  return MAX (at_us - session->started_us, 0) / 1000;
}

JsonNode *
engagement_pick (JsonNode *document, const char *const *names)
{
  JsonObject *object = json_object_new ();
  for (; *names != NULL; names++)
    {
      JsonNode *member = air_json_get (document, *names);
      json_object_set_member (object, *names, member != NULL ? json_node_copy (member) : json_node_new (JSON_NODE_NULL));
    }
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, object);
  return node;
}

static JsonNode *
by_component (const double values[ENGAGEMENT_COMPONENTS])
{
  return air_json_new ("{on_page: %f, participation: %f, response: %f, accuracy: %f}", rounded (values[0], 1000),
                       rounded (values[1], 1000), rounded (values[2], 1000), rounded (values[3], 1000));
}

static JsonNode *
details (const EngagementStudent *student)
{
  return air_json_new ("{on_page_ms: %l, watched_ms: %l, network_lost_ms: %l, chat: %l, hand: %l, reaction: %l, poll: %l, "
                       "polls_asked: %i, asked: %i, answered: %i, graded: %i, right: %i}",
                       student->on_page_us / 1000, student->watched_us / 1000, student->network_lost_us / 1000,
                       (int64_t)student->counts[ENGAGEMENT_CHAT], (int64_t)student->counts[ENGAGEMENT_HAND],
                       (int64_t)student->counts[ENGAGEMENT_REACTION], (int64_t)student->counts[ENGAGEMENT_POLL],
                       (int)student->polls_asked, (int)student->asked, (int)student->answered, (int)student->graded,
                       (int)student->right);
}

JsonNode *
engagement_student_to_json (const EngagementSession *session, const EngagementStudent *student)
{
  double components[ENGAGEMENT_COMPONENTS];
  engagement_student_components (session, student, components);
  return air_json_new ("{student_id: %s, name: %s, session_id: %s, present: %b, overall: %f, components: %n, weights: %n, "
                       "trend: %f, flagged: %b, present_ms: %l, updated_at: %t, details: %n}",
                       student->id, student->name, session->session_id, student->present,
                       rounded (engagement_student_overall (session, student), 10), by_component (components),
                       by_component (session->weights), rounded (engagement_student_trend (session, student), 10),
                       engagement_student_flagged (session, student), student->present_us / 1000,
                       wall (session, student->updated_us), details (student));
}

unsigned
engagement_student_signature (const EngagementSession *session, const EngagementStudent *student)
{
  double components[ENGAGEMENT_COMPONENTS];
  engagement_student_components (session, student, components);
  g_autoptr (GString) text = g_string_new (student->name);
  for (unsigned i = 0; i < ENGAGEMENT_COMPONENTS; i++)
    g_string_append_printf (text, " %.2f", components[i]);
  g_string_append_printf (text, " %.0f %.0f %d", engagement_student_overall (session, student),
                          engagement_student_trend (session, student), student->present);
  for (unsigned i = 0; i < ENGAGEMENT_SIGNALS; i++)
    g_string_append_printf (text, " %.0f", student->counts[i]);
  g_string_append_printf (text, " %u %u", student->answered, student->asked);
  return MAX (g_string_hash (text), 1u);
}

JsonNode *
engagement_confusion_to_json (const EngagementConfusion *confusion)
{
  return air_json_new ("{level: %f, threshold: %f, active: %b, present: %i}", rounded (confusion->level, 100),
                       rounded (confusion->threshold, 100), confusion->active, (int)confusion->present);
}

JsonNode *
engagement_alerts_to_json (const EngagementSession *session)
{
  JsonArray *array = json_array_new ();
  for (unsigned i = 0; i < session->alerts->len; i++)
    {
      const EngagementAlert *alert = &g_array_index (session->alerts, EngagementAlert, i);
      json_array_add_element (array, air_json_new ("{alert_id: %s, at: %t, ended_at: %t, stream_ms: %l, level: %f, threshold: %f, "
                                                   "present: %i}",
                                                   alert->alert_id, wall (session, alert->at_us),
                                                   wall (session, alert->ended_us), engagement_stream_ms (session, alert->at_us),
                                                   rounded (alert->level, 100), rounded (alert->threshold, 100),
                                                   (int)alert->present));
    }
  return engagement_take_array (array);
}

JsonNode *
engagement_points_to_json (const EngagementSession *session)
{
  JsonArray *array = json_array_new ();
  for (unsigned i = 0; i < session->points->len; i++)
    {
      const EngagementPoint *point = &g_array_index (session->points, EngagementPoint, i);
      json_array_add_element (array, air_json_new ("{at: %t, mean: %f, on_page: %f, confusion: %f, present: %i}",
                                                   wall (session, point->at_us), rounded (point->mean, 10),
                                                   rounded (point->on_page, 1000), rounded (point->confusion, 100),
                                                   (int)point->present));
    }
  return engagement_take_array (array);
}

/* ---- The session as a whole */

typedef struct
{
  double sum[ENGAGEMENT_COMPONENTS], overall;
  unsigned known[ENGAGEMENT_COMPONENTS], scored, present;
  double counts[ENGAGEMENT_SIGNALS];
  unsigned asked, answered, graded, right;
  JsonArray *flagged;
} Sums;

static void
add_student (const EngagementSession *session, const EngagementStudent *student, Sums *sums)
{
  double components[ENGAGEMENT_COMPONENTS];
  engagement_student_components (session, student, components);
  for (unsigned i = 0; i < ENGAGEMENT_COMPONENTS; i++)
    if (!isnan (components[i]))
      {
        sums->sum[i] += components[i];
        sums->known[i]++;
      }
  double overall = engagement_student_overall (session, student);
  if (!isnan (overall))
    {
      sums->scored++;
      sums->overall += overall;
    }
  for (unsigned i = 0; i < ENGAGEMENT_SIGNALS; i++)
    sums->counts[i] += student->counts[i];
  sums->present += student->present;
  sums->asked += student->asked;
  sums->answered += student->answered;
  sums->graded += student->graded;
  sums->right += student->right;
  if (engagement_student_flagged (session, student))
    json_array_add_string_element (sums->flagged, student->id);
}

JsonNode *
engagement_session_stats (EngagementSession *session, int64_t now_us)
{
  Sums sums = { .flagged = json_array_new () };
  GHashTableIter iter;
  void *student = NULL;
  g_hash_table_iter_init (&iter, session->students);
  while (g_hash_table_iter_next (&iter, NULL, &student))
    add_student (session, student, &sums);
  double means[ENGAGEMENT_COMPONENTS];
  for (unsigned i = 0; i < ENGAGEMENT_COMPONENTS; i++)
    means[i] = sums.known[i] > 0 ? sums.sum[i] / sums.known[i] : NAN;
  EngagementConfusion confusion;
  engagement_session_confusion (session, now_us, &confusion);
  JsonNode *counts = air_json_new ("{chat: %l, hand: %l, reaction: %l, poll: %l, asked: %i, answered: %i, graded: %i, right: %i}",
                                   (int64_t)sums.counts[0], (int64_t)sums.counts[1], (int64_t)sums.counts[2],
                                   (int64_t)sums.counts[3], (int)sums.asked, (int)sums.answered, (int)sums.graded,
                                   (int)sums.right);
  return air_json_new ("{session_id: %s, class_id: %s, analysis: %b, students: %i, present: %i, scored: %i, mean: %f, "
                       "components: %n, weights: %n, flagged: %n, counts: %n, confusion: %n, alerts: %n}",
                       session->session_id, session->class_id, session->analysis,
                       (int)g_hash_table_size (session->students), (int)sums.present, (int)sums.scored,
                       rounded (sums.scored > 0 ? sums.overall / sums.scored : NAN, 10), by_component (means),
                       by_component (session->weights), engagement_take_array (sums.flagged), counts,
                       engagement_confusion_to_json (&confusion), engagement_alerts_to_json (session));
}

/* ---- The store */

/* The questions in the student's counts that still take answers. */
static JsonNode *
counted_to_json (const EngagementSession *session, const EngagementStudent *student)
{
  JsonArray *array = json_array_new ();
  GHashTableIter iter;
  void *data = NULL;
  g_hash_table_iter_init (&iter, session->quizzes);
  while (g_hash_table_iter_next (&iter, NULL, &data))
    {
      const EngagementQuiz *quiz = data;
      if (quiz->answered != NULL && g_hash_table_contains (quiz->answered, student->id))
        json_array_add_element (array, air_json_new ("{quiz_id: %s, poll: %b, external: %b}", quiz->id, quiz->poll, quiz->external));
    }
  return engagement_take_array (array);
}

JsonNode *
engagement_student_to_document (const EngagementSession *session, const EngagementStudent *student)
{
  JsonNode *node = engagement_student_to_json (session, student);
  JsonObject *object = json_node_get_object (node);
  g_autofree char *id = g_strdup_printf ("%s:%s", session->session_id, student->id);
  json_object_set_string_member (object, "engagement_id", id);
  json_object_set_string_member (object, "class_id", session->class_id);
  json_object_set_member (
      object, "state",
      air_json_new ("{lost_at: %t, chat_at: %t, wrong_at: %t, short_mean: %f, long_mean: %f, recent: [%i, %i, %i, %i], "
                    "counted: %n}",
                    wall (session, student->lost_at_us), wall (session, student->chat_at_us),
                    wall (session, student->wrong_at_us), student->short_mean, student->long_mean, (int)student->recent_asked,
                    (int)student->recent_answered, (int)student->recent_graded, (int)student->recent_right,
                    counted_to_json (session, student)));
  return node;
}

/* The questions that still take answers, and those that are not revealed yet. Who has been counted stands with the students: with
 * their counts, so that a crash between two writes neither counts twice nor forgets. */
static JsonNode *
quizzes_to_json (const EngagementSession *session)
{
  JsonArray *array = json_array_new ();
  GHashTableIter iter;
  void *data = NULL;
  g_hash_table_iter_init (&iter, session->quizzes);
  while (g_hash_table_iter_next (&iter, NULL, &data))
    {
      const EngagementQuiz *quiz = data;
      if (quiz->answered == NULL && quiz->revealed)
        continue;
      json_array_add_element (array, air_json_new ("{quiz_id: %s, poll: %b, anonymous: %b, external: %b, closed: %b, revealed: %b}",
                                                   quiz->id, quiz->poll, quiz->anonymous, quiz->external, quiz->answered == NULL,
                                                   quiz->revealed));
    }
  return engagement_take_array (array);
}

JsonNode *
engagement_session_to_document (EngagementSession *session, int64_t ended_us, int64_t now_us)
{
  JsonNode *node = engagement_session_stats (session, now_us);
  JsonObject *object = json_node_get_object (node);
  JsonNode *times = air_json_new ("{started_at: %t, updated_at: %t, ended_at?: %t}", wall (session, session->started_us),
                                  wall (session, now_us), ended_us != 0 ? wall (session, ended_us) : (int64_t)0);
  for (const char *const *name = (const char *const[]){ "started_at", "updated_at", "ended_at", NULL }; *name != NULL; name++)
    if (air_json_get (times, *name) != NULL)
      json_object_set_member (object, *name, json_node_copy (air_json_get (times, *name)));
  json_node_unref (times);
  if (session->class_created_at != NULL)
    json_object_set_string_member (object, "class_created_at", session->class_created_at);
  json_object_set_member (object, "points", engagement_points_to_json (session));
  json_object_set_member (object, "state", air_json_new ("{chat_offered: %b, quizzes: %n}", session->chat_offered,
                                                         quizzes_to_json (session)));
  return node;
}
