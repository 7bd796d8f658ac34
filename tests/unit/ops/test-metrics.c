/* The exposition, its limits and its locks. */
#include "ops/metrics-registry.h"

#include <string.h>

#define OWNER_A ((AirContext *) 0x10)
#define OWNER_B ((AirContext *) 0x20)

static void
assert_exposed (AirMetricsRegistry *registry, const char *text)
{
  g_autofree char *exposition = air_metrics_registry_expose (registry);
  if (strstr (exposition, text) == NULL)
    g_error ("\"%s\" is missing in:\n%s", text, exposition);
}

static void
test_kinds (void)
{
  static const double buckets[] = { 0.1, 1, 0 };
  static const char *const labels[] = { "path", NULL };
  AirMetricsRegistry *registry = air_metrics_registry_new ();
  AirMetric *counter = air_metrics_registry_add (registry, OWNER_A, AIR_METRIC_COUNTER, "airclass_a_bytes_total",
                                                 "Bytes\nin \\.", labels, NULL);
  AirMetric *gauge = air_metrics_registry_add (registry, OWNER_A, AIR_METRIC_GAUGE, "airclass_b", "Level.", NULL, NULL);
  AirMetric *histogram
      = air_metrics_registry_add (registry, OWNER_A, AIR_METRIC_HISTOGRAM, "airclass_c_seconds", "Time.", NULL, buckets);
  air_metric_add (counter, 3, (const char *[]){ "live/\"a\"\n\\", NULL });
  air_metric_add (counter, 4, (const char *[]){ "live/\"a\"\n\\", NULL });
  air_metric_set (gauge, 2.5, NULL);
  air_metric_add (gauge, -1, NULL);
  air_metric_observe_many (histogram, 0.05, 2, NULL);
  air_metric_observe (histogram, 0.5, NULL);
  air_metric_observe (histogram, 7, NULL);

  assert_exposed (registry, "# HELP airclass_a_bytes_total Bytes\\nin \\\\.\n# TYPE airclass_a_bytes_total counter\n"
                            "airclass_a_bytes_total{path=\"live/\\\"a\\\"\\n\\\\\"} 7\n");
  assert_exposed (registry, "# TYPE airclass_b gauge\nairclass_b 1.5\n");
  assert_exposed (registry, "airclass_c_seconds_bucket{le=\"0.1\"} 2\nairclass_c_seconds_bucket{le=\"1\"} 3\n"
                            "airclass_c_seconds_bucket{le=\"+Inf\"} 4\nairclass_c_seconds_sum 7.6\n"
                            "airclass_c_seconds_count 4\n");
  g_autofree char *exposition = air_metrics_registry_expose (registry);
  g_assert_true (g_str_has_suffix (exposition, "\n"));
  air_metrics_registry_free (registry);
}

static void
test_process (void)
{
  static const char *const lines[]
      = { "\nairclass_build_info{version=\"", "\nprocess_cpu_seconds_total ", "\nprocess_resident_memory_bytes ",
          "\nprocess_open_fds ",              "\nprocess_threads ",           "\nprocess_start_time_seconds " };
  AirMetricsRegistry *registry = air_metrics_registry_new ();
  g_autofree char *exposition = air_metrics_registry_expose (registry);
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++)
    g_assert_nonnull (strstr (exposition, lines[i]));
  air_metrics_registry_free (registry);
}

static void
test_cap (void)
{
  static const char *const labels[] = { "path", "side", NULL };
  AirMetricsRegistry *registry = air_metrics_registry_new ();
  AirMetric *metric
      = air_metrics_registry_add (registry, OWNER_A, AIR_METRIC_COUNTER, "airclass_x_total", "X.", labels, NULL);
  for (unsigned i = 0; i < 1000; i++)
    {
      g_autofree char *path = g_strdup_printf ("live/%u", i);
      air_metric_add (metric, 1, (const char *[]){ path, "in", NULL });
    }
  assert_exposed (registry, "airclass_x_total{path=\"other\",side=\"other\"} 800\n");
  g_autofree char *exposition = air_metrics_registry_expose (registry);
  unsigned lines = 0;
  for (const char *at = exposition; (at = strstr (at, "\nairclass_x_total{")) != NULL; at++)
    lines++;
  g_assert_cmpuint (lines, ==, 201);
  air_metrics_registry_free (registry);
}

static void
test_owners (void)
{
  AirMetricsRegistry *registry = air_metrics_registry_new ();
  AirMetric *first = air_metrics_registry_add (registry, OWNER_A, AIR_METRIC_GAUGE, "airclass_x", "X.", NULL, NULL);
  AirMetric *second = air_metrics_registry_add (registry, OWNER_B, AIR_METRIC_GAUGE, "airclass_x", "X.", NULL, NULL);
  g_assert_true (first == second);
  air_metrics_registry_remove_owner (registry, OWNER_A);
  assert_exposed (registry, "airclass_x 0\n");
  air_metrics_registry_remove_owner (registry, OWNER_B);
  g_autofree char *exposition = air_metrics_registry_expose (registry);
  g_assert_null (strstr (exposition, "airclass_x"));
  air_metrics_registry_free (registry);
}

static void
refuse (AirMetricType type, const char *name, const char *help, const char *const *labels, const char *why)
{
  AirMetricsRegistry *registry = air_metrics_registry_new ();
  air_metrics_registry_add (registry, OWNER_A, AIR_METRIC_GAUGE, "airclass_taken", "T.", NULL, NULL);
  g_test_expect_message ("air-metrics", G_LOG_LEVEL_CRITICAL, why);
  g_assert_null (air_metrics_registry_add (registry, OWNER_A, type, name, help, labels, NULL));
  g_test_assert_expected_messages ();
  air_metrics_registry_free (registry);
}

static void
test_faults (void)
{
  refuse (AIR_METRIC_COUNTER, "airclass_bytes", "B.", NULL, "*_total*");
  refuse (AIR_METRIC_GAUGE, "airclass_bytes_total", "B.", NULL, "*_total*");
  refuse (AIR_METRIC_GAUGE, "airclass_Bytes", "B.", NULL, "*lower case*");
  refuse (AIR_METRIC_GAUGE, "bytes", "B.", NULL, "*airclass_*");
  refuse (AIR_METRIC_GAUGE, "airclass_bytes", "", NULL, "*help*");
  refuse (AIR_METRIC_GAUGE, "airclass_x_count", "B.", NULL, "*histogram*");
  refuse (AIR_METRIC_HISTOGRAM, "airclass_x_seconds", "B.", NULL, "*buckets*");
  refuse (AIR_METRIC_GAUGE, "airclass_taken", "T.", (const char *[]){ "path", NULL }, "*before*");
  refuse (AIR_METRIC_GAUGE, "airclass_x", "X.", (const char *[]){ "le", NULL }, "*label*");
}

#define THREADS 4
#define ROUNDS 21000

static void *
count_up (void *data)
{
  AirMetric *metric = data;
  static const char *const values[] = { "a", "b", "c" };
  for (unsigned i = 0; i < ROUNDS; i++)
    air_metric_add (metric, 1, (const char *[]){ values[i % 3], NULL });
  return NULL;
}

static void
test_threads (void)
{
  AirMetricsRegistry *registry = air_metrics_registry_new ();
  AirMetric *metric = air_metrics_registry_add (registry, OWNER_A, AIR_METRIC_COUNTER, "airclass_x_total", "X.",
                                                (const char *[]){ "part", NULL }, NULL);
  GThread *threads[THREADS];
  for (unsigned i = 0; i < THREADS; i++)
    threads[i] = g_thread_new ("count", count_up, metric);
  for (unsigned i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
  g_autofree char *line = g_strdup_printf ("airclass_x_total{part=\"c\"} %d\n", ROUNDS / 3 * THREADS);
  assert_exposed (registry, line);
  air_metrics_registry_free (registry);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/metrics/kinds", test_kinds);
  g_test_add_func ("/metrics/process", test_process);
  g_test_add_func ("/metrics/cap", test_cap);
  g_test_add_func ("/metrics/owners", test_owners);
  g_test_add_func ("/metrics/faults", test_faults);
  g_test_add_func ("/metrics/threads", test_threads);
  return g_test_run ();
}
