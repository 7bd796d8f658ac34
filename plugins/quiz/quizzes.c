/* The plugin's state: classes, their questions and scores. Main thread. */
#include "quizzes.h"

G_DEFINE_QUARK (quiz-error-quark, quiz_error)

static const char *const slugs[] = {
  [QUIZ_ERROR_CLOSED] = "quiz-closed", [QUIZ_ERROR_NOT_PUBLISHED] = "quiz-not-published", [QUIZ_ERROR_PUBLISHED] = "quiz-published",
  [QUIZ_ERROR_OPEN] = "quiz-open",     [QUIZ_ERROR_CHANGES] = "quiz-changes",             [QUIZ_ERROR_NONE_LEFT] = "quiz-none-left",
};

const char *
quiz_error_slug (const GError *error)
{
  return error->domain == QUIZ_ERROR ? slugs[error->code] : NULL;
}

void
quiz_reply_error (AirRequest *request, const GError *error)
{
  if (error->domain == QUIZ_ERROR)
    air_request_reply_problem (request, 409, slugs[error->code], error->message);
  else
    air_request_reply_error (request, error);
}

/* ---- Calls to the store ---- */

void
quizzes_begin (Quizzes *quizzes)
{
  quizzes->in_flight++;
}

void
quizzes_end (Quizzes *quizzes)
{
  quizzes->in_flight--;
  if (quizzes->in_flight == 0 && quizzes->stopping != NULL)
    {
      g_autoptr (GTask) task = g_steal_pointer (&quizzes->stopping);
      g_task_return_boolean (task, TRUE);
    }
}

/* ---- Classes ---- */

static void
score_free (void *data)
{
  QuizScore *score = data;
  g_free (score->name);
  g_free (score);
}

QuizClass *
quizzes_get_class (Quizzes *quizzes, const char *class_id)
{
  QuizClass *class = g_hash_table_lookup (quizzes->classes, class_id);
  if (class != NULL)
    return class;
  class = g_new0 (QuizClass, 1);
  class->quizzes = quizzes;
  class->class_id = g_strdup (class_id);
  g_queue_init (&class->actions);
  class->scores = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, score_free);
  g_hash_table_insert (quizzes->classes, class->class_id, class);
  return class;
}

QuizClass *
quizzes_find_run (Quizzes *quizzes, const char *quiz_id)
{
  return g_hash_table_lookup (quizzes->runs, quiz_id);
}

const char *
quiz_class_session (QuizClass *class)
{
  const AirClassInfo *info = air_classroom_get_class (class->quizzes->classroom, class->class_id);
  return info != NULL ? info->session_id : NULL;
}

void
quiz_class_take_run (QuizClass *class, QuizRun *run)
{
  Quizzes *quizzes = class->quizzes;
  if (class->run != NULL)
    g_hash_table_remove (quizzes->runs, class->run->quiz->quiz_id);
  g_clear_pointer (&class->run, quiz_run_free);
  class->run = run;
  if (run == NULL)
    return;
  g_hash_table_insert (quizzes->runs, g_strdup (run->quiz->quiz_id), class);
  quiz_class_take_extra_time (class);
}

void
quiz_class_take_extra_time (QuizClass *class)
{
  JsonNode *extra_time = air_json_get (class->run->quiz->document, "extra_time");
  g_clear_pointer (&class->extra_time, json_node_unref);
  class->extra_time = extra_time != NULL ? json_node_copy (extra_time) : NULL;
}

void
quiz_class_follow_session (QuizClass *class)
{
  const char *session_id = quiz_class_session (class);
  if (g_strcmp0 (class->session_id, session_id) == 0)
    return;
  g_free (class->session_id);
  class->session_id = g_strdup (session_id);
  g_hash_table_remove_all (class->scores);
}

void
quiz_score_add (QuizClass *class, const char *user_id, const char *name, int64_t points)
{
  QuizScore *score = g_hash_table_lookup (class->scores, user_id);
  if (score == NULL)
    {
      score = g_new0 (QuizScore, 1);
      g_hash_table_insert (class->scores, g_strdup (user_id), score);
    }
  score->points += points;
  if (name != NULL)
    {
      g_free (score->name);
      score->name = g_strdup (name);
    }
}

/* ---- Timers: GLib's go by the monotonic clock ---- */

unsigned
quizzes_after (Quizzes *quizzes, int64_t delay_us, GSourceFunc callback, void *data)
{
  GSource *source = g_timeout_source_new ((unsigned)CLAMP ((delay_us + 999) / 1000, 0, G_MAXINT));
  g_source_set_callback (source, callback, data, NULL);
  return air_context_add_source (quizzes->context, source);
}

typedef struct
{
  QuizClass *class;
  int64_t latest_us;
} Latest;

/* Who has extra time keeps the question open as long as that person is there. */
static void
look_at_deadline (const AirClassMember *member, void *data)
{
  Latest *latest = data;
  if (member->role == AIR_ROLE_STUDENT && member->present)
    latest->latest_us = MAX (latest->latest_us, quiz_run_deadline_us (latest->class->run, member->user_id));
}

static gboolean
time_is_up (gpointer data)
{
  QuizClass *class = data;
  class->timer_id = 0;
  QuizRun *run = class->run;
  if (run == NULL || !quiz_run_is_open (run) || run->closes_us == 0)
    return G_SOURCE_REMOVE;
  Latest latest = { .class = class, .latest_us = run->closes_us };
  air_classroom_visit_members (class->quizzes->classroom, class->class_id, look_at_deadline, &latest);
  int64_t left_us = latest.latest_us - g_get_monotonic_time ();
  if (left_us > 0)
    class->timer_id = quizzes_after (class->quizzes, left_us, time_is_up, class);
  else
    quiz_close_by_time (class);
  return G_SOURCE_REMOVE;
}

void
quiz_class_arm (QuizClass *class)
{
  if (class->timer_id != 0)
    air_context_remove_source (class->quizzes->context, class->timer_id);
  class->timer_id = 0;
  if (class->run != NULL && quiz_run_is_open (class->run) && class->run->closes_us != 0)
    class->timer_id
        = quizzes_after (class->quizzes, class->run->closes_us - g_get_monotonic_time (), time_is_up, class);
}
