/* What the figures mean: a queue, too many losses, or a way that has become longer. */
#include "path-private.h"

/* A queue that grows so much from window to window, three in a row, and is so long, is no chance. */
#define GROWTH_US 20000
#define GROWN_US 80000
/* One that stands so long for a second costs as much. */
#define STANDING_US 300000
/* Where the path has all but stopped, what would tell of the queue stands in it: feedback comes, and speaks of ever older
 * packets. */
#define LAG_US 350000
#define LAG_GROWTH_US 30000
#define HOPELESS_US (1200 * 1000)
#define ARRIVING_PERCENT 93u
/* A full queue loses, too. */
#define FULL_QUEUE_US 40000
#define FULL_QUEUE_LOSS 0.08
/* What waits so evenly for two seconds while hardly more than this is lost, is no queue: the path has become longer. */
#define FLAT_WINDOWS 13
#define FLAT_US 20000
#define FLAT_LOSS 0.07
#define LONGER_US 10000
/* Even with more losses, when far less is sent than went through it. */
#define FAR_LESS_PERCENT 60u
#define FAR_LESS_LOSS 0.13
#define SUDDEN_LOSS 0.35

/* What is only late, as by a receiver that was busy, arrives as fast as it is sent. */
static bool
arrives_slowly (const AirPathEstimate *path)
{
  return path->goodput_bps * 100 < air_path_sent_bps (path, path->feedback_us) * ARRIVING_PERCENT;
}

AirPathTrend
air_path_trend_of (const AirPathEstimate *path)
{
  int64_t now_us = air_path_queue_of (path, 0), before_us = air_path_queue_of (path, 1);
  int64_t earlier_us = air_path_queue_of (path, 2);
  int64_t second_ago_us = air_path_queue_of (path, 7);
  bool grows = earlier_us >= 0 && now_us >= GROWN_US && now_us >= before_us + GROWTH_US
               && before_us >= earlier_us + GROWTH_US;
  /* Falling by a tenth in a second it is on its way to be gone: a keyframe does that. */
  bool stands = now_us >= STANDING_US && second_ago_us >= STANDING_US && now_us > second_ago_us * 9 / 10;
  bool lags = path->lags_us[0] >= LAG_US && path->lags_us[0] >= path->lags_us[1] + LAG_GROWTH_US
              && path->lags_us[1] >= path->lags_us[2] + LAG_GROWTH_US;
  bool loses = air_path_loss_of (path, 40) >= FULL_QUEUE_LOSS || air_path_loses_more (path, 6, FULL_QUEUE_LOSS);
  bool full = loses && air_path_waiting_of (path, 0) >= FULL_QUEUE_US && air_path_waiting_of (path, 1) >= FULL_QUEUE_US
              && air_path_loss_of (path, 6) >= FULL_QUEUE_LOSS;
  bool hopeless = now_us >= HOPELESS_US && before_us >= HOPELESS_US && now_us >= before_us;
  if (stands || full || ((grows || lags || hopeless) && arrives_slowly (path)))
    return AIR_PATH_OVERUSED;
  if (air_path_loses_more (path, 40, AIR_PATH_MUCH_LOSS) && path->feedback_us >= path->first_us + 2 * G_USEC_PER_SEC)
    return AIR_PATH_LOSSY;
  return air_path_loses_more (path, 12, SUDDEN_LOSS) ? AIR_PATH_LOSSY : AIR_PATH_NORMAL;
}

bool
air_path_learn_own_delay (AirPathEstimate *path)
{
  int64_t least_us = AIR_PATH_NO_DELAY, most_us = INT64_MIN;
  int64_t queue_us = air_path_queue_of (path, 0);
  if (queue_us >= 0)
    path->through_bps = queue_us < LONGER_US ? 0 : MAX (path->through_bps, path->goodput_bps);
  for (int windows = 0; windows < FLAT_WINDOWS; windows++)
    {
      int64_t delay_us = air_path_least_delay (path, windows);
      least_us = MIN (least_us, delay_us);
      most_us = MAX (most_us, delay_us);
      if (least_us < MIN (path->base_us[0], path->base_us[1]) + LONGER_US)
        return false;
    }
  if (most_us == AIR_PATH_NO_DELAY || most_us > least_us + FLAT_US)
    return false;
  double loss = air_path_loss_of (path, 40);
  if (loss < FAR_LESS_LOSS && air_path_sent_bps (path, path->newest_us) * 100 < path->through_bps * FAR_LESS_PERCENT)
    path->base_us[0] = path->base_us[1] = least_us;
  else if (loss < FLAT_LOSS)
    path->own_us = least_us;
  else
    return false;
  return true;
}
