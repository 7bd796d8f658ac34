/* base64url without padding (RFC 4648 §5). Stateless; any thread. */
#include "auth/base64url.h"

#include <string.h>

char *
air_base64url_encode (const uint8_t *data, size_t length)
{
  char *text = g_base64_encode (data, length);
  g_strdelimit (text, "+", '-');
  g_strdelimit (text, "/", '_');
  char *padding = strchr (text, '=');
  if (padding != NULL)
    *padding = '\0';
  return text;
}

uint8_t *
air_base64url_decode (const char *text, size_t length, size_t *ret_length)
{
  if (length % 4 == 1)
    return NULL;
  GString *padded = g_string_sized_new (length + 4);
  for (size_t i = 0; i < length; i++)
    {
      char c = text[i];
      if (!g_ascii_isalnum (c) && c != '-' && c != '_')
        {
          g_string_free (padded, TRUE);
          return NULL;
        }
      g_string_append_c (padded, c == '-' ? '+' : c == '_' ? '/' : c);
    }
  while (padded->len % 4 != 0)
    g_string_append_c (padded, '=');

  gsize decoded_length = 0;
  g_autofree guchar *decoded = g_base64_decode (padded->str, &decoded_length);
  g_string_free (padded, TRUE);
  /* Bits that the last character has to spare would give one text many spellings (RFC 4648 §3.5). */
  g_autofree char *again = air_base64url_encode (decoded, decoded_length);
  if (strlen (again) != length || memcmp (again, text, length) != 0)
    return NULL;

  uint8_t *bytes = g_malloc (decoded_length + 1);
  if (decoded_length > 0)
    memcpy (bytes, decoded, decoded_length);
  bytes[decoded_length] = 0;
  *ret_length = decoded_length;
  return bytes;
}
