/* AES-GCM for many small packets with many keys, without the cost per call of a general interface.
 *
 * On x86-64: our own where a processor takes two blocks an instruction (gcm-vaes.h), else libipsec-mb's, whose packet costs half of
 * what it does by OpenSSL 3's EVP (a fifth for sound), where each call looks its parameters up by name. Elsewhere air_gcm_new() gives
 * NULL, and the caller uses EVP. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AIR_GCM_NONCE_BYTES 12
#define AIR_GCM_TAG_BYTES 16

/* The schedule of one key. Immutable: any thread. */
typedef struct _AirGcm AirGcm;

/* @key: 16 or 32 bytes. Returns: NULL when this build or processor has no fast implementation. Any thread. */
AirGcm *air_gcm_new (const uint8_t *key, size_t key_bytes);
/* Wipes the key. @gcm may be NULL. */
void air_gcm_free (AirGcm *gcm);
/* Encrypts @plain_bytes of @plain to @out (may be the same) and writes the tag (NIST SP 800-38D §7.1). */
void air_gcm_seal (const AirGcm *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
                   const uint8_t *plain, size_t plain_bytes, uint8_t *out, uint8_t ret_tag[AIR_GCM_TAG_BYTES]);
/* The reverse. Returns: false when @tag is wrong; what is in @out is then worth nothing. @out may be @cipher. */
bool air_gcm_open (const AirGcm *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
                   const uint8_t *cipher, size_t cipher_bytes, uint8_t *out, const uint8_t tag[AIR_GCM_TAG_BYTES]);
/* It is about to be used: brings it into the cache. */
void air_gcm_prefetch (const AirGcm *gcm);

G_END_DECLS
