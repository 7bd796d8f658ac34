/* The estimate of a path: a queue is seen soon, chance loss and jitter are not taken for one. */
#include "simulated-link.h"

#define MBIT 1000000ull
#define STREAM_BPS (2 * MBIT)

/* Whether it was overused or lossy at any time of @seconds. */
static AirPathTrend
play (Link *link, unsigned seconds, uint64_t video_bps, int64_t *ret_after_ms)
{
  AirPathTrend worst = AIR_PATH_NORMAL;
  AirPathState state;
  for (int64_t ms = 0; ms < seconds * 1000; ms++)
    {
      link_send_stream (link, ms, video_bps);
      link_advance (link, 1000);
      air_path_estimate_get (link->path, link->now_us, &state);
      if (state.trend != AIR_PATH_NORMAL && worst == AIR_PATH_NORMAL)
        {
          worst = state.trend;
          if (ret_after_ms)
            *ret_after_ms = ms;
        }
    }
  return worst;
}

static void
test_free_path (void)
{
  Link *link = link_new (0, 0);
  AirPathState state;
  g_assert_cmpint (play (link, 10, STREAM_BPS, NULL), ==, AIR_PATH_NORMAL);
  air_path_estimate_get (link->path, link->now_us, &state);
  g_assert_true (state.known && state.limited);
  g_assert_cmpint (state.queue_us, <, 2000);
  g_assert_cmpuint (state.estimate_bps, >, STREAM_BPS);
  /* Not more than was tried, and some. */
  g_assert_cmpuint (state.estimate_bps, <, 4 * STREAM_BPS);
  g_assert_cmpfloat (state.loss, ==, 0);
  link_free (link);
}

static void
test_bottleneck (void)
{
  static const struct
  {
    uint64_t rate_bps;
    unsigned queue_bytes;
    int64_t within_ms;
  } cases[] = {
    { 900000, 1 << 20, 1200 }, /* a deep queue: delay tells */
    { 900000, 8000, 1500 },    /* none: loss tells */
    { 1700000, 1 << 20, 4000 },
    { 200000, 1 << 20, 1200 },
    { 1700000, 25000, 8000 },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Link *link = link_new (0, 0);
      AirPathState state;
      int64_t after_ms = G_MAXINT64;
      g_assert_cmpint (play (link, 4, STREAM_BPS, NULL), ==, AIR_PATH_NORMAL);
      link->rate_bps = cases[i].rate_bps;
      link->queue_bytes = cases[i].queue_bytes;
      g_assert_cmpint (play (link, 8, STREAM_BPS, &after_ms), !=, AIR_PATH_NORMAL);
      g_test_message ("%d kbit/s, queue %u: seen after %d ms", (int)(cases[i].rate_bps / 1000), cases[i].queue_bytes,
                      (int)after_ms);
      g_assert_cmpint (after_ms, <=, cases[i].within_ms);
      air_path_estimate_get (link->path, link->now_us, &state);
      g_assert_cmpuint (state.estimate_bps, >, cases[i].rate_bps * 7 / 10);
      g_assert_cmpuint (state.estimate_bps, <, cases[i].rate_bps * 13 / 10);
      link_free (link);
    }
}

static void
test_chance (void)
{
  static const double losses[] = { 0, 0.01, 0.05, 0.10 };
  for (unsigned i = 0; i < G_N_ELEMENTS (losses); i++)
    for (int64_t jitter_us = 0; jitter_us <= 50000; jitter_us += 50000)
      {
        Link *link = link_new (20 * MBIT, 1 << 20);
        AirPathState state;
        link->loss = losses[i];
        link->jitter_us = jitter_us;
        g_assert_cmpint (play (link, 60, STREAM_BPS, NULL), ==, AIR_PATH_NORMAL);
        /* Sound alone says less; it must do all the same. */
        g_assert_cmpint (play (link, 60, 0, NULL), ==, AIR_PATH_NORMAL);
        air_path_estimate_get (link->path, link->now_us, &state);
        g_assert_cmpint (state.queue_us, <, 20000);
        link_free (link);
      }
}

/* Keyframes fill a narrow path for a moment: that passes. */
static void
test_narrow_but_enough (void)
{
  Link *link = link_new (2600000, 1 << 20);
  g_assert_cmpint (play (link, 60, STREAM_BPS, NULL), ==, AIR_PATH_NORMAL);
  g_assert_cmpint (link->worst_queue_us, >, 100000);
  link_free (link);
}

static void
test_burst (void)
{
  Link *link = link_new (3 * MBIT, 1 << 20);
  for (unsigned i = 0; i < 60; i++)
    link_send (link, 1190);
  for (unsigned ms = 0; ms < 400 && air_path_estimate_get_burst_bps (link->path) == 0; ms++)
    link_advance (link, 1000);
  uint64_t bps = air_path_estimate_get_burst_bps (link->path);
  g_assert_cmpuint (bps, >, 27 * MBIT / 10);
  g_assert_cmpuint (bps, <, 33 * MBIT / 10);
  g_assert_cmpuint (air_path_estimate_get_arrived (link->path), >, 10 * 1190);
  g_assert_cmpuint (air_path_estimate_get_sent (link->path), ==, 60 * 1190);
  link_free (link);
}

/* 24 bits of 64 ms, and the 16 bits of the sequence. */
static void
test_wraps (void)
{
  g_autoptr (AirPathEstimate) path = air_path_estimate_new ();
  AirPathState state;
  int64_t wrap_us = (int64_t)64000 << 24, clock_us = wrap_us / 2 - 5 * G_USEC_PER_SEC;
  for (unsigned i = 0; i < 1000; i++)
    {
      uint16_t sequence = (uint16_t)(65000 + i);
      int64_t now_us = 1000000 + (int64_t)i * 10000, arrival_us = clock_us + now_us;
      AirTransportCcPacket packet = { sequence, true, arrival_us < wrap_us / 2 ? arrival_us : arrival_us - wrap_us };
      air_path_estimate_sent (path, sequence, 1000, now_us);
      air_path_estimate_take_feedback (path, &packet, 1, now_us + 1000);
      air_path_estimate_get (path, now_us + 1000, &state);
      g_assert_cmpint (state.trend, ==, AIR_PATH_NORMAL);
    }
  g_assert_cmpint (state.queue_us, ==, 0);
  g_assert_cmpuint (state.goodput_bps, >, 700000);
  g_assert_cmpuint (state.goodput_bps, <, 900000);
  g_assert_cmpuint (air_path_estimate_get_arrived (path), ==, 1000 * 1000);
}

/* Feedback about what was never sent, or twice, changes nothing. */
static void
test_lies (void)
{
  g_autoptr (AirPathEstimate) path = air_path_estimate_new ();
  AirPathState state;
  GRand *random = g_rand_new_with_seed (1);
  for (unsigned i = 0; i < 200; i++)
    air_path_estimate_sent (path, (uint16_t)i, 1000, 1000000 + (int64_t)i * 1000);
  for (unsigned round = 0; round < 2000; round++)
    {
      AirTransportCcPacket packets[64];
      for (unsigned i = 0; i < 64; i++)
        packets[i] = (AirTransportCcPacket){ (uint16_t)g_rand_int (random), g_rand_boolean (random),
                                             g_rand_int_range (random, -2000000000, 2000000000) * G_GINT64_CONSTANT (1000) };
      air_path_estimate_take_feedback (path, packets, 64, 1300000 + round * 1000);
      air_path_estimate_get (path, 1300000 + round * 1000, &state);
    }
  g_assert_cmpuint (air_path_estimate_get_arrived (path), <=, 200 * 1000);
  g_rand_free (random);
}

static void
test_without_feedback (void)
{
  g_autoptr (AirPathEstimate) path = air_path_estimate_new ();
  AirPathState state;
  int64_t now_us = 10 * G_USEC_PER_SEC;
  air_path_estimate_get (path, now_us, &state);
  g_assert_false (state.known);
  g_assert_cmpuint (state.estimate_bps, ==, 0);
  for (unsigned ms = 0; ms < 8000; ms++)
    {
      now_us += 1000;
      air_path_estimate_sent_unnumbered (path, 250, now_us);
      if (ms % 500 == 499)
        air_path_estimate_take_remb (path, ms < 3000 ? 5 * MBIT : MBIT, now_us);
      air_path_estimate_get (path, now_us, &state);
      if (ms == 3000)
        g_assert_cmpint (state.trend, ==, AIR_PATH_NORMAL);
    }
  g_assert_cmpint (state.trend, ==, AIR_PATH_OVERUSED);
  g_assert_cmpuint (state.estimate_bps, ==, MBIT);
  air_path_estimate_take_remb (path, 4 * MBIT, now_us);
  air_path_estimate_take_report (path, 0.3, now_us);
  air_path_estimate_get (path, now_us, &state);
  g_assert_cmpint (state.trend, ==, AIR_PATH_NORMAL);
  air_path_estimate_take_report (path, 0.25, now_us);
  air_path_estimate_get (path, now_us, &state);
  g_assert_cmpint (state.trend, ==, AIR_PATH_LOSSY);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/path/free", test_free_path);
  g_test_add_func ("/path/bottleneck", test_bottleneck);
  g_test_add_func ("/path/chance", test_chance);
  g_test_add_func ("/path/narrow-but-enough", test_narrow_but_enough);
  g_test_add_func ("/path/burst", test_burst);
  g_test_add_func ("/path/wraps", test_wraps);
  g_test_add_func ("/path/lies", test_lies);
  g_test_add_func ("/path/without-feedback", test_without_feedback);
  return g_test_run ();
}
