/* The metrics of the process: registration and updates.
 *
 * Registration happens on the main thread; updates come from any thread. A series, once made, lives as long as its
 * metric and is updated without a lock; finding it by labels takes a read lock. A metric lives until its last owner is
 * removed.
 */
#define G_LOG_DOMAIN "air-metrics"

#include "ops/metrics-internal.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define MAX_SERIES 200
#define SEPARATOR "\x1f"

/* ---- Values ---- */

static uint64_t
double_to_bits (double value)
{
  uint64_t bits;
  memcpy (&bits, &value, sizeof bits);
  return bits;
}

double
air_metrics_bits_to_double (uint64_t bits)
{
  double value;
  memcpy (&value, &bits, sizeof value);
  return value;
}

static void
atomic_add (uint64_t *bits, double value)
{
  uint64_t before = __atomic_load_n (bits, __ATOMIC_RELAXED), after;
  do
    after = double_to_bits (air_metrics_bits_to_double (before) + value);
  while (!__atomic_compare_exchange_n (bits, &before, after, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

/* ---- Series ---- */

static void
series_free (void *data)
{
  AirSeries *series = data;
  g_strfreev (series->label_values);
  g_free (series->counts);
  g_free (series);
}

static AirSeries *
series_new (const AirMetric *metric, const char *const *label_values)
{
  AirSeries *series = g_new0 (AirSeries, 1);
  series->label_values = g_strdupv ((char **)label_values);
  if (metric->type == AIR_METRIC_HISTOGRAM)
    series->counts = g_new0 (uint64_t, metric->n_buckets + 1);
  return series;
}

/* Called with the write lock held. */
static AirSeries *
add_series (AirMetric *metric, const char *key, const char *const *label_values)
{
  AirSeries *series = g_hash_table_lookup (metric->series, key);
  if (series != NULL)
    return series;
  if (g_hash_table_size (metric->series) < MAX_SERIES)
    {
      series = series_new (metric, label_values);
      g_hash_table_insert (metric->series, g_strdup (key), series);
      return series;
    }

  g_autofree const char **others = g_new0 (const char *, metric->n_labels + 1);
  for (size_t i = 0; i < metric->n_labels; i++)
    others[i] = "other";
  g_autofree char *other_key = g_strjoinv (SEPARATOR, (char **)others);
  series = g_hash_table_lookup (metric->series, other_key);
  if (series == NULL)
    {
      series = series_new (metric, others);
      g_hash_table_insert (metric->series, g_steal_pointer (&other_key), series);
    }
  return series;
}

static bool
labels_fit (const AirMetric *metric, const char *const *label_values)
{
  size_t n = label_values != NULL ? g_strv_length ((char **)label_values) : 0;
  return n == metric->n_labels;
}

static AirSeries *
find_series (AirMetric *metric, const char *const *label_values)
{
  if (metric->n_labels == 0)
    return metric->single;
  g_autofree char *key = g_strjoinv (SEPARATOR, (char **)label_values);
  g_rw_lock_reader_lock (&metric->lock);
  AirSeries *series = g_hash_table_lookup (metric->series, key);
  g_rw_lock_reader_unlock (&metric->lock);
  if (series != NULL)
    return series;
  g_rw_lock_writer_lock (&metric->lock);
  series = add_series (metric, key, label_values);
  g_rw_lock_writer_unlock (&metric->lock);
  return series;
}

/* ---- Updates ---- */

void
air_metric_add (AirMetric *metric, double value, const char *const *label_values)
{
  g_return_if_fail (metric != NULL && metric->type != AIR_METRIC_HISTOGRAM);
  g_return_if_fail (metric->type == AIR_METRIC_GAUGE || value >= 0);
  g_return_if_fail (labels_fit (metric, label_values));
  atomic_add (&find_series (metric, label_values)->value, value);
}

void
air_metric_set (AirMetric *metric, double value, const char *const *label_values)
{
  g_return_if_fail (metric != NULL && metric->type == AIR_METRIC_GAUGE);
  g_return_if_fail (labels_fit (metric, label_values));
  __atomic_store_n (&find_series (metric, label_values)->value, double_to_bits (value), __ATOMIC_RELAXED);
}

void
air_metric_observe (AirMetric *metric, double value, const char *const *label_values)
{
  air_metric_observe_many (metric, value, 1, label_values);
}

void
air_metric_observe_many (AirMetric *metric, double value, uint64_t count, const char *const *label_values)
{
  g_return_if_fail (metric != NULL && metric->type == AIR_METRIC_HISTOGRAM);
  g_return_if_fail (labels_fit (metric, label_values) && !isnan (value));
  AirSeries *series = find_series (metric, label_values);
  size_t bucket = 0;
  while (bucket < metric->n_buckets && value > metric->buckets[bucket])
    bucket++;
  __atomic_fetch_add (&series->counts[bucket], count, __ATOMIC_RELAXED);
  atomic_add (&series->value, value * (double)count);
}

/* ---- Registration ---- */

static void
metric_free (void *data)
{
  AirMetric *metric = data;
  g_free (metric->name);
  g_free (metric->help);
  g_strfreev (metric->label_names);
  g_free (metric->buckets);
  g_ptr_array_unref (metric->owners);
  g_hash_table_unref (metric->series);
  g_rw_lock_clear (&metric->lock);
  g_free (metric);
}

AirMetricsRegistry *
air_metrics_registry_new (void)
{
  AirMetricsRegistry *registry = g_new0 (AirMetricsRegistry, 1);
  g_mutex_init (&registry->mutex);
  registry->metrics = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, metric_free);
  return registry;
}

void
air_metrics_registry_free (AirMetricsRegistry *registry)
{
  if (registry == NULL)
    return;
  g_hash_table_unref (registry->metrics);
  g_mutex_clear (&registry->mutex);
  g_free (registry);
}

/* The data model's names, less the colon that is kept for recording rules. */
static bool
is_name (const char *text)
{
  if (!g_ascii_islower (text[0]))
    return false;
  for (const char *at = text; *at != '\0'; at++)
    if (!g_ascii_islower (*at) && !g_ascii_isdigit (*at) && *at != '_')
      return false;
  return true;
}

/* What `promtool check metrics` would find fault with. Returns the fault, NULL if none. */
static const char *
find_fault (AirMetricType type, const char *name, const char *help, const char *const *label_names)
{
  if (!is_name (name) || !g_str_has_prefix (name, "airclass_"))
    return "its name is not airclass_… in lower case";
  if ((type == AIR_METRIC_COUNTER) != g_str_has_suffix (name, "_total"))
    return "a counter's name, and no other, ends in _total";
  if (g_str_has_suffix (name, "_count") || g_str_has_suffix (name, "_sum") || g_str_has_suffix (name, "_bucket"))
    return "_count, _sum and _bucket belong to histograms' series";
  if (help == NULL || help[0] == '\0')
    return "it has no help text";
  for (size_t i = 0; label_names != NULL && label_names[i] != NULL; i++)
    if (!is_name (label_names[i]) || g_str_equal (label_names[i], "le"))
      return "a label's name is malformed";
  return NULL;
}

static AirMetric *
metric_new (AirMetricType type, const char *name, const char *help, const char *const *label_names,
            const double *buckets)
{
  AirMetric *metric = g_new0 (AirMetric, 1);
  metric->type = type;
  metric->name = g_strdup (name);
  metric->help = g_strdup (help);
  metric->n_labels = label_names != NULL ? g_strv_length ((char **)label_names) : 0;
  if (metric->n_labels > 0)
    metric->label_names = g_strdupv ((char **)label_names);
  for (size_t n = 0; buckets != NULL && buckets[n] != 0; n++)
    metric->n_buckets = n + 1;
  metric->buckets = g_memdup2 (buckets, metric->n_buckets * sizeof *buckets);
  metric->owners = g_ptr_array_new ();
  metric->series = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, series_free);
  g_rw_lock_init (&metric->lock);
  if (metric->n_labels == 0)
    metric->single = add_series (metric, "", NULL);
  return metric;
}

static bool
labels_equal (const AirMetric *metric, const char *const *label_names)
{
  if (metric->n_labels == 0)
    return label_names == NULL || label_names[0] == NULL;
  return label_names != NULL && g_strv_equal ((const char *const *)metric->label_names, label_names);
}

AirMetric *
air_metrics_registry_add (AirMetricsRegistry *registry, AirContext *owner, AirMetricType type, const char *name,
                          const char *help, const char *const *label_names, const double *buckets)
{
  g_return_val_if_fail (registry != NULL && name != NULL, NULL);
  const char *fault = find_fault (type, name, help, label_names);
  if (fault == NULL && type == AIR_METRIC_HISTOGRAM && (buckets == NULL || buckets[0] == 0))
    fault = "a histogram needs buckets";

  g_mutex_lock (&registry->mutex);
  AirMetric *metric = g_hash_table_lookup (registry->metrics, name);
  if (fault == NULL && metric != NULL && (metric->type != type || !labels_equal (metric, label_names)))
    fault = "it was registered before with another type or other labels";
  if (fault == NULL && metric == NULL)
    {
      metric = metric_new (type, name, help, label_names, buckets);
      g_hash_table_insert (registry->metrics, metric->name, metric);
    }
  if (fault == NULL)
    g_ptr_array_add (metric->owners, owner);
  g_mutex_unlock (&registry->mutex);

  if (fault != NULL)
    {
      g_critical ("metric \"%s\" is not registered: %s", name, fault);
      return NULL;
    }
  return metric;
}

static gboolean
drop_owner (void *key, void *value, void *owner)
{
  AirMetric *metric = value;
  while (g_ptr_array_remove (metric->owners, owner))
    continue;
  return metric->owners->len == 0;
}

void
air_metrics_registry_remove_owner (AirMetricsRegistry *registry, AirContext *owner)
{
  g_mutex_lock (&registry->mutex);
  g_hash_table_foreach_remove (registry->metrics, drop_owner, owner);
  g_mutex_unlock (&registry->mutex);
}

/* ---- Exposition ---- */

char *
air_metrics_registry_expose (AirMetricsRegistry *registry)
{
  GString *text = g_string_sized_new (8192);
  g_mutex_lock (&registry->mutex);
  g_autoptr (GList) names = g_list_sort (g_hash_table_get_keys (registry->metrics), (GCompareFunc)strcmp);
  for (GList *link = names; link != NULL; link = link->next)
    air_metrics_append_family (text, g_hash_table_lookup (registry->metrics, link->data));
  g_mutex_unlock (&registry->mutex);
  air_metrics_append_process (text);
  return g_string_free (text, FALSE);
}
