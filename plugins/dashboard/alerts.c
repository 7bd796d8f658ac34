/* What becomes an alert, from the bus to the rails, the teachers' pages and the store: see dashboard.h. */
#include "dashboard.h"

#include <math.h>
#include <string.h>

#define MAX_SESSIONS 1000u

/* ---- Rails */

AlertRail *
dashboard_rail (Dashboard *dashboard, const char *session_id)
{
  return session_id != NULL ? g_hash_table_lookup (dashboard->rails, session_id) : NULL;
}

static AlertRail *
rail_of (Dashboard *dashboard, const AirClassInfo *class)
{
  if (class == NULL || class->session_id == NULL)
    return NULL;
  AlertRail *rail = dashboard_rail (dashboard, class->session_id);
  if (rail != NULL)
    return rail;
  rail = alert_rail_new (class->session_id, class->class_id, air_context_get_int (dashboard->context, "repeat_after") * 1000,
                         (unsigned)air_context_get_int (dashboard->context, "max_alerts"));
  rail->class_created_at = g_strdup (class->created_at);
  g_hash_table_insert (dashboard->rails, rail->session_id, rail);
  return rail;
}

static AlertRail *
rail_of_class (Dashboard *dashboard, const char *class_id)
{
  return dashboard->classroom != NULL ? rail_of (dashboard, air_classroom_get_class (dashboard->classroom, class_id)) : NULL;
}

static AlertRail *
rail_of_stream (Dashboard *dashboard, const char *path)
{
  return g_str_has_prefix (path, "live/") ? rail_of_class (dashboard, path + strlen ("live/")) : NULL;
}

static int64_t
stream_ms_of (Dashboard *dashboard, const AlertRail *rail)
{
  const AirClassInfo *class = air_classroom_get_class (dashboard->classroom, rail->class_id);
  return class != NULL && class->session_started_us > 0 ? MAX (g_get_real_time () - class->session_started_us, 0) / 1000 : 0;
}

/* ---- Showing and keeping */

typedef struct
{
  Dashboard *dashboard; /* a reference */
  char *alert_id;
} Write;

static void
on_written (GObject *source, GAsyncResult *result, void *data)
{
  Write *write = data;
  Dashboard *dashboard = write->dashboard;
  g_autoptr (GError) error = NULL;
  if (!air_store_update_finish (AIR_STORE (source), result, NULL, &error))
    {
      g_warning ("the alert '%s' could not be kept: %s", write->alert_id, error->message);
      if (dashboard->store != NULL)
        air_metric_add (dashboard->store_errors, 1, NULL);
    }
  g_free (write->alert_id);
  g_free (write);
  dashboard->pending--;
  dashboard_settled (dashboard);
  dashboard_unref (dashboard);
}

/* Members that the alert no longer has (it has come back) go from the document, too. */
static void
keep (Dashboard *dashboard, const AlertRail *rail, const Alert *alert)
{
  JsonNode *document = alert_to_json (rail, alert);
  JsonObject *object = json_node_get_object (document);
  json_object_remove_member (object, "alert_id");
  if (rail->class_created_at != NULL)
    json_object_set_string_member (object, "class_created_at", rail->class_created_at);
  g_autoptr (JsonNode) now = air_json_new ("%t", g_get_real_time ());
  json_object_set_member (object, "updated_at", json_node_copy (now));
  g_autoptr (JsonNode) filter = air_json_new ("{alert_id: %s}", alert->id);
  g_autoptr (JsonNode) changes = air_json_new ("{$set: %n, $setOnInsert: {created_at: %N}}", document, now);
  if (alert->ended_us == 0)
    json_object_set_member (json_node_get_object (changes), "$unset", air_json_new ("{ended_at: %b}", true));
  Write *write = g_new0 (Write, 1);
  write->dashboard = dashboard_ref (dashboard);
  write->alert_id = g_strdup (alert->id);
  dashboard->pending++;
  air_store_update (dashboard->store, "alerts", filter, changes, AIR_STORE_UPSERT, on_written, write);
}

void
dashboard_alert_show (Dashboard *dashboard, AlertRail *rail, Alert *alert)
{
  air_classroom_send (dashboard->classroom, rail->class_id, AIR_AUDIENCE_TEACHERS,
                      air_json_new ("{type: 'alert', alert: %n}", alert_to_json (rail, alert)));
  dashboard_send (dashboard, rail->session_id, air_json_new ("{type: 'alert', alert: %n}", alert_to_json (rail, alert)));
}

void
dashboard_alert_changed (AlertRail *rail, Alert *alert, void *data)
{
  Dashboard *dashboard = data;
  if (alert == NULL)
    return;
  keep (dashboard, rail, alert);
  /* What was put off shows itself when its time has come. */
  if (!alert->put_off)
    dashboard_alert_show (dashboard, rail, alert);
}

static void
raise_alert (Dashboard *dashboard, AlertRail *rail, const char *type, const char *subject, const char *id, const char *text,
             JsonNode *details, int64_t stream_ms)
{
  Alert *alert = alert_rail_raise (rail, type, subject, id, text, details, stream_ms, g_get_real_time ());
  if (alert == NULL)
    return;
  air_metric_add (dashboard->raised, 1, (const char *const[]){ type, NULL });
  dashboard_alert_changed (rail, alert, dashboard);
}

static void
end_alert (Dashboard *dashboard, AlertRail *rail, const char *type, const char *subject)
{
  dashboard_alert_changed (rail, alert_rail_end (rail, type, subject, g_get_real_time ()), dashboard);
}

/* Ends all of a type but that of @subject (NULL: all). */
static void
end_others (Dashboard *dashboard, AlertRail *rail, const char *type, const char *const *subjects)
{
  for (unsigned i = 0; i < rail->alerts->len; i++)
    {
      Alert *alert = g_ptr_array_index (rail->alerts, i);
      if (alert->ended_us != 0 || !g_str_equal (alert->type, type) || g_strv_contains (subjects, alert->subject))
        continue;
      alert->ended_us = g_get_real_time ();
      dashboard_alert_changed (rail, alert, dashboard);
    }
}

static bool
is_wanted (Dashboard *dashboard, const char *option)
{
  return air_context_get_bool (dashboard->context, option);
}

/* ---- Events */

static void
on_confusion (AirEvent *event, void *self)
{
  Dashboard *dashboard = self;
  AlertRail *rail = rail_of_class (dashboard, air_event_confusion_alert_get_class_id (event));
  if (rail == NULL || !g_str_equal (rail->session_id, air_event_confusion_alert_get_session_id (event)))
    return;
  if (!air_event_confusion_alert_get_active (event))
    {
      end_alert (dashboard, rail, "confusion", "");
      return;
    }
  if (!is_wanted (dashboard, "alert_confusion"))
    return;
  double level = air_event_confusion_alert_get_level (event), threshold = air_event_confusion_alert_get_threshold (event);
  int present = (int)air_event_confusion_alert_get_present (event);
  g_autofree char *text = g_strdup_printf ("Many are lost: %.1f of %d (from %.1f on).", level, present, threshold);
  JsonNode *details = air_json_new ("{level: %f, threshold: %f, present: %i}", round (level * 100) / 100,
                                    round (threshold * 100) / 100, present);
  raise_alert (dashboard, rail, "confusion", "", air_event_confusion_alert_get_alert_id (event), text, details,
               air_event_confusion_alert_get_stream_ms (event));
}

static void
flag_student (Dashboard *dashboard, AlertRail *rail, const char *user_id)
{
  const AirClassMember *member = air_classroom_get_member (dashboard->classroom, rail->class_id, user_id);
  if (alert_rail_find_open (rail, "student_flagged", user_id) != NULL
      || alert_rail_count_open (rail, "student_flagged") >= (unsigned)air_context_get_int (dashboard->context, "max_flagged"))
    return;
  g_autofree char *name = g_strdup (member != NULL ? member->name : user_id);
  g_autofree char *text = g_strdup_printf ("%s takes part less than before.", name);
  raise_alert (dashboard, rail, "student_flagged", user_id, NULL, text, air_json_new ("{student_id: %s, name: %s}", user_id, name),
               stream_ms_of (dashboard, rail));
}

static void
on_engagement (AirEvent *event, void *self)
{
  Dashboard *dashboard = self;
  AlertRail *rail = rail_of_class (dashboard, air_event_engagement_changed_get_class_id (event));
  const char *session_id = air_event_engagement_changed_get_session_id (event);
  const char *const *flagged = air_event_engagement_changed_get_flagged (event);
  if (rail == NULL || !g_str_equal (rail->session_id, session_id))
    return;
  LiveFigures *live = g_new0 (LiveFigures, 1);
  live->mean = air_event_engagement_changed_get_mean (event);
  live->mean = isnan (live->mean) ? NAN : round (live->mean * 10) / 10;
  live->confusion = air_event_engagement_changed_get_confusion (event);
  live->flagged = g_strdupv ((char **)flagged);
  g_hash_table_replace (dashboard->live, g_strdup (session_id), live);
  end_others (dashboard, rail, "student_flagged", flagged);
  for (; is_wanted (dashboard, "alert_flagged") && *flagged != NULL; flagged++)
    flag_student (dashboard, rail, *flagged);
  JsonArray *ids = json_array_new ();
  for (char **id = live->flagged; *id != NULL; id++)
    json_array_add_string_element (ids, *id);
  JsonNode *list = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (list, ids);
  dashboard_send (dashboard, session_id, air_json_new ("{type: 'engagement', mean: %f, flagged: %n, confusion: %f}", live->mean, list,
                                                       live->confusion));
}

static void
on_class_health (AirEvent *event, void *self)
{
  Dashboard *dashboard = self;
  AlertRail *rail = rail_of_stream (dashboard, air_event_class_health_get_path (event));
  if (rail == NULL)
    return;
  const char *cause = air_event_class_health_cause_to_string (air_event_class_health_get_cause (event));
  const char *text = air_event_class_health_get_text (event);
  end_others (dashboard, rail, "class_health", (const char *const[]){ cause, NULL });
  if (air_event_class_health_get_cause (event) == AIR_EVENT_CLASS_HEALTH_CAUSE_HEALTHY || !is_wanted (dashboard, "alert_health"))
    return;
  raise_alert (dashboard, rail, "class_health", cause, NULL, text != NULL ? text : cause,
               air_json_new ("{cause: %s, detail: %s, affected: %l, watching: %l}", cause, air_event_class_health_get_detail (event),
                             air_event_class_health_get_affected (event), air_event_class_health_get_watching (event)),
               stream_ms_of (dashboard, rail));
}

static void
on_stream_state (AirEvent *event, void *self)
{
  Dashboard *dashboard = self;
  AlertRail *rail = rail_of_stream (dashboard, air_event_stream_state_get_path (event));
  if (rail == NULL)
    return;
  const char *state = air_event_stream_state_state_to_string (air_event_stream_state_get_state (event));
  dashboard_send (dashboard, rail->session_id,
                  air_json_new ("{type: 'stream_state', path: %s, state: %s}", air_event_stream_state_get_path (event), state));
  if (air_event_stream_state_get_state (event) != AIR_EVENT_STREAM_STATE_STATE_HELD)
    end_alert (dashboard, rail, "stream_held", "");
  else if (is_wanted (dashboard, "alert_held"))
    raise_alert (dashboard, rail, "stream_held", "", NULL, "The picture has stopped; its sender is waited for.",
                 air_json_new ("{path: %s, reason: %s}", air_event_stream_state_get_path (event),
                               air_event_stream_state_get_reason (event)),
                 stream_ms_of (dashboard, rail));
}

/* With the session all ends that still went on. */
static void
on_session_ended (AirEvent *event, void *self)
{
  Dashboard *dashboard = self;
  const char *session_id = air_event_session_ended_get_session_id (event);
  AlertRail *rail = dashboard_rail (dashboard, session_id);
  for (unsigned i = 0; rail != NULL && i < rail->alerts->len; i++)
    {
      Alert *alert = g_ptr_array_index (rail->alerts, i);
      if (alert->ended_us != 0)
        continue;
      alert->ended_us = g_get_real_time ();
      keep (dashboard, rail, alert);
    }
  dashboard_send (dashboard, session_id, air_json_new ("{type: 'session', session_id: %s, ended: %b}", session_id, true));
  g_hash_table_remove (dashboard->rails, session_id);
  g_hash_table_remove (dashboard->live, session_id);
}

void
dashboard_register_events (Dashboard *dashboard)
{
  air_context_on_event (dashboard->context, "confusion-alert", on_confusion);
  air_context_on_event (dashboard->context, "engagement-changed", on_engagement);
  air_context_on_event (dashboard->context, "class-health", on_class_health);
  air_context_on_event (dashboard->context, "stream-state", on_stream_state);
  air_context_on_event (dashboard->context, "session-ended", on_session_ended);
}

/* ---- Snoozed ones, and the start */

static void
show_again (AlertRail *rail, Alert *alert, void *data)
{
  dashboard_alert_show (data, rail, alert);
}

void
dashboard_rails_look (Dashboard *dashboard, int64_t now_us)
{
  GHashTableIter iter;
  void *rail = NULL;
  g_hash_table_iter_init (&iter, dashboard->rails);
  while (g_hash_table_iter_next (&iter, NULL, &rail))
    alert_rail_look (rail, now_us, show_again, dashboard);
}

static void
loaded (Dashboard *dashboard, GError *error)
{
  if (error != NULL && dashboard->failure == NULL)
    dashboard->failure = error;
  else
    g_clear_error (&error);
  dashboard->pending--;
  dashboard_settled (dashboard);
  dashboard_unref (dashboard);
}

static void
on_alerts (GObject *source, GAsyncResult *result, void *data)
{
  Dashboard *dashboard = data;
  GError *error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (source), result, &error);
  /* They come the newest first. */
  for (unsigned i = page != NULL ? page->documents->len : 0; i-- > 0;)
    {
      JsonNode *document = g_ptr_array_index (page->documents, i);
      AlertRail *rail = dashboard_rail (dashboard, air_json_get_string (document, "session_id"));
      if (rail != NULL)
        alert_rail_restore (rail, document);
    }
  loaded (dashboard, error);
}

static void
on_sessions (GObject *source, GAsyncResult *result, void *data)
{
  Dashboard *dashboard = data;
  GError *error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (source), result, &error);
  for (unsigned i = 0; page != NULL && i < page->documents->len; i++)
    {
      const char *id = air_json_get_string (g_ptr_array_index (page->documents, i), "session_id");
      AlertRail *rail = id != NULL ? rail_of (dashboard, air_classroom_get_class_of_session (dashboard->classroom, id)) : NULL;
      if (rail == NULL)
        continue;
      g_autoptr (JsonNode) filter = air_json_new ("{session_id: %s}", id);
      AirStoreQuery query = { .filter = filter, .sort = "-at", .limit = rail->maximum };
      dashboard->pending++;
      air_store_find (dashboard->store, "alerts", &query, on_alerts, dashboard_ref (dashboard));
    }
  loaded (dashboard, error);
}

void
dashboard_load_rails (Dashboard *dashboard)
{
  g_autoptr (JsonNode) filter = air_json_new ("{ended_at: {$exists: %b}}", false);
  AirStoreQuery query = { .filter = filter, .sort = "-started_at", .limit = MAX_SESSIONS };
  dashboard->pending++;
  air_store_find (dashboard->store, "sessions", &query, on_sessions, dashboard_ref (dashboard));
}
