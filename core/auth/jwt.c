/* Signed tokens: one wrapper around libjwt.
 *
 * libjwt 1.10 takes the algorithm from the token, accepts anything with a NULL key and never looks at a claim. So the
 * header is read here first and must name the key's own algorithm; libjwt only checks the signature; all claims are
 * checked here (RFC 8725 §3). Thread-safe: keys are immutable, nothing else is kept.
 */
#include "auth/jwt.h"

#include <airclass/json.h>
#include <airclass/error.h>
#include <airclass/http.h>
#include <jwt.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "auth/base64url.h"

struct _AirJwtKey
{
  jwt_alg_t algorithm;
  const char *algorithm_name;
  char *verify, *sign; /* a secret (both the same text) or PEM; sign may be NULL */
  char *id;
  size_t signature_bytes;
};

/* ---- Keys ---- */

/* The first eight bytes of a digest tell keys apart and give nothing away. */
static char *
short_id (const uint8_t digest[EVP_MAX_MD_SIZE])
{
  return air_base64url_encode (digest, 8);
}

AirJwtKey *
air_jwt_key_new_secret (const char *secret, GError **error)
{
  if (secret == NULL || strlen (secret) < AIR_JWT_MIN_SECRET_BYTES)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "the secret for HS256 must have at least %d bytes",
                   AIR_JWT_MIN_SECRET_BYTES);
      return NULL;
    }
  static const uint8_t label[] = "airclass key id";
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned digest_length = sizeof digest;
  HMAC (EVP_sha256 (), secret, (int)strlen (secret), label, sizeof label - 1, digest, &digest_length);

  AirJwtKey *key = g_new0 (AirJwtKey, 1);
  key->algorithm = JWT_ALG_HS256;
  key->algorithm_name = "HS256";
  key->verify = g_strdup (secret);
  key->sign = g_strdup (secret);
  key->id = short_id (digest);
  key->signature_bytes = 32;
  return key;
}

static EVP_PKEY *
read_pem (const char *pem, bool is_private)
{
  if (pem == NULL)
    return NULL;
  BIO *bio = BIO_new_mem_buf (pem, -1);
  /* The empty passphrase keeps OpenSSL from asking on the terminal. */
  EVP_PKEY *key = is_private ? PEM_read_bio_PrivateKey (bio, NULL, NULL, (void *)"")
                             : PEM_read_bio_PUBKEY (bio, NULL, NULL, NULL);
  BIO_free (bio);
  return key;
}

static bool
fits_algorithm (EVP_PKEY *pkey, const char *algorithm)
{
  if (g_str_equal (algorithm, "RS256"))
    return EVP_PKEY_get_base_id (pkey) == EVP_PKEY_RSA && EVP_PKEY_get_bits (pkey) >= AIR_JWT_MIN_RSA_BITS;
  char group[32] = "";
  return EVP_PKEY_get_base_id (pkey) == EVP_PKEY_EC && EVP_PKEY_get_group_name (pkey, group, sizeof group, NULL) == 1
         && g_str_equal (group, "prime256v1");
}

static char *
public_key_id (EVP_PKEY *pkey)
{
  uint8_t *der = NULL, digest[EVP_MAX_MD_SIZE];
  int length = i2d_PUBKEY (pkey, &der);
  EVP_Digest (der, (size_t)MAX (length, 0), digest, NULL, EVP_sha256 (), NULL);
  OPENSSL_free (der);
  return short_id (digest);
}

AirJwtKey *
air_jwt_key_new_pair (const char *algorithm, const char *public_pem, const char *private_pem, const char *key_id,
                      GError **error)
{
  bool rsa = g_str_equal (algorithm, "RS256");
  g_return_val_if_fail (rsa || g_str_equal (algorithm, "ES256"), NULL);
  EVP_PKEY *public_key = read_pem (public_pem, false), *private_key = read_pem (private_pem, true);
  const char *fault = NULL;
  if (public_key == NULL)
    fault = "the public key cannot be read: PEM (BEGIN PUBLIC KEY) is needed";
  else if (!fits_algorithm (public_key, algorithm))
    fault = rsa ? "RS256 needs an RSA key of at least 2048 bits" : "ES256 needs an EC key on the curve P-256";
  else if (private_pem != NULL && private_key == NULL)
    fault = "the private key cannot be read: PEM without a passphrase is needed";
  else if (private_key != NULL && EVP_PKEY_eq (public_key, private_key) != 1)
    fault = "the private key does not belong to the public key";

  AirJwtKey *key = NULL;
  if (fault != NULL)
    g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "%s", fault);
  else
    {
      key = g_new0 (AirJwtKey, 1);
      key->algorithm = rsa ? JWT_ALG_RS256 : JWT_ALG_ES256;
      key->algorithm_name = rsa ? "RS256" : "ES256";
      key->verify = g_strdup (public_pem);
      key->sign = g_strdup (private_pem);
      key->id = key_id != NULL && key_id[0] != '\0' ? g_strdup (key_id) : public_key_id (public_key);
      key->signature_bytes = rsa ? (size_t)EVP_PKEY_get_size (public_key) : 64;
    }
  EVP_PKEY_free (public_key);
  EVP_PKEY_free (private_key);
  return key;
}

static void
free_secret (char *text)
{
  if (text != NULL)
    OPENSSL_cleanse (text, strlen (text));
  g_free (text);
}

void
air_jwt_key_free (AirJwtKey *key)
{
  if (key == NULL)
    return;
  free_secret (key->verify);
  free_secret (key->sign);
  g_free (key->id);
  g_free (key);
}

const char *
air_jwt_key_get_id (const AirJwtKey *key)
{
  return key->id;
}

bool
air_jwt_key_can_sign (const AirJwtKey *key)
{
  return key->sign != NULL;
}

const char *
air_jwt_verdict_to_string (AirJwtVerdict verdict)
{
  static const char *const names[] = { "ok",      "malformed",     "wrong-algorithm", "unknown-key",   "bad-signature",
                                       "expired", "not-yet-valid", "wrong-issuer",    "wrong-audience" };
  return names[verdict];
}

/* ---- Checking ---- */

/* Where the parts of a compact serialization are (RFC 7515 §7.1). */
typedef struct
{
  const char *start[3];
  size_t length[3];
} Parts;

static bool
split (const char *token, Parts *parts)
{
  size_t total = strnlen (token, AIR_JWT_MAX_BYTES + 1);
  if (total > AIR_JWT_MAX_BYTES)
    return false;
  const char *at = token;
  for (unsigned i = 0; i < 3; i++)
    {
      const char *dot = strchr (at, '.');
      if ((dot == NULL) != (i == 2))
        return false;
      parts->start[i] = at;
      parts->length[i] = dot != NULL ? (size_t)(dot - at) : strlen (at);
      if (parts->length[i] == 0)
        return false;
      at += parts->length[i] + 1;
    }
  return true;
}

/* air_json_parse() is strict: no duplicate names, bounded depth, no NUL. */
static JsonObject *
decode_object (const Parts *parts, unsigned part)
{
  size_t length = 0;
  g_autofree uint8_t *bytes = air_base64url_decode (parts->start[part], parts->length[part], &length);
  if (bytes == NULL)
    return NULL;
  g_autoptr (JsonNode) node = air_json_parse ((const char *)bytes, (gssize)length, NULL);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return NULL;
  return json_node_dup_object (node);
}

static const char *
get_text (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

/* Headers that ask us to trust a key that came with the token, or to understand something we do not (RFC 8725 §3.10,
 * RFC 7515 §4.1.11). */
static bool
asks_too_much (JsonObject *header)
{
  static const char *const refused[] = { "crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc" };
  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++)
    if (json_object_has_member (header, refused[i]))
      return true;
  return false;
}

static AirJwtVerdict
check_header (const AirJwtKey *key, const Parts *parts)
{
  g_autoptr (JsonObject) header = decode_object (parts, 0);
  if (header == NULL || asks_too_much (header))
    return AIR_JWT_MALFORMED;
  if (g_strcmp0 (get_text (header, "alg"), key->algorithm_name) != 0)
    return AIR_JWT_WRONG_ALGORITHM;
  if (json_object_has_member (header, "typ"))
    {
      const char *type = get_text (header, "typ");
      if (type == NULL || (g_ascii_strcasecmp (type, "JWT") != 0 && g_ascii_strcasecmp (type, "at+jwt") != 0))
        return AIR_JWT_MALFORMED;
    }
  if (json_object_has_member (header, "kid") && g_strcmp0 (get_text (header, "kid"), key->id) != 0)
    return AIR_JWT_UNKNOWN_KEY;
  return AIR_JWT_OK;
}

static bool
check_signature (const AirJwtKey *key, const char *token, const Parts *parts)
{
  size_t length = 0;
  g_autofree uint8_t *signature = air_base64url_decode (parts->start[2], parts->length[2], &length);
  if (signature == NULL || length != key->signature_bytes)
    return false;
  jwt_t *decoded = NULL;
  bool good = jwt_decode (&decoded, token, (const unsigned char *)key->verify, (int)strlen (key->verify)) == 0
              && jwt_get_alg (decoded) == key->algorithm;
  jwt_free (decoded);
  return good;
}

/* NumericDate (RFC 7519 §2). Returns false when the member is there and is no time. */
static bool
get_time (JsonObject *claims, const char *name, bool *ret_there, int64_t *ret_s)
{
  JsonNode *node = json_object_get_member (claims, name);
  *ret_there = node != NULL;
  if (node == NULL)
    return true;
  GType type = json_node_get_value_type (node);
  if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
    return false;
  double seconds = json_node_get_double (node);
  if (!(seconds >= 0 && seconds < 9e15))
    return false;
  *ret_s = (int64_t)seconds;
  return true;
}

static AirJwtVerdict
check_times (JsonObject *claims, int64_t now_s)
{
  bool there;
  int64_t at_s;
  /* A token without an end is not taken. */
  if (!get_time (claims, "exp", &there, &at_s) || !there)
    return AIR_JWT_MALFORMED;
  if (now_s >= at_s + AIR_JWT_LEEWAY_S)
    return AIR_JWT_EXPIRED;
  static const char *const not_before[] = { "nbf", "iat" };
  for (size_t i = 0; i < G_N_ELEMENTS (not_before); i++)
    {
      if (!get_time (claims, not_before[i], &there, &at_s))
        return AIR_JWT_MALFORMED;
      if (there && at_s > now_s + AIR_JWT_LEEWAY_S)
        return AIR_JWT_NOT_YET_VALID;
    }
  return AIR_JWT_OK;
}

/* `aud` is one text or an array of texts (RFC 7519 §4.1.3). */
static bool
is_meant_for (JsonObject *claims, const char *audience)
{
  JsonNode *node = json_object_get_member (claims, "aud");
  if (node == NULL)
    return false;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    return g_strcmp0 (get_text (claims, "aud"), audience) == 0;
  JsonArray *list = json_node_get_array (node);
  for (unsigned i = 0; i < json_array_get_length (list); i++)
    {
      JsonNode *entry = json_array_get_element (list, i);
      if (json_node_get_value_type (entry) == G_TYPE_STRING && g_strcmp0 (json_node_get_string (entry), audience) == 0)
        return true;
    }
  return false;
}

AirJwtVerdict
air_jwt_verify (const AirJwtKey *key, const char *token, const AirJwtPolicy *policy, JsonObject **ret_claims)
{
  Parts parts;
  *ret_claims = NULL;
  if (token == NULL || !split (token, &parts))
    return AIR_JWT_MALFORMED;
  AirJwtVerdict verdict = check_header (key, &parts);
  if (verdict != AIR_JWT_OK)
    return verdict;
  g_autoptr (JsonObject) claims = decode_object (&parts, 1);
  if (claims == NULL)
    return AIR_JWT_MALFORMED;
  if (!check_signature (key, token, &parts))
    return AIR_JWT_BAD_SIGNATURE;
  verdict = check_times (claims, policy->now_s);
  if (verdict != AIR_JWT_OK)
    return verdict;
  if (g_strcmp0 (get_text (claims, "iss"), policy->issuer) != 0)
    return AIR_JWT_WRONG_ISSUER;
  if (!is_meant_for (claims, policy->audience))
    return AIR_JWT_WRONG_AUDIENCE;
  *ret_claims = g_steal_pointer (&claims);
  return AIR_JWT_OK;
}

/* ---- Making ---- */

char *
air_jwt_sign (const AirJwtKey *key, JsonObject *claims, GError **error)
{
  if (key->sign == NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED, "this server checks tokens and cannot make them");
      return NULL;
    }
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  json_node_set_object (node, claims);
  g_autofree char *text = air_json_to_string (node);

  jwt_t *jwt = NULL;
  char *encoded = NULL;
  if (jwt_new (&jwt) == 0
      && jwt_set_alg (jwt, key->algorithm, (const unsigned char *)key->sign, (int)strlen (key->sign)) == 0
      && jwt_add_header (jwt, "kid", key->id) == 0 && jwt_add_grants_json (jwt, text) == 0)
    encoded = jwt_encode_str (jwt);
  jwt_free (jwt);
  if (encoded == NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "signing a token failed");
      return NULL;
    }
  char *token = g_strdup (encoded);
  free (encoded);
  return token;
}

bool
air_jwt_looks_like_token (const char *text)
{
  Parts parts;
  return text != NULL && g_str_has_prefix (text, "ey") && split (text, &parts);
}
