/* What whep-load is asked for and what it found out. Main thread only. */
#pragma once

#include "server-usage.h"
#include "worker.h"

typedef struct
{
  LoadPlan plan;
  char *url; /* of the WHEP endpoint */
  char *state_dir;
  char *token, *key;
  int viewers, threads, pid;
  double join_rate; /* a second */
  double duration_s, settle_s;
  gboolean json, no_nack, no_rtx, no_transport_cc;
} LoadOptions;

/* Returns: false with what is wrong. */
bool load_options_parse (LoadOptions *options, int *argc, char ***argv, GError **error);
void load_options_clear (LoadOptions *options);

/* What the server says of itself; empty: it says nothing. */
typedef struct
{
  LoadHistogram video, audio;
} LoadDelays;

typedef struct
{
  LoadUsage idle, alone, begin, end; /* before any viewer, with one, around the measuring interval */
  bool has_usage;
  bool drops;         /* on purpose */
  bool expects_media; /* the viewers were not told to stop before */
  LoadDelays delays_before, delays_after;
  double own_cpu_s, measured_s;
  unsigned viewers, playing; /* asked for; there when measuring began */
  uint64_t max_lag_us;
  GArray *stays; /* LoadStay */
} LoadResult;

void load_report_print (const LoadResult *result);
void load_report_print_json (const LoadResult *result);
/* Whether everybody joined who should, and nothing was lost for good. */
bool load_report_is_good (const LoadResult *result);
