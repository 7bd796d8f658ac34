/* Revealing a question: its right answer goes to the pages, its points to the scores. One that is open is closed first.
 */
#include "quizzes.h"

#include <math.h>

#include "scoring.h"

static void
add_scores (QuizClass *class, QuizRun *run)
{
  GHashTableIter iter;
  void *value;
  quiz_class_follow_session (class);
  if (run->quiz->is_anonymous || class->session_id == NULL || g_strcmp0 (class->session_id, run->quiz->session_id) != 0)
    return;
  g_hash_table_iter_init (&iter, run->answers);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const QuizAnswer *answer = value;
      quiz_score_add (class, answer->student, answer->name, answer->points);
    }
}

/* @is_first: whether it had not been revealed before; else nobody is graded again. */
static void
announce (QuizClass *class, QuizRun *run, bool is_first)
{
  g_autoptr (GStrvBuilder) right = g_strv_builder_new (), wrong = g_strv_builder_new ();
  GHashTableIter iter;
  void *value;
  g_hash_table_iter_init (&iter, run->answers);
  while (is_first && !run->quiz->is_anonymous && g_hash_table_iter_next (&iter, NULL, &value))
    {
      const QuizAnswer *answer = value;
      if (!isnan (answer->credit))
        g_strv_builder_add (quiz_is_right (answer->credit) ? right : wrong, answer->student);
    }
  g_auto (GStrv) all_right = g_strv_builder_end (right), all_wrong = g_strv_builder_end (wrong);
  air_context_publish_event (class->quizzes->context,
                             air_event_quiz_revealed_new (run->quiz->class_id, run->quiz->session_id, run->quiz->quiz_id,
                                                          (const char *const *)all_right,
                                                          (const char *const *)all_wrong));
}

static void
revealed_stored (Quizzes *quizzes, unsigned matched, const GError *error, void *data)
{
  QuizAction *action = data;
  QuizRun *run = action->target;
  if (error == NULL)
    {
      quiz_run_set (run, g_steal_pointer (&action->changes));
      /* None matched: it had been revealed before. */
      if (matched > 0)
        add_scores (action->class, run);
      announce (action->class, run, matched > 0);
      quiz_tell_revealed (action->class, run);
    }
  quiz_action_finish (action, error);
}

static void
store_revealed (QuizAction *action)
{
  int64_t now_us = g_get_real_time ();
  g_clear_pointer (&action->changes, json_node_unref);
  action->changes = air_json_new ("{state:'revealed',revealed_at:%t,updated_at:%t}", now_us, now_us);
  quiz_records_change (action->class->quizzes, action->target->quiz->quiz_id, QUIZ_CLOSED,
                       json_node_copy (action->changes), NULL, revealed_stored, action);
}

static void
reveal_found (QuizAction *action)
{
  action->after_close = store_revealed;
  switch (action->target->quiz->state)
    {
    case QUIZ_OPEN:
      quiz_close_target (action);
      break;
    case QUIZ_CLOSED:
      store_revealed (action);
      break;
    case QUIZ_DRAFT:
    case QUIZ_REVEALED:
      quiz_action_finish (action, NULL);
      break;
    }
}

void
quiz_reveal (QuizAction *action)
{
  quiz_action_find_target (action, reveal_found);
}
