/* Reading /proc, run.json and /metrics. */
#include "server-usage.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static bool
read_proc (pid_t pid, const char *name, char **ret_text, GError **error)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", (int)pid, name);

  return g_file_get_contents (path, ret_text, NULL, error);
}

/* "Rss:   123 kB" */
static double
find_mib (const char *text, const char *key)
{
  const char *line = text ? strstr (text, key) : NULL;

  return line ? strtod (line + strlen (key), NULL) / 1024 : 0;
}

bool
load_usage_read (pid_t pid, LoadUsage *ret_usage, GError **error)
{
  g_autofree char *stat = NULL, *status = NULL, *rollup = NULL;
  g_autofree char *descriptors = g_strdup_printf ("/proc/%d/fd", (int)pid);
  unsigned long user, system;

  *ret_usage = (LoadUsage){ .at_us = g_get_monotonic_time () };
  if (!read_proc (pid, "stat", &stat, error) || !read_proc (pid, "status", &status, error))
    return false;
  /* The name in parentheses may hold anything; utime and stime are the 14th and 15th field (proc(5)). */
  if (sscanf (strrchr (stat, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
    return false;
  ret_usage->cpu_s = (double)(user + system) / (double)sysconf (_SC_CLK_TCK);
  (void)read_proc (pid, "smaps_rollup", &rollup, NULL); /* another user's process does not show it */
  ret_usage->rss_mib = find_mib (status, "VmRSS:");
  ret_usage->pss_mib = find_mib (rollup, "\nPss:");
  const char *threads = strstr (status, "Threads:");
  ret_usage->threads = threads ? (unsigned)strtoul (threads + 8, NULL, 10) : 0;
  g_autoptr (GDir) folder = g_dir_open (descriptors, 0, NULL);
  while (folder && g_dir_read_name (folder))
    ret_usage->descriptors++;
  return true;
}

double
load_usage_own_cpu_s (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
         + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* le="0.005" in a series' labels. */
static bool
read_bound (const char *labels, double *ret_bound)
{
  const char *at = strstr (labels, "le=\"");

  if (!at)
    return false;
  *ret_bound = g_str_has_prefix (at + 4, "+Inf") ? INFINITY : g_ascii_strtod (at + 4, NULL);
  return true;
}

static void
add_bucket (LoadHistogram *histogram, double bound, double count)
{
  unsigned i = 0;

  while (i < histogram->n_buckets && histogram->bound[i] < bound)
    i++;
  if (i < histogram->n_buckets && histogram->bound[i] == bound)
    {
      histogram->count[i] += count;
      return;
    }
  if (histogram->n_buckets == LOAD_MAX_BUCKETS)
    return;
  memmove (&histogram->bound[i + 1], &histogram->bound[i], (histogram->n_buckets - i) * sizeof (double));
  memmove (&histogram->count[i + 1], &histogram->count[i], (histogram->n_buckets - i) * sizeof (double));
  histogram->bound[i] = bound;
  histogram->count[i] = count;
  histogram->n_buckets++;
}

bool
load_histogram_read (const char *text, const char *name, const char *label, LoadHistogram *ret_histogram)
{
  g_autofree char *prefix = g_strdup_printf ("%s_bucket{", name);

  *ret_histogram = (LoadHistogram){ 0 };
  for (const char *line = strstr (text, prefix); line; line = strstr (line + 1, prefix))
    {
      const char *end = strchr (line, '}');
      double bound;

      if (end && g_strstr_len (line, end - line, label) && read_bound (line, &bound))
        add_bucket (ret_histogram, bound, g_ascii_strtod (end + 1, NULL));
    }
  return ret_histogram->n_buckets > 0;
}

double
load_histogram_quantile (const LoadHistogram *before, const LoadHistogram *after, double quantile)
{
  double below_count = 0, below_bound = 0, total;
  unsigned n = after->n_buckets;

  if (n == 0 || (before->n_buckets > 0 && before->n_buckets != n))
    return -1;
  total = after->count[n - 1] - before->count[n - 1];
  if (total <= 0)
    return -1;
  for (unsigned i = 0; i < n; i++)
    {
      double count = after->count[i] - before->count[i];

      if (count >= quantile * total)
        return isinf (after->bound[i]) || count <= below_count
                   ? after->bound[i]
                   : below_bound
                         + (after->bound[i] - below_bound) * (quantile * total - below_count) / (count - below_count);
      below_count = count;
      below_bound = after->bound[i];
    }
  return INFINITY;
}

static char *
endpoint_address (JsonObject *endpoint)
{
  const char *host = json_object_get_string_member_with_default (endpoint, "host", "127.0.0.1");

  if (strcmp (host, "0.0.0.0") == 0 || strcmp (host, "::") == 0)
    host = "127.0.0.1";
  return g_strdup_printf (strchr (host, ':') ? "%s://[%s]:%d" : "%s://%s:%d",
                          json_object_get_string_member_with_default (endpoint, "protocol", ""), host,
                          (int)json_object_get_int_member_with_default (endpoint, "port", 0));
}

bool
load_run_file_read (const char *state_dir, pid_t *ret_pid, char **ret_http, char **ret_rtmp, GError **error)
{
  g_autofree char *path = g_build_filename (state_dir, "run.json", NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();

  *ret_http = *ret_rtmp = NULL;
  if (!json_parser_load_from_file (parser, path, error))
    {
      g_prefix_error (error, "no server runs with the state folder '%s': ", state_dir);
      return false;
    }
  if (!JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "'%s' does not hold an object", path);
      return false;
    }
  JsonObject *run = json_node_get_object (json_parser_get_root (parser));
  JsonArray *endpoints = json_object_get_array_member (run, "endpoints");
  *ret_pid = (pid_t)json_object_get_int_member (run, "pid");
  for (guint i = 0; endpoints && i < json_array_get_length (endpoints); i++)
    {
      JsonObject *endpoint = json_array_get_object_element (endpoints, i);
      const char *protocol = json_object_get_string_member_with_default (endpoint, "protocol", "");

      if (strcmp (protocol, "http") == 0 && !*ret_http)
        *ret_http = endpoint_address (endpoint);
      else if (strcmp (protocol, "rtmp") == 0 && !*ret_rtmp)
        *ret_rtmp = endpoint_address (endpoint);
    }
  return true;
}
