/* How long a picture waits for its sound.
 *
 * Sound reaches us later than the picture of the same instant, and in bursts: encoders collect 20 ms and more, publishers
 * interleave. A receiver's buffer adds the spread, and then needs 10 s and more to find out by sender reports that the
 * picture is early. What is known here is told at once, by the playout delay of RTP extension "playout-delay": never more
 * than the sound is really late, so that the picture comes as soon as it would when the receiver has found out.
 *
 * Pure; the caller serializes.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AIR_LIP_SYNC_SAMPLES 128u

typedef struct
{
  int32_t late_ms[AIR_LIP_SYNC_SAMPLES]; /* the newest ones, of each access unit */
  unsigned count;                        /* so far; wraps round the array */
} AirLateness;

/* Both kinds on the same clock: when a unit came, less when it was taken. */
void air_lateness_add (AirLateness *lateness, int64_t late_us);
/* What @tenths of ten were not later than; @count of at least 1. */
int32_t air_lateness_quantile (const AirLateness *lateness, unsigned tenths);
/* How long the picture should wait, in ms. @before: what was said last; small changes are not worth a jerk. < 0: nothing. */
int air_lip_sync_wait_ms (const AirLateness *video, const AirLateness *audio, int before);

G_END_DECLS
