/* See intent.h. */
#include "intent.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* One form for all ways of writing the same: "I’m  LOST" is "i'm lost". */
static char *
fold (const char *text)
{
  g_autofree char *normal = g_utf8_normalize (text, -1, G_NORMALIZE_ALL_COMPOSE);
  if (normal == NULL)
    return g_strdup ("");
  g_autofree char *lower = g_utf8_casefold (normal, -1);
  GString *folded = g_string_sized_new (strlen (lower));
  bool space = true;
  for (const char *at = lower; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar character = g_utf8_get_char (at);
      if (g_unichar_isspace (character))
        {
          if (!space)
            g_string_append_c (folded, ' ');
          space = true;
          continue;
        }
      space = false;
      g_string_append_unichar (folded, character == 0x2019 || character == 0x2018 || character == '`' ? '\'' : character);
    }
  return g_string_free (folded, FALSE);
}

double
engagement_chat_intent (const char *text, const char *const *phrases)
{
  g_autofree char *folded = fold (text);
  for (; *phrases != NULL; phrases++)
    {
      g_autofree char *phrase = fold (*phrases);
      if (*phrase != '\0' && strstr (folded, phrase) != NULL)
        return 1;
    }
  return 0;
}
