/* What the files of the metrics registry share. */
#pragma once

#include "ops/metrics-registry.h"

G_BEGIN_DECLS

/* One line of the exposition (a histogram: several). Values are the bits of a double, changed atomically. */
typedef struct
{
  char **label_values; /* NULL-terminated, NULL when the metric has no labels */
  uint64_t value;      /* counter, gauge; histogram: the sum */
  uint64_t *counts;    /* histogram: observations by bucket, not cumulative; the last is +Inf */
} AirSeries;

struct _AirMetric
{
  AirMetricType type;
  char *name, *help;
  char **label_names; /* NULL when there are none */
  size_t n_labels;
  double *buckets; /* upper bounds, ascending */
  size_t n_buckets;
  GPtrArray *owners; /* (element-type AirContext) may hold NULL, the host; one entry a registration */

  GRWLock lock;       /* guards the table, not the values in it */
  GHashTable *series; /* (key utf8: label values joined) (value AirSeries) */
  AirSeries *single;  /* without labels: the only one */
};

struct _AirMetricsRegistry
{
  GMutex mutex;
  GHashTable *metrics; /* (key utf8) (value AirMetric) */
};

double air_metrics_bits_to_double (uint64_t bits);
/* Appends HELP, TYPE and all series of @metric. */
void air_metrics_append_family (GString *text, AirMetric *metric);
/* Appends "# HELP" and "# TYPE". */
void air_metrics_append_header (GString *text, const char *name, const char *help, const char *type);
void air_metrics_append_value (GString *text, double value);
/* Appends airclass_build_info and the process_… metrics, read from /proc now. */
void air_metrics_append_process (GString *text);

G_END_DECLS
