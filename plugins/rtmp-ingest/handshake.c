/* S0, S1 and S2 in one go. */
#include "handshake.h"

#include <string.h>

#define VERSION_PLAIN 3
#define VERSION_ENCRYPTED 6

bool
handshake_answer (const uint8_t *c0c1, GByteArray *out, GError **error)
{
  if (c0c1[0] == VERSION_ENCRYPTED)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_UNSUPPORTED, "RTMPE is not spoken here, use RTMPS");
      return false;
    }
  if (c0c1[0] != VERSION_PLAIN)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "not RTMP: the first byte is 0x%02x", c0c1[0]);
      return false;
    }
  uint32_t now_ms = g_get_monotonic_time () / 1000;
  uint8_t answer[1 + 2 * HANDSHAKE_PART_BYTES] = { VERSION_PLAIN };
  uint8_t *s1 = answer + 1, *s2 = s1 + HANDSHAKE_PART_BYTES;
  rtmp_write_be32 (s1, now_ms);
  for (unsigned i = 8; i < HANDSHAKE_PART_BYTES; i += 4)
    rtmp_write_be32 (s1 + i, g_random_int ());
  /* The specification puts our time into the echo; librtmp warns when the echo is not exact, and nobody reads the time. */
  memcpy (s2, c0c1 + 1, HANDSHAKE_PART_BYTES);
  g_byte_array_append (out, answer, sizeof answer);
  return true;
}
