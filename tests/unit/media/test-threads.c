/* Publishers that come and go, readers that come and go, and a tick, all at once; meant for the thread sanitizer too. */
#include <poll.h>

#include "media-fixture.h"

#define PUBLISHERS 4
#define READERS 6
#define ROUNDS 30
#define UNITS 120

typedef struct
{
  MediaFixture *fixture;
  unsigned index;
} Worker;

static void
on_ended (AirPublisher *publisher, AirPublisherEnded reason, void *data)
{
  g_atomic_int_inc ((int *)data);
}

/* Two threads share a path and take it from each other. */
static void *
publish (void *data)
{
  const Worker *worker = data;
  g_autofree char *path = g_strdup_printf ("live/%u", worker->index / 2);
  g_autoptr (AirTrack) video = media_video_track (), audio = media_audio_track ();
  for (unsigned round = 0; round < ROUNDS; round++)
    {
      int ended = 0;
      AirPublisherInfo info
        = { .protocol = "test", .address = "x", .takeover = true, .ended = on_ended, .user_data = &ended };
      g_autoptr (GError) error = NULL;
      AirPublisher *publisher = air_stream_registry_publish (worker->fixture->registry, NULL, path, &info, &error);
      g_assert_no_error (error);
      air_publisher_set_track (publisher, video);
      air_publisher_set_track (publisher, audio);
      for (unsigned i = 0; i < UNITS; i++)
        {
          media_push (publisher, AIR_KIND_VIDEO, i * 33, 500, i % 30 == 0 ? AIR_UNIT_KEYFRAME : 0);
          media_push (publisher, AIR_KIND_AUDIO, i * 33 + 3, 50, 0);
        }
      air_publisher_close (publisher);
      g_assert_cmpint (g_atomic_int_get (&ended), <=, 1);
    }
  return NULL;
}

static void *
consume (void *data)
{
  const Worker *worker = data;
  g_autofree char *path = g_strdup_printf ("live/%u", worker->index % (PUBLISHERS / 2));
  for (unsigned round = 0; round < ROUNDS * 4; round++)
    {
      g_autoptr (AirStream) stream = air_stream_registry_find (worker->fixture->registry, path);
      if (stream == NULL)
        {
          g_thread_yield ();
          continue;
        }
      AirReaderConfig config = { .protocol = "rtmp", .start = AIR_START_CACHED, .queue_ms = 500 };
      AirReader *reader
        = air_stream_registry_add_reader (worker->fixture->registry, NULL, stream, &config, NULL);
      if (reader == NULL)
        continue;
      int64_t last[AIR_KIND_COUNT] = { -1, -1 };
      struct pollfd fd = { .fd = air_reader_get_fd (reader), .events = POLLIN };
      for (unsigned taken = 0; taken < 100 && poll (&fd, 1, 20) > 0;)
        {
          g_autoptr (AirUnit) unit = air_reader_pop (reader);
          if (unit == NULL)
            break;
          AirKind kind = air_track_get_kind (unit->track);
          g_assert_cmpint (unit->dts_ns, >, last[kind]);
          last[kind] = unit->dts_ns;
          taken++;
        }
      air_reader_set_viewers (reader, round);
      air_reader_close (reader);
    }
  return NULL;
}

static void *
look (void *data)
{
  const Worker *worker = data;
  for (unsigned round = 0; round < ROUNDS * 10; round++)
    {
      g_autoptr (GPtrArray) streams = air_stream_registry_list (worker->fixture->registry);
      for (unsigned i = 0; i < streams->len; i++)
        {
          g_autoptr (JsonNode) status = air_stream_describe (streams->pdata[i]);
          g_assert_nonnull (status);
        }
      air_stream_registry_tick (worker->fixture->registry, g_get_monotonic_time ());
    }
  return NULL;
}

static void
test_all_at_once (MediaFixture *fixture, const void *data)
{
  GThread *threads[PUBLISHERS + READERS + 1];
  Worker workers[PUBLISHERS + READERS + 1];
  for (unsigned i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      workers[i] = (Worker){ .fixture = fixture, .index = i };
      threads[i]
        = g_thread_new (NULL, i < PUBLISHERS ? publish : i < PUBLISHERS + READERS ? consume : look, &workers[i]);
    }
  for (unsigned i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

/* The stream ends under its publishers and readers. */
static void
test_stop (MediaFixture *fixture, const void *data)
{
  Worker worker = { .fixture = fixture };
  GThread *reader = g_thread_new (NULL, consume, &worker);
  AirPublisher *publisher = media_publish (fixture, "live/0");
  g_autoptr (AirTrack) video = media_video_track ();
  air_publisher_set_track (publisher, video);
  for (unsigned i = 0; i < UNITS; i++)
    {
      media_push (publisher, AIR_KIND_VIDEO, i * 33, 500, AIR_UNIT_KEYFRAME);
      if (i == UNITS / 2)
        air_stream_registry_stop (fixture->registry);
    }
  air_publisher_close (publisher);
  g_thread_join (reader);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/threads/all-at-once", MediaFixture, NULL, media_fixture_set_up, test_all_at_once,
              media_fixture_tear_down);
  g_test_add ("/threads/stop", MediaFixture, NULL, media_fixture_set_up, test_stop, media_fixture_tear_down);
  return g_test_run ();
}
