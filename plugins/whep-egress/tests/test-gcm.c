/* AES-GCM against the examples of its authors and against OpenSSL: all lengths around blocks and turns, long ones, in place, nothing
 * read or written beyond an end (under a sanitizer), whatever is wrong refused. */
#include "gcm.h"

#include <openssl/evp.h>
#include <string.h>

#include "gcm-vaes.h"

#define MAX_AAD_BYTES 400
#define GUARD_BYTES 64

/* In blocks of memory of their very sizes. */
typedef struct
{
  uint8_t *key, *nonce, *aad, *plain;
  size_t key_bytes, aad_bytes, bytes;
} Input;

static uint8_t *
make_noise (size_t bytes)
{
  uint8_t *noise = g_malloc (MAX (bytes, 1));
  for (size_t i = 0; i < bytes; i++)
    noise[i] = (uint8_t)g_test_rand_int ();
  return noise;
}

static void
seal_by_openssl (const Input *input, uint8_t *out, uint8_t *tag)
{
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new ();
  const EVP_CIPHER *cipher = input->key_bytes == 16 ? EVP_aes_128_gcm () : EVP_aes_256_gcm ();
  int written = 0;
  g_assert_cmpint (EVP_EncryptInit_ex (context, cipher, NULL, input->key, input->nonce), ==, 1);
  if (input->aad_bytes > 0)
    g_assert_cmpint (EVP_EncryptUpdate (context, NULL, &written, input->aad, (int)input->aad_bytes), ==, 1);
  if (input->bytes > 0)
    g_assert_cmpint (EVP_EncryptUpdate (context, out, &written, input->plain, (int)input->bytes), ==, 1);
  g_assert_cmpint (EVP_EncryptFinal_ex (context, out + input->bytes, &written), ==, 1);
  g_assert_cmpint (EVP_CIPHER_CTX_ctrl (context, EVP_CTRL_GCM_GET_TAG, AIR_GCM_TAG_BYTES, tag), ==, 1);
  EVP_CIPHER_CTX_free (context);
}

static void
flip (uint8_t *bytes, size_t count)
{
  bytes[g_test_rand_int_range (0, (int)count)] ^= (uint8_t)(1u << g_test_rand_int_range (0, 8));
}

/* One bit of anything. */
static void
check_damage (const AirGcm *gcm, const Input *input, const uint8_t *cipher, const uint8_t *tag)
{
  struct
  {
    const uint8_t *bytes;
    size_t count;
  } parts[] = { { input->nonce, AIR_GCM_NONCE_BYTES }, { input->aad, input->aad_bytes }, { cipher, input->bytes }, { tag, AIR_GCM_TAG_BYTES } };
  for (unsigned damaged = 0; damaged < G_N_ELEMENTS (parts); damaged++)
    {
      uint8_t *copies[G_N_ELEMENTS (parts)];
      g_autofree uint8_t *out = g_malloc (MAX (input->bytes, 1));
      if (parts[damaged].count == 0)
        continue;
      for (unsigned i = 0; i < G_N_ELEMENTS (parts); i++)
        copies[i] = g_memdup2 (parts[i].bytes, parts[i].count);
      flip (copies[damaged], parts[damaged].count);
      g_assert_false (air_gcm_open (gcm, copies[0], copies[1], input->aad_bytes, copies[2], input->bytes, out, copies[3]));
      for (unsigned i = 0; i < G_N_ELEMENTS (parts); i++)
        g_free (copies[i]);
    }
}

static void
check (size_t key_bytes, size_t aad_bytes, size_t bytes)
{
  Input input = { make_noise (key_bytes), make_noise (AIR_GCM_NONCE_BYTES), make_noise (aad_bytes), make_noise (bytes),
                  key_bytes, aad_bytes, bytes };
  g_autofree uint8_t *expected = g_malloc (bytes + GUARD_BYTES), *out = g_malloc (bytes + GUARD_BYTES), *place = g_malloc (MAX (bytes, 1));
  uint8_t expected_tag[AIR_GCM_TAG_BYTES], tag[AIR_GCM_TAG_BYTES];
  seal_by_openssl (&input, expected, expected_tag);
  AirGcm *gcm = air_gcm_new (input.key, key_bytes);
  memset (out, 0xa5, bytes + GUARD_BYTES);
  air_gcm_seal (gcm, input.nonce, input.aad, aad_bytes, input.plain, bytes, out, tag);
  g_assert_cmpmem (out, bytes, expected, bytes);
  g_assert_cmpmem (tag, sizeof tag, expected_tag, sizeof expected_tag);
  for (size_t i = bytes; i < bytes + GUARD_BYTES; i++)
    g_assert_cmpint (out[i], ==, 0xa5);

  memcpy (place, input.plain, bytes);
  air_gcm_seal (gcm, input.nonce, input.aad, aad_bytes, place, bytes, place, tag);
  g_assert_cmpmem (place, bytes, expected, bytes);
  g_assert_cmpmem (tag, sizeof tag, expected_tag, sizeof expected_tag);
  g_assert_true (air_gcm_open (gcm, input.nonce, input.aad, aad_bytes, place, bytes, place, tag));
  g_assert_cmpmem (place, bytes, input.plain, bytes);
  check_damage (gcm, &input, expected, expected_tag);
  air_gcm_free (gcm);
  g_free (input.key);
  g_free (input.nonce);
  g_free (input.aad);
  g_free (input.plain);
}

static void
test_lengths (gconstpointer data)
{
  size_t key_bytes = GPOINTER_TO_SIZE (data);
  uint8_t key[32] = { 0 };
  AirGcm *gcm = air_gcm_new (key, key_bytes);
  if (gcm == NULL)
    {
      g_test_skip ("this processor goes through OpenSSL");
      return;
    }
  air_gcm_free (gcm);
  for (size_t bytes = 0; bytes <= 530; bytes++)
    check (key_bytes, bytes % 61, bytes);
  for (size_t aad_bytes = 0; aad_bytes <= MAX_AAD_BYTES; aad_bytes++)
    check (key_bytes, aad_bytes, 100 + aad_bytes % 33);
  for (size_t aad_bytes = 0; aad_bytes <= MAX_AAD_BYTES; aad_bytes += 7)
    check (key_bytes, aad_bytes, 0);
  for (unsigned i = 0; i < 1000; i++)
    check (key_bytes, (size_t)g_test_rand_int_range (0, 40), (size_t)g_test_rand_int_range (0, 1500));
  /* The count of blocks passes 8 and 16 bits. */
  for (size_t bytes = 4000; bytes < 4200; bytes += 3)
    check (key_bytes, 12, bytes);
  check (key_bytes, 12, 70000 * 16 + 5);
}

#ifndef AIR_WITHOUT_VAES
/* That it is in use where it can be: the tests above pass with whatever is. */
static void
test_vaes (void)
{
  g_autofree char *processor = NULL;
  bool has = g_file_get_contents ("/proc/cpuinfo", &processor, NULL, NULL) && strstr (processor, " vaes ")
             && strstr (processor, " vpclmulqdq ") && strstr (processor, " avx2 ");
  g_assert_cmpint (air_gcm_vaes_is_supported (), ==, has);
  if (!has)
    return;
  for (size_t bytes = 0; bytes <= 530; bytes++)
    {
      Input input = { make_noise (16), make_noise (AIR_GCM_NONCE_BYTES), make_noise (bytes % 61), make_noise (bytes), 16, bytes % 61, bytes };
      g_autofree uint8_t *expected = g_malloc (bytes + GUARD_BYTES), *out = g_malloc (MAX (bytes, 1));
      uint8_t expected_tag[AIR_GCM_TAG_BYTES], tag[AIR_GCM_TAG_BYTES];
      AirGcmVaes gcm;
      seal_by_openssl (&input, expected, expected_tag);
      air_gcm_vaes_init (&gcm, input.key);
      air_gcm_vaes_seal (&gcm, input.nonce, input.aad, input.aad_bytes, input.plain, bytes, out, tag);
      g_assert_cmpmem (out, bytes, expected, bytes);
      g_assert_cmpmem (tag, sizeof tag, expected_tag, sizeof expected_tag);
      air_gcm_vaes_open (&gcm, input.nonce, input.aad, input.aad_bytes, out, bytes, out, tag);
      g_assert_cmpmem (out, bytes, input.plain, bytes);
      g_assert_cmpmem (tag, sizeof tag, expected_tag, sizeof expected_tag);
      g_free (input.key);
      g_free (input.nonce);
      g_free (input.aad);
      g_free (input.plain);
    }
}
#endif

/* D. McGrew and J. Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 1 to 4 (key of 128, nonce of 96 bits). */
static void
test_examples (void)
{
  static const struct
  {
    const char *key, *nonce, *aad, *plain, *cipher, *tag;
  } examples[] = {
    { "00000000000000000000000000000000", "000000000000000000000000", "", "", "", "58e2fccefa7e3061367f1d57a4e7455a" },
    { "00000000000000000000000000000000", "000000000000000000000000", "", "00000000000000000000000000000000",
      "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf" },
    { "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
      "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
      "4d5c2af327cd64a62cf35abd2ba6fab4" },
    { "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
      "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
      "5bc94fbc3221a5db94fae95ae7121a47" },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (examples); i++)
    {
      uint8_t bytes[6][64];
      size_t counts[6];
      const char *const texts[] = { examples[i].key,   examples[i].nonce,  examples[i].aad,
                                    examples[i].plain, examples[i].cipher, examples[i].tag };
      for (unsigned part = 0; part < G_N_ELEMENTS (texts); part++)
        {
          counts[part] = strlen (texts[part]) / 2;
          for (size_t at = 0; at < counts[part]; at++)
            bytes[part][at] = (uint8_t)(g_ascii_xdigit_value (texts[part][at * 2]) << 4 | g_ascii_xdigit_value (texts[part][at * 2 + 1]));
        }
      AirGcm *gcm = air_gcm_new (bytes[0], counts[0]);
      if (gcm == NULL)
        {
          g_test_skip ("this processor goes through OpenSSL");
          return;
        }
      uint8_t out[64], tag[AIR_GCM_TAG_BYTES];
      air_gcm_seal (gcm, bytes[1], bytes[2], counts[2], bytes[3], counts[3], out, tag);
      g_assert_cmpmem (out, counts[3], bytes[4], counts[4]);
      g_assert_cmpmem (tag, sizeof tag, bytes[5], counts[5]);
      air_gcm_free (gcm);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gcm/examples", test_examples);
#ifndef AIR_WITHOUT_VAES
  g_test_add_func ("/gcm/vaes", test_vaes);
#endif
  g_test_add_data_func ("/gcm/lengths/128", GSIZE_TO_POINTER (16), test_lengths);
  g_test_add_data_func ("/gcm/lengths/256", GSIZE_TO_POINTER (32), test_lengths);
  return g_test_run ();
}
