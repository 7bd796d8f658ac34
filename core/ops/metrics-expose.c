/* Writes metrics as Prometheus text 0.0.4. Any thread; takes read locks only. */
#include "ops/metrics-internal.h"

#include <math.h>
#include <string.h>

/* In HELP a backslash and a line end are escaped, in a label value the quote too. */
static void
append_escaped (GString *text, const char *value, gboolean label)
{
  for (const char *at = value; *at != '\0'; at++)
    if (*at == '\\')
      g_string_append (text, "\\\\");
    else if (*at == '\n')
      g_string_append (text, "\\n");
    else if (*at == '"' && label)
      g_string_append (text, "\\\"");
    else
      g_string_append_c (text, *at);
}

void
air_metrics_append_header (GString *text, const char *name, const char *help, const char *type)
{
  g_string_append_printf (text, "# HELP %s ", name);
  append_escaped (text, help, FALSE);
  g_string_append_printf (text, "\n# TYPE %s %s\n", name, type);
}

void
air_metrics_append_value (GString *text, double value)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  if (isnan (value))
    g_string_append (text, "NaN");
  else if (isinf (value))
    g_string_append (text, value > 0 ? "+Inf" : "-Inf");
  else if (value == floor (value) && fabs (value) < 1e15)
    g_string_append_printf (text, "%.0f", value);
  else
    g_string_append (text, g_ascii_formatd (buffer, sizeof buffer, "%.12g", value));
}

/* {path="live/a",le="0.5"}; @bound NULL: no `le`. */
static void
append_labels (GString *text, const AirMetric *metric, const AirSeries *series, const double *bound)
{
  if (metric->n_labels == 0 && bound == NULL)
    return;
  const char *separator = "{";
  for (size_t i = 0; i < metric->n_labels; i++, separator = ",")
    {
      g_autofree char *valid = g_utf8_make_valid (series->label_values[i], -1);
      g_string_append_printf (text, "%s%s=\"", separator, metric->label_names[i]);
      append_escaped (text, valid, TRUE);
      g_string_append_c (text, '"');
    }
  if (bound != NULL)
    {
      g_string_append_printf (text, "%sle=\"", separator);
      air_metrics_append_value (text, *bound);
      g_string_append_c (text, '"');
    }
  g_string_append_c (text, '}');
}

static void
append_line (GString *text, const AirMetric *metric, const AirSeries *series, const char *suffix, const double *bound,
             double value)
{
  g_string_append_printf (text, "%s%s", metric->name, suffix);
  append_labels (text, metric, series, bound);
  g_string_append_c (text, ' ');
  air_metrics_append_value (text, value);
  g_string_append_c (text, '\n');
}

static void
append_histogram (GString *text, const AirMetric *metric, AirSeries *series)
{
  double sum = air_metrics_bits_to_double (__atomic_load_n (&series->value, __ATOMIC_RELAXED));
  uint64_t count = 0;
  for (size_t i = 0; i <= metric->n_buckets; i++)
    {
      double bound = i < metric->n_buckets ? metric->buckets[i] : INFINITY;
      count += __atomic_load_n (&series->counts[i], __ATOMIC_RELAXED);
      append_line (text, metric, series, "_bucket", &bound, (double)count);
    }
  append_line (text, metric, series, "_sum", NULL, sum);
  append_line (text, metric, series, "_count", NULL, (double)count);
}

void
air_metrics_append_family (GString *text, AirMetric *metric)
{
  static const char *const types[] = { "counter", "gauge", "histogram" };
  g_rw_lock_reader_lock (&metric->lock);
  /* A family without a series yet is left out: TYPE alone tells nothing. */
  if (g_hash_table_size (metric->series) > 0)
    air_metrics_append_header (text, metric->name, metric->help, types[metric->type]);
  g_autoptr (GList) keys = g_list_sort (g_hash_table_get_keys (metric->series), (GCompareFunc)strcmp);
  for (GList *link = keys; link != NULL; link = link->next)
    {
      AirSeries *series = g_hash_table_lookup (metric->series, link->data);
      if (metric->type == AIR_METRIC_HISTOGRAM)
        append_histogram (text, metric, series);
      else
        append_line (text, metric, series, "", NULL,
                     air_metrics_bits_to_double (__atomic_load_n (&series->value, __ATOMIC_RELAXED)));
    }
  g_rw_lock_reader_unlock (&metric->lock);
}
