/* A class in one process: everybody joins, a question is published, all answer at once, people chat; each is timed and
 * checked.
 *
 * One thread. Every student has a WebSocket and a kept HTTP connection of its own; the teacher's requests that are not timed
 * are waited for, one after the other.
 */
#include "class-load.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define ASK_TIMEOUT_MS 20000
#define MAX_PROBLEMS 50

void
class_add_problem (LoadClass *class, const char *format, ...)
{
  va_list arguments;

  if (class->problems->len >= MAX_PROBLEMS)
    return;
  va_start (arguments, format);
  g_ptr_array_add (class->problems, g_strdup_vprintf (format, arguments));
  va_end (arguments);
}

void
class_read_usage (LoadClass *class, LoadUsage *ret_usage)
{
  g_autoptr (GError) error = NULL;

  if (!class->has_usage)
    return;
  class->has_usage = load_usage_read (class->options.pid, ret_usage, &error);
  if (!class->has_usage)
    g_printerr ("class-load: cannot read what process %d uses: %s\n", class->options.pid,
                error ? error->message : "unknown form");
}

JsonNode *
class_ask (LoadClass *class, const char *method, const char *target, const char *body, unsigned expected)
{
  LoadRequest request = { .method = method, .target = target, .token = class->options.key, .body = body,
                          .content_type = body ? "application/json" : NULL };
  g_autofree char *answer = NULL;
  unsigned status = load_http_run (&class->server, &request, ASK_TIMEOUT_MS, &answer);
  g_autoptr (JsonNode) root = answer && *answer ? json_from_string (answer, NULL) : NULL;

  if (status != expected || (expected != 204 && (!root || !JSON_NODE_HOLDS_OBJECT (root))))
    {
      class_add_problem (class, "%s %s was answered %u: %.300s", method, target, status, answer ? answer : "");
      return NULL;
    }
  return g_steal_pointer (&root);
}

static bool
make_class (LoadClass *class)
{
  g_autofree char *body = g_strdup_printf ("{\"class_id\":\"%s\",\"title\":\"Class under load\",\"pin\":null,"
                                           "\"settings\":{\"max_members\":%d}}",
                                           class->class_id, class->options.students + class->options.listeners);
  g_autofree char *target = g_strdup_printf ("/api/classes/%s/sessions", class->class_id);
  g_autoptr (JsonNode) made = class_ask (class, "POST", "/api/classes", body, 201);
  g_autoptr (JsonNode) session = made ? class_ask (class, "POST", target, "{}", 201) : NULL;

  return session != NULL;
}

/* Its pages close, its sessions and reports stay. */
static void
delete_class (LoadClass *class)
{
  g_autofree char *target = g_strdup_printf ("/api/classes/%s", class->class_id);
  g_autoptr (JsonNode) nothing = class_ask (class, "DELETE", target, NULL, 204);
}

static bool
are_in (LoadClass *class)
{
  return class->in + class->failed >= class->seats->len;
}

/* Evenly over the time for it. */
static void
join (LoadClass *class, unsigned count, LoadPhaseUsage *usage)
{
  class_read_usage (class, &usage->before);
  int64_t from_us = g_get_monotonic_time ();

  for (unsigned i = 0; i < count; i++)
    {
      unsigned number = class->seats->len;
      int64_t after_us = (int64_t)(class->options.join_s * G_USEC_PER_SEC * i / count);

      class_loop_add_due (class, from_us + after_us, class_seat_new (class), number);
    }
  if (!class_loop_run (class, class_seat_join, are_in) || class->in < class->seats->len)
    class_add_problem (class, "%u of %u pages came in", class->in, class->seats->len);
  class_read_usage (class, &usage->after);
}

/* What came twice, or after it was over. */
static void
count_doubles (LoadClass *class)
{
  for (guint i = 0; i < class->seats->len; i++)
    {
      LoadSeat *seat = class->seats->pdata[i];

      if (seat->published > 1)
        class_seat_fail (seat, "the question came %u times", seat->published);
      if (seat->acknowledged > 1)
        class_seat_fail (seat, "the answer was acknowledged %u times", seat->acknowledged);
      for (int k = 0; k < class->options.messages; k++)
        if (seat->heard[k] > 1)
          class_seat_fail (seat, "a chat message came %u times", seat->heard[k]);
    }
}

static void
go (LoadClass *class)
{
  const ClassOptions *options = &class->options;
  double cpu_s = load_usage_own_cpu_s ();
  int64_t from_us = g_get_monotonic_time ();

  if (!make_class (class))
    return;
  class_loop_add_due (class, from_us, class_seat_new (class), 0);
  ((LoadSeat *)class->seats->pdata[0])->is_teacher = true;
  if (!class_loop_run (class, class_seat_join, are_in) || class->in == 0)
    class_add_problem (class, "the teacher did not come in");
  else
    {
      join (class, (unsigned)options->students, &class->joining);
      class_quiz_run (class);
      for (guint i = 0; i < class->seats->len; i++)
        class_seat_hang_up (class->seats->pdata[i]);
      if (options->listeners > 0)
        join (class, (unsigned)options->listeners, &class->joining_more);
      if (options->messages > 0)
        class_chat_run (class);
      count_doubles (class);
    }
  class->own_cpu_s = load_usage_own_cpu_s () - cpu_s;
  class->measured_s = (double)(g_get_monotonic_time () - from_us) / G_USEC_PER_SEC;
  delete_class (class);
}

/* Two descriptors a person at most, and some. */
static bool
allow_descriptors (const ClassOptions *options)
{
  struct rlimit limit;
  rlim_t wanted = (rlim_t)(options->students * 2 + options->listeners * 2 + 64);

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
    return true;
  limit.rlim_cur = wanted;
  limit.rlim_max = MAX (limit.rlim_max, wanted);
  return setrlimit (RLIMIT_NOFILE, &limit) == 0;
}

static void
set_up (LoadClass *class)
{
  class->epoll = epoll_create1 (EPOLL_CLOEXEC);
  class->seats = g_ptr_array_new_with_free_func ((GDestroyNotify)class_seat_free);
  class->problems = g_ptr_array_new_with_free_func (g_free);
  class->schedule = g_array_new (FALSE, FALSE, sizeof (LoadDue));
  class->join_ms = g_array_new (FALSE, FALSE, sizeof (double));
  class->published_ms = g_array_new (FALSE, FALSE, sizeof (double));
  class->acknowledged_ms = g_array_new (FALSE, FALSE, sizeof (double));
  class->chat_ms = g_array_new (FALSE, FALSE, sizeof (double));
  class->chat_sent_us = g_new0 (int64_t, (gsize)MAX (class->options.messages, 1));
  class->class_id = g_strdup_printf ("load-%08x%08x", g_random_int (), g_random_int ());
  class->has_usage = class->options.pid != 0;
}

static void
tear_down (LoadClass *class)
{
  g_ptr_array_unref (class->seats);
  g_ptr_array_unref (class->problems);
  g_array_unref (class->schedule);
  g_array_unref (class->join_ms);
  g_array_unref (class->published_ms);
  g_array_unref (class->acknowledged_ms);
  g_array_unref (class->chat_ms);
  g_free (class->chat_sent_us);
  g_free (class->class_id);
  g_free (class->quiz_id);
  close (class->epoll);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  LoadClass class = { .epoll = -1 };
  int status = 2;

  if (!class_options_parse (&class.options, &class.server, &argc, &argv, &error))
    g_printerr ("class-load: %s\n", error->message);
  else if (!allow_descriptors (&class.options))
    g_printerr ("class-load: so many people need more open files than this user may have (ulimit -n)\n");
  else
    {
      set_up (&class);
      go (&class);
      if (class.options.json)
        class_report_print_json (&class);
      else
        class_report_print (&class);
      status = class_report_is_good (&class) ? 0 : 1;
      tear_down (&class);
    }
  load_url_clear (&class.server);
  class_options_clear (&class.options);
  return status;
}
