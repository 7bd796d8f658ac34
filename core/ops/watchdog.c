/* Measures how late the main loop is, and knows whose code it runs.
 *
 * A thread of its own sends a probe: it stamps the time and wakes a GSource of the main loop. The source's dispatch
 * takes the stamp back and observes the lag. A stamp that stays means that somebody holds the loop; the thread then
 * looks who stands in `current` and says so while it lasts. The thread's own lateness (a stopped or starved process) is
 * not counted as lag.
 */
#define G_LOG_DOMAIN "air-watchdog"

#include "ops/watchdog.h"

#include <stdint.h>

#define MIN_TICK_MS 5
#define MAX_TICK_MS 100

struct _AirWatchdog
{
  AirMetricsRegistry *metrics;
  AirMetric *lag, *blocked;
  int64_t warn_us, tick_us;
  GThread *thread;
  GMutex mutex; /* guards stop */
  GCond wake;
  bool stop;
  GSource *probe;
  int64_t sent_us; /* atomic; 0: no probe is under way */

  /* Only the thread's: */
  int64_t blocked_us;        /* how long the present hold has lasted */
  int64_t next_report_us;    /* reported again at twice the time */
  const char *reported_name; /* whom the last report named; NULL: not reported yet */
};

static const char *current; /* atomic: whose code the main thread runs */

const char *
air_watchdog_enter (const char *name)
{
  const char *previous = __atomic_load_n (&current, __ATOMIC_RELAXED);
  __atomic_store_n (&current, name, __ATOMIC_RELAXED);
  return previous;
}

void
air_watchdog_leave (const char *previous)
{
  __atomic_store_n (&current, previous, __ATOMIC_RELAXED);
}

/* ---- Main thread ---- */

static gboolean
dispatch_probe (GSource *source, GSourceFunc callback, void *data)
{
  return callback (data);
}

static gboolean
take_probe (void *data)
{
  AirWatchdog *watchdog = data;
  int64_t sent_us = __atomic_exchange_n (&watchdog->sent_us, 0, __ATOMIC_ACQ_REL);
  g_source_set_ready_time (watchdog->probe, -1);
  if (sent_us != 0)
    air_metric_observe (watchdog->lag, (double)MAX (g_get_monotonic_time () - sent_us, 0) / G_USEC_PER_SEC, NULL);
  return G_SOURCE_CONTINUE;
}

/* ---- The thread ---- */

static void
report (AirWatchdog *watchdog)
{
  const char *name = __atomic_load_n (&current, __ATOMIC_RELAXED);
  if (name == NULL)
    name = "host";
  if (watchdog->reported_name == NULL)
    air_metric_add (watchdog->blocked, 1, (const char *[]){ name, NULL });
  watchdog->reported_name = name;
  watchdog->next_report_us = 2 * watchdog->blocked_us;
  g_warning ("\"%s\" holds the main loop, for %" G_GINT64_FORMAT " ms so far", name, watchdog->blocked_us / 1000);
}

static void
look (AirWatchdog *watchdog, int64_t late_us)
{
  int64_t sent_us = __atomic_load_n (&watchdog->sent_us, __ATOMIC_ACQUIRE);
  if (sent_us == 0)
    {
      if (watchdog->reported_name != NULL)
        g_warning ("\"%s\" held the main loop for about %" G_GINT64_FORMAT " ms", watchdog->reported_name,
                   watchdog->blocked_us / 1000);
      watchdog->blocked_us = 0;
      watchdog->reported_name = NULL;
      watchdog->next_report_us = watchdog->warn_us;
      __atomic_store_n (&watchdog->sent_us, g_get_monotonic_time (), __ATOMIC_RELEASE);
      g_source_set_ready_time (watchdog->probe, 0);
      return;
    }
  if (late_us > watchdog->warn_us)
    {
      /* We did not run either: shift the stamp, unless it was taken meanwhile. */
      __atomic_compare_exchange_n (&watchdog->sent_us, &sent_us, sent_us + late_us, false, __ATOMIC_ACQ_REL,
                                   __ATOMIC_RELAXED);
      return;
    }
  watchdog->blocked_us = g_get_monotonic_time () - sent_us;
  if (watchdog->blocked_us >= watchdog->next_report_us)
    report (watchdog);
}

static void *
run (void *data)
{
  AirWatchdog *watchdog = data;
  g_mutex_lock (&watchdog->mutex);
  while (!watchdog->stop)
    {
      int64_t due_us = g_get_monotonic_time () + watchdog->tick_us;
      while (!watchdog->stop && g_cond_wait_until (&watchdog->wake, &watchdog->mutex, due_us))
        continue;
      if (watchdog->stop)
        break;
      g_mutex_unlock (&watchdog->mutex);
      look (watchdog, g_get_monotonic_time () - due_us);
      g_mutex_lock (&watchdog->mutex);
    }
  g_mutex_unlock (&watchdog->mutex);
  return NULL;
}

/* ---- Life ---- */

AirWatchdog *
air_watchdog_new (AirMetricsRegistry *metrics, unsigned warn_ms)
{
  static GSourceFuncs functions = { .dispatch = dispatch_probe };
  static const double buckets[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 0 };
  static const char *const plugin_label[] = { "plugin", NULL };

  AirWatchdog *watchdog = g_new0 (AirWatchdog, 1);
  watchdog->metrics = metrics;
  watchdog->warn_us = watchdog->next_report_us = (int64_t)MAX (warn_ms, 1) * 1000;
  watchdog->tick_us = CLAMP (watchdog->warn_us / 4, MIN_TICK_MS * 1000, MAX_TICK_MS * 1000);
  watchdog->lag = air_metrics_registry_add (metrics, (AirContext *)watchdog, AIR_METRIC_HISTOGRAM,
                                            "airclass_main_loop_lag_seconds",
                                            "How late the main loop takes up what is ready.", NULL, buckets);
  watchdog->blocked = air_metrics_registry_add (
      metrics, (AirContext *)watchdog, AIR_METRIC_COUNTER, "airclass_main_loop_blocked_total",
      "Times that a plugin held the main loop for too long.", plugin_label, NULL);
  g_mutex_init (&watchdog->mutex);
  g_cond_init (&watchdog->wake);
  watchdog->probe = g_source_new (&functions, sizeof (GSource));
  g_source_set_static_name (watchdog->probe, "air-watchdog");
  g_source_set_callback (watchdog->probe, take_probe, watchdog, NULL);
  g_source_attach (watchdog->probe, NULL);
  watchdog->thread = g_thread_new ("air-watchdog", run, watchdog);
  return watchdog;
}

void
air_watchdog_free (AirWatchdog *watchdog)
{
  if (watchdog == NULL)
    return;
  g_mutex_lock (&watchdog->mutex);
  watchdog->stop = true;
  g_cond_signal (&watchdog->wake);
  g_mutex_unlock (&watchdog->mutex);
  g_thread_join (watchdog->thread);
  g_source_destroy (watchdog->probe);
  g_source_unref (watchdog->probe);
  air_metrics_registry_remove_owner (watchdog->metrics, (AirContext *)watchdog);
  g_cond_clear (&watchdog->wake);
  g_mutex_clear (&watchdog->mutex);
  g_free (watchdog);
}
