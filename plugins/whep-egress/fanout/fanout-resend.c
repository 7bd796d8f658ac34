/* What a viewer is sent once more: what it lost, and what only tries the path. Loop. */
#include "fanout-packet.h"

#include "fanout-private.h"

#include <string.h>

#define MAX_RETRANSMIT_AGE 16384u /* packets */
#define PADDING_BYTES 255u

/* Packets without content, as senders of WebRTC try a path with: they take a sequence number of the RTX stream only. */
static void
send_padding (AirFanoutViewer *viewer)
{
  static const uint8_t padding[PADDING_BYTES] = { [PADDING_BYTES - 1] = PADDING_BYTES };
  AirFanoutTrack *track = &viewer->tracks[AIR_KIND_VIDEO];
  AirRtpHeader header = {
    .payload = track->section.rtx_payload,
    .padded = true,
    .sequence = (uint16_t)track->next_rtx_sequence++,
    .timestamp = viewer->level.last_timestamp + track->timestamp_offset,
    .ssrc = track->section.rtx_ssrc,
    .transport_id = track->section.extensions[AIR_SDP_EXTENSION_TRANSPORT_CC],
  };
  if (header.transport_id)
    header.transport_sequence = viewer->transport_sequence++;
  air_fanout_packet_encrypt (viewer, &header, padding, sizeof padding);
}

static AirFanoutSegment *
find_segment (AirFanoutTrack *track, uint64_t sequence)
{
  for (unsigned i = track->segment_count; i > 0; i--)
    if (track->segments[i - 1].sequence <= sequence)
      return &track->segments[i - 1];
  return NULL;
}

/* RFC 4588 §4: its own SSRC and sequence, the original sequence number before the payload. */
static void
send_rtx (AirFanoutViewer *viewer, AirKind kind, const AirFanoutSegment *segment,
          const AirRtpPacket *packet, uint16_t original)
{
  AirFanoutTrack *track = &viewer->tracks[kind];
  AirRtpHeader header = {
    .payload = track->section.rtx_payload,
    .marker = packet->flags & AIR_RTP_MARKER,
    .sequence = (uint16_t)track->next_rtx_sequence++,
    .timestamp = air_fanout_packet_timestamp (track, segment, packet),
    .ssrc = track->section.rtx_ssrc,
    .transport_id = track->section.extensions[AIR_SDP_EXTENSION_TRANSPORT_CC],
    .wait_id = packet->flags & AIR_RTP_WAIT ? track->section.extensions[AIR_SDP_EXTENSION_PLAYOUT_DELAY] : 0,
    .wait_ms = air_fanout_packet_wait (viewer, track, packet),
  };
  if (header.transport_id)
    header.transport_sequence = viewer->transport_sequence++;
  uint8_t payload[AIR_RTP_MAX_PAYLOAD_BYTES + 2];
  payload[0] = (uint8_t)(original >> 8);
  payload[1] = (uint8_t)original;
  memcpy (payload + 2, packet->payload, packet->payload_bytes);
  air_fanout_packet_encrypt (viewer, &header, payload, packet->payload_bytes + 2u);
}

void
air_fanout_viewer_retransmit (AirFanoutViewer *viewer, AirFanoutTrack *track, uint16_t sequence, int64_t now_us)
{
  AirKind kind = (AirKind)(track - viewer->tracks);
  uint16_t behind = (uint16_t)((uint16_t)(track->next_sequence - 1) - sequence);
  if (!(track->section.feedback & AIR_SDP_FEEDBACK_NACK) || track->next_sequence - track->first_sequence <= behind)
    return; /* not agreed on, or never sent */
  if (behind >= MAX_RETRANSMIT_AGE)
    return; /* the rollover counter would be taken for the next one (RFC 3711 §3.3.1), and its nonces be used twice */
  uint64_t full = track->next_sequence - 1 - behind;
  const AirFanoutSegment *segment = find_segment (track, full);
  if (!segment)
    return;
  AirPacketRing *ring = viewer->share->view->rings[segment->lane];
  const AirRtpPacket *packet = air_packet_ring_get (ring, segment->place + (full - segment->sequence));
  uint64_t key = full * AIR_KIND_COUNT + kind;
  /* Pictures of another rung, or before one that waits for a keyframe, are not mended: the path is full as it is. */
  bool past = kind == AIR_KIND_VIDEO && (viewer->level.paused || segment->lane != air_lane_of (kind, track->rung));
  if (!packet || past
      || !air_repair_may_resend (&viewer->repair, key, packet->payload_bytes, now_us))
    return;
  if (track->section.rtx_payload)
    send_rtx (viewer, kind, segment, packet, sequence);
  else
    air_fanout_packet_send (viewer, kind, segment, packet, full);
  viewer->counts.retransmitted++;
  air_fanout_loop_get_counts (viewer->loop)->retransmitted++;
}

size_t
air_fanout_viewer_send_probe (AirFanoutViewer *viewer, unsigned back)
{
  AirFanoutTrack *track = &viewer->tracks[AIR_KIND_VIDEO];
  uint64_t before = viewer->counts.bytes;
  if (!track->section.rtx_payload)
    return 0;
  uint64_t full = track->next_sequence - 1 - back;
  const AirFanoutSegment *segment
    = back < track->next_sequence - track->first_sequence ? find_segment (track, full) : NULL;
  const AirRtpPacket *packet = segment ? air_packet_ring_get (viewer->share->view->rings[segment->lane],
                                                              segment->place + (full - segment->sequence))
                                       : NULL;
  if (packet && !viewer->level.paused)
    send_rtx (viewer, AIR_KIND_VIDEO, segment, packet, (uint16_t)full);
  else
    send_padding (viewer);
  return viewer->counts.bytes - before;
}
