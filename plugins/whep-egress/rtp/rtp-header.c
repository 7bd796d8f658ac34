/* Writing RTP headers. */
#include "rtp-header.h"

#include <string.h>

/* The most that a receiver may delay: no limit of ours (in steps of 10 ms). */
#define MAX_WAIT_STEPS 0xfff

static uint8_t *
put (uint8_t *at, uint64_t value, unsigned bytes)
{
  for (unsigned i = bytes; i > 0; i--)
    *at++ = (uint8_t)(value >> (8 * (i - 1)));
  return at;
}

/* A one-byte element: identifier, length - 1. */
static uint8_t *
begin_element (uint8_t *at, uint8_t id, size_t bytes)
{
  *at = (uint8_t)(id << 4 | (bytes - 1));
  return at + 1;
}

/* Returns: where the elements end; @start when there is none. */
static uint8_t *
put_elements (const AirRtpHeader *header, uint8_t *start)
{
  uint8_t *at = start;
  if (header->transport_id)
    at = put (begin_element (at, header->transport_id, 2), header->transport_sequence, 2);
  if (header->capture_id)
    at = put (begin_element (at, header->capture_id, 8), header->capture_ntp, 8);
  if (header->wait_id)
    at = put (begin_element (at, header->wait_id, 3), (uint64_t)(header->wait_ms / 10) << 12 | MAX_WAIT_STEPS, 3);
  size_t mid_bytes = header->mid_id && header->mid ? strnlen (header->mid, AIR_RTP_MAX_MID_BYTES) : 0;
  if (mid_bytes > 0)
    {
      at = begin_element (at, header->mid_id, mid_bytes);
      memcpy (at, header->mid, mid_bytes);
      at += mid_bytes;
    }
  return at;
}

size_t
air_rtp_header_write (const AirRtpHeader *header, uint8_t out[AIR_RTP_MAX_HEADER_BYTES])
{
  uint8_t *at = put (out, header->padded ? 0xa0 : 0x80, 1);
  at = put (at, (uint64_t)header->payload | (header->marker ? 0x80u : 0), 1);
  at = put (at, header->sequence, 2);
  at = put (at, header->timestamp, 4);
  at = put (at, header->ssrc, 4);
  uint8_t *block = at, *elements = at + 4;
  at = put_elements (header, elements);
  if (at == elements)
    return (size_t)(block - out);
  while ((at - block) % 4 != 0)
    *at++ = 0;
  put (put (block, 0xbede, 2), (uint64_t)(at - elements) / 4, 2);
  out[0] |= 0x10;
  return (size_t)(at - out);
}
