/* SRTP's key derivation, nonces and ciphers on OpenSSL.
 *
 * One thread at a time per session; a session owns its cipher context. */
#include "srtp-private.h"

#include <openssl/crypto.h>
#include <string.h>

/* A header and the index word (RFC 7714 §9.2); of SRTCP that is not encrypted a whole packet and the word (§9.3). */
#define MAX_AAD_BYTES 2048

static bool
is_gcm (AirSrtpProfile profile)
{
  return profile != AIR_SRTP_AES128_CM_SHA1_80;
}

/* RFC 3711 §4.3.3: AES-CM keyed with the master key; the 112-bit salt, with the label XORed into its eighth octet, is the
 * first part of the counter. A 96-bit salt is taken as padded with zeros (RFC 7714 §11). */
static bool
derive (AirSrtpProfile profile, const AirSrtpMaster *master, uint8_t label, uint8_t *ret_key, size_t bytes)
{
  static const uint8_t zeros[AIR_SRTP_MAX_KEY_BYTES];
  const EVP_CIPHER *cipher = air_srtp_profile_key_bytes (profile) == 32 ? EVP_aes_256_ctr () : EVP_aes_128_ctr ();
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new ();
  uint8_t iv[16] = { 0 };
  int written = 0;
  bool done;

  memcpy (iv, master->salt, air_srtp_profile_salt_bytes (profile));
  iv[7] ^= label;
  done = context != NULL && EVP_EncryptInit_ex (context, cipher, NULL, master->key, iv) == 1
         && EVP_EncryptUpdate (context, ret_key, &written, zeros, (int)bytes) == 1 && (size_t)written == bytes;
  EVP_CIPHER_CTX_free (context);
  return done;
}

static const EVP_CIPHER *
get_cipher (AirSrtpProfile profile)
{
  switch (profile)
    {
    case AIR_SRTP_AEAD_AES_128_GCM:
      return EVP_aes_128_gcm ();
    case AIR_SRTP_AEAD_AES_256_GCM:
      return EVP_aes_256_gcm ();
    default:
      return EVP_aes_128_ctr ();
    }
}

bool
air_srtp_session_init (AirSrtpSession *session, AirSrtpProfile profile, const AirSrtpMaster *master,
                       AirSrtpLabels labels, bool encrypt)
{
  uint8_t key[AIR_SRTP_MAX_KEY_BYTES], auth_key[AIR_SRTP_AUTH_KEY_BYTES];
  size_t key_bytes = air_srtp_profile_key_bytes (profile);
  bool done;

  done = derive (profile, master, labels.label_key, key, key_bytes)
         && derive (profile, master, labels.label_salt, session->salt, air_srtp_profile_salt_bytes (profile));
  if (done && is_gcm (profile))
    session->gcm = air_gcm_new (key, key_bytes);
  if (done && session->gcm == NULL)
    {
      session->cipher = EVP_CIPHER_CTX_new ();
      done = session->cipher != NULL
             && EVP_CipherInit_ex (session->cipher, get_cipher (profile), NULL, key, NULL, encrypt || !is_gcm (profile)) == 1;
    }
  if (done && !is_gcm (profile))
    {
      done = derive (profile, master, labels.label_auth, auth_key, sizeof auth_key);
      if (done)
        air_hmac_sha1_init (&session->hmac, auth_key, sizeof auth_key);
      OPENSSL_cleanse (auth_key, sizeof auth_key);
    }
  OPENSSL_cleanse (key, sizeof key);
  return done;
}

void
air_srtp_session_clear (AirSrtpSession *session)
{
  air_gcm_free (session->gcm);
  EVP_CIPHER_CTX_free (session->cipher);
  OPENSSL_cleanse (session, sizeof *session);
}

/* RFC 7714 §8.1 and §9.1 for GCM: the index ends at octet 11; RFC 3711 §4.1.1 for CM: at octet 13, then the block counter.
 * SRTP's 48 bits and SRTCP's 31 leave the octets before them as they are, so that whole words can be XORed. */
void
air_srtp_make_iv (const AirSrtpSession *session, AirSrtpProfile profile, uint32_t ssrc, uint64_t index,
                  uint8_t ret_iv[AIR_SRTP_IV_BYTES])
{
  size_t salt_bytes = air_srtp_profile_salt_bytes (profile);
  size_t ssrc_at = salt_bytes - 10;
  uint32_t ssrc_word;
  uint64_t index_word;

  memcpy (ret_iv, session->salt, AIR_SRTP_MAX_SALT_BYTES);
  memset (ret_iv + salt_bytes, 0, AIR_SRTP_IV_BYTES - salt_bytes);
  memcpy (&ssrc_word, ret_iv + ssrc_at, sizeof ssrc_word);
  ssrc_word ^= GUINT32_TO_BE (ssrc);
  memcpy (ret_iv + ssrc_at, &ssrc_word, sizeof ssrc_word);
  memcpy (&index_word, ret_iv + salt_bytes - sizeof index_word, sizeof index_word);
  index_word ^= GUINT64_TO_BE (index);
  memcpy (ret_iv + salt_bytes - sizeof index_word, &index_word, sizeof index_word);
}

static bool
add_aad (EVP_CIPHER_CTX *cipher, const uint8_t *aad, size_t bytes)
{
  int written;

  return EVP_CipherUpdate (cipher, NULL, &written, aad, (int)bytes) == 1;
}

/* Both parts as one, in @joined where there are two. Returns: NULL when that is too long. */
static const uint8_t *
join_aad (const uint8_t *aad, size_t *bytes, const uint8_t *aad2, uint8_t joined[MAX_AAD_BYTES])
{
  if (aad2 == NULL)
    return aad;
  if (*bytes + 4 > MAX_AAD_BYTES)
    return NULL;
  memcpy (joined, aad, *bytes);
  memcpy (joined + *bytes, aad2, 4);
  *bytes += 4;
  return joined;
}

static bool
seal_fast (const AirGcm *gcm, const uint8_t *iv, const uint8_t *aad, size_t aad_bytes, const uint8_t *aad2,
           const uint8_t *plain, size_t plain_bytes, uint8_t *out, uint8_t *ret_tag)
{
  uint8_t joined[MAX_AAD_BYTES];
  const uint8_t *whole = join_aad (aad, &aad_bytes, aad2, joined);

  if (whole == NULL)
    return false;
  air_gcm_seal (gcm, iv, whole, aad_bytes, plain, plain_bytes, out, ret_tag);
  return true;
}

static bool
open_fast (const AirGcm *gcm, const uint8_t *iv, const uint8_t *aad, size_t aad_bytes, const uint8_t *aad2, uint8_t *data,
           size_t data_bytes, const uint8_t *tag)
{
  uint8_t joined[MAX_AAD_BYTES];
  const uint8_t *whole = join_aad (aad, &aad_bytes, aad2, joined);

  return whole != NULL && air_gcm_open (gcm, iv, whole, aad_bytes, data, data_bytes, data, tag);
}

bool
air_srtp_gcm_seal (AirSrtpSession *session, const uint8_t *iv, const uint8_t *aad, size_t aad_bytes,
                   const uint8_t *aad2, const uint8_t *plain, size_t plain_bytes, uint8_t *out, uint8_t *ret_tag)
{
  EVP_CIPHER_CTX *cipher = session->cipher;
  int written = 0;

  if (session->gcm != NULL)
    return seal_fast (session->gcm, iv, aad, aad_bytes, aad2, plain, plain_bytes, out, ret_tag);
  return EVP_EncryptInit_ex (cipher, NULL, NULL, NULL, iv) == 1 && add_aad (cipher, aad, aad_bytes)
         && (aad2 == NULL || add_aad (cipher, aad2, 4))
         && (plain_bytes == 0 || EVP_EncryptUpdate (cipher, out, &written, plain, (int)plain_bytes) == 1)
         && EVP_EncryptFinal_ex (cipher, out + written, &written) == 1
         && EVP_CIPHER_CTX_ctrl (cipher, EVP_CTRL_GCM_GET_TAG, AIR_SRTP_GCM_TAG_BYTES, ret_tag) == 1;
}

bool
air_srtp_gcm_open (AirSrtpSession *session, const uint8_t *iv, const uint8_t *aad, size_t aad_bytes,
                   const uint8_t *aad2, uint8_t *data, size_t data_bytes, const uint8_t *tag)
{
  EVP_CIPHER_CTX *cipher = session->cipher;
  uint8_t wanted[AIR_SRTP_GCM_TAG_BYTES];
  int written = 0;

  if (session->gcm != NULL)
    return open_fast (session->gcm, iv, aad, aad_bytes, aad2, data, data_bytes, tag);
  memcpy (wanted, tag, sizeof wanted);
  return EVP_DecryptInit_ex (cipher, NULL, NULL, NULL, iv) == 1 && add_aad (cipher, aad, aad_bytes)
         && (aad2 == NULL || add_aad (cipher, aad2, 4))
         && EVP_CIPHER_CTX_ctrl (cipher, EVP_CTRL_GCM_SET_TAG, sizeof wanted, wanted) == 1
         && (data_bytes == 0 || EVP_DecryptUpdate (cipher, data, &written, data, (int)data_bytes) == 1)
         && EVP_DecryptFinal_ex (cipher, data + written, &written) == 1;
}

bool
air_srtp_cm_crypt (AirSrtpSession *session, const uint8_t *iv, const uint8_t *in, size_t bytes, uint8_t *out)
{
  int written = 0;

  return EVP_EncryptInit_ex (session->cipher, NULL, NULL, NULL, iv) == 1
         && (bytes == 0 || EVP_EncryptUpdate (session->cipher, out, &written, in, (int)bytes) == 1);
}

void
air_srtp_sha1_tag (const AirSrtpSession *session, const uint8_t *data, size_t bytes, bool with_suffix, uint32_t suffix,
                   uint8_t ret_tag[AIR_SRTP_SHA1_TAG_BYTES])
{
  uint8_t digest[SHA_DIGEST_LENGTH], word[4];

  air_srtp_write32 (word, suffix);
  air_hmac_sha1_make (&session->hmac, data, bytes, with_suffix ? word : NULL, sizeof word, digest);
  memcpy (ret_tag, digest, AIR_SRTP_SHA1_TAG_BYTES);
}
