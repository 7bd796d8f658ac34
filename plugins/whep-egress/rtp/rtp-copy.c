/* See rtp-copy.h. */
#include "rtp-copy.h"

#include <string.h>

#include "rtcp.h"
#include "rtp-red.h"

#define MID_PACKETS 32u /* the mid goes along until the receiver surely knows the SSRC (RFC 8843 §9.2) */
#define PADDING_BYTES 255u

static void
number (AirRtpCopier *copier, const AirRtpTrack *track, AirRtpHeader *header)
{
  header->transport_id = track->section.extensions[AIR_SDP_EXTENSION_TRANSPORT_CC];
  if (header->transport_id)
    header->transport_sequence = copier->transport_sequence++;
}

/* What pictures wait for: their sound, and what the viewer loses. A retransmission on the same SSRC must be the same as what
 * was lost (RFC 7714 §8.4), so there the wait cannot be the viewer's own. */
static void
add_wait (const AirRtpCopier *copier, const AirRtpTrack *track, const AirRtpPacket *packet, AirRtpHeader *header)
{
  unsigned own_ms;
  if (!(packet->flags & AIR_RTP_WAIT))
    return;
  own_ms = track->section.rtx_payload ? air_repair_get_wait_ms (copier->repair) : 0;
  header->wait_id = track->section.extensions[AIR_SDP_EXTENSION_PLAYOUT_DELAY];
  header->wait_ms = (uint16_t)MAX (own_ms, packet->wait_ms);
}

/* Sound behind that of the packets before it, as many as the viewer's losses make necessary. Returns: bytes; 0: it goes alone. */
static size_t
write_redundant (const AirRtpCopier *copier, const AirRtpTrack *track, const AirRtpSegment *segment,
                 const AirRtpPacket *packet, uint8_t out[AIR_RTP_MAX_PAYLOAD_BYTES])
{
  AirPacketRing *ring = copier->view->rings[segment->lane];
  AirRtpPacket *earlier[AIR_RTP_RED_MAX_EARLIER];
  bool room = track->section.red_payload && !copier->narrow;
  unsigned wanted = room ? air_repair_get_redundancy (copier->repair) : 0, count = 0;
  for (unsigned back = MIN (wanted, AIR_RTP_RED_MAX_EARLIER); back > 0; back--)
    if (packet->sequence >= segment->place + back
        && (earlier[count] = air_packet_ring_get (ring, packet->sequence - back)))
      count++;
  return count > 0 ? air_rtp_red_write (out, track->section.payload, earlier, count, packet) : 0;
}

void
air_rtp_copy_make (AirRtpCopy *copy, AirRtpCopier *copier, AirKind kind, const AirRtpTrack *track,
                   const AirRtpSegment *segment, const AirRtpPacket *packet, uint64_t sequence)
{
  const uint8_t *ids = track->section.extensions;
  AirRtpHeader *header = &copy->header;
  *header = (AirRtpHeader){
    .payload = track->section.payload,
    .marker = packet->flags & AIR_RTP_MARKER,
    .sequence = (uint16_t)sequence,
    .timestamp = air_rtp_segment_timestamp (segment, packet) + track->timestamp_offset,
    .ssrc = track->section.ssrc,
  };
  number (copier, track, header);
  if (ids[AIR_SDP_EXTENSION_CAPTURE_TIME] && packet->flags & AIR_RTP_CAPTURE_TIME)
    {
      header->capture_id = ids[AIR_SDP_EXTENSION_CAPTURE_TIME];
      header->capture_ntp
        = air_ntp_from_unix_us (air_rtp_view_time_of (copier->view, packet->pts_ns) + copier->ahead_us);
    }
  add_wait (copier, track, packet, header);
  if (sequence - track->first_sequence < MID_PACKETS)
    {
      header->mid_id = ids[AIR_SDP_EXTENSION_MID];
      header->mid = copier->mids[kind];
    }
  header->padded = packet->padding_bytes > 0;
  copy->payload = packet->payload;
  copy->payload_bytes = packet->payload_bytes + packet->padding_bytes;
  size_t redundant_bytes
    = kind == AIR_KIND_AUDIO ? write_redundant (copier, track, segment, packet, copy->own) : 0;
  if (redundant_bytes == 0)
    return;
  header->payload = track->section.red_payload;
  header->padded = false;
  copy->payload = copy->own;
  copy->payload_bytes = redundant_bytes;
}

static void
make_second (AirRtpCopy *copy, AirRtpCopier *copier, AirRtpTrack *track, uint32_t timestamp)
{
  copy->header = (AirRtpHeader){
    .payload = track->section.rtx_payload,
    .sequence = (uint16_t)track->next_rtx_sequence++,
    .timestamp = timestamp + track->timestamp_offset,
    .ssrc = track->section.rtx_ssrc,
  };
  number (copier, track, &copy->header);
}

void
air_rtp_copy_make_rtx (AirRtpCopy *copy, AirRtpCopier *copier, AirRtpTrack *track, const AirRtpSegment *segment,
                       const AirRtpPacket *packet, uint16_t original)
{
  make_second (copy, copier, track, air_rtp_segment_timestamp (segment, packet));
  copy->header.marker = packet->flags & AIR_RTP_MARKER;
  add_wait (copier, track, packet, &copy->header);
  copy->own[0] = (uint8_t)(original >> 8);
  copy->own[1] = (uint8_t)original;
  memcpy (copy->own + 2, packet->payload, packet->payload_bytes);
  copy->payload = copy->own;
  copy->payload_bytes = packet->payload_bytes + 2u;
}

void
air_rtp_copy_make_padding (AirRtpCopy *copy, AirRtpCopier *copier, AirRtpTrack *track)
{
  static const uint8_t padding[PADDING_BYTES] = { [PADDING_BYTES - 1] = PADDING_BYTES };
  make_second (copy, copier, track, track->last_timestamp);
  copy->header.padded = true;
  copy->payload = padding;
  copy->payload_bytes = sizeof padding;
}
