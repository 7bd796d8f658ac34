/* base64url without padding (RFC 4648 §5), as JWS uses it (RFC 7515 §2). Stateless; any thread. */
#pragma once

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

/* Returns: (transfer full) */
char *air_base64url_encode (const uint8_t *data, size_t length);
/* Takes the one canonical form only: no padding, no other characters, unused bits zero.
 * Returns: (transfer full) the bytes, followed by a NUL that is not counted; NULL when malformed. */
uint8_t *air_base64url_decode (const char *text, size_t length, size_t *ret_length);

G_END_DECLS
