/* CSV (RFC 4180) that spreadsheets open as it was meant: UTF-8 with its mark, and no cell is taken for a formula. */
#pragma once

#include <glib.h>

/* Returns: (transfer full) a text that begins with the byte order mark. */
GString *csv_new (void);
/* Appends one cell; @text NULL: an empty one. */
void csv_add (GString *csv, const char *text);
void csv_add_number (GString *csv, double number);
void csv_end_row (GString *csv);
