/* See media-fixture.h. */
#include "media-fixture.h"

#define VIDEO_720P "0164001fffe1001a6764001facd9405005bb0110000003001000000303c0f183196001000668ebe3cb22c0fdf8f800"
#define VIDEO_360P "0142c01effe100196742c01ed900a02ff970110000030001000003003c0f162e4801000568cb83cb20"

static const char *const state_names[] = { "idle", "live", "held" };

static void
on_state (AirStream *stream, AirStreamState state, AirStreamState previous, const char *protocol, const char *address,
          const char *reason, void *data)
{
  MediaFixture *fixture = data;
  g_mutex_lock (&fixture->lock);
  g_string_append_printf (fixture->events, "%s>%s ", state_names[previous], state_names[state]);
  g_mutex_unlock (&fixture->lock);
}

static void
on_tracks (AirStream *stream, AirTrack *const tracks[AIR_KIND_COUNT], void *data)
{
  MediaFixture *fixture = data;
  g_mutex_lock (&fixture->lock);
  g_string_append (fixture->events, "tracks");
  for (int kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (tracks[kind] != NULL)
      g_string_append_printf (fixture->events, ":%s", air_codec_to_string (air_track_get_codec (tracks[kind])));
  g_string_append_c (fixture->events, ' ');
  g_mutex_unlock (&fixture->lock);
}

static void
on_readers (AirStream *stream, const char *protocol, unsigned viewers, void *data)
{
  MediaFixture *fixture = data;
  g_mutex_lock (&fixture->lock);
  g_string_append_printf (fixture->events, "%s=%u ", protocol, viewers);
  g_mutex_unlock (&fixture->lock);
}

AirStreamSettings
media_settings (void)
{
  return (AirStreamSettings){
    .hold_us = 30 * G_USEC_PER_SEC,
    .gop_cache_bytes = 1024 * 1024,
    .gop_cache_ns = 20000 * MS,
    .max_streams = 4,
    .max_readers = 8,
    .rendition_grace_us = 0,
    .rendition_retry_us = 1000,
    .max_renditions = 4,
    .pipeline_dir = g_getenv ("AIR_PIPELINE_DIR"),
  };
}

void
media_fixture_set_up (MediaFixture *fixture, const void *data)
{
  g_mutex_init (&fixture->lock);
  fixture->events = g_string_new (NULL);
  AirStreamHooks hooks = { .state = on_state, .tracks = on_tracks, .readers = on_readers, .data = fixture };
  AirStreamSettings settings = media_settings ();
  fixture->registry = air_stream_registry_new (&hooks, &settings);
}

void
media_fixture_tear_down (MediaFixture *fixture, const void *data)
{
  air_stream_registry_stop (fixture->registry);
  air_stream_registry_join (fixture->registry);
  g_assert_cmpuint (air_stream_registry_count_owner (fixture->registry, NULL), ==, 0);
  /* Whoever still has a reference has leaked a stream, a reader or a publisher; a thread that leaves gives its own back
   * at the very end. */
  int64_t deadline = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;
  while (!g_atomic_ref_count_compare (&fixture->registry->references, 1))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_thread_yield ();
    }
  air_stream_registry_unref (fixture->registry);
  g_string_free (fixture->events, TRUE);
  g_mutex_clear (&fixture->lock);
}

char *
media_take_events (MediaFixture *fixture)
{
  g_mutex_lock (&fixture->lock);
  char *events = g_string_free (fixture->events, FALSE);
  fixture->events = g_string_new (NULL);
  g_mutex_unlock (&fixture->lock);
  return g_strchomp (events);
}

GBytes *
media_bytes_from_hex (const char *hex)
{
  GByteArray *bytes = g_byte_array_new ();
  for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2)
    {
      uint8_t byte = (uint8_t)(g_ascii_xdigit_value (hex[0]) << 4 | g_ascii_xdigit_value (hex[1]));
      g_byte_array_append (bytes, &byte, 1);
    }
  return g_byte_array_free_to_bytes (bytes);
}

AirTrack *
media_track_from_hex (AirKind kind, AirCodec codec, const char *media_type, const char *hex, GError **error)
{
  g_autoptr (GBytes) bytes = media_bytes_from_hex (hex);
  g_autoptr (GstCaps) caps = gst_caps_from_string (media_type);
  if (hex[0] != '\0')
    {
      g_autoptr (GstBuffer) buffer = gst_buffer_new_wrapped_bytes (bytes);
      gst_caps_set_simple (caps, "codec_data", GST_TYPE_BUFFER, buffer, NULL);
    }
  return air_track_new (kind, codec, caps, error);
}

static AirTrack *
make_track (AirKind kind, AirCodec codec, const char *media_type, const char *hex)
{
  g_autoptr (GError) error = NULL;
  AirTrack *track = media_track_from_hex (kind, codec, media_type, hex, &error);
  g_assert_no_error (error);
  return track;
}

AirTrack *
media_video_track (void)
{
  return make_track (AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264, stream-format=avc, alignment=au", VIDEO_720P);
}

AirTrack *
media_small_video_track (void)
{
  return make_track (AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264, stream-format=avc, alignment=au", VIDEO_360P);
}

AirTrack *
media_audio_track (void)
{
  return make_track (AIR_KIND_AUDIO, AIR_CODEC_AAC, "audio/mpeg, mpegversion=4, stream-format=raw", "1210");
}

AirPublisher *
media_publish (MediaFixture *fixture, const char *path)
{
  g_autoptr (GError) error = NULL;
  AirPublisherInfo info = { .protocol = "test", .address = "192.0.2.1" };
  AirPublisher *publisher = air_stream_registry_publish (fixture->registry, NULL, path, &info, &error);
  g_assert_no_error (error);
  return publisher;
}

AirReader *
media_read (MediaFixture *fixture, AirStream *stream, AirStart start)
{
  g_autoptr (GError) error = NULL;
  AirReaderConfig config = { .protocol = "whep", .start = start };
  AirReader *reader = air_stream_registry_add_reader (fixture->registry, NULL, stream, &config, &error);
  g_assert_no_error (error);
  return reader;
}

void
media_push (AirPublisher *publisher, AirKind kind, int64_t dts_ms, size_t size, unsigned flags)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);
  gst_buffer_memset (buffer, 0, 0, size);
  air_publisher_push (publisher, kind, buffer, dts_ms * MS, dts_ms * MS, flags);
}

char *
media_drain (AirReader *reader)
{
  GString *text = g_string_new (NULL);
  AirUnit *unit;
  while ((unit = air_reader_pop (reader)) != NULL)
    {
      bool audio = air_track_get_kind (unit->track) == AIR_KIND_AUDIO;
      g_string_append_printf (text, "%s%c%" G_GINT64_FORMAT " ", unit->flags & AIR_UNIT_DISCONTINUITY ? "!" : "",
                              audio ? 'a' : unit->flags & AIR_UNIT_KEYFRAME ? 'K' : 'd',
                              (unit->dts_ns - AIR_TIMELINE_START_NS) / MS);
      air_unit_unref (unit);
    }
  return g_strchomp (g_string_free (text, FALSE));
}
