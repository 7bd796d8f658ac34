/* One path for all dark modules: each run of a row is a rectangle of it. */
#include <airclass/http.h>

#include <qrencode.h>

/* ISO/IEC 18004 §5.3.8. */
#define QUIET_ZONE 4

static void
append_row (GString *path, const unsigned char *row, int width, int y)
{
  for (int x = 0; x < width; x++)
    {
      int run = 0;
      while (x + run < width && row[x + run] & 1)
        run++;
      if (run > 0)
        g_string_append_printf (path, "M%d %dh%dv1h-%dz", x + QUIET_ZONE, y + QUIET_ZONE, run, run);
      x += run;
    }
}

char *
air_qr_to_svg (const char *text)
{
  QRcode *code = *text != '\0' ? QRcode_encodeString8bit (text, 0, QR_ECLEVEL_M) : NULL;
  if (code == NULL)
    return NULL;
  int size = code->width + 2 * QUIET_ZONE;
  GString *svg = g_string_new (NULL);
  g_string_printf (svg,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\">"
                   "<path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path fill=\"#000\" d=\"",
                   size, size, size, size);
  for (int y = 0; y < code->width; y++)
    append_row (svg, code->data + y * code->width, code->width, y);
  g_string_append (svg, "\"/></svg>\n");
  QRcode_free (code);
  return g_string_free (svg, FALSE);
}
