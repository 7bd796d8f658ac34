/* See server-load.h. Two bounds: the machine's processors, which others may use up, and what a control group lets this
 * process have of them (cgroups v2, cpu.max). */
#include "server-load.h"

#include <stdio.h>
#include <sys/resource.h>

#define PERIOD_US G_USEC_PER_SEC

struct _AirServerLoadMeter
{
  double processors; /* that this process may use */
  int64_t asked_us;
  int64_t process_us;                 /* CPU time of this process */
  uint64_t machine_all, machine_idle; /* ticks of all processors */
};

static double
count_processors (void)
{
  double processors = g_get_num_processors (), quota, period;
  g_autofree char *limit = NULL;
  if (g_file_get_contents ("/sys/fs/cgroup/cpu.max", &limit, NULL, NULL)
      && sscanf (limit, "%lf %lf", &quota, &period) == 2 && period > 0) /* "max 100000" without a limit */
    processors = MIN (processors, quota / period);
  return MAX (processors, 0.01);
}

/* proc(5): user nice system idle iowait irq softirq steal … */
static bool
read_machine (uint64_t *ret_all, uint64_t *ret_idle)
{
  g_autofree char *text = NULL;
  unsigned long long ticks[8];
  if (!g_file_get_contents ("/proc/stat", &text, NULL, NULL)
      || sscanf (text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4],
                 &ticks[5], &ticks[6], &ticks[7])
             != G_N_ELEMENTS (ticks))
    return false;
  *ret_all = 0;
  for (size_t i = 0; i < G_N_ELEMENTS (ticks); i++)
    *ret_all += ticks[i];
  *ret_idle = ticks[3] + ticks[4];
  return true;
}

static int64_t
process_time_us (void)
{
  struct rusage usage;
  getrusage (RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC + usage.ru_utime.tv_usec
         + usage.ru_stime.tv_usec;
}

AirServerLoadMeter *
air_server_load_meter_new (void)
{
  AirServerLoadMeter *meter = g_new0 (AirServerLoadMeter, 1);
  meter->processors = count_processors ();
  return meter;
}

void
air_server_load_meter_free (AirServerLoadMeter *meter)
{
  g_free (meter);
}

void
air_server_load_meter_take (AirServerLoadMeter *meter, AirServerLoad *load)
{
  int64_t now_us = g_get_monotonic_time (), process_us = process_time_us (), passed_us = now_us - meter->asked_us;
  uint64_t all = 0, idle = 0;
  load->cpu_share = 0;
  load->main_late_us = 0;
  if (meter->asked_us != 0 && passed_us > 0)
    {
      load->cpu_share = (double)(process_us - meter->process_us) / (double)passed_us / meter->processors;
      load->main_late_us = MAX (passed_us - PERIOD_US, 0);
    }
  if (read_machine (&all, &idle) && meter->machine_all != 0 && all > meter->machine_all)
    {
      double busy = 1 - (double)(idle - meter->machine_idle) / (double)(all - meter->machine_all);
      load->cpu_share = MAX (load->cpu_share, busy);
    }
  load->cpu_share = CLAMP (load->cpu_share, 0, 1);
  meter->asked_us = now_us;
  meter->process_us = process_us;
  meter->machine_all = all;
  meter->machine_idle = idle;
}
