/* A question to the class: how soon everybody has it, how soon answers are acknowledged, whether what is counted is what was
 * answered. */
#include <math.h>
#include <string.h>

#include "class-load.h"

#define N_OPTIONS 4
#define RIGHT_OPTION 1
#define LEAD_US 50000

static const char *const option_ids[N_OPTIONS] = { "A", "B", "C", "D" };

/* Students who are in. */
static unsigned
count_students (const LoadClass *class)
{
  return class->in - 1;
}

static bool
is_student_in (const LoadSeat *seat)
{
  return !seat->is_teacher && seat->is_in && !seat->failure;
}

/* ---- Publishing */

static void
on_publish_answered (LoadSeat *seat, unsigned status)
{
  seat->class->publish_answered_us = g_get_monotonic_time ();
  if (status != 200)
    class_add_problem (seat->class, "POST /api/quiz/publish was answered %u", status);
}

static void
publish (const LoadDue *due)
{
  LoadClass *class = due->seat->class;
  g_autofree char *body = g_strdup_printf ("{\"quiz_id\":\"%s\"}", class->quiz_id);

  class->publish_sent_us = g_get_monotonic_time ();
  class_seat_ask (due->seat,
                  &(LoadRequest){ .method = "POST", .target = "/api/quiz/publish", .content_type = "application/json",
                                  .token = class->options.key, .body = body },
                  on_publish_answered);
}

static bool
is_published (LoadClass *class)
{
  return class->publish_answered_us != 0 && class->heard_published >= count_students (class);
}

static void
publish_question (LoadClass *class)
{
  LoadSeat *teacher = class->seats->pdata[0];

  class_read_usage (class, &class->publishing.before);
  class_loop_add_due (class, g_get_monotonic_time () + LEAD_US, teacher, 0);
  if (!class_loop_run (class, publish, is_published))
    class_add_problem (class, "the question reached %u of %u students", class->heard_published, count_students (class));
  class_read_usage (class, &class->publishing.after);
  for (guint i = 0; i < class->seats->len; i++)
    {
      const LoadSeat *seat = class->seats->pdata[i];
      double ms = (double)(seat->published_us - class->publish_sent_us) / 1000;

      if (seat->published_us != 0)
        g_array_append_val (class->published_ms, ms);
    }
}

/* ---- Answering */

static void
on_answered (LoadSeat *seat, unsigned status)
{
  LoadClass *class = seat->class;
  double ms = (double)(g_get_monotonic_time () - seat->sent_us) / 1000;

  if (status != 201)
    {
      class_seat_fail (seat, status == 0 ? "no acknowledgement of the answer" : "the answer was answered %u", status);
      return;
    }
  g_array_append_val (class->acknowledged_ms, ms);
  class->acknowledged++;
  seat->acknowledged++;
  g_autoptr (JsonNode) root = json_from_string (load_http_body (&seat->http), NULL);
  JsonObject *receipt = root && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  if (!receipt || strcmp (json_object_get_string_member_with_default (receipt, "answer", ""), option_ids[seat->option]) != 0
      || json_object_get_boolean_member_with_default (receipt, "changed", TRUE))
    class_seat_fail (seat, "the acknowledgement is not that of the answer");
}

static void
answer (const LoadDue *due)
{
  LoadSeat *seat = due->seat;
  LoadClass *class = seat->class;
  const char *option = option_ids[seat->option];

  seat->sent_us = g_get_monotonic_time ();
  if (class->options.answers_by_socket)
    {
      g_autofree char *text = g_strdup_printf (
          "{\"type\":\"answer\",\"ref\":\"answer\",\"quiz_id\":\"%s\",\"answer\":\"%s\"}", class->quiz_id, option);

      if (seat->socket.fd >= 0 && !load_socket_send (&seat->socket, text))
        class_seat_fail (seat, "the answer could not be sent");
      return;
    }
  g_autofree char *body = g_strdup_printf ("{\"quiz_id\":\"%s\",\"answer\":\"%s\"}", class->quiz_id, option);
  class_seat_ask (seat,
                  &(LoadRequest){ .method = "POST", .target = "/api/quiz/response", .content_type = "application/json",
                                  .token = seat->token, .body = body, .keep_alive = true },
                  on_answered);
}

static bool
is_answered (LoadClass *class)
{
  return class->acknowledged + class->failed >= count_students (class) && class->progress >= class->acknowledged;
}

static void
answer_question (LoadClass *class)
{
  int64_t from_us = g_get_monotonic_time () + LEAD_US;

  class_read_usage (class, &class->answering.before);
  for (guint i = 0; i < class->seats->len; i++)
    {
      LoadSeat *seat = class->seats->pdata[i];

      int64_t after_us = (int64_t)(g_random_double () * class->options.answer_s * G_USEC_PER_SEC);

      seat->option = (unsigned)g_random_int_range (0, N_OPTIONS);
      if (is_student_in (seat))
        class_loop_add_due (class, from_us + after_us, seat, i);
    }
  if (!class_loop_run (class, answer, is_answered))
    class_add_problem (class, "of %u answers %u were acknowledged, %u told to the teacher", count_students (class),
                       class->acknowledged, class->progress);
  class_read_usage (class, &class->answering.after);
}

/* ---- Checking */

static void
check_number (LoadClass *class, JsonObject *statistics, const char *name, double expected)
{
  JsonNode *node = json_object_get_member (statistics, name);
  double value = node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_double (node) : NAN;

  if (!(fabs (value - expected) < 1e-9))
    class_add_problem (class, "statistics: %s is %g instead of %g", name, value, expected);
}

static void
check_statistics (LoadClass *class)
{
  g_autofree char *target = g_strdup_printf ("/api/quiz/statistics/%s", class->quiz_id);
  g_autoptr (JsonNode) root = class_ask (class, "GET", target, NULL, 200);
  unsigned answered = 0, counts[N_OPTIONS] = { 0 };

  if (!root)
    return;
  for (guint i = 1; i < class->seats->len; i++)
    {
      const LoadSeat *seat = class->seats->pdata[i];

      answered += seat->acknowledged > 0;
      counts[seat->option] += seat->acknowledged > 0;
    }
  JsonObject *statistics = json_node_get_object (root);
  double right = counts[RIGHT_OPTION];
  check_number (class, statistics, "answered", answered);
  check_number (class, statistics, "correct", right);
  check_number (class, statistics, "correct_share", right / MAX (answered, 1));
  check_number (class, statistics, "mean_credit", right / MAX (answered, 1));
  JsonNode *node = json_object_get_member (statistics, "distribution");
  for (unsigned i = 0; node && JSON_NODE_HOLDS_OBJECT (node) && i < N_OPTIONS; i++)
    if (json_object_get_int_member_with_default (json_node_get_object (node), option_ids[i], 0) != counts[i])
      class_add_problem (class, "statistics: another number than %u chose %s", counts[i], option_ids[i]);
}

static void
check_response (LoadClass *class, GHashTable *expected, JsonObject *response)
{
  const char *student = json_object_get_string_member_with_default (response, "student_id", "");
  const LoadSeat *seat = g_hash_table_lookup (expected, student);

  if (!seat)
    class_add_problem (class, "an answer of '%s', who has none, or none more", student);
  else if (strcmp (json_object_get_string_member_with_default (response, "answer", ""), option_ids[seat->option]) != 0
           || json_object_get_int_member_with_default (response, "changes", -1) != 0)
    class_add_problem (class, "the answer of '%s' is not the one that was given", student);
  g_hash_table_remove (expected, student);
}

/* Returns: the next page's cursor, NULL after the last. (transfer full) */
static char *
check_page (LoadClass *class, GHashTable *expected, const char *cursor)
{
  g_autofree char *escaped = g_uri_escape_string (cursor ? cursor : "", NULL, FALSE);
  g_autofree char *target
      = g_strdup_printf ("/api/quiz/responses/%s?limit=200%s%s", class->quiz_id, cursor ? "&cursor=" : "", escaped);
  g_autoptr (JsonNode) root = class_ask (class, "GET", target, NULL, 200);
  JsonNode *rows = root ? json_object_get_member (json_node_get_object (root), "responses") : NULL;

  if (!rows || !JSON_NODE_HOLDS_ARRAY (rows))
    return NULL;
  for (guint i = 0; i < json_array_get_length (json_node_get_array (rows)); i++)
    check_response (class, expected, json_array_get_object_element (json_node_get_array (rows), i));
  return g_strdup (json_object_get_string_member_with_default (json_node_get_object (root), "next_cursor", NULL));
}

/* Each answer is stored once, and as it was given. */
static void
check_responses (LoadClass *class)
{
  g_autoptr (GHashTable) expected = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree char *cursor = NULL;

  for (guint i = 1; i < class->seats->len; i++)
    {
      LoadSeat *seat = class->seats->pdata[i];

      if (seat->acknowledged > 0)
        g_hash_table_insert (expected, seat->user_id, seat);
    }
  /* As many pages as can be needed, should the server go round in circles. */
  for (guint page = 0; page <= class->seats->len / 200 && (page == 0 || cursor); page++)
    {
      g_autofree char *before = g_steal_pointer (&cursor);

      cursor = check_page (class, expected, before);
    }
  if (g_hash_table_size (expected) > 0)
    class_add_problem (class, "%u acknowledged answers are not stored", g_hash_table_size (expected));
}

void
class_quiz_run (LoadClass *class)
{
  g_autofree char *body = g_strdup_printf (
      "{\"class_id\":\"%s\",\"type\":\"single\",\"question\":\"How many are there?\",\"correct\":[\"%s\"],"
      "\"options\":[{\"id\":\"A\",\"text\":\"one\"},{\"id\":\"B\",\"text\":\"two\"},"
      "{\"id\":\"C\",\"text\":\"three\"},{\"id\":\"D\",\"text\":\"four\"}]}",
      class->class_id, option_ids[RIGHT_OPTION]);
  g_autoptr (JsonNode) root = class_ask (class, "POST", "/api/quiz/create", body, 201);

  if (!root)
    return;
  class->quiz_id = g_strdup (json_object_get_string_member_with_default (json_node_get_object (root), "quiz_id", ""));
  publish_question (class);
  answer_question (class);
  check_statistics (class);
  check_responses (class);
}
