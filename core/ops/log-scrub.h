/* Makes a text fit for the log: one line of valid UTF-8 without secrets. Thread-safe. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* At most this much of a message is kept, in bytes; a line stays below PIPE_BUF, so that it is written in one piece. */
#define AIR_LOG_MAX_MESSAGE_BYTES 3000

/* Registers a text that is replaced by "***" wherever it stands; also in its percent-encoded form. Texts shorter than
 * four bytes are not taken: blotting them would tell more than it hides. */
void air_log_scrub_add_secret (const char *secret);

/* Returns: (transfer full) @text without secrets, control characters as \n, \xNN or \u{NNNN}, shortened to
 * AIR_LOG_MAX_MESSAGE_BYTES. @length -1: NUL-terminated. */
char *air_log_scrub (const char *text, gssize length);

G_END_DECLS
