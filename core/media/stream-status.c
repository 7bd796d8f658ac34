/* The status document of a stream (StreamStatus in schemas/openapi.yaml), and the warnings in it, in words for a teacher.
 * The `type` of a warning is stable, so that a page can show its own words in its own language. Any thread. */
#include <airclass/json.h>
#include <math.h>

#include "stream-private.h"

#define SECOND_NS INT64_C (1000000000)
/* How long a publisher gets before something is missed. */
#define PATIENCE_US (3 * G_USEC_PER_SEC)
#define LONG_KEYFRAME_INTERVAL_NS (4 * SECOND_NS + SECOND_NS / 2)
#define STALLED_US (2 * G_USEC_PER_SEC)
#define SLOW_UPLINK_NS (2 * SECOND_NS)
#define LOW_FPS 14.5
/* Less than this share of the declared rate arrives. */
#define UNSTABLE_SHARE 0.75

static const char *const state_names[] = { "idle", "live", "held" };
static const char *const protocols[] = { "whep", "rtmp", "rtsp", "hls", "recorder" };

static void add_warning (JsonBuilder *json, const char *type, const char *format, ...) G_GNUC_PRINTF (3, 4);

static void
add_warning (JsonBuilder *json, const char *type, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  json_builder_begin_object (json);
  json_builder_set_member_name (json, "type");
  json_builder_add_string_value (json, type);
  json_builder_set_member_name (json, "text");
  json_builder_add_string_value (json, text);
  json_builder_end_object (json);
}

static void
add_uint (JsonBuilder *json, const char *name, uint64_t value)
{
  json_builder_set_member_name (json, name);
  if (value > 0)
    json_builder_add_int_value (json, (int64_t)value);
  else
    json_builder_add_null_value (json);
}

/* ---- Warnings; the stream's lock is held */

static void
warn_of_keyframes (JsonBuilder *json, const AirStream *stream, int64_t now_us)
{
  const AirStreamMeter *meter = &stream->meter;
  int64_t interval = air_meter_get_keyframe_interval_ns (meter);
  if (meter->keyframe_count == 0 && meter->tracks[AIR_KIND_VIDEO].arrival_us != 0
      && now_us - meter->began_us > PATIENCE_US)
    add_warning (json, "no-keyframe",
                 "No keyframe has come yet, so nobody can see the picture. Stop and start the broadcast, "
                 "set the keyframe interval of the app to 2 seconds, or turn off intra refresh.");
  else if (meter->keyframe_count > 0 && stream->cache.has_video && !stream->cache.has_keyframe)
    add_warning (json, "lost-keyframe",
                 "The last keyframe came so long ago that it is not kept any more. Who joins now, or whose network falters, may see "
                 "no picture until the next one. Stop and start the broadcast, and set the keyframe interval of the app to 2 seconds, "
                 "or turn off intra refresh.");
  else if (interval > LONG_KEYFRAME_INTERVAL_NS)
    add_warning (json, "long-keyframe-interval",
                 "A keyframe comes only every %.0f seconds. Students whose network falters see a frozen picture until the "
                 "next one. Set the keyframe interval of the app to 2 seconds.",
                 (double)interval / SECOND_NS);
}

static void
warn_of_video (JsonBuilder *json, AirStream *stream, int64_t now_us)
{
  const AirTrack *track = stream->tracks[AIR_KIND_VIDEO];
  if (track == NULL || air_meter_has_stopped (&stream->meter, AIR_KIND_VIDEO, now_us))
    {
      add_warning (json, "no-video", "There is sound but no picture. Check the camera in the app.");
      return;
    }
  if (air_track_get_codec (track) != AIR_CODEC_H264)
    add_warning (json, "unsupported-video-codec",
                 "The picture comes as %s, which browsers here cannot show. Choose H.264 in the app.",
                 air_codec_to_string (air_track_get_codec (track)));
  else if (!air_track_is_browser_video (track))
    add_warning (json, "unsupported-video-profile",
                 "The picture comes as H.264 %s, which browsers cannot show. The server converts it, which costs some delay "
                 "and quality. Choose 8 bits and 4:2:0 (OBS: color format NV12) or the profile \"high\" in the app.",
                 air_track_get_profile (track));
  warn_of_keyframes (json, stream, now_us);
  if (stream->meter.bframes)
    add_warning (json, "b-frames",
                 "The app sends B-frames, which browsers cannot play live. The server converts the picture, which costs "
                 "some delay and quality. Turn B-frames off (profile \"baseline\" or tune \"zerolatency\").");
  double fps = air_meter_get_fps (&stream->meter, now_us), declared = air_track_get_frame_rate (track);
  if (fps <= 0 || now_us - stream->meter.began_us < PATIENCE_US)
    return;
  if (fps < LOW_FPS)
    add_warning (json, "low-fps", "Only %.0f pictures a second arrive; movement looks jerky.", fps);
  else if (declared >= LOW_FPS && declared <= 120 && fps < declared * UNSTABLE_SHARE)
    add_warning (json, "unstable-fps",
                 "%.0f of %.0f pictures a second arrive. The phone or its network cannot keep up: choose a lower "
                 "resolution or bitrate.",
                 fps, declared);
}

static void
warn_of_audio (JsonBuilder *json, AirStream *stream, int64_t now_us)
{
  const AirTrack *track = stream->tracks[AIR_KIND_AUDIO];
  if (track == NULL || air_meter_has_stopped (&stream->meter, AIR_KIND_AUDIO, now_us))
    add_warning (json, "no-audio", "There is no sound. Check the microphone in the app.");
  else if (air_track_get_codec (track) != AIR_CODEC_AAC && air_track_get_codec (track) != AIR_CODEC_OPUS)
    add_warning (json, "unsupported-audio-codec",
                 "The sound comes in a format that cannot be played here. Choose AAC in the app.");
}

static void
add_warnings (JsonBuilder *json, AirStream *stream, bool for_teacher, int64_t now_us)
{
  const AirStreamMeter *meter = &stream->meter;
  if (stream->state == AIR_STREAM_HELD)
    add_warning (json, "held", "The broadcast was interrupted. The students wait; it goes on when the app reconnects.");
  if (stream->state != AIR_STREAM_LIVE)
    return;
  /* The second track may come a little after the first. */
  bool settled = now_us - meter->began_us > PATIENCE_US;
  if (stream->tracks[AIR_KIND_VIDEO] != NULL || settled)
    warn_of_video (json, stream, now_us);
  if (stream->tracks[AIR_KIND_AUDIO] != NULL || settled)
    warn_of_audio (json, stream, now_us);
  int64_t silence_us = air_meter_get_silence_us (meter, now_us), lag_ns = air_meter_get_lag_ns (meter);
  if (silence_us > STALLED_US)
    add_warning (json, "stalled", "Nothing has arrived for %.0f seconds. Check the phone's network.",
                 (double)silence_us / G_USEC_PER_SEC);
  else if (lag_ns > SLOW_UPLINK_NS)
    add_warning (json, "slow-uplink",
                 "The broadcast arrives %.0f seconds late: the network of the phone is too slow. Choose a lower bitrate.",
                 (double)lag_ns / SECOND_NS);
  GHashTableIter iter;
  void *name, *failure;
  g_hash_table_iter_init (&iter, stream->failures);
  while (g_hash_table_iter_next (&iter, &name, &failure))
    if (now_us < ((AirRenditionFailure *)failure)->until_us)
      add_warning (json, "rendition-failed", "The conversion \"%s\" does not work%s%s", (char *)name,
                   for_teacher ? ": " : ".", for_teacher ? ((AirRenditionFailure *)failure)->message : "");
  if (for_teacher) /* they may speak of students */
    air_stream_write_warnings_locked (stream, json);
}

/* ---- The document */

static void
add_track (JsonBuilder *json, AirStream *stream, AirKind kind, int64_t now_us)
{
  const AirTrack *track = stream->tracks[kind];
  if (track == NULL)
    return;
  bool live = stream->state == AIR_STREAM_LIVE;
  json_builder_begin_object (json);
  json_builder_set_member_name (json, "kind");
  json_builder_add_string_value (json, kind == AIR_KIND_VIDEO ? "video" : "audio");
  json_builder_set_member_name (json, "codec");
  json_builder_add_string_value (json, air_codec_to_string (air_track_get_codec (track)));
  if (kind == AIR_KIND_VIDEO)
    {
      add_uint (json, "width", air_track_get_width (track));
      add_uint (json, "height", air_track_get_height (track));
      json_builder_set_member_name (json, "fps");
      double fps = live ? air_meter_get_fps (&stream->meter, now_us) : 0;
      json_builder_add_double_value (json, round (fps * 10) / 10);
    }
  else
    {
      add_uint (json, "sample_rate", air_track_get_sample_rate (track));
      add_uint (json, "channels", air_track_get_channels (track));
    }
  json_builder_set_member_name (json, "bitrate_bps");
  json_builder_add_int_value (json, live ? air_meter_get_bitrate_bps (&stream->meter, kind, now_us) : 0);
  json_builder_end_object (json);
}

static void
add_publisher (JsonBuilder *json, const AirPublisher *publisher, bool with_address)
{
  json_builder_set_member_name (json, "publisher");
  if (publisher == NULL)
    {
      json_builder_add_null_value (json);
      return;
    }
  g_autofree char *since = air_time_to_string (publisher->since_us);
  json_builder_begin_object (json);
  json_builder_set_member_name (json, "protocol");
  json_builder_add_string_value (json, publisher->protocol);
  if (with_address)
    {
      json_builder_set_member_name (json, "address");
      json_builder_add_string_value (json, publisher->address);
    }
  json_builder_set_member_name (json, "since");
  json_builder_add_string_value (json, since);
  json_builder_end_object (json);
}

static void
add_readers (JsonBuilder *json, AirStream *stream)
{
  g_autoptr (GHashTable) viewers
    = stream != NULL ? air_stream_count_viewers_locked (stream) : g_hash_table_new (NULL, NULL);
  json_builder_set_member_name (json, "readers");
  json_builder_begin_object (json);
  for (unsigned i = 0; i < G_N_ELEMENTS (protocols); i++)
    {
      json_builder_set_member_name (json, protocols[i]);
      json_builder_add_int_value (json,
                                  GPOINTER_TO_UINT (g_hash_table_lookup (viewers, g_intern_static_string (protocols[i]))));
    }
  json_builder_end_object (json);
}

JsonNode *
air_stream_status (AirStream *stream, const char *path, bool for_teacher, int64_t now_us)
{
  g_autoptr (JsonBuilder) json = json_builder_new_immutable ();
  if (stream != NULL)
    g_mutex_lock (&stream->lock);
  json_builder_begin_object (json);
  json_builder_set_member_name (json, "path");
  json_builder_add_string_value (json, path);
  json_builder_set_member_name (json, "state");
  json_builder_add_string_value (json, state_names[stream != NULL ? stream->state : AIR_STREAM_IDLE]);
  add_publisher (json, stream != NULL ? stream->publisher : NULL, for_teacher);
  json_builder_set_member_name (json, "tracks");
  json_builder_begin_array (json);
  for (int kind = 0; stream != NULL && kind < AIR_KIND_COUNT; kind++)
    add_track (json, stream, kind, now_us);
  json_builder_end_array (json);
  add_uint (json, "keyframe_interval_ms",
            stream != NULL ? (uint64_t)air_meter_get_keyframe_interval_ns (&stream->meter) / 1000000 : 0);
  add_readers (json, stream);
  json_builder_set_member_name (json, "warnings");
  json_builder_begin_array (json);
  if (stream != NULL)
    add_warnings (json, stream, for_teacher, now_us);
  json_builder_end_array (json);
  json_builder_end_object (json);
  JsonNode *node = json_builder_get_root (json);
  if (stream != NULL)
    g_mutex_unlock (&stream->lock);
  return node;
}
