/* The delay inside the server, counted in buckets. */
#include "fanout-delay.h"

static void
note_many (AirDelayHistogram *histogram, unsigned count, int64_t delay_us)
{
  AirDelayPending pending = { 0 };
  for (unsigned i = 0; i < count; i++)
    air_delay_note (&pending, 1000000);
  g_assert_cmpuint (pending.count, ==, 1); /* units that came together are one entry */
  air_delay_settle (&pending, histogram, 1000000 + delay_us);
  g_assert_cmpuint (pending.count, ==, 0);
}

static void
test_percentile (void)
{
  AirDelayHistogram histogram = { 0 };
  g_assert_cmpint (air_delay_percentile_us (&histogram, 95), ==, 0);
  note_many (&histogram, 90, 400);
  note_many (&histogram, 4, 800);
  g_assert_cmpint (air_delay_percentile_us (&histogram, 50), ==, 400);
  g_assert_cmpint (air_delay_percentile_us (&histogram, 95), ==, 400);
  note_many (&histogram, 10, 250000);
  g_assert_cmpint (air_delay_percentile_us (&histogram, 50), ==, 400);
  g_assert_cmpint (air_delay_percentile_us (&histogram, 95), ==, 250000);
  note_many (&histogram, 100, 5000000); /* above the last bound */
  g_assert_cmpint (air_delay_percentile_us (&histogram, 95), ==, 5000000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/delay/percentile", test_percentile);
  return g_test_run ();
}
