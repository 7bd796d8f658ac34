/* What one viewer is sent: down when its path is too narrow, up when it holds, and no swinging between. */
#include "level-policy.h"
#include "simulated-link.h"

#define SOUND_BPS 80000u

typedef struct
{
  Link *link;
  AirLevelPolicy policy;
  AirLevelRates rates;
  int64_t ms;
  double probe_debt;
  unsigned downs, ups;
  int64_t ms_at[AIR_LEVEL_COUNT];
} Viewer;

static Viewer *
viewer_new (uint64_t rate_bps, unsigned queue_bytes)
{
  Viewer *viewer = g_new0 (Viewer, 1);
  viewer->link = link_new (rate_bps, queue_bytes);
  viewer->rates = (AirLevelRates){ { 2000000 + SOUND_BPS, 0, 500000 + SOUND_BPS, SOUND_BPS } };
  air_level_policy_init (&viewer->policy, AIR_LEVELS_AUTO, viewer->link->now_us);
  return viewer;
}

static void
viewer_free (Viewer *viewer)
{
  link_free (viewer->link);
  g_free (viewer);
}

static void
play (Viewer *viewer, unsigned seconds)
{
  Link *link = viewer->link;
  for (int64_t end = viewer->ms + seconds * 1000; viewer->ms < end; viewer->ms++)
    {
      uint64_t bps = viewer->rates.bps[viewer->policy.level];
      link_send_stream (link, viewer->ms, bps - SOUND_BPS);
      viewer->probe_debt += (double)viewer->policy.probe_bps / 8000;
      for (; viewer->probe_debt >= 1190; viewer->probe_debt -= 1190)
        link_send (link, 1190);
      link_advance (link, 1000);
      viewer->ms_at[viewer->policy.level]++;
      AirPathState state;
      AirLevel before = viewer->policy.level;
      if (viewer->ms % 100 != 0)
        continue;
      air_path_estimate_get (link->path, link->now_us, &state);
      if (!air_level_policy_update (&viewer->policy, &state, &viewer->rates, link->now_us))
        continue;
      g_test_message ("%6.1f s: %s, %s (queue %d ms, loss %.2f, estimate %d kbit/s)", (double)viewer->ms / 1000,
                      air_level_to_string (viewer->policy.level), air_level_reason_to_string (viewer->policy.reason),
                      (int)(state.queue_us / 1000), state.loss, (int)(state.estimate_bps / 1000));
      viewer->downs += viewer->policy.level > before;
      viewer->ups += viewer->policy.level < before;
    }
}

static void
test_stays_full (void)
{
  static const double losses[] = { 0, 0.05, 0.10 };
  for (unsigned i = 0; i < G_N_ELEMENTS (losses); i++)
    {
      Viewer *viewer = viewer_new (20000000, 1 << 20);
      viewer->link->loss = losses[i];
      viewer->link->jitter_us = 50000;
      play (viewer, 120);
      g_assert_cmpuint (viewer->downs, ==, 0);
      g_assert_cmpint (viewer->policy.reason, ==, AIR_LEVEL_START);
      viewer_free (viewer);
    }
}

static void
test_down_and_up (void)
{
  static const unsigned queues[] = { 1 << 20, 60000, 12000 };
  for (unsigned i = 0; i < G_N_ELEMENTS (queues); i++)
    {
      Viewer *viewer = viewer_new (0, queues[i]);
      play (viewer, 10);
      viewer->link->rate_bps = 900000;
      play (viewer, 3);
      g_assert_cmpint (viewer->policy.level, ==, AIR_LEVEL_LOW);
      play (viewer, 27);
      g_assert_cmpint (viewer->policy.level, ==, AIR_LEVEL_LOW);
      viewer->link->rate_bps = 200000;
      play (viewer, 5);
      g_assert_cmpint (viewer->policy.level, ==, AIR_LEVEL_AUDIO);
      play (viewer, 25);
      g_assert_cmpint (viewer->policy.level, ==, AIR_LEVEL_AUDIO);
      viewer->link->rate_bps = 0;
      play (viewer, 100);
      g_assert_cmpint (viewer->policy.level, ==, AIR_LEVEL_FULL);
      g_assert_cmpint (viewer->policy.reason, ==, AIR_LEVEL_PROBED);
      g_assert_cmpuint (viewer->downs, ==, 2);
      g_assert_cmpuint (viewer->ups, ==, 2);
      viewer_free (viewer);
    }
}

static void
test_passes_a_level_by (void)
{
  Viewer *viewer = viewer_new (0, 1 << 20);
  play (viewer, 5);
  viewer->link->rate_bps = 250000;
  play (viewer, 3);
  g_assert_cmpint (viewer->policy.level, ==, AIR_LEVEL_AUDIO);
  g_assert_cmpuint (viewer->downs, ==, 1);
  viewer_free (viewer);
}

/* A path that carries 80% of all: it is tried less and less often, and the picture does not suffer by the trials. */
static void
test_no_swinging (void)
{
  static const unsigned queues[] = { 1 << 20, 60000, 12000 };
  for (unsigned i = 0; i < G_N_ELEMENTS (queues); i++)
    {
      Viewer *viewer = viewer_new (1660000, queues[i]);
      play (viewer, 20);
      g_assert_cmpint (viewer->policy.level, ==, AIR_LEVEL_LOW);
      viewer->link->worst_queue_us = 0;
      play (viewer, 600);
      g_assert_cmpint (viewer->policy.level, ==, AIR_LEVEL_LOW);
      g_assert_cmpuint (viewer->ups, <=, 1);
      g_assert_cmpint (viewer->link->worst_queue_us, <, 400000);
      g_assert_cmpint (viewer->policy.wait_us[AIR_LEVEL_FULL], ==, 120 * G_USEC_PER_SEC);
      viewer_free (viewer);
    }
}

/* From one network to another with a longer way, and losses. */
static void
test_longer_way (void)
{
  static const int64_t longer_us[] = { 40000, 150000, 400000 };
  static const double losses[] = { 0, 0.05, 0.10 };
  for (unsigned seed = 1; seed <= 5; seed++)
    for (unsigned i = 0; i < G_N_ELEMENTS (longer_us) * G_N_ELEMENTS (losses); i++)
      {
        Viewer *viewer = viewer_new (10000000, 1 << 20);
        double loss = losses[i % G_N_ELEMENTS (losses)];
        g_rand_set_seed (viewer->link->random, seed);
        play (viewer, 30);
        viewer->link->longer_us = longer_us[i / G_N_ELEMENTS (losses)];
        viewer->link->loss = loss;
        g_test_message ("longer by %d ms, %.2f lost", (int)(viewer->link->longer_us / 1000), loss);
        viewer->ms_at[AIR_LEVEL_FULL] = 0;
        play (viewer, 60);
        g_assert_cmpint (viewer->policy.level, ==, AIR_LEVEL_FULL);
        if (viewer->link->longer_us < 300000 && loss < 0.1)
          g_assert_cmpuint (viewer->downs, ==, 0);
        g_assert_cmpint (viewer->ms_at[AIR_LEVEL_FULL], >, 40000);
        viewer_free (viewer);
      }
}

/* Nothing arrives for a while, then all again: what was sent meanwhile is lost, or comes late. */
static void
test_outage (void)
{
  for (unsigned seconds = 1; seconds <= 3; seconds++)
    for (unsigned held = 0; held <= 1; held++)
      {
        Viewer *viewer = viewer_new (10000000, 1 << 24);
        play (viewer, 20);
        g_test_message ("nothing for %u s, %s", seconds, held ? "late" : "lost");
        viewer->link->dead = !held;
        if (held)
          viewer->link->free_us = viewer->link->now_us + seconds * G_USEC_PER_SEC;
        play (viewer, seconds);
        viewer->link->dead = false;
        play (viewer, 30);
        g_assert_cmpuint (viewer->downs, ==, 0);
        viewer_free (viewer);
      }
}

static void
test_reduced_first (void)
{
  Viewer *viewer = viewer_new (0, 1 << 20);
  viewer->rates.bps[AIR_LEVEL_REDUCED] = 1400000;
  play (viewer, 5);
  viewer->link->rate_bps = 1750000;
  play (viewer, 8);
  g_assert_cmpint (viewer->policy.level, ==, AIR_LEVEL_REDUCED);
  g_assert_cmpint (viewer->policy.reason, ==, AIR_LEVEL_CONGESTION);
  viewer_free (viewer);
}

static void
test_fixed (void)
{
  static const struct
  {
    const char *option;
    AirLevel level;
  } cases[] = { { "full", AIR_LEVEL_FULL }, { "low", AIR_LEVEL_LOW }, { "audio", AIR_LEVEL_AUDIO } };
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Viewer *viewer = viewer_new (250000, 30000);
      air_level_policy_init (&viewer->policy, air_levels_from_string (cases[i].option), viewer->link->now_us);
      play (viewer, 30);
      g_assert_cmpint (viewer->policy.level, ==, cases[i].level);
      g_assert_cmpint (viewer->policy.reason, ==, AIR_LEVEL_FIXED);
      viewer_free (viewer);
    }
}

/* Video only, or no low rung: what does not exist is not chosen. */
static void
test_what_there_is (void)
{
  Viewer *viewer = viewer_new (0, 1 << 20);
  viewer->rates.bps[AIR_LEVEL_AUDIO] = 0;
  play (viewer, 3);
  viewer->link->rate_bps = 100000;
  play (viewer, 20);
  g_assert_cmpint (viewer->policy.level, ==, AIR_LEVEL_LOW);
  viewer_free (viewer);

  viewer = viewer_new (0, 1 << 20);
  viewer->rates.bps[AIR_LEVEL_LOW] = 0;
  play (viewer, 3);
  viewer->link->rate_bps = 900000;
  play (viewer, 4);
  g_assert_cmpint (viewer->policy.level, ==, AIR_LEVEL_AUDIO);
  viewer_free (viewer);
}

static void
test_start (void)
{
  AirLevelRates rates = { { 2000000, 0, 580000, 80000 } };
  AirLevelPolicy policy;
  air_level_policy_init (&policy, AIR_LEVELS_AUTO, 1);
  g_assert_false (air_level_policy_take_burst (&policy, 0, &rates, 2));
  g_assert_false (air_level_policy_take_burst (&policy, 50000000, &rates, 2));
  g_assert_true (air_level_policy_take_burst (&policy, 1200000, &rates, 2));
  g_assert_cmpint (policy.level, ==, AIR_LEVEL_LOW);
  air_level_policy_init (&policy, AIR_LEVELS_AUTO, 1);
  g_assert_true (air_level_policy_take_burst (&policy, 200000, &rates, 2));
  g_assert_cmpint (policy.level, ==, AIR_LEVEL_AUDIO);
  air_level_policy_init (&policy, AIR_LEVELS_FULL, 1);
  g_assert_false (air_level_policy_take_burst (&policy, 200000, &rates, 2));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/level/stays-full", test_stays_full);
  g_test_add_func ("/level/down-and-up", test_down_and_up);
  g_test_add_func ("/level/passes-a-level-by", test_passes_a_level_by);
  g_test_add_func ("/level/no-swinging", test_no_swinging);
  g_test_add_func ("/level/longer-way", test_longer_way);
  g_test_add_func ("/level/outage", test_outage);
  g_test_add_func ("/level/reduced-first", test_reduced_first);
  g_test_add_func ("/level/fixed", test_fixed);
  g_test_add_func ("/level/what-there-is", test_what_there_is);
  g_test_add_func ("/level/start", test_start);
  return g_test_run ();
}
