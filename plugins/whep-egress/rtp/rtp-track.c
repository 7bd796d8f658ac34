/* See rtp-track.h. */
#include "rtp-track.h"

#include <string.h>

#define MAX_REPEAT_AGE 16384u /* packets */

void
air_rtp_track_init (AirRtpTrack *track, const AirSdpSection *section)
{
  *track = (AirRtpTrack){
    .section = *section,
    .first_sequence = (uint64_t)g_random_int_range (0, 32768),
    .next_rtx_sequence = (uint64_t)g_random_int_range (0, 32768),
    .timestamp_offset = g_random_int (),
    .fir_sequence = -1,
    .replayed_us = G_MININT64 / 2,
  };
  track->next_sequence = track->first_sequence;
}

AirRtpSegment *
air_rtp_track_jump (AirRtpTrack *track, AirLane lane, uint64_t place)
{
  if (track->segment_count == AIR_RTP_SEGMENTS)
    {
      memmove (track->segments, track->segments + 1, sizeof track->segments - sizeof track->segments[0]);
      track->segment_count--;
    }
  track->segments[track->segment_count++]
    = (AirRtpSegment){ .sequence = track->next_sequence, .lane = lane, .place = place };
  track->cursor = place;
  return air_rtp_track_get_segment (track);
}

static AirRtpSegment *
begin_to_catch_up (AirRtpTrack *track, const AirRtpView *view, AirLane lane, uint64_t place, uint32_t step, int64_t now_us)
{
  AirRtpSegment *segment = air_rtp_track_jump (track, lane, place);
  segment->live = UINT64_MAX;
  segment->start_us = now_us;
  segment->step = step;
  segment->first_frame = air_packet_ring_get (view->rings[lane], place)->frame;
  segment->first_timestamp = air_rtp_clock_90k (MAX (0, air_rtp_view_live_pts (view, now_us)));
  /* What was sent last may have been newer than usual. */
  uint32_t next = track->last_timestamp + AIR_RTP_CATCH_UP_STEP;
  if (track->any && (int32_t)(segment->first_timestamp - next) < 0)
    segment->first_timestamp = next;
  return segment;
}

AirRtpSegment *
air_rtp_track_catch_up (AirRtpTrack *track, const AirRtpView *view, unsigned rung, uint64_t keyframe, int64_t now_us)
{
  track->rung = rung;
  track->started = true;
  return begin_to_catch_up (track, view, air_lane_of (AIR_KIND_VIDEO, rung), keyframe, AIR_RTP_CATCH_UP_STEP, now_us);
}

void
air_rtp_track_change_pace (AirRtpTrack *track, const AirRtpView *view, uint32_t step, int64_t now_us)
{
  AirLane lane = air_rtp_track_get_segment (track)->lane;
  if (air_packet_ring_get (view->rings[lane], track->cursor))
    begin_to_catch_up (track, view, lane, track->cursor, step, now_us);
}

AirRtpSegment *
air_rtp_track_skip_picture (AirRtpTrack *track, const AirRtpView *view)
{
  AirRtpSegment before = *air_rtp_track_get_segment (track);
  AirPacketRing *ring = view->rings[before.lane];
  uint64_t place = track->cursor;
  const AirRtpPacket *packet;
  while ((packet = air_packet_ring_get (ring, place++)) && !(packet->flags & AIR_RTP_MARKER))
    ;
  AirRtpSegment *segment = air_rtp_track_jump (track, before.lane, place);
  before.sequence = segment->sequence;
  before.place = segment->place;
  *segment = before;
  return segment;
}

const AirRtpPacket *
air_rtp_track_find (const AirRtpTrack *track, const AirRtpView *view, uint64_t full, const AirRtpSegment **ret_segment)
{
  for (unsigned i = track->segment_count; i > 0; i--)
    {
      const AirRtpSegment *segment = &track->segments[i - 1];
      if (segment->sequence > full)
        continue;
      *ret_segment = segment;
      return air_packet_ring_get (view->rings[segment->lane], segment->place + (full - segment->sequence));
    }
  return NULL;
}

bool
air_rtp_track_unwrap (const AirRtpTrack *track, uint16_t sequence, uint64_t *ret_full)
{
  uint16_t behind = (uint16_t)((uint16_t)(track->next_sequence - 1) - sequence);
  *ret_full = track->next_sequence - 1 - behind;
  return behind < MAX_REPEAT_AGE && track->next_sequence - track->first_sequence > behind;
}
