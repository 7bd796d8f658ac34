/* Texts of answers as they are compared. No state; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* Unicode NFKC, case folded, trimmed, each run of spaces one space; marks without a width are left out. (transfer full) */
char *quiz_text_fold (const char *text);
bool quiz_text_is_blank (const char *text);

G_END_DECLS
