/* Rings and clock of one loop, and the batches between loops. */
#include "rtp-view.h"

/* A group of pictures of 10 s at 20 Mbit/s fits; what is longer cannot be started from. */
#define RING_PACKETS 32768u
#define VIDEO_RING_BYTES ((size_t)32 << 20)
#define AUDIO_RING_BYTES ((size_t)2 << 20)
#define RING_KEEP_NS (1500 * G_GINT64_CONSTANT (1000000))

AirRtpView *
air_rtp_view_new (void)
{
  AirRtpView *view = g_new0 (AirRtpView, 1);
  for (unsigned lane = 0; lane < AIR_LANE_COUNT; lane++)
    view->rings[lane] = air_packet_ring_new (RING_PACKETS, lane == AIR_LANE_AUDIO ? AUDIO_RING_BYTES : VIDEO_RING_BYTES,
                                             RING_KEEP_NS);
  return view;
}

void
air_rtp_view_free (AirRtpView *view)
{
  if (!view)
    return;
  for (unsigned lane = 0; lane < AIR_LANE_COUNT; lane++)
    air_packet_ring_free (view->rings[lane]);
  g_free (view);
}

int64_t
air_rtp_view_time_of (const AirRtpView *view, int64_t pts_ns)
{
  return view->clock.anchor_us + (pts_ns - view->clock.anchor_pts_ns) / 1000;
}

int64_t
air_rtp_view_pts_at (const AirRtpView *view, int64_t monotonic_us)
{
  return view->clock.anchor_pts_ns + (monotonic_us - view->clock.anchor_us) * 1000;
}

int64_t
air_rtp_view_live_pts (const AirRtpView *view, int64_t monotonic_us)
{
  return air_rtp_view_pts_at (view, monotonic_us - view->clock.late_us);
}

AirRtpBatch *
air_rtp_view_collect (const AirRtpView *view, uint64_t since[AIR_LANE_COUNT])
{
  uint64_t from[AIR_LANE_COUNT], count = 0;
  for (unsigned lane = 0; lane < AIR_LANE_COUNT; lane++)
    {
      AirPacketRing *ring = view->rings[lane];
      from[lane] = MAX (since[lane], air_packet_ring_get_tail (ring));
      count += air_packet_ring_get_head (ring) - from[lane];
      since[lane] = air_packet_ring_get_head (ring);
    }
  AirRtpBatch *batch = g_malloc (sizeof (AirRtpBatch) + count * sizeof (AirRtpPacket *));
  g_atomic_ref_count_init (&batch->references);
  batch->clock = view->clock;
  batch->count = 0;
  for (unsigned lane = 0; lane < AIR_LANE_COUNT; lane++)
    for (AirRtpPacket *packet; (packet = air_packet_ring_get (view->rings[lane], from[lane])); from[lane]++)
      batch->packets[batch->count++] = air_rtp_packet_ref (packet);
  return batch;
}

void
air_rtp_view_take (AirRtpView *view, const AirRtpBatch *batch)
{
  view->clock = batch->clock;
  view->ready = true;
  for (unsigned i = 0; i < batch->count; i++)
    air_packet_ring_append_shared (view->rings[batch->packets[i]->lane], air_rtp_packet_ref (batch->packets[i]));
}

AirRtpBatch *
air_rtp_batch_ref (AirRtpBatch *batch)
{
  g_atomic_ref_count_inc (&batch->references);
  return batch;
}

void
air_rtp_batch_unref (AirRtpBatch *batch)
{
  if (!batch || !g_atomic_ref_count_dec (&batch->references))
    return;
  for (unsigned i = 0; i < batch->count; i++)
    air_rtp_packet_unref (batch->packets[i]);
  g_free (batch);
}
