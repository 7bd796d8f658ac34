/* AES-GCM against the examples of its authors and against OpenSSL: all lengths around blocks and turns, in place, nothing written
 * beyond the end, wrong tags refused. */
#include "gcm.h"

#include <openssl/evp.h>
#include <string.h>

#define MAX_BYTES 1500
#define MAX_AAD_BYTES 400
#define GUARD_BYTES 64

static uint8_t plain[MAX_BYTES + GUARD_BYTES], aad[MAX_AAD_BYTES];

static void
fill (uint8_t *bytes, size_t count)
{
  for (size_t i = 0; i < count; i++)
    bytes[i] = (uint8_t)g_test_rand_int ();
}

static void
seal_by_openssl (const uint8_t *key, size_t key_bytes, const uint8_t *nonce, size_t aad_bytes, size_t bytes, uint8_t *out,
                 uint8_t *tag)
{
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new ();
  int written = 0;
  g_assert_cmpint (EVP_EncryptInit_ex (context, key_bytes == 16 ? EVP_aes_128_gcm () : EVP_aes_256_gcm (), NULL, key, nonce), ==, 1);
  if (aad_bytes > 0)
    g_assert_cmpint (EVP_EncryptUpdate (context, NULL, &written, aad, (int)aad_bytes), ==, 1);
  if (bytes > 0)
    g_assert_cmpint (EVP_EncryptUpdate (context, out, &written, plain, (int)bytes), ==, 1);
  g_assert_cmpint (EVP_EncryptFinal_ex (context, out + bytes, &written), ==, 1);
  g_assert_cmpint (EVP_CIPHER_CTX_ctrl (context, EVP_CTRL_GCM_GET_TAG, AIR_GCM_TAG_BYTES, tag), ==, 1);
  EVP_CIPHER_CTX_free (context);
}

static void
check (size_t key_bytes, size_t aad_bytes, size_t bytes)
{
  uint8_t key[32], nonce[AIR_GCM_NONCE_BYTES], expected[MAX_BYTES], expected_tag[AIR_GCM_TAG_BYTES];
  uint8_t out[MAX_BYTES + GUARD_BYTES], tag[AIR_GCM_TAG_BYTES];
  fill (key, sizeof key);
  fill (nonce, sizeof nonce);
  seal_by_openssl (key, key_bytes, nonce, aad_bytes, bytes, expected, expected_tag);
  AirGcm *gcm = air_gcm_new (key, key_bytes);
  memset (out, 0xa5, sizeof out);
  air_gcm_seal (gcm, nonce, aad, aad_bytes, plain, bytes, out, tag);
  g_assert_cmpmem (out, bytes, expected, bytes);
  g_assert_cmpmem (tag, sizeof tag, expected_tag, sizeof expected_tag);
  for (size_t i = bytes; i < sizeof out; i++)
    g_assert_cmpint (out[i], ==, 0xa5);

  /* Both in place, at any address. */
  uint8_t *place = out + g_test_rand_int_range (0, 16);
  memcpy (place, plain, bytes);
  air_gcm_seal (gcm, nonce, aad, aad_bytes, place, bytes, place, tag);
  g_assert_cmpmem (place, bytes, expected, bytes);
  g_assert_cmpmem (tag, sizeof tag, expected_tag, sizeof expected_tag);
  g_assert_true (air_gcm_open (gcm, nonce, aad, aad_bytes, place, bytes, place, tag));
  g_assert_cmpmem (place, bytes, plain, bytes);
  for (size_t i = bytes + 16; i < sizeof out; i++)
    g_assert_cmpint (out[i], ==, 0xa5);

  /* One bit of anything. */
  uint8_t wrong = (uint8_t)(1u << g_test_rand_int_range (0, 8));
  tag[g_test_rand_int_range (0, AIR_GCM_TAG_BYTES)] ^= wrong;
  g_assert_false (air_gcm_open (gcm, nonce, aad, aad_bytes, expected, bytes, out, tag));
  if (bytes > 0)
    {
      expected[g_test_rand_int_range (0, (int)bytes)] ^= wrong;
      g_assert_false (air_gcm_open (gcm, nonce, aad, aad_bytes, expected, bytes, out, expected_tag));
    }
  air_gcm_free (gcm);
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
  fill (plain, sizeof plain);
  fill (aad, sizeof aad);
  for (size_t bytes = 0; bytes <= 530; bytes++)
    check (key_bytes, bytes % 61, bytes);
  for (size_t aad_bytes = 0; aad_bytes <= MAX_AAD_BYTES; aad_bytes++)
    check (key_bytes, aad_bytes, 100 + aad_bytes % 33);
  for (unsigned i = 0; i < 2000; i++)
    check (key_bytes, (size_t)g_test_rand_int_range (0, 40), (size_t)g_test_rand_int_range (0, MAX_BYTES + 1));
}

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
  g_test_add_data_func ("/gcm/lengths/128", GSIZE_TO_POINTER (16), test_lengths);
  g_test_add_data_func ("/gcm/lengths/256", GSIZE_TO_POINTER (32), test_lengths);
  return g_test_run ();
}
