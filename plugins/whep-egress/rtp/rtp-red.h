/* Sound that carries the sound before it along (RFC 2198): what one packet loses, the next one brings. Any thread. */
#pragma once

#include "rtp-packet.h"

G_BEGIN_DECLS

#define AIR_RTP_RED_MAX_EARLIER 2u

/* The payload that holds @packet behind up to @count packets of @earlier, the oldest first, all of payload type @type. Left
 * out is what is too old or too large for a block's header (14 bits of samples, 10 bits of bytes), and the oldest when
 * not all fit. Returns: bytes written; 0: @packet by itself does not fit. */
size_t air_rtp_red_write (uint8_t out[AIR_RTP_MAX_PAYLOAD_BYTES], uint8_t type, AirRtpPacket *const *earlier,
                          unsigned count, const AirRtpPacket *packet);

G_END_DECLS
