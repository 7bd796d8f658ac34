/* Writes cells. */
#include "csv.h"

#include <math.h>
#include <string.h>

GString *
csv_new (void)
{
  return g_string_new ("\xef\xbb\xbf");
}

static void
separate (GString *csv)
{
  char last = csv->str[csv->len - 1];
  if (last != '\n' && last != '\xbf')
    g_string_append_c (csv, ',');
}

/* Every cell has quotes, so that the character before a separator is one. A cell that a spreadsheet would take for a formula gets an
 * apostrophe, which shows it as text. */
void
csv_add (GString *csv, const char *text)
{
  separate (csv);
  g_string_append_c (csv, '"');
  if (text != NULL && text[0] != '\0' && strchr ("=+-@\t\r", text[0]) != NULL)
    g_string_append_c (csv, '\'');
  for (const char *at = text; at != NULL && *at != '\0'; at++)
    {
      if (*at == '"')
        g_string_append_c (csv, '"');
      g_string_append_c (csv, *at);
    }
  g_string_append_c (csv, '"');
}

void
csv_add_number (GString *csv, double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE] = "";
  separate (csv);
  if (isfinite (number))
    g_ascii_formatd (text, sizeof text, "%.10g", number);
  g_string_append_printf (csv, "\"%s\"", text);
}

void
csv_end_row (GString *csv)
{
  g_string_append (csv, "\r\n");
}
