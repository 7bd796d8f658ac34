/* GET /api/engagement/…: from memory while the session runs, from the store after it has ended. */
#include "engagement.h"

#define PAGE_ROWS 200

/* ---- All students */

static bool
take_limit (AirRequest *request, unsigned *ret_limit)
{
  const char *text = air_request_get_query (request, "limit");
  guint64 limit = PAGE_ROWS;
  if (text != NULL && !g_ascii_string_to_unsigned (text, 10, 1, PAGE_ROWS, &limit, NULL))
    return false;
  *ret_limit = (unsigned)limit;
  return true;
}

static int
compare_ids (const void *a, const void *b)
{
  return g_strcmp0 ((*(EngagementStudent *const *)a)->id, (*(EngagementStudent *const *)b)->id);
}

/* A page of memory goes on behind the student whose id its cursor is. */
static void
answer_students_now (EngagementQuestion *question, unsigned limit, const char *cursor)
{
  EngagementSession *session = question->run->session;
  g_autoptr (GPtrArray) students = engagement_session_list (session);
  JsonArray *rows = json_array_new ();
  const char *next = NULL, *last = NULL;
  g_ptr_array_sort (students, compare_ids);
  for (unsigned i = 0; i < students->len && next == NULL; i++)
    {
      EngagementStudent *student = g_ptr_array_index (students, i);
      if (cursor != NULL && g_strcmp0 (student->id, cursor) <= 0)
        continue;
      if (json_array_get_length (rows) == limit)
        {
          next = last;
          break;
        }
      json_array_add_element (rows, engagement_student_to_json (session, student));
      last = student->id;
    }
  air_request_reply_json (question->request, 200,
                          air_json_new ("{session_id: %s, running: %b, analysis: %b, students: %n, next_cursor: %s}",
                                        session->session_id, question->run->ended_us == 0, session->analysis,
                                        engagement_take_array (rows), next));
}

static void
on_stored_students (GObject *source, GAsyncResult *result, void *data)
{
  EngagementQuestion *question = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (source), result, &error);
  if (page == NULL)
    air_request_reply_error (question->request, error);
  else
    {
      JsonArray *rows = json_array_new ();
      for (unsigned i = 0; i < page->documents->len; i++)
        json_array_add_element (rows, engagement_pick (g_ptr_array_index (page->documents, i), engagement_row_members));
      air_request_reply_json (question->request, 200,
                              air_json_new ("{session_id: %s, running: %b, analysis: %b, students: %n, next_cursor: %s}",
                                            question->session_id, false, true, engagement_take_array (rows), page->cursor));
    }
  engagement_question_free (question);
}

static void
answer_students (EngagementQuestion *question)
{
  unsigned limit = 0;
  const char *cursor = air_request_get_query (question->request, "cursor");
  if (!take_limit (question->request, &limit))
    {
      air_request_reply_problem (question->request, 400, "invalid", "limit must be 1 to 200.");
      return;
    }
  if (question->run != NULL)
    {
      answer_students_now (question, limit, cursor);
      return;
    }
  g_autoptr (JsonNode) filter = air_json_new ("{session_id: %s}", question->session_id);
  AirStoreQuery query = { .filter = filter, .sort = "student_id", .limit = limit, .cursor = cursor };
  air_store_find (question->engagement->store, "engagement_data", &query, on_stored_students, engagement_question_keep (question));
}

/* ---- One student */

static void
reply_no_student (AirRequest *request)
{
  air_request_reply_problem (request, 404, "not-found", "That student has not been in this session.");
}

static void
on_stored_student (GObject *source, GAsyncResult *result, void *data)
{
  EngagementQuestion *question = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) document = air_store_get_finish (AIR_STORE (source), result, &error);
  if (document != NULL)
    air_request_reply_json (question->request, 200, engagement_pick (document, engagement_row_members));
  else if (g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND))
    reply_no_student (question->request);
  else
    air_request_reply_error (question->request, error);
  engagement_question_free (question);
}

/* Teachers see each student; a student only the own figures; a monitor, which a class looks at, nobody's. */
static void
answer_student (EngagementQuestion *question)
{
  AirIdentity *identity = air_request_get_identity (question->request);
  AirRole role = air_identity_get_role (identity);
  const char *id = air_request_get_variable (question->request, "student_id");
  if (role < AIR_ROLE_TEACHER && (role != AIR_ROLE_STUDENT || g_strcmp0 (air_identity_get_user_id (identity), id) != 0))
    {
      air_request_reply_problem (question->request, 403, "forbidden", "Students see their own figures only.");
      return;
    }
  if (question->run != NULL)
    {
      EngagementStudent *student = g_hash_table_lookup (question->run->session->students, id);
      if (student != NULL)
        air_request_reply_json (question->request, 200, engagement_student_to_json (question->run->session, student));
      else
        reply_no_student (question->request);
      return;
    }
  g_autofree char *key = g_strdup_printf ("%s:%s", question->session_id, id);
  air_store_get (question->engagement->store, "engagement_data", key, on_stored_student, engagement_question_keep (question));
}

/* ---- The session */

static const char *const confusion_members[] = { "session_id", "confusion", "alerts", NULL };
static const char *const trend_members[] = { "session_id", "points", "flagged", NULL };

static void
reply_summary (EngagementQuestion *question, JsonNode *summary, bool running)
{
  const char *path = air_request_get_path (question->request);
  const char *const *members = engagement_stats_members;
  if (g_str_has_prefix (path, "/api/engagement/confusion/"))
    members = confusion_members;
  else if (g_str_has_prefix (path, "/api/engagement/trend/"))
    members = trend_members;
  JsonNode *answer = engagement_pick (summary, members);
  json_object_set_boolean_member (json_node_get_object (answer), "running", running);
  air_request_reply_json (question->request, 200, answer);
}

static void
on_stored_summary (GObject *source, GAsyncResult *result, void *data)
{
  EngagementQuestion *question = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) summary = air_store_get_finish (AIR_STORE (source), result, &error);
  if (summary != NULL)
    reply_summary (question, summary, false);
  else if (g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND))
    air_request_reply_problem (question->request, 404, "not-found", "No figures were kept of this session.");
  else
    air_request_reply_error (question->request, error);
  engagement_question_free (question);
}

static void
answer_summary (EngagementQuestion *question)
{
  if (question->run != NULL)
    {
      g_autoptr (JsonNode) summary = engagement_session_to_document (question->run->session, 0, g_get_monotonic_time ());
      reply_summary (question, summary, question->run->ended_us == 0);
      return;
    }
  air_store_get (question->engagement->store, "session_summaries", question->session_id, on_stored_summary,
                 engagement_question_keep (question));
}

static void
get_students (AirRequest *request, void *self)
{
  engagement_ask (self, request, air_request_get_variable (request, "session_id"), AIR_ROLE_TEACHER, answer_students);
}

static void
get_student (AirRequest *request, void *self)
{
  engagement_ask (self, request, air_request_get_variable (request, "session_id"), AIR_ROLE_STUDENT, answer_student);
}

static void
get_confusion (AirRequest *request, void *self)
{
  engagement_ask (self, request, air_request_get_variable (request, "session_id"), AIR_ROLE_MONITOR, answer_summary);
}

static void
get_summary (AirRequest *request, void *self)
{
  engagement_ask (self, request, air_request_get_variable (request, "session_id"), AIR_ROLE_TEACHER, answer_summary);
}

void
engagement_add_routes (AirContext *context)
{
  static const AirRoute routes[] = {
    { "GET", "/api/engagement/students/{session_id}", "The figures of all students", AIR_ROLE_TEACHER, .handler = get_students },
    { "GET", "/api/engagement/student/{session_id}/{student_id}", "The figures of one student", AIR_ROLE_STUDENT,
      .handler = get_student },
    { "GET", "/api/engagement/session-stats/{session_id}", "The figures of a session", AIR_ROLE_TEACHER, .handler = get_summary },
    { "GET", "/api/engagement/confusion/{session_id}", "The class's confusion and its alerts", AIR_ROLE_MONITOR,
      .handler = get_confusion },
    { "GET", "/api/engagement/trend/{session_id}", "A session minute by minute", AIR_ROLE_TEACHER, .handler = get_summary },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
