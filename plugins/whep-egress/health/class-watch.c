/* See class-watch.h. */
#include "class-watch.h"

#include "server-load.h"
#include "viewer-list.h"

/* So often each viewer is counted in the histograms: a scrape seldom comes more often. */
#define SAMPLE_EVERY_LOOKS 10u

typedef struct
{
  AirClassHealth *health;
  GArray *viewers; /* (element-type AirClassViewer) of this look */
  unsigned look;   /* in which the stream was there last */
} Class;

struct _AirClassWatch
{
  AirContext *context;
  AirServerLoadMeter *meter;
  GHashTable *classes; /* path → Class */
  unsigned look;
  AirMetric *levels, *health, *rtt, *loss, *jitter, *estimate;
};

static void
free_class (void *data)
{
  Class *class = data;
  air_class_health_free (class->health);
  g_array_unref (class->viewers);
  g_free (class);
}

/* ---- Metrics */

static void
add_metrics (AirClassWatch *watch)
{
  static const char *const by_level[] = { "level", NULL }, *const by_cause[] = { "cause", NULL };
  static const double rtt[] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 0 };
  static const double loss[] = { 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0 };
  static const double estimate[] = { 12.5e3, 25e3, 50e3, 125e3, 250e3, 500e3, 1e6, 2e6, 4e6, 0 };
  static const double jitter[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0 };
  watch->levels = air_context_add_metric (watch->context, AIR_METRIC_GAUGE, "airclass_whep_viewers_by_level",
                                          "Viewers to whom media flows, by how much of the stream they get", by_level, NULL);
  watch->health = air_context_add_metric (
      watch->context, AIR_METRIC_GAUGE, "airclass_whep_class_health",
      "Streams that are live or held, by the likely cause from which their viewers suffer, or healthy", by_cause, NULL);
  watch->rtt = air_context_add_metric (watch->context, AIR_METRIC_HISTOGRAM, "airclass_whep_viewer_rtt_seconds",
                                       "Round trip of each viewer, every 10 seconds", NULL, rtt);
  watch->loss = air_context_add_metric (watch->context, AIR_METRIC_HISTOGRAM, "airclass_whep_viewer_loss_ratio",
                                        "Share of the packets that each viewer lost lately, every 10 seconds", NULL, loss);
  watch->jitter = air_context_add_metric (watch->context, AIR_METRIC_HISTOGRAM, "airclass_whep_viewer_jitter_seconds",
                                          "Jitter of each viewer, every 10 seconds", NULL, jitter);
  watch->estimate = air_context_add_metric (
      watch->context, AIR_METRIC_HISTOGRAM, "airclass_whep_viewer_estimate_bytes_per_second",
      "What the path of each viewer is known to carry, as far as it was tried, every 10 seconds", NULL, estimate);
}

static void
measure (AirClassWatch *watch, const GPtrArray *infos)
{
  unsigned of_level[AIR_LEVEL_COUNT] = { 0 };
  for (guint i = 0; i < infos->len; i++)
    {
      const AirViewerInfo *info = infos->pdata[i];
      if (!info->connected)
        continue;
      of_level[air_viewer_level (info)]++;
      if (watch->look % SAMPLE_EVERY_LOOKS != 0)
        continue;
      if (info->rtt_us >= 0)
        air_metric_observe (watch->rtt, (double)info->rtt_us / G_USEC_PER_SEC, NULL);
      air_metric_observe (watch->loss, info->loss, NULL);
      air_metric_observe (watch->jitter, (double)info->jitter_us / G_USEC_PER_SEC, NULL);
      if (info->estimate_bps > 0)
        air_metric_observe (watch->estimate, (double)info->estimate_bps / 8, NULL);
    }
  for (int level = 0; level < AIR_LEVEL_COUNT; level++)
    {
      const char *labels[] = { air_level_to_string ((AirLevel)level), NULL };
      air_metric_set (watch->levels, of_level[level], labels);
    }
}

/* ---- What is told of a class */

static char *
warning_type (AirClassCause cause)
{
  return g_strdup_printf ("class-%s", air_class_cause_to_string (cause));
}

static void
warn (AirClassWatch *watch, AirStream *stream, const AirClassVerdict *verdict)
{
  g_autofree char *type = warning_type (verdict->cause), *text = air_class_verdict_to_text (verdict);
  JsonObject *parameters = json_object_new ();
  json_object_set_string_member (parameters, "detail", verdict->detail);
  json_object_set_int_member (parameters, "affected", verdict->affected);
  json_object_set_int_member (parameters, "watching", verdict->watching);
  json_object_set_string_member (parameters, "place", verdict->place);
  json_object_set_double_member (parameters, "value", (double)(int64_t)(verdict->value * 10 + 0.5) / 10);
  air_context_set_stream_warning (watch->context, stream, type, text, parameters);
}

static void
tell (AirClassWatch *watch, const char *path, const AirClassVerdict *verdict, AirClassCause before)
{
  static const AirEventClassHealthCause causes[] = {
    [AIR_CLASS_HEALTHY] = AIR_EVENT_CLASS_HEALTH_CAUSE_HEALTHY, [AIR_CLASS_UPLINK] = AIR_EVENT_CLASS_HEALTH_CAUSE_UPLINK,
    [AIR_CLASS_SERVER] = AIR_EVENT_CLASS_HEALTH_CAUSE_SERVER,   [AIR_CLASS_PLACE] = AIR_EVENT_CLASS_HEALTH_CAUSE_PLACE,
    [AIR_CLASS_STUDENTS] = AIR_EVENT_CLASS_HEALTH_CAUSE_STUDENTS,
  };
  static const AirEventClassHealthPrevious previous[] = {
    [AIR_CLASS_HEALTHY] = AIR_EVENT_CLASS_HEALTH_PREVIOUS_HEALTHY, [AIR_CLASS_UPLINK] = AIR_EVENT_CLASS_HEALTH_PREVIOUS_UPLINK,
    [AIR_CLASS_SERVER] = AIR_EVENT_CLASS_HEALTH_PREVIOUS_SERVER,   [AIR_CLASS_PLACE] = AIR_EVENT_CLASS_HEALTH_PREVIOUS_PLACE,
    [AIR_CLASS_STUDENTS] = AIR_EVENT_CLASS_HEALTH_PREVIOUS_STUDENTS,
  };
  g_autofree char *text = air_class_verdict_to_text (verdict);
  const char *detail = *verdict->detail ? verdict->detail : NULL;
  g_message ("class %s: %s%s%s, %u of %u viewers suffer", path, air_class_cause_to_string (verdict->cause), detail ? ", " : "",
             detail ? detail : "", verdict->affected, verdict->watching);
  air_context_publish_event (watch->context,
                             air_event_class_health_new (path, causes[verdict->cause], previous[before], detail,
                                                         verdict->affected, verdict->watching, text));
}

/* ---- A look */

static Class *
find_class (AirClassWatch *watch, const char *path)
{
  Class *class = g_hash_table_lookup (watch->classes, path);
  if (!class)
    {
      class = g_new0 (Class, 1);
      class->health = air_class_health_new ();
      class->viewers = g_array_new (FALSE, FALSE, sizeof (AirClassViewer));
      g_hash_table_insert (watch->classes, g_strdup (path), class);
    }
  return class;
}

/* Teachers preview the class from where they send. */
static void
add_viewers (AirClassWatch *watch, const GPtrArray *infos, AirWhepSessions *sessions)
{
  int64_t now_us = g_get_real_time ();
  for (guint i = 0; i < infos->len; i++)
    {
      const AirViewerInfo *info = infos->pdata[i];
      const AirWhepSession *session = air_whep_sessions_find_viewer (sessions, info->viewer_id);
      Class *class = g_hash_table_lookup (watch->classes, info->path);
      if (!class || !info->connected || (session && air_identity_get_role (session->identity) >= AIR_ROLE_TEACHER))
        continue;
      AirClassViewer viewer = { info->viewer_id, info->address, air_viewer_trouble (info), now_us - info->since_us };
      g_array_append_val (class->viewers, viewer);
    }
}

static AirClassCause
look_at (AirClassWatch *watch, AirStream *stream, const AirServerLoad *load)
{
  const char *path = air_stream_get_path (stream);
  Class *class = find_class (watch, path);
  const AirClassVerdict *verdict = air_class_health_get_verdict (class->health);
  AirClassCause before = verdict->cause;
  AirStreamIngest ingest;
  bool live = air_stream_get_ingest (stream, &ingest);
  if (air_class_health_look (class->health, live ? &ingest : NULL, load, class->viewers))
    tell (watch, path, verdict, before);
  if (before != verdict->cause && before != AIR_CLASS_HEALTHY)
    {
      g_autofree char *type = warning_type (before);
      air_context_clear_stream_warning (watch->context, stream, type);
    }
  if (verdict->cause != AIR_CLASS_HEALTHY)
    warn (watch, stream, verdict);
  return verdict->cause;
}

static gboolean
is_over (void *path, void *class, void *watch)
{
  return ((Class *)class)->look != ((AirClassWatch *)watch)->look;
}

static void
measure_server (AirClassWatch *watch, AirEngine *engine, AirServerLoad *load)
{
  AirEngineLoad sent = { 0 };
  *load = (AirServerLoad){ 0 };
  air_server_load_meter_take (watch->meter, load);
  if (engine->class->get_load)
    engine->class->get_load (engine, &sent);
  if (sent.dropped > 0)
    load->dropped_share = (double)sent.dropped / (double)(sent.packets + sent.dropped);
  load->send_late_us = sent.late_us;
}

void
air_class_watch_look (AirClassWatch *watch, AirEngine *engine, AirWhepSessions *sessions)
{
  g_autoptr (GPtrArray) infos = engine->class->list_viewers (engine, NULL);
  g_autoptr (GPtrArray) streams = air_context_list_streams (watch->context);
  unsigned of_cause[AIR_CLASS_CAUSES] = { 0 };
  AirServerLoad load;
  measure_server (watch, engine, &load);
  measure (watch, infos);
  watch->look++;
  for (guint i = 0; i < streams->len; i++)
    {
      Class *class = find_class (watch, air_stream_get_path (streams->pdata[i]));
      class->look = watch->look;
      g_array_set_size (class->viewers, 0);
    }
  g_hash_table_foreach_remove (watch->classes, is_over, watch);
  add_viewers (watch, infos, sessions);
  for (guint i = 0; i < streams->len; i++)
    of_cause[look_at (watch, streams->pdata[i], &load)]++;
  for (int cause = 0; cause < AIR_CLASS_CAUSES; cause++)
    {
      const char *labels[] = { air_class_cause_to_string ((AirClassCause)cause), NULL };
      air_metric_set (watch->health, of_cause[cause], labels);
    }
}

AirClassWatch *
air_class_watch_new (AirContext *context)
{
  AirClassWatch *watch = g_new0 (AirClassWatch, 1);
  watch->context = context;
  watch->meter = air_server_load_meter_new ();
  watch->classes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_class);
  add_metrics (watch);
  return watch;
}

void
air_class_watch_free (AirClassWatch *watch)
{
  g_hash_table_unref (watch->classes);
  air_server_load_meter_free (watch->meter);
  g_free (watch);
}
