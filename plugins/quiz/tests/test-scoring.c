/* What answers are worth: each type, both modes, Korean. */
#include "../scoring.h"

#include <math.h>

#include "../text.h"
#include "questions.h"

static double
credit (const Quiz *quiz, const char *answer)
{
  g_autoptr (JsonNode) taken = take (quiz, answer);
  g_assert_nonnull (taken);
  return quiz_credit (quiz, taken);
}

#define assert_credit(quiz, answer, expected) g_assert_cmpfloat_with_epsilon (credit (quiz, answer), expected, 1e-9)

static void
test_single (void)
{
  g_autoptr (Quiz) quiz = make_question (
      "{\"type\":\"single\",\"question\":\"?\",\"options\":[{\"text\":\"x\"},{\"text\":\"y\"},{\"text\":\"z\"}],\"correct\":[\"B\"]}");
  assert_credit (quiz, "\"B\"", 1);
  assert_credit (quiz, "\"A\"", 0);
  g_assert_null (take (quiz, "\"D\""));
  g_assert_null (take (quiz, "[\"B\"]"));
  g_assert_null (take (quiz, "1"));
  g_assert_null (take (quiz, "null"));
}

static void
test_true_false (void)
{
  g_autoptr (Quiz) quiz = make_question ("{\"type\":\"true_false\",\"question\":\"?\",\"correct\":[false]}");
  g_assert_cmpuint (quiz_count_options (quiz), ==, 2);
  assert_credit (quiz, "false", 1);
  assert_credit (quiz, "\"false\"", 1);
  assert_credit (quiz, "true", 0);
}

static void
test_multiple (void)
{
  g_autoptr (Quiz) quiz = make_question ("{\"type\":\"multiple\",\"question\":\"?\",\"correct\":[\"A\",\"C\"],\"options\":"
                                         "[{\"text\":\"1\"},{\"text\":\"2\"},{\"text\":\"3\"},{\"text\":\"4\"},{\"text\":\"5\"}]}");
  assert_credit (quiz, "[\"A\",\"C\"]", 1);
  assert_credit (quiz, "[\"C\",\"A\"]", 1);
  assert_credit (quiz, "[\"A\"]", 1 - 2.0 / 5);
  assert_credit (quiz, "[\"A\",\"B\"]", 1 - 4.0 / 5);
  assert_credit (quiz, "[\"A\",\"B\",\"C\"]", 1 - 2.0 / 5);
  assert_credit (quiz, "[\"B\",\"D\",\"E\"]", 0);
  assert_credit (quiz, "[\"A\",\"B\",\"C\",\"D\",\"E\"]", 0);
  g_assert_null (take (quiz, "[\"A\",\"A\"]"));
  g_assert_null (take (quiz, "[]"));
  g_assert_null (take (quiz, "\"A\""));
}

static void
test_text (void)
{
  g_autoptr (Quiz) quiz
      = make_question ("{\"type\":\"text\",\"question\":\"?\",\"correct\":[\"Dongdaemun Gate\",\"동대문\",\"흥인지문\",\"Straße\"]}");
  assert_credit (quiz, "\"  dongdaemun \\t GATE \"", 1);
  assert_credit (quiz, "\"dongdaemungate\"", 0);
  assert_credit (quiz, "\"동대문\"", 1);
  assert_credit (quiz, "\" 흥인지문\\n\"", 1);
  assert_credit (quiz, "\"동대 문\"", 0);
  assert_credit (quiz, "\"\xe1\x84\x83\xe1\x85\xa9\xe1\x86\xbc\xe1\x84\x83\xe1\x85\xa2\xe1\x84\x86\xe1\x85\xae\xe1\x86\xab\"", 1); /* in letters, as macOS has it */
  assert_credit (quiz, "\"STRASSE\"", 1);
  assert_credit (quiz, "\"동대문\xe2\x80\x8b\"", 1); /* with a space without width */
  assert_credit (quiz, "\"ｄｏｎｇｄａｅｍｕｎ　ｇａｔｅ\"", 1); /* full width, ideographic space */
  assert_credit (quiz, "\"남대문\"", 0);
  g_assert_null (take (quiz, "\" \""));
  g_assert_null (take (quiz, "7"));
}

static void
test_fold (void)
{
  g_autofree char *halves = quiz_text_fold ("ﾡ"); /* half-width Hangul */
  g_autofree char *whole = quiz_text_fold ("ㄱ");
  g_autofree char *marks = quiz_text_fold ("ÅNGSTRÖM");
  g_assert_cmpstr (halves, ==, whole);
  g_assert_cmpstr (marks, ==, "ångström");
  g_assert_true (quiz_text_is_blank (" \xe2\x80\x8b\xc2\xa0"));
}

static void
test_number (void)
{
  g_autoptr (Quiz) quiz = make_question ("{\"type\":\"number\",\"question\":\"?\",\"correct\":[0.3, 12],\"tolerance\":0.1}");
  assert_credit (quiz, "0.3", 1);
  assert_credit (quiz, "0.4", 1); /* 0.4 - 0.3 > 0.1 in binary */
  assert_credit (quiz, "0.2", 1);
  assert_credit (quiz, "0.41", 0);
  assert_credit (quiz, "12.1", 1);
  assert_credit (quiz, "12", 1);
  assert_credit (quiz, "-12", 0);
  g_assert_null (take (quiz, "\"12\""));
  g_autoptr (Quiz) exact = make_question ("{\"type\":\"number\",\"question\":\"?\",\"correct\":[1000000]}");
  assert_credit (exact, "1e6", 1);
  assert_credit (exact, "1000000.5", 0);
}

static void
test_order (void)
{
  static const char options[] = "[{\"id\":\"A\",\"text\":\"1\"},{\"id\":\"B\",\"text\":\"2\"},{\"id\":\"C\",\"text\":\"3\"}]";
  g_autofree char *by_pairs
      = g_strdup_printf ("{\"type\":\"order\",\"question\":\"?\",\"options\":%s,\"correct\":[\"B\",\"A\",\"C\"]}", options);
  g_autofree char *exact = g_strdup_printf ("{\"type\":\"order\",\"question\":\"?\",\"options\":%s,\"credit\":\"exact\"}", options);
  g_autoptr (Quiz) quiz = make_question (by_pairs);
  assert_credit (quiz, "[\"B\",\"A\",\"C\"]", 1);
  assert_credit (quiz, "[\"A\",\"B\",\"C\"]", 2.0 / 3);
  assert_credit (quiz, "[\"C\",\"A\",\"B\"]", 0);
  g_assert_null (take (quiz, "[\"A\",\"B\"]"));
  g_autoptr (Quiz) strict = make_question (exact);
  assert_credit (strict, "[\"A\",\"B\",\"C\"]", 1);
  assert_credit (strict, "[\"A\",\"C\",\"B\"]", 0);
}

static void
test_poll (void)
{
  g_autoptr (Quiz) quiz = make_question ("{\"type\":\"poll\",\"question\":\"?\",\"options\":[{\"text\":\"네\"},{\"text\":\"아니요\"}]}");
  g_assert_true (isnan (credit (quiz, "\"A\"")));
  g_assert_cmpint (quiz_points (quiz, credit (quiz, "\"A\""), 0, 0), ==, 0);
}

static void
test_points (void)
{
  static const char head[] = "{\"type\":\"single\",\"question\":\"?\",\"options\":[{\"text\":\"x\"},{\"text\":\"y\"}],\"correct\":[\"A\"]";
  g_autofree char *accuracy_text = g_strdup_printf ("%s,\"points\":100,\"time_limit_s\":20}", head);
  g_autofree char *speed_text = g_strdup_printf ("%s,\"points\":1000,\"mode\":\"speed\",\"time_limit_s\":20}", head);
  g_autoptr (Quiz) accuracy = make_question (accuracy_text), speed = make_question (speed_text);
  g_assert_cmpint (quiz_points (accuracy, 1, 19000, 20000), ==, 100);
  g_assert_cmpint (quiz_points (accuracy, 2.0 / 3, 0, 20000), ==, 67);
  g_assert_cmpint (quiz_points (speed, 1, 0, 20000), ==, 1000);
  g_assert_cmpint (quiz_points (speed, 1, 500, 20000), ==, 1000);
  g_assert_cmpint (quiz_points (speed, 1, 501, 20000), ==, 987);
  g_assert_cmpint (quiz_points (speed, 1, 10000, 20000), ==, 750);
  g_assert_cmpint (quiz_points (speed, 1, 20000, 20000), ==, 500);
  g_assert_cmpint (quiz_points (speed, 1, 90000, 20000), ==, 500);
  g_assert_cmpint (quiz_points (speed, 0, 0, 20000), ==, 0);
  g_assert_cmpint (quiz_points (speed, 0.5, 10000, 20000), ==, 375);
  g_assert_cmpint (quiz_points (speed, 1, 20000, 40000), ==, 750); /* with extra time */
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/quiz/scoring/single", test_single);
  g_test_add_func ("/quiz/scoring/true-false", test_true_false);
  g_test_add_func ("/quiz/scoring/multiple", test_multiple);
  g_test_add_func ("/quiz/scoring/text", test_text);
  g_test_add_func ("/quiz/scoring/fold", test_fold);
  g_test_add_func ("/quiz/scoring/number", test_number);
  g_test_add_func ("/quiz/scoring/order", test_order);
  g_test_add_func ("/quiz/scoring/poll", test_poll);
  g_test_add_func ("/quiz/scoring/points", test_points);
  return g_test_run ();
}
