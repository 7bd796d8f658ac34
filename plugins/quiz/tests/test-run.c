/* A run: names of an anonymous question, times. */
#include "../run.h"

#include <string.h>

#include "questions.h"

#define SECOND_US ((int64_t)G_USEC_PER_SEC)

static QuizRun *
start_run (JsonNode *changes)
{
  g_autoptr (Quiz) quiz
      = make_question ("{\"type\":\"true_false\",\"question\":\"?\",\"correct\":[true],\"time_limit_s\":60,"
                       "\"extra_time\":[{\"student_id\":\"min\",\"percent\":50}]}");
  return quiz_run_new (quiz_with (quiz, changes));
}

static void
test_names (void)
{
  g_autoptr (QuizRun) run = start_run (air_json_new ("{published_at:%t}", g_get_real_time ()));
  g_autoptr (QuizRun) hidden = start_run (air_json_new ("{anonymous:true,anonymous_key:'k1'}"));
  g_autoptr (QuizRun) other = start_run (air_json_new ("{anonymous:true,anonymous_key:'k2'}"));
  g_autoptr (QuizRun) closed = start_run (air_json_new ("{anonymous:true,state:'closed'}"));
  g_autofree char *open_name = quiz_run_student (run, "min"), *name = quiz_run_student (hidden, "min");
  g_autofree char *again = quiz_run_student (hidden, "min"), *elsewhere = quiz_run_student (other, "min");
  g_autofree char *neighbour = quiz_run_student (hidden, "ann");
  g_assert_cmpstr (open_name, ==, "min");
  g_assert_cmpstr (name, ==, again);
  g_assert_null (strstr (name, "min"));
  g_assert_cmpstr (name, !=, elsewhere);
  g_assert_cmpstr (name, !=, neighbour);
  g_assert_null (quiz_run_student (closed, "min"));
  g_assert_null (quiz_run_get_answer (closed, "min"));
}

/* Published 20 s ago, as after a restart: what is left is 40 s, whoever has half as much more 70 s. */
static void
test_times (void)
{
  int64_t before_us = g_get_monotonic_time ();
  g_autoptr (QuizRun) run = start_run (air_json_new ("{published_at:%t}", g_get_real_time () - 20 * SECOND_US));
  int64_t after_us = g_get_monotonic_time (), rounding_us = 2000; /* documents have milliseconds */
  g_assert_cmpint (run->closes_us, >=, before_us + 40 * SECOND_US - rounding_us);
  g_assert_cmpint (run->closes_us, <=, after_us + 40 * SECOND_US);
  g_assert_cmpint (quiz_run_deadline_us (run, NULL), ==, run->closes_us);
  g_assert_cmpint (quiz_run_deadline_us (run, "ann"), ==, run->closes_us);
  g_assert_cmpint (quiz_run_deadline_us (run, "min"), ==, run->closes_us + 30 * SECOND_US);
  g_assert_cmpint (quiz_run_limit_ms (run, "min"), ==, 90000);
}

/* A wall clock that was set back meanwhile gives nobody more than the limit. */
static void
test_clock_set_back (void)
{
  g_autoptr (QuizRun) run = start_run (air_json_new ("{published_at:%t}", g_get_real_time () + 3600 * SECOND_US));
  g_assert_cmpint (run->closes_us, <=, g_get_monotonic_time () + 60 * SECOND_US);
}

static void
test_no_limit (void)
{
  g_autoptr (QuizRun) run = start_run (air_json_new ("{time_limit_s:null,published_at:%t}", g_get_real_time ()));
  g_assert_cmpint (quiz_run_deadline_us (run, "min"), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/quiz/run/names", test_names);
  g_test_add_func ("/quiz/run/times", test_times);
  g_test_add_func ("/quiz/run/clock-set-back", test_clock_set_back);
  g_test_add_func ("/quiz/run/no-limit", test_no_limit);
  return g_test_run ();
}
