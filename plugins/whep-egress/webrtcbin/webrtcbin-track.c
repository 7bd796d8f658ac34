/* A viewer's packets out of shared ones. */
#include "webrtcbin-track.h"

#include <string.h>

#include "rtp-header.h"
#include "webrtcbin-loop.h"

#define MID_PACKETS 32u /* the mid goes along until the receiver surely knows the SSRC (RFC 8843 §9.2) */
#define CATCH_UP_STEP_NS 1000000
#define MAX_REPEAT_AGE 16384u /* packets: beyond, a sequence number may mean another one */

void
air_webrtc_track_init (AirWebrtcTrack *track, AirWebrtcLoop *loop, const AirRtpView *view, AirKind kind,
                       const AirSdpSection *section, const char *mid)
{
  track->loop = loop;
  track->view = view;
  track->kind = kind;
  track->section = *section;
  g_strlcpy (track->mid, mid, sizeof track->mid);
  track->first_sequence = (uint64_t)g_random_int_range (0, 32768);
  track->next_sequence = track->first_sequence;
  track->next_rtx_sequence = (uint64_t)g_random_int_range (0, 32768);
  track->timestamp_offset = g_random_int ();
}

/* ---- Where it stands */

static AirWebrtcSegment *
jump_to (AirWebrtcTrack *track, uint64_t place)
{
  if (track->segment_count == AIR_WEBRTC_SEGMENTS)
    memmove (track->segments, track->segments + 1, --track->segment_count * sizeof track->segments[0]);
  AirWebrtcSegment *segment = &track->segments[track->segment_count++];
  *segment = (AirWebrtcSegment){ .sequence = track->next_sequence, .place = place };
  track->cursor = place;
  track->started = true;
  return segment;
}

bool
air_webrtc_track_replay (AirWebrtcTrack *track, int64_t now_us)
{
  AirPacketRing *ring = track->view->rings[air_lane_of (track->kind, 0)];
  uint64_t keyframe = air_packet_ring_get_keyframe (ring);
  if (keyframe == AIR_RING_NONE)
    return false;
  AirWebrtcSegment *segment = jump_to (track, keyframe);
  segment->live = UINT64_MAX;
  segment->start_us = now_us;
  segment->first_frame = air_packet_ring_get (ring, keyframe)->frame;
  segment->first_pts_ns = MAX (0, air_rtp_view_live_pts (track->view, now_us));
  return true;
}

/* Video starts at a keyframe that is kept, audio at once; who fell out of the ring starts anew. */
static bool
find_start (AirWebrtcTrack *track, int64_t now_us)
{
  AirPacketRing *ring = track->view->rings[air_lane_of (track->kind, 0)];
  if (track->started && track->cursor >= air_packet_ring_get_tail (ring))
    return true;
  if (track->kind == AIR_KIND_VIDEO)
    return air_webrtc_track_replay (track, now_us);
  jump_to (track, air_packet_ring_get_head (ring));
  return true;
}

/* The instant of the timeline as which @packet is sent. */
static int64_t
sent_pts_ns (const AirWebrtcSegment *segment, const AirRtpPacket *packet)
{
  if (packet->sequence >= segment->live)
    return packet->pts_ns;
  return segment->first_pts_ns + (int64_t)(packet->frame - segment->first_frame) * CATCH_UP_STEP_NS;
}

/* A picture that is as new as it is late is live, and so is all behind it. */
static bool
is_due (AirWebrtcSegment *segment, const AirRtpPacket *packet, int64_t now_us)
{
  if (packet->sequence < segment->live && packet->pts_ns >= sent_pts_ns (segment, packet))
    segment->live = packet->sequence;
  return segment->live <= packet->sequence
         || now_us >= segment->start_us + (int64_t)(packet->frame - segment->first_frame) * 1000;
}

/* ---- Packets */

static uint32_t
rtp_timestamp (const AirWebrtcTrack *track, int64_t pts_ns)
{
  return (track->kind == AIR_KIND_VIDEO ? air_rtp_clock_90k (pts_ns) : air_rtp_clock_48k (pts_ns))
         + track->timestamp_offset;
}

static GstBuffer *
make_buffer (const AirRtpHeader *header, const uint8_t *prefix, size_t prefix_bytes, const AirRtpPacket *packet)
{
  uint8_t bytes[AIR_RTP_MAX_HEADER_BYTES];
  size_t header_bytes = air_rtp_header_write (header, bytes);
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, header_bytes + prefix_bytes + packet->payload_bytes, NULL);
  gst_buffer_fill (buffer, 0, bytes, header_bytes);
  gst_buffer_fill (buffer, header_bytes, prefix, prefix_bytes);
  gst_buffer_fill (buffer, header_bytes + prefix_bytes, packet->payload, packet->payload_bytes);
  return buffer;
}

bool
air_webrtc_track_get_clock (const AirWebrtcTrack *track, AirWebrtcClock *ret_clock)
{
  if (!track->section.accepted || !track->view->clock.anchored)
    return false;
  int64_t now_us = g_get_monotonic_time ();
  *ret_clock = (AirWebrtcClock){
    .ssrc = track->section.ssrc,
    .rate = track->kind == AIR_KIND_VIDEO ? 90000 : 48000,
    .anchor_us = now_us,
    .anchor_ntp = air_webrtc_loop_ntp (track->loop, now_us),
    .anchor_timestamp = rtp_timestamp (track, MAX (0, air_rtp_view_pts_at (track->view, now_us))),
  };
  return true;
}

/* The pipeline's running time is the monotonic clock. */
static void
stamp (const AirWebrtcTrack *track, GstBuffer *buffer, int64_t pts_ns)
{
  int64_t time_us = air_rtp_view_time_of (track->view, pts_ns);
  GST_BUFFER_PTS (buffer) = (GstClockTime)MAX (0, time_us) * 1000;
}

static GstBuffer *
make_packet (AirWebrtcTrack *track, const AirWebrtcSegment *segment, const AirRtpPacket *packet, uint64_t sequence)
{
  const uint8_t *ids = track->section.extensions;
  int64_t pts_ns = sent_pts_ns (segment, packet);
  AirRtpHeader header = {
    .payload = track->section.payload,
    .marker = packet->flags & AIR_RTP_MARKER,
    .sequence = (uint16_t)sequence,
    .timestamp = rtp_timestamp (track, pts_ns),
    .ssrc = track->section.ssrc,
  };
  if (ids[AIR_SDP_EXTENSION_CAPTURE_TIME] && packet->flags & AIR_RTP_CAPTURE_TIME)
    {
      int64_t taken_us = air_rtp_view_time_of (track->view, packet->pts_ns);
      header.capture_id = ids[AIR_SDP_EXTENSION_CAPTURE_TIME];
      header.capture_ntp = air_webrtc_loop_ntp (track->loop, taken_us);
    }
  if (packet->flags & AIR_RTP_WAIT)
    {
      header.wait_id = ids[AIR_SDP_EXTENSION_PLAYOUT_DELAY];
      header.wait_ms = packet->wait_ms;
    }
  if (sequence - track->first_sequence < MID_PACKETS)
    {
      header.mid_id = ids[AIR_SDP_EXTENSION_MID];
      header.mid = track->mid;
    }
  GstBuffer *buffer = make_buffer (&header, NULL, 0, packet);
  stamp (track, buffer, pts_ns);
  return buffer;
}

bool
air_webrtc_track_take (AirWebrtcTrack *track, int64_t now_us, unsigned max, GstBufferList *packets)
{
  AirPacketRing *ring = track->view->rings[air_lane_of (track->kind, 0)];
  if (!track->section.accepted || !find_start (track, now_us))
    return false;
  AirWebrtcSegment *segment = &track->segments[track->segment_count - 1];
  AirRtpPacket *packet;
  for (; max > 0 && (packet = air_packet_ring_get (ring, track->cursor)) && is_due (segment, packet, now_us); max--)
    {
      gst_buffer_list_add (packets, make_packet (track, segment, packet, track->next_sequence++));
      track->cursor++;
    }
  return track->cursor < air_packet_ring_get_head (ring);
}

static const AirWebrtcSegment *
find_segment (const AirWebrtcTrack *track, uint64_t sequence)
{
  for (unsigned i = track->segment_count; i > 0; i--)
    if (track->segments[i - 1].sequence <= sequence)
      return &track->segments[i - 1];
  return NULL;
}

static GstBuffer *
make_rtx (AirWebrtcTrack *track, const AirWebrtcSegment *segment, const AirRtpPacket *packet, uint16_t original)
{
  int64_t pts_ns = sent_pts_ns (segment, packet);
  const uint8_t prefix[] = { (uint8_t)(original >> 8), (uint8_t)original };
  AirRtpHeader header = {
    .payload = track->section.rtx_payload,
    .marker = packet->flags & AIR_RTP_MARKER,
    .sequence = (uint16_t)track->next_rtx_sequence++,
    .timestamp = rtp_timestamp (track, pts_ns),
    .ssrc = track->section.rtx_ssrc,
    .wait_id = packet->flags & AIR_RTP_WAIT ? track->section.extensions[AIR_SDP_EXTENSION_PLAYOUT_DELAY] : 0,
    .wait_ms = packet->wait_ms,
  };
  GstBuffer *buffer = make_buffer (&header, prefix, sizeof prefix, packet);
  stamp (track, buffer, pts_ns);
  return buffer;
}

GstBuffer *
air_webrtc_track_repeat (AirWebrtcTrack *track, uint16_t sequence)
{
  uint16_t behind = (uint16_t)((uint16_t)(track->next_sequence - 1) - sequence);
  if (behind >= MAX_REPEAT_AGE || track->next_sequence - track->first_sequence <= behind)
    return NULL;
  uint64_t full = track->next_sequence - 1 - behind;
  const AirWebrtcSegment *segment = find_segment (track, full);
  if (!segment)
    return NULL;
  AirPacketRing *ring = track->view->rings[air_lane_of (track->kind, 0)];
  const AirRtpPacket *packet = air_packet_ring_get (ring, segment->place + (full - segment->sequence));
  if (!packet)
    return NULL;
  return track->section.rtx_payload ? make_rtx (track, segment, packet, sequence)
                                    : make_packet (track, segment, packet, full);
}
