/* Answers. Whether one counts is decided when it arrives, by the monotonic clock; it is acknowledged, and counted, when
 * the store has it. A student who answers twice at the same instant has the answer that arrived last: the store writes
 * in the order of the calls. */
#include "quizzes.h"

#include "scoring.h"

#define MAX_CHANGES 100

typedef struct
{
  QuizClass *class;
  QuizRun *run;       /* stays while answers are on their way */
  QuizAnswer *answer; /* owned */
  char *user_id;
  QuizResponded callback;
  void *data;
} Arrival;

static void
count (QuizClass *class, const char *result)
{
  air_metric_add (class->quizzes->answers, 1, (const char *const[]){ result, NULL });
}

static void
refuse (QuizClass *class, const char *result, QuizError code, const char *what, QuizResponded callback, void *data)
{
  g_autoptr (GError) error = g_error_new_literal (QUIZ_ERROR, code, what);
  count (class, result);
  callback (NULL, error, data);
}

static void
arrival_free (Arrival *arrival)
{
  quiz_answer_free (arrival->answer);
  g_free (arrival->user_id);
  g_free (arrival);
}

static void
publish_event (QuizClass *class, QuizRun *run, const QuizAnswer *answer)
{
  if (!run->quiz->is_anonymous)
    air_context_publish_event (class->quizzes->context,
                               air_event_quiz_answered_new (run->quiz->class_id, run->quiz->session_id,
                                                            run->quiz->quiz_id, answer->student, answer->changes > 0,
                                                            answer->response_ms, g_hash_table_size (run->answers)));
}

static void
answer_stored (Quizzes *quizzes, unsigned matched, const GError *error, void *data)
{
  Arrival *arrival = data;
  QuizClass *class = arrival->class;
  QuizRun *run = arrival->run;
  QuizAnswer *answer = arrival->answer;
  if (g_hash_table_lookup (run->arrived, answer->student) == answer)
    g_hash_table_remove (run->arrived, answer->student);
  count (class, error != NULL ? "failed" : answer->changes > 0 ? "changed" : "accepted");
  if (error == NULL)
    {
      const QuizAnswer *stored = g_hash_table_lookup (run->answers, answer->student);
      if (stored == NULL || stored->changes <= answer->changes)
        g_hash_table_replace (run->answers, answer->student, g_steal_pointer (&arrival->answer));
      g_hash_table_add (run->asked, g_strdup (arrival->user_id));
      publish_event (class, run, answer);
      quiz_tell_progress (class);
    }
  arrival->callback (error == NULL ? answer : NULL, error, arrival->data);
  arrival_free (arrival);
  run->pending--;
  if (run->pending == 0 && run->closing != NULL)
    quiz_close_target (g_steal_pointer (&run->closing));
}

static QuizAnswer *
make_answer (QuizRun *run, const char *user_id, const char *name, JsonNode *taken, int64_t now_us)
{
  QuizAnswer *answer = g_new0 (QuizAnswer, 1);
  answer->student = quiz_run_student (run, user_id);
  /* Only an anonymous answer has no name: that is how others know it. */
  answer->name = run->quiz->is_anonymous ? NULL : g_strdup (name != NULL ? name : user_id);
  answer->answer = json_node_copy (taken);
  answer->at_us = g_get_real_time ();
  answer->response_ms = MAX ((now_us - run->published_us) / 1000, 0);
  answer->credit = quiz_credit (run->quiz, taken);
  answer->points = quiz_points (run->quiz, answer->credit, answer->response_ms, quiz_run_limit_ms (run, user_id));
  return answer;
}

/* The same once more is no change: it keeps its time. It comes from a page that did not hear of its first try. */
static void
keep_time (QuizAnswer *answer, const QuizAnswer *before)
{
  answer->at_us = before->at_us;
  answer->response_ms = before->response_ms;
  answer->points = before->points;
  answer->changes = before->changes;
}

static void
store (QuizClass *class, const char *user_id, QuizAnswer *answer, QuizResponded callback, void *data)
{
  Arrival *arrival = g_new0 (Arrival, 1);
  arrival->class = class;
  arrival->run = class->run;
  arrival->answer = answer;
  arrival->user_id = g_strdup (user_id);
  arrival->callback = callback;
  arrival->data = data;
  g_hash_table_replace (class->run->arrived, answer->student, answer);
  class->run->pending++;
  quiz_records_store_answer (class->run, answer, class->quizzes, answer_stored, arrival);
}

void
quiz_respond (QuizClass *class, const char *user_id, const char *name, JsonNode *answer, QuizResponded callback,
              void *data)
{
  QuizRun *run = class->run;
  int64_t now_us = g_get_monotonic_time (), deadline_us = quiz_run_deadline_us (run, user_id);
  if (!quiz_run_is_open (run) || run->is_closing || (deadline_us != 0 && now_us > deadline_us))
    {
      refuse (class, "late", QUIZ_ERROR_CLOSED, "This question is closed.", callback, data);
      return;
    }
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) taken = quiz_take_answer (run->quiz, answer, &error);
  if (taken == NULL)
    {
      count (class, "invalid");
      callback (NULL, error, data);
      return;
    }
  g_autoptr (QuizAnswer) made = make_answer (run, user_id, name, taken, now_us);
  if (made->student == NULL) /* made anonymous between being looked up and being opened: it has no key */
    {
      refuse (class, "late", QUIZ_ERROR_CLOSED, "This question takes no answers.", callback, data);
      return;
    }
  const QuizAnswer *stored = g_hash_table_lookup (run->answers, made->student);
  const QuizAnswer *on_its_way = g_hash_table_lookup (run->arrived, made->student);
  const QuizAnswer *before = on_its_way != NULL ? on_its_way : stored;
  bool is_same = before != NULL && json_node_equal (before->answer, taken);
  if (is_same && on_its_way == NULL)
    {
      callback (stored, NULL, data);
      return;
    }
  if (before != NULL && !is_same && before->changes >= MAX_CHANGES)
    {
      refuse (class, "invalid", QUIZ_ERROR_CHANGES, "This answer has been changed too often.", callback, data);
      return;
    }
  made->response_id = before != NULL ? g_strdup (before->response_id) : air_store_new_key ();
  if (is_same)
    keep_time (made, before);
  else if (before != NULL)
    made->changes = before->changes + 1;
  store (class, user_id, g_steal_pointer (&made), callback, data);
}
