/* An opaque is hexadecimal text: 8 digits of time (s), 16 of chance, which are the salt too, and 24 of the seal. Opaque and
 * challenge are the same: most clients take the first into their digest when there are both, some the second. */
#include "adobe-auth.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#define TIME_DIGITS 8
#define SALT_DIGITS 16
#define HEAD_DIGITS (TIME_DIGITS + SALT_DIGITS)
#define SEAL_DIGITS 24
#define OPAQUE_DIGITS (HEAD_DIGITS + SEAL_DIGITS)
#define MD5_BYTES 16

struct _AdobeAuth
{
  uint8_t key[32];
  GHashTable *spent; /* (key utf8) opaque → time of its question (s) */
};

AdobeAuth *
adobe_auth_new (void)
{
  AdobeAuth *auth = g_new0 (AdobeAuth, 1);
  /* Without good chance anybody could ask the questions himself. */
  if (RAND_bytes (auth->key, sizeof auth->key) != 1)
    g_error ("the system has no random bytes");
  auth->spent = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return auth;
}

void
adobe_auth_free (AdobeAuth *auth)
{
  if (!auth)
    return;
  OPENSSL_cleanse (auth->key, sizeof auth->key);
  g_hash_table_unref (auth->spent);
  g_free (auth);
}

static uint32_t
to_seconds (int64_t now_us)
{
  return now_us / G_USEC_PER_SEC;
}

static char *
make_seal (AdobeAuth *auth, const char *head)
{
  char *seal = g_compute_hmac_for_data (G_CHECKSUM_SHA256, auth->key, sizeof auth->key, (const uint8_t *) head, HEAD_DIGITS);
  seal[SEAL_DIGITS] = '\0';
  return seal;
}

char *
adobe_auth_ask (AdobeAuth *auth, const char *user, int64_t now_us)
{
  uint32_t chance[2];
  if (!user || *user == '\0' || strlen (user) > ADOBE_MAX_USER_BYTES)
    return g_strdup (ADOBE_NO_SUCH_USER);
  if (RAND_bytes ((uint8_t *) chance, sizeof chance) != 1)
    return g_strdup (ADOBE_AUTH_FAILED);
  g_autofree char *head = g_strdup_printf ("%08x%08x%08x", to_seconds (now_us), chance[0], chance[1]);
  g_autofree char *seal = make_seal (auth, head);
  return g_strdup_printf ("[ AccessManager.Reject ] : [ authmod=adobe ] : "
                          "?reason=needauth&user=%s&salt=%s&challenge=%s%s&opaque=%s%s",
                          user, head + TIME_DIGITS, head, seal, head, seal);
}

static bool
read_time (const char *opaque, uint32_t *ret_seconds)
{
  if (!opaque || strlen (opaque) != OPAQUE_DIGITS || strspn (opaque, "0123456789abcdef") != OPAQUE_DIGITS)
    return false;
  char text[TIME_DIGITS + 1] = "";
  memcpy (text, opaque, TIME_DIGITS);
  *ret_seconds = g_ascii_strtoull (text, NULL, 16);
  return true;
}

bool
adobe_auth_is_open (AdobeAuth *auth, const char *opaque, int64_t now_us)
{
  uint32_t asked;
  if (!read_time (opaque, &asked))
    return false;
  g_autofree char *seal = make_seal (auth, opaque);
  return CRYPTO_memcmp (seal, opaque + HEAD_DIGITS, SEAL_DIGITS) == 0 && to_seconds (now_us) - asked <= ADOBE_LIFETIME_S
         && !g_hash_table_contains (auth->spent, opaque);
}

static gboolean
is_past (void *opaque, void *asked, void *now)
{
  return GPOINTER_TO_UINT (now) - GPOINTER_TO_UINT (asked) > ADOBE_LIFETIME_S;
}

bool
adobe_auth_spend (AdobeAuth *auth, const char *opaque, int64_t now_us)
{
  uint32_t asked;
  g_hash_table_foreach_remove (auth->spent, is_past, GUINT_TO_POINTER (to_seconds (now_us)));
  /* Age counts here too: what is too old has been forgotten, and would be good once more. */
  if (!adobe_auth_is_open (auth, opaque, now_us) || g_hash_table_size (auth->spent) >= ADOBE_MAX_SPENT
      || !read_time (opaque, &asked))
    return false;
  return g_hash_table_insert (auth->spent, g_strdup (opaque), GUINT_TO_POINTER (asked));
}

AdobeProof *
adobe_proof_new (const char *user, const char *raw_user, const char *challenge, const char *response, const char *opaque)
{
  if (!user || !raw_user || !challenge || !response || !opaque)
    return NULL;
  AdobeProof *proof = g_new0 (AdobeProof, 1);
  proof->user = g_strdup (user);
  proof->raw_user = g_strdup (raw_user);
  proof->challenge = g_strdup (challenge);
  proof->response = g_strdup (response);
  proof->opaque = g_strdup (opaque);
  return proof;
}

void
adobe_proof_free (AdobeProof *proof)
{
  if (!proof)
    return;
  g_free (proof->user);
  g_free (proof->raw_user);
  g_free (proof->challenge);
  g_free (proof->response);
  g_free (proof->opaque);
  g_free (proof);
}

/* base64 (md5 (the parts, one behind the other)) */
static char *
digest (const char *const parts[3])
{
  uint8_t bytes[MD5_BYTES];
  size_t length = sizeof bytes;
  g_autoptr (GChecksum) md5 = g_checksum_new (G_CHECKSUM_MD5);
  for (unsigned i = 0; i < 3; i++)
    g_checksum_update (md5, (const uint8_t *) parts[i], strlen (parts[i]));
  g_checksum_get_digest (md5, bytes, &length);
  return g_base64_encode (bytes, length);
}

static bool
fits_for (const AdobeProof *proof, const char *user, const char *secret)
{
  char salt[SALT_DIGITS + 1] = "";
  if (strlen (proof->opaque) != OPAQUE_DIGITS)
    return false;
  memcpy (salt, proof->opaque + TIME_DIGITS, SALT_DIGITS);
  g_autofree char *first = digest ((const char *const[]){ user, salt, secret });
  g_autofree char *expected = digest ((const char *const[]){ first, proof->opaque, proof->challenge });
  size_t length = strlen (expected);
  return strlen (proof->response) == length && CRYPTO_memcmp (expected, proof->response, length) == 0;
}

bool
adobe_proof_fits (AdobeProof *proof, const char *secret)
{
  /* Some clients digest the name as they wrote it into the query, others as the user typed it. */
  bool fits = fits_for (proof, proof->raw_user, secret) | fits_for (proof, proof->user, secret);
  proof->fits |= fits;
  return fits;
}
