/* The simple handshake of RTMP §5.2, server side. Any thread; no state. */
#pragma once

#include "rtmp.h"

G_BEGIN_DECLS

#define HANDSHAKE_PART_BYTES 1536u
/* What the server needs to see before it answers, and what it waits for then. */
#define HANDSHAKE_C0C1_BYTES (1 + HANDSHAKE_PART_BYTES)
#define HANDSHAKE_C2_BYTES HANDSHAKE_PART_BYTES

/* Appends S0, S1 and S2 to @out. A client that tries the digest ("complex") handshake sees the zero version in S1 and
 * goes on with the simple one. C2 is never compared with S1: many clients send something else.
 * Returns: false with RTMP_ERROR_INVALID when C0 is not RTMP, or _UNSUPPORTED when it is the encrypted variant. */
bool handshake_answer (const uint8_t *c0c1, GByteArray *out, GError **error);

G_END_DECLS
