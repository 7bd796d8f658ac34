/* Prometheus metrics. Names begin with airclass_; label values must come from a small set (never a viewer or a user).
 * Updating is thread-safe and cheap (atomic once the series exists). */
#pragma once

#include <stdint.h>

#include <airclass/types.h>

G_BEGIN_DECLS

typedef enum
{
  AIR_METRIC_COUNTER,
  AIR_METRIC_GAUGE,
  AIR_METRIC_HISTOGRAM,
} AirMetricType;

/* @name: "airclass_rtmp_bytes_total"; @label_names: NULL-terminated, or NULL for none; @buckets: upper bounds in
 * ascending order, ended by 0, for a histogram, else NULL. A series past 200 per metric is folded into the label value
 * "other". Returns: (transfer none) owned by the context. Main thread. */
AIR_PUBLIC AirMetric *air_context_add_metric (AirContext *context, AirMetricType type, const char *name, const char *help,
                                              const char *const *label_names, const double *buckets);
/* @label_values: NULL-terminated, as many as names; NULL for none. Any thread. */
AIR_PUBLIC void air_metric_add (AirMetric *metric, double value, const char *const *label_values);
AIR_PUBLIC void air_metric_set (AirMetric *metric, double value, const char *const *label_values);
AIR_PUBLIC void air_metric_observe (AirMetric *metric, double value, const char *const *label_values);
/* The same @count times: for those who count in buckets of their own where an update for each would cost too much. */
AIR_PUBLIC void air_metric_observe_many (AirMetric *metric, double value, uint64_t count,
                                         const char *const *label_values);

G_END_DECLS
