/* See viewer-start.h. */
#include "viewer-start.h"

#include "rtp-track.h"

/* So little behind the first picture is no flood for anybody. */
#define SMALL_BYTES (48u << 10)
/* Who gives no feedback within this time after the first picture, gives none. */
#define UNHEARD_US (500 * 1000)
/* A first picture that takes longer than this shows what is carried while it arrives. */
#define SLOW_US (600 * 1000)
/* A path of so much is no bottleneck: the receiver's buffers are. */
#define FAST_BPS 60000000u
/* Where the first picture was too small to show anything. */
#define CAREFUL_BPS 10000000u
/* Where nothing will be heard of the path: within this time at most, as gently as that allows. */
#define BLIND_US (700 * 1000)
#define BLIND_BPS 20000000u
#define SHARE_PERCENT 85u
#define NARROW_PERCENT 130u
#define LEAST_PERCENT 150u
#define HEADER_BYTES 60u
#define BURST_US 20000
/* While feedback is awaited: apart enough to be no part of the first picture's burst, and together less than that. */
#define MORE_EVERY_US 15000
#define MORE_PERCENT 50u

/* A pace that fits most paths, and is live soon. */
static uint64_t
get_blind_bps (AirPacketRing *ring, int64_t first_pts_ns)
{
  const AirRtpPacket *newest = air_packet_ring_get (ring, air_packet_ring_get_head (ring) - 1);
  uint64_t kept_us = (uint64_t)MAX (0, newest->pts_ns - first_pts_ns) / 1000;
  return MAX (BLIND_BPS, air_packet_ring_get_bps (ring, NULL) * kept_us / BLIND_US);
}

void
air_viewer_start_begin (AirViewerStart *start, const AirPathEstimate *path, AirPacketRing *ring, uint64_t place,
                        bool tells, int64_t now_us)
{
  const AirRtpPacket *packet = air_packet_ring_get (ring, place);
  uint32_t frame = packet->frame;
  uint64_t behind = 0, blind_bps = get_blind_bps (ring, packet->pts_ns);
  start->first_bytes = 0;
  for (; packet && behind <= SMALL_BYTES; packet = air_packet_ring_get (ring, ++place))
    *(packet->frame == frame ? &start->first_bytes : &behind) += packet->payload_bytes + HEADER_BYTES;
  start->phase = AIR_START_OPEN;
  start->since_us = start->paced_us = now_us;
  start->heard = false;
  start->arrived = air_path_estimate_get_arrived (path);
  start->first_frame = start->frame = frame;
  start->turned = false;
  start->more_bytes = 0;
  if (behind <= SMALL_BYTES)
    return;
  uint64_t carried_bps = tells ? start->carried_bps : 0;
  start->phase = carried_bps >= FAST_BPS ? AIR_START_OPEN
                 : carried_bps > 0 || !tells ? AIR_START_PACED
                                             : AIR_START_FIRST;
  start->bps = carried_bps > 0 ? MAX (1, carried_bps * SHARE_PERCENT / 100) : blind_bps;
  start->bytes = 0;
}

void
air_viewer_start_open (AirViewerStart *start)
{
  start->turned |= start->phase != AIR_START_OPEN;
  start->phase = AIR_START_OPEN;
}

bool
air_viewer_start_turn (AirViewerStart *start, int64_t now_us)
{
  if (start->phase == AIR_START_FIRST && !start->heard && now_us >= start->since_us + UNHEARD_US)
    {
      start->phase = AIR_START_PACED;
      start->turned = true;
    }
  bool turned = start->turned;
  start->turned = false;
  return turned;
}

uint32_t
air_viewer_start_get_step (const AirViewerStart *start, AirPacketRing *ring, uint64_t place)
{
  const AirRtpPacket *next = air_packet_ring_get (ring, place);
  const AirRtpPacket *newest = air_packet_ring_get (ring, air_packet_ring_get_head (ring) - 1);
  if (start->phase != AIR_START_PACED || !next || newest->frame == next->frame)
    return AIR_RTP_CATCH_UP_STEP;
  uint32_t own = (newest->timestamp - next->timestamp) / (newest->frame - next->frame);
  return (uint32_t)MAX (own * air_packet_ring_get_bps (ring, NULL) / start->bps, AIR_RTP_CATCH_UP_STEP);
}

/* A browser may decode the first picture before its page is ready to show one, and then shows the next that comes. */
static bool
may_send_unheard (AirViewerStart *start, const AirRtpPacket *packet, int64_t now_us)
{
  bool begins = packet->frame != start->frame;
  if (begins && (now_us < start->paced_us + MORE_EVERY_US || start->more_bytes * 100 >= start->first_bytes * MORE_PERCENT))
    return false;
  start->frame = packet->frame;
  start->paced_us = now_us;
  start->more_bytes += packet->payload_bytes + HEADER_BYTES;
  return true;
}

bool
air_viewer_start_may_send (AirViewerStart *start, const AirRtpPacket *packet, int64_t now_us)
{
  bool first = packet->frame == start->first_frame;
  if (first)
    start->since_us = start->paced_us = now_us;
  if (start->phase == AIR_START_OPEN || first)
    return true;
  if (start->phase == AIR_START_FIRST)
    return may_send_unheard (start, packet, now_us);
  double elapsed_us = (double)MIN (now_us - start->paced_us, BURST_US);
  start->bytes += (double)start->bps * elapsed_us / 8 / G_USEC_PER_SEC;
  start->bytes = MIN (start->bytes, MAX ((double)start->bps * BURST_US / 8 / G_USEC_PER_SEC, 2 * AIR_RTP_MAX_PACKET_BYTES));
  start->paced_us = now_us;
  if (start->bytes < packet->payload_bytes + HEADER_BYTES)
    return false;
  start->bytes -= packet->payload_bytes + HEADER_BYTES;
  return true;
}

/* What the first picture has shown; 0: nothing yet. */
static uint64_t
see (const AirViewerStart *start, AirPathEstimate *path, int64_t now_us)
{
  uint64_t burst_bps = air_path_estimate_get_burst_bps (path);
  uint64_t arrived = air_path_estimate_get_arrived (path) - start->arrived;
  if (burst_bps > 0)
    return burst_bps;
  if (arrived * 10 >= start->first_bytes * 9)
    return CAREFUL_BPS;
  if (now_us < start->since_us + SLOW_US)
    return 0;
  AirPathState state;
  air_path_estimate_get (path, now_us, &state);
  return MAX (1, state.goodput_bps);
}

uint64_t
air_viewer_start_take_feedback (AirViewerStart *start, AirPathEstimate *path, uint64_t full_bps, int64_t now_us)
{
  uint64_t burst_bps = air_path_estimate_get_burst_bps (path);
  if (burst_bps > 0)
    start->carried_bps = burst_bps;
  start->heard = true;
  uint64_t bps = start->phase == AIR_START_FIRST ? see (start, path, now_us) : 0;
  if (bps == 0)
    return 0;
  start->phase = bps >= FAST_BPS ? AIR_START_OPEN : AIR_START_PACED;
  start->bps = MAX (bps * SHARE_PERCENT / 100, full_bps * LEAST_PERCENT / 100);
  start->turned = true;
  g_debug ("a start shows %" G_GUINT64_FORMAT " kbit/s", bps / 1000);
  return bps * 100 < full_bps * NARROW_PERCENT ? bps : 0;
}
