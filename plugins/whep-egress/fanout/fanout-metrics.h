/* What the loops count, as Prometheus sees it. Main thread. */
#pragma once

#include "fanout-loop.h"

typedef struct
{
  AirMetric *packets, *bytes, *retransmitted, *dropped, *requests, *discarded, *forwarded, *delay, *tcp, *levels;
} AirFanoutMetrics;

void air_fanout_metrics_init (AirFanoutMetrics *metrics, AirContext *context);
/* @counts: what was counted since the last call. */
void air_fanout_metrics_add (AirFanoutMetrics *metrics, const AirFanoutCounts *counts);
