/* Writing RFC 2198 payloads. */
#include "rtp-red.h"

#include <string.h>

#define BLOCK_HEADER_BYTES 4u
#define LAST_HEADER_BYTES 1u
#define MAX_OFFSET 0x3fffu
#define MAX_BLOCK_BYTES 0x3ffu

static bool
fits_a_block (const AirRtpPacket *block, const AirRtpPacket *packet)
{
  uint32_t offset = packet->timestamp - block->timestamp;
  return offset > 0 && offset <= MAX_OFFSET && block->payload_bytes <= MAX_BLOCK_BYTES;
}

/* RFC 2198 §3: follows, type, offset, length. */
static uint8_t *
put_header (uint8_t *at, uint8_t type, const AirRtpPacket *block, const AirRtpPacket *packet)
{
  uint32_t header = 0x80000000u | (uint32_t)type << 24 | (packet->timestamp - block->timestamp) << 10
                    | block->payload_bytes;
  for (unsigned shift = 32; shift > 0; shift -= 8)
    *at++ = (uint8_t)(header >> (shift - 8));
  return at;
}

static uint8_t *
put_payload (uint8_t *at, const AirRtpPacket *packet)
{
  memcpy (at, packet->payload, packet->payload_bytes);
  return at + packet->payload_bytes;
}

size_t
air_rtp_red_write (uint8_t out[AIR_RTP_MAX_PAYLOAD_BYTES], uint8_t type, AirRtpPacket *const *earlier, unsigned count,
                   const AirRtpPacket *packet)
{
  const AirRtpPacket *blocks[AIR_RTP_RED_MAX_EARLIER];
  unsigned taken = 0;
  size_t bytes = LAST_HEADER_BYTES + packet->payload_bytes;
  if (bytes > AIR_RTP_MAX_PAYLOAD_BYTES)
    return 0;
  /* The newest first, for it is the last to be given up. */
  for (unsigned i = count; i > 0 && taken < AIR_RTP_RED_MAX_EARLIER; i--)
    if (fits_a_block (earlier[i - 1], packet)
        && bytes + BLOCK_HEADER_BYTES + earlier[i - 1]->payload_bytes <= AIR_RTP_MAX_PAYLOAD_BYTES)
      {
        bytes += BLOCK_HEADER_BYTES + earlier[i - 1]->payload_bytes;
        blocks[taken++] = earlier[i - 1];
      }
  uint8_t *at = out;
  for (unsigned i = taken; i > 0; i--)
    at = put_header (at, type, blocks[i - 1], packet);
  *at++ = type;
  for (unsigned i = taken; i > 0; i--)
    at = put_payload (at, blocks[i - 1]);
  at = put_payload (at, packet);
  return (size_t)(at - out);
}
