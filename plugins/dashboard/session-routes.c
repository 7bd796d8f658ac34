/* What a teacher sees of one session, while it runs and afterwards. */
#include "dashboard.h"

#include <math.h>

#define MAX_QUIZZES 500u
#define MAX_STUDENTS 5000u
#define MAX_ANSWERS 20000u

enum
{
  SUMMARY,
  QUIZZES,
  RESPONSES,
  ENGAGEMENT,
  ATTENDANCE,
  ALERTS,
  MESSAGES,
};

/* ---- Overview */

static void
count_present (const AirClassMember *member, void *data)
{
  if (member->role == AIR_ROLE_STUDENT && member->present)
    ++*(unsigned *)data;
}

static bool
is_running (Report *report)
{
  return air_classroom_get_class_of_session (report->dashboard->classroom, report->session_id) != NULL;
}

static JsonNode *
stream_of (Report *report)
{
  g_autofree char *path = g_strconcat ("live/", report->class_id, NULL);
  g_autoptr (AirStream) stream = is_running (report) ? air_context_find_stream (report->dashboard->context, path) : NULL;
  if (stream == NULL)
    return NULL;
  g_autoptr (JsonNode) status = air_stream_describe (stream);
  return air_json_new ("{path: %s, state: %N, warnings: %N}", path, air_json_get (status, "state"),
                       air_json_get (status, "warnings"));
}

/* Newer than the summary in the store, as far as the bus has told. */
static JsonNode *
engagement_of (Report *report)
{
  JsonNode *summary = report->slots[SUMMARY];
  const LiveFigures *live = is_running (report) ? g_hash_table_lookup (report->dashboard->live, report->session_id) : NULL;
  double mean = live != NULL ? live->mean : air_json_get_double (summary, "mean", NAN);
  double confusion = live != NULL ? live->confusion : air_json_get_double (air_json_get (summary, "confusion"), "level", NAN);
  return air_json_new ("{mean: %f, components: %N, scored: %l, confusion: %f}", mean, air_json_get (summary, "components"),
                       air_json_get_int (summary, "scored", 0), confusion);
}

static JsonNode *
questions_of (Report *report)
{
  JsonNode *quizzes = report_array (report, QUIZZES);
  JsonArray *array = json_node_get_array (quizzes);
  int asked = 0, open = 0;
  int64_t answered = 0, present = 0;
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *quiz = json_array_get_element (array, i);
      asked++;
      open += g_strcmp0 (air_json_get_string (quiz, "state"), "open") == 0;
      answered += air_json_get_int (quiz, "answered", 0);
      present += air_json_get_int (quiz, "present", 0);
    }
  json_node_unref (quizzes);
  return air_json_new ("{asked: %i, open: %i, answered_share: %f}", asked, open,
                       present > 0 ? round (1000 * (double)answered / (double)present) / 1000 : NAN);
}

void
dashboard_plan_overview (Report *report)
{
  report_get (report, SUMMARY, "session_summaries", report->session_id);
  report_find (report, QUIZZES, "quizzes", air_json_new ("{session_id: %s}", report->session_id), "published_at", MAX_QUIZZES);
}

JsonNode *
dashboard_overview (Report *report)
{
  JsonNode *session = report->session;
  AlertRail *rail = dashboard_rail (report->dashboard, report->session_id);
  bool running = is_running (report);
  unsigned present = 0;
  if (running)
    air_classroom_visit_members (report->dashboard->classroom, report->class_id, count_present, &present);
  g_autoptr (JsonNode) alerts = rail != NULL ? alert_rail_to_json (rail, 100, g_get_real_time ()) : air_json_new ("[]");
  return air_json_new ("{session_id: %s, class_id: %s, title: %s, started_at: %s, ended_at: %s, running: %b, present: %i, counts: %N, "
                       "engagement: %n, quiz: %n, stream: %n, alerts_shown: %i}",
                       report->session_id, report->class_id, air_json_get_string (session, "title"),
                       air_json_get_string (session, "started_at"), air_json_get_string (session, "ended_at"), running,
                       (int)present, air_json_get (session, "counts"), engagement_of (report), questions_of (report),
                       stream_of (report), (int)json_array_get_length (json_node_get_array (alerts)));
}

static void
answer_overview (Report *report)
{
  report_reply (report, dashboard_overview (report));
}

/* ---- Students */

/* One row a student, whatever is known: those who were there, who have figures, who answered. */
static JsonNode *
row_of (GHashTable *rows, JsonArray *list, const char *id, const char *name)
{
  JsonNode *row = g_hash_table_lookup (rows, id);
  if (row != NULL)
    return row;
  row = air_json_new ("{student_id: %s, name: %s, present: %b, joined_at: %s, left_at: %s, answered: %i, points: %i, engagement: %n}",
                      id, name, false, NULL, NULL, 0, 0, NULL);
  json_array_add_element (list, row);
  g_hash_table_insert (rows, g_strdup (id), row);
  return row;
}

static JsonNode *
without_internals (JsonNode *engagement)
{
  static const char *const hidden[] = { "engagement_id", "class_id", "state", "created_at" };
  JsonNode *copy = json_node_copy (engagement);
  for (unsigned i = 0; i < G_N_ELEMENTS (hidden); i++)
    json_object_remove_member (json_node_get_object (copy), hidden[i]);
  return copy;
}

typedef struct
{
  GHashTable *rows;
  JsonArray *list;
} Rows;

/* A stay is in the store as far as it had come at its last mark; whoever is there is seen now. */
static void
set_seen_now (JsonObject *stay)
{
  g_autofree char *now = air_time_to_string (g_get_real_time ());
  json_object_set_string_member (stay, "left_at", now);
}

static void
add_member (const AirClassMember *member, void *data)
{
  Rows *rows = data;
  if (member->role != AIR_ROLE_STUDENT)
    return;
  JsonObject *row = json_node_get_object (row_of (rows->rows, rows->list, member->user_id, member->name));
  json_object_set_boolean_member (row, "present", member->present);
  json_object_set_string_member (row, "name", member->name);
  if (member->present && !json_object_get_null_member (row, "left_at"))
    set_seen_now (row);
}

static void
add_documents (Report *report, Rows *rows, unsigned slot, const char *id_member, void (*take) (JsonObject *row, JsonNode *document))
{
  JsonArray *array = report->slots[slot] != NULL ? json_node_get_array (report->slots[slot]) : NULL;
  for (unsigned i = 0; array != NULL && i < json_array_get_length (array); i++)
    {
      JsonNode *document = json_array_get_element (array, i);
      const char *id = air_json_get_string (document, id_member), *name = air_json_get_string (document, "name");
      if (id != NULL)
        take (json_node_get_object (row_of (rows->rows, rows->list, id, name != NULL ? name : id)), document);
    }
}

static void
take_attendance (JsonObject *row, JsonNode *group)
{
  json_object_set_string_member (row, "joined_at", air_json_get_string (group, "joined_at"));
  json_object_set_string_member (row, "left_at", air_json_get_string (group, "left_at"));
}

static void
take_engagement (JsonObject *row, JsonNode *document)
{
  json_object_set_member (row, "engagement", without_internals (document));
}

static void
take_answers (JsonObject *row, JsonNode *group)
{
  json_object_set_int_member (row, "answered", air_json_get_int (group, "answered", 0));
  json_object_set_int_member (row, "points", air_json_get_int (group, "points", 0));
}

static void
plan_students (Report *report)
{
  report_find (report, ENGAGEMENT, "engagement_data", air_json_new ("{session_id: %s}", report->session_id), "student_id", MAX_STUDENTS);
  report_aggregate (report, ATTENDANCE, "attendance", air_json_new ("{session_id: %s}", report->session_id),
                    air_json_new ("{by: ['user_id'], values: {name: {$max: 'name'}, joined_at: {$min: 'joined_at'}, left_at: {$max: "
                                  "'left_at'}}}"));
  /* Answers to anonymous questions bear no names. */
  report_aggregate (report, RESPONSES, "quiz_responses",
                    air_json_new ("{session_id: %s, name: {$exists: %b}}", report->session_id, true),
                    air_json_new ("{by: ['student_id'], values: {name: {$max: 'name'}, answered: {$sum: %i}, points: {$sum: 'points'}}}", 1));
}

static JsonNode *
students_of (Report *report)
{
  Rows rows = { .rows = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), .list = json_array_new () };
  add_documents (report, &rows, ATTENDANCE, "user_id", take_attendance);
  add_documents (report, &rows, ENGAGEMENT, "student_id", take_engagement);
  add_documents (report, &rows, RESPONSES, "student_id", take_answers);
  if (is_running (report))
    air_classroom_visit_members (report->dashboard->classroom, report->class_id, add_member, &rows);
  g_hash_table_unref (rows.rows);
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, rows.list);
  return node;
}

static void
answer_students (Report *report)
{
  report_reply (report, air_json_new ("{session_id: %s, running: %b, students: %n}", report->session_id, is_running (report),
                                      students_of (report)));
}

/* ---- One student */

static void
plan_student (Report *report)
{
  const char *id = air_request_get_variable (report->request, "student_id");
  g_autofree char *key = g_strdup_printf ("%s:%s", report->session_id, id);
  report_get (report, ENGAGEMENT, "engagement_data", key);
  report_find (report, ATTENDANCE, "attendance", air_json_new ("{session_id: %s, user_id: %s}", report->session_id, id), "joined_at", 1000);
  /* Answers to anonymous questions bear no names: neither is such a student anybody, nor may their times be told. */
  report_find (report, RESPONSES, "quiz_responses",
               air_json_new ("{session_id: %s, student_id: %s, name: {$exists: %b}}", report->session_id, id, true), "at",
               MAX_QUIZZES);
  report_count (report, MESSAGES, "chat_messages", air_json_new ("{session_id: %s, user_id: %s}", report->session_id, id));
}

/* Copies of the members @names of each document. */
static JsonNode *
shorten (JsonNode *documents, const char *const *names)
{
  JsonArray *list = json_array_new (), *array = json_node_get_array (documents);
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *row = air_json_new ("{}");
      for (const char *const *name = names; *name != NULL; name++)
        {
          JsonNode *member = air_json_get (json_array_get_element (array, i), *name);
          json_object_set_member (json_node_get_object (row), *name,
                                  member != NULL ? json_node_copy (member) : json_node_new (JSON_NODE_NULL));
        }
      json_array_add_element (list, row);
    }
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, list);
  return node;
}

static void
answer_student (Report *report)
{
  static const char *const stays[] = { "joined_at", "left_at", NULL };
  static const char *const answers[] = { "quiz_id", "answer", "at", "response_ms", "correct", "points", NULL };
  const char *id = air_request_get_variable (report->request, "student_id");
  const AirClassMember *member
      = is_running (report) ? air_classroom_get_member (report->dashboard->classroom, report->class_id, id) : NULL;
  JsonArray *attendance = json_node_get_array (report->slots[ATTENDANCE]);
  JsonNode *engagement = report->slots[ENGAGEMENT], *responses = report->slots[RESPONSES];
  if (member == NULL && engagement == NULL && json_array_get_length (attendance) == 0
      && json_array_get_length (json_node_get_array (responses)) == 0)
    {
      air_request_reply_problem (report->request, 404, "not-found", "That student has not been in this session.");
      return;
    }
  bool is_present = member != NULL && member->present;
  for (unsigned i = 0; is_present && i < json_array_get_length (attendance); i++)
    if (air_json_get_bool (json_array_get_element (attendance, i), "open", false))
      set_seen_now (json_array_get_object_element (attendance, i));
  const char *name = member != NULL ? member->name : air_json_get_string (engagement, "name");
  if (name == NULL && json_array_get_length (attendance) > 0)
    name = air_json_get_string (json_array_get_element (attendance, 0), "name");
  report_reply (report, air_json_new ("{session_id: %s, student_id: %s, name: %s, present: %b, attendance: %n, answers: %n, messages: %N, "
                                      "engagement: %n}",
                                      report->session_id, id, name != NULL ? name : id, is_present,
                                      shorten (report->slots[ATTENDANCE], stays), shorten (responses, answers),
                                      report->slots[MESSAGES], engagement != NULL ? without_internals (engagement) : NULL));
}

/* ---- All of it */

static void
plan_whole (Report *report)
{
  dashboard_plan_overview (report);
  plan_students (report);
  report_find (report, ALERTS, "alerts", air_json_new ("{session_id: %s}", report->session_id), "at", 1000);
  /* In the place of the messages: each answer, for the questions' figures. */
  report_find (report, MESSAGES, "quiz_responses", air_json_new ("{session_id: %s}", report->session_id), NULL, MAX_ANSWERS);
}

static void
answer_whole (Report *report)
{
  JsonNode *body = dashboard_overview (report);
  JsonObject *object = json_node_get_object (body);
  g_autoptr (JsonNode) quizzes = report_array (report, QUIZZES), responses = report_array (report, MESSAGES);
  json_object_set_member (object, "students", students_of (report));
  json_object_set_member (object, "quizzes", dashboard_analyse_quizzes (quizzes, responses));
  json_object_set_member (object, "alerts", report_array (report, ALERTS));
  report_reply (report, body);
}

static void
get_overview (AirRequest *request, void *self)
{
  report_on_session (self, request, NULL, air_request_get_variable (request, "session_id"), dashboard_plan_overview, answer_overview);
}

static void
get_students (AirRequest *request, void *self)
{
  report_on_session (self, request, NULL, air_request_get_variable (request, "session_id"), plan_students, answer_students);
}

static void
get_student (AirRequest *request, void *self)
{
  report_on_session (self, request, NULL, air_request_get_variable (request, "session_id"), plan_student, answer_student);
}

static void
get_whole (AirRequest *request, void *self)
{
  report_on_session (self, request, NULL, air_request_get_variable (request, "session_id"), plan_whole, answer_whole);
}

void
dashboard_add_session_routes (AirContext *context)
{
  static const AirRoute routes[] = {
    { "GET", "/api/dashboard/session/{session_id}/overview", "A session at a glance", AIR_ROLE_TEACHER, .handler = get_overview },
    { "GET", "/api/dashboard/session/{session_id}/students", "Its students", AIR_ROLE_TEACHER, .handler = get_students },
    { "GET", "/api/dashboard/session/{session_id}/student/{student_id}", "One of its students", AIR_ROLE_TEACHER, .handler = get_student },
    { "GET", "/dashboard/session/{session_id}", "All about a session", AIR_ROLE_TEACHER, .handler = get_whole },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
