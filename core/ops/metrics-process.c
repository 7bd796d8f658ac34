/* The process's own metrics, under the names that Prometheus clients share, read from /proc when asked. Any thread. */
#include "ops/metrics-internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Fields of /proc/self/stat, counted after the command's closing bracket (proc(5): state is the third). */
enum
{
  FIELD_USER_TICKS = 14 - 3,
  FIELD_SYSTEM_TICKS = 15 - 3,
  FIELD_THREADS = 20 - 3,
  FIELD_START_TICKS = 22 - 3,
  FIELD_VIRTUAL_BYTES = 23 - 3,
  FIELD_RESIDENT_PAGES = 24 - 3,
};

static void
append_single (GString *text, const char *name, const char *help, const char *type, double value)
{
  air_metrics_append_header (text, name, help, type);
  g_string_append_printf (text, "%s ", name);
  air_metrics_append_value (text, value);
  g_string_append_c (text, '\n');
}

static double
boot_time_s (void)
{
  g_autofree char *content = NULL;
  if (!g_file_get_contents ("/proc/stat", &content, NULL, NULL))
    return 0;
  const char *line = strstr (content, "\nbtime ");
  return line != NULL ? g_ascii_strtod (line + strlen ("\nbtime "), NULL) : 0;
}

static void
append_stat (GString *text)
{
  g_autofree char *content = NULL;
  if (!g_file_get_contents ("/proc/self/stat", &content, NULL, NULL))
    return;
  const char *bracket = strrchr (content, ')');
  if (bracket == NULL)
    return;
  g_auto (GStrv) fields = g_strsplit (bracket + 2, " ", -1);
  if (g_strv_length (fields) <= FIELD_RESIDENT_PAGES)
    return;

  double ticks = (double)sysconf (_SC_CLK_TCK);
  double cpu_s
      = (g_ascii_strtod (fields[FIELD_USER_TICKS], NULL) + g_ascii_strtod (fields[FIELD_SYSTEM_TICKS], NULL)) / ticks;
  append_single (text, "process_cpu_seconds_total", "CPU time spent, user and system.", "counter", cpu_s);
  append_single (text, "process_resident_memory_bytes", "Resident memory.", "gauge",
                 g_ascii_strtod (fields[FIELD_RESIDENT_PAGES], NULL) * (double)sysconf (_SC_PAGESIZE));
  append_single (text, "process_start_time_seconds", "When the process began, since the epoch.", "gauge",
                 boot_time_s () + g_ascii_strtod (fields[FIELD_START_TICKS], NULL) / ticks);
  append_single (text, "process_threads", "Threads of the process.", "gauge",
                 g_ascii_strtod (fields[FIELD_THREADS], NULL));
  append_single (text, "process_virtual_memory_bytes", "Virtual memory.", "gauge",
                 g_ascii_strtod (fields[FIELD_VIRTUAL_BYTES], NULL));
}

static void
append_descriptors (GString *text)
{
  g_autoptr (GDir) folder = g_dir_open ("/proc/self/fd", 0, NULL);
  if (folder == NULL)
    return;
  double open_fds = 0;
  while (g_dir_read_name (folder) != NULL)
    open_fds++;
  append_single (text, "process_open_fds", "Open file descriptors.", "gauge", open_fds - 1); /* less the folder's own */

  struct rlimit limit;
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0)
    append_single (text, "process_max_fds", "Most file descriptors that may be open.", "gauge", (double)limit.rlim_cur);
}

void
air_metrics_append_process (GString *text)
{
  air_metrics_append_header (text, "airclass_build_info", "The version that runs; always 1.", "gauge");
  g_string_append (text, "airclass_build_info{version=\"" AIR_VERSION "\"} 1\n");
  append_stat (text);
  append_descriptors (text);
}
