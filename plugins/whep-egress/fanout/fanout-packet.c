/* See fanout-packet.h. */
#include "fanout-packet.h"

#include "fanout-private.h"

void
air_fanout_packet_send (AirFanoutViewer *viewer, const AirRtpCopy *copy)
{
  uint8_t header[AIR_RTP_MAX_HEADER_BYTES];
  size_t header_bytes = air_rtp_header_write (&copy->header, header);
  const AirPath *path = air_ice_get_selected (viewer->ice);
  if (!path)
    return;
  size_t room = header_bytes + copy->payload_bytes + AIR_SRTP_MAX_OVERHEAD_BYTES, bytes = 0;
  uint8_t *out = air_fanout_loop_reserve (viewer->loop, path, room);
  if (air_srtp_protect_rtp (viewer->sender, header, header_bytes, copy->payload, copy->payload_bytes, out, room, &bytes)
      != AIR_SRTP_OK)
    bytes = 0;
  air_fanout_loop_commit (viewer->loop, path, bytes);
  viewer->counts.packets += bytes > 0;
  viewer->counts.bytes += bytes;
  if (copy->header.transport_id)
    air_path_estimate_sent (viewer->level.path, copy->header.transport_sequence, bytes, viewer->loop->now_us);
  else
    air_path_estimate_sent_unnumbered (viewer->level.path, bytes, viewer->loop->now_us);
}
