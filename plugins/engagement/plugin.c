/* The engagement plugin: how much each student takes part, and whether the class still follows, by open formulas from what
 * happens in the class. Everything here runs on the main thread. */
#include "engagement.h"

#include "settings.h"

static void
free_engagement (void *data)
{
  Engagement *engagement = data;
  g_hash_table_unref (engagement->runs);
  g_clear_error (&engagement->failure);
}

void
engagement_unref (Engagement *engagement)
{
  g_rc_box_release_full (engagement, free_engagement);
}

static void *
create (AirContext *context, GError **error)
{
  Engagement *engagement = g_rc_box_new0 (Engagement);
  engagement->context = context;
  engagement->runs = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, engagement_run_free);
  engagement->sessions = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_engagement_sessions",
                                                 "Sessions whose engagement is computed now.", NULL, NULL);
  engagement->alerts = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_engagement_confusion_alerts_total",
                                               "How often a class got lost.", NULL, NULL);
  engagement->store_errors = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_engagement_store_errors_total",
                                                     "Writes of figures that the store refused; they are tried again.", NULL, NULL);
  engagement_settings_read (&engagement->settings, context);
  engagement_add_routes (context);
  engagement_add_track_routes (context);
  engagement_register_events (engagement);
  return engagement;
}

static void
start (void *self, GTask *task)
{
  Engagement *engagement = self;
  engagement->store = air_context_get_service (engagement->context, AIR_STORE_SERVICE);
  engagement->classroom = air_context_get_service (engagement->context, AIR_CLASSROOM_SERVICE);
  engagement_live_register (engagement);
  air_context_add_timer (engagement->context, 1000, engagement_runs_look, engagement);
  engagement->starting = g_object_ref (task);
  engagement_load (engagement);
}

/* What was not kept yet is written, and waited for. */
static void
stop (void *self, GTask *task)
{
  Engagement *engagement = self;
  GHashTableIter iter;
  void *run = NULL;
  engagement->stopping = g_object_ref (task);
  if (engagement->classroom != NULL)
    air_classroom_remove (engagement->classroom, engagement);
  g_hash_table_iter_init (&iter, engagement->runs);
  while (g_hash_table_iter_next (&iter, NULL, &run))
    {
      engagement_session_tick (((EngagementRun *)run)->session, g_get_monotonic_time ());
      engagement_keep (run, true);
    }
  g_hash_table_remove_all (engagement->runs);
  engagement->store = NULL;
  engagement->classroom = NULL;
  engagement_settled (engagement);
}

static void
destroy (void *self)
{
  engagement_unref (self);
}

static void
reload (void *self)
{
  Engagement *engagement = self;
  GHashTableIter iter;
  void *run = NULL;
  engagement_settings_read (&engagement->settings, engagement->context);
  g_hash_table_iter_init (&iter, engagement->runs);
  while (g_hash_table_iter_next (&iter, NULL, &run))
    engagement_run_refresh (run);
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "engagement",
  .version = "1.0",
  .summary = "How much each student takes part and whether the class follows, by open formulas",
  .needs = (const char *const[]){ AIR_STORE_SERVICE, AIR_CLASSROOM_SERVICE, NULL },
  .options = engagement_options,
  .create = create,
  .start = start,
  .stop = stop,
  .destroy = destroy,
  .reload = reload,
};
