/* See webrtcbin-packet.h. */
#include "webrtcbin-packet.h"

#include "webrtcbin-loop.h"

#define MID_PACKETS 32u /* the mid goes along until the receiver surely knows the SSRC (RFC 8843 §9.2) */
#define SRTP_TAG_BYTES 10u

static GstBuffer *
make_buffer (AirWebrtcViewer *viewer, const AirRtpHeader *header, const uint8_t *prefix, size_t prefix_bytes,
             const uint8_t *payload, size_t payload_bytes, int64_t now_us)
{
  uint8_t bytes[AIR_RTP_MAX_HEADER_BYTES];
  size_t header_bytes = air_rtp_header_write (header, bytes), all = header_bytes + prefix_bytes + payload_bytes;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, all, NULL);
  gst_buffer_fill (buffer, 0, bytes, header_bytes);
  gst_buffer_fill (buffer, header_bytes, prefix, prefix_bytes);
  gst_buffer_fill (buffer, header_bytes + prefix_bytes, payload, payload_bytes);
  GST_BUFFER_PTS (buffer) = (GstClockTime)now_us * 1000; /* the pipeline's running time is the monotonic clock */
  if (header->transport_id)
    air_path_estimate_sent (viewer->level.path, header->transport_sequence, all + SRTP_TAG_BYTES, now_us);
  else
    air_path_estimate_sent_unnumbered (viewer->level.path, all + SRTP_TAG_BYTES, now_us);
  return buffer;
}

/* See air_fanout_packet_wait(). */
static uint16_t
get_wait_ms (const AirWebrtcViewer *viewer, const AirRtpTrack *track, const AirRtpPacket *packet)
{
  unsigned own_ms = track->section.rtx_payload ? air_repair_get_wait_ms (&viewer->repair) : 0;
  return (uint16_t)MAX (own_ms, packet->wait_ms);
}

GstBuffer *
air_webrtc_packet_new (AirWebrtcViewer *viewer, AirKind kind, const AirRtpSegment *segment, const AirRtpPacket *packet,
                       uint64_t sequence, int64_t now_us)
{
  const AirRtpTrack *track = &viewer->tracks[kind];
  const uint8_t *ids = track->section.extensions;
  AirRtpHeader header = {
    .payload = track->section.payload,
    .marker = packet->flags & AIR_RTP_MARKER,
    .sequence = (uint16_t)sequence,
    .timestamp = air_rtp_segment_timestamp (segment, packet) + track->timestamp_offset,
    .ssrc = track->section.ssrc,
    .transport_id = ids[AIR_SDP_EXTENSION_TRANSPORT_CC],
  };
  if (header.transport_id)
    header.transport_sequence = viewer->transport_sequence++;
  if (ids[AIR_SDP_EXTENSION_CAPTURE_TIME] && packet->flags & AIR_RTP_CAPTURE_TIME)
    {
      int64_t taken_us = air_rtp_view_time_of (viewer->level.view, packet->pts_ns);
      header.capture_id = ids[AIR_SDP_EXTENSION_CAPTURE_TIME];
      header.capture_ntp = air_webrtc_loop_ntp (viewer->loop, taken_us);
    }
  if (packet->flags & AIR_RTP_WAIT)
    {
      header.wait_id = ids[AIR_SDP_EXTENSION_PLAYOUT_DELAY];
      header.wait_ms = get_wait_ms (viewer, track, packet);
    }
  if (sequence - track->first_sequence < MID_PACKETS)
    {
      header.mid_id = ids[AIR_SDP_EXTENSION_MID];
      header.mid = viewer->mids[kind];
    }
  return make_buffer (viewer, &header, NULL, 0, packet->payload, packet->payload_bytes, now_us);
}

GstBuffer *
air_webrtc_packet_new_rtx (AirWebrtcViewer *viewer, AirKind kind, const AirRtpSegment *segment,
                           const AirRtpPacket *packet, uint16_t original, int64_t now_us)
{
  AirRtpTrack *track = &viewer->tracks[kind];
  const uint8_t prefix[] = { (uint8_t)(original >> 8), (uint8_t)original };
  uint16_t wait_ms = get_wait_ms (viewer, track, packet);
  AirRtpHeader header
    = air_rtp_track_make_rtx_header (track, segment, packet, wait_ms, &viewer->transport_sequence);
  return make_buffer (viewer, &header, prefix, sizeof prefix, packet->payload, packet->payload_bytes, now_us);
}

GstBuffer *
air_webrtc_packet_new_padding (AirWebrtcViewer *viewer, int64_t now_us)
{
  AirRtpHeader header
    = air_rtp_track_make_padding_header (&viewer->tracks[AIR_KIND_VIDEO], &viewer->transport_sequence);
  return make_buffer (viewer, &header, NULL, 0, air_rtp_padding, sizeof air_rtp_padding, now_us);
}
