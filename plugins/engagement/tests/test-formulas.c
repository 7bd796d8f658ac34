/* The formulas against examples computed by hand. */
#include "../formulas.h"
#include "../intent.h"

#include <glib.h>
#include <math.h>

#define SECOND G_USEC_PER_SEC
#define MINUTE (60 * G_GINT64_CONSTANT (1000000))
#define assert_near(a, b) g_assert_cmpfloat_with_epsilon (a, b, 1e-9)

static void
test_on_page (void)
{
  /* 20 min watched, of it 4 min without a network, 12 min on the page: 12 / 16. */
  assert_near (engagement_on_page (12 * MINUTE, 20 * MINUTE, 4 * MINUTE), 0.75);
  assert_near (engagement_on_page (0, MINUTE, 0), 0);
  g_assert_true (isnan (engagement_on_page (0, 0, 0)));
  g_assert_true (isnan (engagement_on_page (0, MINUTE, MINUTE)));
}

static void
test_participation (void)
{
  const EngagementSignalRule rules[] = { { 0.25, 5 }, { 0.25, 2 }, { 0.25, 5 }, { 0.25, 3 } };
  const double counts[] = { 10, 1, 0, 3 };
  unsigned all = 15, without_polls = 7;
  /* chat 10/5 is no more than 1; hand 1/2; reactions 0; polls 3/3: (1 + .5 + 0 + 1) / 4 */
  assert_near (engagement_participation (rules, counts, all), 0.625);
  /* No polls were asked: (1 + .5 + 0) / 3 */
  assert_near (engagement_participation (rules, counts, without_polls), 0.5);
  g_assert_true (isnan (engagement_participation (rules, counts, 0)));
  /* Hands count three times as much, reactions not at all: (1 · 1 + 3 · .5) / 4 */
  const EngagementSignalRule unequal[] = { { 1, 5 }, { 3, 2 }, { 0, 5 }, { 0, 3 } };
  assert_near (engagement_participation (unequal, counts, all), 0.625);
  const EngagementSignalRule none[ENGAGEMENT_SIGNALS] = { { 0, 1 }, { 0, 1 }, { 0, 1 }, { 0, 1 } };
  g_assert_true (isnan (engagement_participation (none, counts, all)));
}

static void
test_response_and_accuracy (void)
{
  assert_near (engagement_response (3, 4), 0.75);
  g_assert_true (isnan (engagement_response (0, 0)));
  /* 3 of 4 right in a class with a mean of .6: (3 + 1.2) / 6 */
  assert_near (engagement_accuracy (3, 4, 0.6), 0.7);
  /* All wrong is not 0 yet: (0 + 1.2) / 4 */
  assert_near (engagement_accuracy (0, 2, 0.6), 0.3);
  g_assert_true (isnan (engagement_accuracy (1, 1, 0.6)));
}

static void
test_overall (void)
{
  const double equal[] = { 0.25, 0.25, 0.25, 0.25 }, unequal[] = { 0.5, 0.1, 0.2, 0.2 };
  const double components[] = { 0.8, 0.5, 1, 0.7 };
  assert_near (engagement_overall (components, equal), 75);
  /* 100 · (.4 + .05 + .2 + .14) */
  assert_near (engagement_overall (components, unequal), 79);
  /* Nothing was asked: 100 · (.4 + .05) / .6 */
  const double unasked[] = { 0.8, 0.5, NAN, NAN };
  assert_near (engagement_overall (unasked, unequal), 75);
  const double nothing[] = { NAN, NAN, NAN, NAN };
  g_assert_true (isnan (engagement_overall (nothing, equal)));
  /* What is left has no weight. */
  const double only_response[] = { 0, 0, 1, 0 };
  g_assert_true (isnan (engagement_overall (unasked, only_response)));
}

static void
test_ewma (void)
{
  assert_near (engagement_ewma (NAN, 80, SECOND, 5 * MINUTE), 80);
  /* After one time constant 1 − 1/e of the way is gone, in one step or in many. */
  assert_near (engagement_ewma (100, 0, 5 * MINUTE, 5 * MINUTE), 100 / M_E);
  double mean = 100;
  for (unsigned i = 0; i < 60; i++)
    mean = engagement_ewma (mean, 0, 5 * SECOND, 5 * MINUTE);
  assert_near (mean, 100 / M_E);
}

static void
test_confusion (void)
{
  assert_near (engagement_confusion (0, 120 * SECOND, 0, 0), 1);
  assert_near (engagement_confusion (120 * SECOND, 120 * SECOND, 0, 0), 0.5);
  assert_near (engagement_confusion (240 * SECOND, 120 * SECOND, 0.6, 0), 0.6);
  assert_near (engagement_confusion (-1, 120 * SECOND, 0, 0.5), 0.5);
  assert_near (engagement_confusion (-1, 120 * SECOND, 0, 0), 0);
}

static void
test_intent (void)
{
  const char *const phrases[] = { "don't understand", "i'm lost", "헷갈", NULL };
  assert_near (engagement_chat_intent ("Sorry, I DON’T  understand this", phrases), 1);
  assert_near (engagement_chat_intent ("너무 헷갈려요", phrases), 1);
  assert_near (engagement_chat_intent ("I lost my pen", phrases), 0);
  assert_near (engagement_chat_intent ("", phrases), 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engagement/formulas/on-page", test_on_page);
  g_test_add_func ("/engagement/formulas/participation", test_participation);
  g_test_add_func ("/engagement/formulas/response-and-accuracy", test_response_and_accuracy);
  g_test_add_func ("/engagement/formulas/overall", test_overall);
  g_test_add_func ("/engagement/formulas/ewma", test_ewma);
  g_test_add_func ("/engagement/formulas/confusion", test_confusion);
  g_test_add_func ("/engagement/formulas/intent", test_intent);
  return g_test_run ();
}
