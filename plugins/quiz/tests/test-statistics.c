/* Counts, distributions, discrimination. */
#include "../statistics.h"

#include <math.h>

#include "../scoring.h"
#include "questions.h"

static GHashTable *
new_answers (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)quiz_answer_free);
}

static void
add (const Quiz *quiz, GHashTable *answers, const char *student, const char *text, int64_t response_ms)
{
  QuizAnswer *answer = g_new0 (QuizAnswer, 1);
  answer->student = g_strdup (student);
  answer->answer = take (quiz, text);
  g_assert_nonnull (answer->answer);
  answer->response_ms = response_ms;
  answer->credit = quiz_credit (quiz, answer->answer);
  g_hash_table_insert (answers, answer->student, answer);
}

static void
assert_distribution (const Quiz *quiz, GHashTable *answers, bool is_for_teacher, const char *expected)
{
  g_autoptr (JsonNode) node = quiz_distribution (quiz, answers, is_for_teacher);
  g_autofree char *text = air_json_to_string (node);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_options (void)
{
  g_autoptr (Quiz) quiz = make_question ("{\"type\":\"multiple\",\"question\":\"?\",\"correct\":[\"A\"],\"options\":"
                                         "[{\"text\":\"1\"},{\"text\":\"2\"},{\"text\":\"3\"}]}");
  g_autoptr (GHashTable) answers = new_answers ();
  add (quiz, answers, "a", "[\"A\"]", 1000);
  add (quiz, answers, "b", "[\"A\",\"B\"]", 2000);
  assert_distribution (quiz, answers, false, "{\"A\":2,\"B\":1,\"C\":0}");
  QuizTally tally = quiz_tally (answers);
  g_assert_cmpuint (tally.answered, ==, 2); /* students, not ticks */
  g_assert_cmpuint (tally.right, ==, 1);
  g_assert_cmpfloat_with_epsilon (tally.credit_sum, 1 + 1.0 / 3, 1e-9);
  g_assert_cmpfloat (tally.response_ms_sum, ==, 3000);
}

static void
test_written (void)
{
  g_autoptr (Quiz) quiz = make_question ("{\"type\":\"text\",\"question\":\"?\",\"correct\":[\"서울\",\"Seoul\"]}");
  g_autoptr (GHashTable) answers = new_answers ();
  add (quiz, answers, "a", "\"서울\"", 1);
  add (quiz, answers, "b", "\" 서울 \"", 1);
  add (quiz, answers, "c", "\"Seoul\"", 1);
  add (quiz, answers, "d", "\"my secret\"", 1);
  g_autoptr (JsonNode) counts = quiz_distribution (quiz, answers, true);
  g_assert_cmpint (air_json_get_int (counts, "서울", 0), ==, 2);
  g_assert_cmpint (air_json_get_int (counts, "my secret", 0), ==, 1);
  assert_distribution (quiz, answers, false, "{\"서울\":3,\"…\":1}");
}

static void
test_orders (void)
{
  g_autoptr (Quiz) quiz = make_question ("{\"type\":\"order\",\"question\":\"?\",\"correct\":[\"a\",\"A\",\"b\"],\"options\":"
                                         "[{\"id\":\"a\",\"text\":\"1\"},{\"id\":\"A\",\"text\":\"2\"},{\"id\":\"b\",\"text\":\"3\"}]}");
  g_autoptr (GHashTable) answers = new_answers ();
  add (quiz, answers, "s1", "[\"a\",\"A\",\"b\"]", 1);
  add (quiz, answers, "s2", "[\"A\",\"a\",\"b\"]", 1);
  add (quiz, answers, "s3", "[\"A\",\"a\",\"b\"]", 1);
  /* The commonest first; ids that differ in their case alone are not the same. Others than the teacher see the right one. */
  assert_distribution (quiz, answers, true, "{\"A,a,b\":2,\"a,A,b\":1}");
  assert_distribution (quiz, answers, false, "{\"a,A,b\":1,\"…\":2}");
}

static void
test_written_is_bounded (void)
{
  g_autoptr (Quiz) quiz = make_question ("{\"type\":\"number\",\"question\":\"?\",\"correct\":[7]}");
  g_autoptr (GHashTable) answers = new_answers ();
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (unsigned i = 0; i < 100; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u.5", i);
      g_ptr_array_add (names, g_strdup_printf ("s%u", i));
      add (quiz, answers, g_ptr_array_index (names, i), text, 1);
    }
  g_autoptr (JsonNode) counts = quiz_distribution (quiz, answers, true);
  g_assert_cmpuint (json_object_get_size (json_node_get_object (counts)), ==, 21);
  g_assert_cmpint (air_json_get_int (counts, "…", 0), ==, 80);
}

static void
test_discrimination (void)
{
  static const double item[] = { 1, 1, 1, 0, 0, 0 };
  static const double good[] = { 1, 0.9, 0.8, 0.2, 0.1, 0 };
  static const double alike[] = { 0.5, 0.5, 0.5, 0.5, 0.5, 0.5 };
  double reversed[6];
  for (unsigned i = 0; i < 6; i++)
    reversed[i] = good[5 - i];
  g_assert_cmpfloat_with_epsilon (quiz_discrimination (item, good, 6), 0.979796, 1e-6);
  g_assert_cmpfloat_with_epsilon (quiz_discrimination (item, reversed, 6), -0.979796, 1e-6);
  g_assert_true (isnan (quiz_discrimination (item, alike, 6)));
  g_assert_true (isnan (quiz_discrimination (item, good, 4)));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/quiz/statistics/options", test_options);
  g_test_add_func ("/quiz/statistics/written", test_written);
  g_test_add_func ("/quiz/statistics/orders", test_orders);
  g_test_add_func ("/quiz/statistics/written-is-bounded", test_written_is_bounded);
  g_test_add_func ("/quiz/statistics/discrimination", test_discrimination);
  return g_test_run ();
}
