/* See gcm.h. */
#include "gcm.h"

#ifdef AIR_HAVE_IPSEC_MB

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>

#include "prefetch.h"

#define KEY_ALIGNMENT 64

struct _AirGcm
{
  struct gcm_key_data key;
  aes_gcm_enc_dec_t seal, open;
};

/* The library's table of functions for this processor; nothing in it changes afterwards. */
static const IMB_MGR *
get_manager (void)
{
  static size_t once;
  static const IMB_MGR *manager;
  if (g_once_init_enter (&once))
    {
      const uint64_t needed = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
      IMB_MGR *made = alloc_mb_mgr (0);
      IMB_ARCH arch = IMB_ARCH_NONE;
      if (made != NULL && (made->features & needed) == needed)
        init_mb_mgr_auto (made, &arch);
      if (arch != IMB_ARCH_NONE && arch != IMB_ARCH_NOAESNI && imb_get_errno (made) == 0)
        manager = made;
      else if (made != NULL)
        free_mb_mgr (made);
      g_once_init_leave (&once, 1);
    }
  return manager;
}

AirGcm *
air_gcm_new (const uint8_t *key, size_t key_bytes)
{
  const IMB_MGR *manager = get_manager ();
  if (manager == NULL || (key_bytes != 16 && key_bytes != 32))
    return NULL;
  AirGcm *gcm = g_aligned_alloc0 (1, sizeof *gcm, KEY_ALIGNMENT);
  bool short_key = key_bytes == 16;
  (short_key ? manager->gcm128_pre : manager->gcm256_pre) (key, &gcm->key);
  gcm->seal = short_key ? manager->gcm128_enc : manager->gcm256_enc;
  gcm->open = short_key ? manager->gcm128_dec : manager->gcm256_dec;
  return gcm;
}

void
air_gcm_free (AirGcm *gcm)
{
  if (gcm == NULL)
    return;
  OPENSSL_cleanse (gcm, sizeof *gcm);
  g_aligned_free (gcm);
}

void
air_gcm_seal (const AirGcm *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
              const uint8_t *plain, size_t plain_bytes, uint8_t *out, uint8_t ret_tag[AIR_GCM_TAG_BYTES])
{
  struct gcm_context_data context;
  gcm->seal (&gcm->key, &context, out, plain, plain_bytes, nonce, aad, aad_bytes, ret_tag, AIR_GCM_TAG_BYTES);
}

bool
air_gcm_open (const AirGcm *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
              const uint8_t *cipher, size_t cipher_bytes, uint8_t *out, const uint8_t tag[AIR_GCM_TAG_BYTES])
{
  struct gcm_context_data context;
  uint8_t made[AIR_GCM_TAG_BYTES];
  gcm->open (&gcm->key, &context, out, cipher, cipher_bytes, nonce, aad, aad_bytes, made, sizeof made);
  return CRYPTO_memcmp (made, tag, sizeof made) == 0;
}

void
air_gcm_prefetch (const AirGcm *gcm)
{
  air_prefetch (gcm, sizeof *gcm);
}

#else

AirGcm *
air_gcm_new (const uint8_t *key, size_t key_bytes)
{
  return NULL;
}

void
air_gcm_free (AirGcm *gcm)
{
}

void
air_gcm_seal (const AirGcm *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
              const uint8_t *plain, size_t plain_bytes, uint8_t *out, uint8_t ret_tag[AIR_GCM_TAG_BYTES])
{
  g_assert_not_reached ();
}

bool
air_gcm_open (const AirGcm *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
              const uint8_t *cipher, size_t cipher_bytes, uint8_t *out, const uint8_t tag[AIR_GCM_TAG_BYTES])
{
  g_assert_not_reached ();
}

void
air_gcm_prefetch (const AirGcm *gcm)
{
}

#endif
