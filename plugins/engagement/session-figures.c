/* Scores, trends and the class's confusion: see session.h. */
#include "session.h"

#include <airclass/store.h>
#include <math.h>

/* Twelve hours of points, and the newest alerts. */
#define MAX_POINTS 720u
#define MAX_ALERTS 100u
#define POINT_EVERY_US (60 * G_USEC_PER_SEC)

static double
class_accuracy (const EngagementSession *session)
{
  return session->graded > 0 ? (double)session->right / session->graded : 0;
}

void
engagement_student_components (const EngagementSession *session, const EngagementStudent *student,
                               double ret_components[ENGAGEMENT_COMPONENTS])
{
  EngagementSignalRule rules[ENGAGEMENT_SIGNALS];
  for (unsigned i = 0; i < ENGAGEMENT_SIGNALS; i++)
    rules[i] = session->settings.signals[i];
  unsigned offered = 1u << ENGAGEMENT_HAND | 1u << ENGAGEMENT_REACTION;
  if (session->chat_offered)
    offered |= 1u << ENGAGEMENT_CHAT;
  /* Nobody can answer more polls than there were. */
  rules[ENGAGEMENT_POLL].cap = MIN (rules[ENGAGEMENT_POLL].cap, student->polls_asked);
  if (student->polls_asked > 0)
    offered |= 1u << ENGAGEMENT_POLL;
  ret_components[ENGAGEMENT_ON_PAGE]
      = engagement_on_page (student->on_page_us, student->watched_us, student->network_lost_us);
  ret_components[ENGAGEMENT_PARTICIPATION] = engagement_participation (rules, student->counts, offered);
  ret_components[ENGAGEMENT_RESPONSE] = engagement_response (student->answered, student->asked);
  ret_components[ENGAGEMENT_ACCURACY] = engagement_accuracy (student->right, student->graded, class_accuracy (session));
}

double
engagement_student_overall (const EngagementSession *session, const EngagementStudent *student)
{
  if (student->present_us < session->settings.first_score_us)
    return NAN;
  double components[ENGAGEMENT_COMPONENTS];
  engagement_student_components (session, student, components);
  return engagement_overall (components, session->weights);
}

double
engagement_student_trend (const EngagementSession *session, const EngagementStudent *student)
{
  return student->present_us < session->settings.first_score_us ? NAN : student->short_mean - student->long_mean;
}

bool
engagement_student_flagged (const EngagementSession *session, const EngagementStudent *student)
{
  double trend = engagement_student_trend (session, student);
  return !isnan (trend) && fabs (trend) > session->settings.trend_limit;
}

double
engagement_session_mean (const EngagementSession *session)
{
  double sum = 0;
  unsigned count = 0;
  GHashTableIter iter;
  void *data = NULL;
  g_hash_table_iter_init (&iter, session->students);
  while (g_hash_table_iter_next (&iter, NULL, &data))
    {
      EngagementStudent *student = data;
      double overall = student->present ? engagement_student_overall (session, student) : NAN;
      if (!isnan (overall))
        {
          sum += overall;
          count++;
        }
    }
  return count > 0 ? sum / count : NAN;
}

/* ---- Trend */

/* How much a student takes part now: on the page since the last sample, and the last three questions, with the class's
 * weights. Participation is a sum over the session, and has no present value. */
static double
momentary (const EngagementSession *session, const EngagementStudent *student)
{
  int64_t on_page_us = student->on_page_us - student->sampled_on_page_us;
  int64_t known_us = student->watched_us - student->network_lost_us - student->sampled_known_us;
  double now[ENGAGEMENT_COMPONENTS];
  now[ENGAGEMENT_ON_PAGE] = engagement_on_page (on_page_us, known_us, 0);
  now[ENGAGEMENT_PARTICIPATION] = NAN;
  now[ENGAGEMENT_RESPONSE] = engagement_response (__builtin_popcount (student->recent_answered),
                                                  __builtin_popcount (student->recent_asked));
  now[ENGAGEMENT_ACCURACY] = engagement_response (__builtin_popcount (student->recent_right),
                                                  __builtin_popcount (student->recent_graded));
  return engagement_overall (now, session->weights);
}

void
engagement_session_sample (EngagementSession *session, EngagementStudent *student, int64_t now_us)
{
  int64_t step_us = now_us - student->sampled_us;
  if (!student->present || step_us <= 0)
    return;
  double sample = momentary (session, student);
  student->sampled_us = now_us;
  student->sampled_on_page_us = student->on_page_us;
  student->sampled_known_us = student->watched_us - student->network_lost_us;
  student->unsaved = true;
  student->updated_us = now_us;
  if (isnan (sample))
    return;
  student->short_mean = engagement_ewma (student->short_mean, sample, step_us, session->settings.trend_short_us);
  student->long_mean = engagement_ewma (student->long_mean, sample, step_us, session->settings.trend_long_us);
}

void
engagement_session_point (EngagementSession *session, int64_t now_us)
{
  if (now_us - session->pointed_us < POINT_EVERY_US)
    return;
  session->pointed_us = now_us;
  double on_page = 0;
  unsigned known = 0;
  GHashTableIter iter;
  void *data = NULL;
  g_hash_table_iter_init (&iter, session->students);
  while (g_hash_table_iter_next (&iter, NULL, &data))
    {
      double components[ENGAGEMENT_COMPONENTS];
      engagement_student_components (session, data, components);
      if (!((EngagementStudent *)data)->present || isnan (components[ENGAGEMENT_ON_PAGE]))
        continue;
      on_page += components[ENGAGEMENT_ON_PAGE];
      known++;
    }
  EngagementConfusion confusion;
  engagement_session_confusion (session, now_us, &confusion);
  EngagementPoint point = { .at_us = now_us, .mean = engagement_session_mean (session),
                            .on_page = known > 0 ? on_page / known : NAN, .confusion = confusion.level,
                            .present = confusion.present };
  if (session->points->len >= MAX_POINTS)
    g_array_remove_index (session->points, 0);
  g_array_append_val (session->points, point);
}

/* ---- Confusion */

double
engagement_student_confusion (const EngagementSession *session, const EngagementStudent *student, int64_t now_us)
{
  const EngagementSettings *settings = &session->settings;
  bool chat = student->chat_at_us != ENGAGEMENT_NEVER && now_us - student->chat_at_us < settings->hold_us;
  bool wrong = student->wrong_at_us != ENGAGEMENT_NEVER && now_us - student->wrong_at_us < settings->hold_us;
  return engagement_confusion (student->lost_at_us != ENGAGEMENT_NEVER ? MAX (now_us - student->lost_at_us, 0) : -1, settings->half_life_us,
                               chat ? settings->chat_share : 0, wrong ? settings->wrong_share : 0);
}

void
engagement_session_confusion (EngagementSession *session, int64_t now_us, EngagementConfusion *ret_confusion)
{
  EngagementConfusion confusion = { 0 };
  GHashTableIter iter;
  void *data = NULL;
  g_hash_table_iter_init (&iter, session->students);
  while (g_hash_table_iter_next (&iter, NULL, &data))
    {
      EngagementStudent *student = data;
      if (!student->present)
        continue;
      double share = engagement_student_confusion (session, student, now_us);
      confusion.present++;
      confusion.confused += share > 0;
      confusion.level += share;
    }
  confusion.threshold = MAX (session->settings.alert_minimum, session->settings.alert_share * confusion.present);
  confusion.active = session->alerts->len > 0
                     && g_array_index (session->alerts, EngagementAlert, session->alerts->len - 1).ended_us == ENGAGEMENT_NEVER;
  *ret_confusion = confusion;
}

EngagementAlertChange
engagement_session_check_alert (EngagementSession *session, int64_t now_us)
{
  EngagementConfusion confusion;
  EngagementAlert *last = NULL;
  engagement_session_confusion (session, now_us, &confusion);
  if (session->alerts->len > 0)
    last = &g_array_index (session->alerts, EngagementAlert, session->alerts->len - 1);
  if (confusion.active)
    {
      if (session->analysis && confusion.present > 0 && confusion.level >= session->settings.clear_share * confusion.present)
        return ENGAGEMENT_ALERT_SAME;
      last->ended_us = now_us;
      return ENGAGEMENT_ALERT_ENDED;
    }
  if (confusion.level < confusion.threshold || (last != NULL && now_us - last->at_us < session->settings.cool_down_us))
    return ENGAGEMENT_ALERT_SAME;
  EngagementAlert alert = { .alert_id = air_store_new_key (), .at_us = now_us, .ended_us = ENGAGEMENT_NEVER, .level = confusion.level,
                            .threshold = confusion.threshold, .present = confusion.present };
  if (session->alerts->len >= MAX_ALERTS)
    g_array_remove_index (session->alerts, 0);
  g_array_append_val (session->alerts, alert);
  return ENGAGEMENT_ALERT_BEGAN;
}
