/* HMAC-SHA1 (RFC 2104) of STUN and SRTP: many short messages. */
#pragma once

#include <glib.h>
#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

/* Both pads hashed beforehand. Immutable once made: any thread. Holds the key: to be wiped by its owner. */
typedef struct
{
  SHA_CTX inner, outer;
} AirHmacSha1;

void air_hmac_sha1_init (AirHmacSha1 *hmac, const void *key, size_t key_bytes);
/* Over @data and then @more (NULL: nothing). */
void air_hmac_sha1_make (const AirHmacSha1 *hmac, const uint8_t *data, size_t bytes, const uint8_t *more, size_t more_bytes,
                         uint8_t ret_digest[SHA_DIGEST_LENGTH]);

G_END_DECLS
