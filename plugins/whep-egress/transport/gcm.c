/* See gcm.h. */
#include "gcm.h"

#include <openssl/crypto.h>

#include "gcm-vaes.h"
#include "prefetch.h"

/* What both kinds begin with, on a boundary of a cache line. */
struct _AirGcm
{
  size_t bytes; /* of the whole structure */
  void (*seal) (const AirGcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_bytes, const uint8_t *plain,
                size_t plain_bytes, uint8_t *out, uint8_t *ret_tag);
  void (*open) (const AirGcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_bytes, const uint8_t *cipher,
                size_t cipher_bytes, uint8_t *out, uint8_t *ret_tag);
};

static void *
allocate (size_t bytes)
{
  AirGcm *gcm = g_aligned_alloc0 (1, bytes, AIR_CACHE_LINE_BYTES);
  gcm->bytes = bytes;
  return gcm;
}

/* ---- Two blocks an instruction */

typedef struct
{
  AirGcm gcm;
  AirGcmVaes vaes;
} VaesGcm;

static void
seal_vaes (const AirGcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_bytes, const uint8_t *plain,
           size_t plain_bytes, uint8_t *out, uint8_t *ret_tag)
{
  air_gcm_vaes_seal (&((const VaesGcm *)gcm)->vaes, nonce, aad, aad_bytes, plain, plain_bytes, out, ret_tag);
}

static void
open_vaes (const AirGcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_bytes, const uint8_t *cipher,
           size_t cipher_bytes, uint8_t *out, uint8_t *ret_tag)
{
  air_gcm_vaes_open (&((const VaesGcm *)gcm)->vaes, nonce, aad, aad_bytes, cipher, cipher_bytes, out, ret_tag);
}

static AirGcm *
new_vaes (const uint8_t *key)
{
  VaesGcm *made = allocate (sizeof *made);
  made->gcm.seal = seal_vaes;
  made->gcm.open = open_vaes;
  air_gcm_vaes_init (&made->vaes, key);
  return &made->gcm;
}

/* ---- libipsec-mb */

#ifdef AIR_HAVE_IPSEC_MB

#include <intel-ipsec-mb.h>

typedef struct
{
  AirGcm gcm;
  aes_gcm_enc_dec_t seal, open;
  _Alignas (AIR_CACHE_LINE_BYTES) struct gcm_key_data key;
} LibraryGcm;

typedef struct
{
  const IMB_MGR *manager; /* its table of functions for this processor; nothing in it changes afterwards */
  IMB_ARCH arch;
} Library;

static Library
load_library (void)
{
  const uint64_t needed = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
  IMB_MGR *manager = alloc_mb_mgr (0);
  IMB_ARCH arch = IMB_ARCH_NONE;
  if (manager != NULL && (manager->features & needed) == needed)
    init_mb_mgr_auto (manager, &arch);
  if (arch != IMB_ARCH_NONE && arch != IMB_ARCH_NOAESNI && imb_get_errno (manager) == 0)
    return (Library){ manager, arch };
  if (manager != NULL)
    free_mb_mgr (manager);
  return (Library){ NULL, IMB_ARCH_NONE };
}

static const Library *
get_library (void)
{
  static size_t once;
  static Library library;
  if (g_once_init_enter (&once))
    {
      library = load_library ();
      g_once_init_leave (&once, 1);
    }
  return &library;
}

static void
seal_by_library (const AirGcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_bytes, const uint8_t *plain,
                 size_t plain_bytes, uint8_t *out, uint8_t *ret_tag)
{
  const LibraryGcm *self = (const LibraryGcm *)gcm;
  struct gcm_context_data context;
  self->seal (&self->key, &context, out, plain, plain_bytes, nonce, aad, aad_bytes, ret_tag, AIR_GCM_TAG_BYTES);
}

static void
open_by_library (const AirGcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_bytes, const uint8_t *cipher,
                 size_t cipher_bytes, uint8_t *out, uint8_t *ret_tag)
{
  const LibraryGcm *self = (const LibraryGcm *)gcm;
  struct gcm_context_data context;
  self->open (&self->key, &context, out, cipher, cipher_bytes, nonce, aad, aad_bytes, ret_tag, AIR_GCM_TAG_BYTES);
}

static AirGcm *
new_library (const uint8_t *key, size_t key_bytes)
{
  const IMB_MGR *manager = get_library ()->manager;
  if (manager == NULL)
    return NULL;
  LibraryGcm *made = allocate (sizeof *made);
  bool short_key = key_bytes == 16;
  (short_key ? manager->gcm128_pre : manager->gcm256_pre) (key, &made->key);
  made->seal = short_key ? manager->gcm128_enc : manager->gcm256_enc;
  made->open = short_key ? manager->gcm128_dec : manager->gcm256_dec;
  made->gcm.seal = seal_by_library;
  made->gcm.open = open_by_library;
  return &made->gcm;
}

/* With AVX-512 it takes four blocks an instruction. */
static bool
is_library_faster (void)
{
  return get_library ()->arch == IMB_ARCH_AVX512;
}

#define LIBRARY_BYTES sizeof (LibraryGcm)

#else

#define LIBRARY_BYTES 0

static AirGcm *
new_library (const uint8_t *key, size_t key_bytes)
{
  return NULL;
}

static bool
is_library_faster (void)
{
  return false;
}

#endif

/* ---- */

/* Once: it does not change, and to look at a schedule's size before it is fetched would be to wait for it. */
static bool
prefers_vaes (void)
{
  static size_t once;
  static bool prefers;
  if (g_once_init_enter (&once))
    {
      prefers = air_gcm_vaes_is_supported () && !is_library_faster ();
      g_once_init_leave (&once, 1);
    }
  return prefers;
}

AirGcm *
air_gcm_new (const uint8_t *key, size_t key_bytes)
{
  if (key_bytes == AIR_GCM_VAES_KEY_BYTES && prefers_vaes ())
    return new_vaes (key);
  return key_bytes == 16 || key_bytes == 32 ? new_library (key, key_bytes) : NULL;
}

void
air_gcm_free (AirGcm *gcm)
{
  if (gcm == NULL)
    return;
  OPENSSL_cleanse (gcm, gcm->bytes);
  g_aligned_free (gcm);
}

void
air_gcm_seal (const AirGcm *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
              const uint8_t *plain, size_t plain_bytes, uint8_t *out, uint8_t ret_tag[AIR_GCM_TAG_BYTES])
{
  gcm->seal (gcm, nonce, aad, aad_bytes, plain, plain_bytes, out, ret_tag);
}

bool
air_gcm_open (const AirGcm *gcm, const uint8_t nonce[AIR_GCM_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
              const uint8_t *cipher, size_t cipher_bytes, uint8_t *out, const uint8_t tag[AIR_GCM_TAG_BYTES])
{
  uint8_t made[AIR_GCM_TAG_BYTES];
  gcm->open (gcm, nonce, aad, aad_bytes, cipher, cipher_bytes, out, made);
  return CRYPTO_memcmp (made, tag, sizeof made) == 0;
}

/* Of a key of 256 bits, which no browser asks for, half where both kinds are in use. */
void
air_gcm_prefetch (const AirGcm *gcm)
{
  air_prefetch (gcm, prefers_vaes () ? sizeof (VaesGcm) : LIBRARY_BYTES);
}
