/* See fanout-packet.h. */
#include "fanout-packet.h"

#include "fanout-private.h"

#define MID_PACKETS 32u /* the mid goes along until the receiver surely knows the SSRC (RFC 8843 §9.2) */

void
air_fanout_packet_encrypt (AirFanoutViewer *viewer, const AirRtpHeader *fields, const uint8_t *payload,
                           size_t payload_bytes)
{
  uint8_t header[AIR_RTP_MAX_HEADER_BYTES];
  size_t header_bytes = air_rtp_header_write (fields, header);
  const AirPath *path = air_ice_get_selected (viewer->ice);
  if (!path)
    return;
  size_t room = header_bytes + payload_bytes + AIR_SRTP_MAX_OVERHEAD_BYTES, bytes = 0;
  uint8_t *out = air_fanout_loop_reserve (viewer->loop, path, room);
  if (air_srtp_protect_rtp (viewer->sender, header, header_bytes, payload, payload_bytes, out, room, &bytes)
      != AIR_SRTP_OK)
    bytes = 0;
  air_fanout_loop_commit (viewer->loop, path, bytes);
  viewer->counts.packets += bytes > 0;
  viewer->counts.bytes += bytes;
  if (fields->transport_id)
    air_path_estimate_sent (viewer->level.path, fields->transport_sequence, bytes, viewer->loop->now_us);
  else
    air_path_estimate_sent_unnumbered (viewer->level.path, bytes, viewer->loop->now_us);
}

uint32_t
air_fanout_packet_catch_up_timestamp (const AirFanoutSegment *segment, const AirRtpPacket *packet)
{
  return segment->first_timestamp + (packet->frame - segment->first_frame) * AIR_FANOUT_CATCH_UP_STEP;
}

uint32_t
air_fanout_packet_timestamp (const AirFanoutTrack *track, const AirFanoutSegment *segment, const AirRtpPacket *packet)
{
  bool live = packet->sequence >= segment->live;
  return (live ? packet->timestamp : air_fanout_packet_catch_up_timestamp (segment, packet)) + track->timestamp_offset;
}

/* What pictures wait for: their sound, and what the viewer loses. A retransmission on the same SSRC must be the same as what
 * was lost (RFC 7714 §8.4), so there the wait cannot be the viewer's own. */
uint16_t
air_fanout_packet_wait (const AirFanoutViewer *viewer, const AirFanoutTrack *track, const AirRtpPacket *packet)
{
  unsigned own_ms = track->section.rtx_payload ? air_repair_get_wait_ms (&viewer->repair) : 0;
  return (uint16_t)MAX (own_ms, packet->wait_ms);
}

/* Sound behind that of the packets before it, as many as the viewer's losses make necessary. */
static size_t
write_redundant (AirFanoutViewer *viewer, const AirFanoutSegment *segment, const AirRtpPacket *packet,
                 uint8_t out[AIR_RTP_MAX_PAYLOAD_BYTES])
{
  const AirFanoutTrack *track = &viewer->tracks[AIR_KIND_AUDIO];
  AirPacketRing *ring = viewer->share->view->rings[segment->lane];
  AirRtpPacket *earlier[AIR_RTP_RED_MAX_EARLIER];
  /* On a path that is too narrow it would make the losses that it mends. */
  bool room = track->section.red_payload && viewer->level.policy.reason != AIR_LEVEL_CONGESTION;
  unsigned wanted = room ? air_repair_get_redundancy (&viewer->repair) : 0, count = 0;
  for (unsigned back = MIN (wanted, AIR_RTP_RED_MAX_EARLIER); back > 0; back--)
    if (packet->sequence >= segment->place + back
        && (earlier[count] = air_packet_ring_get (ring, packet->sequence - back)))
      count++;
  return count > 0 ? air_rtp_red_write (out, track->section.payload, earlier, count, packet) : 0;
}

/* All but the transport-wide number follows from packet and sequence: a retransmission on the same SSRC is the same. */
void
air_fanout_packet_send (AirFanoutViewer *viewer, AirKind kind, const AirFanoutSegment *segment,
                        const AirRtpPacket *packet, uint64_t sequence)
{
  const AirFanoutTrack *track = &viewer->tracks[kind];
  const uint8_t *ids = track->section.extensions;
  AirRtpHeader header = {
    .payload = track->section.payload,
    .marker = packet->flags & AIR_RTP_MARKER,
    .sequence = (uint16_t)sequence,
    .timestamp = air_fanout_packet_timestamp (track, segment, packet),
    .ssrc = track->section.ssrc,
    .transport_id = ids[AIR_SDP_EXTENSION_TRANSPORT_CC],
  };
  if (header.transport_id)
    header.transport_sequence = viewer->transport_sequence++;
  if (ids[AIR_SDP_EXTENSION_CAPTURE_TIME] && packet->flags & AIR_RTP_CAPTURE_TIME)
    {
      int64_t taken_us = air_rtp_view_time_of (viewer->share->view, packet->pts_ns);
      header.capture_id = ids[AIR_SDP_EXTENSION_CAPTURE_TIME];
      header.capture_ntp = air_fanout_loop_ntp (viewer->loop, taken_us);
    }
  if (packet->flags & AIR_RTP_WAIT)
    {
      header.wait_id = ids[AIR_SDP_EXTENSION_PLAYOUT_DELAY];
      header.wait_ms = air_fanout_packet_wait (viewer, track, packet);
    }
  if (sequence - track->first_sequence < MID_PACKETS)
    {
      header.mid_id = ids[AIR_SDP_EXTENSION_MID];
      header.mid = viewer->mids[kind];
    }
  uint8_t redundant[AIR_RTP_MAX_PAYLOAD_BYTES];
  size_t redundant_bytes = kind == AIR_KIND_AUDIO ? write_redundant (viewer, segment, packet, redundant) : 0;
  if (redundant_bytes > 0)
    {
      header.payload = track->section.red_payload;
      air_fanout_packet_encrypt (viewer, &header, redundant, redundant_bytes);
    }
  else
    air_fanout_packet_encrypt (viewer, &header, packet->payload, packet->payload_bytes);
}
