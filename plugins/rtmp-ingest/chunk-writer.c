/* Chunks are written with type-0 headers only: 11 bytes more than the shortest form, and nothing to remember. */
#include "chunk-writer.h"

#define CONTROL_CHUNK_STREAM 2

void
chunk_writer_init (ChunkWriter *writer)
{
  writer->chunk_size = RTMP_DEFAULT_CHUNK_SIZE;
}

/* Appends the next bytes of head and body, @want of them. */
static void
append_payload (GByteArray *out, const uint8_t **head, size_t *head_left, const uint8_t **body, size_t want)
{
  size_t from_head = MIN (want, *head_left);
  if (from_head > 0)
    {
      g_byte_array_append (out, *head, from_head);
      *head += from_head;
      *head_left -= from_head;
      want -= from_head;
    }
  if (want > 0)
    {
      g_byte_array_append (out, *body, want);
      *body += want;
    }
}

bool
chunk_writer_write (ChunkWriter *writer, GByteArray *out, unsigned chunk_stream, uint8_t type, uint32_t stream_id,
                    uint32_t timestamp, const void *head, size_t head_length, const void *body, size_t body_length)
{
  size_t left = head_length + body_length;
  if (left > RTMP_MAX_CHUNK_SIZE)
    return false;
  bool extended = timestamp >= RTMP_EXTENDED_TIMESTAMP;
  uint8_t header[16];
  header[0] = chunk_stream;
  rtmp_write_be24 (header + 1, extended ? RTMP_EXTENDED_TIMESTAMP : timestamp);
  rtmp_write_be24 (header + 4, left);
  header[7] = type;
  for (unsigned i = 0; i < 4; i++)
    header[8 + i] = stream_id >> (8 * i);
  rtmp_write_be32 (header + 12, timestamp);
  g_byte_array_append (out, header, extended ? 16 : 12);

  const uint8_t *head_at = head, *body_at = body;
  size_t head_left = head_length;
  for (;;)
    {
      size_t take = MIN (left, writer->chunk_size);
      append_payload (out, &head_at, &head_left, &body_at, take);
      left -= take;
      if (left == 0)
        return true;
      uint8_t next = 0xC0 | chunk_stream;
      g_byte_array_append (out, &next, 1);
      if (extended)
        g_byte_array_append (out, header + 12, 4);
    }
}

static void
write_control (ChunkWriter *writer, GByteArray *out, uint8_t type, const uint8_t *body, size_t length)
{
  chunk_writer_write (writer, out, CONTROL_CHUNK_STREAM, type, 0, 0, body, length, NULL, 0);
}

void
chunk_writer_set_chunk_size (ChunkWriter *writer, GByteArray *out, uint32_t size)
{
  uint8_t body[4];
  rtmp_write_be32 (body, size);
  write_control (writer, out, RTMP_SET_CHUNK_SIZE, body, sizeof body);
  writer->chunk_size = size;
}

void
chunk_writer_acknowledge (ChunkWriter *writer, GByteArray *out, uint32_t sequence)
{
  uint8_t body[4];
  rtmp_write_be32 (body, sequence);
  write_control (writer, out, RTMP_ACKNOWLEDGEMENT, body, sizeof body);
}

void
chunk_writer_window_ack_size (ChunkWriter *writer, GByteArray *out, uint32_t size)
{
  uint8_t body[4];
  rtmp_write_be32 (body, size);
  write_control (writer, out, RTMP_WINDOW_ACK_SIZE, body, sizeof body);
}

void
chunk_writer_set_peer_bandwidth (ChunkWriter *writer, GByteArray *out, uint32_t size, uint8_t limit_type)
{
  uint8_t body[5];
  rtmp_write_be32 (body, size);
  body[4] = limit_type;
  write_control (writer, out, RTMP_SET_PEER_BANDWIDTH, body, sizeof body);
}

void
chunk_writer_user_control (ChunkWriter *writer, GByteArray *out, RtmpUserControl event, uint32_t value)
{
  uint8_t body[6] = { 0, event };
  rtmp_write_be32 (body + 2, value);
  write_control (writer, out, RTMP_USER_CONTROL, body, sizeof body);
}
