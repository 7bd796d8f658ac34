/* See webrtcbin-packet.h. */
#include "webrtcbin-packet.h"

#include "webrtcbin-loop.h"

#define SRTP_TAG_BYTES 10u

static GstBuffer *
make_buffer (AirWebrtcViewer *viewer, const AirRtpCopy *copy, int64_t now_us)
{
  uint8_t header[AIR_RTP_MAX_HEADER_BYTES];
  size_t header_bytes = air_rtp_header_write (&copy->header, header), all = header_bytes + copy->payload_bytes;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, all, NULL);
  gst_buffer_fill (buffer, 0, header, header_bytes);
  gst_buffer_fill (buffer, header_bytes, copy->payload, copy->payload_bytes);
  GST_BUFFER_PTS (buffer) = (GstClockTime)now_us * 1000; /* the pipeline's running time is the monotonic clock */
  if (copy->header.transport_id)
    air_path_estimate_sent (viewer->level.path, copy->header.transport_sequence, all + SRTP_TAG_BYTES, now_us);
  else
    air_path_estimate_sent_unnumbered (viewer->level.path, all + SRTP_TAG_BYTES, now_us);
  return buffer;
}

GstBuffer *
air_webrtc_packet_new (AirWebrtcViewer *viewer, AirKind kind, const AirRtpSegment *segment, const AirRtpPacket *packet,
                       uint64_t sequence, int64_t now_us)
{
  AirRtpCopy copy;
  air_rtp_copy_make (&copy, &viewer->copier, kind, &viewer->tracks[kind], segment, packet, sequence);
  return make_buffer (viewer, &copy, now_us);
}

GstBuffer *
air_webrtc_packet_new_rtx (AirWebrtcViewer *viewer, AirKind kind, const AirRtpSegment *segment,
                           const AirRtpPacket *packet, uint16_t original, int64_t now_us)
{
  AirRtpCopy copy;
  air_rtp_copy_make_rtx (&copy, &viewer->copier, &viewer->tracks[kind], segment, packet, original);
  return make_buffer (viewer, &copy, now_us);
}

GstBuffer *
air_webrtc_packet_new_padding (AirWebrtcViewer *viewer, int64_t now_us)
{
  AirRtpCopy copy;
  air_rtp_copy_make_padding (&copy, &viewer->copier, &viewer->tracks[AIR_KIND_VIDEO]);
  return make_buffer (viewer, &copy, now_us);
}
