/* Reads masked frames within bounds, builds unmasked ones. */
#include "http/websocket.h"

#include <string.h>

/* An endless run of small or empty fragments is bounded as well as a long message. */
#define MAX_FRAGMENTS 1024

void
air_frame_reader_init (AirFrameReader *reader, size_t max_message_bytes)
{
  *reader = (AirFrameReader){ .max_message_bytes = max_message_bytes, .input = g_byte_array_new () };
}

void
air_frame_reader_clear (AirFrameReader *reader)
{
  g_clear_pointer (&reader->input, g_byte_array_unref);
  g_clear_pointer (&reader->message, g_byte_array_unref);
}

void
air_frame_reader_push (AirFrameReader *reader, const guint8 *bytes, size_t length)
{
  g_byte_array_append (reader->input, bytes, (guint)length);
}

typedef struct
{
  bool is_final;
  AirFrameType type;
  uint64_t length;
  guint8 mask[4];
  size_t header_length;
} FrameHeader;

/* RFC 6455 §5.2. 0: it is whole; 1: more is needed; else the code to close with. */
static unsigned short
parse_header (const AirFrameReader *reader, FrameHeader *ret_header)
{
  const guint8 *at = reader->input->data;
  size_t have = reader->input->len;
  if (have < 2)
    return 1;
  unsigned opcode = at[0] & 0x0f, short_length = at[1] & 0x7f;
  bool is_control = opcode >= 8;
  bool is_known = opcode <= 2 || (opcode >= 8 && opcode <= 10);
  if (at[0] & 0x70 || !is_known || !(at[1] & 0x80))
    return 1002;
  if (is_control && (!(at[0] & 0x80) || short_length > 125))
    return 1002;

  size_t extra = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
  if (have < 2 + extra + 4)
    return 1;
  uint64_t length = extra > 0 ? 0 : short_length;
  for (size_t i = 0; i < extra; i++)
    length = length << 8 | at[2 + i];
  /* The shortest form must be used, and the highest bit be zero. */
  if ((extra == 2 && length < 126) || (extra == 8 && (length < 65536 || length >> 63)))
    return 1002;
  *ret_header
      = (FrameHeader){ .is_final = at[0] & 0x80, .type = opcode, .length = length, .header_length = 2 + extra + 4 };
  memcpy (ret_header->mask, at + 2 + extra, 4);
  return 0;
}

/* What the frame may not do at this point of the stream; 0: it may. */
static unsigned short
check_sequence (AirFrameReader *reader, const FrameHeader *header)
{
  if (header->type >= AIR_FRAME_CLOSE)
    return 0;
  bool is_continuation = header->type == AIR_FRAME_CONTINUATION;
  if (is_continuation != (reader->message != NULL))
    return 1002;
  size_t so_far = reader->message != NULL ? reader->message->len : 0;
  if (header->length > reader->max_message_bytes - so_far)
    return 1009;
  return is_continuation && reader->fragments >= MAX_FRAGMENTS ? 1008 : 0;
}

static GByteArray *
take_payload (AirFrameReader *reader, const FrameHeader *header)
{
  GByteArray *payload = g_byte_array_sized_new ((guint)header->length);
  g_byte_array_append (payload, reader->input->data + header->header_length, (guint)header->length);
  for (guint i = 0; i < payload->len; i++)
    payload->data[i] ^= header->mask[i & 3];
  g_byte_array_remove_range (reader->input, 0, (guint)(header->header_length + header->length));
  return payload;
}

/* True when the frame ends a message. */
static bool
add_fragment (AirFrameReader *reader, const FrameHeader *header, GByteArray *payload)
{
  if (reader->message == NULL)
    {
      reader->message = g_byte_array_ref (payload);
      reader->type = header->type;
      reader->fragments = 1;
    }
  else
    {
      g_byte_array_append (reader->message, payload->data, payload->len);
      reader->fragments++;
    }
  return header->is_final;
}

bool
air_frame_reader_next (AirFrameReader *reader, AirFrame *ret_frame, unsigned short *ret_close)
{
  FrameHeader header = { 0 };
  *ret_close = 0;
  for (;;)
    {
      unsigned short code = parse_header (reader, &header);
      if (code == 0)
        code = check_sequence (reader, &header);
      if (code == 0 && reader->input->len < header.header_length + header.length)
        code = 1;
      if (code != 0)
        {
          *ret_close = code == 1 ? 0 : code;
          return false;
        }
      g_autoptr (GByteArray) payload = take_payload (reader, &header);
      if (header.type >= AIR_FRAME_CLOSE)
        {
          ret_frame->type = header.type;
          ret_frame->payload = g_byte_array_free_to_bytes (g_steal_pointer (&payload));
          return true;
        }
      if (!add_fragment (reader, &header, payload))
        continue;
      g_clear_pointer (&payload, g_byte_array_unref);
      ret_frame->type = reader->type;
      ret_frame->payload = g_byte_array_free_to_bytes (g_steal_pointer (&reader->message));
      return true;
    }
}

GByteArray *
air_frame_build (AirFrameType type, const void *payload, size_t length)
{
  guint8 header[10] = { (guint8)(0x80 | type) };
  size_t size = 2;
  if (length < 126)
    header[1] = (guint8)length;
  else
    {
      size_t extra = length < 65536 ? 2 : 8;
      header[1] = extra == 2 ? 126 : 127;
      for (size_t i = 0; i < extra; i++)
        header[2 + i] = (guint8)((uint64_t)length >> (8 * (extra - 1 - i)));
      size += extra;
    }
  GByteArray *frame = g_byte_array_sized_new ((guint)(size + length));
  g_byte_array_append (frame, header, (guint)size);
  if (length > 0)
    g_byte_array_append (frame, payload, (guint)length);
  return frame;
}

/* RFC 6455 §7.4. */
unsigned short
air_frame_parse_close (GBytes *payload)
{
  size_t size = 0;
  const guint8 *bytes = g_bytes_get_data (payload, &size);
  if (size == 0)
    return 1000;
  if (size == 1)
    return 1002;
  unsigned short code = (unsigned short)(bytes[0] << 8 | bytes[1]);
  bool is_registered = (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
  if (!is_registered)
    return 1002;
  return g_utf8_validate_len ((const char *)bytes + 2, size - 2, NULL) ? code : 1007;
}

char *
air_websocket_accept (const char *key)
{
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  gsize length = 0;
  if (key == NULL || strlen (key) != 24)
    return NULL;
  g_autofree guchar *nonce = g_base64_decode (key, &length);
  if (length != 16)
    return NULL;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA1);
  g_checksum_update (checksum, (const guchar *)key, -1);
  g_checksum_update (checksum, (const guchar *)guid, -1);
  guint8 digest[20];
  gsize size = sizeof digest;
  g_checksum_get_digest (checksum, digest, &size);
  return g_base64_encode (digest, size);
}
