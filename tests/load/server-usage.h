/* What the server under load uses, from /proc, and what it says of itself in /metrics. Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct
{
  int64_t at_us;
  double cpu_s; /* user and system, all threads, also those that ended */
  double rss_mib, pss_mib;
  unsigned threads, descriptors;
} LoadUsage;

bool load_usage_read (pid_t pid, LoadUsage *ret_usage, GError **error);
/* Of this process. */
double load_usage_own_cpu_s (void);

#define LOAD_MAX_BUCKETS 64

/* A Prometheus histogram, all series of it together. */
typedef struct
{
  unsigned n_buckets;
  double bound[LOAD_MAX_BUCKETS]; /* ascending; the last is infinite */
  double count[LOAD_MAX_BUCKETS]; /* cumulative */
} LoadHistogram;

/* @text: a /metrics page; @label: as in kind="video". Returns: false when it has no such histogram. */
bool load_histogram_read (const char *text, const char *name, const char *label, LoadHistogram *ret_histogram);
/* Of what was observed between the two. Returns: -1 when nothing was; infinity beyond the last finite bound. */
double load_histogram_quantile (const LoadHistogram *before, const LoadHistogram *after, double quantile);

/* From STATE_DIR/run.json. *ret_http: "http://HOST:PORT", NULL when no HTTP endpoint is there. (transfer full) */
bool load_run_file_read (const char *state_dir, pid_t *ret_pid, char **ret_http, char **ret_rtmp, GError **error);
