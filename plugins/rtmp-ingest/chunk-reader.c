/* The state machine takes any number of bytes: a header may be split anywhere. */
#include "chunk-reader.h"

#include <string.h>

/* Chunk stream ids of one byte (2..63) have a fixed place; larger ones share a bounded table. */
#define LOW_STREAMS 64
#define MAX_HIGH_STREAMS 256
/* Allocated at first for a message; more only when it has really come. */
#define FIRST_ALLOCATION 65536

typedef struct
{
  uint32_t id;
  bool known;          /* has had a header of type 0, 1 or 2 */
  bool extended;       /* that header carried an extended timestamp */
  uint8_t type;
  uint32_t length;
  uint32_t stream_id;
  uint32_t field;      /* the absolute time or the delta of that header */
  uint32_t timestamp;
  uint8_t *data;       /* the message under way, NULL if none */
  size_t allocated;
  size_t filled;
  bool in_message;
  uint64_t last_used;
} ChunkStream;

typedef enum
{
  READ_BASIC,    /* first byte */
  READ_BASIC_ID, /* one or two more bytes of chunk stream id */
  READ_HEADER,   /* message header of type 0, 1, 2 */
  READ_EXTENDED, /* its extended timestamp */
  READ_REPEATED, /* what may be the repeated extended timestamp of a type-3 chunk */
  READ_PAYLOAD,
} ReadState;

struct _ChunkReader
{
  ChunkReaderHandler handler;
  void *handler_data;
  size_t max_message_bytes;
  size_t max_memory_bytes;
  size_t memory;
  uint32_t chunk_size;
  uint64_t chunks;

  ReadState state;
  uint8_t scratch[12];
  unsigned scratch_have;
  unsigned scratch_want;
  unsigned format;
  size_t chunk_left;
  ChunkStream *current;

  ChunkStream low[LOW_STREAMS];
  GHashTable *high; /* id → ChunkStream; made when first needed */
};

GQuark
rtmp_error_quark (void)
{
  return g_quark_from_static_string ("air-rtmp-error");
}

static void
chunk_stream_free (void *data)
{
  ChunkStream *stream = data;
  g_free (stream->data);
  g_free (stream);
}

ChunkReader *
chunk_reader_new (size_t max_message_bytes, size_t max_memory_bytes, ChunkReaderHandler handler, void *data)
{
  ChunkReader *reader = g_new0 (ChunkReader, 1);
  reader->max_message_bytes = max_message_bytes;
  reader->max_memory_bytes = max_memory_bytes;
  reader->handler = handler;
  reader->handler_data = data;
  reader->chunk_size = RTMP_DEFAULT_CHUNK_SIZE;
  reader->scratch_want = 1;
  for (unsigned i = 0; i < LOW_STREAMS; i++)
    reader->low[i].id = i;
  return reader;
}

void
chunk_reader_free (ChunkReader *reader)
{
  if (!reader)
    return;
  for (unsigned i = 0; i < LOW_STREAMS; i++)
    g_free (reader->low[i].data);
  g_clear_pointer (&reader->high, g_hash_table_unref);
  g_free (reader);
}

void
chunk_reader_set_limits (ChunkReader *reader, size_t max_message_bytes, size_t max_memory_bytes)
{
  reader->max_message_bytes = max_message_bytes;
  reader->max_memory_bytes = max_memory_bytes;
}

size_t
chunk_reader_get_memory (const ChunkReader *reader)
{
  return reader->memory;
}

/* Forgets the chunk stream that was silent for longest and has nothing under way. */
static bool
evict_high_stream (ChunkReader *reader)
{
  ChunkStream *oldest = NULL;
  GHashTableIter iter;
  void *value;
  g_hash_table_iter_init (&iter, reader->high);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      ChunkStream *stream = value;
      if (!stream->in_message && (!oldest || stream->last_used < oldest->last_used))
        oldest = stream;
    }
  return oldest && g_hash_table_remove (reader->high, GUINT_TO_POINTER (oldest->id));
}

static ChunkStream *
find_stream (ChunkReader *reader, uint32_t id, GError **error)
{
  if (id < LOW_STREAMS)
    return &reader->low[id];
  if (!reader->high)
    reader->high = g_hash_table_new_full (NULL, NULL, NULL, chunk_stream_free);
  ChunkStream *stream = g_hash_table_lookup (reader->high, GUINT_TO_POINTER (id));
  if (!stream)
    {
      if (g_hash_table_size (reader->high) >= MAX_HIGH_STREAMS && !evict_high_stream (reader))
        {
          g_set_error (error, RTMP_ERROR, RTMP_ERROR_LIMIT, "more than %u chunk streams at once", MAX_HIGH_STREAMS);
          return NULL;
        }
      stream = g_new0 (ChunkStream, 1);
      stream->id = id;
      g_hash_table_insert (reader->high, GUINT_TO_POINTER (id), stream);
    }
  stream->last_used = reader->chunks;
  return stream;
}

static void
drop_message (ChunkReader *reader, ChunkStream *stream)
{
  g_clear_pointer (&stream->data, g_free);
  reader->memory -= stream->allocated;
  stream->allocated = 0;
  stream->filled = 0;
  stream->in_message = false;
}

static void
expect (ChunkReader *reader, ReadState state, unsigned bytes)
{
  reader->state = state;
  reader->scratch_have = 0;
  reader->scratch_want = bytes;
}

/* The header is complete: either a new message begins or the one under way goes on. */
static bool
begin_payload (ChunkReader *reader, GError **error)
{
  ChunkStream *stream = reader->current;
  if (!stream->in_message)
    {
      stream->timestamp = reader->format == 0 ? stream->field : stream->timestamp + stream->field;
      if (stream->length > reader->max_message_bytes)
        {
          g_set_error (error, RTMP_ERROR, RTMP_ERROR_LIMIT, "a message of %u bytes, at most %zu are taken", stream->length,
                       reader->max_message_bytes);
          return false;
        }
      stream->in_message = true;
      stream->filled = 0;
    }
  reader->chunk_left = MIN (stream->length - stream->filled, reader->chunk_size);
  reader->state = READ_PAYLOAD;
  return true;
}

/* Makes room for @more bytes of the message under way. */
static bool
reserve (ChunkReader *reader, ChunkStream *stream, size_t more, GError **error)
{
  size_t need = stream->filled + more;
  if (need <= stream->allocated)
    return true;
  size_t size = MAX (MAX (need, stream->allocated * 4), FIRST_ALLOCATION);
  size = MIN (size, stream->length);
  size_t added = size - stream->allocated;
  if (reader->memory + added > reader->max_memory_bytes)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_LIMIT, "messages under way would take more than %zu bytes",
                   reader->max_memory_bytes);
      return false;
    }
  stream->data = g_realloc (stream->data, size);
  stream->allocated = size;
  reader->memory += added;
  return true;
}

static bool
set_chunk_size (ChunkReader *reader, const RtmpMessage *message, GError **error)
{
  uint32_t size = message->length >= 4 ? rtmp_read_be32 (message->data) : 0;
  if (size == 0 || size > G_MAXINT32) /* §5.4.1: the first bit is zero */
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "chunk size %u", size);
      return false;
    }
  reader->chunk_size = MIN (size, RTMP_MAX_CHUNK_SIZE);
  return true;
}

static void
abort_message (ChunkReader *reader, const RtmpMessage *message)
{
  if (message->length < 4)
    return;
  uint32_t id = rtmp_read_be32 (message->data);
  ChunkStream *stream = NULL;
  if (id < LOW_STREAMS)
    stream = &reader->low[id];
  else if (reader->high)
    stream = g_hash_table_lookup (reader->high, GUINT_TO_POINTER (id));
  if (stream && stream->in_message)
    drop_message (reader, stream);
}

static bool
finish_message (ChunkReader *reader, GError **error)
{
  ChunkStream *stream = reader->current;
  RtmpMessage message = { .type = stream->type,
                          .chunk_stream = stream->id,
                          .stream_id = stream->stream_id,
                          .timestamp = stream->timestamp,
                          .data = g_steal_pointer (&stream->data),
                          .length = stream->length };
  drop_message (reader, stream);
  bool ok = true;
  if (message.type == RTMP_SET_CHUNK_SIZE)
    ok = set_chunk_size (reader, &message, error);
  else if (message.type == RTMP_ABORT)
    abort_message (reader, &message);
  else
    ok = reader->handler (&message, reader->handler_data, error);
  g_free (message.data);
  return ok;
}

static bool
end_chunk (ChunkReader *reader, GError **error)
{
  ChunkStream *stream = reader->current;
  if (stream->filled == stream->length && !finish_message (reader, error))
    return false;
  expect (reader, READ_BASIC, 1);
  return true;
}

static bool
append (ChunkReader *reader, const uint8_t *data, size_t length, GError **error)
{
  ChunkStream *stream = reader->current;
  if (length == 0)
    return true;
  if (!reserve (reader, stream, length, error))
    return false;
  memcpy (stream->data + stream->filled, data, length);
  stream->filled += length;
  reader->chunk_left -= length;
  return true;
}

/* The basic header is complete. */
static bool
begin_chunk (ChunkReader *reader, uint32_t id, GError **error)
{
  static const uint8_t header_bytes[] = { 11, 7, 3, 0 };
  reader->chunks++;
  ChunkStream *stream = find_stream (reader, id, error);
  if (!stream)
    return false;
  reader->current = stream;
  if (reader->format != 3)
    {
      /* A new header in the middle of a message: the rest of that one is not coming. */
      if (stream->in_message)
        drop_message (reader, stream);
      /* librtmp pings with a type-1 header on a chunk stream that it never used before. */
      if (reader->format == 2 && !stream->known)
        {
          g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "chunk stream %u begins with a header of type %u", id,
                       reader->format);
          return false;
        }
      expect (reader, READ_HEADER, header_bytes[reader->format]);
      return true;
    }
  if (!stream->known)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "chunk stream %u begins with a header of type 3", id);
      return false;
    }
  if (!begin_payload (reader, error))
    return false;
  if (stream->extended)
    expect (reader, READ_REPEATED, 4);
  return true;
}

static bool
take_basic (ChunkReader *reader, GError **error)
{
  uint8_t byte = reader->scratch[0];
  reader->format = byte >> 6;
  unsigned id = byte & 0x3F;
  if (id > 1)
    return begin_chunk (reader, id, error);
  expect (reader, READ_BASIC_ID, id + 1);
  return true;
}

static bool
take_header (ChunkReader *reader, GError **error)
{
  ChunkStream *stream = reader->current;
  const uint8_t *header = reader->scratch;
  stream->field = rtmp_read_be24 (header);
  if (reader->format <= 1)
    {
      stream->length = rtmp_read_be24 (header + 3);
      stream->type = header[6];
    }
  if (reader->format == 0) /* the only field in little-endian order (§5.3.1.2.1) */
    stream->stream_id = header[7] | (uint32_t) header[8] << 8 | (uint32_t) header[9] << 16 | (uint32_t) header[10] << 24;
  stream->known = true;
  stream->extended = stream->field == RTMP_EXTENDED_TIMESTAMP;
  if (stream->extended)
    {
      expect (reader, READ_EXTENDED, 4);
      return true;
    }
  return begin_payload (reader, error);
}

/* §5.3.1.3: a type-3 chunk repeats the extended timestamp; some publishers leave it out. Compares byte by byte as they
 * come; at the first difference what was taken is payload. Returns how many bytes of @data were used. */
static size_t
take_repeated (ChunkReader *reader, const uint8_t *data, size_t length, GError **error)
{
  uint8_t expected[4];
  rtmp_write_be32 (expected, reader->current->field);
  size_t used = 0;
  while (used < length && reader->scratch_have < 4 && data[used] == expected[reader->scratch_have])
    {
      used++;
      reader->scratch_have++;
    }
  if (reader->scratch_have == 4)
    {
      reader->state = READ_PAYLOAD;
      return used;
    }
  if (used == length)
    return used;
  reader->state = READ_PAYLOAD;
  /* A chunk shorter than what was compared ends inside of it, so those bytes are taken again from its beginning. */
  size_t have = reader->scratch_have;
  if (have > 0 && !chunk_reader_feed (reader, expected, have, error))
    return SIZE_MAX;
  return used;
}

static bool
take_scratch (ChunkReader *reader, GError **error)
{
  switch (reader->state)
    {
    case READ_BASIC:
      return take_basic (reader, error);
    case READ_BASIC_ID:
      return begin_chunk (reader,
                          64 + reader->scratch[0]
                            + (reader->scratch_want == 2 ? (uint32_t) reader->scratch[1] << 8 : 0),
                          error);
    case READ_HEADER:
      return take_header (reader, error);
    case READ_EXTENDED:
      reader->current->field = rtmp_read_be32 (reader->scratch);
      return begin_payload (reader, error);
    case READ_REPEATED:
    case READ_PAYLOAD:
      break;
    }
  g_assert_not_reached ();
}

bool
chunk_reader_feed (ChunkReader *reader, const uint8_t *data, size_t length, GError **error)
{
  const uint8_t *end = data + length;
  for (;;)
    {
      size_t left = end - data;
      if (reader->state == READ_PAYLOAD)
        {
          size_t take = MIN (left, reader->chunk_left);
          if (!append (reader, data, take, error))
            return false;
          data += take;
          if (reader->chunk_left > 0)
            return true;
          if (!end_chunk (reader, error))
            return false;
          continue;
        }
      if (left == 0)
        return true;
      if (reader->state == READ_REPEATED)
        {
          size_t used = take_repeated (reader, data, left, error);
          if (used == SIZE_MAX)
            return false;
          data += used;
          continue;
        }
      unsigned take = MIN (left, reader->scratch_want - reader->scratch_have);
      memcpy (reader->scratch + reader->scratch_have, data, take);
      reader->scratch_have += take;
      data += take;
      if (reader->scratch_have == reader->scratch_want && !take_scratch (reader, error))
        return false;
    }
}
