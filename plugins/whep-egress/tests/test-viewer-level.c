/* What one viewer is sent out of the rings: one row of numbers and one timeline, whatever is left out and wherever it goes on. */
#include "viewer-level.h"

#define FRAME_NS (40 * G_GINT64_CONSTANT (1000000))
#define PACKETS 3u /* of a picture */

/* A viewer with its stream, and what it was sent. */
typedef struct
{
  AirRtpView *view;
  AirRtpTrack tracks[AIR_KIND_COUNT];
  AirViewerLevel level;
  int wanted[AIR_RUNG_COUNT];
  unsigned asked[AIR_LANE_COUNT];
  unsigned changes;
  bool impossible; /* the low rung */
  unsigned bytes[AIR_RUNG_COUNT]; /* of a packet's payload */
  GPtrArray *sent;    /* (element-type AirRtpPacket) in order of sequence numbers */
  GArray *timestamps; /* as they were sent */
  GArray *times;      /* at which, µs */
  int64_t now_us;
} Viewer;

static void
want (void *data, unsigned rung, int change)
{
  ((Viewer *)data)->wanted[rung] += change;
}

static bool
is_possible (void *data, unsigned rung)
{
  return !((Viewer *)data)->impossible;
}

static void
request_keyframe (void *data, AirLane lane)
{
  ((Viewer *)data)->asked[lane]++;
}

static size_t
send_probe (void *data, const AirRtpSegment *segment, const AirRtpPacket *packet, uint64_t sequence)
{
  g_assert_not_reached ();
}

static int64_t
get_strained_us (void *data)
{
  return 0;
}

static void
changed (void *data, AirLevel level, AirLevelReason reason)
{
  ((Viewer *)data)->changes++;
}

static const AirViewerLevelClass class = { want, is_possible, request_keyframe, send_probe, get_strained_us, changed };

static Viewer *
viewer_new (AirLevels levels)
{
  Viewer *viewer = g_new0 (Viewer, 1);
  AirSdpSection video = { .accepted = true, .ssrc = 1 }, none = { 0 };
  viewer->now_us = 1000000;
  viewer->bytes[AIR_RUNG_FULL] = viewer->bytes[AIR_RUNG_LOW] = 1000;
  viewer->view = air_rtp_view_new ();
  viewer->view->ready = true;
  viewer->view->clock = (AirRtpClock){ true, viewer->now_us, 0, 0 };
  viewer->sent = g_ptr_array_new_with_free_func ((GDestroyNotify)air_rtp_packet_unref);
  viewer->timestamps = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  viewer->times = g_array_new (FALSE, FALSE, sizeof (int64_t));
  air_rtp_track_init (&viewer->tracks[AIR_KIND_VIDEO], &video);
  air_rtp_track_init (&viewer->tracks[AIR_KIND_AUDIO], &none);
  air_viewer_level_begin (&viewer->level, &class, viewer, viewer->view, viewer->tracks, levels, viewer->now_us);
  return viewer;
}

static void
viewer_free (Viewer *viewer)
{
  air_viewer_level_end (&viewer->level);
  g_assert_cmpint (viewer->wanted[AIR_RUNG_LOW], ==, 0);
  air_viewer_level_clear (&viewer->level);
  g_ptr_array_unref (viewer->sent);
  g_array_unref (viewer->timestamps);
  g_array_unref (viewer->times);
  air_rtp_view_free (viewer->view);
  g_free (viewer);
}

/* The picture of the present. */
static void
publish (Viewer *viewer, unsigned rung, unsigned flags)
{
  int64_t pts_ns = air_rtp_view_pts_at (viewer->view, viewer->now_us);
  AirLane lane = air_lane_of (AIR_KIND_VIDEO, rung);
  for (unsigned i = 0; i < PACKETS; i++)
    {
      AirRtpPacket *packet = air_rtp_packet_new (pts_ns, air_rtp_clock_90k (pts_ns), viewer->bytes[rung]);
      packet->lane = (uint8_t)lane;
      packet->flags = (uint16_t)(flags & AIR_RTP_DISPOSABLE);
      packet->flags |= i == 0 ? AIR_RTP_FRAME_START | (flags & AIR_RTP_KEYFRAME) : 0;
      packet->flags |= i == PACKETS - 1 ? AIR_RTP_MARKER | AIR_RTP_UNIT_END : 0;
      air_packet_ring_append (viewer->view->rings[lane], packet);
    }
}

/* One turn of an engine. */
static void
take (Viewer *viewer)
{
  AirRtpTrack *track = &viewer->tracks[AIR_KIND_VIDEO];
  const AirRtpSegment *segment;
  AirRtpPacket *packet;
  if (!air_viewer_level_enter_turn (&viewer->level, AIR_KIND_VIDEO, 0, viewer->now_us))
    return;
  while ((packet = air_viewer_level_next (&viewer->level, AIR_KIND_VIDEO, viewer->now_us, &segment)))
    {
      uint32_t timestamp = air_rtp_segment_timestamp (segment, packet);
      g_ptr_array_add (viewer->sent, air_rtp_packet_ref (packet));
      g_array_append_val (viewer->timestamps, timestamp);
      g_array_append_val (viewer->times, viewer->now_us);
      air_path_estimate_sent (viewer->level.path, (uint16_t)(viewer->sent->len - 1), packet->payload_bytes, viewer->now_us);
      g_assert_cmpuint (segment->sequence, <=, track->next_sequence++);
      air_rtp_track_take_sent (track, segment, packet, viewer->now_us);
    }
}

/* All of the last second, by its number, is what was sent with it; time goes forward, whole pictures at a time. */
static void
check_sent (Viewer *viewer)
{
  const AirRtpTrack *track = &viewer->tracks[AIR_KIND_VIDEO];
  for (unsigned i = 0; i < viewer->sent->len; i++)
    {
      const AirRtpPacket *sent = viewer->sent->pdata[i];
      const AirRtpSegment *segment;
      uint32_t timestamp = g_array_index (viewer->timestamps, uint32_t, i);
      bool first = i % PACKETS == 0;
      uint64_t full;
      g_assert_cmpint (sent->flags & AIR_RTP_FRAME_START, ==, first ? AIR_RTP_FRAME_START : 0);
      if (i > 0 && first)
        g_assert_cmpint ((int32_t)(timestamp - g_array_index (viewer->timestamps, uint32_t, i - 1)), >, 0);
      else if (i > 0)
        g_assert_cmpuint (timestamp, ==, g_array_index (viewer->timestamps, uint32_t, i - 1));
      if (i + 20 * PACKETS < viewer->sent->len)
        continue;
      g_assert_true (air_rtp_track_unwrap (track, (uint16_t)(track->first_sequence + i), &full));
      g_assert_cmpuint (full, ==, track->first_sequence + i);
      g_assert_true (air_rtp_track_find (track, viewer->view, full, &segment) == sent);
      g_assert_cmpuint (air_rtp_segment_timestamp (segment, sent), ==, timestamp);
    }
}

static void
play (Viewer *viewer, unsigned rung, unsigned pictures, bool disposable)
{
  for (unsigned i = 0; i < pictures; i++, viewer->now_us += FRAME_NS / 1000)
    {
      publish (viewer, rung, i == 0 ? AIR_RTP_KEYFRAME : disposable && i % 2 == 1 ? AIR_RTP_DISPOSABLE : 0);
      take (viewer);
    }
}

static void
test_reduced (void)
{
  Viewer *viewer = viewer_new (AIR_LEVELS_AUTO);
  play (viewer, AIR_RUNG_FULL, 10, true);
  g_assert_cmpuint (viewer->sent->len, ==, 10 * PACKETS);
  viewer->level.policy.level = AIR_LEVEL_REDUCED;
  play (viewer, AIR_RUNG_FULL, 30, true);
  g_assert_cmpuint (viewer->sent->len, ==, 25 * PACKETS);
  for (unsigned i = 10 * PACKETS; i < viewer->sent->len; i++)
    g_assert_cmpint (((AirRtpPacket *)viewer->sent->pdata[i])->flags & AIR_RTP_DISPOSABLE, ==, 0);
  check_sent (viewer);
  viewer_free (viewer);
}

/* Down to the smaller rendition at its keyframe and up again at the next of the full one. */
static void
test_rungs (void)
{
  Viewer *viewer = viewer_new (AIR_LEVELS_AUTO);
  play (viewer, AIR_RUNG_FULL, 10, false);
  viewer->level.policy.level = AIR_LEVEL_LOW;
  viewer->level.paused = true;
  play (viewer, AIR_RUNG_FULL, 5, false);
  g_assert_cmpuint (viewer->sent->len, ==, 10 * PACKETS);
  g_assert_cmpuint (viewer->asked[AIR_LANE_VIDEO_LOW], >=, 1);
  play (viewer, AIR_RUNG_LOW, 10, false);
  g_assert_cmpuint (viewer->sent->len, ==, 20 * PACKETS);
  g_assert_cmpint (viewer->wanted[AIR_RUNG_LOW], ==, 1);
  g_assert_cmpint (((AirRtpPacket *)viewer->sent->pdata[10 * PACKETS])->lane, ==, AIR_LANE_VIDEO_LOW);
  viewer->level.policy.level = AIR_LEVEL_FULL;
  play (viewer, AIR_RUNG_FULL, 10, false);
  g_assert_cmpuint (viewer->sent->len, ==, 30 * PACKETS);
  g_assert_cmpint (viewer->wanted[AIR_RUNG_LOW], ==, 0);
  check_sent (viewer);
  viewer_free (viewer);
}

/* Back to the last keyframe: all since then once more, 1 ms apart, up to the present. */
static void
test_replay (void)
{
  Viewer *viewer = viewer_new (AIR_LEVELS_FULL);
  play (viewer, AIR_RUNG_FULL, 50, false);
  g_assert_true (air_viewer_level_replay (&viewer->level, viewer->now_us));
  for (unsigned ms = 0; ms < 100; ms++, viewer->now_us += 1000)
    take (viewer);
  g_assert_cmpuint (viewer->sent->len, ==, 100 * PACKETS);
  play (viewer, AIR_RUNG_FULL, 10, false);
  g_assert_cmpuint (viewer->sent->len, ==, 110 * PACKETS);
  check_sent (viewer);
  viewer_free (viewer);
}

static void
test_fixed (void)
{
  Viewer *viewer = viewer_new (AIR_LEVELS_AUDIO);
  play (viewer, AIR_RUNG_FULL, 10, false);
  g_assert_cmpuint (viewer->sent->len, ==, 0);
  viewer_free (viewer);
  viewer = viewer_new (AIR_LEVELS_LOW);
  g_assert_cmpint (viewer->wanted[AIR_RUNG_LOW], ==, 1);
  play (viewer, AIR_RUNG_FULL, 10, false);
  g_assert_cmpuint (viewer->sent->len, ==, 0);
  play (viewer, AIR_RUNG_LOW, 10, false);
  g_assert_cmpuint (viewer->sent->len, ==, 10 * PACKETS);
  AirViewerInfo info = { 0 };
  air_viewer_level_describe (&viewer->level, &info, viewer->now_us);
  g_assert_cmpstr (info.level, ==, "low");
  viewer->impossible = true;
  air_viewer_level_describe (&viewer->level, &info, viewer->now_us);
  g_assert_cmpstr (info.level, ==, "audio");
  viewer_free (viewer);
}

/* 3 packets of 1060 bytes on the wire at 25 pictures a second are 636 kbit/s. */
typedef struct
{
  const char *name;
  unsigned full, low; /* bytes; 0: not made yet */
  AirLevel level;     /* for one who loses a third */
} Worth;

static const Worth worths[] = {
  { "little-less", 1000, 0, AIR_LEVEL_FULL },
  { "less", 1100, 0, AIR_LEVEL_LOW },
  { "as-told", 1100, 1080, AIR_LEVEL_LOW },
  { "edited", 1100, 1200, AIR_LEVEL_FULL },
};

/* The low rung is worth its cost where the full one takes a fifth more; an edited one counts with what it makes. */
static void
test_worth (gconstpointer data)
{
  const Worth *worth = data;
  Viewer *viewer = viewer_new (AIR_LEVELS_AUTO);
  viewer->bytes[AIR_RUNG_FULL] = worth->full;
  viewer->bytes[AIR_RUNG_LOW] = worth->low;
  for (unsigned i = 0; i < 75; i++, viewer->now_us += FRAME_NS / 1000)
    {
      publish (viewer, AIR_RUNG_FULL, i == 0 ? AIR_RTP_KEYFRAME : 0);
      if (worth->low)
        publish (viewer, AIR_RUNG_LOW, i == 0 ? AIR_RTP_KEYFRAME : 0);
      take (viewer);
    }
  for (unsigned i = 0; i < 20; i++, viewer->now_us += 100000)
    {
      air_path_estimate_take_report (viewer->level.path, 0.33, viewer->now_us);
      air_viewer_level_check (&viewer->level, viewer->now_us);
    }
  g_assert_cmpint (viewer->level.policy.level, ==, worth->level);
  viewer_free (viewer);
}

/* The clock looks at the path each time where no feedback comes, and soon after the last. */
static void
test_clock (void)
{
  Viewer *viewer = viewer_new (AIR_LEVELS_AUTO);
  play (viewer, AIR_RUNG_FULL, 50, false);
  for (unsigned tick = 0; tick < 10; tick++, viewer->now_us += 100000)
    {
      air_viewer_level_check (&viewer->level, viewer->now_us);
      g_assert_cmpint (viewer->level.updated_us, ==, viewer->now_us);
    }

  int64_t feedback_us = viewer->level.updated_us = viewer->now_us - 50000;
  air_viewer_level_check (&viewer->level, viewer->now_us);
  g_assert_cmpint (viewer->level.updated_us, ==, feedback_us);
  viewer->now_us += 100000;
  air_viewer_level_check (&viewer->level, viewer->now_us);
  g_assert_cmpint (viewer->level.updated_us, ==, viewer->now_us);
  viewer_free (viewer);
}

/* Feedback: all that was sent has arrived, @apart_us between two. */
static void
report_all (Viewer *viewer, unsigned apart_us)
{
  unsigned count = viewer->sent->len;
  g_autofree uint8_t *chunks = g_malloc (2 + 2 * count);
  g_assert_cmpuint (count, <, 1 << 13);
  /* A run of packets with a delta of two bytes each (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.3, §3.1.5) */
  chunks[0] = (uint8_t)(2 << 5 | count >> 8);
  chunks[1] = (uint8_t)count;
  for (unsigned i = 0; i < count; i++)
    {
      chunks[2 + 2 * i] = (uint8_t)(apart_us / 250 >> 8);
      chunks[3 + 2 * i] = (uint8_t)(apart_us / 250);
    }
  AirRtcpItem item = { .type = AIR_RTCP_TRANSPORT_CC };
  item.transport_cc.count = (uint16_t)count;
  item.transport_cc.chunks = chunks;
  item.transport_cc.chunks_bytes = 2 + 2 * count;
  item.transport_cc.reference_us = 64000;
  air_viewer_level_take_transport_cc (&viewer->level, &item, viewer->now_us);
}

#define KEPT 100u /* pictures, 4 s */

/* One who comes late in a group, and can tell what arrives. */
static Viewer *
viewer_new_late (AirLevels levels)
{
  Viewer *viewer = viewer_new (levels);
  viewer->tracks[AIR_KIND_VIDEO].section.extensions[AIR_SDP_EXTENSION_TRANSPORT_CC] = 3;
  for (unsigned i = 0; i < KEPT; i++, viewer->now_us += FRAME_NS / 1000)
    publish (viewer, AIR_RUNG_FULL, i == 0 ? AIR_RTP_KEYFRAME : 0);
  return viewer;
}

static void
take_for (Viewer *viewer, unsigned ms)
{
  for (unsigned i = 0; i < ms; i++, viewer->now_us += 1000)
    take (viewer);
}

/* Before feedback: the first picture, and of the others half as much, each by itself and whole. */
static void
check_unheard (Viewer *viewer)
{
  take_for (viewer, 100);
  g_assert_cmpuint (viewer->sent->len, ==, 2 * PACKETS);
  g_assert_cmpint (g_array_index (viewer->times, int64_t, PACKETS) - g_array_index (viewer->times, int64_t, 0), >=, 15000);
}

/* From the packet @from on all were sent when their timestamps say, but for @late_us. */
static void
check_clock (Viewer *viewer, unsigned from, int64_t late_us)
{
  g_assert_cmpuint (viewer->sent->len, >, from);
  for (unsigned i = from; i < viewer->sent->len; i++)
    {
      int64_t told_us = (int64_t)g_array_index (viewer->timestamps, uint32_t, i) * 100 / 9;
      int64_t sent_us = air_rtp_view_pts_at (viewer->view, g_array_index (viewer->times, int64_t, i)) / 1000;
      g_assert_cmpint (sent_us - told_us, >=, -1000);
      g_assert_cmpint (sent_us - told_us, <=, late_us);
    }
}

/* Goes on until it is live, and looks whether it is. */
static void
check_catches_up (Viewer *viewer, unsigned ms)
{
  unsigned missed = 0;
  for (unsigned i = 0; i < ms; i += 40)
    {
      publish (viewer, AIR_RUNG_FULL, 0);
      take_for (viewer, 40);
      missed++;
    }
  g_assert_cmpuint (viewer->sent->len, ==, (KEPT + missed) * PACKETS);
  g_assert_false (air_rtp_segment_catches_up (air_rtp_track_get_segment (&viewer->tracks[AIR_KIND_VIDEO])));
  check_sent (viewer);
}

/* Timestamps go on with what was waited, and at the pace that the path allows. */
static void
test_start_paced (gconstpointer levels)
{
  Viewer *viewer = viewer_new_late ((AirLevels)GPOINTER_TO_INT (levels));
  check_unheard (viewer);
  unsigned from = viewer->sent->len;
  report_all (viewer, 1000);
  /* Too few packets to show more than that 10 Mbit/s will do: two packets of 1 kB a millisecond are more. */
  take_for (viewer, 40);
  g_assert_cmpuint (viewer->sent->len, <, from + 40 * PACKETS / 2);
  check_catches_up (viewer, 800);
  check_clock (viewer, from, 8000);
  viewer_free (viewer);
}

/* Who cannot give feedback is not kept waiting, nor flooded: 20 Mbit/s are 2.5 packets of 1 kB a millisecond. */
static void
test_start_blind (void)
{
  Viewer *viewer = viewer_new_late (AIR_LEVELS_AUTO);
  viewer->tracks[AIR_KIND_VIDEO].section.extensions[AIR_SDP_EXTENSION_TRANSPORT_CC] = 0;
  take_for (viewer, 60);
  g_assert_cmpuint (viewer->sent->len, >, 100);
  g_assert_cmpuint (viewer->sent->len, <, 180);
  check_catches_up (viewer, 400);
  check_clock (viewer, 0, 8000);
  viewer_free (viewer);
}

/* Who gives no feedback gets all after a while. */
static void
test_start_unheard (void)
{
  Viewer *viewer = viewer_new_late (AIR_LEVELS_AUTO);
  check_unheard (viewer);
  unsigned from = viewer->sent->len;
  take_for (viewer, 380);
  g_assert_cmpuint (viewer->sent->len, ==, from);
  check_catches_up (viewer, 400);
  check_clock (viewer, from, 8000);
  viewer_free (viewer);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/viewer-level/reduced", test_reduced);
  g_test_add_func ("/viewer-level/rungs", test_rungs);
  g_test_add_func ("/viewer-level/replay", test_replay);
  g_test_add_func ("/viewer-level/fixed", test_fixed);
  for (unsigned i = 0; i < G_N_ELEMENTS (worths); i++)
    {
      g_autofree char *path = g_strdup_printf ("/viewer-level/worth/%s", worths[i].name);
      g_test_add_data_func (path, &worths[i], test_worth);
    }
  g_test_add_func ("/viewer-level/clock", test_clock);
  g_test_add_data_func ("/viewer-level/start/paced", GINT_TO_POINTER (AIR_LEVELS_AUTO), test_start_paced);
  g_test_add_data_func ("/viewer-level/start/paced-at-one-level", GINT_TO_POINTER (AIR_LEVELS_FULL), test_start_paced);
  g_test_add_func ("/viewer-level/start/blind", test_start_blind);
  g_test_add_func ("/viewer-level/start/unheard", test_start_unheard);
  return g_test_run ();
}
