/* Many viewers of one WHEP endpoint, in one process: joins them, receives, measures, reports.
 *
 * The main thread drives the phases and reads the server's /proc and /metrics; viewers run in the worker threads. The order: one
 * viewer alone (what the server starts for the first one is not to be counted for the others), then the others at the rate asked for, then a
 * while to settle, then the measuring interval, then all leave.
 */
#include "whep-load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define POLL_US 5000
#define JOIN_PATIENCE_S 15
#define LEAVE_PATIENCE_S 15
#define LEAVES_PER_S 100
#define ALONE_S 1
#define METRICS_TIMEOUT_MS 5000
#define DELAY_METRIC "airclass_whep_delay_seconds"

typedef struct
{
  LoadOptions options;
  GPtrArray *workers; /* LoadWorker */
  LoadResult result;
} Run;

static unsigned
sum (const Run *run, size_t offset)
{
  unsigned total = 0;

  for (guint i = 0; i < run->workers->len; i++)
    total += (unsigned)g_atomic_int_get ((int *)((char *)run->workers->pdata[i] + offset));
  return total;
}

#define SUM(run, field) sum (run, offsetof (LoadWorker, field))

static void
wait_s (double seconds)
{
  g_usleep ((gulong)(seconds * G_USEC_PER_SEC));
}

/* Until @count stays have come so far that they are connected or over. */
static void
wait_decided (const Run *run, unsigned count, double patience_s)
{
  int64_t deadline_us = g_get_monotonic_time () + (int64_t)(patience_s * G_USEC_PER_SEC);

  while (SUM (run, playing) + SUM (run, ended) < count && g_get_monotonic_time () < deadline_us)
    g_usleep (POLL_US);
}

static void
set_phase (const Run *run, LoadPhase phase)
{
  for (guint i = 0; i < run->workers->len; i++)
    g_atomic_int_set (&((LoadWorker *)run->workers->pdata[i])->phase, phase);
  for (guint i = 0; i < run->workers->len; i++)
    while (g_atomic_int_get (&((LoadWorker *)run->workers->pdata[i])->reached) != (int)phase)
      g_usleep (1000);
}

static void
read_usage (Run *run, LoadUsage *ret_usage)
{
  g_autoptr (GError) error = NULL;

  if (run->options.pid == 0 || !run->result.has_usage)
    return;
  if (!load_usage_read (run->options.pid, ret_usage, &error))
    {
      g_printerr ("whep-load: cannot read what process %d uses: %s\n", run->options.pid,
                  error ? error->message : "unknown form");
      run->result.has_usage = false;
    }
}

static void
read_delays (Run *run, LoadDelays *ret_delays)
{
  g_autofree char *text = NULL;
  LoadRequest request = { .method = "GET", .target = "/metrics", .token = run->options.key };

  *ret_delays = (LoadDelays){ 0 };
  if (load_http_run (&run->options.plan.url, &request, METRICS_TIMEOUT_MS, &text) != 200)
    return;
  load_histogram_read (text, DELAY_METRIC, "kind=\"video\"", &ret_delays->video);
  load_histogram_read (text, DELAY_METRIC, "kind=\"audio\"", &ret_delays->audio);
}

/* Two descriptors a viewer at most, and some. */
static bool
allow_descriptors (unsigned viewers)
{
  struct rlimit limit;
  rlim_t wanted = viewers * 2 + 64;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
    return true;
  limit.rlim_cur = wanted;
  limit.rlim_max = MAX (limit.rlim_max, wanted);
  return setrlimit (RLIMIT_NOFILE, &limit) == 0;
}

/* Viewers are dealt out in turn, so that all threads have joins and watchers alike. */
static void
make_workers (Run *run)
{
  const LoadOptions *options = &run->options;
  unsigned threads = (unsigned)MIN (options->threads, options->viewers), viewers = (unsigned)options->viewers;

  for (unsigned t = 0; t < threads; t++)
    {
      unsigned count = viewers / threads + (t < viewers % threads ? 1 : 0);
      LoadWorker *worker = load_worker_new (&options->plan, count, t * viewers);

      for (unsigned i = 0; i < count; i++)
        {
          unsigned number = i * threads + t;
          worker->join_offset_us[i]
              = number == 0 ? -1 : (int64_t)((number - 1) / options->join_rate * G_USEC_PER_SEC);
        }
      g_ptr_array_add (run->workers, worker);
    }
}

static void
measure (Run *run)
{
  double cpu_s;

  read_delays (run, &run->result.delays_before);
  run->result.playing = SUM (run, playing);
  set_phase (run, LOAD_PHASE_MEASURING);
  read_usage (run, &run->result.begin);
  cpu_s = load_usage_own_cpu_s ();
  run->result.measured_s = -(double)g_get_monotonic_time () / G_USEC_PER_SEC;
  wait_s (run->options.duration_s);
  read_usage (run, &run->result.end);
  run->result.own_cpu_s = load_usage_own_cpu_s () - cpu_s;
  run->result.measured_s += (double)g_get_monotonic_time () / G_USEC_PER_SEC;
  set_phase (run, LOAD_PHASE_MEASURED);
  read_delays (run, &run->result.delays_after);
}

static void
end_workers (Run *run)
{
  int64_t deadline_us = g_get_monotonic_time () + (LEAVE_PATIENCE_S + run->result.viewers / LEAVES_PER_S) * G_USEC_PER_SEC;

  set_phase (run, LOAD_PHASE_LEAVING);
  while (SUM (run, ended) < SUM (run, started) && g_get_monotonic_time () < deadline_us)
    g_usleep (POLL_US);
  for (guint i = 0; i < run->workers->len; i++)
    {
      LoadWorker *worker = run->workers->pdata[i];

      load_worker_stop (worker);
      if (worker->stays->len > 0)
        g_array_append_vals (run->result.stays, worker->stays->data, worker->stays->len);
      run->result.max_lag_us = MAX (run->result.max_lag_us, worker->max_lag_us);
    }
}

static void
go (Run *run)
{
  const LoadOptions *options = &run->options;

  run->result.has_usage = options->pid != 0;
  run->result.viewers = (unsigned)options->viewers;
  run->result.drops = options->plan.loss > 0;
  run->result.expects_media = options->plan.stop_at == LOAD_IDLE;
  read_usage (run, &run->result.idle);
  make_workers (run);
  for (guint i = 0; i < run->workers->len; i++)
    load_worker_start (run->workers->pdata[i]);
  wait_decided (run, 1, JOIN_PATIENCE_S);
  if (SUM (run, playing) > 0 && options->viewers > 1)
    {
      wait_s (ALONE_S);
      read_usage (run, &run->result.alone);
      int64_t from_us = g_get_monotonic_time ();
      for (guint i = 0; i < run->workers->len; i++)
        load_worker_go (run->workers->pdata[i], from_us);
      wait_decided (run, (unsigned)options->viewers, options->viewers / options->join_rate + JOIN_PATIENCE_S);
    }
  if (SUM (run, playing) > 0)
    {
      wait_s (options->settle_s);
      measure (run);
    }
  end_workers (run);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  Run run = { .workers = g_ptr_array_new_with_free_func ((GDestroyNotify)load_worker_free) };
  int status = 2;

  run.result.stays = g_array_new (FALSE, FALSE, sizeof (LoadStay));
  if (!load_options_parse (&run.options, &argc, &argv, &error))
    g_printerr ("whep-load: %s\n", error->message);
  else if (!allow_descriptors ((unsigned)run.options.viewers))
    g_printerr ("whep-load: %d viewers need more open files than this user may have (ulimit -n)\n",
                run.options.viewers);
  else
    {
      go (&run);
      if (run.options.json)
        load_report_print_json (&run.result);
      else
        load_report_print (&run.result);
      status = load_report_is_good (&run.result) ? 0 : 1;
    }
  g_ptr_array_unref (run.workers);
  g_array_unref (run.result.stays);
  load_options_clear (&run.options);
  return status;
}
