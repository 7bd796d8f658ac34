/* Closing a question: from that moment no answer is taken, those on their way to the store are waited for, then the
 * counts are final. */
#include "quizzes.h"

#define RETRY_US (2 * G_USEC_PER_SEC)

/* ---- What the others are told */

static void
add_texts (GStrvBuilder *builder, GHashTable *by_text)
{
  GHashTableIter iter;
  void *text;
  g_hash_table_iter_init (&iter, by_text);
  while (g_hash_table_iter_next (&iter, &text, NULL))
    g_strv_builder_add (builder, text);
}

static void
announce (QuizClass *class, QuizRun *run, AirEventQuizClosedReason reason)
{
  g_autoptr (GStrvBuilder) asked = g_strv_builder_new (), answered = g_strv_builder_new ();
  if (!run->quiz->is_anonymous)
    {
      add_texts (asked, run->asked);
      add_texts (answered, run->answers);
    }
  g_auto (GStrv) all_asked = g_strv_builder_end (asked), all_answered = g_strv_builder_end (answered);
  air_context_publish_event (class->quizzes->context,
                             air_event_quiz_closed_new (run->quiz->class_id, run->quiz->session_id, run->quiz->quiz_id,
                                                        reason, (const char *const *)all_asked,
                                                        (const char *const *)all_answered));
  quiz_tell_closed (class, run, reason);
}

/* ---- Closing */

static gboolean
try_again (gpointer data)
{
  QuizClass *class = data;
  class->timer_id = 0;
  if (class->is_ending)
    quiz_close_by_end (class, NULL);
  else
    quiz_close_by_time (class);
  return G_SOURCE_REMOVE;
}

/* The store is away. A teacher is told so and asks again; where nobody asks, we do. */
static void
closing_failed (QuizAction *action, const GError *error)
{
  QuizClass *class = action->class;
  action->target->is_closing = false;
  bool is_ours = action->target == class->run;
  bool is_over
      = action->request == NULL
        || (class->run != NULL && class->run->closes_us != 0 && g_get_monotonic_time () >= class->run->closes_us);
  if (is_ours && is_over && class->timer_id == 0)
    class->timer_id = quizzes_after (class->quizzes, RETRY_US, try_again, class);
  quiz_action_finish (action, error);
}

static void
closed_stored (Quizzes *quizzes, unsigned matched, const GError *error, void *data)
{
  QuizAction *action = data;
  QuizClass *class = action->class;
  QuizRun *run = action->target;
  if (error != NULL)
    {
      closing_failed (action, error);
      return;
    }
  quiz_run_set (run, g_steal_pointer (&action->changes));
  run->present = (unsigned)air_json_get_int (run->quiz->document, "present", 0);
  g_clear_pointer (&run->not_answered, json_node_unref);
  run->not_answered = json_node_copy (air_json_get (run->quiz->document, "not_answered"));
  run->is_closing = false;
  if (run == class->run)
    quiz_class_arm (class);
  g_message ("question %s of class '%s' is closed (%s): %u of %u answered", run->quiz->quiz_id, class->class_id,
             air_event_quiz_closed_reason_to_string (action->reason), g_hash_table_size (run->answers), run->present);
  announce (class, run, action->reason);
  if (action->after_close != NULL)
    action->after_close (action);
  else
    quiz_action_finish (action, NULL);
}

static JsonNode *
list_asked (QuizRun *run)
{
  JsonNode *node = air_json_new ("[]");
  GHashTableIter iter;
  void *user_id;
  g_hash_table_iter_init (&iter, run->asked);
  while (!run->quiz->is_anonymous && g_hash_table_iter_next (&iter, &user_id, NULL))
    json_array_add_string_element (json_node_get_array (node), user_id);
  return node;
}

void
quiz_close_target (QuizAction *action)
{
  QuizRun *run = action->target;
  run->is_closing = true;
  if (run->pending > 0)
    {
      run->closing = action;
      return;
    }
  QuizPresence presence = quiz_presence (action->class, run, true);
  int64_t now_us = g_get_real_time ();
  action->changes = air_json_new (
      "{state:'closed',closed_at:%t,closed_reason:%s,present:%i,answered:%i,not_answered:%N,asked:%n,updated_at:%t}",
      now_us, air_event_quiz_closed_reason_to_string (action->reason), (int)presence.present, (int)presence.answered,
      presence.not_answered, list_asked (run), now_us);
  quiz_presence_clear (&presence);
  /* Without the key nobody finds out any more whose answers they are. Here it stays as long as the question is on the
   * pages. */
  JsonNode *unset = run->quiz->anonymous_key != NULL ? air_json_new ("{anonymous_key:''}") : NULL;
  quiz_records_change (action->class->quizzes, run->quiz->quiz_id, QUIZ_OPEN, json_node_copy (action->changes), unset,
                       closed_stored, action);
}

static void
close_found (QuizAction *action)
{
  if (quiz_run_is_open (action->target))
    quiz_close_target (action);
  else
    quiz_action_finish (action, NULL);
}

void
quiz_close (QuizAction *action)
{
  quiz_action_find_target (action, close_found);
}

void
quiz_close_by_time (QuizClass *class)
{
  if (class->run == NULL || !quiz_run_is_open (class->run) || class->run->is_closing)
    return;
  QuizAction *action = quiz_action_new (class, quiz_close, NULL, quiz_with (class->run->quiz, air_json_new ("{}")));
  action->reason = AIR_EVENT_QUIZ_CLOSED_REASON_TIME;
  quiz_action_enqueue (action);
}

/* ---- The end of a session */

static void
show_nothing (QuizAction *action)
{
  action->class->is_ending = false;
  quiz_class_take_run (action->class, NULL);
  quiz_class_follow_session (action->class);
  quiz_action_finish (action, NULL);
}

static void
begin_end (QuizAction *action)
{
  QuizRun *run = action->class->run;
  action->target = run;
  action->after_close = show_nothing;
  if (run != NULL && quiz_run_is_open (run))
    quiz_close_target (action);
  else
    show_nothing (action);
}

void
quiz_close_by_end (QuizClass *class, const char *session_id)
{
  QuizRun *run = class->run;
  bool is_another = run != NULL && session_id != NULL && run->quiz->session_id != NULL
                    && !g_str_equal (run->quiz->session_id, session_id);
  if (is_another)
    return;
  class->is_ending = true;
  QuizAction *action = quiz_action_new (class, begin_end, NULL, NULL);
  action->reason = AIR_EVENT_QUIZ_CLOSED_REASON_SESSION;
  quiz_action_enqueue (action);
}
