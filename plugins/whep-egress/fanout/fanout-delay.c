/* Counting delays. */
#include "fanout-delay.h"

const double air_delay_bounds_s[AIR_DELAY_BUCKETS + 1]
    = { 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.0125, 0.015, 0.02, 0.03, 0.05, 0.1, 0.3, 1, 0 };

void
air_delay_note (AirDelayPending *pending, int64_t arrival_us)
{
  unsigned last = pending->count;
  if (last > 0 && pending->units[last - 1].arrival_us == arrival_us)
    pending->units[last - 1].count++;
  else if (last < G_N_ELEMENTS (pending->units))
    {
      pending->units[last].arrival_us = arrival_us;
      pending->units[last].count = 1;
      pending->count++;
    }
}

void
air_delay_settle (AirDelayPending *pending, AirDelayHistogram *histogram, int64_t now_us)
{
  for (unsigned i = 0; i < pending->count; i++)
    {
      int64_t delay_us = MAX (0, now_us - pending->units[i].arrival_us);
      unsigned bucket = 0;
      while (bucket < AIR_DELAY_BUCKETS && (double)delay_us > air_delay_bounds_s[bucket] * G_USEC_PER_SEC)
        bucket++;
      histogram->counts[bucket] += pending->units[i].count;
      histogram->sums_us[bucket] += (uint64_t)delay_us * pending->units[i].count;
    }
  pending->count = 0;
}

int64_t
air_delay_percentile_us (const AirDelayHistogram *histogram, unsigned percent)
{
  uint64_t all = 0, seen = 0;
  for (unsigned i = 0; i <= AIR_DELAY_BUCKETS; i++)
    all += histogram->counts[i];
  for (unsigned i = 0; i <= AIR_DELAY_BUCKETS && all > 0; i++)
    {
      seen += histogram->counts[i];
      if (seen * 100 >= all * percent)
        return (int64_t)(histogram->sums_us[i] / histogram->counts[i]);
    }
  return 0;
}
