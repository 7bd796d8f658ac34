/* One key a path. Immutable once made, replaced as a whole on reload; thread-safe. */
#include "auth/stream-keys.h"

#include <airclass/auth.h>
#include <airclass/error.h>
#include <airclass/stream.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <sys/stat.h>

#include "auth/base64url.h"
#include "ops/log.h"

#define MAX_FILE_BYTES (1024 * 1024)
#define MIN_KEY_BYTES 8

struct _AirStreamKeys
{
  GHashTable *stored; /* (key utf8 path) (value utf8) */
  char *seed;
};

bool
air_secret_equal (const char *given, const char *expected)
{
  if (given == NULL || expected == NULL || expected[0] == '\0')
    return false;
  /* Digests have one length, so that the length of the secret does not show either. */
  uint8_t a[EVP_MAX_MD_SIZE], b[EVP_MAX_MD_SIZE];
  EVP_Digest (given, strlen (given), a, NULL, EVP_sha256 (), NULL);
  EVP_Digest (expected, strlen (expected), b, NULL, EVP_sha256 (), NULL);
  return CRYPTO_memcmp (a, b, 32) == 0;
}

static bool
read_line (AirStreamKeys *keys, const char *text, unsigned number, GError **error)
{
  g_auto (GStrv) sides = g_strsplit (text, "=", 2);
  const char *fault = NULL;
  if (g_strv_length (sides) != 2)
    fault = "it is not \"path = key\"";
  else if (!air_stream_path_is_valid (g_strstrip (sides[0])))
    fault = "the path is malformed";
  else if (strlen (g_strstrip (sides[1])) < MIN_KEY_BYTES)
    fault = "the key has fewer than 8 characters";
  if (fault != NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "line %u of the stream keys: %s", number, fault);
      return false;
    }
  air_log_add_secret (sides[1]);
  g_hash_table_replace (keys->stored, g_strdup (sides[0]), g_strdup (sides[1]));
  return true;
}

static bool
read_file (AirStreamKeys *keys, const char *path, GError **error)
{
  struct stat status;
  if (stat (path, &status) != 0)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "cannot read \"%s\": %s", path, g_strerror (errno));
      return false;
    }
  if (!S_ISREG (status.st_mode) || status.st_size > MAX_FILE_BYTES || (status.st_mode & S_IRWXO) != 0)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID,
                   "\"%s\" must be a plain file of at most 1 MiB that not everybody may read (mode 0600 or 0640)",
                   path);
      return false;
    }
  g_autofree char *content = NULL;
  if (!g_file_get_contents (path, &content, NULL, error))
    return false;
  g_auto (GStrv) lines = g_strsplit (content, "\n", -1);
  for (unsigned i = 0; lines[i] != NULL; i++)
    {
      g_strstrip (lines[i]);
      if (lines[i][0] != '\0' && lines[i][0] != '#' && !read_line (keys, lines[i], i + 1, error))
        return false;
    }
  return true;
}

AirStreamKeys *
air_stream_keys_new (const char *default_path, const char *default_key, const char *seed, const char *file,
                     GError **error)
{
  g_autoptr (AirStreamKeys) keys = g_new0 (AirStreamKeys, 1);
  keys->stored = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  keys->seed = g_strdup (seed);
  g_hash_table_insert (keys->stored, g_strdup (default_path), g_strdup (default_key));
  if (file != NULL && !read_file (keys, file, error))
    return NULL;
  return g_steal_pointer (&keys);
}

void
air_stream_keys_free (AirStreamKeys *keys)
{
  if (keys == NULL)
    return;
  g_hash_table_unref (keys->stored);
  g_free (keys->seed);
  g_free (keys);
}

char *
air_stream_keys_get (const AirStreamKeys *keys, const char *path, int64_t since_us)
{
  const char *stored = g_hash_table_lookup (keys->stored, path);
  if (stored != NULL)
    return g_strdup (stored);
  /* The seed has its own file: whoever holds one stream's key, or the tokens' secret, cannot derive another's. */
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned length = sizeof digest;
  g_autofree char *text = since_us == 0 ? g_strdup (path) : g_strdup_printf ("%s %" G_GINT64_FORMAT, path, since_us); /* a path has no space */
  HMAC (EVP_sha256 (), keys->seed, (int)strlen (keys->seed), (const uint8_t *)text, strlen (text), digest, &length);
  return air_base64url_encode (digest, 18);
}
