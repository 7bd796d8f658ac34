/* See level-policy.h. */
#include "level-policy.h"

#define BAD_FOR_US (150 * 1000)
#define LOSSY_FOR_US (500 * 1000)
#define LOSS_OVER_US (2 * G_USEC_PER_SEC) /* see AirPathState */
/* After less is sent: what is known must be of packets that were sent so long after that; but not for ever. */
#define SETTLE_US (1200 * 1000)
#define SETTLE_AT_MOST_US (4 * G_USEC_PER_SEC)
#define FIRST_WAIT_US (5 * G_USEC_PER_SEC)
/* By target: without a picture one is more impatient, and to try the smaller rendition costs little. */
static const int64_t longest_wait_us[AIR_LEVEL_COUNT] = {
  [AIR_LEVEL_FULL] = 120 * G_USEC_PER_SEC,
  [AIR_LEVEL_REDUCED] = 60 * G_USEC_PER_SEC,
  [AIR_LEVEL_LOW] = 20 * G_USEC_PER_SEC,
};
/* Who falls back within this time after a step up, took it in vain. */
#define TRIAL_US (15 * G_USEC_PER_SEC)
/* Who stays on top so long begins anew. */
#define PROVEN_US (60 * G_USEC_PER_SEC)
/* A probe grows in steps, so that one which is too much fills no long queue, and holds at the top. */
#define RAISE_EVERY_US (300 * 1000)
#define HOLD_US (1200 * 1000)
#define UNHEARD_US (700 * 1000)
#define MARGIN_PERCENT 110u
#define CALM_QUEUE_US 40000
#define PROBE_QUEUE_US 70000
#define CALM_LOSS 0.13
#define PROBE_MORE_LOSS 0.06

const char *
air_level_to_string (AirLevel level)
{
  static const char *const names[] = { "full", "reduced", "low", "audio" };
  return names[level];
}

const char *
air_level_reason_to_string (AirLevelReason reason)
{
  static const char *const names[] = { "start", "fixed", "congestion", "loss", "probing-succeeded" };
  return names[reason];
}

AirLevels
air_levels_from_string (const char *text)
{
  static const char *const names[] = { "auto", "full", "low", "audio" };
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (text, names[i]))
      return (AirLevels)i;
  return AIR_LEVELS_AUTO;
}

void
air_level_policy_init (AirLevelPolicy *policy, AirLevels levels, int64_t now_us)
{
  static const AirLevel first[] = { AIR_LEVEL_FULL, AIR_LEVEL_FULL, AIR_LEVEL_LOW, AIR_LEVEL_AUDIO };
  *policy = (AirLevelPolicy){
    .levels = levels,
    .level = first[levels],
    .reason = levels == AIR_LEVELS_AUTO ? AIR_LEVEL_START : AIR_LEVEL_FIXED,
    .since_us = now_us,
    .good_us = now_us,
  };
  for (unsigned level = 0; level < AIR_LEVEL_COUNT; level++)
    policy->wait_us[level] = FIRST_WAIT_US;
}

static void
end_probe (AirLevelPolicy *policy, int64_t now_us)
{
  policy->probe_us = 0;
  policy->probe_bps = 0;
  policy->full_us = 0;
  policy->lowered_us = now_us;
}

/* Whether the path shows yet what it does with what is sent now. */
static bool
is_settled (const AirLevelPolicy *policy, const AirPathState *path, int64_t now_us)
{
  int64_t newest_us = path->newest_us != 0 ? path->newest_us : now_us - G_USEC_PER_SEC;
  return newest_us >= policy->lowered_us + SETTLE_US || now_us >= policy->lowered_us + SETTLE_AT_MOST_US;
}

static void
wait_longer (AirLevelPolicy *policy, AirLevel target, int64_t now_us)
{
  policy->wait_us[target] = MIN (policy->wait_us[target] * 2, longest_wait_us[target]);
  policy->good_us = now_us;
}

static void
change (AirLevelPolicy *policy, AirLevel level, AirLevelReason reason, int64_t now_us)
{
  bool up = level < policy->level;
  if (!up && policy->reason == AIR_LEVEL_PROBED && now_us < policy->since_us + TRIAL_US)
    wait_longer (policy, policy->level, now_us);
  policy->level = level;
  policy->reason = reason;
  policy->since_us = now_us;
  policy->good_us = now_us;
  policy->bad_us = 0;
  end_probe (policy, now_us);
  /* More is sent, and must show at once whether that is too much. */
  if (up)
    policy->lowered_us = 0;
}

/* ---- Down */

/* The next that exists; the same when there is none. */
static AirLevel
next_down (AirLevel level, const AirLevelRates *rates)
{
  for (unsigned next = level + 1; next < AIR_LEVEL_COUNT; next++)
    if (rates->bps[next] > 0)
      return (AirLevel)next;
  return level;
}

/* As far down as it takes to fit @bps; measured while it is full, that is exact enough to pass a level by. */
static AirLevel
fitting (AirLevel level, uint64_t bps, const AirLevelRates *rates)
{
  AirLevel next = next_down (level, rates);
  while (bps > 0 && rates->bps[next] > bps && next_down (next, rates) != next)
    next = next_down (next, rates);
  return next;
}

static bool
step_down (AirLevelPolicy *policy, const AirPathState *path, const AirLevelRates *rates, int64_t now_us)
{
  if (path->trend == AIR_PATH_NORMAL || !is_settled (policy, path, now_us))
    {
      policy->bad_us = 0;
      return false;
    }
  policy->good_us = now_us;
  if (policy->bad_us == 0)
    policy->bad_us = now_us;
  bool congested = path->trend == AIR_PATH_OVERUSED;
  if (!congested && path->newest_us != 0 && path->newest_us < policy->lowered_us + LOSS_OVER_US)
    return false;
  if (now_us < policy->bad_us + (congested ? BAD_FOR_US : LOSSY_FOR_US))
    return false;
  AirLevel level = fitting (policy->level, path->goodput_bps, rates);
  if (level == policy->level)
    return false;
  change (policy, level, congested ? AIR_LEVEL_CONGESTION : AIR_LEVEL_LOSS, now_us);
  return true;
}

bool
air_level_policy_take_burst (AirLevelPolicy *policy, uint64_t bps, const AirLevelRates *rates, int64_t now_us)
{
  if (policy->levels != AIR_LEVELS_AUTO || bps == 0 || rates->bps[policy->level] <= bps)
    return false;
  AirLevel level = fitting (policy->level, bps, rates);
  if (level == policy->level)
    return false;
  change (policy, level, AIR_LEVEL_CONGESTION, now_us);
  return true;
}

/* ---- Up */

static AirLevel
next_up (AirLevel level, const AirLevelRates *rates)
{
  for (unsigned next = level; next > 0; next--)
    if (rates->bps[next - 1] > 0)
      return (AirLevel)(next - 1);
  return level;
}

static void
raise_probe (AirLevelPolicy *policy, const AirLevelRates *rates, int64_t now_us)
{
  uint64_t own = rates->bps[policy->level];
  uint64_t wanted = rates->bps[policy->target] * MARGIN_PERCENT / 100;
  uint64_t most = wanted > own ? wanted - own : 0;
  if (policy->full_us != 0 || (policy->probe_bps > 0 && now_us < policy->raised_us + RAISE_EVERY_US))
    return;
  uint64_t all = MAX (own + policy->probe_bps, 64000);
  policy->probe_bps = MIN (all * 3 / 2 - MIN (own, all), most);
  policy->raised_us = now_us;
  if (policy->probe_bps == most)
    policy->full_us = now_us;
}

static bool
take_probe (AirLevelPolicy *policy, const AirPathState *path, const AirLevelRates *rates, int64_t now_us)
{
  bool unheard = !path->known && now_us > policy->probe_us + UNHEARD_US;
  bool failed = unheard || path->trend != AIR_PATH_NORMAL || path->queue_us > PROBE_QUEUE_US
                || path->loss > policy->probe_loss + PROBE_MORE_LOSS;
  if (failed || rates->bps[policy->target] == 0)
    {
      end_probe (policy, now_us);
      wait_longer (policy, policy->target, now_us);
      return false;
    }
  raise_probe (policy, rates, now_us);
  if (policy->full_us == 0 || now_us < policy->full_us + HOLD_US)
    return false;
  change (policy, policy->target, AIR_LEVEL_PROBED, now_us);
  return true;
}

static bool
step_up (AirLevelPolicy *policy, const AirPathState *path, const AirLevelRates *rates, int64_t now_us)
{
  if (policy->probe_us != 0)
    return take_probe (policy, path, rates, now_us);
  AirLevel target = next_up (policy->level, rates);
  /* Sound alone may give no feedback; the probe will. */
  bool heard = path->known || policy->level == AIR_LEVEL_AUDIO;
  bool calm = heard && path->queue_us < CALM_QUEUE_US && path->loss < CALM_LOSS;
  if (target == policy->level || !calm || !is_settled (policy, path, now_us))
    {
      policy->good_us = calm ? policy->good_us : now_us;
      return false;
    }
  if (now_us < policy->good_us + policy->wait_us[target])
    return false;
  policy->probe_us = now_us;
  policy->target = target;
  policy->probe_loss = path->loss;
  raise_probe (policy, rates, now_us);
  return false;
}

bool
air_level_policy_update (AirLevelPolicy *policy, const AirPathState *path, const AirLevelRates *rates, int64_t now_us)
{
  if (policy->levels != AIR_LEVELS_AUTO)
    return false;
  if (policy->level == AIR_LEVEL_FULL && now_us >= policy->since_us + PROVEN_US)
    policy->wait_us[AIR_LEVEL_FULL] = FIRST_WAIT_US;
  if (policy->probe_us == 0 && path->known && step_down (policy, path, rates, now_us))
    return true;
  return step_up (policy, path, rates, now_us);
}
