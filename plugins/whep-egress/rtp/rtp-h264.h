/* H.264 access units to RTP payloads (RFC 6184, packetization-mode=1): single NAL units, STAP-A for the parameter sets
 * before each keyframe, FU-A for what is too long. One per track; one thread at a time. */
#pragma once

#include "rtp-packet.h"

G_BEGIN_DECLS

typedef struct _AirRtpH264 AirRtpH264;

AirRtpH264 *air_rtp_h264_new (void);
void air_rtp_h264_free (AirRtpH264 *rtp);

/* @codec_data: an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1). New parameter sets go out with the next
 * keyframe. Returns false when it is broken; then none go out but those that stand in the units. */
bool air_rtp_h264_set_codec_data (AirRtpH264 *rtp, const uint8_t *codec_data, size_t size);

/* @data: one access unit of length-prefixed NAL units. Gives each packet to @sink, the last one with the marker.
 * Returns the number of packets; 0 when there was nothing to send. What follows a broken NAL unit is left out. */
unsigned air_rtp_h264_push (AirRtpH264 *rtp, const uint8_t *data, size_t size, bool keyframe, int64_t pts_ns,
                            AirRtpSink sink, void *sink_data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirRtpH264, air_rtp_h264_free)

G_END_DECLS
