/* The quiz plugin: what it registers, and how it starts and stops. */
#include "quizzes.h"

/* By name in the document of a question, which must stay below the 1 MiB of a document: names have up to 128 bytes. */
#define MAX_ASKED 2000u

/* ---- What happens in the class */

static void
on_session_ended (AirEvent *event, void *self)
{
  quiz_close_by_end (quizzes_get_class (self, air_event_session_ended_get_class_id (event)),
                     air_event_session_ended_get_session_id (event));
}

/* What was shown before the session has nothing to do with it; a question that is open goes on. */
static void
on_session_started (AirEvent *event, void *self)
{
  QuizClass *class = quizzes_get_class (self, air_event_session_started_get_class_id (event));
  quiz_class_follow_session (class);
  QuizRun *run = class->run;
  bool is_old = run != NULL && !quiz_run_is_open (run) && g_strcmp0 (run->quiz->session_id, class->session_id) != 0;
  if (is_old && g_queue_is_empty (&class->actions))
    quiz_class_take_run (class, NULL);
}

static void
on_class_changed (AirEvent *event, void *self)
{
  if (air_event_class_changed_get_change (event) == AIR_EVENT_CLASS_CHANGED_CHANGE_DELETED)
    quiz_close_by_end (quizzes_get_class (self, air_event_class_changed_get_class_id (event)), NULL);
}

static void
on_member_joined (AirEvent *event, void *self)
{
  QuizClass *class = quizzes_get_class (self, air_event_member_joined_get_class_id (event));
  if (class->run == NULL || !quiz_run_is_open (class->run)
      || air_event_member_joined_get_user_role (event) != AIR_EVENT_MEMBER_JOINED_USER_ROLE_STUDENT)
    return;
  if (g_hash_table_size (class->run->asked) < MAX_ASKED)
    g_hash_table_add (class->run->asked, g_strdup (air_event_member_joined_get_user_id (event)));
  quiz_tell_progress (class);
}

static void
on_member_left (AirEvent *event, void *self)
{
  QuizClass *class = quizzes_get_class (self, air_event_member_left_get_class_id (event));
  if (class->run != NULL && quiz_run_is_open (class->run))
    quiz_tell_progress (class);
}

/* ---- The plugin */

static const AirOption options[] = {
  { .key = "max_questions",
    .type = AIR_OPTION_INT,
    .default_value = "2000",
    .minimum = 1,
    .maximum = 100000,
    .unit = "questions",
    .help = "How many questions one class may have in its bank, those that were asked counted.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = NULL },
};

static void
class_free (void *data)
{
  QuizClass *class = data;
  for (QuizAction *action = g_queue_peek_head (&class->actions); action != NULL;
       action = g_queue_peek_head (&class->actions))
    quiz_action_drop (action);
  g_clear_pointer (&class->run, quiz_run_free);
  g_clear_pointer (&class->extra_time, json_node_unref);
  g_hash_table_unref (class->scores);
  g_free (class->session_id);
  g_free (class->class_id);
  g_free (class);
}

static void *
quiz_create (AirContext *context, GError **error)
{
  Quizzes *quizzes = g_new0 (Quizzes, 1);
  quizzes->context = context;
  quizzes->classes = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, class_free);
  quizzes->runs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  quizzes->sockets = g_ptr_array_new_with_free_func ((GDestroyNotify)air_socket_unref);
  quizzes->answers = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_quiz_answers_total",
                                             "Answers of students, by what became of them.",
                                             (const char *const[]){ "result", NULL }, NULL);
  quizzes->published
      = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_quiz_published_total",
                                "Questions that were published.", (const char *const[]){ "type", NULL }, NULL);
  quiz_add_bank_routes (context);
  quiz_add_quiz_routes (context);
  quiz_add_run_routes (context);
  quiz_add_statistics_routes (context);
  quiz_add_sockets (context);
  air_context_on_event (context, "session-started", on_session_started);
  air_context_on_event (context, "session-ended", on_session_ended);
  air_context_on_event (context, "class-changed", on_class_changed);
  air_context_on_event (context, "member-joined", on_member_joined);
  air_context_on_event (context, "member-left", on_member_left);
  return quizzes;
}

static void
quiz_start (void *self, GTask *task)
{
  Quizzes *quizzes = self;
  quizzes->store = air_context_get_service (quizzes->context, AIR_STORE_SERVICE);
  quizzes->classroom = air_context_get_service (quizzes->context, AIR_CLASSROOM_SERVICE);
  air_classroom_add_message (quizzes->classroom, &quiz_answer_message, quizzes);
  air_classroom_add_snapshot (quizzes->classroom, quiz_write_snapshot, quizzes);
  quiz_restore (quizzes, task);
}

/* What has been handed to the store is waited for: who answered gets the acknowledgement. */
static void
quiz_stop (void *self, GTask *task)
{
  Quizzes *quizzes = self;
  if (quizzes->classroom != NULL)
    air_classroom_remove (quizzes->classroom, quizzes);
  if (quizzes->in_flight == 0)
    g_task_return_boolean (task, TRUE);
  else
    quizzes->stopping = g_object_ref (task);
}

static void
quiz_destroy (void *self)
{
  Quizzes *quizzes = self;
  g_hash_table_unref (quizzes->runs);
  g_hash_table_unref (quizzes->classes);
  g_ptr_array_unref (quizzes->sockets);
  g_free (quizzes);
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "quiz",
  .version = "1.0",
  .summary = "Questions to a class: a bank, answers, statistics",
  .needs = (const char *const[]){ AIR_STORE_SERVICE, AIR_CLASSROOM_SERVICE, NULL },
  .options = options,
  .create = quiz_create,
  .start = quiz_start,
  .stop = quiz_stop,
  .destroy = quiz_destroy,
};
