/* Difficulty and discrimination against examples computed by hand. */
#include "../item-analysis.h"

#include <airclass/json.h>
#include <math.h>

#define assert_near(a, b) g_assert_cmpfloat_with_epsilon (a, b, 0.0006)

/* Six students, three questions; the rows are students. */
static const double credits[6][3] = { { 1, 1, 1 }, { 1, 1, 0 }, { 1, 0, 1 }, { 0, 0, 0 }, { 0, 1, 0 }, { 0, 0, 0 } };

static void
test_discrimination (void)
{
  g_autoptr (ItemAnalysis) analysis = item_analysis_new ();
  static const char *const quizzes[] = { "q0", "q1", "q2" };
  for (unsigned student = 0; student < 6; student++)
    for (unsigned quiz = 0; quiz < 3; quiz++)
      {
        g_autofree char *id = g_strdup_printf ("s%u", student);
        item_analysis_add (analysis, "session", quizzes[quiz], id, credits[student][quiz], 1000 * (student + 1));
      }
  g_autoptr (JsonNode) q0 = item_analysis_describe (analysis, "q0");
  /* q0: x = 1 1 1 0 0 0, rest = 1 .5 .5 0 .5 0. n Σxy − Σx Σy = 12 − 7.5; n Σxx − (Σx)² = 9; n Σyy − (Σy)² = 10.5 − 6.25:
   * 4.5 / √(9 · 4.25) = .728 */
  g_assert_cmpint (air_json_get_int (q0, "answered", 0), ==, 6);
  assert_near (air_json_get_double (q0, "correct_share", NAN), 0.5);
  assert_near (air_json_get_double (q0, "difficulty", NAN), 0.5);
  assert_near (air_json_get_double (q0, "discrimination", NAN), 0.728);
  assert_near (air_json_get_double (q0, "mean_response_ms", NAN), 3500);
  g_autoptr (JsonNode) q2 = item_analysis_describe (analysis, "q2");
  assert_near (air_json_get_double (q2, "difficulty", NAN), 0.667);
  /* x = 1 0 1 0 0 0, rest = 1 1 .5 0 .5 0: (6 · 1.5 − 2 · 3) / √((12 − 4)(15 − 9)) = 3 / 6.928 */
  assert_near (air_json_get_double (q2, "discrimination", NAN), 0.433);
}

static void
test_too_little (void)
{
  g_autoptr (ItemAnalysis) analysis = item_analysis_new ();
  for (unsigned i = 0; i < 8; i++)
    {
      g_autofree char *id = g_strdup_printf ("s%u", i);
      item_analysis_add (analysis, "one", "poll", id, NAN, 10);
      item_analysis_add (analysis, "one", "alike", id, 1, 10);
      item_analysis_add (analysis, "one", "partly", id, i < 4 ? 0.5 : 1, 10);
      /* In another session nobody answered a second question: there is nothing to hold it against. */
      item_analysis_add (analysis, "two", "alone", id, i % 2, 10);
    }
  g_autoptr (JsonNode) poll = item_analysis_describe (analysis, "poll"), alike = item_analysis_describe (analysis, "alike");
  g_autoptr (JsonNode) partly = item_analysis_describe (analysis, "partly"), alone = item_analysis_describe (analysis, "alone");
  g_autoptr (JsonNode) nobody = item_analysis_describe (analysis, "nobody");
  g_assert_cmpint (air_json_get_int (poll, "answered", 0), ==, 8);
  g_assert_true (isnan (air_json_get_double (poll, "difficulty", NAN)));
  g_assert_true (isnan (air_json_get_double (alike, "discrimination", NAN)));
  assert_near (air_json_get_double (alike, "difficulty", NAN), 0);
  assert_near (air_json_get_double (partly, "mean_credit", NAN), 0.75);
  assert_near (air_json_get_double (partly, "correct_share", NAN), 0.5);
  assert_near (air_json_get_double (alone, "correct_share", NAN), 0.5);
  g_assert_true (isnan (air_json_get_double (alone, "discrimination", NAN)));
  g_assert_cmpint (air_json_get_int (nobody, "answered", -1), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/dashboard/item-analysis/discrimination", test_discrimination);
  g_test_add_func ("/dashboard/item-analysis/too-little", test_too_little);
  return g_test_run ();
}
