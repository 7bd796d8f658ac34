/* Messages in, chunks out (RTMP §5.3), appended to a byte array. No I/O, no thread of its own. */
#pragma once

#include "rtmp.h"

G_BEGIN_DECLS

/* What this server sends with: large, so that a message is nearly always one chunk. */
#define CHUNK_WRITER_CHUNK_SIZE 65536u

typedef struct
{
  uint32_t chunk_size; /* 128 until a Set Chunk Size was written */
} ChunkWriter;

void chunk_writer_init (ChunkWriter *writer);

/* Appends one message with a type-0 header on @chunk_stream (2..63). The payload is @head followed by @body, so that a
 * tag header needs no copy of the frame; either may be empty. A length over RTMP_MAX_CHUNK_SIZE cannot be sent: returns
 * false. */
bool chunk_writer_write (ChunkWriter *writer, GByteArray *out, unsigned chunk_stream, uint8_t type, uint32_t stream_id,
                         uint32_t timestamp, const void *head, size_t head_length, const void *body, size_t body_length);

/* Protocol control messages (§5.4), on chunk stream 2 and message stream 0. */
void chunk_writer_set_chunk_size (ChunkWriter *writer, GByteArray *out, uint32_t size);
void chunk_writer_acknowledge (ChunkWriter *writer, GByteArray *out, uint32_t sequence);
void chunk_writer_window_ack_size (ChunkWriter *writer, GByteArray *out, uint32_t size);
void chunk_writer_set_peer_bandwidth (ChunkWriter *writer, GByteArray *out, uint32_t size, uint8_t limit_type);
void chunk_writer_user_control (ChunkWriter *writer, GByteArray *out, RtmpUserControl event, uint32_t value);

G_END_DECLS
