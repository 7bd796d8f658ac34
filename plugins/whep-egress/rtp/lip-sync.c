/* Quantiles of lateness. */
#include "lip-sync.h"

#include <stdlib.h>
#include <string.h>

/* What is said before enough is known: what common publishers come to. */
#define USUAL_MS 100
#define ENOUGH 100u
/* What sound waits in a browser behind the late ones: its buffer counts in packets of 20 ms; and the output device. */
#define RECEIVER_MS 60
#define MAX_MS 160
#define STEP_MS 10
#define WORTH_MS 30

void
air_lateness_add (AirLateness *lateness, int64_t late_us)
{
  lateness->late_ms[lateness->count++ % AIR_LIP_SYNC_SAMPLES] = (int32_t)CLAMP (late_us / 1000, G_MININT32 / 4,
                                                                                G_MAXINT32 / 4);
  if (lateness->count == 2 * AIR_LIP_SYNC_SAMPLES)
    lateness->count = AIR_LIP_SYNC_SAMPLES;
}

static int
compare (const void *a, const void *b)
{
  int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
  return (left > right) - (left < right);
}

int32_t
air_lateness_quantile (const AirLateness *lateness, unsigned tenths)
{
  unsigned count = MIN (lateness->count, AIR_LIP_SYNC_SAMPLES);
  int32_t sorted[AIR_LIP_SYNC_SAMPLES];
  memcpy (sorted, lateness->late_ms, count * sizeof *sorted);
  qsort (sorted, count, sizeof *sorted, compare);
  return sorted[(count - 1) * tenths / 10];
}

int
air_lip_sync_wait_ms (const AirLateness *video, const AirLateness *audio, int before)
{
  if (video->count < ENOUGH || audio->count < ENOUGH)
    return before < 0 ? USUAL_MS : before;
  /* The receiver's buffer follows the late ones of the sound; a picture is shown when it is there. */
  int32_t late_ms = air_lateness_quantile (audio, 8) - air_lateness_quantile (video, 5) + RECEIVER_MS;
  int wait_ms = CLAMP (late_ms, 0, MAX_MS) / STEP_MS * STEP_MS;
  return before >= 0 && ABS (wait_ms - before) < WORTH_MS ? before : wait_ms;
}
