/* Chunks in, messages out (RTMP §5.3). No I/O, no thread of its own: used by one thread at a time.
 *
 * The payload is copied once, from the receive buffer to the memory of the message, which the handler may keep.
 * What a stranger announces is not allocated before it comes: memory grows with the bytes that have arrived.
 */
#pragma once

#include "rtmp.h"

G_BEGIN_DECLS

typedef struct
{
  uint8_t type; /* RtmpMessageType */
  uint32_t chunk_stream;
  uint32_t stream_id;
  uint32_t timestamp; /* ms, wraps at 2^32 */
  uint8_t *data;      /* g_malloc()ed; the handler may take it and put NULL here */
  size_t length;
} RtmpMessage;

/* Returns false to end the reading with @error set. */
typedef bool (*ChunkReaderHandler) (RtmpMessage *message, void *data, GError **error);

typedef struct _ChunkReader ChunkReader;

/* @max_message_bytes: longest message that is taken; @max_memory_bytes: for all messages under way together. */
ChunkReader *chunk_reader_new (size_t max_message_bytes, size_t max_memory_bytes, ChunkReaderHandler handler, void *data);
void chunk_reader_free (ChunkReader *reader);
/* Other limits, for messages that begin from now on. */
void chunk_reader_set_limits (ChunkReader *reader, size_t max_message_bytes, size_t max_memory_bytes);

/* Takes all of @data, split wherever the network did. Set Chunk Size and Abort are obeyed here and not handed on; every
 * other complete message is. Returns: false with RTMP_ERROR_INVALID or _LIMIT, or the handler's error; the reader must
 * not be fed any more then. */
bool chunk_reader_feed (ChunkReader *reader, const uint8_t *data, size_t length, GError **error);

/* Bytes held for messages under way. */
size_t chunk_reader_get_memory (const ChunkReader *reader);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChunkReader, chunk_reader_free)

G_END_DECLS
