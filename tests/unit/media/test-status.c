/* The status document: measured rates, keyframe interval, warnings. Time is made, not waited for. */
#include <string.h>

#include "media-fixture.h"

#define V AIR_KIND_VIDEO
#define A AIR_KIND_AUDIO
#define KEY AIR_UNIT_KEYFRAME

static JsonObject *
describe (AirStream *stream, int64_t later_us, JsonNode **ret_node)
{
  *ret_node = air_stream_status (stream, stream->path, true, g_get_monotonic_time () + later_us);
  return json_node_get_object (*ret_node);
}

static void
assert_warnings (AirStream *stream, int64_t later_us, const char *expected)
{
  g_autoptr (JsonNode) node = NULL;
  JsonArray *warnings = json_object_get_array_member (describe (stream, later_us, &node), "warnings");
  g_autoptr (GString) types = g_string_new (NULL);
  for (unsigned i = 0; i < json_array_get_length (warnings); i++)
    {
      JsonObject *warning = json_array_get_object_element (warnings, i);
      g_string_append_printf (types, "%s%s", i > 0 ? " " : "", json_object_get_string_member (warning, "type"));
      g_assert_cmpuint (strlen (json_object_get_string_member (warning, "text")), >, 20);
    }
  g_assert_cmpstr (types->str, ==, expected);
}

static AirPublisher *
publish_with (MediaFixture *fixture, AirTrack *video, AirTrack *audio)
{
  AirPublisher *publisher = media_publish (fixture, "live/stream");
  if (video != NULL)
    air_publisher_set_track (publisher, video);
  if (audio != NULL)
    air_publisher_set_track (publisher, audio);
  air_track_unref (video);
  air_track_unref (audio);
  return publisher;
}

/* @seconds of 30 pictures and 50 packets of sound a second. */
static void
push_seconds (AirPublisher *publisher, unsigned seconds, unsigned pictures_per_keyframe)
{
  for (unsigned i = 0; i < seconds * 50; i++)
    {
      if (i % 5 < 3)
        {
          unsigned picture = i / 5 * 3 + i % 5;
          media_push (publisher, V, picture * 1000 / 30, 10000, picture % pictures_per_keyframe == 0 ? KEY : 0);
        }
      media_push (publisher, A, i * 20, 320, 0);
    }
}

static void
test_healthy (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = publish_with (fixture, media_video_track (), media_audio_track ());
  AirStream *stream = air_publisher_get_stream (publisher);
  push_seconds (publisher, 8, 60);
  AirReader *reader = media_read (fixture, stream, AIR_START_LIVE);
  g_autoptr (JsonNode) node = NULL;
  JsonObject *status = describe (stream, 0, &node);
  g_assert_cmpstr (json_object_get_string_member (status, "path"), ==, "live/stream");
  g_assert_cmpstr (json_object_get_string_member (status, "state"), ==, "live");
  JsonObject *from = json_object_get_object_member (status, "publisher");
  g_assert_cmpstr (json_object_get_string_member (from, "protocol"), ==, "test");
  g_assert_cmpstr (json_object_get_string_member (from, "address"), ==, "192.0.2.1");
  g_assert_cmpuint (strlen (json_object_get_string_member (from, "since")), ==, strlen ("2026-01-01T00:00:00.000Z"));
  JsonArray *tracks = json_object_get_array_member (status, "tracks");
  JsonObject *video = json_array_get_object_element (tracks, 0), *audio = json_array_get_object_element (tracks, 1);
  g_assert_cmpstr (json_object_get_string_member (video, "codec"), ==, "h264");
  g_assert_cmpint (json_object_get_int_member (video, "width"), ==, 1280);
  g_assert_cmpfloat_with_epsilon (json_object_get_double_member (video, "fps"), 30, 0.2);
  g_assert_cmpint (ABS (json_object_get_int_member (video, "bitrate_bps") - 2400000), <, 24000);
  g_assert_cmpint (json_object_get_int_member (audio, "sample_rate"), ==, 44100);
  g_assert_cmpint (json_object_get_int_member (audio, "channels"), ==, 2);
  g_assert_cmpint (ABS (json_object_get_int_member (audio, "bitrate_bps") - 128000), <, 1280);
  g_assert_cmpint (json_object_get_int_member (status, "keyframe_interval_ms"), ==, 2000);
  JsonObject *readers = json_object_get_object_member (status, "readers");
  g_assert_cmpint (json_object_get_int_member (readers, "whep"), ==, 1);
  g_assert_cmpint (json_object_get_int_member (readers, "recorder"), ==, 0);
  assert_warnings (stream, 0, "");
  assert_warnings (stream, 4 * G_USEC_PER_SEC, "stalled");
  air_reader_close (reader);
  air_publisher_close (publisher);
  assert_warnings (stream, 0, "held");
}

static void
test_idle (MediaFixture *fixture, const void *data)
{
  g_autoptr (JsonNode) node = air_stream_status (NULL, "live/nobody", true, 0);
  JsonObject *status = json_node_get_object (node);
  g_assert_cmpstr (json_object_get_string_member (status, "state"), ==, "idle");
  g_assert_true (json_object_get_null_member (status, "publisher"));
  g_assert_true (json_object_get_null_member (status, "keyframe_interval_ms"));
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (status, "tracks")), ==, 0);
  g_assert_cmpint (json_object_get_int_member (json_object_get_object_member (status, "readers"), "rtsp"), ==, 0);
}

static void
test_address_is_for_the_teacher (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = publish_with (fixture, media_video_track (), media_audio_track ());
  push_seconds (publisher, 1, 30);
  AirStream *stream = air_publisher_get_stream (publisher);
  g_autoptr (JsonNode) node = air_stream_status (stream, stream->path, false, g_get_monotonic_time ());
  g_autofree char *text = json_to_string (node, FALSE);
  g_assert_null (strstr (text, "192.0.2.1"));
  g_assert_nonnull (strstr (text, "\"protocol\":\"test\""));
  air_publisher_close (publisher);
}

static void
test_missing (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = publish_with (fixture, NULL, media_audio_track ());
  AirStream *stream = air_publisher_get_stream (publisher);
  media_push (publisher, A, 0, 100, 0);
  assert_warnings (stream, 0, ""); /* the picture may still come */
  stream->meter.began_us -= 4 * G_USEC_PER_SEC;
  assert_warnings (stream, 0, "no-video");
  g_autoptr (AirTrack) video = media_video_track ();
  air_publisher_set_track (publisher, video);
  for (unsigned i = 0; i < 100; i++)
    media_push (publisher, V, i * 33, 100, 0);
  assert_warnings (stream, 0, "no-keyframe");
  air_publisher_close (publisher);
  publisher = publish_with (fixture, media_video_track (), NULL);
  media_push (publisher, V, 0, 100, KEY);
  stream->meter.began_us -= 4 * G_USEC_PER_SEC;
  air_stream_registry_tick (fixture->registry, g_get_monotonic_time ());
  assert_warnings (stream, 0, "no-audio");
  air_publisher_close (publisher);
}

/* The one before had keyframes; the one that comes back has none, until it has. */
static void
test_returns_without_keyframe (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = publish_with (fixture, media_video_track (), media_audio_track ());
  AirStream *stream = air_publisher_get_stream (publisher);
  push_seconds (publisher, 4, 60);
  assert_warnings (stream, 0, "");
  air_publisher_close (publisher);
  publisher = publish_with (fixture, media_video_track (), media_audio_track ());
  for (unsigned i = 0; i < 100; i++)
    {
      media_push (publisher, V, i * 33, 10000, 0);
      media_push (publisher, A, i * 33, 320, 0);
    }
  assert_warnings (stream, 0, ""); /* it may still come */
  stream->meter.began_us -= 4 * G_USEC_PER_SEC;
  assert_warnings (stream, 0, "no-keyframe");
  g_autoptr (JsonNode) node = air_stream_status (stream, stream->path, false, g_get_monotonic_time ());
  g_autofree char *for_students = json_to_string (node, FALSE);
  g_assert_nonnull (strstr (for_students, "\"no-keyframe\""));
  media_push (publisher, V, 3333, 10000, KEY);
  assert_warnings (stream, 0, "");
  air_publisher_close (publisher);
}

static void
test_long_keyframe_interval (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = publish_with (fixture, media_video_track (), media_audio_track ());
  AirStream *stream = air_publisher_get_stream (publisher);
  stream->cache.max_bytes = 16 << 20;
  push_seconds (publisher, 6, 300);
  assert_warnings (stream, 0, "long-keyframe-interval"); /* known before the second keyframe */
  air_publisher_close (publisher);
  publisher = publish_with (fixture, media_video_track (), media_audio_track ());
  push_seconds (publisher, 25, 300);
  g_autoptr (JsonNode) node = NULL;
  g_assert_cmpint (json_object_get_int_member (describe (stream, 0, &node), "keyframe_interval_ms"), ==, 10000);
  air_publisher_close (publisher);
}

static void
push_h264 (AirPublisher *publisher, const char *hex, int64_t pts_ms, int64_t dts_ms, unsigned flags)
{
  g_autoptr (GBytes) bytes = media_bytes_from_hex (hex);
  air_publisher_push (publisher, V, gst_buffer_new_wrapped_bytes (bytes), pts_ms * MS, dts_ms * MS, flags);
}

static void
test_bframes (MediaFixture *fixture, const void *data)
{
  bool by_slices = GPOINTER_TO_INT (data);
  AirPublisher *publisher = publish_with (fixture, media_video_track (), media_audio_track ());
  AirStream *stream = air_publisher_get_stream (publisher);
  AirReader *reader = media_read (fixture, stream, AIR_START_LIVE);
  /* I P B P: a constant delay of composition is none yet */
  push_h264 (publisher, "000000026588", 40, 0, KEY);
  push_h264 (publisher, "00000002419a", by_slices ? 80 : 120, 40, 0);
  g_assert_false (air_stream_has_bframes (stream));
  push_h264 (publisher, by_slices ? "00000002019c" : "00000002019a", by_slices ? 120 : 80, 80, 0);
  push_h264 (publisher, "00000002419a", 160, 120, 0);
  g_assert_true (air_stream_has_bframes (stream));
  assert_warnings (stream, 0, "b-frames");
  static const unsigned expected[] = { KEY, 0, AIR_UNIT_REORDERED | AIR_UNIT_NON_REFERENCE, 0 };
  for (unsigned i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      g_autoptr (AirUnit) unit = air_reader_pop (reader);
      g_assert_cmpuint (unit->flags, ==, expected[i]);
    }
  air_reader_close (reader);
  air_publisher_close (publisher);
  publisher = publish_with (fixture, media_video_track (), media_audio_track ());
  g_assert_false (air_stream_has_bframes (stream)); /* another publisher */
  air_publisher_close (publisher);
}

static void
test_frame_rate (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = publish_with (fixture, media_video_track (), media_audio_track ());
  AirStream *stream = air_publisher_get_stream (publisher);
  for (unsigned i = 0; i < 60; i++)
    media_push (publisher, V, i * 50, 100, i % 20 == 0 ? KEY : 0); /* 20 of 30 a second */
  stream->meter.began_us -= 4 * G_USEC_PER_SEC;
  assert_warnings (stream, 0, "unstable-fps");
  for (unsigned i = 0; i < 60; i++)
    media_push (publisher, V, 3000 + i * 100, 100, i % 20 == 0 ? KEY : 0);
  assert_warnings (stream, 0, "low-fps");
  air_publisher_close (publisher);
}

static void
test_unsupported (MediaFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  AirTrack *video = media_track_from_hex (V, AIR_CODEC_AV1, "video/x-av1", "812000000a0d200000043cfeccdaf92021a004", &error);
  g_assert_no_error (error);
  AirPublisher *publisher = publish_with (fixture, video, media_audio_track ());
  media_push (publisher, V, 0, 100, KEY);
  assert_warnings (air_publisher_get_stream (publisher), 0, "unsupported-video-codec");
  air_publisher_close (publisher);
}

static const char *
find_text (JsonNode *node, const char *type, JsonObject **ret_parameters)
{
  JsonArray *warnings = json_object_get_array_member (json_node_get_object (node), "warnings");
  for (unsigned i = 0; i < json_array_get_length (warnings); i++)
    {
      JsonObject *warning = json_array_get_object_element (warnings, i);
      if (strcmp (json_object_get_string_member (warning, "type"), type) != 0)
        continue;
      *ret_parameters
        = json_object_has_member (warning, "parameters") ? json_object_get_object_member (warning, "parameters") : NULL;
      return json_object_get_string_member (warning, "text");
    }
  return NULL;
}

/* Warnings of plugins: for the teacher, replaced and cleared by type and owner, gone with their owner. */
static void
test_plugins_warn (MediaFixture *fixture, const void *data)
{
  AirContext *one = (AirContext *)"one", *other = (AirContext *)"other";
  AirPublisher *publisher = publish_with (fixture, media_video_track (), media_audio_track ());
  AirStream *stream = air_publisher_get_stream (publisher);
  push_seconds (publisher, 1, 30);
  JsonObject *parameters = json_object_new ();
  json_object_set_int_member (parameters, "affected", 3);
  air_stream_set_warning (stream, one, "class-students", "Three students have trouble.", NULL);
  air_stream_set_warning (stream, one, "class-students", "Three students have trouble with it.", parameters);
  air_stream_set_warning (stream, one, "class-server", "The server has too much to do.", NULL);
  air_stream_set_warning (stream, other, "class-server", "The disk of the server is full.", NULL);
  assert_warnings (stream, 0, "class-students class-server class-server");
  g_autoptr (JsonNode) teacher = NULL;
  describe (stream, 0, &teacher);
  g_assert_cmpstr (find_text (teacher, "class-students", &parameters), ==, "Three students have trouble with it.");
  g_assert_cmpint (json_object_get_int_member (parameters, "affected"), ==, 3);
  g_autoptr (JsonNode) student = air_stream_status (stream, stream->path, false, g_get_monotonic_time ());
  g_assert_null (find_text (student, "class-students", &parameters));
  air_stream_clear_warning (stream, other, "class-students"); /* not its own */
  air_stream_clear_warning (stream, one, "class-students");
  assert_warnings (stream, 0, "class-server class-server");
  air_stream_registry_remove_owner (fixture->registry, one);
  g_autoptr (JsonNode) left = NULL;
  describe (stream, 0, &left);
  g_assert_cmpstr (find_text (left, "class-server", &parameters), ==, "The disk of the server is full.");
  assert_warnings (stream, 0, "class-server");
  for (char i = 'a'; i < 'h'; i++)
    {
      char type[] = { i, '\0' };
      air_stream_set_warning (stream, other, type, "one of the seven further ones", NULL);
    }
  g_test_expect_message ("air-streams", G_LOG_LEVEL_CRITICAL, "*more than 8 warnings*\"h\"*");
  air_stream_set_warning (stream, other, "h", "one too many of them is here", NULL);
  g_test_assert_expected_messages ();
  air_publisher_close (publisher);
}

static void
test_ingest (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = publish_with (fixture, media_video_track (), media_audio_track ());
  AirStream *stream = air_publisher_get_stream (publisher);
  AirStreamIngest ingest;
  g_assert_false (air_stream_get_ingest (stream, &ingest));
  push_seconds (publisher, 6, 60);
  g_assert_true (air_stream_get_ingest (stream, &ingest));
  g_assert_cmpfloat_with_epsilon (ingest.fps, 30, 0.2);
  g_assert_cmpfloat_with_epsilon (ingest.declared_fps, 30, 0.2);
  g_assert_cmpuint (ingest.bitrate_bps, >, 2400000);
  g_assert_cmpint (ingest.silence_us, <, G_USEC_PER_SEC);
  air_publisher_close (publisher);
  g_assert_false (air_stream_get_ingest (stream, &ingest));
}

/* What is longer than is kept can be joined by nobody until the next keyframe. */
static void
test_lost_keyframe (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = publish_with (fixture, media_video_track (), media_audio_track ());
  AirStream *stream = air_publisher_get_stream (publisher);
  stream->cache.max_bytes = 1 << 20;
  push_seconds (publisher, 6, 300);
  assert_warnings (stream, 0, "lost-keyframe");
  media_push (publisher, V, 6010, 10000, KEY);
  assert_warnings (stream, 0, "long-keyframe-interval");
  air_publisher_close (publisher);
}

/* One track that does not go on is told of like one that never came; that it was away makes no long keyframe interval. */
static void
test_stopped_track (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = publish_with (fixture, media_video_track (), media_audio_track ());
  AirStream *stream = air_publisher_get_stream (publisher);
  push_seconds (publisher, 4, 60);
  AirTrackMeter *tracks = stream->meter.tracks;
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    {
      tracks[kind].arrival_us -= 6 * G_USEC_PER_SEC;
      assert_warnings (stream, 0, kind == AIR_KIND_VIDEO ? "no-video" : "no-audio");
      assert_warnings (stream, 3 * G_USEC_PER_SEC, "stalled"); /* all of it */
      tracks[kind].arrival_us += 6 * G_USEC_PER_SEC;
    }
  assert_warnings (stream, 0, "");
  tracks[AIR_KIND_VIDEO].arrival_us -= 24 * G_USEC_PER_SEC;
  for (unsigned i = 0; i < 300; i++)
    media_push (publisher, V, 28000 + i * 1000 / 30, 10000, i % 60 == 59 ? KEY : 0);
  g_autoptr (JsonNode) node = NULL;
  g_assert_cmpint (json_object_get_int_member (describe (stream, 0, &node), "keyframe_interval_ms"), <=, 4000);
  air_publisher_close (publisher);
}

/* Lateness is that of the last two seconds: an outage grows while it lasts, and is over soon after what was late has come. */
static void
test_late (void)
{
  g_autoptr (AirTrack) track = media_audio_track ();
  AirStreamMeter meter;
  air_meter_begin (&meter);
  int64_t start_us = 100 * G_USEC_PER_SEC, end_us = 0;
  for (int64_t time_ms = 0; time_ms < 10000; time_ms += 20)
    {
      if (time_ms == 5000)
        g_assert_cmpint (air_meter_get_late_ns (&meter, end_us + 10000), <, 20 * MS);
      g_autoptr (AirUnit) unit = air_unit_new (track, gst_buffer_new (), time_ms * MS, time_ms * MS, 0);
      end_us = start_us + (time_ms >= 5000 && time_ms < 6500 ? 6500 : time_ms) * 1000; /* 1.5 s come at once */
      unit->arrival_us = end_us;
      if (time_ms == 5000)
        g_assert_cmpint (air_meter_get_late_ns (&meter, end_us - 1000) / MS, >, 1400);
      air_meter_add (&meter, unit);
      if (time_ms == 7000)
        g_assert_cmpint (air_meter_get_late_ns (&meter, end_us) / MS, >, 1400);
    }
  g_assert_cmpint (air_meter_get_late_ns (&meter, end_us) / MS, <, 200);
}

/* A lag that grows is told, one that a burst at the beginning left is forgotten. */
static void
test_lag (void)
{
  static const struct
  {
    int64_t burst_ms;  /* that came at once at the beginning */
    unsigned slowness; /* percent that the uplink lacks */
    bool slow;
  } cases[] = { { 0, 0, false }, { 4000, 0, false }, { 0, 20, true }, { 0, 1, false } };
  g_autoptr (AirTrack) track = media_audio_track ();
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      AirStreamMeter meter;
      air_meter_begin (&meter);
      for (int64_t time_ms = 0; time_ms < 90000; time_ms += 20)
        {
          g_autoptr (AirUnit) unit = air_unit_new (track, gst_buffer_new (), time_ms * MS, time_ms * MS, 0);
          int64_t arrival_ms = MAX (time_ms - cases[i].burst_ms, 0);
          unit->arrival_us = 1000000 + arrival_ms * (100 + cases[i].slowness) * 10;
          air_meter_add (&meter, unit);
        }
      g_assert_cmpint (air_meter_get_lag_ns (&meter) > 2000 * MS, ==, cases[i].slow);
    }
}

/* What lies between the clocks of picture and sound is nobody's network. */
static void
test_lag_of_clocks (void)
{
  g_autoptr (AirTrack) video = media_video_track (), audio = media_audio_track ();
  AirTrack *tracks[] = { video, audio };
  AirStreamMeter meter;
  air_meter_begin (&meter);
  for (int64_t time_ms = 0; time_ms < 10000; time_ms += 20)
    for (int kind = 0; kind < AIR_KIND_COUNT; kind++)
      {
        int64_t dts_ms = time_ms + (kind == AIR_KIND_VIDEO ? 8000 : 0);
        g_autoptr (AirUnit) unit = air_unit_new (tracks[kind], gst_buffer_new (), dts_ms * MS, dts_ms * MS, 0);
        unit->arrival_us = 1000000 + time_ms * 1000;
        air_meter_add (&meter, unit);
        g_assert_cmpint (air_meter_get_late_ns (&meter, unit->arrival_us), <, 20 * MS);
      }
}

/* A clock that stood still for 20 s: late at first, then not. */
static void
test_lag_of_pause (void)
{
  g_autoptr (AirTrack) track = media_audio_track ();
  AirStreamMeter meter;
  air_meter_begin (&meter);
  int64_t now_us = 0;
  for (int64_t time_ms = 0; time_ms < 30000; time_ms += 20)
    {
      g_autoptr (AirUnit) unit = air_unit_new (track, gst_buffer_new (), time_ms * MS, time_ms * MS, 0);
      unit->arrival_us = now_us = 1000000 + (time_ms + (time_ms >= 10000 ? 20000 : 0)) * 1000;
      air_meter_add (&meter, unit);
      if (time_ms == 12000)
        g_assert_cmpint (air_meter_get_lag_ns (&meter), >, 18000 * MS);
    }
  g_assert_cmpint (air_meter_get_late_ns (&meter, now_us), <, 20 * MS);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function, data)                                                                                     \
  g_test_add ("/status/" name, MediaFixture, data, media_fixture_set_up, function, media_fixture_tear_down)
  ADD ("healthy", test_healthy, NULL);
  ADD ("idle", test_idle, NULL);
  ADD ("address", test_address_is_for_the_teacher, NULL);
  ADD ("missing", test_missing, NULL);
  ADD ("long-keyframe-interval", test_long_keyframe_interval, NULL);
  ADD ("lost-keyframe", test_lost_keyframe, NULL);
  ADD ("stopped-track", test_stopped_track, NULL);
  ADD ("returns-without-keyframe", test_returns_without_keyframe, NULL);
  ADD ("b-frames-by-order", test_bframes, GINT_TO_POINTER (0));
  ADD ("b-frames-by-slices", test_bframes, GINT_TO_POINTER (1));
  ADD ("frame-rate", test_frame_rate, NULL);
  ADD ("unsupported", test_unsupported, NULL);
  ADD ("plugins-warn", test_plugins_warn, NULL);
  ADD ("ingest", test_ingest, NULL);
  g_test_add_func ("/status/late", test_late);
  g_test_add_func ("/status/lag", test_lag);
  g_test_add_func ("/status/lag-of-clocks", test_lag_of_clocks);
  g_test_add_func ("/status/lag-of-pause", test_lag_of_pause);
  return g_test_run ();
}
