/* Renditions with real pipelines: what comes out, that sound and picture stay together, start and stop, broken templates. */
#include <glib/gstdio.h>
#include <string.h>

#include "codec-bench.h"
#include "media-fixture.h"
#include "media/rendition.h"

#define V AIR_KIND_VIDEO
#define A AIR_KIND_AUDIO
#define DEADLINE_US (30 * G_USEC_PER_SEC)

/* Waits until @condition holds; the only clock is the deadline after which the test has failed. */
#define WAIT_FOR(condition)                                                                                           \
  G_STMT_START                                                                                                        \
  {                                                                                                                   \
    int64_t deadline = g_get_monotonic_time () + DEADLINE_US;                                                         \
    while (!(condition))                                                                                              \
      {                                                                                                               \
        g_assert_cmpint (g_get_monotonic_time (), <, deadline);                                                       \
        g_usleep (1000);                                                                                              \
      }                                                                                                               \
  }                                                                                                                   \
  G_STMT_END

static unsigned
count_readers (AirStream *stream)
{
  g_mutex_lock (&stream->lock);
  unsigned readers = stream->readers->len;
  g_mutex_unlock (&stream->lock);
  return readers;
}

static void
announce (AirPublisher *publisher, AirKind kind, GPtrArray *samples)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AirTrack) track = air_track_new (kind, kind == V ? AIR_CODEC_H264 : AIR_CODEC_AAC,
                                              gst_sample_get_caps (samples->pdata[0]), &error);
  g_assert_no_error (error);
  air_publisher_set_track (publisher, track);
}

/* As RTMP brings it: whole milliseconds, from @base_ms on the publisher's clock. */
static void
push_sample (AirPublisher *publisher, AirKind kind, GstSample *sample, int64_t base_ms)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  unsigned flags = GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT) ? 0 : AIR_UNIT_KEYFRAME;
  /* x264enc's first DTS lies before 0. */
  int64_t dts_ms = base_ms + 1000 + bench_dts (sample) / MS, pts_ms = base_ms + 1000 + bench_pts (sample) / MS;
  air_publisher_push (publisher, kind, gst_buffer_copy (buffer), pts_ms * MS, dts_ms * MS, flags);
}

static void
push_range (AirPublisher *publisher, AirKind kind, GPtrArray *samples, unsigned from, unsigned to)
{
  for (unsigned i = from; i < MIN (to, samples->len); i++)
    push_sample (publisher, kind, samples->pdata[i], 0);
}

/* Appends what waits at @reader. */
static void
collect (AirReader *reader, GPtrArray *units)
{
  AirUnit *unit;
  while ((unit = air_reader_pop (reader)) != NULL)
    g_ptr_array_add (units, unit);
}

static GPtrArray *
new_units (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)air_unit_unref);
}

static GPtrArray *
decode (GPtrArray *units, const char *launch)
{
  g_autoptr (GPtrArray) buffers = g_ptr_array_new ();
  for (unsigned i = 0; i < units->len; i++)
    g_ptr_array_add (buffers, ((AirUnit *)units->pdata[i])->buffer);
  return bench_run_caps (launch, air_track_get_caps (((AirUnit *)units->pdata[0])->track), buffers);
}

static AirStream *
get_rendition (AirStream *stream, const char *name)
{
  g_autoptr (GError) error = NULL;
  AirStream *rendition = air_stream_get_rendition (stream, name, &error);
  g_assert_no_error (error);
  return rendition;
}

/* Sound and picture of a publisher with B-frames and 44.1 kHz, through both renditions. */
static void
test_lip_sync (MediaFixture *fixture, const void *data)
{
  unsigned rate = 44100, channels = GPOINTER_TO_UINT (data);
  g_autoptr (GPtrArray) video = bench_encode_video (64, 48, 90, 45, true);
  g_autoptr (GPtrArray) audio = bench_encode_audio (rate, channels, 3000, 1500);
  AirPublisher *publisher = media_publish (fixture, "live/stream");
  announce (publisher, V, video);
  announce (publisher, A, audio);
  push_sample (publisher, V, video->pdata[0], 0);
  push_sample (publisher, A, audio->pdata[0], 0);
  AirStream *stream = air_publisher_get_stream (publisher);
  g_autoptr (AirStream) opus = get_rendition (stream, "opus"), plain = get_rendition (stream, "h264-nobframes");
  g_autoptr (AirStream) again = get_rendition (stream, "opus");
  g_assert_true (again == opus);
  AirReader *source = media_read (fixture, stream, AIR_START_CACHED);
  AirReader *sound = media_read (fixture, opus, AIR_START_CACHED);
  AirReader *picture = media_read (fixture, plain, AIR_START_CACHED);
  WAIT_FOR (count_readers (stream) == 3);
  for (unsigned v = 1, a = 1; v < video->len || a < audio->len;)
    if (a >= audio->len || (v < video->len && bench_dts (video->pdata[v]) < bench_dts (audio->pdata[a])))
      push_sample (publisher, V, video->pdata[v++], 0);
    else
      push_sample (publisher, A, audio->pdata[a++], 0);
  g_autoptr (GPtrArray) sources = new_units (), sounds = new_units (), pictures = new_units ();
  WAIT_FOR ((collect (sound, sounds), collect (picture, pictures), sounds->len >= 140 && pictures->len >= 85));
  collect (source, sources);
  g_assert_true (air_stream_has_bframes (stream));
  g_assert_false (air_stream_has_bframes (plain));

  g_autoptr (GPtrArray) source_sounds = g_ptr_array_new (), source_pictures = g_ptr_array_new ();
  for (unsigned i = 0; i < sources->len; i++)
    {
      AirUnit *unit = sources->pdata[i];
      g_ptr_array_add (air_track_get_kind (unit->track) == V ? source_pictures : source_sounds, unit);
    }
  g_autoptr (GPtrArray) raw_in = decode (source_sounds, "avdec_aac ! audioconvert ! audio/x-raw, format=S16LE");
  g_autoptr (GPtrArray) raw_out = decode (sounds, "opusdec ! audioconvert ! audio/x-raw, format=S16LE");
  g_autoptr (GPtrArray) seen_in = decode (source_pictures, "avdec_h264 ! video/x-raw, format=I420");
  g_autoptr (GPtrArray) seen_out = decode (pictures, "avdec_h264 ! video/x-raw, format=I420");
  int64_t onset_in = bench_find_onset (raw_in), onset_out = bench_find_onset (raw_out);
  int64_t flash_in = bench_find_flash (seen_in), flash_out = bench_find_flash (seen_out);
  g_test_message ("ms: onset %d → %d, flash %d → %d", (int)(onset_in / MS), (int)(onset_out / MS), (int)(flash_in / MS),
                  (int)(flash_out / MS));
  g_assert_true (onset_in > 0 && onset_out > 0 && flash_in > 0 && flash_out > 0);
  int64_t drift = (onset_out - flash_out) - (onset_in - flash_in);
  g_assert_cmpint (ABS (drift), <=, 40 * MS);
  g_assert_cmpint (ABS (flash_out - flash_in), <=, 2 * MS);

  AirUnit *first = pictures->pdata[0], *packet = sounds->pdata[0];
  g_assert_true (first->flags & AIR_UNIT_KEYFRAME);
  g_assert_cmpstr (air_track_get_profile (first->track), ==, "constrained-baseline");
  g_assert_nonnull (air_track_get_codec_data (first->track));
  g_assert_cmpint (air_track_get_codec (packet->track), ==, AIR_CODEC_OPUS);
  g_assert_cmpuint (air_track_get_channels (packet->track), ==, 2);
  for (unsigned i = 1; i < sounds->len; i++)
    {
      int64_t step = ((AirUnit *)sounds->pdata[i])->pts_ns - ((AirUnit *)sounds->pdata[i - 1])->pts_ns;
      g_assert_cmpint (ABS (step - 20 * MS), <=, 15 * MS);
    }
  air_reader_close (source);
  air_reader_close (sound);
  air_reader_close (picture);
  air_publisher_close (publisher);
}

/* Joined between two keyframes: what was before is decoded but not encoded, the first picture out is a keyframe. */
static void
test_join (MediaFixture *fixture, const void *data)
{
  g_autoptr (GPtrArray) video = bench_encode_video (64, 48, 120, 200, true);
  AirPublisher *publisher = media_publish (fixture, "live/stream");
  announce (publisher, V, video);
  push_range (publisher, V, video, 0, 60);
  AirStream *stream = air_publisher_get_stream (publisher);
  int64_t joined_ns = stream->meter.newest_pts_ns;
  g_autoptr (AirStream) plain = get_rendition (stream, "h264-nobframes");
  AirReader *reader = media_read (fixture, plain, AIR_START_CACHED);
  WAIT_FOR (count_readers (stream) == 1);
  push_range (publisher, V, video, 60, 120);
  g_autoptr (GPtrArray) units = new_units ();
  WAIT_FOR ((collect (reader, units), units->len >= 55));
  AirUnit *first = units->pdata[0];
  g_assert_true (first->flags & AIR_UNIT_KEYFRAME);
  g_assert_cmpint (first->pts_ns, >=, joined_ns - 200 * MS);
  g_assert_cmpint (first->pts_ns, <=, joined_ns + 50 * MS);
  g_assert_cmpuint (units->len, <=, 66);
  for (unsigned i = 1; i < units->len; i++)
    g_assert_cmpint (((AirUnit *)units->pdata[i])->pts_ns, >, ((AirUnit *)units->pdata[i - 1])->pts_ns);
  air_reader_close (reader);
  air_publisher_close (publisher);
}

static AirUnit *
wait_unit (AirReader *reader)
{
  AirUnit *unit = NULL;
  WAIT_FOR ((unit = air_reader_pop (reader)) != NULL);
  return unit;
}

/* Nobody reads, but the pictures are decoded: a first reader begins with a keyframe at the present, and so does one who
 * comes when the first has long gone. */
static void
test_standby (MediaFixture *fixture, const void *data)
{
  g_autoptr (GPtrArray) video = bench_encode_video (64, 48, 120, 200, true);
  AirStreamSettings settings = media_settings ();
  const uint64_t *standby = &fixture->registry->counters.standby;
  settings.max_standby = 1;
  air_stream_registry_configure (fixture->registry, &settings);
  air_renditions_warm_up (fixture->registry, settings.pipeline_dir, NULL);
  AirPublisher *publisher = media_publish (fixture, "live/stream"), *other = media_publish (fixture, "live/other");
  AirStream *stream = air_publisher_get_stream (publisher);
  announce (publisher, V, video);
  push_range (publisher, V, video, 0, 30);
  air_stream_registry_tick (fixture->registry, g_get_monotonic_time ());
  WAIT_FOR (count_readers (stream) == 1);
  push_range (publisher, V, video, 30, 40);
  WAIT_FOR (__atomic_load_n (standby, __ATOMIC_RELAXED) == 1);
  announce (other, V, video);
  push_range (other, V, video, 0, 30);
  air_stream_registry_tick (fixture->registry, g_get_monotonic_time ());
  g_assert_cmpuint (count_readers (air_publisher_get_stream (other)), ==, 0);

  g_autoptr (AirStream) plain = get_rendition (stream, "h264-nobframes");
  int64_t begun_ns = 0;
  for (unsigned next = 40; next < 120; next += 40)
    {
      AirReader *reader = media_read (fixture, plain, AIR_START_CACHED);
      WAIT_FOR (__atomic_load_n (standby, __ATOMIC_RELAXED) == 0);
      push_range (publisher, V, video, next, next + 20);
      g_autoptr (AirUnit) first = wait_unit (reader);
      g_assert_true (first->flags & AIR_UNIT_KEYFRAME);
      g_assert_cmpint (first->pts_ns, >, begun_ns); /* not with the pictures that were made for the reader before */
      begun_ns = first->pts_ns;
      air_reader_close (reader);
      WAIT_FOR (__atomic_load_n (standby, __ATOMIC_RELAXED) == 1);
      push_range (publisher, V, video, next + 20, next + 40);
    }
  settings.max_standby = 0;
  air_stream_registry_configure (fixture->registry, &settings);
  air_stream_registry_tick (fixture->registry, g_get_monotonic_time ());
  WAIT_FOR (count_readers (stream) == 0);
  air_publisher_close (publisher);
  air_publisher_close (other);
}

static unsigned
count_keyframes (GPtrArray *units)
{
  unsigned keyframes = 0;
  for (unsigned i = 0; i < units->len; i++)
    keyframes += (((AirUnit *)units->pdata[i])->flags & AIR_UNIT_KEYFRAME) != 0;
  return keyframes;
}

static void
test_keyframe_request (MediaFixture *fixture, const void *data)
{
  g_autoptr (GPtrArray) video = bench_encode_video (64, 48, 50, 200, false);
  AirPublisher *publisher = media_publish (fixture, "live/stream");
  announce (publisher, V, video);
  push_range (publisher, V, video, 0, 1);
  AirStream *stream = air_publisher_get_stream (publisher);
  air_stream_request_keyframe (stream); /* nobody can: nothing happens */
  g_autoptr (AirStream) plain = get_rendition (stream, "h264-nobframes");
  AirReader *reader = media_read (fixture, plain, AIR_START_CACHED);
  WAIT_FOR (count_readers (stream) == 1);
  g_autoptr (GPtrArray) units = new_units ();
  push_range (publisher, V, video, 1, 20);
  WAIT_FOR ((collect (reader, units), units->len >= 15));
  g_assert_cmpuint (count_keyframes (units), ==, 1);
  air_stream_request_keyframe (plain);
  /* The request is taken by the rendition's thread: pictures follow as they come out, until it shows. The next keyframe
   * by itself would be the 60th picture. */
  unsigned next = 20;
  WAIT_FOR ((next < units->len + 12 ? push_range (publisher, V, video, next, next + 1), next++ : 0,
             collect (reader, units), count_keyframes (units) == 2));
  air_reader_close (reader);
  air_publisher_close (publisher);
}

/* Fits into 640×360 with its shape, is not enlarged, and keeps time. */
static void
test_low_rung (MediaFixture *fixture, const void *data)
{
  static const struct
  {
    int width, height;
    unsigned low_width, low_height;
  } cases[] = { { 960, 540, 640, 360 }, { 544, 960, 204, 360 }, { 320, 240, 320, 240 } };
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GPtrArray) video = bench_encode_video (cases[i].width, cases[i].height, 20, 900, i == 0);
      g_autofree char *path = g_strdup_printf ("live/stream%u", i);
      AirPublisher *publisher = media_publish (fixture, path);
      announce (publisher, V, video);
      push_range (publisher, V, video, 0, 1);
      g_autoptr (AirStream) low = get_rendition (air_publisher_get_stream (publisher), "low-rung");
      AirReader *reader = media_read (fixture, low, AIR_START_CACHED);
      WAIT_FOR (count_readers (air_publisher_get_stream (publisher)) == 1);
      push_range (publisher, V, video, 1, 20);
      g_autoptr (GPtrArray) units = new_units ();
      WAIT_FOR ((collect (reader, units), units->len >= 12));
      AirUnit *first = units->pdata[0];
      g_assert_true (first->flags & AIR_UNIT_KEYFRAME);
      g_assert_cmpuint (air_track_get_width (first->track), ==, cases[i].low_width);
      g_assert_cmpuint (air_track_get_height (first->track), ==, cases[i].low_height);
      for (unsigned unit = 1; unit < units->len; unit++)
        g_assert_cmpint (((AirUnit *)units->pdata[unit])->pts_ns, >, ((AirUnit *)units->pdata[unit - 1])->pts_ns);
      air_reader_close (reader);
      air_publisher_close (publisher);
    }
}

static void
test_start_and_stop (MediaFixture *fixture, const void *data)
{
  g_autoptr (GPtrArray) audio = bench_encode_audio (48000, 1, 1000, 0);
  AirPublisher *publisher = media_publish (fixture, "live/stream");
  announce (publisher, A, audio);
  push_range (publisher, A, audio, 0, 1);
  AirStream *stream = air_publisher_get_stream (publisher);
  g_autoptr (AirStream) opus = get_rendition (stream, "opus");
  g_assert_cmpstr (air_stream_get_path (opus), ==, "live/stream#opus");
  g_assert_cmpuint (count_readers (stream), ==, 0);
  for (unsigned round = 0; round < 3; round++)
    {
      AirReader *reader = media_read (fixture, opus, AIR_START_LIVE);
      WAIT_FOR (count_readers (stream) == 1);
      g_autoptr (GPtrArray) units = new_units ();
      push_range (publisher, A, audio, 1 + round * 12, 13 + round * 12);
      WAIT_FOR ((collect (reader, units), units->len >= 5));
      air_reader_close (reader);
      WAIT_FOR (count_readers (stream) == 0);
    }
  g_autoptr (JsonNode) status = air_stream_describe (stream);
  JsonObject *readers = json_object_get_object_member (json_node_get_object (status), "readers");
  g_assert_cmpint (json_object_get_int_member (readers, "whep"), ==, 0);
  air_publisher_close (publisher);
}

static void
test_track_change (MediaFixture *fixture, const void *data)
{
  g_autoptr (GPtrArray) large = bench_encode_video (128, 96, 20, 200, true);
  g_autoptr (GPtrArray) small = bench_encode_video (64, 48, 20, 200, true);
  AirPublisher *publisher = media_publish (fixture, "live/stream");
  announce (publisher, V, large);
  push_range (publisher, V, large, 0, 1);
  AirStream *stream = air_publisher_get_stream (publisher);
  g_autoptr (AirStream) plain = get_rendition (stream, "h264-nobframes");
  AirReader *reader = media_read (fixture, plain, AIR_START_CACHED);
  WAIT_FOR (count_readers (stream) == 1);
  push_range (publisher, V, large, 1, 20);
  g_autoptr (GPtrArray) units = new_units ();
  WAIT_FOR ((collect (reader, units), units->len >= 10));
  air_publisher_close (publisher);
  publisher = media_publish (fixture, "live/stream");
  announce (publisher, V, small);
  push_range (publisher, V, small, 0, 20);
  WAIT_FOR ((collect (reader, units),
             air_track_get_width (((AirUnit *)units->pdata[units->len - 1])->track) == 64));
  for (unsigned i = 1; i < units->len; i++)
    {
      const AirUnit *unit = units->pdata[i], *before = units->pdata[i - 1];
      g_assert_cmpint (unit->dts_ns, >, before->dts_ns);
      if (unit->track != before->track)
        g_assert_true (unit->flags & AIR_UNIT_KEYFRAME && unit->flags & AIR_UNIT_DISCONTINUITY);
    }
  g_assert_cmpint (air_reader_get_state (reader), ==, AIR_READER_OPEN);
  air_reader_close (reader);
  air_publisher_close (publisher);
}

/* ---- Templates */

static char *
write_template (const char *folder, const char *name, const char *text)
{
  g_autofree char *base = g_strconcat (name, ".pipeline", NULL);
  char *file = g_build_filename (folder, base, NULL);
  g_assert_true (g_file_set_contents (file, text, -1, NULL));
  return file;
}

#define HEADER "# kind: audio\n# input: audio/mpeg, mpegversion=4\n# output: audio/x-opus\n"

static void
test_broken_templates (MediaFixture *fixture, const void *data)
{
  static const struct
  {
    const char *name, *text, *named;
  } broken[] = {
    { "no-element", HEADER "appsrc name=source ! nosuchdecoder ! appsink name=sink", "nosuchdecoder" },
    { "no-link", HEADER "appsrc name=source ! avdec_aac ! x264enc name=wrong ! appsink name=sink", "wrong" },
    { "no-property", HEADER "appsrc name=source ! avdec_aac ! opusenc colour=red ! appsink name=sink", "colour" },
    { "no-source", HEADER "audiotestsrc ! opusenc ! appsink name=sink", "name=source" },
    { "no-sink", HEADER "appsrc name=source ! fakesink name=sink", "name=sink" },
    { "no-placeholder", HEADER "appsrc name=source ! opusenc bitrate=${colour} ! appsink name=sink", "colour" },
    { "no-header", "appsrc name=source ! appsink name=sink", "# kind:" },
    { "no-kind", "# kind: smell\n# input: a/b\n# output: a/b\nappsrc name=source ! appsink name=sink", "smell" },
    { "no-caps", "# kind: audio\n# input: a/b, c=\n# output: a/b\nappsrc name=source ! appsink name=sink", "input" },
    { "no-gate", "# standby: unplayable\n" HEADER "appsrc name=source ! avdec_aac ! audioconvert ! opusenc ! appsink name=sink", "name=gate" },
    { "no-standby", "# standby: always\n" HEADER "appsrc name=source ! appsink name=sink", "always" },
    { "empty", HEADER, "" },
  };
  g_autofree char *folder = g_dir_make_tmp ("air-media-XXXXXX", NULL);
  AirStreamSettings settings = media_settings ();
  settings.pipeline_dir = folder;
  air_stream_registry_configure (fixture->registry, &settings);
  AirPublisher *publisher = media_publish (fixture, "live/stream");
  g_autoptr (AirTrack) track = media_audio_track ();
  air_publisher_set_track (publisher, track);
  media_push (publisher, A, 0, 10, 0);
  AirStream *stream = air_publisher_get_stream (publisher);
  for (size_t i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autofree char *file = write_template (folder, broken[i].name, broken[i].text);
      g_autoptr (GError) error = NULL, again = NULL;
      g_test_expect_message ("air-streams", G_LOG_LEVEL_WARNING, "*");
      g_assert_null (air_stream_get_rendition (stream, broken[i].name, &error));
      g_test_assert_expected_messages ();
      g_test_message ("%s", error->message);
      g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
      g_assert_nonnull (strstr (error->message, file));
      g_assert_nonnull (strstr (error->message, broken[i].named));
      /* Asked again at once: the same answer, and nothing in the log. */
      g_assert_null (air_stream_get_rendition (stream, broken[i].name, &again));
      g_assert_cmpstr (again->message, ==, error->message);
      g_unlink (file);
    }
  g_autoptr (GError) missing = NULL, outside = NULL;
  g_assert_null (air_stream_get_rendition (stream, "nothing-here", &missing));
  g_assert_error (missing, AIR_ERROR, AIR_ERROR_NOT_FOUND);
  g_assert_null (air_stream_get_rendition (stream, "../opus", &outside));
  g_assert_error (outside, AIR_ERROR, AIR_ERROR_NOT_FOUND);
  g_assert_cmpint (air_stream_get_state (stream), ==, AIR_STREAM_LIVE);
  g_rmdir (folder);
  air_publisher_close (publisher);
}

/* Breaks while it runs, again and again: the rendition ends, the stream lives on, the status says why. */
static void
test_failing_pipeline (MediaFixture *fixture, const void *data)
{
  g_autofree char *folder = g_dir_make_tmp ("air-media-XXXXXX", NULL);
  g_autofree char *file = write_template (
    folder, "fails", HEADER "appsrc name=source ! identity name=bomb error-after=3 ! avdec_aac ! audioconvert ! audioresample ! opusenc ! appsink name=sink");
  AirStreamSettings settings = media_settings ();
  settings.pipeline_dir = folder;
  air_stream_registry_configure (fixture->registry, &settings);
  g_autoptr (GPtrArray) audio = bench_encode_audio (48000, 2, 1000, 0);
  AirPublisher *publisher = media_publish (fixture, "live/stream");
  announce (publisher, A, audio);
  push_range (publisher, A, audio, 0, 1);
  AirStream *stream = air_publisher_get_stream (publisher);
  g_autoptr (AirStream) rendition = get_rendition (stream, "fails");
  AirReader *reader = media_read (fixture, rendition, AIR_START_LIVE);
  g_log_set_always_fatal (G_LOG_FATAL_MASK); /* the warnings are wanted here, and come from another thread */
  unsigned next = 0;
  WAIT_FOR ((push_sample (publisher, A, audio->pdata[next], 0), next = (next + 1) % audio->len,
             air_reader_get_state (reader) == AIR_READER_ENDED));
  g_assert_cmpuint (fixture->registry->counters.rendition_restarts, ==, 4);
  g_assert_cmpuint (fixture->registry->counters.rendition_failures, ==, 1);
  g_autoptr (GError) error = NULL;
  g_assert_null (air_stream_get_rendition (stream, "fails", &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, file));
  g_assert_nonnull (strstr (error->message, "bomb"));
  g_autoptr (JsonNode) status = air_stream_describe (stream);
  g_autofree char *text = json_to_string (status, FALSE);
  g_assert_nonnull (strstr (text, "rendition-failed"));
  g_assert_cmpint (air_stream_get_state (stream), ==, AIR_STREAM_LIVE);
  air_reader_close (reader);
  air_publisher_close (publisher);

  /* What one publisher's sound does is nothing against that of the next. */
  publisher = media_publish (fixture, "live/stream");
  announce (publisher, A, audio);
  push_range (publisher, A, audio, 0, 1);
  g_autoptr (AirStream) renewed = get_rendition (stream, "fails");
  g_autoptr (JsonNode) after = air_stream_describe (stream);
  g_autofree char *healthy = json_to_string (after, FALSE);
  g_assert_null (strstr (healthy, "rendition-failed"));
  air_publisher_close (publisher);
  g_unlink (file);
  g_rmdir (folder);
}

static void
test_unsupported (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = media_publish (fixture, "live/stream");
  g_autoptr (AirTrack) track = media_video_track ();
  air_publisher_set_track (publisher, track);
  media_push (publisher, V, 0, 10, AIR_UNIT_KEYFRAME);
  g_autoptr (GError) error = NULL, of_rendition = NULL;
  g_assert_null (air_stream_get_rendition (air_publisher_get_stream (publisher), "opus", &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED);
  g_autoptr (AirStream) plain = get_rendition (air_publisher_get_stream (publisher), "h264-nobframes");
  g_assert_null (air_stream_get_rendition (plain, "h264-nobframes", &of_rendition));
  g_assert_error (of_rendition, AIR_ERROR, AIR_ERROR_NOT_FOUND);
  air_publisher_close (publisher);
}

static void
test_stream_ends (MediaFixture *fixture, const void *data)
{
  g_autoptr (GPtrArray) audio = bench_encode_audio (48000, 2, 200, 0);
  AirPublisher *publisher = media_publish (fixture, "live/stream");
  announce (publisher, A, audio);
  push_range (publisher, A, audio, 0, 1);
  AirStream *stream = air_publisher_get_stream (publisher);
  g_autoptr (AirStream) opus = get_rendition (stream, "opus");
  AirReader *reader = media_read (fixture, opus, AIR_START_LIVE);
  WAIT_FOR (count_readers (stream) == 1);
  air_publisher_close (publisher);
  air_stream_registry_tick (fixture->registry, g_get_monotonic_time () + 60 * G_USEC_PER_SEC);
  g_assert_cmpint (air_reader_get_state (reader), ==, AIR_READER_ENDED);
  g_assert_cmpint (air_stream_get_state (opus), ==, AIR_STREAM_IDLE);
  air_reader_close (reader);
  air_stream_registry_join (fixture->registry);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function, data)                                                                                     \
  g_test_add ("/renditions/" name, MediaFixture, data, media_fixture_set_up, function, media_fixture_tear_down)
  ADD ("lip-sync-stereo", test_lip_sync, GUINT_TO_POINTER (2));
  ADD ("lip-sync-mono", test_lip_sync, GUINT_TO_POINTER (1));
  ADD ("join", test_join, NULL);
  ADD ("standby", test_standby, NULL);
  ADD ("keyframe-request", test_keyframe_request, NULL);
  ADD ("low-rung", test_low_rung, NULL);
  ADD ("start-and-stop", test_start_and_stop, NULL);
  ADD ("track-change", test_track_change, NULL);
  ADD ("broken-templates", test_broken_templates, NULL);
  ADD ("failing-pipeline", test_failing_pipeline, NULL);
  ADD ("unsupported", test_unsupported, NULL);
  ADD ("stream-ends", test_stream_ends, NULL);
  return g_test_run ();
}
