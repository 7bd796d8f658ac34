/* Chunk reader and writer, handshake and aggregate messages. */
#include <string.h>

#include "aggregate.h"
#include "chunk-reader.h"
#include "chunk-writer.h"
#include "handshake.h"

#define MAX_MESSAGE 0xFFFFFF
#define MAX_MEMORY (64 * 1024 * 1024)

/* What came out of the reader: one line a message. */
static bool
note_message (RtmpMessage *message, void *data, GError **error)
{
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_MD5, message->data, message->length);
  g_string_append_printf (data, "%u/%u/%u@%u:%zu:%.8s\n", message->chunk_stream, message->type, message->stream_id,
                          message->timestamp, message->length, sum);
  return true;
}

static char *
read_all (const uint8_t *data, size_t length, size_t step, size_t max_message, size_t max_memory, GError **error)
{
  g_autoptr (GString) notes = g_string_new (NULL);
  g_autoptr (ChunkReader) reader = chunk_reader_new (max_message, max_memory, note_message, notes);
  for (size_t at = 0; at < length; at += step)
    {
      /* A copy of its own, so that AddressSanitizer sees a read past the end. */
      g_autofree uint8_t *piece = g_memdup2 (data + at, MIN (step, length - at));
      if (!chunk_reader_feed (reader, piece, MIN (step, length - at), error))
        return NULL;
    }
  return g_string_free (g_steal_pointer (&notes), FALSE);
}

/* One message as read_all() notes it; its payload is @length bytes counting up. */
static void
expect (GString *expected, unsigned csid, unsigned type, unsigned stream, uint32_t timestamp, size_t length)
{
  g_autofree uint8_t *payload = g_malloc (length + 1);
  for (size_t i = 0; i < length; i++)
    payload[i] = i;
  RtmpMessage message = {
    .chunk_stream = csid, .type = type, .stream_id = stream, .timestamp = timestamp, .data = payload, .length = length
  };
  note_message (&message, expected, NULL);
}

static void
put (GByteArray *out, const char *hex)
{
  for (const char *at = hex; *at; at++)
    {
      if (*at == ' ')
        continue;
      uint8_t byte = g_ascii_xdigit_value (at[0]) << 4 | g_ascii_xdigit_value (at[1]);
      g_byte_array_append (out, &byte, 1);
      at++;
    }
}

static void
put_payload (GByteArray *out, size_t from, size_t count)
{
  for (size_t i = from; i < from + count; i++)
    {
      uint8_t byte = i;
      g_byte_array_append (out, &byte, 1);
    }
}

static void
assert_reads (GByteArray *bytes, GString *expected)
{
  static const size_t steps[] = { 1, 2, 3, 5, 7, 11, 12, 13, 128, 1000000 };
  for (size_t i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *notes = read_all (bytes->data, bytes->len, steps[i], MAX_MESSAGE, MAX_MEMORY, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (notes, ==, expected->str);
    }
}

static void
assert_refused (GByteArray *bytes, size_t max_message, size_t max_memory, RtmpErrorCode code)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *notes = read_all (bytes->data, bytes->len, 7, max_message, max_memory, &error);
  g_assert_null (notes);
  g_assert_error (error, RTMP_ERROR, (int) code);
}

static void
test_formats (void)
{
  g_autoptr (GByteArray) in = g_byte_array_new ();
  g_autoptr (GString) expected = g_string_new (NULL);
  put (in, "04 000064 00000A 09 01000000"); /* type 0 at 100 */
  put_payload (in, 0, 10);
  expect (expected, 4, 9, 1, 100, 10);
  put (in, "44 000014 000005 08"); /* type 1, 20 later, another length and type */
  put_payload (in, 0, 5);
  expect (expected, 4, 8, 1, 120, 5);
  put (in, "84 00000A"); /* type 2, 10 later */
  put_payload (in, 0, 5);
  expect (expected, 4, 8, 1, 130, 5);
  put (in, "C4"); /* type 3: the same delta again */
  put_payload (in, 0, 5);
  expect (expected, 4, 8, 1, 140, 5);
  put (in, "C4");
  put_payload (in, 0, 5);
  expect (expected, 4, 8, 1, 150, 5);
  put (in, "04 000001 000000 09 01000000"); /* an empty message, and time going back */
  expect (expected, 4, 9, 1, 1, 0);
  assert_reads (in, expected);
}

static void
test_interleaved (void)
{
  g_autoptr (GByteArray) in = g_byte_array_new ();
  g_autoptr (GString) expected = g_string_new (NULL);
  put (in, "06 000000 000104 09 01000000"); /* 260 bytes of video in chunks of 128 */
  put_payload (in, 0, 128);
  put (in, "05 000007 000082 08 01000000"); /* 130 bytes of audio in between */
  put_payload (in, 0, 128);
  put (in, "C6");
  put_payload (in, 128, 128);
  put (in, "C5");
  put_payload (in, 128, 2);
  expect (expected, 5, 8, 1, 7, 130);
  put (in, "C6");
  put_payload (in, 256, 4);
  expect (expected, 6, 9, 1, 0, 260);
  assert_reads (in, expected);
}

static void
test_stream_ids (void)
{
  static const struct
  {
    unsigned id;
    const char *basic;
  } cases[] = { { 2, "02" },      { 63, "3F" },         { 64, "00 00" },      { 319, "00 FF" },
                { 64, "01 0000" }, { 320, "01 0001" }, { 65599, "01 FFFF" } };
  g_autoptr (GByteArray) in = g_byte_array_new ();
  g_autoptr (GString) expected = g_string_new (NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      put (in, cases[i].basic);
      put (in, "000005 000003 09 02000000");
      put_payload (in, 0, 3);
      expect (expected, cases[i].id, 9, 2, 5, 3);
    }
  assert_reads (in, expected);
}

/* All 65,598 chunk stream ids one after the other: served, with a bounded table. */
static void
test_every_stream_id (void)
{
  g_autoptr (GByteArray) in = g_byte_array_new ();
  g_autoptr (GString) expected = g_string_new (NULL);
  for (unsigned id = 64; id < 65600; id++)
    {
      uint8_t basic[3] = { 1, (id - 64) & 0xFF, (id - 64) >> 8 };
      g_byte_array_append (in, basic, sizeof basic);
      put (in, "000005 000001 09 01000000 00");
      expect (expected, id, 9, 1, 5, 1);
    }
  g_autoptr (GError) error = NULL;
  g_autofree char *notes = read_all (in->data, in->len, 1000000, MAX_MESSAGE, MAX_MEMORY, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (notes, ==, expected->str);
}

static void
test_too_many_open_streams (void)
{
  g_autoptr (GByteArray) in = g_byte_array_new ();
  for (unsigned id = 64; id < 64 + 300; id++)
    {
      uint8_t basic[3] = { 1, (id - 64) & 0xFF, (id - 64) >> 8 };
      g_byte_array_append (in, basic, sizeof basic);
      put (in, "000005 000100 09 01000000"); /* 256 bytes, of which 128 come */
      put_payload (in, 0, 128);
    }
  assert_refused (in, MAX_MESSAGE, MAX_MEMORY, RTMP_ERROR_LIMIT);
}

/* A message of 300 bytes at @timestamp in chunks of 128, with or without the time repeated on type-3 chunks. */
static void
put_extended (GByteArray *in, uint32_t timestamp, bool repeated)
{
  uint8_t time[4];
  rtmp_write_be32 (time, timestamp);
  put (in, "06 FFFFFF 00012C 09 01000000");
  g_byte_array_append (in, time, 4);
  for (unsigned at = 0; at < 300; at += 128)
    {
      if (at > 0)
        put (in, "C6");
      if (at > 0 && repeated)
        g_byte_array_append (in, time, 4);
      put_payload (in, at, MIN (128, 300 - at));
    }
}

static void
test_extended_timestamps (void)
{
  static const uint32_t times[] = { 0xFFFFFF, 0x1000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x80818283, 0x80818200 };
  for (unsigned repeated = 0; repeated < 2; repeated++)
    {
      g_autoptr (GByteArray) in = g_byte_array_new ();
      g_autoptr (GString) expected = g_string_new (NULL);
      for (size_t i = 0; i < G_N_ELEMENTS (times); i++)
        {
          /* The payload of the second chunk begins with 0x80 81 82 83: where nothing is repeated, that very time cannot
           * be told from payload. */
          if (times[i] == 0x80818283 && !repeated)
            continue;
          put_extended (in, times[i], repeated);
          expect (expected, 6, 9, 1, times[i], 300);
        }
      assert_reads (in, expected);
    }
}

/* Chunks of one byte without repeated time, whose payload shares a beginning with the time. */
static void
test_extended_tiny_chunks (void)
{
  g_autoptr (GByteArray) in = g_byte_array_new ();
  g_autoptr (GString) expected = g_string_new (NULL);
  put (in, "02 000000 000004 01 00000000 00000001");
  put (in, "06 FFFFFF 000003 09 01000000 01C60299 00 C6 01 C6 02");
  expect (expected, 6, 9, 1, 0x01C60299, 3);
  put (in, "06 000009 000002 08 01000000 00 C6 01");
  expect (expected, 6, 8, 1, 9, 2);
  assert_reads (in, expected);
}

static void
test_extended_delta (void)
{
  g_autoptr (GByteArray) in = g_byte_array_new ();
  g_autoptr (GString) expected = g_string_new (NULL);
  put (in, "06 FFFFFF 000002 09 01000000 FFFFFFF0 0001");
  expect (expected, 6, 9, 1, 0xFFFFFFF0, 2);
  put (in, "46 000021 000002 09 0001"); /* crosses 2^32 */
  expect (expected, 6, 9, 1, 0x11, 2);
  put (in, "46 FFFFFF 000002 09 01000000 0001"); /* a delta of 0x1000000 */
  expect (expected, 6, 9, 1, 0x1000011, 2);
  put (in, "C6 01000000 0001"); /* once more, the delta repeated */
  expect (expected, 6, 9, 1, 0x2000011, 2);
  put (in, "C6 0001"); /* once more, not repeated */
  expect (expected, 6, 9, 1, 0x3000011, 2);
  assert_reads (in, expected);
}

static void
test_chunk_sizes (void)
{
  static const uint32_t sizes[] = { 1, 2, 127, 128, 129, 4096, 0xFFFFFF, 0x7FFFFFFF };
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GByteArray) in = g_byte_array_new ();
      g_autoptr (GString) expected = g_string_new (NULL);
      uint8_t size[4];
      rtmp_write_be32 (size, sizes[i]);
      put (in, "02 000000 000004 01 00000000");
      g_byte_array_append (in, size, 4);
      put (in, "05 000003 000400 08 01000000"); /* 1024 bytes */
      for (size_t at = 0; at < 1024; at += sizes[i])
        {
          if (at > 0)
            put (in, "C5");
          put_payload (in, at, MIN (sizes[i], 1024 - at));
        }
      expect (expected, 5, 8, 1, 3, 1024);
      assert_reads (in, expected);
    }
}

static void
test_bad_chunk_sizes (void)
{
  static const char *const sizes[] = { "00000000", "80000000", "FFFFFFFF" };
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GByteArray) in = g_byte_array_new ();
      put (in, "02 000000 000004 01 00000000");
      put (in, sizes[i]);
      assert_refused (in, MAX_MESSAGE, MAX_MEMORY, RTMP_ERROR_INVALID);
    }
}

static void
test_abort (void)
{
  g_autoptr (GByteArray) in = g_byte_array_new ();
  g_autoptr (GString) expected = g_string_new (NULL);
  put (in, "06 000010 000104 09 01000000");
  put_payload (in, 0, 128);
  put (in, "02 000000 000004 02 00000000 00000006");
  put (in, "46 000005 000003 09"); /* the next message there */
  put_payload (in, 0, 3);
  expect (expected, 6, 9, 1, 0x15, 3);
  put (in, "02 000000 000004 02 00000000 0000FFFF"); /* of what never was */
  put (in, "02 000000 000001 02 00000000 00");
  assert_reads (in, expected);
}

static void
test_orphans (void)
{
  g_autoptr (GByteArray) type_3 = g_byte_array_new (), type_2 = g_byte_array_new (), type_1 = g_byte_array_new ();
  put (type_3, "C7 00");
  assert_refused (type_3, MAX_MESSAGE, MAX_MEMORY, RTMP_ERROR_INVALID);
  put (type_2, "87 000001 00");
  assert_refused (type_2, MAX_MESSAGE, MAX_MEMORY, RTMP_ERROR_INVALID);
  g_autoptr (GString) expected = g_string_new (NULL);
  put (type_1, "42 000000 000006 04 000000000000");
  put (type_1, "02 000000 000000 09 00000000");
  g_string_append (expected, "2/4/0@0:6:");
  g_autoptr (GError) error = NULL;
  g_autofree char *notes = read_all (type_1->data, type_1->len, 1, MAX_MESSAGE, MAX_MEMORY, &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (notes, expected->str));
}

static void
test_limits (void)
{
  g_autoptr (GByteArray) in = g_byte_array_new ();
  put (in, "06 000010 FFFFFF 09 01000000"); /* 16 MiB announced: refused, or nothing of it allocated */
  assert_refused (in, 1024 * 1024, MAX_MEMORY, RTMP_ERROR_LIMIT);
  put_payload (in, 0, 100);
  g_autoptr (GString) notes = g_string_new (NULL);
  g_autoptr (ChunkReader) reader = chunk_reader_new (MAX_MESSAGE, MAX_MEMORY, note_message, notes);
  g_autoptr (GError) error = NULL;
  g_assert_true (chunk_reader_feed (reader, in->data, in->len, &error));
  g_assert_cmpuint (chunk_reader_get_memory (reader), <=, 65536);

  g_autoptr (GByteArray) many = g_byte_array_new ();
  for (unsigned csid = 3; csid < 64; csid++)
    {
      uint8_t basic = csid;
      g_byte_array_append (many, &basic, 1);
      put (many, "000010 FFFFFF 09 01000000");
      put_payload (many, 0, 128);
    }
  assert_refused (many, MAX_MESSAGE, 1024 * 1024, RTMP_ERROR_LIMIT);
}

static void
test_writer (void)
{
  static const uint32_t times[] = { 0, 1000, 0xFFFFFE, 0xFFFFFF, 0x1000000, 0xFFFFFFFF };
  static const size_t lengths[] = { 0, 1, 5, 128, 129, 70000, 200000 };
  ChunkWriter writer;
  chunk_writer_init (&writer);
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (GString) expected = g_string_new (NULL);
  g_autoptr (GByteArray) payload = g_byte_array_new ();
  put_payload (payload, 0, 200000);
  for (unsigned round = 0; round < 2; round++)
    {
      for (size_t i = 0; i < G_N_ELEMENTS (times); i++)
        for (size_t j = 0; j < G_N_ELEMENTS (lengths); j++)
          {
            size_t head = MIN (lengths[j], 5);
            g_assert_true (chunk_writer_write (&writer, out, 6, 9, 1, times[i], payload->data, head, payload->data + head,
                                               lengths[j] - head));
            expect (expected, 6, 9, 1, times[i], lengths[j]);
          }
      chunk_writer_set_chunk_size (&writer, out, CHUNK_WRITER_CHUNK_SIZE);
    }
  g_assert_false (chunk_writer_write (&writer, out, 6, 9, 1, 0, NULL, 0, payload->data, 0x1000000));
  g_autoptr (GError) error = NULL;
  g_autofree char *notes = read_all (out->data, out->len, 4096, MAX_MESSAGE, MAX_MEMORY, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (notes, ==, expected->str);
}

static void
test_handshake (void)
{
  uint8_t c0c1[HANDSHAKE_C0C1_BYTES];
  for (size_t i = 0; i < sizeof c0c1; i++)
    c0c1[i] = i * 7;
  c0c1[0] = 3;
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  g_assert_true (handshake_answer (c0c1, out, &error));
  g_assert_cmpuint (out->len, ==, 1 + 2 * HANDSHAKE_PART_BYTES);
  g_assert_cmpuint (out->data[0], ==, 3);
  g_assert_cmpmem (out->data + 1 + HANDSHAKE_PART_BYTES, HANDSHAKE_PART_BYTES, c0c1 + 1, HANDSHAKE_PART_BYTES);
  g_assert_cmpuint (rtmp_read_be32 (out->data + 5), ==, 0);
  c0c1[0] = 6;
  g_assert_false (handshake_answer (c0c1, out, &error));
  g_assert_error (error, RTMP_ERROR, RTMP_ERROR_UNSUPPORTED);
  g_clear_error (&error);
  c0c1[0] = 'G'; /* an HTTP request */
  g_assert_false (handshake_answer (c0c1, out, &error));
  g_assert_error (error, RTMP_ERROR, RTMP_ERROR_INVALID);
}

static void
test_aggregate (void)
{
  g_autoptr (GByteArray) in = g_byte_array_new ();
  put (in, "09 000002 000064 00 000000 AABB 0000000D");
  put (in, "08 000001 000074 00 000000 CC 0000000C");
  put (in, "09 000000 000063 00 000000"); /* its back pointer is missing */
  AggregatePart part;
  size_t at = 0;
  g_autoptr (GError) error = NULL;
  g_assert_true (aggregate_next (in->data, in->len, 5000, &at, &part, &error));
  g_assert_cmpuint (part.type, ==, 9);
  g_assert_cmpuint (part.timestamp, ==, 5000);
  g_assert_cmpuint (part.length, ==, 2);
  g_assert_true (aggregate_next (in->data, in->len, 5000, &at, &part, &error));
  g_assert_cmpuint (part.timestamp, ==, 5016);
  g_assert_cmpuint (part.data[0], ==, 0xCC);
  g_assert_true (aggregate_next (in->data, in->len, 5000, &at, &part, &error));
  g_assert_cmpuint (part.timestamp, ==, 4999);
  g_assert_false (aggregate_next (in->data, in->len, 5000, &at, &part, &error));
  g_assert_no_error (error);
  for (size_t cut = 1; cut < in->len - 4; cut++)
    {
      g_autofree uint8_t *piece = g_memdup2 (in->data, cut);
      at = 0;
      while (aggregate_next (piece, cut, 0, &at, &part, NULL))
        g_assert_true (part.data + part.length <= piece + cut);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtmp/chunks/formats", test_formats);
  g_test_add_func ("/rtmp/chunks/interleaved", test_interleaved);
  g_test_add_func ("/rtmp/chunks/stream-ids", test_stream_ids);
  g_test_add_func ("/rtmp/chunks/every-stream-id", test_every_stream_id);
  g_test_add_func ("/rtmp/chunks/too-many-open-streams", test_too_many_open_streams);
  g_test_add_func ("/rtmp/chunks/extended-timestamps", test_extended_timestamps);
  g_test_add_func ("/rtmp/chunks/extended-tiny-chunks", test_extended_tiny_chunks);
  g_test_add_func ("/rtmp/chunks/extended-delta", test_extended_delta);
  g_test_add_func ("/rtmp/chunks/chunk-sizes", test_chunk_sizes);
  g_test_add_func ("/rtmp/chunks/bad-chunk-sizes", test_bad_chunk_sizes);
  g_test_add_func ("/rtmp/chunks/abort", test_abort);
  g_test_add_func ("/rtmp/chunks/orphans", test_orphans);
  g_test_add_func ("/rtmp/chunks/limits", test_limits);
  g_test_add_func ("/rtmp/chunks/writer", test_writer);
  g_test_add_func ("/rtmp/handshake", test_handshake);
  g_test_add_func ("/rtmp/aggregate", test_aggregate);
  return g_test_run ();
}
