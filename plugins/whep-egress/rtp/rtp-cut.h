/* Of which size the packets of a picture are. The kernel takes a row of packets of one size as one message, which costs about as much as
 * ten packets; so a picture is cut into packets that are alike, and where its slices do not come out even, the shorter ones are
 * padded (RFC 3550 §5.1) while that costs little.
 *
 * Pure, any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* More slices are cut each for itself. */
#define AIR_RTP_CUT_MAX_NALS 32u
/* The count of padding is one byte. */
#define AIR_RTP_CUT_MAX_PADDING 255u
/* Of a fragment (RFC 6184 §5.8). */
#define AIR_RTP_FU_HEADER_BYTES 2u

/* How many packets of @payload_bytes a NAL unit takes: one as it is, else fragments. */
size_t air_rtp_cut_count (size_t nal_bytes, size_t payload_bytes);

/* @nal_bytes: the sizes (≥ 1) of NAL units that follow each other. Returns: the payload size, at most @max_bytes, that all their packets are
 * to have, padding included; 0: @count is 0 or too many, or it would cost too much padding. */
size_t air_rtp_cut_choose (const size_t *nal_bytes, size_t count, size_t max_bytes);
