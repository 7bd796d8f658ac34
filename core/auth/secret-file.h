/* Secrets kept as files: one line of text, mode 0600. Any thread; may wait for the disk. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Texts that people type from paper: no l, o, 0, 1; 5 bits a character. Returns: (transfer full) */
char *air_secret_make_readable (unsigned length);
/* Returns: (transfer full) 32 random bytes as base64url. */
char *air_secret_make_key (void);

/* Reads @path, without its line end; where it is missing, makes it with the text of @make first, so that of two
 * processes that start at once both end up with the same text. Returns: (transfer full) NULL with AIR_ERROR_FAILED when
 * it cannot be read or made, is empty, is no plain file, is not our own, or may be read by others. */
char *air_secret_file_ensure (const char *path, char *(*make) (void), GError **error);

G_END_DECLS
