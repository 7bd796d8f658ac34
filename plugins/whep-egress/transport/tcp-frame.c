/* RFC 4571 framing. Any thread. */
#include "tcp-frame.h"

AirTcpFrameResult
air_tcp_frame_find (const uint8_t *data, size_t size, size_t *ret_bytes)
{
  if (size < AIR_TCP_HEADER_BYTES)
    return AIR_TCP_FRAME_PARTIAL;
  *ret_bytes = (size_t)data[0] << 8 | data[1];
  if (*ret_bytes > AIR_TCP_MAX_FRAME_BYTES)
    return AIR_TCP_FRAME_TOO_LONG;
  return size - AIR_TCP_HEADER_BYTES < *ret_bytes ? AIR_TCP_FRAME_PARTIAL : AIR_TCP_FRAME_WHOLE;
}

void
air_tcp_frame_write_header (uint8_t header[AIR_TCP_HEADER_BYTES], size_t bytes)
{
  header[0] = (uint8_t)(bytes >> 8);
  header[1] = (uint8_t)bytes;
}
