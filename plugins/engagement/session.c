/* Who is in the session, and for how long: see session.h. What is asked and answered is in session-quiz.c, the figures in
 * session-figures.c. */
#include "session.h"

#include <airclass/json.h>
#include <math.h>

static void
free_student (void *data)
{
  EngagementStudent *student = data;
  g_free (student->id);
  g_free (student->name);
  g_free (student);
}

static void
free_quiz (void *data)
{
  EngagementQuiz *quiz = data;
  g_clear_pointer (&quiz->answered, g_hash_table_unref);
  g_free (quiz->id);
  g_free (quiz);
}

static void
clear_alert (void *data)
{
  g_free (((EngagementAlert *)data)->alert_id);
}

EngagementSession *
engagement_session_new (const char *session_id, const char *class_id, const EngagementSettings *settings, int64_t started_wall_us,
                        int64_t wall_us, int64_t now_us)
{
  EngagementSession *session = g_new0 (EngagementSession, 1);
  session->session_id = g_strdup (session_id);
  session->class_id = g_strdup (class_id);
  session->settings = *settings;
  session->analysis = true;
  session->wall_offset_us = wall_us - now_us;
  session->started_us = started_wall_us - session->wall_offset_us;
  session->pointed_us = now_us;
  session->students = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_student);
  session->quizzes = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_quiz);
  session->alerts = g_array_new (FALSE, FALSE, sizeof (EngagementAlert));
  g_array_set_clear_func (session->alerts, clear_alert);
  session->points = g_array_new (FALSE, FALSE, sizeof (EngagementPoint));
  engagement_session_set_weights (session, NULL);
  return session;
}

void
engagement_session_free (EngagementSession *session)
{
  if (session == NULL)
    return;
  g_hash_table_unref (session->students);
  g_hash_table_unref (session->quizzes);
  g_array_unref (session->alerts);
  g_array_unref (session->points);
  g_free (session->session_id);
  g_free (session->class_id);
  g_free (session->class_created_at);
  g_free (session);
}

void
engagement_session_set_weights (EngagementSession *session, JsonNode *weights)
{
  double sum = 0;
  for (unsigned i = 0; i < ENGAGEMENT_COMPONENTS; i++)
    {
      session->weights[i] = MAX (air_json_get_double (weights, engagement_component_name (i), 0.25), 0);
      sum += session->weights[i];
    }
  if (sum <= 0)
    for (unsigned i = 0; i < ENGAGEMENT_COMPONENTS; i++)
      session->weights[i] = 0.25;
}

GPtrArray *
engagement_session_list (const EngagementSession *session)
{
  GPtrArray *students = g_ptr_array_sized_new (g_hash_table_size (session->students));
  GHashTableIter iter;
  void *student = NULL;
  g_hash_table_iter_init (&iter, session->students);
  while (g_hash_table_iter_next (&iter, NULL, &student))
    g_ptr_array_add (students, student);
  return students;
}

/* ---- Time */

/* Counts the time since the last look: present, of it watched (the stream was on and the page tells what it does), of that on
 * the page, or unknown because a page that was being watched has gone silent. A hidden page may be silent: browsers slow it. */
static void
settle (const EngagementSession *session, EngagementStudent *student, int64_t now_us)
{
  int64_t from_us = student->settled_us;
  student->settled_us = MAX (now_us, from_us);
  if (!student->present || !session->analysis || now_us <= from_us)
    return;
  student->present_us += now_us - from_us;
  if (!session->stream_live || !student->reported)
    return;
  student->watched_us += now_us - from_us;
  if (!student->visible || !student->playing)
    return;
  int64_t known_us = CLAMP (student->reported_at_us + session->settings.playback_timeout_us - from_us, 0, now_us - from_us);
  student->on_page_us += known_us;
  student->network_lost_us += now_us - from_us - known_us;
}

static void
settle_all (EngagementSession *session, int64_t now_us)
{
  GHashTableIter iter;
  void *student = NULL;
  g_hash_table_iter_init (&iter, session->students);
  while (g_hash_table_iter_next (&iter, NULL, &student))
    settle (session, student, now_us);
}

/* The present time of a student of whom something is to be noted; marks it as changed. NULL: nothing is to be noted. */
static EngagementStudent *
note (EngagementSession *session, const char *id, int64_t now_us)
{
  EngagementStudent *student = session->analysis ? g_hash_table_lookup (session->students, id) : NULL;
  if (student == NULL)
    return NULL;
  settle (session, student, now_us);
  student->unsaved = true;
  student->updated_us = now_us;
  return student;
}

EngagementStudent *
engagement_session_student (EngagementSession *session, const char *id, const char *name, bool create, int64_t now_us)
{
  EngagementStudent *student = g_hash_table_lookup (session->students, id);
  if (student != NULL || !create || g_hash_table_size (session->students) >= session->settings.max_students)
    return student;
  student = g_new0 (EngagementStudent, 1);
  student->id = g_strdup (id);
  student->name = g_strdup (name != NULL ? name : id);
  student->settled_us = student->sampled_us = student->updated_us = now_us;
  student->lost_at_us = student->chat_at_us = student->wrong_at_us = ENGAGEMENT_NEVER;
  student->short_mean = student->long_mean = NAN;
  student->unsaved = true;
  g_hash_table_insert (session->students, student->id, student);
  return student;
}

void
engagement_session_joined (EngagementSession *session, const char *id, const char *name, int64_t now_us)
{
  if (!session->analysis)
    return;
  EngagementStudent *student = engagement_session_student (session, id, name, true, now_us);
  if (student == NULL)
    return;
  note (session, id, now_us);
  if (name != NULL && g_strcmp0 (student->name, name) != 0)
    {
      g_free (student->name);
      student->name = g_strdup (name);
    }
  if (!student->present)
    student->sampled_us = now_us;
  student->present = true;
}

void
engagement_session_left (EngagementSession *session, const char *id, int64_t now_us)
{
  EngagementStudent *student = note (session, id, now_us);
  if (student == NULL)
    return;
  student->present = false;
  student->reported = false; /* the next page tells anew */
}

void
engagement_session_playback (EngagementSession *session, const char *id, bool visible, bool playing, int64_t now_us)
{
  EngagementStudent *student = note (session, id, now_us);
  if (student == NULL)
    return;
  student->reported = true;
  student->visible = visible;
  student->playing = playing;
  student->reported_at_us = now_us;
}

void
engagement_session_set_stream (EngagementSession *session, bool live, int64_t now_us)
{
  settle_all (session, now_us);
  session->stream_live = live;
}

void
engagement_session_set_analysis (EngagementSession *session, bool analysis, int64_t now_us)
{
  if (session->analysis == analysis)
    return;
  settle_all (session, now_us);
  session->analysis = analysis;
  GHashTableIter iter;
  void *data = NULL;
  g_hash_table_iter_init (&iter, session->students);
  while (g_hash_table_iter_next (&iter, NULL, &data))
    {
      EngagementStudent *student = data;
      student->present = false;
      student->reported = false;
      student->lost_at_us = student->chat_at_us = student->wrong_at_us = ENGAGEMENT_NEVER;
    }
}

/* ---- Signals */

void
engagement_session_signal (EngagementSession *session, const char *id, EngagementSignal signal, unsigned count, int64_t now_us)
{
  EngagementStudent *student = note (session, id, now_us);
  if (student != NULL)
    student->counts[signal] += count;
}

void
engagement_session_chat (EngagementSession *session, const char *id, double intent, int64_t now_us)
{
  EngagementStudent *student = note (session, id, now_us);
  if (student == NULL)
    return;
  student->counts[ENGAGEMENT_CHAT]++;
  if (intent > 0)
    student->chat_at_us = now_us;
}

/* Who is fine again is so in every respect. */
void
engagement_session_lost (EngagementSession *session, const char *id, bool lost, int64_t now_us)
{
  EngagementStudent *student = note (session, id, now_us);
  if (student == NULL)
    return;
  student->lost_at_us = lost ? now_us : ENGAGEMENT_NEVER;
  if (!lost)
    student->chat_at_us = student->wrong_at_us = ENGAGEMENT_NEVER;
}

void
engagement_session_tick (EngagementSession *session, int64_t now_us)
{
  settle_all (session, now_us);
  if (!session->analysis)
    return;
  GHashTableIter iter;
  void *student = NULL;
  g_hash_table_iter_init (&iter, session->students);
  while (g_hash_table_iter_next (&iter, NULL, &student))
    engagement_session_sample (session, student, now_us);
  engagement_session_point (session, now_us);
}
