/* The frames of RFC 6455: what is taken, the codes of what is refused, the bounds. */
#include <string.h>

#include "http/websocket.h"

static void
append_frame (GByteArray *into, guint8 first, const void *payload, size_t length, bool is_masked)
{
  guint8 mask[4] = { 1, 2, 3, 4 }, header[10] = { first };
  size_t size = 2;
  header[1] = (guint8)((is_masked ? 0x80 : 0) | (length < 126 ? length : length < 65536 ? 126 : 127));
  size_t extra = length < 126 ? 0 : length < 65536 ? 2 : 8;
  for (size_t i = 0; i < extra; i++)
    header[size++] = (guint8)((uint64_t)length >> (8 * (extra - 1 - i)));
  g_byte_array_append (into, header, (guint)size);
  if (is_masked)
    g_byte_array_append (into, mask, 4);
  for (size_t i = 0; i < length; i++)
    {
      guint8 byte = ((const guint8 *)payload)[i] ^ (is_masked ? mask[i & 3] : 0);
      g_byte_array_append (into, &byte, 1);
    }
}

static unsigned short
read_all (const GByteArray *input, size_t step, size_t max, unsigned *ret_frames, GString *ret_text)
{
  AirFrameReader reader;
  AirFrame frame;
  unsigned short code = 0;
  air_frame_reader_init (&reader, max);
  for (size_t at = 0; at < input->len && code == 0; at += step)
    {
      air_frame_reader_push (&reader, input->data + at, MIN (step, input->len - at));
      while (air_frame_reader_next (&reader, &frame, &code))
        {
          size_t size = 0;
          const char *bytes = g_bytes_get_data (frame.payload, &size);
          g_string_append_len (ret_text, bytes, (gssize)size);
          g_string_append_c (ret_text, '|');
          g_bytes_unref (frame.payload);
          ++*ret_frames;
        }
    }
  air_frame_reader_clear (&reader);
  return code;
}

static void
test_messages (void)
{
  g_autoptr (GByteArray) input = g_byte_array_new ();
  append_frame (input, 0x81, "hello", 5, true);
  append_frame (input, 0x01, "fr", 2, true);
  append_frame (input, 0x89, "ping", 4, true); /* a control frame between fragments */
  append_frame (input, 0x00, "", 0, true);
  append_frame (input, 0x80, "ag", 2, true);
  append_frame (input, 0x81, "", 0, true);
  for (size_t step = 1; step <= input->len; step++)
    {
      unsigned frames = 0;
      g_autoptr (GString) text = g_string_new (NULL);
      g_assert_cmpuint (read_all (input, step, 100, &frames, text), ==, 0);
      g_assert_cmpuint (frames, ==, 4);
      g_assert_cmpstr (text->str, ==, "hello|ping|frag||");
    }
}

static void
test_lengths (void)
{
  static const size_t lengths[] = { 0, 125, 126, 127, 65535, 65536, 70000 };
  for (size_t i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autofree char *payload = g_strnfill (lengths[i], 'x');
      g_autoptr (GByteArray) input = g_byte_array_new ();
      g_autoptr (GString) text = g_string_new (NULL);
      unsigned frames = 0;
      append_frame (input, 0x81, payload, lengths[i], true);
      g_assert_cmpuint (read_all (input, 1000, 70000, &frames, text), ==, 0);
      g_assert_cmpuint (text->len, ==, lengths[i] + 1);
      g_autoptr (GByteArray) built = air_frame_build (AIR_FRAME_TEXT, payload, lengths[i]);
      size_t header = lengths[i] < 126 ? 2 : lengths[i] < 65536 ? 4 : 10;
      g_assert_cmpuint (built->len, ==, header + lengths[i]);
    }
}

static void
assert_refused (const guint8 *bytes, size_t length, unsigned short expected)
{
  g_autoptr (GByteArray) input = g_byte_array_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  unsigned frames = 0;
  g_byte_array_append (input, bytes, (guint)length);
  g_assert_cmpuint (read_all (input, length, 1000, &frames, text), ==, expected);
  g_assert_cmpuint (frames, ==, 0);
}

static void
test_violations (void)
{
  static const struct
  {
    guint8 bytes[14];
    size_t length;
    unsigned short code;
  } frames[] = {
    { { 0x81, 0x01, 'x' }, 3, 1002 },                                    /* not masked */
    { { 0xc1, 0x80, 0, 0, 0, 0 }, 6, 1002 },                             /* RSV1 without an extension */
    { { 0x83, 0x80, 0, 0, 0, 0 }, 6, 1002 },                             /* reserved opcode */
    { { 0x8b, 0x80, 0, 0, 0, 0 }, 6, 1002 },                             /* reserved control opcode */
    { { 0x09, 0x80, 0, 0, 0, 0 }, 6, 1002 },                             /* a ping in fragments */
    { { 0x89, 0xfe, 0, 126, 0, 0, 0, 0 }, 8, 1002 },                     /* a ping over 125 bytes */
    { { 0x80, 0x80, 0, 0, 0, 0 }, 6, 1002 },                             /* continues nothing */
    { { 0x81, 0xfe, 0, 5, 0, 0, 0, 0 }, 8, 1002 },                       /* not the shortest length */
    { { 0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 14, 1002 }, /* the highest bit */
    { { 0x81, 0xfe, 4, 0, 0, 0, 0, 0 }, 8, 1009 },                       /* 1024 bytes are announced */
    { { 0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0 }, 14, 1009 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (frames); i++)
    assert_refused (frames[i].bytes, frames[i].length, frames[i].code);
}

static void
test_fragments (void)
{
  g_autoptr (GByteArray) endless = g_byte_array_new (), growing = g_byte_array_new (), nested = g_byte_array_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  unsigned frames = 0;
  append_frame (endless, 0x01, "", 0, true);
  for (unsigned i = 0; i < 5000; i++)
    append_frame (endless, 0x00, "", 0, true);
  g_assert_cmpuint (read_all (endless, 100, 1000, &frames, text), ==, 1008);
  append_frame (growing, 0x01, "0123456789", 10, true);
  for (unsigned i = 0; i < 200; i++)
    append_frame (growing, 0x00, "0123456789", 10, true);
  g_assert_cmpuint (read_all (growing, 100, 1000, &frames, text), ==, 1009);
  append_frame (nested, 0x01, "a", 1, true);
  append_frame (nested, 0x81, "b", 1, true);
  g_assert_cmpuint (read_all (nested, 100, 1000, &frames, text), ==, 1002);
  g_assert_cmpuint (frames, ==, 0);
}

static unsigned short
parse_close (const char *payload, size_t length)
{
  g_autoptr (GBytes) bytes = g_bytes_new (payload, length);
  return air_frame_parse_close (bytes);
}

static void
test_close (void)
{
  g_assert_cmpuint (parse_close ("", 0), ==, 1000);
  g_assert_cmpuint (parse_close ("\x03\xe8", 2), ==, 1000);
  g_assert_cmpuint (parse_close ("\x03\xe9 bye", 6), ==, 1001);
  g_assert_cmpuint (parse_close ("\x0f\xa0", 2), ==, 4000);
  g_assert_cmpuint (parse_close ("\x03", 1), ==, 1002);
  g_assert_cmpuint (parse_close ("\x03\xed", 2), ==, 1002); /* 1005 is never sent */
  g_assert_cmpuint (parse_close ("\x00\x01", 2), ==, 1002);
  g_assert_cmpuint (parse_close ("\x13\x88", 2), ==, 1002); /* 5000 */
  g_assert_cmpuint (parse_close ("\x03\xe8\xff", 3), ==, 1007);
}

static void
test_accept (void)
{
  /* RFC 6455 §1.3 */
  g_autofree char *accept = air_websocket_accept ("dGhlIHNhbXBsZSBub25jZQ==");
  g_assert_cmpstr (accept, ==, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  g_assert_null (air_websocket_accept (NULL));
  g_assert_null (air_websocket_accept ("c2hvcnQ="));
  g_assert_null (air_websocket_accept ("!!!!!!!!!!!!!!!!!!!!!!!!"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/websocket/messages", test_messages);
  g_test_add_func ("/websocket/lengths", test_lengths);
  g_test_add_func ("/websocket/violations", test_violations);
  g_test_add_func ("/websocket/fragments", test_fragments);
  g_test_add_func ("/websocket/close", test_close);
  g_test_add_func ("/websocket/accept", test_accept);
  return g_test_run ();
}
