/* See run.h. */
#include "run.h"

void
quiz_run_read_times (QuizRun *run)
{
  int64_t elapsed_us = MAX (g_get_real_time () - run->quiz->published_us, 0);
  run->published_us = g_get_monotonic_time () - elapsed_us;
  run->closes_us = run->quiz->time_limit_ms > 0 ? run->published_us + run->quiz->time_limit_ms * 1000 : 0;
}

QuizRun *
quiz_run_new (Quiz *quiz)
{
  QuizRun *run = g_new0 (QuizRun, 1);
  run->quiz = quiz;
  run->answers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)quiz_answer_free);
  run->arrived = g_hash_table_new (g_str_hash, g_str_equal);
  run->asked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  run->present = (unsigned)air_json_get_int (quiz->document, "present", 0);
  JsonNode *not_answered = air_json_get (quiz->document, "not_answered");
  run->not_answered = not_answered != NULL ? json_node_copy (not_answered) : air_json_new ("[]");
  JsonArray *asked = air_json_get_array (quiz->document, "asked");
  for (unsigned i = 0; asked != NULL && i < json_array_get_length (asked); i++)
    g_hash_table_add (run->asked, g_strdup (json_array_get_string_element (asked, i)));
  quiz_run_read_times (run);
  return run;
}

void
quiz_run_free (QuizRun *run)
{
  if (run == NULL)
    return;
  g_clear_pointer (&run->quiz, quiz_free);
  g_hash_table_unref (run->answers);
  g_hash_table_unref (run->arrived);
  g_hash_table_unref (run->asked);
  g_clear_pointer (&run->not_answered, json_node_unref);
  g_free (run);
}

void
quiz_run_set (QuizRun *run, JsonNode *changes)
{
  Quiz *changed = quiz_with (run->quiz, changes);
  quiz_free (run->quiz);
  run->quiz = changed;
}

bool
quiz_run_is_open (const QuizRun *run)
{
  return run->quiz->state == QUIZ_OPEN;
}

char *
quiz_run_student (const QuizRun *run, const char *user_id)
{
  if (!run->quiz->is_anonymous)
    return g_strdup (user_id);
  if (run->quiz->anonymous_key == NULL)
    return NULL;
  const char *key = run->quiz->anonymous_key;
  g_autofree char *digest = g_compute_hmac_for_string (G_CHECKSUM_SHA256, (const guchar *)key, strlen (key), user_id, -1);
  return g_strdup_printf ("anonymous-%.32s", digest);
}

const QuizAnswer *
quiz_run_get_answer (const QuizRun *run, const char *user_id)
{
  g_autofree char *student = user_id != NULL ? quiz_run_student (run, user_id) : NULL;
  return student != NULL ? g_hash_table_lookup (run->answers, student) : NULL;
}

int64_t
quiz_run_deadline_us (const QuizRun *run, const char *user_id)
{
  if (run->closes_us == 0)
    return 0;
  return run->closes_us + (user_id != NULL ? quiz_extra_ms (run->quiz, user_id) * 1000 : 0);
}

int64_t
quiz_run_limit_ms (const QuizRun *run, const char *user_id)
{
  return run->quiz->time_limit_ms + quiz_extra_ms (run->quiz, user_id);
}

int64_t
quiz_wall_us (int64_t monotonic_us)
{
  return monotonic_us - g_get_monotonic_time () + g_get_real_time ();
}
