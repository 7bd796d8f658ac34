/* By OpenSSL's SHA_CTX, though deprecated, because copying it is copying 96 bytes, while a prepared EVP_MAC or EVP_MD_CTX must be made or
 * duplicated on the heap for every message. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "hmac-sha1.h"

#include <openssl/crypto.h>
#include <string.h>

static void
begin (SHA_CTX *sha, const uint8_t key[SHA_CBLOCK], uint8_t pad)
{
  uint8_t block[SHA_CBLOCK];
  for (size_t i = 0; i < sizeof block; i++)
    block[i] = key[i] ^ pad;
  SHA1_Init (sha);
  SHA1_Update (sha, block, sizeof block);
  OPENSSL_cleanse (block, sizeof block);
}

void
air_hmac_sha1_init (AirHmacSha1 *hmac, const void *key, size_t key_bytes)
{
  uint8_t block[SHA_CBLOCK] = { 0 };
  if (key_bytes > sizeof block)
    SHA1 (key, key_bytes, block);
  else
    memcpy (block, key, key_bytes);
  begin (&hmac->inner, block, 0x36);
  begin (&hmac->outer, block, 0x5c);
  OPENSSL_cleanse (block, sizeof block);
}

void
air_hmac_sha1_make (const AirHmacSha1 *hmac, const uint8_t *data, size_t bytes, const uint8_t *more, size_t more_bytes,
                    uint8_t ret_digest[SHA_DIGEST_LENGTH])
{
  SHA_CTX sha = hmac->inner;
  SHA1_Update (&sha, data, bytes);
  if (more != NULL)
    SHA1_Update (&sha, more, more_bytes);
  SHA1_Final (ret_digest, &sha);
  sha = hmac->outer;
  SHA1_Update (&sha, ret_digest, SHA_DIGEST_LENGTH);
  SHA1_Final (ret_digest, &sha);
}
