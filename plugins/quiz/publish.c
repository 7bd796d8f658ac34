/* Publishing a question. One that is open is closed first, with all answers that have arrived.
 *
 * The store may have it as open while no page does: it went away between the write and the reading after it. Nobody could answer it
 * yet, so it is published as a draft is, with new times. */
#include "quizzes.h"

/* A store that takes longer than this costs the students none of their time: the question's times are set anew. */
#define SLOW_STORE_US (100 * 1000)

static void
ask_student (const AirClassMember *member, void *data)
{
  if (member->role == AIR_ROLE_STUDENT && member->present)
    g_ptr_array_add (data, g_strdup (member->user_id));
}

static JsonNode *
to_json (GPtrArray *texts)
{
  JsonNode *node = air_json_new ("[]");
  for (unsigned i = 0; i < texts->len; i++)
    json_array_add_string_element (json_node_get_array (node), g_ptr_array_index (texts, i));
  return node;
}

static char *
new_key (void)
{
  g_autofree char *first = air_store_new_key (), *second = air_store_new_key ();
  return g_strconcat (first, second, NULL);
}

static JsonNode *
make_times (const Quiz *quiz, int64_t now_us)
{
  int64_t closes_us = quiz->time_limit_ms > 0 ? now_us + quiz->time_limit_ms * 1000 : 0;
  return air_json_new ("{published_at:%t,closes_at?:%t,updated_at:%t}", now_us, closes_us, now_us);
}

static void
announce (QuizAction *action)
{
  QuizRun *run = action->class->run;
  const Quiz *quiz = run->quiz;
  /* Who takes part in an anonymous question is nobody's business. */
  g_autoptr (GStrvBuilder) students = g_strv_builder_new ();
  for (unsigned i = 0; !quiz->is_anonymous && i < action->students->len; i++)
    g_strv_builder_add (students, g_ptr_array_index (action->students, i));
  g_auto (GStrv) names = g_strv_builder_end (students);
  AirEventQuizPublishedQuizType type
      = air_event_quiz_published_quiz_type_from_string (quiz_type_to_string (quiz->type));
  air_context_publish_event (action->class->quizzes->context,
                             air_event_quiz_published_new (
                                 quiz->class_id, quiz->session_id, quiz->quiz_id, type, quiz->question,
                                 quiz->is_anonymous, quiz->time_limit_ms > 0 ? quiz->time_limit_ms : AIR_EVENT_ABSENT,
                                 (const char *const *)names));
  air_metric_add (action->class->quizzes->published, 1,
                  (const char *const[]){ quiz_type_to_string (quiz->type), NULL });
  g_message ("question %s of class '%s' is open for %u students", quiz->quiz_id, quiz->class_id, action->students->len);
  quiz_tell_published (action->class);
}

static void
times_stored (Quizzes *quizzes, unsigned matched, const GError *error, void *data)
{
  if (error != NULL)
    g_warning ("the times of a question: %s", error->message);
}

/* @quiz: as the store has it now, open. */
static void
open_quiz (Quizzes *quizzes, Quiz *quiz, const GError *error, void *data)
{
  QuizAction *action = data;
  if (quiz == NULL)
    {
      quiz_action_finish (action, error);
      return;
    }
  QuizRun *run = quiz_run_new (quiz);
  int64_t now_us = g_get_real_time ();
  if (ABS (now_us - action->begun_us) > SLOW_STORE_US)
    {
      g_autoptr (JsonNode) times = make_times (quiz, now_us);
      quiz_run_set (run, json_node_copy (times));
      quiz_run_read_times (run);
      quiz_records_change (quizzes, run->quiz->quiz_id, QUIZ_OPEN, g_steal_pointer (&times), NULL, times_stored, NULL);
    }
  for (unsigned i = 0; i < action->students->len; i++)
    g_hash_table_add (run->asked, g_strdup (g_ptr_array_index (action->students, i)));
  quiz_class_take_run (action->class, run);
  quiz_class_arm (action->class);
  announce (action);
  action->target = run;
  quiz_action_finish (action, NULL);
}

static void
refuse (QuizAction *action)
{
  g_autoptr (GError) error
      = g_error_new_literal (QUIZ_ERROR, QUIZ_ERROR_PUBLISHED, "This question has been published before, or deleted.");
  quiz_action_finish (action, error);
}

static void
published_stored (Quizzes *quizzes, unsigned matched, const GError *error, void *data)
{
  QuizAction *action = data;
  if (error != NULL)
    quiz_action_finish (action, error);
  else if (matched == 0)
    refuse (action);
  else /* it may have been changed since it was looked up */
    quiz_records_get (quizzes, action->quiz->quiz_id, open_quiz, action);
}

static void
store_published (QuizAction *action)
{
  QuizClass *class = action->class;
  const Quiz *quiz = action->quiz;
  quiz_class_follow_session (class);
  action->students = g_ptr_array_new_with_free_func (g_free);
  air_classroom_visit_members (class->quizzes->classroom, class->class_id, ask_student, action->students);
  action->begun_us = g_get_real_time ();

  JsonNode *set = make_times (quiz, action->begun_us);
  JsonObject *object = json_node_get_object (set);
  g_autofree char *key = quiz->is_anonymous ? new_key () : NULL;
  JsonNode *extra_time = air_json_get (quiz->document, "extra_time");
  if (extra_time == NULL)
    extra_time = class->extra_time;
  json_object_set_string_member (object, "state", "open");
  if (quiz_class_session (class) != NULL)
    json_object_set_string_member (object, "session_id", quiz_class_session (class));
  JsonNode *unset = quiz_class_session (class) == NULL && quiz->session_id != NULL ? air_json_new ("{session_id:''}") : NULL;
  if (key != NULL)
    json_object_set_string_member (object, "anonymous_key", key);
  else
    json_object_set_member (object, "asked", to_json (action->students));
  if (extra_time != NULL)
    json_object_set_member (object, "extra_time", json_node_copy (extra_time));
  quiz_records_change (class->quizzes, quiz->quiz_id, quiz->state, set, unset, published_stored, action);
}

void
quiz_publish (QuizAction *action)
{
  QuizRun *run = action->class->run;
  bool is_open = run != NULL && quiz_run_is_open (run);
  if (is_open && g_str_equal (run->quiz->quiz_id, action->quiz->quiz_id))
    {
      action->target = run;
      quiz_action_finish (action, NULL); /* clicked twice */
      return;
    }
  bool is_stranded = action->quiz->state == QUIZ_OPEN && quizzes_find_run (action->class->quizzes, action->quiz->quiz_id) == NULL;
  if (action->quiz->state != QUIZ_DRAFT && !is_stranded)
    {
      refuse (action); /* and what is open stays open */
      return;
    }
  if (!is_open)
    {
      store_published (action);
      return;
    }
  action->target = run;
  action->closed_id = g_strdup (run->quiz->quiz_id);
  action->after_close = store_published;
  quiz_close_target (action);
}
