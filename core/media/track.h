/* What the rest of core/media knows of a track beyond the public header. */
#pragma once

#include <airclass/stream.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* "h264" from video/x-h264 and so on; AIR_CODEC_OTHER when it is none of ours. */
AirCodec air_codec_from_caps (const GstCaps *caps);
/* Whether both have the same codec headers, so that a decoder need not be told. */
bool air_track_equal (const AirTrack *a, const AirTrack *b);
/* H.264 and H.265: bytes of a NAL unit's length; 0 for the others. */
unsigned air_track_get_nal_length_bytes (const AirTrack *track);

G_END_DECLS
