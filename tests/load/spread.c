/* Quantiles, and figures as JSON. */
#include "spread.h"

#include <math.h>
#include <stdio.h>

static int
compare (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

double
load_quantile (const GArray *sorted, double share)
{
  return sorted->len == 0 ? -1 : g_array_index (sorted, double, MIN (sorted->len - 1, (guint)(share * sorted->len)));
}

LoadSpread
load_spread_of (GArray *values)
{
  g_array_sort (values, compare);
  return (LoadSpread){ load_quantile (values, 0.5), load_quantile (values, 0.95), load_quantile (values, 0.99),
                       load_quantile (values, 1), values->len };
}

void
load_json_add_number (JsonBuilder *builder, const char *name, double value)
{
  json_builder_set_member_name (builder, name);
  if (value < 0 || !isfinite (value))
    json_builder_add_null_value (builder);
  else if (value == floor (value) && value < 1e15)
    json_builder_add_int_value (builder, (gint64)value);
  else
    json_builder_add_double_value (builder, value);
}

void
load_json_add_spread (JsonBuilder *builder, const char *name, LoadSpread spread)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_object (builder);
  load_json_add_number (builder, "p50", spread.p50);
  load_json_add_number (builder, "p95", spread.p95);
  load_json_add_number (builder, "p99", spread.p99);
  load_json_add_number (builder, "max", spread.max);
  load_json_add_number (builder, "n", spread.n);
  json_builder_end_object (builder);
}

void
load_json_add_counts (JsonBuilder *builder, const char *name, GHashTable *counts)
{
  GHashTableIter iter;
  gpointer text, count;

  json_builder_set_member_name (builder, name);
  json_builder_begin_object (builder);
  g_hash_table_iter_init (&iter, counts);
  while (g_hash_table_iter_next (&iter, &text, &count))
    load_json_add_number (builder, text, GPOINTER_TO_UINT (count));
  json_builder_end_object (builder);
}

void
load_json_print (JsonBuilder *builder)
{
  json_builder_end_object (builder);
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, TRUE);
  printf ("%s\n", text);
}
