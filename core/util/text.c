/* Cleans text from strangers. No state; any thread. */
#include <airclass/text.h>

#include <stdbool.h>
#include <string.h>

/* The scripts of the world need fewer on one letter. */
#define MAX_MARKS 6
#define MAX_EMPTY_LINES 2

static bool
is_mark (gunichar c)
{
  GUnicodeType type = g_unichar_type (c);
  return type == G_UNICODE_NON_SPACING_MARK || type == G_UNICODE_ENCLOSING_MARK;
}

/* Letters by their category, but nothing is to be seen of them. */
static bool
is_filler (gunichar c)
{
  return c == 0x115f || c == 0x1160 || c == 0x3164 || c == 0xffa0 || c == 0x2800;
}

static bool
is_dropped (gunichar c)
{
  GUnicodeType type = g_unichar_type (c);
  bool is_joiner = c == 0x200c || c == 0x200d;
  return type == G_UNICODE_CONTROL || (type == G_UNICODE_FORMAT && !is_joiner) || type == G_UNICODE_SURROGATE
         || (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

static bool
is_line_end (gunichar c)
{
  return c == '\n' || c == 0x2028 || c == 0x2029;
}

typedef struct
{
  GString *text;
  AirTextShape shape;
  bool space;      /* one waits for something to follow it */
  unsigned breaks; /* so many wait likewise */
  unsigned marks;
  bool visible;
} Cleaner;

static void
add (Cleaner *cleaner, gunichar c)
{
  if (is_line_end (c) && cleaner->shape == AIR_TEXT_BLOCK)
    {
      cleaner->breaks++;
      cleaner->space = false;
      return;
    }
  if (g_unichar_isspace (c) || is_line_end (c))
    {
      cleaner->space = true;
      return;
    }
  cleaner->marks = is_mark (c) ? cleaner->marks + 1 : 0;
  if (is_dropped (c) || cleaner->marks > MAX_MARKS)
    return;
  if (cleaner->text->len > 0 && cleaner->breaks > 0)
    for (unsigned i = MIN (cleaner->breaks, MAX_EMPTY_LINES + 1); i > 0; i--)
      g_string_append_c (cleaner->text, '\n');
  else if (cleaner->text->len > 0 && cleaner->space)
    g_string_append_c (cleaner->text, ' ');
  cleaner->space = false;
  cleaner->breaks = 0;
  g_string_append_unichar (cleaner->text, c);
  cleaner->visible = cleaner->visible || (g_unichar_isgraph (c) && !is_mark (c) && !is_filler (c) && c != 0x200c && c != 0x200d);
}

char *
air_text_clean (const char *text, AirTextShape shape, unsigned max_characters)
{
  if (text == NULL || !g_utf8_validate (text, -1, NULL))
    return NULL;
  g_autofree char *composed = g_utf8_normalize (text, -1, G_NORMALIZE_NFC);
  if (composed == NULL)
    return NULL;
  Cleaner cleaner = { .text = g_string_new (NULL), .shape = shape };
  for (const char *at = composed; *at != '\0'; at = g_utf8_next_char (at))
    add (&cleaner, g_utf8_get_char (at));
  bool good = cleaner.visible && g_utf8_strlen (cleaner.text->str, -1) <= (glong)max_characters;
  return g_string_free (cleaner.text, !good);
}
