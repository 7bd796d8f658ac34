/* The RTP header of one viewer's copy of a packet: fixed part and extensions (RFC 3550 §5.1, RFC 8285 §4.2).
 *
 * Pure, any thread. The same values give the same bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp-packet.h"

typedef struct
{
  uint8_t payload; /* payload type */
  bool marker;
  bool padded; /* the payload ends with padding and its count (RFC 3550 §5.1) */
  uint16_t sequence;
  uint32_t timestamp;
  uint32_t ssrc;
  /* Extensions by their identifier, 1 to 14; 0: left out. */
  uint8_t transport_id;
  uint16_t transport_sequence;
  uint8_t capture_id;
  uint64_t capture_ntp;
  uint8_t mid_id;
  const char *mid; /* at most 8 bytes */
  uint8_t wait_id;
  uint16_t wait_ms; /* the least playout delay, at most 40,950 */
} AirRtpHeader;

#define AIR_RTP_MAX_MID_BYTES 8

/* Returns: the size of the header written to @out. */
size_t air_rtp_header_write (const AirRtpHeader *header, uint8_t out[AIR_RTP_MAX_HEADER_BYTES]);
