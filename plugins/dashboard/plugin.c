/* The dashboard plugin: what a teacher sees of a class at a glance, and one rail for what needs attention. Everything here runs on
 * the main thread. */
#include "dashboard.h"

static const AirOption options[] = {
  { "repeat_after", AIR_OPTION_DURATION, "3 min", 0, 3600000,
    .help = "What comes back sooner than this after it was over, and has not been acknowledged, is the same alert again." },
  { "snooze", AIR_OPTION_DURATION, "10 min", 60000, 7200000,
    .help = "For how long an alert is put off when the page does not say.", .flags = AIR_OPTION_FLAG_LIVE },
  { "max_alerts", AIR_OPTION_INT, "200", 10, 1000, .unit = "alerts", .help = "So many alerts of a running session are kept in memory." },
  { "max_flagged", AIR_OPTION_INT, "20", 0, 200, .unit = "students",
    .help = "For so many students at the same time there are alerts; more are in the list of students only.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { "alert_confusion", AIR_OPTION_BOOL, "true", .help = "Whether there is an alert when many are lost.", .flags = AIR_OPTION_FLAG_LIVE },
  { "alert_flagged", AIR_OPTION_BOOL, "true", .help = "Whether there is one for a student who takes part less than before.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { "alert_health", AIR_OPTION_BOOL, "true", .help = "Whether there is one when the class's picture suffers.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { "alert_held", AIR_OPTION_BOOL, "true", .help = "Whether there is one when the teacher's picture has stopped.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { NULL },
};

static void
free_rail (void *data)
{
  alert_rail_free (data);
}

static void
free_figures (void *data)
{
  g_strfreev (((LiveFigures *)data)->flagged);
  g_free (data);
}

static void
free_dashboard (void *data)
{
  Dashboard *dashboard = data;
  g_hash_table_unref (dashboard->rails);
  g_hash_table_unref (dashboard->live);
  g_hash_table_unref (dashboard->sockets);
  g_clear_error (&dashboard->failure);
}

void
dashboard_unref (Dashboard *dashboard)
{
  g_rc_box_release_full (dashboard, free_dashboard);
}

void
dashboard_settled (Dashboard *dashboard)
{
  if (dashboard->pending > 0)
    return;
  g_autoptr (GTask) starting = g_steal_pointer (&dashboard->starting);
  g_autoptr (GTask) stopping = g_steal_pointer (&dashboard->stopping);
  if (starting != NULL && dashboard->failure != NULL)
    g_task_return_error (starting, g_steal_pointer (&dashboard->failure));
  else if (starting != NULL)
    g_task_return_boolean (starting, TRUE);
  if (stopping != NULL)
    g_task_return_boolean (stopping, TRUE);
}

static void *
create (AirContext *context, GError **error)
{
  Dashboard *dashboard = g_rc_box_new0 (Dashboard);
  dashboard->context = context;
  dashboard->rails = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_rail);
  dashboard->live = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_figures);
  dashboard->sockets = g_hash_table_new_full (NULL, NULL, (GDestroyNotify)air_socket_unref, g_free);
  dashboard->raised = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_dashboard_alerts_total",
                                              "Alerts to teachers, by type.", (const char *const[]){ "type", NULL }, NULL);
  dashboard->store_errors = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_dashboard_store_errors_total",
                                                    "Alerts that the store did not take.", NULL, NULL);
  dashboard_add_session_routes (context);
  dashboard_add_class_routes (context);
  dashboard_add_alert_routes (context);
  dashboard_add_socket (context);
  dashboard_register_events (dashboard);
  dashboard_register_live_events (dashboard);
  return dashboard;
}

static void
look (void *data)
{
  dashboard_rails_look (data, g_get_real_time ());
}

static void
start (void *self, GTask *task)
{
  Dashboard *dashboard = self;
  dashboard->store = air_context_get_service (dashboard->context, AIR_STORE_SERVICE);
  dashboard->classroom = air_context_get_service (dashboard->context, AIR_CLASSROOM_SERVICE);
  dashboard_register_live (dashboard);
  air_context_add_timer (dashboard->context, 1000, look, dashboard);
  dashboard->starting = g_object_ref (task);
  dashboard_load_rails (dashboard);
}

static void
stop (void *self, GTask *task)
{
  Dashboard *dashboard = self;
  dashboard->stopping = g_object_ref (task);
  if (dashboard->classroom != NULL)
    air_classroom_remove (dashboard->classroom, dashboard);
  g_hash_table_remove_all (dashboard->rails);
  dashboard->store = NULL;
  dashboard->classroom = NULL;
  dashboard_settled (dashboard);
}

static void
destroy (void *self)
{
  dashboard_unref (self);
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "dashboard",
  .version = "1.0",
  .summary = "What a teacher sees of a class at a glance, and its alerts in one rail",
  .needs = (const char *const[]){ AIR_STORE_SERVICE, AIR_CLASSROOM_SERVICE, NULL },
  .options = options,
  .create = create,
  .start = start,
  .stop = stop,
  .destroy = destroy,
};
