/* A viewer's own copy of a shared packet, as its webrtcbin takes it: a finished RTP packet. Loop.
 *
 * Each copy counts as sent on the viewer's path from now on.
 */
#pragma once

#include "webrtcbin-viewer.h"

G_BEGIN_DECLS

/* @packet of @segment, with the viewer's @sequence. Returns: (transfer full) */
GstBuffer *air_webrtc_packet_new (AirWebrtcViewer *viewer, AirKind kind, const AirRtpSegment *segment,
                                  const AirRtpPacket *packet, uint64_t sequence, int64_t now_us);
/* The same once more by RTX (RFC 4588), where it was negotiated. Returns: (transfer full) */
GstBuffer *air_webrtc_packet_new_rtx (AirWebrtcViewer *viewer, AirKind kind, const AirRtpSegment *segment,
                                      const AirRtpPacket *packet, uint16_t original, int64_t now_us);
/* Without content, on the video's RTX stream. Returns: (transfer full) */
GstBuffer *air_webrtc_packet_new_padding (AirWebrtcViewer *viewer, int64_t now_us);

G_END_DECLS
