/* AES-128-GCM with the 256-bit forms of AES and carry-less multiplication (VAES, VPCLMULQDQ), two blocks an instruction.
 *
 * OpenSSL 3.0 and libipsec-mb 1.3 use these with AVX-512 only, which AMD's Zen 3 and Intel's desktop processors have not; there they go
 * block by block, and encryption was a fifth of what a viewer costs. Timing depends on lengths only. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gcm.h"

G_BEGIN_DECLS

#define AIR_GCM_VAES_KEY_BYTES 16
#define AIR_GCM_VAES_ROUNDS 10
#define AIR_GCM_VAES_POWERS 10

/* Made of a key once, then immutable. @powers: of the hash key, the tenth first, each times x as gcm-vaes.c tells. @sums: both halves of
 * each power XORed, for multiplication by Karatsuba's method. */
typedef struct
{
  _Alignas (32) uint8_t rounds[AIR_GCM_VAES_ROUNDS + 1][16];
  _Alignas (32) uint8_t powers[AIR_GCM_VAES_POWERS][16];
  _Alignas (32) uint8_t sums[AIR_GCM_VAES_POWERS][16];
} AirGcmVaes;

/* Whether this build and processor have it; nothing else here may be called otherwise. Any thread. */
bool air_gcm_vaes_is_supported (void);
void air_gcm_vaes_init (AirGcmVaes *gcm, const uint8_t key[AIR_GCM_VAES_KEY_BYTES]);
/* As air_gcm_seal(). */
void air_gcm_vaes_seal (const AirGcmVaes *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad,
                        size_t aad_bytes, const uint8_t *plain, size_t plain_bytes, uint8_t *out,
                        uint8_t ret_tag[AIR_GCM_TAG_BYTES]);
/* Decrypts, and writes the tag that @cipher should have. @out may be @cipher. */
void air_gcm_vaes_open (const AirGcmVaes *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad,
                        size_t aad_bytes, const uint8_t *cipher, size_t cipher_bytes, uint8_t *out,
                        uint8_t ret_tag[AIR_GCM_TAG_BYTES]);

G_END_DECLS
