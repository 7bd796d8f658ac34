/* See text.h. */
#include "text.h"

/* Keyboards and copied texts bring them; nobody sees them. */
static bool
is_invisible (gunichar character)
{
  return character == 0x200B || character == 0x2060 || character == 0xFEFF || character == 0x00AD;
}

char *
quiz_text_fold (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autofree char *composed = g_utf8_normalize (valid, -1, G_NORMALIZE_ALL_COMPOSE);
  g_autofree char *folded = g_utf8_casefold (composed, -1);
  /* Folding may take a composed character apart. */
  g_autofree char *whole = g_utf8_normalize (folded, -1, G_NORMALIZE_ALL_COMPOSE);
  GString *result = g_string_new (NULL);
  bool is_space_due = false;
  for (const char *at = whole; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar character = g_utf8_get_char (at);
      if (is_invisible (character))
        continue;
      if (g_unichar_isspace (character))
        {
          is_space_due = result->len > 0;
          continue;
        }
      if (is_space_due)
        g_string_append_c (result, ' ');
      is_space_due = false;
      g_string_append_unichar (result, character);
    }
  return g_string_free (result, FALSE);
}

bool
quiz_text_is_blank (const char *text)
{
  g_autofree char *folded = quiz_text_fold (text);
  return *folded == '\0';
}
