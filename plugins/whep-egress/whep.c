/* The plugin's state: the engine, what it tells, and what is done each second: a look at the classes, and the end of
 * sessions whose token has run out. Main thread. */
#include "whep-private.h"

#define CHECK_EVERY_MS 1000

/* ---- News from the engine */

static void
viewer_joined (const AirViewerInfo *info, void *data)
{
  AirWhep *whep = data;
  AirWhepSession *session = air_whep_sessions_find_viewer (whep->sessions, info->viewer_id);
  if (session)
    air_whep_session_set_state (session, AIR_WHEP_PLAYING);
  air_metric_add (whep->viewers, 1, NULL);
  air_metric_add (whep->joined, 1, NULL);
  air_metric_observe (whep->join_seconds, (double)(g_get_real_time () - info->since_us) / G_USEC_PER_SEC, NULL);
  g_message ("viewer %s plays %s at %s (%s)", info->viewer_id, info->path, info->address, info->profile);
  air_context_publish_event (whep->context,
                             air_event_viewer_joined_new (info->path, info->viewer_id, info->engine, info->address));
}

static void
viewer_left (const AirViewerInfo *info, AirViewerReason reason, void *data)
{
  AirWhep *whep = data;
  const char *text = air_viewer_reason_to_string (reason);
  const char *labels[] = { text, NULL };
  AirWhepSession *session = air_whep_sessions_find_viewer (whep->sessions, info->viewer_id);
  if (session)
    air_whep_sessions_remove (whep->sessions, session);
  air_metric_add (whep->left, 1, labels);
  g_message ("viewer %s left %s: %s", info->viewer_id, info->path, text);
  if (!info->connected)
    return;
  air_metric_add (whep->viewers, -1, NULL);
  air_context_publish_event (
      whep->context, air_event_viewer_left_new (info->path, info->viewer_id, info->engine, info->address, text));
}

static void
second_passed (void *data)
{
  AirWhep *whep = data;
  air_class_watch_look (whep->classes, whep->engine, whep->sessions);
  g_autoptr (GPtrArray) expired = air_whep_sessions_list_expired (whep->sessions, g_get_real_time () / G_USEC_PER_SEC);
  for (guint i = 0; i < expired->len; i++)
    {
      AirWhepSession *session = expired->pdata[i];
      g_autofree char *viewer_id = g_strdup (session->viewer_id);
      air_whep_sessions_remove (whep->sessions, session);
      whep->engine->class->remove_viewer (whep->engine, viewer_id, AIR_VIEWER_EXPIRED);
    }
}

static void
on_stream_tracks (AirEvent *event, void *self)
{
  AirWhep *whep = self;
  whep->engine->class->stream_changed (whep->engine, air_event_stream_tracks_get_path (event));
}

/* ---- Making */

static void
add_metrics (AirWhep *whep, AirContext *context)
{
  static const char *const by_reason[] = { "reason", NULL };
  static const double join_buckets[] = { 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 0 };
  whep->viewers = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_whep_viewers",
                                          "Viewers to whom media flows", NULL, NULL);
  whep->joined = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_whep_joined_total",
                                         "Viewers whose handshake was completed", NULL, NULL);
  whep->left = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_whep_left_total",
                                       "Sessions that ended, and why", by_reason, NULL);
  whep->refused = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_whep_refused_total",
                                          "Offers that were refused, and why", by_reason, NULL);
  whep->join_seconds = air_context_add_metric (context, AIR_METRIC_HISTOGRAM, "airclass_whep_join_seconds",
                                               "From the offer to the end of the handshake", NULL, join_buckets);
}

AirWhep *
air_whep_new (AirContext *context, GError **error)
{
  int64_t lifetime_s = air_context_get_int (context, "turn_lifetime") / 1000;
  AirIceServers *ice_servers = air_ice_servers_new (air_context_get_string (context, "ice_servers"),
                                                    air_context_get_string (context, "turn_secret"), lifetime_s, error);
  if (!ice_servers)
    return NULL;
  AirWhep *whep = g_new0 (AirWhep, 1);
  AirEngineEvents events = { viewer_joined, viewer_left, whep };
  whep->context = context;
  whep->sessions = air_whep_sessions_new ((unsigned)air_context_get_int (context, "fair_sessions_per_user"));
  whep->ice_servers = ice_servers;
  whep->lists = g_ptr_array_new ();
  whep->classes = air_class_watch_new (context);
  whep->max_viewers = (unsigned)air_context_get_int (context, "max_viewers");
  add_metrics (whep, context);
  bool webrtcbin = g_str_equal (air_context_get_string (context, "engine"), "webrtcbin");
  whep->engine = webrtcbin ? air_webrtcbin_engine_new (context, ice_servers, &events)
                           : air_fanout_engine_new (context, &events);
  air_whep_add_resource (context);
  air_whep_add_viewers (context);
  air_context_on_event (context, "stream-tracks", on_stream_tracks);
  return whep;
}

void
air_whep_free (AirWhep *whep)
{
  if (!whep)
    return;
  whep->engine->class->free (whep->engine);
  air_class_watch_free (whep->classes);
  air_whep_sessions_free (whep->sessions);
  air_ice_servers_free (whep->ice_servers);
  g_ptr_array_unref (whep->lists);
  g_free (whep);
}

bool
air_whep_prepare (AirWhep *whep, GError **error)
{
  const AirEngineClass *class = whep->engine->class;
  return !class->prepare || class->prepare (error);
}

bool
air_whep_start (AirWhep *whep, GError **error)
{
  if (!whep->engine->class->start (whep->engine, error))
    return false;
  whep->timer = air_context_add_timer (whep->context, CHECK_EVERY_MS, second_passed, whep);
  return true;
}

void
air_whep_stop (AirWhep *whep)
{
  if (whep->timer != 0)
    air_context_remove_source (whep->context, whep->timer);
  whep->timer = 0;
  air_whep_stop_lists (whep);
  whep->engine->class->stop (whep->engine);
}
