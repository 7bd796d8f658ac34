/* What came of it: as text for people, as JSON for scripts. */
#include <stdio.h>

#include "class-load.h"

/* Seats that failed, by why. (transfer full) text → count */
static GHashTable *
count_failures (const LoadClass *class)
{
  GHashTable *failures = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < class->seats->len; i++)
    {
      const LoadSeat *seat = class->seats->pdata[i];
      gpointer reason = (gpointer)seat->failure;

      if (reason)
        g_hash_table_insert (failures, reason, GUINT_TO_POINTER (GPOINTER_TO_UINT (g_hash_table_lookup (failures, reason)) + 1));
    }
  return failures;
}

bool
class_report_is_good (const LoadClass *class)
{
  return class->problems->len == 0 && class->failed == 0;
}

static double
cpu_ms (const LoadClass *class, const LoadPhaseUsage *usage)
{
  return class->has_usage && usage->after.at_us > 0 ? (usage->after.cpu_s - usage->before.cpu_s) * 1000 : -1;
}

static double
publish_answer_ms (const LoadClass *class)
{
  return class->publish_answered_us > 0 ? (double)(class->publish_answered_us - class->publish_sent_us) / 1000 : -1;
}

static void
print_spread (const char *what, GArray *values, double server_ms)
{
  LoadSpread spread = load_spread_of (values);

  if (spread.n == 0)
    return;
  printf ("%-30s p50 %.1f  p95 %.1f  p99 %.1f  max %.1f ms  (%u)", what, spread.p50, spread.p95, spread.p99, spread.max,
          spread.n);
  if (server_ms >= 0)
    printf ("; server %.0f CPU-ms", server_ms);
  printf ("\n");
}

void
class_report_print (LoadClass *class)
{
  g_autoptr (GHashTable) failures = count_failures (class);
  GHashTableIter iter;
  gpointer reason, count;

  printf ("%-30s %d students, %d listeners; %u pages came in, %u failed\n", "class", class->options.students,
          class->options.listeners, class->in, class->failed);
  g_hash_table_iter_init (&iter, failures);
  while (g_hash_table_iter_next (&iter, &reason, &count))
    printf ("  %5u × %s\n", GPOINTER_TO_UINT (count), (const char *)reason);
  print_spread ("token and page", class->join_ms, cpu_ms (class, &class->joining));
  print_spread ("question after its POST", class->published_ms, cpu_ms (class, &class->publishing));
  print_spread ("acknowledgement of an answer", class->acknowledged_ms, cpu_ms (class, &class->answering));
  print_spread ("chat message", class->chat_ms, cpu_ms (class, &class->chatting));
  printf ("%-30s %u told to the teacher, %u acknowledged\n", "answers", class->progress, class->acknowledged);
  printf ("%-30s %.2f cores; at worst %.1f ms late, and %.1f ms busy before it read the next\n", "here",
          class->measured_s > 0 ? class->own_cpu_s / class->measured_s : 0, (double)class->max_lag_us / 1000,
          (double)class->max_busy_us / 1000);
  for (guint i = 0; i < class->problems->len; i++)
    printf ("WRONG: %s\n", (const char *)class->problems->pdata[i]);
}

static void
add_problems (JsonBuilder *builder, const GPtrArray *problems)
{
  json_builder_set_member_name (builder, "problems");
  json_builder_begin_array (builder);
  for (guint i = 0; i < problems->len; i++)
    json_builder_add_string_value (builder, problems->pdata[i]);
  json_builder_end_array (builder);
}

static void
add_server (JsonBuilder *builder, const LoadClass *class)
{
  load_json_add_number (builder, "join_cpu_ms", cpu_ms (class, &class->joining));
  load_json_add_number (builder, "listeners_cpu_ms", cpu_ms (class, &class->joining_more));
  load_json_add_number (builder, "publish_cpu_ms", cpu_ms (class, &class->publishing));
  load_json_add_number (builder, "answers_cpu_ms", cpu_ms (class, &class->answering));
  load_json_add_number (builder, "chat_cpu_ms", cpu_ms (class, &class->chatting));
  load_json_add_number (builder, "rss_mib", class->has_usage ? class->answering.after.rss_mib : -1);
  load_json_add_number (builder, "threads", class->has_usage ? (double)class->answering.after.threads : -1);
}

void
class_report_print_json (LoadClass *class)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GHashTable) failures = count_failures (class);

  json_builder_begin_object (builder);
  load_json_add_number (builder, "students", class->options.students);
  load_json_add_number (builder, "listeners", class->options.listeners);
  load_json_add_number (builder, "messages", class->options.messages);
  load_json_add_number (builder, "joined", class->in > 0 ? class->in - 1 : 0);
  load_json_add_number (builder, "failed", class->failed);
  load_json_add_counts (builder, "failures", failures);
  add_problems (builder, class->problems);
  load_json_add_number (builder, "acknowledged", class->acknowledged);
  load_json_add_number (builder, "progress", class->progress);
  load_json_add_number (builder, "publish_answer_ms", publish_answer_ms (class));
  load_json_add_spread (builder, "join_ms", load_spread_of (class->join_ms));
  load_json_add_spread (builder, "published_ms", load_spread_of (class->published_ms));
  load_json_add_spread (builder, "acknowledged_ms", load_spread_of (class->acknowledged_ms));
  load_json_add_spread (builder, "chat_ms", load_spread_of (class->chat_ms));
  add_server (builder, class);
  load_json_add_number (builder, "own_cpu_cores", class->measured_s > 0 ? class->own_cpu_s / class->measured_s : -1);
  load_json_add_number (builder, "own_lag_ms", (double)class->max_lag_us / 1000);
  load_json_add_number (builder, "own_busy_ms", (double)class->max_busy_us / 1000);
  load_json_print (builder);
}
