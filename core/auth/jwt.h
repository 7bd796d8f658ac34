/* Signed tokens (RFC 7519, RFC 8725). The only place that calls libjwt. Thread-safe: a key is immutable. */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

/* Longer tokens are refused unread, in bytes. */
#define AIR_JWT_MAX_BYTES 4096
/* How far clocks may differ (exp, nbf, iat). */
#define AIR_JWT_LEEWAY_S 60
/* HS256 secrets shorter than the hash are refused (RFC 7518 §3.2), RSA keys below 2048 bits too (§3.3). */
#define AIR_JWT_MIN_SECRET_BYTES 32
#define AIR_JWT_MIN_RSA_BITS 2048

/* A key together with the one algorithm that it is for (RFC 8725 §3.1), immutable. */
typedef struct _AirJwtKey AirJwtKey;

/* Returns: (transfer full) an HS256 key; NULL with AIR_ERROR_INVALID when @secret is too short. */
AirJwtKey *air_jwt_key_new_secret (const char *secret, GError **error);
/* @algorithm: "RS256" or "ES256". @private_pem NULL: tokens can be checked, not made. @key_id NULL or "": derived from
 * the key. Returns: (transfer full) NULL with AIR_ERROR_INVALID when a key is unreadable, too small or of another kind,
 * or when the two do not belong together. */
AirJwtKey *air_jwt_key_new_pair (const char *algorithm, const char *public_pem, const char *private_pem,
                                 const char *key_id, GError **error);
void air_jwt_key_free (AirJwtKey *key);
/* What stands in the header's `kid`. */
const char *air_jwt_key_get_id (const AirJwtKey *key);
bool air_jwt_key_can_sign (const AirJwtKey *key);

typedef struct
{
  const char *issuer, *audience;
  int64_t now_s; /* since the epoch */
} AirJwtPolicy;

/* Why a token was refused: for the log and the metrics, not for the stranger. */
typedef enum
{
  AIR_JWT_OK,
  AIR_JWT_MALFORMED,
  AIR_JWT_WRONG_ALGORITHM,
  AIR_JWT_UNKNOWN_KEY,
  AIR_JWT_BAD_SIGNATURE,
  AIR_JWT_EXPIRED,
  AIR_JWT_NOT_YET_VALID,
  AIR_JWT_WRONG_ISSUER,
  AIR_JWT_WRONG_AUDIENCE,
} AirJwtVerdict;

/* "bad-signature" */
const char *air_jwt_verdict_to_string (AirJwtVerdict verdict);

/* Checks the header before anything is decoded, then the signature, then exp, nbf, iat, iss and aud.
 * @ret_claims: (transfer full) set when the verdict is AIR_JWT_OK. */
AirJwtVerdict air_jwt_verify (const AirJwtKey *key, const char *token, const AirJwtPolicy *policy,
                              JsonObject **ret_claims);

/* Returns: (transfer full) the token; NULL with AIR_ERROR_UNSUPPORTED when @key cannot sign. */
char *air_jwt_sign (const AirJwtKey *key, JsonObject *claims, GError **error);

/* Whether @text looks like a token rather than a key: three parts, the first of which is a JSON object. */
bool air_jwt_looks_like_token (const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirJwtKey, air_jwt_key_free)

G_END_DECLS
