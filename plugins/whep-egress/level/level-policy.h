/* How much of a stream one viewer is sent, by what its path carries.
 *
 * Down at once when the path is overused, as far as it takes: without pictures that no other needs (where the stream has
 * such), a smaller rendition, sound only. Up one step at a time: after a while in which the path held, what the step
 * would cost is first sent as repetitions that nobody misses; only when they arrive in time the step is taken. A failed
 * attempt doubles the wait for the next.
 *
 * Pure; belongs to one thread. All times are monotonic µs.
 */
#pragma once

#include "path-estimate.h"

G_BEGIN_DECLS

typedef enum
{
  AIR_LEVEL_FULL,
  AIR_LEVEL_REDUCED, /* without pictures that no other needs */
  AIR_LEVEL_LOW,     /* a smaller rendition */
  AIR_LEVEL_AUDIO,
} AirLevel;

#define AIR_LEVEL_COUNT 4

typedef enum
{
  AIR_LEVEL_START,
  AIR_LEVEL_FIXED, /* by the configuration */
  AIR_LEVEL_CONGESTION,
  AIR_LEVEL_LOSS,
  AIR_LEVEL_PROBED, /* it was tried, and held */
} AirLevelReason;

#define AIR_LEVEL_REASON_COUNT 5

/* [whep-egress] levels= */
typedef enum
{
  AIR_LEVELS_AUTO,
  AIR_LEVELS_FULL,
  AIR_LEVELS_LOW,
  AIR_LEVELS_AUDIO,
} AirLevels;

/* "full", "reduced", "low", "audio"; "start", "fixed", "congestion", "loss", "probing-succeeded". */
const char *air_level_to_string (AirLevel level);
const char *air_level_reason_to_string (AirLevelReason reason);
/* One of "auto|full|low|audio". */
AirLevels air_levels_from_string (const char *text);

/* What each level costs, all tracks together; 0: there is no such level. FULL always is. */
typedef struct
{
  uint64_t bps[AIR_LEVEL_COUNT];
} AirLevelRates;

typedef struct
{
  AirLevels levels;
  AirLevel level;
  AirLevelReason reason;
  int64_t since_us;
  int64_t lowered_us; /* since when less is sent */
  int64_t bad_us;     /* since when the path is overused; 0: it is not */
  int64_t good_us;    /* since when it holds */
  int64_t wait_us[AIR_LEVEL_COUNT]; /* how long it must hold before a step up to that level is tried */
  int64_t probe_us;   /* since when a step up is tried; 0: it is not */
  AirLevel target;    /* of it */
  uint64_t probe_bps; /* what is to be sent beside the level's own */
  int64_t raised_us;  /* when the probe was last raised */
  int64_t full_us;    /* since when it is as high as the target */
  double probe_loss;  /* before it */
} AirLevelPolicy;

void air_level_policy_init (AirLevelPolicy *policy, AirLevels levels, int64_t now_us);
/* Ten times a second or so. Returns: whether the level changed. */
bool air_level_policy_update (AirLevelPolicy *policy, const AirPathState *path, const AirLevelRates *rates,
                              int64_t now_us);
/* What a start showed: the path carries @bps and not more. Returns: whether the level changed. */
bool air_level_policy_take_burst (AirLevelPolicy *policy, uint64_t bps, const AirLevelRates *rates, int64_t now_us);

G_END_DECLS
