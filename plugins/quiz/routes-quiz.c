/* HTTP: one question: read, change, delete. */
#include "quizzes.h"

/* ---- Read */

static void
reply_view (QuizJob *job, QuizClass *class, QuizRun *run)
{
  AirIdentity *identity = air_request_get_identity (job->request);
  const Quiz *quiz = run != NULL ? run->quiz : job->quiz;
  air_request_reply_json (job->request, 200,
                          quiz_view (quiz, class, run, air_identity_get_role (identity), air_identity_get_user_id (identity)));
  quiz_job_free (job);
}

static void
view_loaded (Quizzes *quizzes, QuizRun *run, const GError *error, void *data)
{
  QuizJob *job = data;
  job->run = run;
  if (run != NULL)
    {
      reply_view (job, NULL, run);
      return;
    }
  quiz_reply_error (job->request, error);
  quiz_job_free (job);
}

static void
show (QuizJob *job)
{
  QuizClass *class = quizzes_find_run (job->quizzes, job->quiz->quiz_id);
  if (class != NULL)
    reply_view (job, class, class->run);
  else if (job->quiz->state == QUIZ_DRAFT)
    reply_view (job, NULL, NULL);
  else
    quiz_records_load (job->quizzes, g_steal_pointer (&job->quiz), view_loaded, job);
}

static void
get_quiz (AirRequest *request, void *self)
{
  quiz_job_start (request, self, air_request_get_variable (request, "quiz_id"), AIR_ROLE_STUDENT, show);
}

/* ---- Change */

static const char *const changeable[] = { "type",      "question",   "options",   "correct", "points",    "time_limit_s",
                                          "mode",      "anonymous",  "position",  "credit",  "tolerance", "extra_time" };

static void
quiz_changed (Quizzes *quizzes, unsigned matched, const GError *error, void *data)
{
  QuizJob *job = data;
  QuizClass *class = quizzes_find_run (quizzes, job->quiz->quiz_id);
  if (error != NULL)
    quiz_reply_error (job->request, error);
  else if (matched == 0)
    air_request_reply_problem (job->request, 409, "quiz-published", "This question has been published, closed or deleted meanwhile.");
  else
    {
      JsonNode *set = g_steal_pointer (&job->extra);
      if (class != NULL && quiz_run_is_open (class->run))
        {
          quiz_run_set (class->run, json_node_copy (set));
          quiz_class_take_extra_time (class);
          quiz_class_arm (class);
          quiz_tell_extra_time (class);
        }
      g_autoptr (Quiz) quiz = quiz_with (job->quiz, set);
      air_request_reply_json (job->request, 200, quiz_view (quiz, NULL, NULL, AIR_ROLE_TEACHER, NULL));
    }
  quiz_job_free (job);
}

/* What the draft would be: its members, those of the request instead; null takes one away. */
static JsonNode *
merge (const Quiz *quiz, JsonNode *patch)
{
  JsonNode *merged = air_json_new ("{}");
  bool is_other_type = air_json_get (patch, "type") != NULL
                       && g_strcmp0 (air_json_get_string (patch, "type"), quiz_type_to_string (quiz->type)) != 0;
  for (unsigned i = 0; i < G_N_ELEMENTS (changeable); i++)
    {
      const char *name = changeable[i];
      bool is_of_type = g_strv_contains ((const char *const[]){ "options", "correct", "credit", "tolerance", NULL }, name);
      JsonNode *value = air_json_get (patch, name);
      if (value == NULL && !(is_of_type && is_other_type))
        value = air_json_get (quiz->document, name);
      bool is_empty = value == NULL || JSON_NODE_HOLDS_NULL (value)
                      || (JSON_NODE_HOLDS_ARRAY (value) && json_array_get_length (json_node_get_array (value)) == 0);
      if (!is_empty)
        json_object_set_member (json_node_get_object (merged), name, json_node_copy (value));
    }
  return merged;
}

static void
change_draft (QuizJob *job, JsonNode *patch)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) merged = merge (job->quiz, patch);
  JsonNode *set = quiz_complete (merged, &error);
  if (set == NULL)
    {
      quiz_reply_error (job->request, error);
      quiz_job_free (job);
      return;
    }
  g_autoptr (JsonNode) unset = air_json_new ("{}");
  JsonNode *all = air_json_new ("{updated_at:%t}", g_get_real_time ());
  for (unsigned i = 0; i < G_N_ELEMENTS (changeable); i++)
    {
      JsonNode *value = air_json_get (set, changeable[i]);
      if (value != NULL)
        json_object_set_member (json_node_get_object (all), changeable[i], json_node_copy (value));
      else if (air_json_get (job->quiz->document, changeable[i]) != NULL)
        {
          json_object_set_string_member (json_node_get_object (unset), changeable[i], "");
          json_object_set_null_member (json_node_get_object (set), changeable[i]);
        }
    }
  json_object_set_member (json_node_get_object (set), "updated_at", json_node_copy (air_json_get (all, "updated_at")));
  job->extra = set;
  bool is_less = json_object_get_size (json_node_get_object (unset)) > 0;
  quiz_records_change (job->quizzes, job->quiz->quiz_id, QUIZ_DRAFT, all, is_less ? g_steal_pointer (&unset) : NULL, quiz_changed, job);
}

static void
change (QuizJob *job)
{
  JsonNode *patch = air_request_get_json (job->request);
  JsonNode *extra_time = air_json_get (patch, "extra_time");
  bool is_extra_time = extra_time != NULL && JSON_NODE_HOLDS_ARRAY (extra_time)
                       && json_object_get_size (json_node_get_object (patch)) == 1;
  if (job->quiz->state == QUIZ_DRAFT)
    change_draft (job, patch);
  else if (job->quiz->state == QUIZ_OPEN && is_extra_time)
    {
      job->extra = air_json_new ("{extra_time:%N,updated_at:%t}", extra_time, g_get_real_time ());
      quiz_records_change (job->quizzes, job->quiz->quiz_id, QUIZ_OPEN, json_node_copy (job->extra), NULL, quiz_changed, job);
    }
  else
    {
      air_request_reply_problem (job->request, 409, "quiz-published",
                                 "This question has been published: only `extra_time` may change, while it is open.");
      quiz_job_free (job);
    }
}

static void
patch_quiz (AirRequest *request, void *self)
{
  quiz_job_start (request, self, air_request_get_variable (request, "quiz_id"), AIR_ROLE_TEACHER, change);
}

/* ---- Delete */

static void
answers_removed (GObject *source, GAsyncResult *result, gpointer data)
{
  QuizJob *job = data;
  Quizzes *quizzes = job->quizzes;
  g_autoptr (GError) error = NULL;
  if (air_store_remove_finish (AIR_STORE (source), result, &error) < 0)
    quiz_reply_error (job->request, error);
  else
    air_request_reply_empty (job->request, 204);
  quiz_job_free (job);
  quizzes_end (quizzes);
}

/* Only then its answers: what is left of a deletion that was cut off are answers without a question, which nobody finds. */
static void
quiz_removed (GObject *source, GAsyncResult *result, gpointer data)
{
  QuizJob *job = data;
  Quizzes *quizzes = job->quizzes;
  g_autoptr (GError) error = NULL;
  int64_t removed = air_store_remove_finish (AIR_STORE (source), result, &error);
  if (removed > 0)
    {
      QuizClass *class = quizzes_find_run (quizzes, job->quiz->quiz_id);
      if (class != NULL)
        quiz_class_take_run (class, NULL);
      g_autoptr (JsonNode) filter = air_json_new ("{quiz_id:%s}", job->quiz->quiz_id);
      air_store_remove (quizzes->store, QUIZ_RESPONSE_COLLECTION, filter, answers_removed, job);
      return;
    }
  if (removed < 0)
    quiz_reply_error (job->request, error);
  else
    air_request_reply_problem (job->request, 409, "quiz-open", "This question has been published meanwhile.");
  quiz_job_free (job);
  quizzes_end (quizzes);
}

static void
delete (QuizJob *job)
{
  Quizzes *quizzes = job->quizzes;
  QuizClass *class = quizzes_get_class (quizzes, job->quiz->class_id);
  bool is_running = job->quiz->session_id != NULL && g_strcmp0 (job->quiz->session_id, quiz_class_session (class)) == 0;
  if (job->quiz->state == QUIZ_OPEN || is_running || quizzes_find_run (quizzes, job->quiz->quiz_id) == class)
    {
      air_request_reply_problem (job->request, 409, "quiz-open", "This question belongs to the running class; delete it afterwards.");
      quiz_job_free (job);
      return;
    }
  g_autoptr (JsonNode) filter
      = air_json_new ("{quiz_id:%s,state:%s}", job->quiz->quiz_id, quiz_state_to_string (job->quiz->state));
  quizzes_begin (quizzes);
  air_store_remove (quizzes->store, QUIZ_COLLECTION, filter, quiz_removed, job);
}

static void
delete_quiz (AirRequest *request, void *self)
{
  quiz_job_start (request, self, air_request_get_variable (request, "quiz_id"), AIR_ROLE_TEACHER, delete);
}

void
quiz_add_quiz_routes (AirContext *context)
{
  static const AirRoute routes[] = {
    { .method = "GET", .template = "/api/quiz/{quiz_id}", .summary = "One question", .role = AIR_ROLE_STUDENT, .handler = get_quiz },
    { .method = "PATCH", .template = "/api/quiz/{quiz_id}", .summary = "Changes a draft", .role = AIR_ROLE_TEACHER,
      .body = AIR_BODY_JSON, .request_schema = "QuizPatch", .handler = patch_quiz },
    { .method = "DELETE", .template = "/api/quiz/{quiz_id}", .summary = "Deletes a question", .role = AIR_ROLE_TEACHER,
      .handler = delete_quiz },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
