/* Reading FLV (Adobe Flash Video File Format Specification 10.1, annex E). */
#include "flv-file.h"

#include <gio/gio.h>
#include <string.h>

#define TAG_HEADER_BYTES 11
#define BACK_POINTER_BYTES 4
#define FMT3 0xc0

static uint32_t
read24 (const uint8_t *at)
{
  return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

uint8_t *
load_rtmp_cut (const uint8_t *body, size_t bytes, unsigned chunk_bytes, unsigned chunk_stream, size_t *ret_bytes)
{
  size_t chunks = bytes == 0 ? 1 : (bytes + chunk_bytes - 1) / chunk_bytes;
  uint8_t *out = g_malloc (bytes + chunks), *at = out;

  for (size_t done = 0; done < bytes;)
    {
      size_t now = MIN (chunk_bytes, bytes - done);

      if (done > 0)
        *at++ = (uint8_t)(FMT3 | chunk_stream);
      memcpy (at, body + done, now);
      at += now;
      done += now;
    }
  *ret_bytes = (size_t)(at - out);
  return out;
}

/* AVC and AAC sequence headers, and onMetaData. */
static bool
is_header (uint8_t type, const uint8_t *body, size_t bytes)
{
  return type == 18 || (type == 9 && bytes > 1 && (body[0] & 15) == 7 && body[1] == 0)
         || (type == 8 && bytes > 1 && body[0] >> 4 == 10 && body[1] == 0);
}

static bool
refuse (const char *path, const char *why, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "'%s' %s", path, why);
  return false;
}

bool
load_flv_read (const char *path, unsigned chunk_bytes, unsigned chunk_stream, LoadFlv *ret_flv, GError **error)
{
  g_autofree char *text = NULL;
  size_t size, total = 0;
  uint32_t end_ms = 0, interval_ms = 33;

  *ret_flv = (LoadFlv){ 0 };
  if (!g_file_get_contents (path, &text, &size, error))
    return false;
  const uint8_t *data = (const uint8_t *)text;
  if (size < 13 || memcmp (data, "FLV\1", 4) != 0)
    return refuse (path, "is not an FLV file", error);
  ret_flv->messages = g_array_new (FALSE, FALSE, sizeof (LoadFlvMessage));
  for (size_t at = 9 + BACK_POINTER_BYTES; at + TAG_HEADER_BYTES <= size;)
    {
      LoadFlvMessage message = { .type = data[at] & 0x1f, .bytes = read24 (data + at + 1),
                                 .time_ms = read24 (data + at + 4) | (uint32_t)data[at + 7] << 24 };
      const uint8_t *body = data + at + TAG_HEADER_BYTES;

      if (size - at - TAG_HEADER_BYTES < message.bytes)
        break;
      at += TAG_HEADER_BYTES + message.bytes + BACK_POINTER_BYTES;
      message.once = is_header (message.type, body, message.bytes);
      message.chunks = load_rtmp_cut (body, message.bytes, chunk_bytes, chunk_stream, &message.chunks_bytes);
      g_array_append_val (ret_flv->messages, message);
      total += message.bytes;
      if (message.type == 9 && message.time_ms > end_ms)
        interval_ms = message.time_ms - end_ms;
      end_ms = MAX (end_ms, message.type == 9 ? message.time_ms : 0);
    }
  if (end_ms == 0)
    {
      load_flv_clear (ret_flv);
      return refuse (path, "has no video", error);
    }
  ret_flv->loop_ms = end_ms + interval_ms;
  ret_flv->bits_per_s = (double)total * 8000 / ret_flv->loop_ms;
  return true;
}

void
load_flv_clear (LoadFlv *flv)
{
  for (guint i = 0; flv->messages && i < flv->messages->len; i++)
    g_free (g_array_index (flv->messages, LoadFlvMessage, i).chunks);
  g_clear_pointer (&flv->messages, g_array_unref);
}
