/* Views: what another loop gets is what the home has, whenever it joins. */
#include "rtp-view.h"

static void
append (AirRtpView *view, AirLane lane, int64_t ms, unsigned flags)
{
  AirRtpPacket *packet = air_rtp_packet_new (ms * 1000000, 0, 100);
  packet->flags = (uint16_t)flags;
  packet->lane = (uint8_t)lane;
  air_packet_ring_append (view->rings[lane], packet);
}

static void
assert_same (const AirRtpView *a, const AirRtpView *b)
{
  for (unsigned lane = 0; lane < AIR_LANE_COUNT; lane++)
    {
      AirPacketRing *first = a->rings[lane], *second = b->rings[lane];
      uint64_t head = air_packet_ring_get_head (first);
      g_assert_cmpuint (air_packet_ring_get_tail (first), ==, air_packet_ring_get_tail (second));
      if (air_packet_ring_get_tail (first) == head)
        continue;
      g_assert_cmpuint (head, ==, air_packet_ring_get_head (second));
      g_assert_cmpuint (air_packet_ring_get_keyframe (first), ==, air_packet_ring_get_keyframe (second));
      for (uint64_t place = air_packet_ring_get_tail (first); place < head; place++)
        g_assert_true (air_packet_ring_get (first, place) == air_packet_ring_get (second, place));
    }
  g_assert_cmpint (a->clock.anchor_us, ==, b->clock.anchor_us);
}

static void
test_share (void)
{
  g_autoptr (AirRtpView) home = air_rtp_view_new ();
  g_autoptr (AirRtpView) early = air_rtp_view_new ();
  g_autoptr (AirRtpView) late = air_rtp_view_new ();
  uint64_t sent[AIR_LANE_COUNT] = { 0 };
  home->clock = (AirRtpClock){ true, 5000, 0, 0 };
  for (int64_t ms = 0; ms < 10000; ms += 10)
    {
      append (home, AIR_LANE_VIDEO, ms, ms % 4000 == 0 ? AIR_RTP_KEYFRAME | AIR_RTP_FRAME_START : AIR_RTP_FRAME_START);
      if (ms % 20 == 0)
        append (home, AIR_LANE_AUDIO, ms, AIR_RTP_KEYFRAME | AIR_RTP_FRAME_START);
      if (ms % 50 != 0)
        continue;
      /* One joins at the begin, one in the middle of a group; all see the same places from then on. */
      if (ms == 5000)
        {
          uint64_t everything[AIR_LANE_COUNT] = { 0 };
          g_autoptr (AirRtpBatch) batch = air_rtp_view_collect (home, everything);
          air_rtp_view_take (late, batch);
          assert_same (home, late);
        }
      g_autoptr (AirRtpBatch) batch = air_rtp_view_collect (home, sent);
      air_rtp_view_take (early, batch);
      assert_same (home, early);
      if (ms > 5000)
        air_rtp_view_take (late, batch);
    }
  g_assert_cmpuint (air_packet_ring_get_head (late->rings[AIR_LANE_VIDEO]), ==,
                    air_packet_ring_get_head (early->rings[AIR_LANE_VIDEO]));
  g_assert_cmpuint (air_packet_ring_get_keyframe (late->rings[AIR_LANE_VIDEO]), ==, 800);
}

/* A batch that was left out: what came before cannot be gone on with. */
static void
test_gap (void)
{
  g_autoptr (AirRtpView) home = air_rtp_view_new ();
  g_autoptr (AirRtpView) other = air_rtp_view_new ();
  uint64_t sent[AIR_LANE_COUNT] = { 0 };
  append (home, AIR_LANE_VIDEO, 0, AIR_RTP_KEYFRAME);
  append (home, AIR_LANE_VIDEO, 1, 0);
  g_autoptr (AirRtpBatch) first = air_rtp_view_collect (home, sent);
  air_rtp_view_take (other, first);
  append (home, AIR_LANE_VIDEO, 2, 0);
  g_autoptr (AirRtpBatch) lost = air_rtp_view_collect (home, sent);
  append (home, AIR_LANE_VIDEO, 3, 0);
  g_autoptr (AirRtpBatch) third = air_rtp_view_collect (home, sent);
  g_assert_cmpuint (lost->count, ==, 1);
  air_rtp_view_take (other, third);
  g_assert_cmpuint (air_packet_ring_get_tail (other->rings[AIR_LANE_VIDEO]), ==, 3);
  g_assert_cmpuint (air_packet_ring_get_keyframe (other->rings[AIR_LANE_VIDEO]), ==, AIR_RING_NONE);
}

typedef struct
{
  GAsyncQueue *batches;
  uint64_t seen;
} Taker;

static void *
take_all (void *data)
{
  Taker *taker = data;
  g_autoptr (AirRtpView) view = air_rtp_view_new ();
  AirRtpBatch *batch;
  while ((batch = g_async_queue_pop (taker->batches))->count > 0)
    {
      air_rtp_view_take (view, batch);
      air_rtp_batch_unref (batch);
    }
  air_rtp_batch_unref (batch);
  taker->seen = air_packet_ring_get_head (view->rings[AIR_LANE_VIDEO]);
  return NULL;
}

/* Three threads that hold and drop the same packets: each is freed once (ASan, TSan). */
static void
test_threads (void)
{
  Taker takers[2] = { { g_async_queue_new (), 0 }, { g_async_queue_new (), 0 } };
  GThread *threads[2];
  g_autoptr (AirRtpView) home = air_rtp_view_new ();
  uint64_t sent[AIR_LANE_COUNT] = { 0 };
  for (unsigned i = 0; i < 2; i++)
    threads[i] = g_thread_new ("taker", take_all, &takers[i]);
  for (unsigned n = 0; n <= 20000; n++)
    {
      if (n < 20000)
        append (home, AIR_LANE_VIDEO, n, n % 1000 == 0 ? AIR_RTP_KEYFRAME : 0);
      g_autoptr (AirRtpBatch) batch = air_rtp_view_collect (home, sent); /* the last one is empty */
      for (unsigned i = 0; i < 2; i++)
        g_async_queue_push (takers[i].batches, air_rtp_batch_ref (batch));
    }
  for (unsigned i = 0; i < 2; i++)
    {
      g_thread_join (threads[i]);
      g_assert_cmpuint (takers[i].seen, ==, 20000);
      g_async_queue_unref (takers[i].batches);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/whep/view/share", test_share);
  g_test_add_func ("/whep/view/gap", test_gap);
  g_test_add_func ("/whep/view/threads", test_threads);
  return g_test_run ();
}
