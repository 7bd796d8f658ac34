/* Many measured values as a few figures, for people and for scripts. Any thread. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

typedef struct
{
  double p50, p95, p99, max; /* -1: nothing to tell */
  unsigned n;
} LoadSpread;

/* @sorted: of double, ascending. Returns: -1 when it is empty. */
double load_quantile (const GArray *sorted, double share);
/* @values: of double; are sorted. */
LoadSpread load_spread_of (GArray *values);

/* Null for what is negative or not finite, an integer for what is whole. */
void load_json_add_number (JsonBuilder *builder, const char *name, double value);
void load_json_add_spread (JsonBuilder *builder, const char *name, LoadSpread spread);
/* An object of counts. @counts: text → GUINT_TO_POINTER (count) */
void load_json_add_counts (JsonBuilder *builder, const char *name, GHashTable *counts);
/* Ends the object and prints it. */
void load_json_print (JsonBuilder *builder);
