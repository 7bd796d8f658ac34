/* HLS (RFC 8216): the class with some seconds of delay for those whose network lets nothing but HTTP through.
 *
 * Main thread, but for the pipelines (hls-mux.c). A stream is put into MPEG-TS, once for all, while somebody asks for its
 * playlist; segments are in memory. */
#include <airclass/airclass.h>

#include "hls-stream.h"

#define CHECK_MS 1000

typedef struct
{
  AirContext *context;
  HlsSettings settings;
  unsigned max_streams;
  AirMetric *running; /* gauge */
  GHashTable *streams; /* path → HlsStream */
} Hls;

static const AirOption options[] = {
  { .key = "segment",
    .type = AIR_OPTION_DURATION,
    .default_value = "2 s",
    .minimum = 1000,
    .maximum = 10000,
    .help = "A segment ends with the first keyframe after so long. Players are about three segments behind." },
  { .key = "segments",
    .type = AIR_OPTION_INT,
    .default_value = "6",
    .minimum = 3,
    .maximum = 30,
    .help = "How many segments the playlist names." },
  { .key = "max_streams",
    .type = AIR_OPTION_INT,
    .default_value = "32",
    .minimum = 1,
    .maximum = 1000,
    .help = "How many streams are made into HLS at once; each holds up to twice `segments=` segments in memory." },
  { .key = NULL },
};

/* Returns: (transfer full) the caller, or NULL after a refusal. */
static AirIdentity *
authorize (Hls *hls, AirRequest *request, const char *path)
{
  g_autoptr (GError) error = NULL;
  AirAccess access = {
    .action = AIR_ACTION_READ,
    .path = path,
    .protocol = "hls",
    .address = air_request_get_address (request),
    .token = air_request_get_token (request),
  };
  if (!air_stream_path_is_valid (path))
    {
      air_request_reply_problem (request, 400, "path-invalid", "That is no path of a stream.");
      return NULL;
    }
  AirIdentity *identity = air_context_authorize (hls->context, &access, &error);
  if (!identity)
    air_request_reply_error (request, error);
  return identity;
}

/* One who asks again and again is one viewer: a token, or an address without one. (transfer full) */
static char *
name_viewer (AirRequest *request, AirIdentity *identity)
{
  const char *token_id = air_identity_get_token_id (identity);
  return token_id ? g_strdup (token_id) : g_inet_address_to_string (air_request_get_address (request));
}

/* Begins where nobody has asked for it yet. Returns: (transfer none), NULL after a refusal. */
static HlsStream *
find_or_begin (Hls *hls, AirRequest *request, const char *path)
{
  HlsStream *made = g_hash_table_lookup (hls->streams, path);
  if (made && !hls_stream_has_ended (made))
    return made;
  g_autoptr (AirStream) stream = air_context_find_stream (hls->context, path);
  if (!stream && made)
    return made; /* its last segments */
  if (!stream)
    {
      hls_refuse_idle (request, "Nobody publishes this stream now.");
      return NULL;
    }
  if (!made && g_hash_table_size (hls->streams) >= hls->max_streams)
    {
      air_request_reply_problem (request, 503, "too-many-streams", "This server makes as many streams into HLS as it may.");
      return NULL;
    }
  g_autoptr (GError) error = NULL;
  made = hls_stream_new (hls->context, stream, &hls->settings, &error);
  if (made)
    g_hash_table_replace (hls->streams, g_strdup (path), made);
  else if (g_error_matches (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED))
    air_request_reply_problem (request, 406, "stream-not-playable", error->message);
  else if (g_error_matches (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE) || g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND))
    hls_refuse_idle (request, error->message);
  else
    air_request_reply_error (request, error);
  air_metric_set (hls->running, g_hash_table_size (hls->streams), NULL);
  return made;
}

static void
get_playlist (AirRequest *request, void *self)
{
  Hls *hls = self;
  const char *path = air_request_get_variable (request, "path");
  g_autoptr (AirIdentity) identity = authorize (hls, request, path);
  if (!identity)
    return;
  g_autofree char *viewer = name_viewer (request, identity);
  HlsStream *stream = find_or_begin (hls, request, path);
  if (stream)
    hls_stream_reply_playlist (stream, request, viewer, air_request_get_query (request, "jwt"));
}

static void
get_segment (AirRequest *request, void *self)
{
  Hls *hls = self;
  const char *path = air_request_get_variable (request, "path");
  g_autoptr (AirIdentity) identity = authorize (hls, request, path);
  if (!identity)
    return;
  HlsStream *stream = g_hash_table_lookup (hls->streams, path);
  g_autofree char *viewer = name_viewer (request, identity);
  if (stream)
    hls_stream_reply_segment (stream, request, viewer, air_request_get_variable (request, "segment"));
  else
    air_request_reply_problem (request, 404, "not-found", "There is no such segment, or no longer.");
}

static void
check_streams (void *data)
{
  Hls *hls = data;
  GHashTableIter iter;
  gpointer stream;
  g_hash_table_iter_init (&iter, hls->streams);
  while (g_hash_table_iter_next (&iter, NULL, &stream))
    if (!hls_stream_check (stream, g_get_monotonic_time ()))
      g_hash_table_iter_remove (&iter);
  air_metric_set (hls->running, g_hash_table_size (hls->streams), NULL);
}

/* ---- The plugin */

static const AirRoute playlist_route = {
  .method = "GET",
  .template = "/{path}/index.m3u8",
  .summary = "The stream as HLS: the media playlist",
  .handler = get_playlist,
};

static const AirRoute segment_route = {
  .method = "GET",
  .template = "/{path}/hls/{segment}",
  .summary = "One segment of a stream as HLS",
  .handler = get_segment,
};

static void *
hls_create (AirContext *context, GError **error)
{
  Hls *hls = g_new0 (Hls, 1);
  hls->context = context;
  hls->streams = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)hls_stream_free);
  hls->settings.segments = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_hls_segments_total",
                                                   "Segments of HLS that were made.", NULL, NULL);
  hls->running = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_hls_streams", "Streams that are made into HLS now.",
                                         NULL, NULL);
  air_context_add_route (context, &playlist_route);
  air_context_add_route (context, &segment_route);
  return hls;
}

static void
hls_start (void *self, GTask *task)
{
  Hls *hls = self;
  hls->settings.segment_ms = air_context_get_int (hls->context, "segment");
  hls->settings.window = (unsigned)air_context_get_int (hls->context, "segments");
  hls->max_streams = (unsigned)air_context_get_int (hls->context, "max_streams");
  air_context_add_timer (hls->context, CHECK_MS, check_streams, hls);
  g_task_return_boolean (task, TRUE);
}

static void
hls_stop (void *self, GTask *task)
{
  Hls *hls = self;
  g_hash_table_remove_all (hls->streams);
  g_task_return_boolean (task, TRUE);
}

static void
hls_destroy (void *self)
{
  Hls *hls = self;
  g_hash_table_unref (hls->streams);
  g_free (hls);
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "hls-egress",
  .version = "1.0",
  .summary = "Plays streams over plain HTTP, some seconds later (HLS)",
  .options = options,
  .create = hls_create,
  .start = hls_start,
  .stop = hls_stop,
  .destroy = hls_destroy,
};
