/* gzip by zlib, br by brotli; both at their best, since results are kept. */
#include "http/compress.h"

#include <brotli/encode.h>
#include <stdbool.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16)

const char *
air_coding_to_string (AirCoding coding)
{
  static const char *const names[] = { "identity", "gzip", "br" };
  return names[coding];
}

static bool
compress_gzip (const guint8 *from, size_t size, guint8 *into, size_t *in_out_size)
{
  z_stream stream
      = { .next_in = (Bytef *)from, .avail_in = (uInt)size, .next_out = into, .avail_out = (uInt)*in_out_size };
  if (deflateInit2 (&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return false;
  bool is_whole = deflate (&stream, Z_FINISH) == Z_STREAM_END;
  *in_out_size = stream.total_out;
  deflateEnd (&stream);
  return is_whole;
}

GBytes *
air_compress (GBytes *bytes, AirCoding coding)
{
  size_t size = 0;
  const guint8 *from = g_bytes_get_data (bytes, &size);
  if (coding == AIR_CODING_IDENTITY || size < 256 || size > 64 * 1024 * 1024)
    return NULL;
  /* What does not fit into nine tenths is not worth it. */
  size_t packed = size - size / 10;
  g_autofree guint8 *into = g_malloc (packed);
  bool is_whole = coding == AIR_CODING_GZIP ? compress_gzip (from, size, into, &packed)
                                            : BrotliEncoderCompress (BROTLI_DEFAULT_QUALITY, BROTLI_DEFAULT_WINDOW,
                                                                     BROTLI_MODE_TEXT, size, from, &packed, into)
                                                  == BROTLI_TRUE;
  return is_whole ? g_bytes_new_take (g_realloc (g_steal_pointer (&into), packed), packed) : NULL;
}
