/* HTTP: who answered what, and what a question is worth as a question. */
#include "quizzes.h"

#include <math.h>

typedef void (*WithRun) (QuizJob *job, QuizClass *class, QuizRun *run);

/* ---- The run, from memory or from the store */


static void
find_run (QuizJob *job, QuizLoaded loaded, WithRun then)
{
  QuizClass *class = quizzes_find_run (job->quizzes, job->quiz->quiz_id);
  if (class != NULL)
    then (job, class, class->run);
  else if (job->quiz->state == QUIZ_DRAFT)
    {
      air_request_reply_problem (job->request, 409, "quiz-not-published", "This question is still a draft.");
      quiz_job_free (job);
    }
  else
    quiz_records_load (job->quizzes, g_steal_pointer (&job->quiz), loaded, job);
}

static bool
is_loaded (QuizJob *job, QuizRun *run, const GError *error)
{
  job->run = run;
  if (run != NULL)
    return true;
  quiz_reply_error (job->request, error);
  quiz_job_free (job);
  return false;
}

/* ---- Answers */

static int
compare_answers (const void *a, const void *b)
{
  const QuizAnswer *first = *(QuizAnswer *const *)a, *second = *(QuizAnswer *const *)b;
  if (first->at_us != second->at_us)
    return first->at_us < second->at_us ? -1 : 1;
  return g_strcmp0 (first->response_id, second->response_id);
}

/* The names are made of a key that is gone: in their order nobody finds the one in which the answers came. */
static int
compare_anonymous (const void *a, const void *b)
{
  return g_strcmp0 ((*(QuizAnswer *const *)a)->student, (*(QuizAnswer *const *)b)->student);
}

static GPtrArray *
list_answers (QuizRun *run)
{
  GPtrArray *answers = g_ptr_array_sized_new (g_hash_table_size (run->answers));
  GHashTableIter iter;
  void *answer;
  g_hash_table_iter_init (&iter, run->answers);
  while (g_hash_table_iter_next (&iter, NULL, &answer))
    g_ptr_array_add (answers, answer);
  return answers;
}

static JsonNode *
describe_answer (const Quiz *quiz, const QuizAnswer *answer)
{
  JsonNode *credit = isnan (answer->credit) ? json_node_new (JSON_NODE_NULL) : json_node_init_double (json_node_alloc (), answer->credit);
  if (quiz->is_anonymous)
    return air_json_new ("{quiz_id:%s,answer:%N,correct:%n,points:%i}", quiz->quiz_id, answer->answer, credit, answer->points);
  return air_json_new ("{response_id:%s,quiz_id:%s,student_id:%s,name:%s,answer:%N,at:%t,response_ms:%l,correct:%n,points:%i,changes:%i}",
                       answer->response_id, quiz->quiz_id, answer->student, answer->name, answer->answer, answer->at_us,
                       answer->response_ms, credit, answer->points, (int)answer->changes);
}

static void
reply_responses (QuizJob *job, QuizClass *class, QuizRun *run)
{
  unsigned limit = 0;
  guint64 from = 0;
  const char *cursor = air_request_get_query (job->request, "cursor");
  if (!quiz_request_limit (job->request, &limit))
    ;
  else if (cursor != NULL && !g_ascii_string_to_unsigned (cursor, 10, 0, G_MAXINT, &from, NULL))
    air_request_reply_problem (job->request, 400, "invalid", "`cursor` is what the page before gave as `next_cursor`.");
  else
    {
      g_autoptr (GPtrArray) answers = list_answers (run);
      g_ptr_array_sort (answers, run->quiz->is_anonymous ? compare_anonymous : compare_answers);
      JsonNode *list = air_json_new ("[]");
      unsigned end = (unsigned)MIN (from + limit, answers->len);
      for (unsigned i = (unsigned)from; i < end; i++)
        json_array_add_element (json_node_get_array (list), describe_answer (run->quiz, g_ptr_array_index (answers, i)));
      g_autofree char *next = end < answers->len ? g_strdup_printf ("%u", end) : NULL;
      air_request_reply_json (job->request, 200,
                              air_json_new ("{quiz_id:%s,state:%s,anonymous:%b,responses:%n,next_cursor:%s}", run->quiz->quiz_id,
                                            quiz_state_to_string (run->quiz->state), run->quiz->is_anonymous, list, next));
    }
  quiz_job_free (job);
}

static void
responses_loaded (Quizzes *quizzes, QuizRun *run, const GError *error, void *data)
{
  if (is_loaded (data, run, error))
    reply_responses (data, NULL, run);
}

static void
list_responses (QuizJob *job)
{
  find_run (job, responses_loaded, reply_responses);
}

static void
get_responses (AirRequest *request, void *self)
{
  quiz_job_start (request, self, air_request_get_variable (request, "quiz_id"), AIR_ROLE_TEACHER, list_responses);
}

/* ---- Statistics */

/* What others had in the other questions of the session, held against what they had in this one. */
static void
got_rest (GObject *source, GAsyncResult *result, gpointer data)
{
  QuizJob *job = data;
  Quizzes *quizzes = job->quizzes;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) groups = air_store_aggregate_finish (AIR_STORE (source), result, &error);
  QuizClass *class = quizzes_find_run (quizzes, air_json_get_string (job->extra, "quiz_id"));
  QuizRun *run = job->run != NULL ? job->run : class != NULL ? class->run : NULL;
  JsonArray *array = groups != NULL ? json_node_get_array (groups) : NULL;
  unsigned count = 0, most = array != NULL ? json_array_get_length (array) : 0;
  g_autofree double *item = g_new (double, most + 1), *rest = g_new (double, most + 1);
  for (unsigned i = 0; run != NULL && i < most; i++)
    {
      JsonNode *group = json_array_get_element (array, i);
      const char *student = air_json_get_string (group, "student_id");
      const QuizAnswer *answer = student != NULL ? g_hash_table_lookup (run->answers, student) : NULL;
      double mean = air_json_get_double (group, "mean", NAN);
      if (answer == NULL || isnan (answer->credit) || isnan (mean))
        continue;
      item[count] = answer->credit;
      rest[count++] = mean;
    }
  JsonNode *details = air_json_get (job->extra, "item");
  json_object_set_member (json_node_get_object (details), "discrimination",
                          air_json_new ("%f", quiz_discrimination (item, rest, count)));
  if (error != NULL)
    quiz_reply_error (job->request, error);
  else
    air_request_reply_json (job->request, 200, g_steal_pointer (&job->extra));
  quiz_job_free (job);
  quizzes_end (quizzes);
}

static void
reply_statistics (QuizJob *job, QuizClass *class, QuizRun *run)
{
  AirRole role = air_identity_get_role (air_request_get_identity (job->request));
  const Quiz *quiz = run->quiz;
  if (!quiz_job_is_teacher (job) && quiz->state != QUIZ_REVEALED)
    {
      air_request_reply_problem (job->request, 403, "forbidden", "Before the reveal these are the teacher's.");
      quiz_job_free (job);
      return;
    }
  JsonNode *view = quiz_statistics_view (class, run, role);
  double credit = air_json_get_double (view, "mean_credit", NAN);
  bool has_item = quiz->type != QUIZ_POLL && !quiz->is_anonymous && quiz_job_is_teacher (job);
  if (has_item)
    json_object_set_member (json_node_get_object (view), "item",
                            air_json_new ("{share_correct:%f,difficulty:%f,discrimination:null}",
                                          air_json_get_double (view, "correct_share", NAN), 1 - credit));
  if (!has_item || quiz->session_id == NULL || quiz->state == QUIZ_OPEN)
    {
      air_request_reply_json (job->request, 200, view);
      quiz_job_free (job);
      return;
    }
  Quizzes *quizzes = job->quizzes;
  job->extra = view;
  g_autoptr (JsonNode) filter = air_json_new ("{session_id:%s,quiz_id:{$ne:%s},correct:{$gte:0}}", quiz->session_id, quiz->quiz_id);
  g_autoptr (JsonNode) group = air_json_new ("{by:['student_id'],values:{mean:{$avg:'correct'}}}");
  quizzes_begin (quizzes);
  air_store_aggregate (quizzes->store, QUIZ_RESPONSE_COLLECTION, filter, group, got_rest, job);
}

static void
statistics_loaded (Quizzes *quizzes, QuizRun *run, const GError *error, void *data)
{
  if (is_loaded (data, run, error))
    reply_statistics (data, NULL, run);
}

static void
show_statistics (QuizJob *job)
{
  find_run (job, statistics_loaded, reply_statistics);
}

static void
get_statistics (AirRequest *request, void *self)
{
  quiz_job_start (request, self, air_request_get_variable (request, "quiz_id"), AIR_ROLE_STUDENT, show_statistics);
}

void
quiz_add_statistics_routes (AirContext *context)
{
  static const AirRoute routes[] = {
    { .method = "GET", .template = "/api/quiz/responses/{quiz_id}", .summary = "The answers to a question", .role = AIR_ROLE_TEACHER,
      .handler = get_responses },
    { .method = "GET", .template = "/api/quiz/statistics/{quiz_id}", .summary = "How a class answered", .role = AIR_ROLE_STUDENT,
      .handler = get_statistics },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
