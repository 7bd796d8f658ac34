/* The watchdog names whoever holds the main loop, while it is held. */
#include "ops/watchdog.h"

#include <stdbool.h>
#include <string.h>

#define DEADLINE_US (20 * G_USEC_PER_SEC)

static bool
is_exposed (AirMetricsRegistry *registry, const char *text)
{
  g_autofree char *exposition = air_metrics_registry_expose (registry);
  return strstr (exposition, text) != NULL;
}

typedef struct
{
  AirMetricsRegistry *registry;
  bool seen;
} Hold;

/* Holds the main loop until the watchdog has said so. */
static gboolean
hold (void *data)
{
  Hold *state = data;
  int64_t end_us = g_get_monotonic_time () + DEADLINE_US;
  const char *previous = air_watchdog_enter ("outer");
  const char *nested = air_watchdog_enter ("blocker");
  g_assert_cmpstr (nested, ==, "outer");
  while (!state->seen && g_get_monotonic_time () < end_us)
    {
      state->seen = is_exposed (state->registry, "airclass_main_loop_blocked_total{plugin=\"blocker\"} 1\n");
      g_usleep (1000);
    }
  air_watchdog_leave (nested);
  air_watchdog_leave (previous);
  return G_SOURCE_REMOVE;
}

static void
test_names_the_holder (void)
{
  /* Its warnings are what is tested, not a fault of the test. */
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
  AirMetricsRegistry *registry = air_metrics_registry_new ();
  AirWatchdog *watchdog = air_watchdog_new (registry, 20);
  Hold state = { .registry = registry };
  g_idle_add (hold, &state);
  int64_t end_us = g_get_monotonic_time () + DEADLINE_US;
  while ((!state.seen || is_exposed (registry, "airclass_main_loop_lag_seconds_count 0\n"))
         && g_get_monotonic_time () < end_us)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (state.seen);
  g_assert_false (is_exposed (registry, "airclass_main_loop_lag_seconds_count 0\n"));
  g_assert_false (is_exposed (registry, "plugin=\"outer\""));
  air_watchdog_free (watchdog);
  g_assert_false (is_exposed (registry, "airclass_main_loop"));
  air_metrics_registry_free (registry);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/watchdog/names-the-holder", test_names_the_holder);
  return g_test_run ();
}
