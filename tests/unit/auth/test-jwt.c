/* Tokens under attack: RFC 8725, one test a section, and what libjwt alone would let through. */
#include "auth/jwt.h"

#include <airclass/error.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "auth/base64url.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW_S 1800000000
#define GOOD_CLAIMS "{\"iss\":\"airclass\",\"aud\":\"airclass\",\"sub\":\"kim\",\"exp\":1800003600}"

static const AirJwtPolicy policy = { "airclass", "airclass", NOW_S };

/* ---- Keys and hand-made tokens ---- */

typedef struct
{
  char *public_pem, *private_pem;
} Pair;

static char *
take_pem (BIO *bio)
{
  char *data = NULL;
  long length = BIO_get_mem_data (bio, &data);
  char *text = g_strndup (data, (size_t)length);
  BIO_free (bio);
  return text;
}

static Pair
make_pair (EVP_PKEY *key)
{
  g_assert_nonnull (key);
  BIO *public_bio = BIO_new (BIO_s_mem ()), *private_bio = BIO_new (BIO_s_mem ());
  g_assert_cmpint (PEM_write_bio_PUBKEY (public_bio, key), ==, 1);
  g_assert_cmpint (PEM_write_bio_PrivateKey (private_bio, key, NULL, NULL, 0, NULL, NULL), ==, 1);
  EVP_PKEY_free (key);
  return (Pair){ take_pem (public_bio), take_pem (private_bio) };
}

static const Pair *
rsa_pair (void)
{
  static Pair pair;
  if (pair.public_pem == NULL)
    pair = make_pair (EVP_RSA_gen (2048));
  return &pair;
}

static const Pair *
ec_pair (void)
{
  static Pair pair;
  if (pair.public_pem == NULL)
    pair = make_pair (EVP_EC_gen ("P-256"));
  return &pair;
}

static AirJwtKey *
secret_key (void)
{
  GError *error = NULL;
  AirJwtKey *key = air_jwt_key_new_secret (SECRET, &error);
  g_assert_no_error (error);
  return key;
}

static AirJwtKey *
pair_key (const char *algorithm, const Pair *pair)
{
  GError *error = NULL;
  AirJwtKey *key = air_jwt_key_new_pair (algorithm, pair->public_pem, pair->private_pem, NULL, &error);
  g_assert_no_error (error);
  return key;
}

/* HEADER.CLAIMS, both as base64url. */
static char *
encode_parts (const char *header, const char *claims)
{
  g_autofree char *first = air_base64url_encode ((const uint8_t *)header, strlen (header));
  g_autofree char *second = air_base64url_encode ((const uint8_t *)claims, strlen (claims));
  return g_strdup_printf ("%s.%s", first, second);
}

/* A token with any header, signed as HS256 with @secret. */
static char *
forge (const char *header, const char *claims, const char *secret)
{
  g_autofree char *parts = encode_parts (header, claims);
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned length = sizeof digest;
  HMAC (EVP_sha256 (), secret, (int)strlen (secret), (const uint8_t *)parts, strlen (parts), digest, &length);
  g_autofree char *signature = air_base64url_encode (digest, length);
  return g_strdup_printf ("%s.%s", parts, signature);
}

static AirJwtVerdict
judge (const AirJwtKey *key, const char *token)
{
  g_autoptr (JsonObject) claims = NULL;
  AirJwtVerdict verdict = air_jwt_verify (key, token, &policy, &claims);
  g_assert_true ((verdict == AIR_JWT_OK) == (claims != NULL));
  return verdict;
}

static void
assert_verdict (const char *header, const char *claims, AirJwtVerdict expected)
{
  g_autoptr (AirJwtKey) key = secret_key ();
  g_autofree char *token = forge (header, claims, SECRET);
  g_assert_cmpstr (air_jwt_verdict_to_string (judge (key, token)), ==, air_jwt_verdict_to_string (expected));
}

#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

/* ---- Tests ---- */

static void
test_forged_is_good (void)
{
  /* The tests below prove something only if the forger can make a good one. */
  assert_verdict (HS256, GOOD_CLAIMS, AIR_JWT_OK);
}

static void
round_trip (AirJwtKey *key)
{
  g_autoptr (JsonNode) node = json_from_string (GOOD_CLAIMS, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *token = air_jwt_sign (key, json_node_get_object (node), &error);
  g_assert_no_error (error);
  g_assert_true (air_jwt_looks_like_token (token));
  g_autoptr (JsonObject) claims = NULL;
  g_assert_cmpint (air_jwt_verify (key, token, &policy, &claims), ==, AIR_JWT_OK);
  g_assert_cmpstr (json_object_get_string_member (claims, "sub"), ==, "kim");
  air_jwt_key_free (key);
}

static void
test_round_trips (void)
{
  round_trip (secret_key ());
  round_trip (pair_key ("RS256", rsa_pair ()));
  round_trip (pair_key ("ES256", ec_pair ()));
}

/* RFC 8725 §2.1, §3.2 */
static void
test_none (void)
{
  static const char *const headers[]
      = { "{\"alg\":\"none\"}", "{\"alg\":\"None\"}",    "{\"alg\":\"nOnE\"}",  "{\"alg\":\"\"}",     "{}",
          "{\"alg\":null}",     "{\"alg\":[\"HS256\"]}", "{\"alg\":\"hs256\"}", "{\"alg\":\"HS512\"}" };
  AirJwtKey *const keys[] = { secret_key (), pair_key ("RS256", rsa_pair ()), pair_key ("ES256", ec_pair ()) };
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      for (size_t j = 0; j < G_N_ELEMENTS (headers); j++)
        {
          g_autofree char *parts = encode_parts (headers[j], GOOD_CLAIMS);
          g_autofree char *empty = g_strconcat (parts, ".", NULL);
          g_autofree char *dotted = g_strconcat (parts, ".AAAA", NULL);
          g_autofree char *signed_one = forge (headers[j], GOOD_CLAIMS, SECRET);
          g_assert_cmpint (judge (keys[i], parts), ==, AIR_JWT_MALFORMED);
          g_assert_cmpint (judge (keys[i], empty), ==, AIR_JWT_MALFORMED);
          g_assert_cmpint (judge (keys[i], dotted), ==, AIR_JWT_WRONG_ALGORITHM);
          g_assert_cmpint (judge (keys[i], signed_one), ==, AIR_JWT_WRONG_ALGORITHM);
        }
      air_jwt_key_free (keys[i]);
    }
}

/* RFC 8725 §2.1: the public key, which everybody has, used as an HMAC secret. */
static void
test_algorithm_confusion (void)
{
  const struct
  {
    const char *algorithm;
    const Pair *pair;
  } cases[] = { { "RS256", rsa_pair () }, { "ES256", ec_pair () } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (AirJwtKey) key = pair_key (cases[i].algorithm, cases[i].pair);
      g_autofree char *confused = forge (HS256, GOOD_CLAIMS, cases[i].pair->public_pem);
      g_assert_cmpint (judge (key, confused), ==, AIR_JWT_WRONG_ALGORITHM);
      g_autofree char *header = g_strdup_printf ("{\"alg\":\"%s\"}", cases[i].algorithm);
      g_autofree char *named = forge (header, GOOD_CLAIMS, cases[i].pair->public_pem);
      g_assert_cmpint (judge (key, named), ==, AIR_JWT_BAD_SIGNATURE);
    }
  /* And the other way round. */
  g_autoptr (AirJwtKey) rsa = pair_key ("RS256", rsa_pair ());
  g_autoptr (AirJwtKey) secret = secret_key ();
  g_autoptr (JsonNode) node = json_from_string (GOOD_CLAIMS, NULL);
  g_autofree char *token = air_jwt_sign (rsa, json_node_get_object (node), NULL);
  g_assert_cmpint (judge (secret, token), ==, AIR_JWT_WRONG_ALGORITHM);
}

/* CVE-2022-21449: r = s = 0 must not pass for a signature. */
static void
test_zero_signature (void)
{
  g_autoptr (AirJwtKey) key = pair_key ("ES256", ec_pair ());
  g_autofree char *parts = encode_parts ("{\"alg\":\"ES256\"}", GOOD_CLAIMS);
  uint8_t zeros[64] = { 0 };
  g_autofree char *signature = air_base64url_encode (zeros, sizeof zeros);
  g_autofree char *token = g_strdup_printf ("%s.%s", parts, signature);
  g_assert_cmpint (judge (key, token), ==, AIR_JWT_BAD_SIGNATURE);
}

static void
test_tampered (void)
{
  g_autoptr (AirJwtKey) key = secret_key ();
  g_autofree char *good = forge (HS256, GOOD_CLAIMS, SECRET);
  g_autofree char *other_claims = encode_parts (HS256, "{\"iss\":\"airclass\",\"aud\":\"airclass\",\"sub\":\"eve\","
                                                       "\"exp\":1800003600}");
  g_autofree char *swapped = g_strconcat (other_claims, strrchr (good, '.'), NULL);
  g_assert_cmpint (judge (key, swapped), ==, AIR_JWT_BAD_SIGNATURE);
  g_autofree char *wrong_secret = forge (HS256, GOOD_CLAIMS, "another secret of at least 32 bytes");
  g_assert_cmpint (judge (key, wrong_secret), ==, AIR_JWT_BAD_SIGNATURE);
  g_autofree char *empty_secret = forge (HS256, GOOD_CLAIMS, "");
  g_assert_cmpint (judge (key, empty_secret), ==, AIR_JWT_BAD_SIGNATURE);
}

/* One token has one spelling (RFC 7515 §2, RFC 4648 §3.5). */
static void
test_garbage (void)
{
  g_autoptr (AirJwtKey) key = secret_key ();
  g_autofree char *good = forge (HS256, GOOD_CLAIMS, SECRET);
  static const char *const tails[] = { "=", ".", ".AAAA", " ", "\n", "A", "AAAA", "%00", "&x=1", "\xff" };
  for (size_t i = 0; i < G_N_ELEMENTS (tails); i++)
    {
      g_autofree char *longer = g_strconcat (good, tails[i], NULL);
      g_autofree char *before = g_strconcat (tails[i], good, NULL);
      g_assert_cmpint (judge (key, longer), !=, AIR_JWT_OK);
      g_assert_cmpint (judge (key, before), !=, AIR_JWT_OK);
    }
  /* 32 bytes leave two bits of the last character unused: the same signature spelled with them set. */
  g_autofree char *respelled = g_strdup (good);
  char *last = respelled + strlen (respelled) - 1;
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  *last = alphabet[(strchr (alphabet, *last) - alphabet) + 1];
  g_assert_cmpint (judge (key, respelled), ==, AIR_JWT_BAD_SIGNATURE);
  static const char *const nonsense[] = { "", ".", "..", "...", "a.b.c", "ey.ey.ey", "eyJ", "\xff\xfe", "a b.c d.e f" };
  for (size_t i = 0; i < G_N_ELEMENTS (nonsense); i++)
    g_assert_cmpint (judge (key, nonsense[i]), ==, AIR_JWT_MALFORMED);
  g_assert_cmpint (judge (key, NULL), ==, AIR_JWT_MALFORMED);
}

static void
test_oversize (void)
{
  g_autofree char *filler = g_strnfill (AIR_JWT_MAX_BYTES, 'x');
  g_autofree char *claims
      = g_strdup_printf ("{\"iss\":\"airclass\",\"aud\":\"airclass\",\"exp\":1800003600,\"x\":\"%s\"}", filler);
  assert_verdict (HS256, claims, AIR_JWT_MALFORMED);
}

/* RFC 7519 §4, RFC 8725 §2.6 */
static void
test_duplicate_names (void)
{
  assert_verdict (
      HS256, "{\"iss\":\"airclass\",\"aud\":\"airclass\",\"role\":\"student\",\"exp\":1800003600,\"role\":\"admin\"}",
      AIR_JWT_MALFORMED);
  assert_verdict ("{\"alg\":\"none\",\"alg\":\"HS256\"}", GOOD_CLAIMS, AIR_JWT_MALFORMED);
  assert_verdict ("{\"alg\":\"HS256\",\"alg\":\"none\"}", GOOD_CLAIMS, AIR_JWT_MALFORMED);
  assert_verdict ("{\"alg\":\"HS256\",\"\\u0061lg\":\"none\"}", GOOD_CLAIMS, AIR_JWT_MALFORMED);
}

/* RFC 8725 §3.10, §3.11; RFC 7515 §4.1.11 */
static void
test_headers (void)
{
  static const char *const malformed[] = { "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
                                           "{\"alg\":\"HS256\",\"jku\":\"http://127.0.0.1/keys\"}",
                                           "{\"alg\":\"HS256\",\"jwk\":{}}",
                                           "{\"alg\":\"HS256\",\"x5u\":\"http://127.0.0.1/cert\"}",
                                           "{\"alg\":\"HS256\",\"x5c\":[]}",
                                           "{\"alg\":\"HS256\",\"b64\":false}",
                                           "{\"alg\":\"HS256\",\"typ\":\"secevent+jwt\"}",
                                           "{\"alg\":\"HS256\",\"typ\":1}",
                                           "[\"HS256\"]",
                                           "\"HS256\"",
                                           "{\"alg\":\"HS256\"} x",
                                           "{'alg':'HS256'}" };
  for (size_t i = 0; i < G_N_ELEMENTS (malformed); i++)
    assert_verdict (malformed[i], GOOD_CLAIMS, AIR_JWT_MALFORMED);
}

static void
test_key_id (void)
{
  assert_verdict ("{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}", GOOD_CLAIMS, AIR_JWT_UNKNOWN_KEY);
  assert_verdict ("{\"alg\":\"HS256\",\"kid\":7}", GOOD_CLAIMS, AIR_JWT_UNKNOWN_KEY);
  assert_verdict ("{\"alg\":\"HS256\",\"kid\":\"\"}", GOOD_CLAIMS, AIR_JWT_UNKNOWN_KEY);
  g_autoptr (AirJwtKey) key = secret_key ();
  g_autofree char *header = g_strdup_printf ("{\"alg\":\"HS256\",\"kid\":\"%s\"}", air_jwt_key_get_id (key));
  assert_verdict (header, GOOD_CLAIMS, AIR_JWT_OK);
}

static void
assert_claims (const char *claims, AirJwtVerdict expected)
{
  assert_verdict (HS256, claims, expected);
}

#define WHO "\"iss\":\"airclass\",\"aud\":\"airclass\""

static void
test_times (void)
{
  assert_claims ("{" WHO "}", AIR_JWT_MALFORMED);
  assert_claims ("{" WHO ",\"exp\":\"1800003600\"}", AIR_JWT_MALFORMED);
  assert_claims ("{" WHO ",\"exp\":null}", AIR_JWT_MALFORMED);
  assert_claims ("{" WHO ",\"exp\":-1}", AIR_JWT_MALFORMED);
  assert_claims ("{" WHO ",\"exp\":1e300}", AIR_JWT_MALFORMED);
  assert_claims ("{" WHO ",\"exp\":1799999940}", AIR_JWT_EXPIRED);
  assert_claims ("{" WHO ",\"exp\":1799999941}", AIR_JWT_OK); /* 60 s of leeway */
  assert_claims ("{" WHO ",\"exp\":1800000000.5}", AIR_JWT_OK);
  assert_claims ("{" WHO ",\"exp\":1800003600,\"nbf\":1800000061}", AIR_JWT_NOT_YET_VALID);
  assert_claims ("{" WHO ",\"exp\":1800003600,\"nbf\":1800000060}", AIR_JWT_OK);
  assert_claims ("{" WHO ",\"exp\":1800003600,\"nbf\":\"soon\"}", AIR_JWT_MALFORMED);
  assert_claims ("{" WHO ",\"exp\":1800003600,\"iat\":1800000061}", AIR_JWT_NOT_YET_VALID);
}

/* RFC 8725 §3.8, §3.9 */
static void
test_issuer_and_audience (void)
{
  assert_claims ("{\"aud\":\"airclass\",\"exp\":1800003600}", AIR_JWT_WRONG_ISSUER);
  assert_claims ("{\"iss\":\"airclass2\",\"aud\":\"airclass\",\"exp\":1800003600}", AIR_JWT_WRONG_ISSUER);
  assert_claims ("{\"iss\":[\"airclass\"],\"aud\":\"airclass\",\"exp\":1800003600}", AIR_JWT_WRONG_ISSUER);
  assert_claims ("{\"iss\":\"airclass\",\"exp\":1800003600}", AIR_JWT_WRONG_AUDIENCE);
  assert_claims ("{\"iss\":\"airclass\",\"aud\":\"elsewhere\",\"exp\":1800003600}", AIR_JWT_WRONG_AUDIENCE);
  assert_claims ("{\"iss\":\"airclass\",\"aud\":[],\"exp\":1800003600}", AIR_JWT_WRONG_AUDIENCE);
  assert_claims ("{\"iss\":\"airclass\",\"aud\":[1,\"elsewhere\"],\"exp\":1800003600}", AIR_JWT_WRONG_AUDIENCE);
  assert_claims ("{\"iss\":\"airclass\",\"aud\":{\"airclass\":1},\"exp\":1800003600}", AIR_JWT_WRONG_AUDIENCE);
  assert_claims ("{\"iss\":\"airclass\",\"aud\":[\"elsewhere\",\"airclass\"],\"exp\":1800003600}", AIR_JWT_OK);
}

static void
test_payloads (void)
{
  assert_claims ("[1]", AIR_JWT_MALFORMED);
  assert_claims ("", AIR_JWT_MALFORMED);
  assert_claims ("null", AIR_JWT_MALFORMED);
  g_autofree char *deep = g_strnfill (2000, '[');
  assert_claims (deep, AIR_JWT_MALFORMED);
}

/* RFC 8725 §3.5 */
static void
test_weak_keys (void)
{
  GError *error = NULL;
  g_assert_null (air_jwt_key_new_secret ("0123456789abcdef0123456789abcde", &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_null (air_jwt_key_new_secret (NULL, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
  g_clear_error (&error);

  Pair weak_rsa = make_pair (EVP_RSA_gen (1024)), other_curve = make_pair (EVP_EC_gen ("P-384")),
       other_rsa = make_pair (EVP_RSA_gen (2048));
  const struct
  {
    const char *algorithm, *public_pem, *private_pem;
  } refused[] = {
    { "RS256", weak_rsa.public_pem, NULL },
    { "RS256", ec_pair ()->public_pem, NULL },
    { "ES256", other_curve.public_pem, NULL },
    { "ES256", rsa_pair ()->public_pem, NULL },
    { "RS256", rsa_pair ()->public_pem, other_rsa.private_pem },
    { "RS256", rsa_pair ()->public_pem, "nonsense" },
    { "RS256", "nonsense", NULL },
    { "RS256", "", NULL },
    { "RS256", SECRET, NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_assert_null (
          air_jwt_key_new_pair (refused[i].algorithm, refused[i].public_pem, refused[i].private_pem, NULL, &error));
      g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
      g_clear_error (&error);
    }
  const Pair *made[] = { &weak_rsa, &other_curve, &other_rsa };
  for (size_t i = 0; i < G_N_ELEMENTS (made); i++)
    {
      g_free (made[i]->public_pem);
      g_free (made[i]->private_pem);
    }
}

static void
test_public_key_alone (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AirJwtKey) issuer = pair_key ("ES256", ec_pair ());
  g_autoptr (AirJwtKey) key = air_jwt_key_new_pair ("ES256", ec_pair ()->public_pem, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (air_jwt_key_can_sign (key));
  g_autoptr (JsonNode) node = json_from_string (GOOD_CLAIMS, NULL);
  g_assert_null (air_jwt_sign (key, json_node_get_object (node), &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED);
  g_autofree char *token = air_jwt_sign (issuer, json_node_get_object (node), NULL);
  g_assert_cmpint (judge (key, token), ==, AIR_JWT_OK);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/jwt/forged-is-good", test_forged_is_good);
  g_test_add_func ("/jwt/round-trips", test_round_trips);
  g_test_add_func ("/jwt/none", test_none);
  g_test_add_func ("/jwt/algorithm-confusion", test_algorithm_confusion);
  g_test_add_func ("/jwt/zero-signature", test_zero_signature);
  g_test_add_func ("/jwt/tampered", test_tampered);
  g_test_add_func ("/jwt/garbage", test_garbage);
  g_test_add_func ("/jwt/oversize", test_oversize);
  g_test_add_func ("/jwt/duplicate-names", test_duplicate_names);
  g_test_add_func ("/jwt/headers", test_headers);
  g_test_add_func ("/jwt/key-id", test_key_id);
  g_test_add_func ("/jwt/times", test_times);
  g_test_add_func ("/jwt/issuer-and-audience", test_issuer_and_audience);
  g_test_add_func ("/jwt/payloads", test_payloads);
  g_test_add_func ("/jwt/weak-keys", test_weak_keys);
  g_test_add_func ("/jwt/public-key-alone", test_public_key_alone);
  return g_test_run ();
}
