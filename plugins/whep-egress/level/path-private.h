/* What stands behind a path's estimate. Time is cut into slots of 50 ms, by the time of sending for delay and loss, by the
 * time of arrival for what arrives.
 *
 * path-estimate.c fills them, path-figures.c reads figures out of them, path-trend.c says what these mean. All belongs to
 * the thread of the estimate.
 */
#pragma once

#include "path-estimate.h"

G_BEGIN_DECLS

#define AIR_PATH_SLOT_US 50000
#define AIR_PATH_SLOTS 64u /* 3.2 s */
#define AIR_PATH_HISTORY 512u
#define AIR_PATH_NO_DELAY INT64_MAX
/* Up to 10% are lost by chance. */
#define AIR_PATH_MUCH_LOSS 0.17

typedef enum
{
  AIR_FATE_WAITING,
  AIR_FATE_LOST,
  AIR_FATE_ARRIVED,
} AirPathFate;

typedef struct
{
  uint32_t sent_us; /* low bits */
  uint16_t sequence;
  uint16_t bytes : 14;
  uint16_t fate : 2; /* AirPathFate */
} AirPathSent;

/* By time of sending. */
typedef struct
{
  int64_t delay_us; /* the least of those that arrived, plus the unknown offset of the clocks */
  uint32_t number;
  uint32_t bytes;
  uint16_t packets, lost; /* of which feedback spoke */
} AirPathSlot;

/* By time of arrival. */
typedef struct
{
  uint32_t number;
  uint32_t bytes;
} AirPathArrival;

struct _AirPathEstimate
{
  AirPathSent history[AIR_PATH_HISTORY];
  AirPathSlot slots[AIR_PATH_SLOTS];
  AirPathArrival arrivals[16];
  bool any_feedback;
  int64_t first_us;      /* when feedback first came */
  int64_t feedback_us;   /* when feedback last came; reports and REMB do not count */
  int64_t newest_us;     /* when the newest packet of which feedback spoke was sent */
  int64_t lost_us;       /* when the newest of those that were lost was sent; 0: none was */
  int64_t least_lag_us;  /* the least time between that and the feedback: the round trip */
  int64_t lags_us[3];    /* beyond it, each 100 ms or more apart; the newest first */
  int64_t lag_us;        /* when the newest of them was taken */
  int64_t arrival_us;    /* the last one, unwrapped */
  int64_t first_arrival_us;
  int64_t base_us[2];    /* the least delay: of this bucket and of the one before */
  int64_t bucket_us;
  int64_t own_us;        /* the delay that turned out to be the path's own since; below the base: none did */
  uint64_t through_bps;  /* the most that arrived while something waited */
  int64_t grown_us;      /* when the estimate last grew */
  AirPathTrend trend;    /* as of feedback_us: whoever takes feedback asks at once what it says */
  double estimate_bps;
  uint64_t goodput_bps;
  uint64_t burst_bps;
  uint64_t sent_bytes, arrived_bytes;
  uint64_t remb_bps;
  int64_t remb_us, remb_low_us; /* when it was said; since when it is below what is sent, 0: it is not */
  double report_loss[2];
  int64_t report_us;
};

/* ---- path-figures.c; a window is 150 ms of sending, window 0 the newest of which feedback spoke */

/* Over so many slots and the present one, as far as that is filled: what is read in bunches is there in the end. */
uint64_t air_path_measure_goodput (const AirPathEstimate *path, unsigned slots);
/* Of @windows windows ago; AIR_PATH_NO_DELAY: nothing arrived of what was sent then. */
int64_t air_path_least_delay (const AirPathEstimate *path, int windows);
/* The same beyond the base, in µs; -1: nothing arrived. */
int64_t air_path_queue_of (const AirPathEstimate *path, int windows);
/* The same beyond what seems to be the path's own delay. */
int64_t air_path_waiting_of (const AirPathEstimate *path, int windows);
/* 0 to 1; 0 of a few packets, whose share says nothing. */
double air_path_loss_of (const AirPathEstimate *path, unsigned slots);
/* Whether more is lost than @share, and more than chance makes of 10%. */
bool air_path_loses_more (const AirPathEstimate *path, unsigned slots, double share);
/* In the second before @until_us. */
uint64_t air_path_sent_bps (const AirPathEstimate *path, int64_t until_us);

/* ---- path-trend.c */

AirPathTrend air_path_trend_of (const AirPathEstimate *path);
/* From one network to another, say: what is longer stays so, whatever is sent. A queue that is taken for that shows by
 * shrinking, and is one for air_path_trend_of() in any case. Returns whether anything was learnt. */
bool air_path_learn_own_delay (AirPathEstimate *path);

G_END_DECLS
