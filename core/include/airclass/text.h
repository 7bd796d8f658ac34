/* Text from strangers that is shown to others. Any thread. */
#pragma once

#include <glib.h>

#include <airclass/types.h>

G_BEGIN_DECLS

typedef enum
{
  AIR_TEXT_LINE,  /* a name: white space becomes single spaces */
  AIR_TEXT_BLOCK, /* lines stay, at most two empty ones in a row */
} AirTextShape;

/* Takes out what would change more than this text: control characters, bidi overrides and other invisible formatting (joiners, which
 * scripts and emoji need, stay), heaps of combining marks; trims, and composes (NFC). HTML stays the text that it is: whoever shows it
 * escapes it. @text: any bytes; NULL is none.
 * Returns: (transfer full) NULL when nothing visible is left, when it is not UTF-8, or when it has more than @max_characters. */
AIR_PUBLIC char *air_text_clean (const char *text, AirTextShape shape, unsigned max_characters);

G_END_DECLS
