/* What a viewer is sent once more: what it lost, and what only tries the path. Loop. */
#include "fanout-packet.h"

#include "fanout-private.h"

#include <string.h>

static void
send_rtx (AirFanoutViewer *viewer, AirKind kind, const AirRtpSegment *segment, const AirRtpPacket *packet,
          uint16_t original)
{
  AirRtpTrack *track = &viewer->tracks[kind];
  uint16_t wait_ms = air_fanout_packet_wait (viewer, track, packet);
  AirRtpHeader header
    = air_rtp_track_make_rtx_header (track, segment, packet, wait_ms, &viewer->transport_sequence);
  uint8_t payload[AIR_RTP_MAX_PAYLOAD_BYTES + 2];
  payload[0] = (uint8_t)(original >> 8);
  payload[1] = (uint8_t)original;
  memcpy (payload + 2, packet->payload, packet->payload_bytes);
  air_fanout_packet_encrypt (viewer, &header, payload, packet->payload_bytes + 2u);
}

void
air_fanout_viewer_repeat (void *data, AirKind kind, const AirRtpSegment *segment, const AirRtpPacket *packet,
                          uint64_t sequence)
{
  AirFanoutViewer *viewer = data;
  if (viewer->tracks[kind].section.rtx_payload)
    send_rtx (viewer, kind, segment, packet, (uint16_t)sequence);
  else
    air_fanout_packet_send (viewer, kind, segment, packet, sequence);
}

size_t
air_fanout_viewer_send_probe (void *data, const AirRtpSegment *segment, const AirRtpPacket *packet, uint64_t sequence)
{
  AirFanoutViewer *viewer = data;
  uint64_t before = viewer->counts.bytes;
  if (packet)
    send_rtx (viewer, AIR_KIND_VIDEO, segment, packet, (uint16_t)sequence);
  else
    {
      AirRtpHeader header
        = air_rtp_track_make_padding_header (&viewer->tracks[AIR_KIND_VIDEO], &viewer->transport_sequence);
      air_fanout_packet_encrypt (viewer, &header, air_rtp_padding, sizeof air_rtp_padding);
    }
  return viewer->counts.bytes - before;
}
