/* HTTP: a question's run: publish, close, reveal, answer. */
#include "quizzes.h"

/* ---- Actions of the teacher */

static void
act (QuizJob *job, void (*begin) (QuizAction *))
{
  QuizClass *class = quizzes_get_class (job->quizzes, job->quiz->class_id);
  JsonNode *extra_time = air_json_get (air_request_get_json (job->request), "extra_time");
  Quiz *quiz
      = quiz_with (job->quiz, extra_time != NULL ? air_json_new ("{extra_time:%N}", extra_time) : air_json_new ("{}"));
  quiz_action_enqueue (quiz_action_new (class, begin, job->request, quiz));
  quiz_job_free (job);
}

static void
publish (QuizJob *job)
{
  act (job, quiz_publish);
}

static void
close_quiz (QuizJob *job)
{
  act (job, quiz_close);
}

static void
reveal (QuizJob *job)
{
  act (job, quiz_reveal);
}

static void
got_next (GObject *source, GAsyncResult *result, gpointer data)
{
  QuizJob *job = data;
  Quizzes *quizzes = job->quizzes;
  g_autoptr (GError) error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (source), result, &error);
  if (page != NULL && page->documents->len == 0)
    g_set_error_literal (&error, QUIZ_ERROR, QUIZ_ERROR_NONE_LEFT, "No draft is left in the bank of this class.");
  else if (page != NULL)
    job->quiz = quiz_new (json_node_copy (g_ptr_array_index (page->documents, 0)), &error);
  if (job->quiz != NULL)
    publish (job);
  else
    {
      quiz_reply_error (job->request, error);
      quiz_job_free (job);
    }
  quizzes_end (quizzes);
}

static void
publish_next (AirRequest *request, Quizzes *quizzes)
{
  const char *class_id = quiz_request_class (request, air_json_get_string (air_request_get_json (request), "class_id"));
  if (!quiz_request_check (quizzes, request, class_id, AIR_ROLE_TEACHER))
    return;
  QuizJob *job = g_new0 (QuizJob, 1);
  job->quizzes = quizzes;
  job->request = air_request_ref (request);
  g_autoptr (JsonNode) filter = quiz_class_filter (quizzes, class_id);
  json_object_set_string_member (json_node_get_object (filter), "state", "draft");
  AirStoreQuery query = { .filter = filter, .sort = "position,created_at", .limit = 1 };
  quizzes_begin (quizzes);
  air_store_find (quizzes->store, QUIZ_COLLECTION, &query, got_next, job);
}

static void
post_publish (AirRequest *request, void *self)
{
  JsonNode *body = air_request_get_json (request);
  const char *quiz_id = air_json_get_string (body, "quiz_id");
  bool is_next = air_json_get_bool (body, "next", false);
  if (is_next == (quiz_id != NULL))
    air_request_reply_problem (request, 400, "invalid", "Give either `quiz_id` or `next`.");
  else if (is_next)
    publish_next (request, self);
  else
    quiz_job_start (request, self, quiz_id, AIR_ROLE_TEACHER, publish);
}

static void
post_close (AirRequest *request, void *self)
{
  quiz_job_start (request, self, air_json_get_string (air_request_get_json (request), "quiz_id"), AIR_ROLE_TEACHER,
                  close_quiz);
}

static void
post_reveal (AirRequest *request, void *self)
{
  quiz_job_start (request, self, air_json_get_string (air_request_get_json (request), "quiz_id"), AIR_ROLE_TEACHER,
                  reveal);
}

/* ---- Answers */

static void
responded (const QuizAnswer *answer, const GError *error, void *data)
{
  QuizJob *job = data;
  if (answer == NULL)
    quiz_reply_error (job->request, error);
  else
    air_request_reply_json (job->request, 201,
                            air_json_new ("{response_id:%s,quiz_id:%s,answer:%N,at:%t,changed:%b}", answer->response_id,
                                          job->quiz->quiz_id, answer->answer, answer->at_us, answer->changes > 0));
  quiz_job_free (job);
}

static void
respond (QuizJob *job)
{
  JsonNode *body = air_request_get_json (job->request);
  AirIdentity *identity = air_request_get_identity (job->request);
  const char *user_id = air_identity_get_user_id (identity), *named = air_json_get_string (body, "student_id");
  QuizClass *class = quizzes_find_run (job->quizzes, job->quiz->quiz_id);
  if (air_identity_get_role (identity) != AIR_ROLE_STUDENT || user_id == NULL)
    air_request_reply_problem (job->request, 403, "forbidden", "Only students answer.");
  else if (named != NULL && !g_str_equal (named, user_id))
    air_request_reply_problem (job->request, 403, "forbidden", "`student_id` is somebody else.");
  else if (class == NULL)
    air_request_reply_problem (job->request, 409, "quiz-closed", "This question is closed.");
  else
    {
      const AirClassMember *member = air_classroom_get_member (job->quizzes->classroom, class->class_id, user_id);
      const char *name = member != NULL ? member->name : air_identity_get_name (identity);
      quiz_respond (class, user_id, name, air_json_get (body, "answer"), responded, job);
      return;
    }
  quiz_job_free (job);
}

static void
post_response (AirRequest *request, void *self)
{
  quiz_job_start (request, self, air_json_get_string (air_request_get_json (request), "quiz_id"), AIR_ROLE_STUDENT,
                  respond);
}

void
quiz_add_run_routes (AirContext *context)
{
  static const AirRoute routes[] = {
    { .method = "POST",
      .template = "/api/quiz/publish",
      .summary = "Opens a question",
      .role = AIR_ROLE_TEACHER,
      .body = AIR_BODY_JSON,
      .request_schema = "QuizPublish",
      .handler = post_publish },
    { .method = "POST",
      .template = "/api/quiz/close",
      .summary = "Takes no more answers",
      .role = AIR_ROLE_TEACHER,
      .body = AIR_BODY_JSON,
      .request_schema = "QuizReference",
      .handler = post_close },
    { .method = "POST",
      .template = "/api/quiz/reveal",
      .summary = "Shows the right answer",
      .role = AIR_ROLE_TEACHER,
      .body = AIR_BODY_JSON,
      .request_schema = "QuizReference",
      .handler = post_reveal },
    { .method = "POST",
      .template = "/api/quiz/response",
      .summary = "A student's answer",
      .role = AIR_ROLE_STUDENT,
      .body = AIR_BODY_JSON,
      .request_schema = "QuizResponse",
      .handler = post_response },
    { .method = "POST",
      .template = "/quiz/respond",
      .summary = "A student's answer",
      .role = AIR_ROLE_STUDENT,
      .body = AIR_BODY_JSON,
      .request_schema = "QuizResponse",
      .handler = post_response },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
