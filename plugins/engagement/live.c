/* What pages get over their sockets: see engagement.h. Names and scores go to teachers only. */
#include "engagement.h"

#include <math.h>

/* Rows of one message, and of the snapshot, in which those come first who may need help. The rest is had by
 * GET /api/engagement/students. */
#define MESSAGE_ROWS 100u
#define SNAPSHOT_ROWS 200u

static JsonNode *
mean_of (const EngagementRun *run)
{
  double mean = engagement_session_mean (run->session);
  return air_json_new ("%f", isnan (mean) ? NAN : round (mean * 10) / 10);
}

static int
by_need (const void *a, const void *b, void *data)
{
  const EngagementStudent *one = *(EngagementStudent *const *)a, *other = *(EngagementStudent *const *)b;
  double trend = engagement_student_trend (data, one), other_trend = engagement_student_trend (data, other);
  if (one->present != other->present)
    return one->present ? -1 : 1;
  trend = isnan (trend) ? 0 : trend;
  other_trend = isnan (other_trend) ? 0 : other_trend;
  return trend < other_trend ? -1 : trend > other_trend ? 1 : g_strcmp0 (one->id, other->id);
}

/* At most @rows; @changed: only those of whom the pages know other figures. */
static JsonNode *
rows_of (EngagementRun *run, unsigned rows, bool changed)
{
  g_autoptr (GPtrArray) students = engagement_session_list (run->session);
  JsonArray *array = json_array_new ();
  g_ptr_array_sort_with_data (students, by_need, run->session);
  for (unsigned i = 0; i < students->len && json_array_get_length (array) < rows; i++)
    {
      EngagementStudent *student = g_ptr_array_index (students, i);
      unsigned signature = changed ? engagement_student_signature (run->session, student) : 0;
      if (changed && signature == student->sent)
        continue;
      if (changed)
        student->sent = signature;
      json_array_add_element (array, engagement_student_to_json (run->session, student));
    }
  return engagement_take_array (array);
}

static void
write_snapshot (const AirClassMember *member, JsonObject *snapshot, void *self)
{
  EngagementRun *run = member->role > AIR_ROLE_STUDENT ? engagement_run_of_class (self, member->class_id) : NULL;
  if (run == NULL || !run->session->analysis)
    return;
  EngagementConfusion confusion;
  engagement_session_confusion (run->session, g_get_monotonic_time (), &confusion);
  JsonNode *shown = engagement_confusion_to_json (&confusion);
  json_object_set_member (snapshot, "engagement",
                          member->role >= AIR_ROLE_TEACHER
                              ? air_json_new ("{mean: %n, students: %n, confusion: %n}", mean_of (run),
                                              rows_of (run, SNAPSHOT_ROWS, false), shown)
                              : air_json_new ("{confusion: %n}", shown));
}

/* The names of those whose trend fell. (transfer full) */
static char **
flagged_of (const EngagementSession *session)
{
  GPtrArray *ids = g_ptr_array_new ();
  GHashTableIter iter;
  void *student = NULL;
  g_hash_table_iter_init (&iter, session->students);
  while (g_hash_table_iter_next (&iter, NULL, &student))
    if (((EngagementStudent *)student)->present && engagement_student_flagged (session, student)
        && engagement_student_trend (session, student) < 0)
      g_ptr_array_add (ids, g_strdup (((EngagementStudent *)student)->id));
  g_ptr_array_add (ids, NULL);
  return (char **)g_ptr_array_free (ids, FALSE);
}

static void
send_confusion (EngagementRun *run, const EngagementConfusion *confusion)
{
  JsonNode *message = engagement_confusion_to_json (confusion);
  json_object_set_string_member (json_node_get_object (message), "type", "confusion");
  air_classroom_send (run->engagement->classroom, run->session->class_id, AIR_AUDIENCE_MONITORS, message);
}

void
engagement_live_send (EngagementRun *run, bool figures)
{
  Engagement *engagement = run->engagement;
  EngagementSession *session = run->session;
  EngagementConfusion confusion;
  if (!session->analysis || !figures)
    return;
  engagement_session_confusion (session, g_get_monotonic_time (), &confusion);
  double level = round (confusion.level * 100) / 100, mean = engagement_session_mean (session);
  bool moved = level != run->sent_level || confusion.active != run->sent_active;
  JsonNode *rows = rows_of (run, MESSAGE_ROWS, true);
  if (!moved && json_array_get_length (json_node_get_array (rows)) == 0)
    {
      json_node_unref (rows);
      return;
    }
  run->sent_level = level;
  run->sent_active = confusion.active;
  air_classroom_send (engagement->classroom, session->class_id, AIR_AUDIENCE_TEACHERS,
                      air_json_new ("{type: 'engagement', session_id: %s, mean: %n, students: %n, confusion: %n}",
                                    session->session_id, mean_of (run), rows, engagement_confusion_to_json (&confusion)));
  if (moved)
    send_confusion (run, &confusion);
  g_auto (GStrv) flagged = flagged_of (session);
  air_context_publish_event (engagement->context,
                             air_event_engagement_changed_new (session->class_id, session->session_id, mean,
                                                               (const char *const *)flagged, level));
}

void
engagement_live_alert (EngagementRun *run, EngagementAlertChange change)
{
  Engagement *engagement = run->engagement;
  EngagementSession *session = run->session;
  int64_t now_us = g_get_monotonic_time ();
  if (change == ENGAGEMENT_ALERT_SAME)
    return;
  const EngagementAlert *alert = &g_array_index (session->alerts, EngagementAlert, session->alerts->len - 1);
  EngagementConfusion confusion;
  engagement_session_confusion (session, now_us, &confusion);
  if (change == ENGAGEMENT_ALERT_BEGAN)
    air_metric_add (engagement->alerts, 1, NULL);
  air_context_publish_event (engagement->context,
                             air_event_confusion_alert_new (session->class_id, session->session_id, alert->alert_id,
                                                            change == ENGAGEMENT_ALERT_BEGAN, confusion.level,
                                                            confusion.threshold, confusion.present,
                                                            engagement_stream_ms (session, now_us)));
  send_confusion (run, &confusion);
}

static bool
take_playback (const AirClassMember *from, JsonNode *message, void *self, GError **error)
{
  EngagementRun *run = from->role == AIR_ROLE_STUDENT ? engagement_run_of_class (self, from->class_id) : NULL;
  if (run != NULL)
    engagement_session_playback (run->session, from->user_id, air_json_get_bool (message, "visible", false),
                                 air_json_get_bool (message, "playing", false), g_get_monotonic_time ());
  return true;
}

static const AirClassMessage playback = {
  .type = "playback",
  .role = AIR_ROLE_STUDENT,
  .schema = "EngagementPlayback",
  .per_minute = 60,
  .handler = take_playback,
  .combine = engagement_best_playback,
};

void
engagement_live_register (Engagement *engagement)
{
  air_classroom_add_message (engagement->classroom, &playback, engagement);
  air_classroom_add_snapshot (engagement->classroom, write_snapshot, engagement);
}
