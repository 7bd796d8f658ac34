/* Streams, publishers, the cache and readers: states, hold and return, takeover, limits, skipping. */
#include "media-fixture.h"

#include <poll.h>

#define V AIR_KIND_VIDEO
#define A AIR_KIND_AUDIO
#define KEY AIR_UNIT_KEYFRAME

static bool
is_readable (AirReader *reader)
{
  struct pollfd fd = { .fd = air_reader_get_fd (reader), .events = POLLIN };
  return poll (&fd, 1, 0) == 1;
}

static void
assert_drained (AirReader *reader, const char *expected)
{
  g_autofree char *units = media_drain (reader);
  g_assert_cmpstr (units, ==, expected);
}

static void
assert_events (MediaFixture *fixture, const char *expected)
{
  g_autofree char *events = media_take_events (fixture);
  g_assert_cmpstr (events, ==, expected);
}

static void
set_track (AirPublisher *publisher, AirTrack *track)
{
  air_publisher_set_track (publisher, track);
  air_track_unref (track);
}

/* A publisher with picture and sound: K0 a10 d40. */
static AirPublisher *
go_live (MediaFixture *fixture, const char *path)
{
  AirPublisher *publisher = media_publish (fixture, path);
  set_track (publisher, media_video_track ());
  set_track (publisher, media_audio_track ());
  media_push (publisher, V, 0, 1000, KEY);
  media_push (publisher, A, 10, 100, 0);
  media_push (publisher, V, 40, 500, 0);
  return publisher;
}

static void
test_life (MediaFixture *fixture, const void *data)
{
  g_assert_null (air_stream_registry_find (fixture->registry, "live/stream"));
  AirPublisher *publisher = media_publish (fixture, "live/stream");
  /* Not before the first unit. */
  g_assert_null (air_stream_registry_find (fixture->registry, "live/stream"));
  media_push (publisher, V, 0, 10, KEY); /* no track yet: dropped and counted */
  g_assert_cmpuint (fixture->registry->counters.dropped_no_track, ==, 1);
  set_track (publisher, media_video_track ());
  set_track (publisher, media_video_track ()); /* the same headers again: nothing happens */
  media_push (publisher, V, 0, 1000, KEY);
  assert_events (fixture, "tracks:h264 idle>live");
  g_autoptr (AirStream) stream = air_stream_registry_find (fixture->registry, "live/stream");
  g_assert_nonnull (stream);
  g_assert_cmpint (air_stream_get_state (stream), ==, AIR_STREAM_LIVE);
  g_assert_true (air_publisher_get_stream (publisher) == stream);
  AirReader *reader = media_read (fixture, stream, AIR_START_CACHED);
  air_publisher_close (publisher);
  g_assert_cmpint (air_stream_get_state (stream), ==, AIR_STREAM_HELD);
  air_stream_registry_tick (fixture->registry, g_get_monotonic_time ());
  assert_events (fixture, "live>held whep=1");
  g_assert_cmpint (air_reader_get_state (reader), ==, AIR_READER_OPEN);
  air_stream_registry_tick (fixture->registry, g_get_monotonic_time () + 31 * G_USEC_PER_SEC);
  assert_events (fixture, "held>idle");
  g_assert_null (air_stream_registry_find (fixture->registry, "live/stream"));
  g_assert_cmpint (air_reader_get_state (reader), ==, AIR_READER_ENDED);
  assert_drained (reader, "K0");
  air_reader_close (reader);
}

static void
test_return (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = go_live (fixture, "live/stream");
  g_autoptr (AirStream) stream = air_stream_ref (air_publisher_get_stream (publisher));
  AirReader *reader = media_read (fixture, stream, AIR_START_CACHED);
  assert_drained (reader, "K0 a10 d40");
  air_publisher_close (publisher);
  g_autofree char *before = media_take_events (fixture);

  /* Another size, no sound, and a clock that starts anew with the tail of a group of pictures. */
  publisher = media_publish (fixture, "live/stream");
  set_track (publisher, media_small_video_track ());
  media_push (publisher, V, 7000, 100, 0);
  g_assert_cmpint (air_stream_get_state (stream), ==, AIR_STREAM_LIVE);
  assert_drained (reader, "");
  media_push (publisher, V, 7040, 100, KEY);
  g_autoptr (AirUnit) unit = air_reader_pop (reader);
  g_assert_nonnull (unit);
  g_assert_cmpuint (air_track_get_width (unit->track), ==, 640);
  g_assert_cmpint (unit->dts_ns, >, AIR_TIMELINE_START_NS + 40 * MS);
  g_assert_cmpint (unit->dts_ns, <, AIR_TIMELINE_START_NS + 10000 * MS);
  /* The sound of before is gone after a while. */
  g_autoptr (AirTrack) kept = air_stream_get_track (stream, A);
  g_assert_nonnull (kept);
  air_stream_registry_tick (fixture->registry, g_get_monotonic_time () + 4 * G_USEC_PER_SEC);
  g_assert_null (air_stream_get_track (stream, A));
  assert_events (fixture, "tracks:h264:aac held>live tracks:h264 whep=1");
  air_publisher_close (publisher);
  air_reader_close (reader);
}

/* The first unit that a reader sees after a return is marked, also when it is not the publisher's first. */
static void
test_return_discontinuity (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = go_live (fixture, "live/stream");
  AirReader *reader = media_read (fixture, air_publisher_get_stream (publisher), AIR_START_CACHED);
  assert_drained (reader, "K0 a10 d40");
  air_publisher_close (publisher);
  publisher = media_publish (fixture, "live/stream");
  set_track (publisher, media_video_track ());
  media_push (publisher, V, 0, 100, 0);
  media_push (publisher, V, 40, 100, KEY);
  g_autoptr (AirUnit) unit = air_reader_pop (reader);
  g_assert_cmpuint (unit->flags & (KEY | AIR_UNIT_DISCONTINUITY), ==, KEY | AIR_UNIT_DISCONTINUITY);
  air_publisher_close (publisher);
  air_reader_close (reader);
}

typedef struct
{
  unsigned calls;
  AirPublisherEnded reason;
  bool close;
} Ended;

static void
on_ended (AirPublisher *publisher, AirPublisherEnded reason, void *data)
{
  Ended *ended = data;
  ended->calls++;
  ended->reason = reason;
  if (ended->close)
    air_publisher_close (publisher);
}

static void
test_second_publisher (MediaFixture *fixture, const void *data)
{
  Ended ended = { 0 };
  AirPublisherInfo info = { .protocol = "test", .address = "x", .ended = on_ended, .user_data = &ended };
  AirPublisher *first = air_stream_registry_publish (fixture->registry, NULL, "live/stream", &info, NULL);
  set_track (first, media_video_track ());
  media_push (first, V, 0, 100, KEY);
  g_autoptr (GError) error = NULL;
  g_assert_null (air_stream_registry_publish (fixture->registry, NULL, "live/stream", &info, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_CONFLICT);
  info.takeover = true;
  AirPublisher *second = air_stream_registry_publish (fixture->registry, NULL, "live/stream", &info, NULL);
  g_assert_cmpuint (ended.calls, ==, 1);
  g_assert_cmpint (ended.reason, ==, AIR_PUBLISHER_ENDED_TAKEN_OVER);
  media_push (first, V, 40, 100, KEY); /* goes nowhere */
  g_assert_cmpuint (fixture->registry->counters.dropped_no_publisher, ==, 1);
  set_track (second, media_video_track ());
  media_push (second, V, 0, 100, KEY);
  air_publisher_close (first);
  g_assert_cmpint (air_stream_get_state (air_publisher_get_stream (second)), ==, AIR_STREAM_LIVE);
  assert_events (fixture, "tracks:h264 idle>live live>held held>live");
  air_publisher_close (second);
  g_assert_cmpuint (ended.calls, ==, 1);
}

static void
test_stop (MediaFixture *fixture, const void *data)
{
  Ended ended = { .close = true };
  AirPublisherInfo info = { .protocol = "test", .address = "x", .ended = on_ended, .user_data = &ended };
  AirPublisher *publisher = air_stream_registry_publish (fixture->registry, NULL, "live/stream", &info, NULL);
  set_track (publisher, media_video_track ());
  media_push (publisher, V, 0, 100, KEY);
  AirReader *reader = media_read (fixture, air_publisher_get_stream (publisher), AIR_START_LIVE);
  g_assert_false (is_readable (reader));
  air_stream_registry_stop (fixture->registry);
  g_assert_cmpuint (ended.calls, ==, 1);
  g_assert_cmpint (ended.reason, ==, AIR_PUBLISHER_ENDED_SHUTDOWN);
  g_assert_true (is_readable (reader));
  g_assert_cmpint (air_reader_get_state (reader), ==, AIR_READER_ENDED);
  g_assert_null (air_reader_pop (reader));
  g_assert_false (is_readable (reader));
  air_reader_close (reader);
  g_autoptr (GError) error = NULL;
  g_assert_null (air_stream_registry_publish (fixture->registry, NULL, "live/stream", &info, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE);
}

static void
test_limits (MediaFixture *fixture, const void *data)
{
  static const char *const patterns[] = { "live/*", "lobby", NULL };
  AirStreamSettings settings = media_settings ();
  settings.paths = patterns;
  settings.max_streams = 2;
  settings.max_readers = 1;
  air_stream_registry_configure (fixture->registry, &settings);
  AirPublisherInfo info = { .protocol = "test", .address = "x" };
  g_autoptr (GError) forbidden = NULL, limit = NULL, invalid = NULL, readers = NULL;
  g_assert_null (air_stream_registry_publish (fixture->registry, NULL, "other", &info, &forbidden));
  g_assert_error (forbidden, AIR_ERROR, AIR_ERROR_FORBIDDEN);
  g_assert_null (air_stream_registry_publish (fixture->registry, NULL, "live/../x\n", &info, &invalid));
  g_assert_error (invalid, AIR_ERROR, AIR_ERROR_INVALID);
  g_assert_null (strchr (invalid->message, '\n'));
  AirPublisher *a = go_live (fixture, "live/a"), *b = media_publish (fixture, "lobby");
  g_assert_null (air_stream_registry_publish (fixture->registry, NULL, "live/c", &info, &limit));
  g_assert_error (limit, AIR_ERROR, AIR_ERROR_LIMIT);
  AirReaderConfig config = { .protocol = "rtmp" };
  AirReader *reader
    = air_stream_registry_add_reader (fixture->registry, NULL, air_publisher_get_stream (a), &config, NULL);
  g_assert_null (air_stream_registry_add_reader (fixture->registry, NULL, air_publisher_get_stream (a), &config, &readers));
  g_assert_error (readers, AIR_ERROR, AIR_ERROR_LIMIT);
  air_reader_close (reader);
  air_publisher_close (b); /* never sent anything: its place is free at once */
  b = media_publish (fixture, "live/c");
  g_autoptr (GPtrArray) live = air_stream_registry_list (fixture->registry);
  g_assert_cmpuint (live->len, ==, 1);
  air_publisher_close (a);
  air_publisher_close (b);
}

/* ---- The cache */

static void
test_cache (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = go_live (fixture, "live/stream");
  AirStream *stream = air_publisher_get_stream (publisher);
  AirReader *live = media_read (fixture, stream, AIR_START_LIVE);
  media_push (publisher, A, 90, 100, 0);
  media_push (publisher, V, 80, 1000, KEY); /* the sound at 90 belongs to it, the sound at 10 does not */
  media_push (publisher, V, 120, 500, 0);
  AirReader *cached = media_read (fixture, stream, AIR_START_CACHED);
  assert_drained (cached, "a90 K80 d120");
  assert_drained (live, "a90 K80 d120");
  media_push (publisher, V, 160, 500, 0);
  assert_drained (cached, "d160");
  air_reader_close (cached);
  air_reader_close (live);
  air_publisher_close (publisher);
}

static void
test_cache_without_keyframe (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = media_publish (fixture, "live/stream");
  set_track (publisher, media_video_track ());
  set_track (publisher, media_audio_track ());
  AirStream *stream = air_publisher_get_stream (publisher);
  for (int i = 0; i < 3000; i++)
    {
      media_push (publisher, V, i * 40, 20000, 0);
      media_push (publisher, A, i * 40 + 5, 100, 0);
      g_assert_cmpuint (stream->cache.bytes, <, 8192);
    }
  AirReader *reader = media_read (fixture, stream, AIR_START_CACHED);
  g_autofree char *units = media_drain (reader);
  g_assert_true (g_str_has_suffix (units, "a119965"));
  g_assert_null (strchr (units, 'd'));
  air_reader_close (reader);
  air_publisher_close (publisher);
}

static void
test_cache_overflow (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = go_live (fixture, "live/stream");
  AirStream *stream = air_publisher_get_stream (publisher);
  int64_t time = 80;
  for (unsigned i = 0; i < 100; i++, time += 40) /* 2 MB into 1 MiB */
    {
      media_push (publisher, V, time, 20000, 0);
      media_push (publisher, A, time + 5, 100, 0);
      g_assert_cmpuint (stream->cache.bytes, <=, 1024 * 1024);
    }
  AirReader *reader = media_read (fixture, stream, AIR_START_CACHED);
  g_autofree char *units = media_drain (reader);
  g_assert_null (strchr (units, 'd'));
  media_push (publisher, V, time, 100, 0);
  assert_drained (reader, ""); /* not before a keyframe */
  media_push (publisher, V, time + 40, 100, KEY);
  g_autofree char *after = media_drain (reader);
  g_assert_true (g_str_has_prefix (after, "K"));
  AirReader *second = media_read (fixture, stream, AIR_START_CACHED);
  g_autofree char *again = media_drain (second);
  g_assert_nonnull (strchr (again, 'K'));
  air_reader_close (second);
  air_reader_close (reader);
  air_publisher_close (publisher);
}

/* ---- Readers */

static void
test_reader_signal (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = go_live (fixture, "live/stream");
  AirReader *reader = media_read (fixture, air_publisher_get_stream (publisher), AIR_START_CACHED);
  g_assert_true (is_readable (reader));
  assert_drained (reader, "K0 a10 d40");
  g_assert_false (is_readable (reader));
  media_push (publisher, A, 30, 10, 0);
  media_push (publisher, A, 53, 10, 0);
  g_assert_true (is_readable (reader));
  air_unit_unref (air_reader_pop (reader));
  g_assert_true (is_readable (reader));
  air_unit_unref (air_reader_pop (reader));
  g_assert_false (is_readable (reader));
  g_assert_null (air_reader_pop (reader));
  air_reader_close (reader);
  air_publisher_close (publisher);
}

static void
test_reader_kinds (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = go_live (fixture, "live/stream");
  AirReaderConfig config = { .protocol = "hls", .kinds = 1u << A };
  AirReader *reader
    = air_stream_registry_add_reader (fixture->registry, NULL, air_publisher_get_stream (publisher), &config, NULL);
  media_push (publisher, V, 80, 10, KEY);
  media_push (publisher, A, 90, 10, 0);
  assert_drained (reader, "a10 a90");
  air_reader_close (reader);
  air_publisher_close (publisher);
}

static void
test_reader_overflow (MediaFixture *fixture, const void *data)
{
  bool by_time = GPOINTER_TO_INT (data);
  AirPublisher *publisher = go_live (fixture, "live/stream");
  AirReaderConfig config = { .protocol = "whep", .start = AIR_START_LIVE };
  if (by_time)
    config.queue_ms = 1000;
  else
    config.queue_bytes = 25 * 100;
  AirReader *reader
    = air_stream_registry_add_reader (fixture->registry, NULL, air_publisher_get_stream (publisher), &config, NULL);
  media_push (publisher, V, 80, 100, KEY);
  int64_t time = 120;
  for (unsigned i = 0; i < 30; i++, time += 40)
    media_push (publisher, V, time, 100, 0);
  g_autofree char *waiting = media_drain (reader);
  g_assert_cmpstr (waiting, ==, "");
  g_assert_cmpuint (air_reader_get_skipped (reader), ==, 31);
  media_push (publisher, A, time, 10, 0); /* sound goes on at once */
  media_push (publisher, V, time, 100, 0);
  media_push (publisher, V, time + 40, 100, KEY);
  media_push (publisher, V, time + 80, 100, 0);
  g_autofree char *units = media_drain (reader);
  g_autofree char *expected = g_strdup_printf ("!a%d !K%d d%d", (int)time, (int)time + 40, (int)time + 80);
  g_assert_cmpstr (units, ==, expected);
  g_assert_cmpuint (air_reader_get_skipped (reader), ==, 32);
  air_reader_close (reader);
  air_publisher_close (publisher);
}

/* A start from a cache that is longer than the queue's bounds does not overflow at once. */
static void
test_reader_long_cache (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = go_live (fixture, "live/stream");
  int64_t time = 80;
  for (unsigned i = 0; i < 375; i++, time += 40) /* 15 s */
    media_push (publisher, V, time, 100, 0);
  AirReaderConfig config = { .protocol = "whep", .start = AIR_START_CACHED, .queue_bytes = 2000, .queue_ms = 1000 };
  AirReader *reader
    = air_stream_registry_add_reader (fixture->registry, NULL, air_publisher_get_stream (publisher), &config, NULL);
  for (unsigned i = 0; i < 10; i++, time += 40)
    media_push (publisher, V, time, 100, 0);
  g_autofree char *units = media_drain (reader);
  g_assert_true (g_str_has_prefix (units, "K0 a10 d40 d80 "));
  g_assert_cmpuint (air_reader_get_skipped (reader), ==, 0);
  for (unsigned i = 0; i < 30; i++, time += 40)
    media_push (publisher, V, time, 100, 0);
  g_assert_cmpuint (air_reader_get_skipped (reader), >, 0);
  air_reader_close (reader);
  air_publisher_close (publisher);
}

static void
test_viewers (MediaFixture *fixture, const void *data)
{
  AirPublisher *publisher = go_live (fixture, "live/stream");
  g_autofree char *before = media_take_events (fixture);
  AirReaderConfig pictures = { .protocol = "whep", .kinds = 1u << V };
  AirReader *reader
    = air_stream_registry_add_reader (fixture->registry, NULL, air_publisher_get_stream (publisher), &pictures, NULL);
  air_reader_set_viewers (reader, 7);
  air_stream_registry_tick (fixture->registry, g_get_monotonic_time ());
  air_stream_registry_tick (fixture->registry, g_get_monotonic_time ());
  assert_events (fixture, "whep=7");
  /* The sound by a reader of its own: the same seven people. */
  AirReaderConfig config = { .protocol = "whep", .kinds = 1u << A };
  AirReader *sound
    = air_stream_registry_add_reader (fixture->registry, NULL, air_publisher_get_stream (publisher), &config, NULL);
  air_reader_set_viewers (sound, 7);
  AirReader *more = media_read (fixture, air_publisher_get_stream (publisher), AIR_START_LIVE);
  air_stream_registry_tick (fixture->registry, g_get_monotonic_time ());
  assert_events (fixture, "whep=8");
  air_reader_close (more);
  air_reader_close (sound);
  air_reader_close (reader);
  air_stream_registry_tick (fixture->registry, g_get_monotonic_time ());
  assert_events (fixture, "whep=0");
  air_publisher_close (publisher);
}

static void
test_left_open (MediaFixture *fixture, const void *data)
{
  AirContext *owner = (AirContext *)&fixture->lock; /* any address serves as a key */
  AirPublisherInfo info = { .protocol = "test", .address = "x" };
  AirPublisher *publisher = air_stream_registry_publish (fixture->registry, owner, "live/stream", &info, NULL);
  set_track (publisher, media_video_track ());
  media_push (publisher, V, 0, 10, KEY);
  AirReaderConfig config = { .protocol = "rtmp" };
  AirReader *reader
    = air_stream_registry_add_reader (fixture->registry, owner, air_publisher_get_stream (publisher), &config, NULL);
  g_test_expect_message ("air-streams", G_LOG_LEVEL_WARNING, "publisher of live/stream*");
  g_test_expect_message ("air-streams", G_LOG_LEVEL_WARNING, "reader of live/stream*");
  g_assert_cmpuint (air_stream_registry_count_owner (fixture->registry, owner), ==, 2);
  g_test_assert_expected_messages ();
  air_reader_close (reader);
  air_publisher_close (publisher);
  g_assert_cmpuint (air_stream_registry_count_owner (fixture->registry, owner), ==, 0);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function, data)                                                                                     \
  g_test_add ("/streams/" name, MediaFixture, data, media_fixture_set_up, function, media_fixture_tear_down)
  ADD ("life", test_life, NULL);
  ADD ("return", test_return, NULL);
  ADD ("return-discontinuity", test_return_discontinuity, NULL);
  ADD ("second-publisher", test_second_publisher, NULL);
  ADD ("stop", test_stop, NULL);
  ADD ("limits", test_limits, NULL);
  ADD ("cache", test_cache, NULL);
  ADD ("cache-without-keyframe", test_cache_without_keyframe, NULL);
  ADD ("cache-overflow", test_cache_overflow, NULL);
  ADD ("reader-signal", test_reader_signal, NULL);
  ADD ("reader-kinds", test_reader_kinds, NULL);
  ADD ("reader-overflow-bytes", test_reader_overflow, GINT_TO_POINTER (0));
  ADD ("reader-overflow-time", test_reader_overflow, GINT_TO_POINTER (1));
  ADD ("reader-long-cache", test_reader_long_cache, NULL);
  ADD ("viewers", test_viewers, NULL);
  ADD ("left-open", test_left_open, NULL);
  return g_test_run ();
}
