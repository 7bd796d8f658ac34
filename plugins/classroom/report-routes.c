/* /api/sessions/{session_id}/attendance and /report. */
#include "ask-session.h"
#include "collect.h"
#include "report.h"

static JsonNode *
by_session (const AskedSession *asked)
{
  return air_json_new ("{session_id:%s}", asked->session_id);
}

/* ---- Attendance */

static void
on_stays (GPtrArray *const *results, const GError *error, void *data)
{
  AskedSession *asked = data;
  if (error != NULL)
    air_request_reply_error (asked->request, error);
  else
    {
      g_autoptr (Report) report = report_new (session_describe (asked->classroom, asked->document));
      report_add_stays (report, results[0], room_find_session (asked->classroom, asked->session_id));
      air_request_reply_json (asked->request, 200, report_attendance (report));
    }
  asked_session_free (asked);
}

static void
attendance_asked (AskedSession *asked)
{
  const CollectQuery queries[] = { { "attendance", by_session (asked), "joined_at" } };
  collect (asked->classroom, queries, G_N_ELEMENTS (queries), on_stays, asked);
}

static void
get_attendance (AirRequest *request, void *self)
{
  ask_session (self, request, attendance_asked);
}

/* ---- Report */

static bool
wants_csv (AirRequest *request)
{
  return g_strcmp0 (air_request_get_query (request, "format"), "csv") == 0;
}

static void
reply_csv (AskedSession *asked, Report *report)
{
  g_autofree char *disposition = g_strdup_printf ("attachment; filename=\"session-%s.csv\"", asked->session_id);
  GString *csv = report_csv (report);
  g_autoptr (GBytes) bytes = g_string_free_to_bytes (csv);
  air_request_set_header (asked->request, "Content-Disposition", disposition);
  air_request_reply_bytes (asked->request, 200, "text/csv; charset=utf-8", bytes);
}

static void
on_collected (GPtrArray *const *results, const GError *error, void *data)
{
  AskedSession *asked = data;
  if (error != NULL)
    air_request_reply_error (asked->request, error);
  else
    {
      g_autoptr (Report) report = report_new (session_describe (asked->classroom, asked->document));
      report_add_stays (report, results[0], room_find_session (asked->classroom, asked->session_id));
      report_add_messages (report, results[1]);
      report_add_questions (report, results[2]);
      report_add_answers (report, results[3]);
      /* The rights to figures end with the class. */
      if (air_classroom_check_document (asked->classroom->service, air_request_get_identity (asked->request), asked->document,
                                        AIR_ROLE_TEACHER, NULL))
        report_add_engagement (report, results[4]);
      if (wants_csv (asked->request))
        reply_csv (asked, report);
      else
        air_request_reply_json (asked->request, 200, report_json (report));
    }
  asked_session_free (asked);
}

static void
report_asked (AskedSession *asked)
{
  const CollectQuery queries[] = {
    { "attendance", by_session (asked), "joined_at" },
    { "chat_messages", air_json_new ("{session_id:%s, deleted_at:{$exists:false}}", asked->session_id), "at" },
    { "quizzes", by_session (asked), NULL },
    { "quiz_responses", by_session (asked), NULL },
    { "engagement_data", by_session (asked), NULL },
  };
  collect (asked->classroom, queries, G_N_ELEMENTS (queries), on_collected, asked);
}

static void
get_report (AirRequest *request, void *self)
{
  const char *format = air_request_get_query (request, "format");
  if (format != NULL && !g_str_equal (format, "csv") && !g_str_equal (format, "json"))
    air_request_reply_problem (request, 400, "invalid", "format is json or csv");
  else
    ask_session (self, request, report_asked);
}

void
classroom_add_report_routes (AirContext *context)
{
  static const AirRoute routes[] = {
    { .method = "GET", .template = "/api/sessions/{session_id}/attendance", .summary = "Who was there, and when",
      .role = AIR_ROLE_TEACHER, .handler = get_attendance },
    { .method = "GET", .template = "/api/sessions/{session_id}/report", .summary = "All of a session, by student",
      .role = AIR_ROLE_TEACHER, .handler = get_report },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
