/* What the parts of srtp share: session keys, the two ciphers. */
#pragma once

#include <openssl/evp.h>

#include "gcm.h"
#include "hmac-sha1.h"
#include "srtp.h"

#define AIR_SRTP_GCM_TAG_BYTES AIR_GCM_TAG_BYTES
#define AIR_SRTP_SHA1_TAG_BYTES 10
#define AIR_SRTP_AUTH_KEY_BYTES 20
#define AIR_SRTP_IV_BYTES 16 /* AES-CM; AES-GCM uses the first 12 */

/* The session keys of one direction and one of RTP and RTCP. */
typedef struct
{
  AirGcm *gcm;            /* where there is a fast one; then there is no `cipher` */
  EVP_CIPHER_CTX *cipher; /* key set, made on first use; only the IV changes from packet to packet */
  uint8_t salt[AIR_SRTP_MAX_SALT_BYTES];
  AirHmacSha1 hmac;
} AirSrtpSession;

typedef struct
{
  uint8_t label_key, label_auth, label_salt; /* RFC 3711 §4.3.1 */
} AirSrtpLabels;

/* Derives the session keys (RFC 3711 §4.3, RFC 7714 §11) with a key derivation rate of 0. @encrypt: the direction. */
bool air_srtp_session_init (AirSrtpSession *session, AirSrtpProfile profile, const AirSrtpMaster *master,
                            AirSrtpLabels labels, bool encrypt);
void air_srtp_session_clear (AirSrtpSession *session);

/* The nonce for a packet: @index is ROC || SEQ (48 bits) for RTP, the SRTCP index (31 bits) for RTCP. */
void air_srtp_make_iv (const AirSrtpSession *session, AirSrtpProfile profile, uint32_t ssrc, uint64_t index,
                       uint8_t ret_iv[AIR_SRTP_IV_BYTES]);

/* AES-GCM. @aad2: more authenticated data behind @aad (the SRTCP index word behind its header); NULL: none. */
bool air_srtp_gcm_seal (AirSrtpSession *session, const uint8_t *iv, const uint8_t *aad, size_t aad_bytes,
                        const uint8_t *aad2, const uint8_t *plain, size_t plain_bytes, uint8_t *out, uint8_t *ret_tag);
/* In place. Returns: false when the tag is wrong; @data is then undefined. */
bool air_srtp_gcm_open (AirSrtpSession *session, const uint8_t *iv, const uint8_t *aad, size_t aad_bytes,
                        const uint8_t *aad2, uint8_t *data, size_t data_bytes, const uint8_t *tag);

/* AES-CM (counter mode): the same for both directions; @in may be @out. */
bool air_srtp_cm_crypt (AirSrtpSession *session, const uint8_t *iv, const uint8_t *in, size_t bytes, uint8_t *out);
/* HMAC-SHA1 over @data, then over the word @suffix in network order (the ROC) when @with_suffix; 80 bits of it. */
void air_srtp_sha1_tag (const AirSrtpSession *session, const uint8_t *data, size_t bytes, bool with_suffix,
                        uint32_t suffix, uint8_t ret_tag[AIR_SRTP_SHA1_TAG_BYTES]);

static inline uint16_t
air_srtp_read16 (const uint8_t *p)
{
  return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
air_srtp_read32 (const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void
air_srtp_write32 (uint8_t *p, uint32_t value)
{
  p[0] = (uint8_t)(value >> 24);
  p[1] = (uint8_t)(value >> 16);
  p[2] = (uint8_t)(value >> 8);
  p[3] = (uint8_t)value;
}
