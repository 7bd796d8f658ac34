/* Who may see which session: see engagement.h. What is known of a session goes with the rights in its class, also after its
 * end. */
#include "engagement.h"

EngagementQuestion *
engagement_question_keep (EngagementQuestion *question)
{
  EngagementQuestion *kept = g_new0 (EngagementQuestion, 1);
  *kept = *question;
  kept->engagement = engagement_ref (question->engagement);
  kept->request = air_request_ref (question->request);
  kept->session_id = g_strdup (question->session_id);
  kept->engagement->pending++;
  return kept;
}

void
engagement_question_free (EngagementQuestion *question)
{
  air_request_unref (question->request);
  g_free (question->session_id);
  question->engagement->pending--;
  engagement_settled (question->engagement);
  engagement_unref (question->engagement);
  g_free (question);
}

/* @document: has the session's class. */
static void
check_and_answer (EngagementQuestion *question, JsonNode *document)
{
  g_autoptr (GError) error = NULL;
  if (air_classroom_check_document (question->engagement->classroom, air_request_get_identity (question->request), document,
                                    question->least, &error))
    question->answer (question);
  else
    air_request_reply_error (question->request, error);
}

static void
on_session (GObject *source, GAsyncResult *result, void *data)
{
  EngagementQuestion *question = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) session = air_store_get_finish (AIR_STORE (source), result, &error);
  if (g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND))
    air_request_reply_problem (question->request, 404, "not-found", "There is no such session.");
  else if (error != NULL)
    air_request_reply_error (question->request, error);
  else if (question->engagement->store == NULL)
    air_request_reply_problem (question->request, 503, "unavailable", NULL);
  else
    check_and_answer (question, session);
  engagement_question_free (question);
}

void
engagement_ask (Engagement *engagement, AirRequest *request, const char *session_id, AirRole least, EngagementAnswer answer)
{
  EngagementQuestion question = { .engagement = engagement, .request = request, .session_id = (char *)session_id, .least = least,
                                  .answer = answer };
  const AirClassInfo *class = air_classroom_get_class_of_session (engagement->classroom, session_id);
  if (class != NULL)
    engagement_run_of_class (engagement, class->class_id);
  question.run = engagement_run_of_session (engagement, session_id);
  if (question.run != NULL)
    {
      const EngagementSession *session = question.run->session;
      g_autoptr (JsonNode) of
          = air_json_new ("{class_id: %s, class_created_at?: %s}", session->class_id, session->class_created_at);
      check_and_answer (&question, of);
    }
  else
    air_store_get (engagement->store, "sessions", session_id, on_session, engagement_question_keep (&question));
}
