/* What a viewer is sent once more: what it lost, and what only tries the path. Loop. */
#include "fanout-packet.h"

#include "fanout-private.h"

static void
send_rtx (AirFanoutViewer *viewer, AirKind kind, const AirRtpSegment *segment, const AirRtpPacket *packet,
          uint16_t original)
{
  AirRtpCopy copy;
  air_rtp_copy_make_rtx (&copy, &viewer->copier, &viewer->tracks[kind], segment, packet, original);
  air_fanout_packet_send (viewer, &copy);
}

void
air_fanout_viewer_repeat (void *data, AirKind kind, const AirRtpSegment *segment, const AirRtpPacket *packet,
                          uint64_t sequence)
{
  AirFanoutViewer *viewer = data;
  AirRtpTrack *track = &viewer->tracks[kind];
  if (track->section.rtx_payload)
    {
      send_rtx (viewer, kind, segment, packet, (uint16_t)sequence);
      return;
    }
  AirRtpCopy copy;
  air_rtp_copy_make (&copy, &viewer->copier, kind, track, segment, packet, sequence);
  air_fanout_packet_send (viewer, &copy);
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
      AirRtpCopy copy;
      air_rtp_copy_make_padding (&copy, &viewer->copier, &viewer->tracks[AIR_KIND_VIDEO]);
      air_fanout_packet_send (viewer, &copy);
    }
  return viewer->counts.bytes - before;
}
