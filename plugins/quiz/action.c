/* The actions of a class, one after the other. */
#include "quizzes.h"

QuizAction *
quiz_action_new (QuizClass *class, void (*begin) (QuizAction *), AirRequest *request, Quiz *quiz)
{
  QuizAction *action = g_new0 (QuizAction, 1);
  action->class = class;
  action->begin = begin;
  action->request = request != NULL ? air_request_ref (request) : NULL;
  action->quiz = quiz;
  action->status = 200;
  action->reason = AIR_EVENT_QUIZ_CLOSED_REASON_TEACHER;
  return action;
}

static void
action_free (QuizAction *action)
{
  g_clear_pointer (&action->request, air_request_unref);
  g_clear_pointer (&action->quiz, quiz_free);
  g_clear_pointer (&action->run, quiz_run_free);
  g_clear_pointer (&action->students, g_ptr_array_unref);
  g_clear_pointer (&action->changes, json_node_unref);
  g_free (action->closed_id);
  g_free (action);
}

static void
target_loaded (Quizzes *quizzes, QuizRun *run, const GError *error, void *data)
{
  QuizAction *action = data;
  action->run = action->target = run;
  if (run == NULL)
    quiz_action_finish (action, error);
  else
    action->then (action);
}

void
quiz_action_find_target (QuizAction *action, void (*then) (QuizAction *))
{
  QuizClass *class = action->class;
  if (class->run != NULL && g_str_equal (class->run->quiz->quiz_id, action->quiz->quiz_id))
    {
      action->target = class->run;
      then (action);
      return;
    }
  if (action->quiz->state == QUIZ_DRAFT)
    {
      g_autoptr (GError) error = g_error_new_literal (QUIZ_ERROR, QUIZ_ERROR_NOT_PUBLISHED, "This question is still a draft.");
      quiz_action_finish (action, error);
      return;
    }
  action->then = then;
  quiz_records_load (class->quizzes, g_steal_pointer (&action->quiz), target_loaded, action);
}

void
quiz_action_enqueue (QuizAction *action)
{
  GQueue *actions = &action->class->actions;
  g_queue_push_tail (actions, action);
  if (g_queue_get_length (actions) == 1)
    action->begin (action);
}

void
quiz_action_drop (QuizAction *action)
{
  g_queue_remove (&action->class->actions, action);
  action_free (action);
}

static void
reply (QuizAction *action, const GError *error)
{
  if (error != NULL)
    {
      quiz_reply_error (action->request, error);
      return;
    }
  QuizClass *class = action->target == action->class->run ? action->class : NULL;
  JsonNode *view = quiz_view (action->target->quiz, class, action->target, AIR_ROLE_TEACHER, NULL);
  if (action->closed_id != NULL)
    json_object_set_string_member (json_node_get_object (view), "closed_quiz_id", action->closed_id);
  air_request_reply_json (action->request, action->status, view);
}

void
quiz_action_finish (QuizAction *action, const GError *error)
{
  QuizClass *class = action->class;
  if (action->request != NULL)
    reply (action, error);
  else if (error != NULL)
    g_warning ("a question of class '%s': %s", class->class_id, error->message);
  quiz_action_drop (action);
  QuizAction *next = g_queue_peek_head (&class->actions);
  if (next != NULL && class->quizzes->stopping == NULL)
    next->begin (next);
}
