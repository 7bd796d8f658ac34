/* The plugin's metrics. Made on the main thread, updated on the I/O thread. */
#pragma once

#include <airclass/context.h>
#include <airclass/metrics.h>

G_BEGIN_DECLS

typedef struct
{
  AirMetric *connections; /* gauge */
  AirMetric *publishers;  /* gauge */
  AirMetric *players;     /* gauge */
  AirMetric *bytes;       /* counter, direction */
  AirMetric *refused;     /* counter, reason */
  AirMetric *dropped;     /* counter, reason: messages that were not handed on */
} RtmpMetrics;

void rtmp_metrics_init (RtmpMetrics *metrics, AirContext *context);
/* @reason: "limit", "unauthorized", "conflict", "path", "codec", "protocol", "timeout", "tls" */
void rtmp_metrics_refused (RtmpMetrics *metrics, const char *reason);
void rtmp_metrics_dropped (RtmpMetrics *metrics, const char *reason);

G_END_DECLS
