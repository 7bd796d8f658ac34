/* The timeline, case by case: what a publisher's clock does on the left, what the stream's own shows on the right. */
#include "media/timeline.h"

#define MS INT64_C (1000000)
#define HOUR 3600000
#define WRAP_32 (INT64_C (1) << 32)

typedef struct
{
  char kind;      /* 'v', 'a'; 'R': a publisher returns; 0: the end */
  int64_t dts_ms; /* by the publisher's clock */
  int64_t cts_ms; /* PTS − DTS */
  int64_t now_ms; /* arrival */
  int64_t out_ms; /* expected DTS since the timeline's start */
  int64_t pts_ms; /* expected PTS − expected DTS */
  bool discontinuity;
} Step;

typedef struct
{
  const char *name;
  int64_t wrap_ms;
  Step steps[16];
} Case;

static const Case cases[] = {
  { "plain", 0, { { 'v', 0, 0, 0, 0, 0 }, { 'a', 5, 0, 5, 5, 0 }, { 'v', 33, 0, 33, 33, 0 }, { 'a', 28, 0, 34, 28, 0 } } },
  { "starts-anywhere", 0, { { 'v', 7 * HOUR, 0, 0, 0, 0 }, { 'a', 7 * HOUR - 20, 0, 0, -20, 0 } } },
  { "composition-times", 0, { { 'v', 0, 66, 0, 0, 66 }, { 'v', 33, 132, 33, 33, 132 }, { 'v', 66, 0, 66, 66, 0 } } },
  /* PTS behind DTS: all DTS move ahead by it, no PTS moves */
  { "negative-composition", 0, { { 'v', 100, 0, 0, 0, 0 }, { 'v', 133, -66, 33, 1, 0 }, { 'v', 166, -66, 66, 2, 0 },
                                 { 'v', 266, 0, 166, 100, 66 } } },
  { "absurd-composition", 0, { { 'v', 0, HOUR, 0, 0, 0 }, { 'v', 33, -HOUR, 33, 33, 0 } } },
  { "equal-and-jitter", 0, { { 'a', 100, 0, 0, 0, 0 }, { 'a', 100, 0, 1, 1, 0 }, { 'a', 90, 0, 2, 2, 0 }, { 'a', 123, 0, 23, 23, 0 } } },
  { "wrap-32-bit", WRAP_32, { { 'v', WRAP_32 - 40, 0, 0, 0, 0 }, { 'a', WRAP_32 - 10, 0, 30, 30, 0 }, { 'v', WRAP_32 - 7, 33, 33, 33, 33 },
                              { 'v', 26, 0, 66, 66, 0 }, { 'a', 13, 0, 67, 53, 0 }, { 'a', 36, 0, 80, 76, 0 } } },
  { "wrap-seen-by-pts-first", WRAP_32, { { 'v', WRAP_32 - 20, 60 - WRAP_32, 0, 0, 60 }, { 'v', 13, 0, 33, 33, 0 } } },
  { "crosses-2^31", WRAP_32, { { 'v', (INT64_C (1) << 31) - 10, 0, 0, 0, 0 }, { 'v', (INT64_C (1) << 31) + 23, 0, 33, 33, 0 } } },
  { "crosses-0xffffff", WRAP_32, { { 'v', 0xfffffe, 0, 0, 0, 0 }, { 'v', 0x1000020, 0, 34, 34, 0 } } },
  /* an extended timestamp that was lost: a fall by 4 h 39 min goes on with the last distance */
  { "falls-at-0xffffff", WRAP_32, { { 'v', 0xffffd0, 0, 0, 0, 0 }, { 'v', 0xfffff1, 0, 33, 33, 0 }, { 'v', 18, 0, 66, 66, 0, true },
                                    { 'v', 51, 0, 99, 99, 0 } } },
  { "jump-forward", 0, { { 'v', 0, 0, 0, 0, 0 }, { 'v', 33, 0, 33, 33, 0 }, { 'v', HOUR, 0, 66, 66, 0, true }, { 'v', HOUR + 33, 0, 99, 99, 0 } } },
  { "jump-backward", 0, { { 'v', HOUR, 0, 0, 0, 0 }, { 'v', HOUR + 33, 0, 33, 33, 0 }, { 'v', 0, 0, 66, 66, 0, true }, { 'v', 33, 0, 99, 99, 0 } } },
  /* sound follows the jump of the picture with the same offset: 10 ms apart before and after */
  { "jump-shared", 0, { { 'v', 0, 0, 0, 0, 0 }, { 'a', 10, 0, 1, 10, 0 }, { 'v', 33, 0, 33, 33, 0 }, { 'a', 33, 0, 34, 33, 0 },
                        { 'v', HOUR + 66, 0, 66, 66, 0, true }, { 'a', HOUR + 56, 0, 67, 56, 0, true }, { 'v', HOUR + 99, 0, 99, 99, 0 },
                        { 'a', HOUR + 79, 0, 100, 79, 0 } } },
  /* sound of before the jump that comes after the picture jumped stays where it belongs */
  { "jump-with-a-straggler", 0, { { 'v', 0, 0, 0, 0, 0 }, { 'a', 10, 0, 1, 10, 0 }, { 'v', 33, 0, 33, 33, 0 },
                                  { 'v', HOUR + 66, 0, 66, 66, 0, true }, { 'a', 33, 0, 67, 33, 0 }, { 'a', HOUR + 56, 0, 68, 56, 0, true },
                                  { 'v', HOUR + 99, 0, 99, 99, 0 } } },
  /* a second back on both, less than the tolerance between the tracks */
  { "jump-back-a-second", 0, { { 'v', 5000, 0, 0, 0, 0 }, { 'a', 5000, 0, 0, 0, 0 }, { 'v', 5033, 0, 33, 33, 0 }, { 'a', 5023, 0, 33, 23, 0 },
                               { 'v', 4066, 0, 66, 66, 0, true }, { 'a', 5046, 0, 66, 46, 0 }, { 'a', 4069, 0, 69, 69, 0, true },
                               { 'v', 4099, 0, 99, 99, 0 } } },
  { "there-and-back", 0, { { 'v', 0, 0, 0, 0, 0 }, { 'a', 0, 0, 0, 0, 0 }, { 'v', 33, 0, 33, 33, 0 }, { 'v', HOUR, 0, 66, 66, 0, true },
                           { 'a', HOUR, 0, 66, 66, 0, true }, { 'v', 99, 0, 99, 99, 0, true }, { 'a', 99, 0, 99, 99, 0, true },
                           { 'v', 132, 0, 132, 132, 0 } } },
  /* frames dropped by the publisher while its sound went on, delivered in a burst: no jump */
  { "gap-of-one-track", 0, { { 'v', 0, 0, 0, 0, 0 }, { 'a', 0, 0, 0, 0, 0 }, { 'a', 1500, 0, 10, 1500, 0 }, { 'a', 3000, 0, 20, 3000, 0 },
                             { 'v', 3010, 0, 21, 3010, 0 } } },
  /* the network stood still: timestamps and the clock on the wall agree */
  { "silence", 0, { { 'v', 0, 0, 0, 0, 0 }, { 'v', 20000, 0, 20000, 20000, 0 } } },
  /* a new clock after a silence: the silence stays */
  { "jump-after-silence", 0, { { 'v', 0, 0, 0, 0, 0 }, { 'v', HOUR, 0, 5000, 5000, 0, true } } },
  { "late-sound", 0, { { 'v', 0, 0, 0, 0, 0 }, { 'v', 33, 0, 33, 33, 0 }, { 'v', 8000, 0, 8000, 8000, 0 }, { 'a', 8010, 0, 8010, 8010, 0 } } },
  { "late-sound-with-its-own-zero", 0, { { 'v', 0, 0, 0, 0, 0 }, { 'v', 4000, 0, 4000, 4000, 0 }, { 'a', 0, 0, 4010, 4010, 0 },
                                         { 'v', 4033, 0, 4033, 4033, 0 }, { 'a', 23, 0, 4034, 4033, 0 } } },
  /* tracks that count from different zeros: what arrives together belongs together, and neither moves the other */
  { "two-clocks", 0, { { 'v', HOUR, 0, 0, 0, 0 }, { 'a', 0, 0, 10, 10, 0 }, { 'v', HOUR + 33, 0, 33, 33, 0 }, { 'a', 23, 0, 34, 33, 0 },
                       { 'v', HOUR + 66, 0, 66, 66, 0 } } },
  { "return", 0, { { 'v', 9000, 0, 0, 0, 0 }, { 'a', 9010, 0, 10, 10, 0 }, { 'v', 9033, 0, 33, 33, 0 }, { 'R' }, { 'a', 0, 0, 5033, 5033, 0, true },
                   { 'v', 12, 0, 5040, 5045, 0, true }, { 'v', 45, 0, 5073, 5078, 0 } } },
  { "return-at-once", 0, { { 'v', 0, 0, 0, 0, 0 }, { 'R' }, { 'v', 500, 0, 0, 20, 0, true }, { 'v', 533, 0, 33, 53, 0 } } },
  { "return-without-sound", 0, { { 'v', 0, 0, 0, 0, 0 }, { 'a', 0, 0, 0, 0, 0 }, { 'R' }, { 'v', 0, 0, 900, 900, 0, true }, { 'v', 33, 0, 933, 933, 0 } } },
  { "extremes", 0, { { 'v', INT64_MAX / MS, 0, 0, 0, 0 }, { 'v', INT64_MIN / MS, 0, 33, 20, 0, true }, { 'v', INT64_MAX / MS, 0, 66, 40, 0, true } } },
};

static void
test_case (const void *data)
{
  const Case *c = data;
  AirTimeline timeline;
  air_timeline_init (&timeline);
  air_timeline_begin (&timeline, c->wrap_ms * MS);
  for (const Step *step = c->steps; step->kind != 0; step++)
    {
      if (step->kind == 'R')
        {
          air_timeline_begin (&timeline, c->wrap_ms * MS);
          continue;
        }
      g_test_message ("%s: step %d", c->name, (int)(step - c->steps));
      int64_t dts = step->dts_ms * MS, now = (1000000 + step->now_ms) * MS;
      AirTimelinePoint point = air_timeline_map (&timeline, step->kind == 'v' ? AIR_KIND_VIDEO : AIR_KIND_AUDIO,
                                                 dts + step->cts_ms * MS, dts, now);
      g_assert_cmpint (point.dts_ns, ==, AIR_TIMELINE_START_NS + step->out_ms * MS);
      g_assert_cmpint (point.pts_ns - point.dts_ns, ==, step->pts_ms * MS);
      g_assert_cmpint (point.discontinuity, ==, step->discontinuity);
    }
}

/* Whatever comes in, what goes out is in order. */
static void
test_random (void)
{
  AirTimeline timeline;
  air_timeline_init (&timeline);
  int64_t last[AIR_KIND_COUNT] = { -1, -1 }, now = 0;
  for (unsigned i = 0; i < 200000; i++)
    {
      if (i % 5000 == 0)
        air_timeline_begin (&timeline, g_test_rand_bit () ? WRAP_32 * MS : 0);
      AirKind kind = g_test_rand_bit () ? AIR_KIND_VIDEO : AIR_KIND_AUDIO;
      int64_t dts = g_test_rand_int_range (0, 20) == 0 ? (int64_t)((uint64_t)(uint32_t)g_test_rand_int () << 32 | (uint32_t)g_test_rand_int ())
                                                       : now + g_test_rand_int_range (-3000, 3000) * MS;
      int64_t pts = dts / 2 + g_test_rand_int_range (-30000, 30000) * MS + dts / 2;
      now += g_test_rand_int_range (0, 100) * MS;
      AirTimelinePoint point = air_timeline_map (&timeline, kind, pts, dts, now);
      g_assert_cmpint (point.dts_ns, >, last[kind]);
      g_assert_cmpint (point.pts_ns, >=, point.dts_ns);
      /* no hours-long file: the timeline follows the clock on the wall */
      g_assert_cmpint (point.dts_ns, <, AIR_TIMELINE_START_NS + now + 12 * 3600000 * MS);
      last[kind] = point.dts_ns;
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *name = g_strconcat ("/timeline/", cases[i].name, NULL);
      g_test_add_data_func (name, &cases[i], test_case);
    }
  g_test_add_func ("/timeline/random", test_random);
  return g_test_run ();
}
