/* A session in virtual time: presence, questions, trend, confusion, and what a restart brings back. */
#include "../documents.h"

#include <airclass/json.h>
#include <math.h>

#define SECOND G_USEC_PER_SEC
#define MINUTE (60 * G_GINT64_CONSTANT (1000000))
#define WALL G_GINT64_CONSTANT (1800000000000000)
#define assert_near(a, b) g_assert_cmpfloat_with_epsilon (a, b, 1e-6)
#define IDS(...) ((const char *const[]){ __VA_ARGS__ __VA_OPT__ (,) NULL })

static const EngagementSettings settings = {
  .signals = { { 0.25, 5 }, { 0.25, 2 }, { 0.25, 5 }, { 0.25, 3 } },
  .first_score_us = 5 * MINUTE, .playback_timeout_us = 35 * SECOND,
  .trend_short_us = 5 * MINUTE, .trend_long_us = 15 * MINUTE, .trend_limit = 10,
  .half_life_us = 120 * SECOND, .hold_us = 180 * SECOND, .chat_share = 0.6, .wrong_share = 0.5,
  .alert_minimum = 3, .alert_share = 0.2, .clear_share = 0.1, .cool_down_us = 3 * MINUTE, .max_students = 100,
};

static EngagementSession *
new_session (void)
{
  EngagementSession *session = engagement_session_new ("s1", "algebra", &settings, WALL, WALL, 0);
  engagement_session_set_stream (session, true, 0);
  return session;
}

static EngagementStudent *
student (EngagementSession *session, const char *id)
{
  EngagementStudent *found = g_hash_table_lookup (session->students, id);
  g_assert_nonnull (found);
  return found;
}

/* The page of @id tells every 15 s from @from_us on that it is being watched, or not. */
static void
watch (EngagementSession *session, const char *id, bool on_page, int64_t from_us, int64_t until_us)
{
  for (int64_t now_us = from_us; now_us < until_us; now_us += 15 * SECOND)
    {
      engagement_session_playback (session, id, on_page, on_page, now_us);
      engagement_session_tick (session, MIN (now_us + 15 * SECOND, until_us));
    }
}

static void
test_presence (void)
{
  g_autoptr (EngagementSession) session = new_session ();
  double components[ENGAGEMENT_COMPONENTS];
  engagement_session_joined (session, "a", "Ann", 0);
  watch (session, "a", true, 0, 4 * MINUTE);
  watch (session, "a", false, 4 * MINUTE, 6 * MINUTE);
  engagement_session_left (session, "a", 6 * MINUTE);
  engagement_session_tick (session, 20 * MINUTE);
  g_assert_cmpint (student (session, "a")->present_us, ==, 6 * MINUTE);
  engagement_student_components (session, student (session, "a"), components);
  assert_near (components[ENGAGEMENT_ON_PAGE], 4. / 6);
  /* A page that was watched and goes silent: 35 s are believed, the rest is the network. */
  engagement_session_joined (session, "b", "Ben", 20 * MINUTE);
  engagement_session_playback (session, "b", true, true, 20 * MINUTE);
  engagement_session_tick (session, 21 * MINUTE);
  g_assert_cmpint (student (session, "b")->on_page_us, ==, 35 * SECOND);
  g_assert_cmpint (student (session, "b")->network_lost_us, ==, 25 * SECOND);
  engagement_student_components (session, student (session, "b"), components);
  assert_near (components[ENGAGEMENT_ON_PAGE], 1);
  /* A hidden page is silent because browsers slow it; and while nothing is on the air nobody can watch. */
  engagement_session_playback (session, "b", false, true, 21 * MINUTE);
  engagement_session_set_stream (session, false, 22 * MINUTE);
  engagement_session_tick (session, 30 * MINUTE);
  g_assert_cmpint (student (session, "b")->watched_us, ==, 2 * MINUTE);
  g_assert_cmpint (student (session, "b")->network_lost_us, ==, 25 * SECOND);
  g_assert_cmpint (student (session, "b")->present_us, ==, 10 * MINUTE);
}

static bool
best_is_on_page (const AirClassReport *reports, unsigned count)
{
  g_autoptr (JsonNode) best = engagement_best_playback (reports, count, NULL);
  return air_json_get_bool (best, "visible", false) && air_json_get_bool (best, "playing", false);
}

static void
test_pages_of_one (void)
{
  g_autoptr (JsonNode) on = air_json_new ("{visible: true, playing: true}"), off = air_json_new ("{visible: false, playing: true}");
  g_autoptr (JsonNode) paused = air_json_new ("{visible: true, playing: false}");
  g_assert_false (best_is_on_page ((AirClassReport[]){ { off, 0 }, { paused, SECOND } }, 2)); /* not one of them is both */
  g_assert_true (best_is_on_page ((AirClassReport[]){ { off, 0 }, { paused, SECOND }, { on, 15 * SECOND } }, 3));
  /* A page that has gone silent is not believed against one that speaks; but nothing is known against it where none does. */
  g_assert_false (best_is_on_page ((AirClassReport[]){ { off, 0 }, { on, 30 * SECOND } }, 2));
  g_assert_true (best_is_on_page ((AirClassReport[]){ { on, 30 * SECOND }, { off, 40 * SECOND } }, 2));
}

static void
test_first_score (void)
{
  g_autoptr (EngagementSession) session = new_session ();
  engagement_session_joined (session, "a", "Ann", 0);
  watch (session, "a", true, 0, 5 * MINUTE - SECOND);
  g_assert_true (isnan (engagement_student_overall (session, student (session, "a"))));
  g_assert_true (isnan (engagement_session_mean (session)));
  engagement_session_tick (session, 5 * MINUTE);
  /* On the page all the time, two hands of two, no reactions; chat was not offered: 100 · (.25 · 1 + .25 · .5) / .5 */
  engagement_session_signal (session, "a", ENGAGEMENT_HAND, 2, 5 * MINUTE);
  assert_near (engagement_student_overall (session, student (session, "a")), 75);
  session->chat_offered = true;
  /* Three signals, one of them full: 100 · (1 + 1/3) / 2 */
  assert_near (engagement_student_overall (session, student (session, "a")), 200. / 3);
  g_autoptr (JsonNode) weights = air_json_new ("{on_page: %f, participation: %f}", 1.0, 0.0);
  engagement_session_set_weights (session, weights);
  assert_near (engagement_student_overall (session, student (session, "a")), 100);
}

static void
test_questions (void)
{
  g_autoptr (EngagementSession) session = new_session ();
  engagement_session_joined (session, "a", "Ann", 0);
  engagement_session_joined (session, "b", "Ben", 0);
  for (unsigned i = 0; i < 2; i++)
    {
      const char *quiz = i == 0 ? "q1" : "q2";
      engagement_session_quiz_published (session, quiz, false, false);
      engagement_session_quiz_answered (session, quiz, "a", MINUTE);
      engagement_session_quiz_answered (session, quiz, "a", MINUTE);
      /* It runs: counts for who has answered, against nobody. */
      g_assert_cmpuint (student (session, "a")->asked, ==, i + 1);
      g_assert_cmpuint (student (session, "b")->asked, ==, i);
      engagement_session_quiz_closed (session, quiz, IDS ("a", "b"), IDS ("a"), 2 * MINUTE);
      engagement_session_quiz_closed (session, quiz, IDS ("a", "b"), IDS ("a"), 2 * MINUTE);
      /* Not before the reveal: the students see these figures. */
      g_assert_cmpuint (student (session, "a")->graded, ==, i);
      engagement_session_quiz_revealed (session, quiz, i == 0 ? IDS ("a") : IDS (), i == 0 ? IDS () : IDS ("a"), 3 * MINUTE);
      engagement_session_quiz_revealed (session, quiz, IDS ("a"), IDS (), 3 * MINUTE);
      g_assert_cmpuint (student (session, "a")->graded, ==, i + 1);
    }
  double components[ENGAGEMENT_COMPONENTS];
  engagement_student_components (session, student (session, "a"), components);
  assert_near (components[ENGAGEMENT_RESPONSE], 1);
  assert_near (components[ENGAGEMENT_ACCURACY], (1 + 2 * 0.5) / 4);
  engagement_student_components (session, student (session, "b"), components);
  assert_near (components[ENGAGEMENT_RESPONSE], 0);
  g_assert_true (isnan (components[ENGAGEMENT_ACCURACY]));
  /* One poll: all that could be answered. Nothing else was done: (0 + 0 + 1) / 3 */
  engagement_session_quiz_published (session, "p", true, false);
  engagement_session_quiz_closed (session, "p", IDS ("a", "b"), IDS ("b"), 3 * MINUTE);
  engagement_student_components (session, student (session, "b"), components);
  assert_near (components[ENGAGEMENT_PARTICIPATION], 1. / 3);
  assert_near (components[ENGAGEMENT_RESPONSE], 0);
  /* An anonymous one is in nobody's figures. */
  engagement_session_quiz_published (session, "x", false, true);
  engagement_session_quiz_answered (session, "x", "a", 4 * MINUTE);
  engagement_session_quiz_closed (session, "x", IDS ("a", "b"), IDS ("a"), 4 * MINUTE);
  engagement_session_quiz_revealed (session, "x", IDS (), IDS ("a"), 4 * MINUTE);
  g_assert_cmpuint (student (session, "a")->asked, ==, 2);
  g_assert_cmpuint (student (session, "a")->graded, ==, 2);
  /* One from elsewhere, once for each student; not under the name of one of our own. */
  g_assert_true (engagement_session_track_answer (session, "paper", "b", 1, 5 * MINUTE));
  g_assert_false (engagement_session_track_answer (session, "paper", "b", 1, 5 * MINUTE));
  g_assert_false (engagement_session_track_answer (session, "q1", "b", 1, 5 * MINUTE));
  g_assert_false (engagement_session_track_answer (session, "paper", "nobody", 1, 5 * MINUTE));
  g_assert_cmpuint (student (session, "b")->answered, ==, 1);
}

static void
test_trend (void)
{
  g_autoptr (EngagementSession) session = new_session ();
  engagement_session_joined (session, "a", "Ann", 0);
  watch (session, "a", true, 0, 4 * MINUTE);
  g_assert_true (isnan (engagement_student_trend (session, student (session, "a"))));
  watch (session, "a", true, 4 * MINUTE, 30 * MINUTE);
  assert_near (engagement_student_trend (session, student (session, "a")), 0);
  g_assert_false (engagement_student_flagged (session, student (session, "a")));
  /* Two minutes away: 100 · (e^(−2/5) − e^(−2/15)) = −20.5 */
  watch (session, "a", false, 30 * MINUTE, 32 * MINUTE);
  assert_near (engagement_student_trend (session, student (session, "a")), 100 * (exp (-2. / 5) - exp (-2. / 15)));
  g_assert_true (engagement_student_flagged (session, student (session, "a")));
  /* A point each minute. */
  g_assert_cmpuint (session->points->len, ==, 32);
  assert_near (g_array_index (session->points, EngagementPoint, 9).on_page, 1);
}

static void
test_confusion (void)
{
  g_autoptr (EngagementSession) session = new_session ();
  EngagementConfusion confusion;
  for (unsigned i = 0; i < 20; i++)
    {
      g_autofree char *id = g_strdup_printf ("s%u", i);
      engagement_session_joined (session, id, id, 0);
    }
  for (unsigned i = 0; i < 4; i++)
    {
      g_autofree char *id = g_strdup_printf ("s%u", i);
      engagement_session_lost (session, id, true, MINUTE);
      /* 20% of 20 is 4. */
      g_assert_cmpint (engagement_session_check_alert (session, MINUTE), ==, i < 3 ? ENGAGEMENT_ALERT_SAME : ENGAGEMENT_ALERT_BEGAN);
    }
  engagement_session_confusion (session, MINUTE, &confusion);
  g_assert_true (confusion.active);
  assert_near (confusion.level, 4);
  assert_near (confusion.threshold, 4);
  g_assert_cmpint (engagement_stream_ms (session, g_array_index (session->alerts, EngagementAlert, 0).at_us), ==, 60000);
  /* One half-life later: 2 = 10% of 20 is not below it yet, another second is. */
  g_assert_cmpint (engagement_session_check_alert (session, 3 * MINUTE), ==, ENGAGEMENT_ALERT_SAME);
  g_assert_cmpint (engagement_session_check_alert (session, 3 * MINUTE + SECOND), ==, ENGAGEMENT_ALERT_ENDED);
  /* Again within the cool-down, then after it: the button of s0 anew, messages of five, a wrong answer of one. */
  for (unsigned i = 0; i < 4; i++)
    {
      g_autofree char *id = g_strdup_printf ("s%u", i);
      engagement_session_lost (session, id, true, 4 * MINUTE - SECOND);
    }
  g_assert_cmpint (engagement_session_check_alert (session, 4 * MINUTE - SECOND), ==, ENGAGEMENT_ALERT_SAME);
  engagement_session_chat (session, "s10", 1, 4 * MINUTE);
  engagement_session_chat (session, "s10", 1, 4 * MINUTE);
  engagement_session_quiz_published (session, "q", false, false);
  engagement_session_quiz_closed (session, "q", IDS ("s11"), IDS ("s11"), 4 * MINUTE);
  engagement_session_quiz_revealed (session, "q", IDS (), IDS ("s11"), 4 * MINUTE);
  engagement_session_confusion (session, 4 * MINUTE, &confusion);
  assert_near (confusion.level, 4 * exp2 (-1. / 120) + 0.6 + 0.5);
  g_assert_cmpuint (confusion.confused, ==, 6);
  g_assert_cmpint (engagement_session_check_alert (session, 4 * MINUTE), ==, ENGAGEMENT_ALERT_BEGAN);
  /* "I'm fine" takes all back; who left does not count; messages and answers are forgotten. */
  engagement_session_lost (session, "s0", false, 4 * MINUTE);
  engagement_session_left (session, "s1", 4 * MINUTE);
  engagement_session_lost (session, "s10", false, 4 * MINUTE);
  engagement_session_confusion (session, 4 * MINUTE, &confusion);
  assert_near (confusion.level, 2 * exp2 (-1. / 120) + 0.5);
  engagement_session_confusion (session, 8 * MINUTE, &confusion);
  assert_near (confusion.level, 2 * exp2 (-241. / 120));
}

static void
test_off_switch (void)
{
  g_autoptr (EngagementSession) session = new_session ();
  engagement_session_joined (session, "a", "Ann", 0);
  engagement_session_set_analysis (session, false, MINUTE);
  engagement_session_joined (session, "b", "Ben", MINUTE);
  engagement_session_signal (session, "a", ENGAGEMENT_CHAT, 1, MINUTE);
  engagement_session_lost (session, "a", true, MINUTE);
  engagement_session_tick (session, 9 * MINUTE);
  g_assert_null (g_hash_table_lookup (session->students, "b"));
  g_assert_cmpint (student (session, "a")->present_us, ==, MINUTE);
  assert_near (student (session, "a")->counts[ENGAGEMENT_CHAT], 0);
  g_assert_cmpint (student (session, "a")->lost_at_us, ==, ENGAGEMENT_NEVER);
}

static void
test_restart (void)
{
  g_autoptr (EngagementSession) session = new_session ();
  session->chat_offered = true;
  engagement_session_joined (session, "a", "Ann", 0);
  watch (session, "a", true, 0, 10 * MINUTE);
  engagement_session_chat (session, "a", 0, 10 * MINUTE);
  engagement_session_lost (session, "a", true, 10 * MINUTE);
  engagement_session_quiz_published (session, "q", false, false);
  engagement_session_quiz_answered (session, "q", "a", 10 * MINUTE);
  g_autoptr (JsonNode) row = engagement_student_to_json (session, student (session, "a"));
  g_autoptr (JsonNode) document = engagement_student_to_document (session, student (session, "a"));
  g_autoptr (JsonNode) summary = engagement_session_to_document (session, 0, 10 * MINUTE);
  g_assert_null (air_json_get (summary, "ended_at"));

  /* Two minutes later another process: its monotonic clock began anew. */
  g_autoptr (EngagementSession) restored
      = engagement_session_new ("s1", "algebra", &settings, WALL, WALL + 12 * MINUTE, 500 * MINUTE);
  engagement_session_restore (restored, summary, 500 * MINUTE);
  engagement_session_restore_student (restored, document, 500 * MINUTE);
  engagement_session_set_stream (restored, true, 500 * MINUTE);
  g_assert_false (student (restored, "a")->present);
  engagement_session_joined (restored, "a", "Ann", 500 * MINUTE);
  assert_near (engagement_student_overall (restored, student (restored, "a")), engagement_student_overall (session, student (session, "a")));
  g_assert_cmpint (student (restored, "a")->present_us, ==, 10 * MINUTE);
  EngagementConfusion confusion;
  engagement_session_confusion (restored, 500 * MINUTE, &confusion);
  assert_near (confusion.level, 0.5);
  g_assert_cmpuint (restored->points->len, ==, session->points->len);
  g_assert_cmpint (engagement_stream_ms (restored, 500 * MINUTE), ==, 12 * 60000);
  /* The answer that was there is not counted twice, and the question is still known. */
  engagement_session_quiz_closed (restored, "q", IDS ("a"), IDS ("a"), 501 * MINUTE);
  g_assert_cmpuint (student (restored, "a")->asked, ==, 1);
  g_assert_cmpuint (student (restored, "a")->right, ==, 0);
  /* Between the close and the reveal once more. */
  g_autoptr (JsonNode) closed = engagement_session_to_document (restored, 0, 501 * MINUTE);
  g_autoptr (JsonNode) row_then = engagement_student_to_document (restored, student (restored, "a"));
  g_autoptr (EngagementSession) again = engagement_session_new ("s1", "algebra", &settings, WALL, WALL + 14 * MINUTE, MINUTE);
  engagement_session_restore (again, closed, MINUTE);
  engagement_session_restore_student (again, row_then, MINUTE);
  engagement_session_quiz_closed (again, "q", IDS ("a"), IDS ("a"), MINUTE);
  engagement_session_quiz_revealed (again, "q", IDS ("a"), IDS (), MINUTE);
  g_assert_cmpuint (student (again, "a")->asked, ==, 1);
  g_assert_cmpuint (student (again, "a")->right, ==, 1);
  /* What is no document changes nothing. */
  g_autoptr (JsonNode) nonsense = air_json_new ("{student_id: 'z', details: 5, points: [1, null], alerts: [{}], state: {quizzes: [3]}}");
  engagement_session_restore_student (restored, nonsense, 501 * MINUTE);
  engagement_session_restore (restored, nonsense, 501 * MINUTE);
}

/* The session's document is older than the student's, or newer: each answer counts once all the same. */
static void
test_crash (void)
{
  g_autoptr (EngagementSession) session = new_session ();
  engagement_session_joined (session, "a", "Ann", 0);
  engagement_session_joined (session, "b", "Ben", 0);
  engagement_session_quiz_published (session, "q", false, false);
  g_autoptr (JsonNode) ben = engagement_student_to_document (session, student (session, "b"));
  g_autoptr (JsonNode) before = engagement_session_to_document (session, 0, MINUTE);
  engagement_session_quiz_answered (session, "q", "a", MINUTE);
  engagement_session_quiz_answered (session, "q", "b", MINUTE);
  engagement_session_quiz_published (session, "poll", true, false);
  engagement_session_quiz_answered (session, "poll", "a", MINUTE);
  g_assert_true (engagement_session_track_answer (session, "paper", "a", 1, MINUTE));
  g_autoptr (JsonNode) ann = engagement_student_to_document (session, student (session, "a"));
  g_autoptr (JsonNode) after = engagement_session_to_document (session, 0, MINUTE);

  for (unsigned i = 0; i < 2; i++)
    {
      g_autoptr (EngagementSession) restored
          = engagement_session_new ("s1", "algebra", &settings, WALL, WALL + 2 * MINUTE, 2 * MINUTE);
      engagement_session_restore (restored, i == 0 ? before : after, 2 * MINUTE);
      engagement_session_restore_student (restored, ann, 2 * MINUTE);
      engagement_session_restore_student (restored, ben, 2 * MINUTE);
      engagement_session_quiz_answered (restored, "q", "a", 3 * MINUTE);
      engagement_session_quiz_closed (restored, "q", IDS ("a", "b"), IDS ("a", "b"), 3 * MINUTE);
      engagement_session_quiz_closed (restored, "poll", IDS ("a", "b"), IDS ("a"), 3 * MINUTE);
      g_assert_false (engagement_session_track_answer (restored, "paper", "a", 1, 3 * MINUTE));
      g_assert_cmpuint (student (restored, "a")->asked, ==, 2);
      g_assert_cmpuint (student (restored, "a")->answered, ==, 2);
      g_assert_cmpuint (student (restored, "a")->polls_asked, ==, 1);
      assert_near (student (restored, "a")->counts[ENGAGEMENT_POLL], 1);
      g_assert_cmpuint (student (restored, "b")->answered, ==, 1);
      g_assert_cmpuint (student (restored, "b")->polls_asked, ==, 1);
    }
}

/* The machine started anew: its monotonic clock is younger than the session. */
static void
test_reboot (void)
{
  g_autoptr (EngagementSession) session = new_session ();
  engagement_session_joined (session, "a", "Ann", 0);
  engagement_session_tick (session, MINUTE);
  for (unsigned i = 0; i < 3; i++)
    {
      g_autofree char *id = g_strdup_printf ("s%u", i);
      engagement_session_joined (session, id, id, MINUTE);
      engagement_session_lost (session, id, true, MINUTE);
    }
  g_assert_cmpint (engagement_session_check_alert (session, MINUTE), ==, ENGAGEMENT_ALERT_BEGAN);
  g_autoptr (JsonNode) summary = engagement_session_to_document (session, 0, MINUTE);
  g_autoptr (JsonNode) lost = engagement_student_to_document (session, student (session, "s0"));

  g_autoptr (EngagementSession) restored
      = engagement_session_new ("s1", "algebra", &settings, WALL, WALL + 3 * MINUTE, SECOND);
  engagement_session_restore (restored, summary, SECOND);
  engagement_session_restore_student (restored, lost, SECOND);
  engagement_session_joined (restored, "s0", "s0", SECOND);
  /* Pressed two minutes ago: one half. The alert is as old as it was, and goes on. */
  EngagementConfusion confusion;
  engagement_session_confusion (restored, SECOND, &confusion);
  assert_near (confusion.level, 0.5);
  g_assert_true (confusion.active);
  g_autoptr (JsonNode) again = engagement_session_to_document (restored, 0, SECOND);
  for (unsigned i = 0; i < 3; i++)
    {
      const char *name = ((const char *const[]){ "started_at", "alerts", "points" })[i];
      g_assert_nonnull (air_json_get (again, name));
      g_assert_true (json_node_equal (air_json_get (again, name), air_json_get (summary, name)));
    }
  g_autoptr (JsonNode) row = engagement_student_to_document (restored, student (restored, "s0"));
  g_assert_cmpstr (air_json_get_string (air_json_get (row, "state"), "lost_at"), ==,
                   air_json_get_string (air_json_get (lost, "state"), "lost_at"));
  g_assert_cmpint (engagement_stream_ms (restored, SECOND), ==, 3 * 60000);
}

static void
test_limits (void)
{
  g_autoptr (EngagementSession) session = new_session ();
  for (unsigned i = 0; i < 150; i++)
    {
      g_autofree char *id = g_strdup_printf ("s%u", i);
      engagement_session_joined (session, id, id, 0);
      engagement_session_track_answer (session, id, "s0", 1, 0);
    }
  g_assert_cmpuint (g_hash_table_size (session->students), ==, 100);
  g_assert_cmpuint (student (session, "s0")->answered, ==, 50);
  for (unsigned i = 0; i < 800; i++)
    engagement_session_tick (session, i * MINUTE);
  g_assert_cmpuint (session->points->len, ==, 720);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engagement/session/presence", test_presence);
  g_test_add_func ("/engagement/session/pages-of-one", test_pages_of_one);
  g_test_add_func ("/engagement/session/first-score", test_first_score);
  g_test_add_func ("/engagement/session/questions", test_questions);
  g_test_add_func ("/engagement/session/trend", test_trend);
  g_test_add_func ("/engagement/session/confusion", test_confusion);
  g_test_add_func ("/engagement/session/off-switch", test_off_switch);
  g_test_add_func ("/engagement/session/restart", test_restart);
  g_test_add_func ("/engagement/session/crash", test_crash);
  g_test_add_func ("/engagement/session/reboot", test_reboot);
  g_test_add_func ("/engagement/session/limits", test_limits);
  return g_test_run ();
}
