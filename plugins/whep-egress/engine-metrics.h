/* What engines count, as Prometheus sees it. Main thread. */
#pragma once

#include <airclass/airclass.h>

#include "fanout-delay.h"
#include "level-policy.h"

G_BEGIN_DECLS

/* Of 64 bits each, so that they can be added up without a look at which is which. */
typedef struct
{
  uint64_t packets, bytes, dropped, failed;
  uint64_t retransmitted, nacks, keyframe_requests, replays;
  uint64_t unvalidated, unknown_ufrag, forged;
  uint64_t held; /* checks from an address that another viewer uses */
  uint64_t tcp_accepted, tcp_refused, tcp_cut, tcp_dropped;
  uint64_t level_changes[AIR_LEVEL_COUNT][AIR_LEVEL_REASON_COUNT];
  uint64_t forwarded, overrun; /* datagrams to the loop that owns their viewer; too many at once: dropped */
  AirDelayHistogram delays[AIR_KIND_COUNT];
} AirEngineCounts;

void air_engine_counts_add (AirEngineCounts *counts, const AirEngineCounts *more);

typedef struct
{
  AirMetric *packets, *bytes, *retransmitted, *dropped, *requests, *discarded, *forwarded, *delay, *tcp, *levels, *replays;
} AirEngineMetrics;

void air_engine_metrics_init (AirEngineMetrics *metrics, AirContext *context);
/* @counts: what was counted since the last call. */
void air_engine_metrics_add (AirEngineMetrics *metrics, const AirEngineCounts *counts);

G_END_DECLS
