/* The rail over HTTP: what there was, seen, put off. A change is in the store before it is answered. */
#include "dashboard.h"

#define ALERTS 0

/* ---- List */

static JsonNode *
state_filter (const char *session_id, const char *state)
{
  return g_str_equal (state, "all") ? air_json_new ("{session_id: %s}", session_id)
                                    : air_json_new ("{session_id: %s, acked_at: {$exists: %b}}", session_id, false);
}

static void
plan_alerts (Report *report)
{
  const char *state = air_request_get_query (report->request, "state"), *limit = air_request_get_query (report->request, "limit");
  report_find_page (report, ALERTS, "alerts", state_filter (report->session_id, state != NULL ? state : "all"), "-at",
                    limit != NULL ? (unsigned)g_ascii_strtoull (limit, NULL, 10) : 200, air_request_get_query (report->request, "cursor"));
}

static void
answer_alerts (Report *report)
{
  report_reply (report, air_json_new ("{session_id: %s, alerts: %n, next_cursor: %s}", report->session_id,
                                      report_array (report, ALERTS), report->cursor));
}

static void
get_alerts (AirRequest *request, void *self)
{
  const char *state = air_request_get_query (request, "state");
  unsigned limit = 0;
  if (state != NULL && !g_str_equal (state, "all") && !g_str_equal (state, "open"))
    air_request_reply_problem (request, 400, "invalid", "state must be open or all.");
  else if (dashboard_take_limit (request, 200, &limit))
    report_on_session (self, request, NULL, air_request_get_variable (request, "session_id"), plan_alerts, answer_alerts);
}

/* ---- Seen, put off */

typedef struct
{
  Dashboard *dashboard; /* a reference */
  AirRequest *request;  /* a reference */
  char *alert_id;
  bool is_ack;
  JsonNode *changes, *document;
} Change;

static void
free_change (Change *change)
{
  Dashboard *dashboard = change->dashboard;
  air_request_unref (change->request);
  g_free (change->alert_id);
  g_clear_pointer (&change->changes, json_node_unref);
  g_clear_pointer (&change->document, json_node_unref);
  g_free (change);
  dashboard->pending--;
  dashboard_settled (dashboard);
  dashboard_unref (dashboard);
}

/* What was read before the change, with what was set, and as far as it has come since. */
static void
describe_change (Change *change, const Alert *alert)
{
  JsonObject *document = json_node_get_object (change->document);
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init (&iter, json_node_get_object (air_json_get (change->changes, "$set")));
  while (json_object_iter_next (&iter, &name, &value))
    json_object_set_member (document, name, json_node_copy (value));
  if (alert == NULL)
    return;
  json_object_remove_member (document, "ended_at");
  if (alert->ended_us != 0)
    json_object_set_member (document, "ended_at", air_json_new ("%t", alert->ended_us));
}

/* (transfer full) */
static void
reply_change (Change *change)
{
  Dashboard *dashboard = change->dashboard;
  AlertRail *rail = dashboard->store != NULL ? dashboard_rail (dashboard, air_json_get_string (change->document, "session_id")) : NULL;
  Alert *alert = rail != NULL ? alert_rail_find (rail, change->alert_id) : NULL;
  if (alert != NULL)
    {
      alert_take_changes (alert, air_json_get (change->changes, "$set"), g_get_real_time ());
      dashboard_alert_show (dashboard, rail, alert);
    }
  describe_change (change, alert);
  air_request_reply_json (change->request, 200, g_steal_pointer (&change->document));
  free_change (change);
}

static void
on_changed (GObject *source, GAsyncResult *result, void *data)
{
  Change *change = data;
  g_autoptr (GError) error = NULL;
  if (air_store_update_finish (AIR_STORE (source), result, NULL, &error))
    {
      reply_change (change);
      return;
    }
  air_request_reply_error (change->request, error);
  free_change (change);
}

static void
on_alert (GObject *source, GAsyncResult *result, void *data)
{
  Change *change = data;
  Dashboard *dashboard = change->dashboard;
  g_autoptr (GError) error = NULL;
  change->document = air_store_get_finish (AIR_STORE (source), result, &error);
  if (error == NULL && dashboard->store == NULL)
    g_set_error (&error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "the server stops");
  if (error != NULL
      || !air_classroom_check_document (dashboard->classroom, air_request_get_identity (change->request), change->document,
                                        AIR_ROLE_TEACHER, &error))
    {
      air_request_reply_error (change->request, error);
      free_change (change);
      return;
    }
  if (change->is_ack && air_json_get (change->document, "acked_at") != NULL)
    {
      /* Who saw it first, saw it. */
      g_clear_pointer (&change->changes, json_node_unref);
      change->changes = air_json_new ("{$set: {}}");
      reply_change (change);
      return;
    }
  g_autoptr (JsonNode) filter = air_json_new ("{alert_id: %s}", change->alert_id);
  air_store_update (dashboard->store, "alerts", filter, change->changes, AIR_STORE_UPDATE_ONE, on_changed, change);
}

/* @changes: (transfer full) */
static void
change_alert (Dashboard *dashboard, AirRequest *request, bool is_ack, JsonNode *changes)
{
  Change *change = g_new0 (Change, 1);
  change->dashboard = dashboard_ref (dashboard);
  change->request = air_request_ref (request);
  change->alert_id = g_strdup (air_request_get_variable (request, "alert_id"));
  change->is_ack = is_ack;
  change->changes = changes;
  dashboard->pending++;
  air_store_get (dashboard->store, "alerts", change->alert_id, on_alert, change);
}

static void
post_ack (AirRequest *request, void *self)
{
  const char *user_id = air_identity_get_user_id (air_request_get_identity (request));
  int64_t now_us = g_get_real_time ();
  change_alert (self, request, true, air_json_new ("{$set: {acked_at: %t, acked_by: %s, updated_at: %t}}", now_us,
                                                   user_id != NULL ? user_id : "teacher", now_us));
}

static void
post_snooze (AirRequest *request, void *self)
{
  Dashboard *dashboard = self;
  int64_t now_us = g_get_real_time ();
  int64_t minutes = air_json_get_int (air_request_get_json (request), "minutes",
                                      air_context_get_int (dashboard->context, "snooze") / 60000);
  change_alert (self, request, false,
                air_json_new ("{$set: {snoozed_until: %t, updated_at: %t}}", now_us + minutes * 60 * G_USEC_PER_SEC, now_us));
}

void
dashboard_add_alert_routes (AirContext *context)
{
  static const AirRoute routes[] = {
    { "GET", "/api/dashboard/alerts/{session_id}", "The alerts of a session", AIR_ROLE_TEACHER, .handler = get_alerts },
    { "POST", "/api/dashboard/alerts/{alert_id}/ack", "An alert has been seen", AIR_ROLE_TEACHER, .handler = post_ack },
    { "POST", "/api/dashboard/alerts/{alert_id}/snooze", "Puts an alert off", AIR_ROLE_TEACHER, AIR_BODY_JSON,
      .request_schema = "AlertSnooze", .handler = post_snooze },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
