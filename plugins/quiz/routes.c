/* What the routes have in common: finding the question that a request is about, and who may see it. */
#include "quizzes.h"

const char *
quiz_request_class (AirRequest *request, const char *named)
{
  AirIdentity *identity = air_request_get_identity (request);
  const char *own = identity != NULL ? air_identity_get_class_id (identity) : NULL;
  return named != NULL ? named : own != NULL ? own : "stream";
}

bool
quiz_request_check (Quizzes *quizzes, AirRequest *request, const char *class_id, AirRole least)
{
  g_autoptr (GError) error = NULL;
  if (air_classroom_check (quizzes->classroom, air_request_get_identity (request), class_id, least, &error))
    return true;
  quiz_reply_error (request, error);
  return false;
}

JsonNode *
quiz_class_filter (Quizzes *quizzes, const char *class_id)
{
  const AirClassInfo *class = air_classroom_get_class (quizzes->classroom, class_id);
  return air_json_new ("{class_id:%s,$or:[{class_created_at:%s},{class_created_at:{$exists:false}}]}", class_id,
                       class != NULL ? class->created_at : "");
}

bool
quiz_request_limit (AirRequest *request, unsigned *ret_limit)
{
  const char *text = air_request_get_query (request, "limit");
  guint64 limit = 100;
  if (text != NULL && !g_ascii_string_to_unsigned (text, 10, 1, 200, &limit, NULL))
    {
      air_request_reply_problem (request, 400, "invalid", "`limit` must be a number from 1 to 200.");
      return false;
    }
  *ret_limit = (unsigned)limit;
  return true;
}

void
quiz_job_free (QuizJob *job)
{
  g_clear_pointer (&job->request, air_request_unref);
  g_clear_pointer (&job->quiz, quiz_free);
  g_clear_pointer (&job->run, quiz_run_free);
  g_clear_pointer (&job->extra, json_node_unref);
  g_free (job);
}

bool
quiz_job_is_teacher (QuizJob *job)
{
  return air_identity_get_role (air_request_get_identity (job->request)) >= AIR_ROLE_TEACHER;
}

/* A draft is nobody's business but the teacher's, and that of an earlier class with the same id nobody's: as if it did not exist. */
static void
quiz_found (Quizzes *quizzes, Quiz *quiz, const GError *error, void *data)
{
  QuizJob *job = data;
  job->quiz = quiz;
  if (quiz == NULL)
    quiz_reply_error (job->request, error);
  else if (!quiz_request_check (quizzes, job->request, quiz->class_id, job->least))
    ;
  else if (!air_classroom_owns (quizzes->classroom, quiz->document)
           || (quiz->state == QUIZ_DRAFT && !quiz_job_is_teacher (job)))
    air_request_reply_problem (job->request, 404, "not-found", "There is no such question.");
  else
    {
      job->handler (job);
      return;
    }
  quiz_job_free (job);
}

void
quiz_job_start (AirRequest *request, void *self, const char *quiz_id, AirRole least, QuizJobHandler handler)
{
  QuizJob *job = g_new0 (QuizJob, 1);
  job->quizzes = self;
  job->request = air_request_ref (request);
  job->least = least;
  job->handler = handler;
  quiz_records_get (self, quiz_id, quiz_found, job);
}
