/* The built-in component [streams]: options, routes, events and metrics around the registry. Main thread, but for the
 * hooks, which queue events from any thread. */
#define G_LOG_DOMAIN "air-streams"

#include "stream-private.h"

#include <airclass/events.h>
#include <airclass/http.h>
#include <airclass/metrics.h>
#include <string.h>

#include "rendition.h"

#define TICK_MS 250
#define MAX_PAGE 200

struct _AirStreamsMetrics
{
  AirMetric *streams, *readers, *units, *bytes, *dropped, *rebases, *skipped, *cache_bytes;
  AirMetric *renditions, *standby, *rendition_restarts, *rendition_failures;
};

/* What create() returns is an AirStreamRegistry, because the host forwards to it; this hangs on it. */
struct _AirStreamsComponent
{
  AirContext *context;
  AirStreamRegistry *registry; /* borrowed: it owns this */
  struct _AirStreamsMetrics metrics;
  AirStreamCounters told; /* what the metrics have */
  GHashTable *told_protocols; /* set of interned names that have a series */
};

static const AirOption options[] = {
  { .key = "paths",
    .type = AIR_OPTION_LIST,
    .default_value = "",
    .help = "Paths that may be published, with * and ? as wildcards (live/*). Empty: all.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "hold",
    .type = AIR_OPTION_DURATION,
    .default_value = "30s",
    .minimum = 0,
    .maximum = 3600 * 1000,
    .help = "How long viewers are kept when the publisher drops, waiting for it to return.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "gop_cache_bytes",
    .type = AIR_OPTION_SIZE,
    .default_value = "16MiB",
    .minimum = 64 * 1024,
    .maximum = INT64_C (1) << 30,
    .help = "How much of the current group of pictures is kept per stream for viewers who join. A longer group is not kept.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "gop_cache_duration",
    .type = AIR_OPTION_DURATION,
    .default_value = "20s",
    .minimum = 100,
    .maximum = 300 * 1000,
    .help = "The longest group of pictures that is kept per stream.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "max_streams",
    .type = AIR_OPTION_INT,
    .default_value = "256",
    .minimum = 1,
    .maximum = 10000,
    .unit = "streams",
    .help = "Streams that may be live or held at a time.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "max_readers",
    .type = AIR_OPTION_INT,
    .default_value = "1000",
    .minimum = 1,
    .maximum = 100000,
    .unit = "readers",
    .help = "Readers of one stream at a time. All WHEP viewers of a stream share one.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "rendition_grace",
    .type = AIR_OPTION_DURATION,
    .default_value = "5s",
    .minimum = 0,
    .maximum = 600 * 1000,
    .help = "How long a rendition's pipeline runs on after its last reader left, so that a reload of the page does not "
            "start it anew.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "max_renditions",
    .type = AIR_OPTION_INT,
    .default_value = "256",
    .minimum = 0,
    .maximum = 1000,
    .unit = "renditions",
    .help = "Renditions (transcoded variants) of all streams at a time.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "max_standby",
    .type = AIR_OPTION_INT,
    .default_value = "2",
    .minimum = 0,
    .maximum = 1000,
    .unit = "renditions",
    .help = "Streams that no browser plays as they are (B-frames) and that are decoded while nobody watches, so that a "
            "first viewer has a picture at once and does not wait until the pictures since the last keyframe are decoded. "
            "The first ones to come have it. 0 saves the decoding.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { 0 },
};

static AirStreamSettings
read_settings (AirContext *context)
{
  return (AirStreamSettings){
    .paths = air_context_get_list (context, "paths"),
    .hold_us = air_context_get_int (context, "hold") * 1000,
    .gop_cache_bytes = (size_t)air_context_get_int (context, "gop_cache_bytes"),
    .gop_cache_ns = air_context_get_int (context, "gop_cache_duration") * 1000000,
    .max_streams = (unsigned)air_context_get_int (context, "max_streams"),
    .max_readers = (unsigned)air_context_get_int (context, "max_readers"),
    .rendition_grace_us = air_context_get_int (context, "rendition_grace") * 1000,
    .rendition_retry_us = G_USEC_PER_SEC / 2,
    .max_renditions = (unsigned)air_context_get_int (context, "max_renditions"),
    .max_standby = (unsigned)air_context_get_int (context, "max_standby"),
    .pipeline_dir = air_context_get_resource_dir (context, "pipelines"),
  };
}

/* ---- Events */

static void
on_state (AirStream *stream, AirStreamState state, AirStreamState previous, const char *protocol, const char *address,
          const char *reason, void *data)
{
  static const AirEventStreamStateState states[]
    = { AIR_EVENT_STREAM_STATE_STATE_IDLE, AIR_EVENT_STREAM_STATE_STATE_LIVE, AIR_EVENT_STREAM_STATE_STATE_HELD };
  static const AirEventStreamStatePrevious previous_states[]
    = { AIR_EVENT_STREAM_STATE_PREVIOUS_IDLE, AIR_EVENT_STREAM_STATE_PREVIOUS_LIVE, AIR_EVENT_STREAM_STATE_PREVIOUS_HELD };
  air_context_publish_event (data, air_event_stream_state_new (air_stream_get_path (stream), states[state],
                                                               previous_states[previous], protocol, address, reason));
}

/* The event comes back on the main loop, where no stream waits for the log. */
static void
log_state (AirEvent *event, void *data)
{
  const char *reason = air_event_stream_state_get_reason (event);
  g_message ("stream %s is %s%s%s", air_event_stream_state_get_path (event),
             air_event_stream_state_state_to_string (air_event_stream_state_get_state (event)), reason != NULL ? ": " : "",
             reason != NULL ? reason : "");
}

static int64_t
or_absent (unsigned value)
{
  return value > 0 ? (int64_t)value : AIR_EVENT_ABSENT;
}

static void
on_tracks (AirStream *stream, AirTrack *const tracks[AIR_KIND_COUNT], void *data)
{
  const AirTrack *video = tracks[AIR_KIND_VIDEO], *audio = tracks[AIR_KIND_AUDIO];
  air_context_publish_event (
    data, air_event_stream_tracks_new (air_stream_get_path (stream),
                                       video != NULL ? air_codec_to_string (air_track_get_codec (video)) : NULL,
                                       or_absent (video != NULL ? air_track_get_width (video) : 0),
                                       or_absent (video != NULL ? air_track_get_height (video) : 0),
                                       audio != NULL ? air_codec_to_string (air_track_get_codec (audio)) : NULL));
}

static void
on_readers (AirStream *stream, const char *protocol, unsigned viewers, void *data)
{
  air_context_publish_event (data, air_event_reader_count_new (air_stream_get_path (stream), protocol, viewers));
}

/* ---- Routes */

static void
get_streams (AirRequest *request, void *data)
{
  AirStreamRegistry *registry = data;
  const char *cursor = air_request_get_query (request, "cursor"), *limit_text = air_request_get_query (request, "limit");
  guint64 limit = MAX_PAGE;
  if (limit_text != NULL && !g_ascii_string_to_unsigned (limit_text, 10, 1, MAX_PAGE, &limit, NULL))
    {
      air_request_reply_problem (request, 400, "invalid", "limit is a number from 1 to 200");
      return;
    }
  g_autoptr (GPtrArray) streams = air_stream_registry_list (registry);
  g_autoptr (JsonArray) array = json_array_new ();
  const AirIdentity *identity = air_request_get_identity (request);
  const char *next = NULL, *last = NULL;
  for (unsigned i = 0; i < streams->len && next == NULL; i++)
    {
      AirStream *stream = streams->pdata[i];
      if ((cursor != NULL && strcmp (stream->path, cursor) <= 0)
          || !air_identity_may (identity, AIR_ACTION_READ, stream->path))
        continue;
      if (json_array_get_length (array) == limit)
        {
          next = last;
          continue;
        }
      last = stream->path;
      json_array_add_element (array, air_stream_status (stream, stream->path, true, g_get_monotonic_time ()));
    }
  g_autoptr (JsonObject) object = json_object_new ();
  json_object_set_array_member (object, "streams", g_steal_pointer (&array));
  if (next != NULL)
    json_object_set_string_member (object, "next_cursor", next);
  else
    json_object_set_null_member (object, "next_cursor");
  JsonNode *body = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (body, g_steal_pointer (&object));
  air_request_reply_json (request, 200, body);
}

static void
get_stream (AirRequest *request, void *data)
{
  AirStreamRegistry *registry = data;
  const char *path = air_request_get_variable (request, "path");
  const AirIdentity *identity = air_request_get_identity (request);
  if (!air_stream_path_is_valid (path))
    {
      air_request_reply_problem (request, 400, "invalid", "this is no stream path");
      return;
    }
  bool teacher = identity != NULL && air_identity_get_role (identity) >= AIR_ROLE_TEACHER;
  if (identity == NULL || !air_identity_may (identity, AIR_ACTION_READ, path))
    {
      air_request_reply_problem (request, 403, "forbidden", "this token is for another class");
      return;
    }
  g_autoptr (AirStream) stream = air_stream_registry_find (registry, path);
  air_request_reply_json (request, 200, air_stream_status (stream, path, teacher, g_get_monotonic_time ()));
}

/* The publisher is told and disconnected; the stream is held as after any other end. */
static void
delete_publisher (AirRequest *request, void *data)
{
  AirStreamRegistry *registry = data;
  const char *path = air_request_get_variable (request, "path");
  const AirIdentity *identity = air_request_get_identity (request);
  if (!air_stream_path_is_valid (path))
    {
      air_request_reply_problem (request, 400, "invalid", "this is no stream path");
      return;
    }
  if (identity == NULL || !air_identity_may (identity, AIR_ACTION_READ, path))
    {
      air_request_reply_problem (request, 403, "forbidden", "this token is for another class");
      return;
    }
  if (!air_stream_registry_end_publisher (registry, path))
    {
      air_request_reply_problem (request, 404, "not-found", "nobody publishes here");
      return;
    }
  g_autofree char *user = g_strescape (air_identity_get_user_id (identity), NULL);
  g_message ("stream %s: its publisher is ended by \"%s\"", path, user);
  air_request_reply_empty (request, 204);
}

static const AirRoute routes[] = {
  { .method = "GET",
    .template = "/api/streams",
    .summary = "The streams that are live or held and that the token may read",
    .role = AIR_ROLE_TEACHER,
    .handler = get_streams },
  { .method = "GET",
    .template = "/api/streams/{path}",
    .summary = "The state of one stream",
    .role = AIR_ROLE_STUDENT,
    .handler = get_stream },
  { .method = "DELETE",
    .template = "/api/streams/{path}/publisher",
    .summary = "Ends the stream's publisher",
    .role = AIR_ROLE_TEACHER,
    .handler = delete_publisher },
};

/* ---- Metrics */

static void
add_metrics (struct _AirStreamsComponent *self)
{
  AirContext *context = self->context;
  struct _AirStreamsMetrics *metrics = &self->metrics;
#define ADD(type, name, help, ...)                                                                                    \
  air_context_add_metric (context, AIR_METRIC_##type, "airclass_" name, help, (const char *const[]){ __VA_ARGS__ }, NULL)
  metrics->streams = ADD (GAUGE, "streams", "Streams by state.", "state", NULL);
  metrics->readers = ADD (GAUGE, "stream_readers", "People who read a stream, by protocol.", "protocol", NULL);
  metrics->units = ADD (COUNTER, "stream_units_total", "Access units taken from publishers.", "kind", NULL);
  metrics->bytes = ADD (COUNTER, "stream_bytes_total", "Bytes of access units taken from publishers.", "kind", NULL);
  metrics->dropped = ADD (COUNTER, "stream_dropped_units_total", "Access units of publishers dropped.", "reason", NULL);
  metrics->rebases = ADD (COUNTER, "stream_rebases_total", "Jumps of publishers' clocks that were evened out.", NULL);
  metrics->skipped
    = ADD (COUNTER, "stream_reader_skipped_units_total", "Access units that slow readers had to skip.", NULL);
  metrics->cache_bytes = ADD (GAUGE, "stream_cache_bytes", "Bytes kept for viewers who join.", NULL);
  metrics->renditions = ADD (GAUGE, "stream_renditions", "Renditions that are made now.", NULL);
  metrics->standby = ADD (GAUGE, "stream_renditions_standby", "Renditions that are decoded, ready for a first reader.", NULL);
  metrics->rendition_restarts
    = ADD (COUNTER, "stream_rendition_restarts_total", "Renditions started anew after an error.", NULL);
  metrics->rendition_failures = ADD (COUNTER, "stream_rendition_failures_total", "Renditions given up.", NULL);
#undef ADD
}

/* Adds to @metric what @now has more than @told. */
static void
advance (AirMetric *metric, const char *label, uint64_t *told, const uint64_t *now)
{
  uint64_t value = __atomic_load_n (now, __ATOMIC_RELAXED);
  air_metric_add (metric, (double)(value - *told), label != NULL ? (const char *const[]){ label, NULL } : NULL);
  *told = value;
}

static void
update_counters (struct _AirStreamsComponent *self)
{
  static const char *const kinds[] = { "video", "audio" };
  const struct _AirStreamsMetrics *metrics = &self->metrics;
  const AirStreamCounters *now = &self->registry->counters;
  AirStreamCounters *told = &self->told;
  for (int kind = 0; kind < AIR_KIND_COUNT; kind++)
    {
      advance (metrics->units, kinds[kind], &told->units[kind], &now->units[kind]);
      advance (metrics->bytes, kinds[kind], &told->bytes[kind], &now->bytes[kind]);
    }
  advance (metrics->dropped, "no-track", &told->dropped_no_track, &now->dropped_no_track);
  advance (metrics->dropped, "no-publisher", &told->dropped_no_publisher, &now->dropped_no_publisher);
  advance (metrics->rebases, NULL, &told->jumps, &now->jumps);
  advance (metrics->skipped, NULL, &told->reader_skipped, &now->reader_skipped);
  advance (metrics->rendition_restarts, NULL, &told->rendition_restarts, &now->rendition_restarts);
  advance (metrics->rendition_failures, NULL, &told->rendition_failures, &now->rendition_failures);
}

static void
update_readers (struct _AirStreamsComponent *self, GHashTable *viewers)
{
  GHashTableIter iter;
  void *protocol;
  g_hash_table_iter_init (&iter, viewers);
  while (g_hash_table_iter_next (&iter, &protocol, NULL))
    g_hash_table_add (self->told_protocols, protocol);
  g_hash_table_iter_init (&iter, self->told_protocols);
  while (g_hash_table_iter_next (&iter, &protocol, NULL))
    air_metric_set (self->metrics.readers, GPOINTER_TO_UINT (g_hash_table_lookup (viewers, protocol)),
                    (const char *const[]){ protocol, NULL });
}

static void
update_gauges (struct _AirStreamsComponent *self)
{
  g_autoptr (GPtrArray) streams = air_stream_registry_list (self->registry);
  g_autoptr (GHashTable) viewers = g_hash_table_new (NULL, NULL);
  unsigned by_state[] = { 0, 0, 0 };
  size_t cache_bytes = 0;
  for (unsigned i = 0; i < streams->len; i++)
    {
      AirStream *stream = streams->pdata[i];
      g_mutex_lock (&stream->lock);
      by_state[stream->state]++;
      cache_bytes += stream->cache.bytes;
      g_autoptr (GHashTable) of_stream = air_stream_count_viewers_locked (stream);
      g_mutex_unlock (&stream->lock);
      GHashTableIter iter;
      void *protocol, *count;
      g_hash_table_iter_init (&iter, of_stream);
      while (g_hash_table_iter_next (&iter, &protocol, &count))
        {
          unsigned sum = GPOINTER_TO_UINT (g_hash_table_lookup (viewers, protocol)) + GPOINTER_TO_UINT (count);
          g_hash_table_insert (viewers, protocol, GUINT_TO_POINTER (sum));
        }
    }
  update_readers (self, viewers);
  air_metric_set (self->metrics.streams, by_state[AIR_STREAM_LIVE], (const char *const[]){ "live", NULL });
  air_metric_set (self->metrics.streams, by_state[AIR_STREAM_HELD], (const char *const[]){ "held", NULL });
  air_metric_set (self->metrics.cache_bytes, (double)cache_bytes, NULL);
  uint64_t pipelines = __atomic_load_n (&self->registry->counters.pipelines, __ATOMIC_RELAXED);
  uint64_t standby = __atomic_load_n (&self->registry->counters.standby, __ATOMIC_RELAXED);
  air_metric_set (self->metrics.renditions, (double)(pipelines - MIN (standby, pipelines)), NULL);
  air_metric_set (self->metrics.standby, (double)standby, NULL);
}

static void
on_tick (void *data)
{
  struct _AirStreamsComponent *self = data;
  air_stream_registry_tick (self->registry, g_get_monotonic_time ());
  update_counters (self);
  update_gauges (self);
}

/* ---- Life */

static void *
create (AirContext *context, GError **error)
{
  if (!gst_init_check (NULL, NULL, error))
    return NULL;
  AirStreamSettings settings = read_settings (context);
  AirStreamHooks hooks = { .state = on_state, .tracks = on_tracks, .readers = on_readers, .data = context };
  AirStreamRegistry *registry = air_stream_registry_new (&hooks, &settings);
  struct _AirStreamsComponent *self = g_new0 (struct _AirStreamsComponent, 1);
  self->context = context;
  self->registry = registry;
  self->told_protocols = g_hash_table_new (NULL, NULL);
  registry->component = self;
  add_metrics (self);
  air_context_on_event (context, "stream-state", log_state);
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
  return registry;
}

static void
warm_up (void *data)
{
  AirStreamRegistry *registry = data;
  g_mutex_lock (&registry->lock);
  g_autofree char *folder = g_strdup (registry->settings.pipeline_dir);
  g_mutex_unlock (&registry->lock);
  air_renditions_warm_up (registry, folder, registry->component->context);
}

static void
start (void *data, GTask *task)
{
  AirStreamRegistry *registry = data;
  AirContext *context = registry->component->context;
  AirStreamSettings settings = read_settings (context);
  air_stream_registry_configure (registry, &settings);
  air_context_add_timer (context, TICK_MS, on_tick, registry->component);
  air_context_run_in_pool (context, warm_up, NULL, air_stream_registry_ref (registry), (GDestroyNotify)air_stream_registry_unref);
  g_task_return_boolean (task, TRUE);
}

static void
join (GTask *task, void *source, void *data, GCancellable *cancellable)
{
  air_stream_registry_join (data);
  g_task_return_boolean (task, TRUE);
}

static void
on_joined (GObject *source, GAsyncResult *result, void *data)
{
  g_autoptr (GTask) task = data;
  g_task_return_boolean (task, TRUE);
}

/* The pipelines take a moment to end; the main loop does not wait for them. */
static void
stop (void *data, GTask *task)
{
  AirStreamRegistry *registry = data;
  air_stream_registry_stop (registry);
  g_autoptr (GTask) waiting = g_task_new (NULL, NULL, on_joined, g_object_ref (task));
  g_task_set_task_data (waiting, air_stream_registry_ref (registry), (GDestroyNotify)air_stream_registry_unref);
  g_task_run_in_thread (waiting, join);
}

static void
reload (void *data)
{
  AirStreamRegistry *registry = data;
  AirStreamSettings settings = read_settings (registry->component->context);
  air_stream_registry_configure (registry, &settings);
}

static void
destroy (void *data)
{
  AirStreamRegistry *registry = data;
  struct _AirStreamsComponent *self = g_steal_pointer (&registry->component);
  g_hash_table_unref (self->told_protocols);
  g_free (self);
  air_stream_registry_unref (registry);
}

const AirPlugin air_streams_component = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "streams",
  .version = AIR_VERSION,
  .summary = "Streams: publishers, readers, cached pictures and renditions",
  .options = options,
  .create = create,
  .start = start,
  .stop = stop,
  .destroy = destroy,
  .reload = reload,
};
