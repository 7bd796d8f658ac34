/* How long media is inside the server: from the last byte of an access unit that came in to its last packet for a viewer
 * that was handed to the kernel. Of what a viewer gets live; what it is sent to catch up with is not delay.
 *
 * One per loop, on its thread; an update costs no lock and no clock, for those that leave together are looked at together.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AIR_DELAY_BUCKETS 15u

/* Upper bounds of the buckets, ended by 0, as a metric wants them; one more bucket has what is above. */
extern const double air_delay_bounds_s[AIR_DELAY_BUCKETS + 1];

typedef struct
{
  uint64_t counts[AIR_DELAY_BUCKETS + 1];
  uint64_t sums_us[AIR_DELAY_BUCKETS + 1]; /* of the delays in each bucket */
} AirDelayHistogram;

/* What is on its way to the kernel. */
typedef struct
{
  unsigned count;
  struct
  {
    int64_t arrival_us;
    unsigned count;
  } units[16];
} AirDelayPending;

/* A unit that came in at @arrival_us is complete for one more viewer. */
void air_delay_note (AirDelayPending *pending, int64_t arrival_us);
/* All that was noted has left by @now_us. */
void air_delay_settle (AirDelayPending *pending, AirDelayHistogram *histogram, int64_t now_us);
/* What @percent of 100 delays are not above, by the mean of the bucket in which it is; 0 when there were none. */
int64_t air_delay_percentile_us (const AirDelayHistogram *histogram, unsigned percent);

G_END_DECLS
