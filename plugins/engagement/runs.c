/* Which sessions there are, and their turns: see engagement.h. */
#include "engagement.h"

#include <math.h>

/* A run ends this long after its session: the end closes the question that was open, and that still counts. */
#define ENDING_US (2 * G_USEC_PER_SEC)

void
engagement_run_free (void *data)
{
  EngagementRun *run = data;
  engagement_session_free (run->session);
  g_clear_pointer (&run->to_save, g_ptr_array_unref);
  g_free (run);
}

EngagementRun *
engagement_run_of_session (Engagement *engagement, const char *session_id)
{
  return session_id != NULL ? g_hash_table_lookup (engagement->runs, session_id) : NULL;
}

EngagementRun *
engagement_run_new (Engagement *engagement, const AirClassInfo *class)
{
  int64_t now_us = g_get_monotonic_time (), wall_us = g_get_real_time ();
  EngagementRun *run = g_new0 (EngagementRun, 1);
  run->engagement = engagement;
  run->session = engagement_session_new (class->session_id, class->class_id, &engagement->settings,
                                         class->session_started_us > 0 ? class->session_started_us : wall_us, wall_us, now_us);
  run->session->class_created_at = g_strdup (class->created_at);
  run->to_save = g_ptr_array_new_with_free_func (g_free);
  run->ticked_us = run->saved_us = now_us;
  run->sent_level = NAN;
  g_hash_table_insert (engagement->runs, run->session->session_id, run);
  air_metric_set (engagement->sessions, g_hash_table_size (engagement->runs), NULL);
  engagement_run_refresh (run);
  return run;
}

EngagementRun *
engagement_run_of_class (Engagement *engagement, const char *class_id)
{
  const AirClassInfo *class
      = engagement->classroom != NULL ? air_classroom_get_class (engagement->classroom, class_id) : NULL;
  if (class == NULL || class->session_id == NULL)
    return NULL;
  EngagementRun *run = engagement_run_of_session (engagement, class->session_id);
  if (run == NULL)
    {
      run = engagement_run_new (engagement, class);
      engagement_run_take_members (run);
    }
  return run->ended_us == 0 ? run : NULL;
}

void
engagement_run_refresh (EngagementRun *run)
{
  Engagement *engagement = run->engagement;
  EngagementSession *session = run->session;
  const AirClassInfo *class = air_classroom_get_class (engagement->classroom, session->class_id);
  int64_t now_us = g_get_monotonic_time ();
  if (class == NULL)
    return;
  bool was_on = session->analysis;
  session->settings = engagement->settings;
  engagement_session_set_weights (session, air_json_get (class->settings, "weights"));
  session->chat_offered = session->chat_offered || air_json_get_bool (class->settings, "chat", true);
  engagement_session_set_analysis (session, air_json_get_bool (class->settings, "analysis", true), now_us);
  g_autofree char *path = g_strconcat ("live/", session->class_id, NULL);
  g_autoptr (AirStream) stream = air_context_find_stream (engagement->context, path);
  engagement_session_set_stream (session, stream != NULL && air_stream_get_state (stream) == AIR_STREAM_LIVE, now_us);
  if (session->analysis && !was_on)
    engagement_run_take_members (run);
}

static void
take_member (const AirClassMember *member, void *data)
{
  EngagementRun *run = data;
  if (member->role == AIR_ROLE_STUDENT && member->present)
    engagement_session_joined (run->session, member->user_id, member->name, g_get_monotonic_time ());
}

void
engagement_run_take_members (EngagementRun *run)
{
  air_classroom_visit_members (run->engagement->classroom, run->session->class_id, take_member, run);
}

void
engagement_run_end (EngagementRun *run, int64_t until_us)
{
  int64_t now_us = g_get_monotonic_time ();
  if (run->ended_us != 0)
    return;
  engagement_session_tick (run->session, now_us);
  GHashTableIter iter;
  void *id = NULL;
  g_hash_table_iter_init (&iter, run->session->students);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    engagement_session_left (run->session, id, now_us);
  run->ended_us = now_us;
  run->until_us = MIN (until_us, now_us);
  engagement_live_alert (run, engagement_session_check_alert (run->session, now_us));
  engagement_keep (run, true);
}

static void
look (EngagementRun *run, int64_t now_us)
{
  Engagement *engagement = run->engagement;
  engagement_live_alert (run, engagement_session_check_alert (run->session, now_us));
  bool figures = now_us - run->ticked_us >= air_context_get_int (engagement->context, "interval") * 1000;
  if (figures)
    {
      run->ticked_us = now_us;
      if (run->session->analysis)
        engagement_run_take_members (run);
      engagement_session_tick (run->session, now_us);
    }
  engagement_live_send (run, figures);
  engagement_keep (run, false);
}

void
engagement_runs_look (void *data)
{
  Engagement *engagement = data;
  int64_t now_us = g_get_monotonic_time ();
  GHashTableIter iter;
  void *value = NULL;
  g_hash_table_iter_init (&iter, engagement->runs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      EngagementRun *run = value;
      if (run->ended_us == 0)
        look (run, now_us);
      else if (now_us - run->ended_us >= ENDING_US)
        {
          engagement_keep (run, true);
          g_hash_table_iter_remove (&iter);
          air_metric_set (engagement->sessions, g_hash_table_size (engagement->runs), NULL);
        }
    }
}
