/* Bytes as tests write them: "02 00 04". */
#pragma once

#include <glib.h>
#include <stdint.h>

static inline GByteArray *
from_hex (const char *hex)
{
  GByteArray *bytes = g_byte_array_new ();
  for (const char *at = hex; *at; at++)
    {
      if (*at == ' ')
        continue;
      uint8_t byte = g_ascii_xdigit_value (at[0]) << 4 | g_ascii_xdigit_value (at[1]);
      g_byte_array_append (bytes, &byte, 1);
      at++;
    }
  return bytes;
}
