/* Datagrams on a stream: two bytes of length, then the datagram (RFC 4571 §2), as ICE-TCP has it (RFC 6544 §3).
 *
 * Pure functions, any thread.
 */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#define AIR_TCP_HEADER_BYTES 2u
/* As long as a datagram may be; a longer frame is not WebRTC's. */
#define AIR_TCP_MAX_FRAME_BYTES 2048u

typedef enum
{
  AIR_TCP_FRAME_WHOLE,
  AIR_TCP_FRAME_PARTIAL,  /* more bytes are needed */
  AIR_TCP_FRAME_TOO_LONG, /* there is no way to go on */
} AirTcpFrameResult;

/* Looks at the first frame of @data. *ret_bytes, when it is whole, is the datagram's size; it begins at
 * AIR_TCP_HEADER_BYTES. Size 0, the null packet, is a keep-alive that means nothing (RFC 4571 §2). */
AirTcpFrameResult air_tcp_frame_find (const uint8_t *data, size_t size, size_t *ret_bytes);

/* Writes the header of a frame of @bytes (≤ 65535). */
void air_tcp_frame_write_header (uint8_t header[AIR_TCP_HEADER_BYTES], size_t bytes);
