/* QR codes as SVG. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Returns: (transfer full) an SVG image, black on white with its quiet zone; NULL when @text is empty or too long. */
char *air_qr_to_svg (const char *text);

G_END_DECLS
