/* POST /api/engagement/…: what happened elsewhere, and the formulas for anybody's numbers; POST /ws/broadcast/engagement. */
#include "engagement.h"

#include "intent.h"
#include <math.h>

/* ---- What happened elsewhere */

/* The session goes on and the student is there; else replies. A teacher may speak of students who have no page. */
static EngagementStudent *
student_of (EngagementQuestion *question, const char *id)
{
  AirIdentity *identity = air_request_get_identity (question->request);
  bool teacher = air_identity_get_role (identity) >= AIR_ROLE_TEACHER;
  if (!teacher && g_strcmp0 (id, air_identity_get_user_id (identity)) != 0)
    {
      air_request_reply_problem (question->request, 403, "forbidden", "Students speak for themselves only.");
      return NULL;
    }
  if (question->run == NULL || question->run->ended_us != 0)
    {
      air_request_reply_problem (question->request, 409, "session-ended", "The session has ended.");
      return NULL;
    }
  if (!question->run->session->analysis)
    {
      air_request_reply_problem (question->request, 409, "analysis-off", "This class is not analysed.");
      return NULL;
    }
  EngagementStudent *student
      = engagement_session_student (question->run->session, id, NULL, teacher, g_get_monotonic_time ());
  if (student == NULL)
    air_request_reply_problem (question->request, teacher ? 503 : 404, teacher ? "limit" : "not-found",
                               teacher ? "There are too many students in this session."
                                       : "That student has not been in this session.");
  return student;
}

/* NULL: a teacher has not said whom it is about. */
static const char *
student_id_of (EngagementQuestion *question)
{
  const char *id = air_json_get_string (air_request_get_json (question->request), "student_id");
  AirIdentity *identity = air_request_get_identity (question->request);
  return id != NULL || air_identity_get_role (identity) >= AIR_ROLE_TEACHER ? id : air_identity_get_user_id (identity);
}

static void
answer_chat (EngagementQuestion *question)
{
  JsonNode *body = air_request_get_json (question->request);
  const char *text = air_json_get_string (body, "text"), *id = student_id_of (question);
  bool teacher = air_identity_get_role (air_request_get_identity (question->request)) >= AIR_ROLE_TEACHER;
  /* What one student says of the own chat neither fills a cap at once nor makes chat count for the others. */
  int64_t count = teacher ? air_json_get_int (body, "count", 1) : 1, now_us = g_get_monotonic_time ();
  if (id == NULL)
    {
      air_request_reply_problem (question->request, 400, "invalid", "student_id is missing.");
      return;
    }
  if (student_of (question, id) == NULL)
    return;
  EngagementSession *session = question->run->session;
  double intent = text != NULL ? engagement_chat_intent (text, air_context_get_list (question->engagement->context, "confusion_words")) : 0;
  engagement_session_chat (session, id, intent, now_us);
  if (count > 1)
    engagement_session_signal (session, id, ENGAGEMENT_CHAT, (unsigned)count - 1, now_us);
  session->chat_offered |= teacher;
  engagement_live_alert (question->run, engagement_session_check_alert (session, now_us));
  air_request_reply_json (question->request, 202, air_json_new ("{session_id: %s, student_id: %s, counted: %b}",
                                                                session->session_id, id, true));
}

static void
answer_quiz_response (EngagementQuestion *question)
{
  JsonNode *body = air_request_get_json (question->request), *correct = air_json_get (body, "correct");
  const char *id = air_json_get_string (body, "student_id");
  int64_t now_us = g_get_monotonic_time ();
  if (student_of (question, id) == NULL)
    return;
  EngagementSession *session = question->run->session;
  bool graded = correct != NULL && !JSON_NODE_HOLDS_NULL (correct);
  bool counted = engagement_session_track_answer (session, air_json_get_string (body, "quiz_id"), id,
                                                  graded ? json_node_get_boolean (correct) : -1, now_us);
  engagement_live_alert (question->run, engagement_session_check_alert (session, now_us));
  air_request_reply_json (question->request, 202, air_json_new ("{session_id: %s, student_id: %s, counted: %b}",
                                                                session->session_id, id, counted));
}

static void
post_chat (AirRequest *request, void *self)
{
  engagement_ask (self, request, air_json_get_string (air_request_get_json (request), "session_id"), AIR_ROLE_STUDENT, answer_chat);
}

static void
post_quiz_response (AirRequest *request, void *self)
{
  engagement_ask (self, request, air_json_get_string (air_request_get_json (request), "session_id"), AIR_ROLE_TEACHER,
                  answer_quiz_response);
}

/* ---- The formulas for given numbers */

static double
known (double value)
{
  return isnan (value) ? NAN : round (value * 1000) / 1000;
}

static double
participation_of (const EngagementSettings *settings, JsonNode *body)
{
  static const char *const names[ENGAGEMENT_SIGNALS] = { "chat", "hands", "reactions", "polls" };
  double counts[ENGAGEMENT_SIGNALS];
  unsigned offered = 0;
  for (unsigned i = 0; i < ENGAGEMENT_SIGNALS; i++)
    {
      counts[i] = air_json_get_double (body, names[i], NAN);
      if (isnan (counts[i]))
        counts[i] = 0;
      else
        offered |= 1u << i;
    }
  return engagement_participation (settings->signals, counts, offered);
}

/* A signal that is absent was not offered. */
static void
post_score (AirRequest *request, void *self)
{
  Engagement *engagement = self;
  JsonNode *body = air_request_get_json (request), *given = air_json_get (body, "weights");
  double components[ENGAGEMENT_COMPONENTS], weights[ENGAGEMENT_COMPONENTS];
  unsigned graded = (unsigned)air_json_get_int (body, "graded", 0);
  components[ENGAGEMENT_ON_PAGE]
      = engagement_on_page (air_json_get_int (body, "on_page_ms", 0), air_json_get_int (body, "present_ms", 0),
                            air_json_get_int (body, "network_lost_ms", 0));
  components[ENGAGEMENT_PARTICIPATION] = participation_of (&engagement->settings, body);
  components[ENGAGEMENT_RESPONSE] = engagement_response ((unsigned)air_json_get_int (body, "answered", 0),
                                                         (unsigned)air_json_get_int (body, "asked", 0));
  components[ENGAGEMENT_ACCURACY] = engagement_accuracy ((unsigned)MIN (air_json_get_int (body, "right", 0), graded), graded,
                                                         air_json_get_double (body, "class_mean", 0.5));
  for (unsigned i = 0; i < ENGAGEMENT_COMPONENTS; i++)
    weights[i] = air_json_get_double (given, engagement_component_name (i), 0.25);
  double overall = engagement_overall (components, weights);
  air_request_reply_json (
      request, 200,
      air_json_new ("{overall: %f, attention: %f, participation: %f, components: {on_page: %f, participation: %f, response: %f, accuracy: "
                    "%f}, weights: {on_page: %f, participation: %f, response: %f, accuracy: %f}}",
                    isnan (overall) ? NAN : round (overall * 10) / 10, known (components[0]), known (components[1]),
                    known (components[0]), known (components[1]), known (components[2]), known (components[3]), weights[0], weights[1],
                    weights[2], weights[3]));
}

/* ---- A message from outside */

static void
post_broadcast (AirRequest *request, void *self)
{
  Engagement *engagement = self;
  JsonNode *body = air_request_get_json (request);
  AirIdentity *identity = air_request_get_identity (request);
  const char *class_id = air_json_get_string (body, "class_id");
  g_autoptr (GError) error = NULL;
  if (class_id == NULL)
    class_id = air_identity_get_class_id (identity);
  if (class_id == NULL)
    {
      air_request_reply_problem (request, 400, "invalid", "class_id is missing.");
      return;
    }
  if (!air_classroom_check (engagement->classroom, identity, class_id, AIR_ROLE_TEACHER, &error))
    {
      air_request_reply_error (request, error);
      return;
    }
  air_classroom_send (engagement->classroom, class_id, AIR_AUDIENCE_TEACHERS,
                      air_json_new ("{type: 'engagement', external: %N}", air_json_get (body, "data")));
  air_request_reply_json (request, 202, air_json_new ("{class_id: %s, sent: %b}", class_id, true));
}

void
engagement_add_track_routes (AirContext *context)
{
  static const AirRoute routes[] = {
    { "POST", "/api/engagement/track/chat", "Counts a chat message that was written elsewhere", AIR_ROLE_STUDENT, AIR_BODY_JSON,
      .request_schema = "EngagementChat", .handler = post_chat },
    { "POST", "/api/engagement/track/quiz-response", "Counts an answer that was given elsewhere", AIR_ROLE_TEACHER, AIR_BODY_JSON,
      .request_schema = "EngagementAnswer", .handler = post_quiz_response },
    { "POST", "/api/engagement/score", "The formulas for given numbers", AIR_ROLE_STUDENT, AIR_BODY_JSON,
      .request_schema = "EngagementCounts", .handler = post_score },
    { "POST", "/ws/broadcast/engagement", "Sends figures from outside to the teacher's pages", AIR_ROLE_TEACHER, AIR_BODY_JSON,
      .max_body_bytes = 16 * 1024, .request_schema = "EngagementPush", .handler = post_broadcast },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
