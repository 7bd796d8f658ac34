/* Over sessions: a summary, how engagement went on, and how good the questions were. */
#include "dashboard.h"

#include "item-analysis.h"
#include <math.h>

#define MAX_CLASSES 1000u
#define MAX_QUIZZES 2000u
#define MAX_ANSWERS 50000u
#define MAX_POINTS 500u

enum
{
  SESSIONS,
  CLASSES,
  SUMMARIES,
  ALERTS,
  QUIZZES,
  RESPONSES,
};

static JsonNode *
pick (JsonNode *document, const char *const *names)
{
  JsonNode *row = air_json_new ("{}");
  for (; *names != NULL; names++)
    {
      JsonNode *member = air_json_get (document, *names);
      json_object_set_member (json_node_get_object (row), *names, member != NULL ? json_node_copy (member) : json_node_new (JSON_NODE_NULL));
    }
  return row;
}

static JsonNode *
take (JsonArray *array)
{
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, array);
  return node;
}

/* ---- Summary */

static void
plan_summary (Report *report)
{
  report_find (report, CLASSES, "classes", report_of_classes (report), "class_id", MAX_CLASSES);
  report_find_page (report, SESSIONS, "sessions", report_of_present_classes (report), "-started_at", 20, NULL);
  report_aggregate (report, SUMMARIES, "session_summaries", report_of_present_classes (report),
                    air_json_new ("{by: ['class_id'], values: {sessions: {$sum: %i}, mean: {$avg: 'mean'}, students: {$max: 'students'}, "
                                  "last: {$max: 'started_at'}}}",
                                  1));
  JsonNode *open = report_of_present_classes (report);
  json_object_set_member (json_node_get_object (open), "acked_at", air_json_new ("{$exists: %b}", false));
  json_object_set_member (json_node_get_object (open), "ended_at", air_json_new ("{$exists: %b}", false));
  report_count (report, ALERTS, "alerts", open);
}

static JsonNode *
group_of (JsonNode *groups, const char *class_id)
{
  JsonArray *array = groups != NULL ? json_node_get_array (groups) : NULL;
  for (unsigned i = 0; array != NULL && i < json_array_get_length (array); i++)
    if (g_strcmp0 (air_json_get_string (json_array_get_element (array, i), "class_id"), class_id) == 0)
      return json_array_get_element (array, i);
  return NULL;
}

static void
answer_summary (Report *report)
{
  static const char *const session_members[] = { "session_id", "class_id", "title", "started_at", "ended_at", "counts", NULL };
  JsonArray *classes = json_array_new (), *sessions = json_array_new ();
  JsonArray *documents = json_node_get_array (report->slots[CLASSES]);
  int running = 0;
  for (unsigned i = 0; i < json_array_get_length (documents); i++)
    {
      JsonNode *document = json_array_get_element (documents, i);
      const char *class_id = air_json_get_string (document, "class_id");
      JsonNode *group = group_of (report->slots[SUMMARIES], class_id);
      const AirClassInfo *class = air_classroom_get_class (report->dashboard->classroom, class_id);
      const char *session_id = class != NULL ? class->session_id : NULL;
      double mean = air_json_get_double (group, "mean", NAN);
      running += session_id != NULL;
      json_array_add_element (classes, air_json_new ("{class_id: %s, title: %s, session_id: %s, sessions: %l, mean: %f, students: %l, last: %s}",
                                                     class_id, air_json_get_string (document, "title"), session_id,
                                                     air_json_get_int (group, "sessions", 0), isnan (mean) ? NAN : round (mean * 10) / 10,
                                                     air_json_get_int (group, "students", 0), air_json_get_string (group, "last")));
    }
  documents = json_node_get_array (report->slots[SESSIONS]);
  for (unsigned i = 0; i < json_array_get_length (documents); i++)
    json_array_add_element (sessions, pick (json_array_get_element (documents, i), session_members));
  report_reply (report, air_json_new ("{classes: %n, sessions: %n, running: %i, open_alerts: %N}", take (classes), take (sessions), running,
                                      report->slots[ALERTS]));
}

/* ---- Engagement over sessions */

static void
plan_trend (Report *report)
{
  JsonNode *filter = report_of_present_classes (report);
  const char *from = air_request_get_query (report->request, "from"), *to = air_request_get_query (report->request, "to");
  const char *limit = air_request_get_query (report->request, "limit");
  JsonNode *range = air_json_new ("{$gte?: %t, $lte?: %t}", air_time_from_string (from), air_time_from_string (to));
  if (json_object_get_size (json_node_get_object (range)) > 0)
    json_object_set_member (json_node_get_object (filter), "started_at", range);
  else
    json_node_unref (range);
  report_find_page (report, SUMMARIES, "session_summaries", filter, "-started_at",
                    limit != NULL ? (unsigned)g_ascii_strtoull (limit, NULL, 10) : MAX_POINTS, NULL);
}

/* The oldest first, as a line is drawn. */
static void
answer_trend (Report *report)
{
  static const char *const members[] = { "session_id", "class_id", "started_at", "ended_at", "students", "mean", "components", NULL };
  JsonArray *points = json_array_new (), *documents = json_node_get_array (report->slots[SUMMARIES]);
  for (unsigned i = json_array_get_length (documents); i-- > 0;)
    {
      JsonNode *document = json_array_get_element (documents, i), *point = pick (document, members);
      JsonArray *alerts = air_json_get_array (document, "alerts");
      json_object_set_int_member (json_node_get_object (point), "confusion_alerts", alerts != NULL ? json_array_get_length (alerts) : 0);
      json_array_add_element (points, point);
    }
  report_reply (report, air_json_new ("{points: %n}", take (points)));
}

static void
get_trend (AirRequest *request, void *self)
{
  const char *from = air_request_get_query (request, "from"), *to = air_request_get_query (request, "to");
  unsigned limit = 0;
  if ((from != NULL && air_time_from_string (from) == 0) || (to != NULL && air_time_from_string (to) == 0))
    air_request_reply_problem (request, 400, "invalid", "from and to are times such as 2026-03-01T09:30:00.000Z.");
  else if (dashboard_take_limit (request, MAX_POINTS, &limit))
    report_on_classes (self, request, plan_trend, answer_trend);
}

/* ---- Questions */

JsonNode *
dashboard_analyse_quizzes (JsonNode *quizzes, JsonNode *responses)
{
  static const char *const members[] = { "quiz_id", "class_id", "session_id", "type", "question", "state", "published_at", "anonymous", NULL };
  g_autoptr (ItemAnalysis) analysis = item_analysis_new ();
  JsonArray *array = json_node_get_array (responses), *list = json_array_new ();
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *response = json_array_get_element (array, i);
      const char *session_id = air_json_get_string (response, "session_id"), *quiz_id = air_json_get_string (response, "quiz_id");
      const char *student_id = air_json_get_string (response, "student_id");
      if (quiz_id != NULL && student_id != NULL)
        item_analysis_add (analysis, session_id != NULL ? session_id : "", quiz_id, student_id,
                           air_json_get_double (response, "correct", NAN), air_json_get_double (response, "response_ms", 0));
    }
  array = json_node_get_array (quizzes);
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *quiz = json_array_get_element (array, i), *row = pick (quiz, members);
      JsonNode *figures = item_analysis_describe (analysis, air_json_get_string (quiz, "quiz_id"));
      JsonObjectIter iter;
      const char *name = NULL;
      JsonNode *value = NULL;
      json_object_iter_init (&iter, json_node_get_object (figures));
      while (json_object_iter_next (&iter, &name, &value))
        json_object_set_member (json_node_get_object (row), name, json_node_copy (value));
      json_node_unref (figures);
      json_array_add_element (list, row);
    }
  return take (list);
}

/* @filter: (transfer full), and returned. */
static JsonNode *
of_session (Report *report, JsonNode *filter)
{
  const char *session_id = air_request_get_query (report->request, "session_id");
  if (session_id != NULL)
    json_object_set_string_member (json_node_get_object (filter), "session_id", session_id);
  return filter;
}

/* Drafts have not been asked yet. */
static void
plan_analytics (Report *report)
{
  JsonNode *filter = of_session (report, report_of_present_classes (report));
  json_object_set_member (json_node_get_object (filter), "state", air_json_new ("{$ne: 'draft'}"));
  report_find (report, QUIZZES, "quizzes", filter, "-created_at", MAX_QUIZZES);
  report_find (report, RESPONSES, "quiz_responses", of_session (report, report_of_classes (report)), NULL, MAX_ANSWERS);
}

static void
answer_analytics (Report *report)
{
  g_autoptr (JsonNode) quizzes = report_array (report, QUIZZES), responses = report_array (report, RESPONSES);
  bool whole = json_array_get_length (json_node_get_array (quizzes)) < MAX_QUIZZES
               && json_array_get_length (json_node_get_array (responses)) < MAX_ANSWERS;
  report_reply (report, air_json_new ("{quizzes: %n, complete: %b}", dashboard_analyse_quizzes (quizzes, responses), whole));
}

static void
get_summary (AirRequest *request, void *self)
{
  report_on_classes (self, request, plan_summary, answer_summary);
}

static void
get_analytics (AirRequest *request, void *self)
{
  report_on_classes (self, request, plan_analytics, answer_analytics);
}

void
dashboard_add_class_routes (AirContext *context)
{
  static const AirRoute routes[] = {
    { "GET", "/dashboard/summary", "The classes of a teacher at a glance", AIR_ROLE_TEACHER, .handler = get_summary },
    { "GET", "/dashboard/engagement/trend", "Engagement over sessions", AIR_ROLE_TEACHER, .handler = get_trend },
    { "GET", "/dashboard/quiz/analytics", "How good questions were", AIR_ROLE_TEACHER, .handler = get_analytics },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
