/* Who may do what: tokens, keys, trusted networks and the limits on guessing.
 *
 * Called on any thread. The secrets are set once, before `open`; the stream keys are replaced on reload under a lock;
 * everything else is atomic or has a lock of its own. A valid token always passes: it cannot be guessed, and a class
 * behind one address must not be shut out because one of it guesses. Keys are not even compared while an address has to
 * wait.
 */
#define G_LOG_DOMAIN "air-auth"

#include <airclass/error.h>
#include <airclass/metrics.h>
#include <string.h>

#include "auth/authority-private.h"
#include "auth/token.h"

static bool
ask_context (AirContext *context, GInetAddress *address)
{
  return air_context_network_contains (context, "trusted", address);
}

static const AirAuthoritySurroundings real_surroundings = { g_get_real_time, g_get_monotonic_time, ask_context };

AirAuthority *
air_authority_new (AirContext *context, const AirAuthoritySurroundings *surroundings)
{
  AirAuthority *authority = g_new0 (AirAuthority, 1);
  authority->context = context;
  authority->surroundings = surroundings != NULL ? *surroundings : real_surroundings;
  authority->families = air_families_new ();
  authority->limiter = air_failure_limiter_new ();
  authority->pin_limiter = air_failure_limiter_new ();
  g_rw_lock_init (&authority->lock);
  return authority;
}

static void
free_secret (char **text)
{
  if (*text != NULL)
    explicit_bzero (*text, strlen (*text));
  g_clear_pointer (text, g_free);
}

void
air_authority_secrets_clear (AirAuthoritySecrets *secrets)
{
  g_clear_pointer (&secrets->jwt_key, air_jwt_key_free);
  g_clear_pointer (&secrets->issuer, g_free);
  g_clear_pointer (&secrets->audience, g_free);
  free_secret (&secrets->teacher_key);
  free_secret (&secrets->admin_key);
  free_secret (&secrets->stream_key);
  free_secret (&secrets->stream_key_seed);
}

void
air_authority_free (AirAuthority *authority)
{
  if (authority == NULL)
    return;
  g_clear_object (&authority->stream_keys_file);
  air_authority_secrets_clear (&authority->secrets);
  air_stream_keys_free (authority->stream_keys);
  air_families_unref (authority->families);
  air_failure_limiter_free (authority->limiter);
  air_failure_limiter_free (authority->pin_limiter);
  g_rw_lock_clear (&authority->lock);
  g_free (authority);
}

void
air_authority_open (AirAuthority *authority, AirAuthoritySecrets *secrets, AirStreamKeys *stream_keys)
{
  authority->secrets = *secrets;
  memset (secrets, 0, sizeof *secrets);
  air_authority_set_stream_keys (authority, stream_keys);
  g_atomic_int_set (&authority->open, 1);
}

bool
air_authority_is_open (AirAuthority *authority, GError **error)
{
  if (g_atomic_int_get (&authority->open))
    return true;
  g_set_error (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "the server is starting");
  return false;
}

void
air_authority_set_stream_keys (AirAuthority *authority, AirStreamKeys *stream_keys)
{
  g_rw_lock_writer_lock (&authority->lock);
  AirStreamKeys *before = authority->stream_keys;
  authority->stream_keys = stream_keys;
  g_rw_lock_writer_unlock (&authority->lock);
  air_stream_keys_free (before);
}

char *
air_authority_get_key_of_path (AirAuthority *authority, const char *path)
{
  /* Whoever knew the key of a deleted class does not publish into the one that is made under its id. */
  const char *class_id = g_str_has_prefix (path, AIR_CLASS_FOLDER) ? path + strlen (AIR_CLASS_FOLDER) : NULL;
  int64_t gone_us = air_families_get_class_revoked (authority->families, class_id, AIR_ROLE_TEACHER);
  g_rw_lock_reader_lock (&authority->lock);
  char *key = air_stream_keys_get (authority->stream_keys, path, gone_us);
  g_rw_lock_reader_unlock (&authority->lock);
  return key;
}

const char *
air_authority_get_teacher_key (AirAuthority *authority)
{
  return authority->secrets.teacher_key;
}

const char *
air_authority_get_stream_key (AirAuthority *authority)
{
  return authority->secrets.stream_key;
}

int64_t
air_authority_get_now_s (AirAuthority *authority)
{
  return authority->surroundings.get_real_us () / G_USEC_PER_SEC;
}

void
air_authority_note_refusal (AirAuthority *authority, GInetAddress *address, const char *what, const char *reason)
{
  g_autofree char *from = g_inet_address_to_string (address);
  g_message ("%s from %s refused: %s", what, from, reason);
  if (authority->refusals != NULL)
    air_metric_add (authority->refusals, 1, (const char *[]){ reason, NULL });
}

/* ---- One credential ---- */

typedef enum
{
  TRY_NONE, /* there was no credential */
  TRY_GOOD,
  TRY_STALE, /* a token that was good once or will be: no guess */
  TRY_WRONG,
  TRY_HELD_BACK, /* a key that was not looked at: too many wrong ones before */
} Outcome;

/* What all credentials of one attempt came to. */
typedef struct
{
  AirIdentity *identity;
  Outcome outcome; /* the worst for its owner, unless identity is set */
  const char *reason;
  unsigned retry_after_s;
} Attempt;

static void
attempt_clear (Attempt *attempt)
{
  g_clear_pointer (&attempt->identity, air_identity_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Attempt, attempt_clear)

static void
note (Attempt *attempt, Outcome outcome, const char *reason)
{
  if (outcome < attempt->outcome)
    return;
  attempt->outcome = outcome;
  attempt->reason = reason;
}

/* Returns: (transfer full) whom @token is for, revoked or not; NULL with the verdict. */
static AirIdentity *
read_token (AirAuthority *authority, const char *token, Outcome *ret_outcome, const char **ret_reason)
{
  const AirJwtPolicy policy
      = { authority->secrets.issuer, authority->secrets.audience, air_authority_get_now_s (authority) };
  g_autoptr (JsonObject) claims = NULL;
  AirJwtVerdict verdict = air_jwt_verify (authority->secrets.jwt_key, token, &policy, &claims);
  if (verdict != AIR_JWT_OK)
    {
      *ret_outcome = verdict == AIR_JWT_EXPIRED || verdict == AIR_JWT_NOT_YET_VALID ? TRY_STALE : TRY_WRONG;
      *ret_reason = air_jwt_verdict_to_string (verdict);
      return NULL;
    }
  AirIdentitySpec spec;
  g_autofree char *path = NULL;
  *ret_outcome = TRY_WRONG;
  *ret_reason = "malformed-claims";
  return air_token_read (claims, &spec, &path) ? air_identity_new (authority->families, &spec) : NULL;
}

static void
try_token (AirAuthority *authority, const char *token, Attempt *attempt)
{
  Outcome outcome = TRY_NONE;
  const char *reason = NULL;
  g_autoptr (AirIdentity) identity = read_token (authority, token, &outcome, &reason);
  if (identity == NULL)
    note (attempt, outcome, reason);
  else if (air_identity_is_revoked (identity))
    note (attempt, TRY_STALE, "revoked");
  else
    attempt->identity = g_steal_pointer (&identity);
}

AirIdentity *
air_authority_find_revoked (AirAuthority *authority, const char *token)
{
  Outcome outcome = TRY_NONE;
  const char *reason = NULL;
  if (!air_authority_is_open (authority, NULL) || !air_jwt_looks_like_token (token))
    return NULL;
  g_autoptr (AirIdentity) identity = read_token (authority, token, &outcome, &reason);
  return identity != NULL && air_identity_is_shut_out (identity) ? g_steal_pointer (&identity) : NULL;
}

/* A key as it was given, or who knows of a proof which key was used for it. */
typedef struct
{
  const char *text; /* NULL: a proof */
  bool (*knows_secret) (const char *secret, void *data);
  void *data;
} Key;

static bool
key_is (const Key *key, const char *secret)
{
  if (key->text != NULL)
    return air_secret_equal (key->text, secret);
  return secret != NULL && key->knows_secret (secret, key->data);
}

/* @path NULL: no stream key is taken. Every key is compared, so that the time does not tell which one is nearer. */
static void
compare_key (AirAuthority *authority, const Key *key, const char *path, Attempt *attempt)
{
  g_autofree char *stream_key = path != NULL ? air_authority_get_key_of_path (authority, path) : NULL;
  bool admin = key_is (key, authority->secrets.admin_key);
  bool teacher = key_is (key, authority->secrets.teacher_key);
  bool stream = key_is (key, stream_key);
  AirIdentitySpec spec = { .may_read = true, .may_publish = true };
  if (admin)
    spec.role = AIR_ROLE_ADMIN;
  else if (teacher)
    spec.role = AIR_ROLE_TEACHER;
  else if (stream)
    spec.path = path;
  else
    {
      note (attempt, TRY_WRONG, "wrong-key");
      return;
    }
  attempt->identity = air_identity_new (NULL, &spec);
}

static void
try_key (AirAuthority *authority, const Key *key, const char *path, GInetAddress *address, Attempt *attempt)
{
  int64_t now_us = authority->surroundings.get_monotonic_us ();
  if (!air_failure_limiter_may_try (authority->limiter, address, path, now_us, &attempt->retry_after_s))
    note (attempt, TRY_HELD_BACK, "rate-limited");
  else if (key->text != NULL && strlen (key->text) > AIR_JWT_MAX_BYTES)
    note (attempt, TRY_WRONG, "malformed");
  else
    {
      compare_key (authority, key, path, attempt);
      if (attempt->identity != NULL)
        air_failure_limiter_succeeded (authority->limiter, address, path, now_us);
    }
}

static void
try_credential (AirAuthority *authority, const char *credential, const char *path, GInetAddress *address,
                Attempt *attempt)
{
  if (credential == NULL || credential[0] == '\0' || attempt->identity != NULL)
    return;
  if (air_jwt_looks_like_token (credential))
    try_token (authority, credential, attempt);
  else
    try_key (authority, &(Key){ .text = credential }, path, address, attempt);
}

/* Turns what no credential was good for into an error; counts a guess. */
static void
refuse (AirAuthority *authority, const Attempt *attempt, GInetAddress *address, const char *path, const char *what,
        GError **error)
{
  int64_t now_us = authority->surroundings.get_monotonic_us ();
  unsigned retry_after_s = attempt->retry_after_s;
  if (attempt->outcome == TRY_NONE)
    {
      /* Not even tried: browsers and players ask first without a credential. */
      g_debug ("%s refused: no credential", what);
      g_set_error (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED, "a token or a key is needed");
      return;
    }
  bool held_back = attempt->outcome == TRY_HELD_BACK
                   || (attempt->outcome == TRY_WRONG
                       && !air_failure_limiter_may_try (authority->limiter, address, path, now_us, &retry_after_s));
  if (attempt->outcome == TRY_WRONG && !held_back)
    air_failure_limiter_failed (authority->limiter, address, path, now_us);
  air_authority_note_refusal (authority, address, what, attempt->reason);

  if (held_back)
    {
      g_autoptr (GError) limited = g_error_new (AIR_ERROR, AIR_ERROR_RATE_LIMITED,
                                                "too many wrong credentials; try again in %u s", retry_after_s);
      air_error_set_retry_after_s (limited, retry_after_s);
      g_propagate_error (error, g_steal_pointer (&limited));
    }
  else if (attempt->outcome == TRY_STALE)
    g_set_error (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED,
                 "the token is not valid now: it has expired or is not yet good");
  else
    g_set_error (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED, "the token or key is not valid");
}

/* ---- The two checks of the plugin interface ---- */

AirIdentity *
air_authority_authenticate (AirAuthority *authority, const char *token, GInetAddress *address, GError **error)
{
  g_return_val_if_fail (G_IS_INET_ADDRESS (address), NULL);
  if (!air_authority_is_open (authority, error))
    return NULL;
  g_auto (Attempt) attempt = { 0 };
  try_credential (authority, token, NULL, address, &attempt);
  if (attempt.identity == NULL)
    refuse (authority, &attempt, address, NULL, "a token", error);
  return g_steal_pointer (&attempt.identity);
}

static bool
is_trusted (AirAuthority *authority, const AirAccess *access)
{
  if (access->trusted)
    return true;
  return access->action == AIR_ACTION_READ && authority->surroundings.is_trusted (authority->context, access->address);
}

AirIdentity *
air_authority_authorize (AirAuthority *authority, const AirAccess *access, GError **error)
{
  g_return_val_if_fail (G_IS_INET_ADDRESS (access->address) && access->path != NULL, NULL);
  if (!air_authority_is_open (authority, error))
    return NULL;

  g_auto (Attempt) attempt = { 0 };
  const char *credentials[] = { access->token, access->key, access->password };
  for (size_t i = 0; i < G_N_ELEMENTS (credentials); i++)
    try_credential (authority, credentials[i], access->path, access->address, &attempt);
  const Key proof = { .knows_secret = access->knows_secret, .data = access->knows_secret_data };
  if (proof.knows_secret != NULL && attempt.identity == NULL)
    try_key (authority, &proof, access->path, access->address, &attempt);
  if (attempt.identity != NULL && air_identity_may (attempt.identity, access->action, access->path))
    return g_steal_pointer (&attempt.identity);

  if (is_trusted (authority, access))
    {
      AirIdentitySpec nobody
          = { .path = access->path, .may_read = true, .may_publish = access->action == AIR_ACTION_PUBLISH };
      return air_identity_new (NULL, &nobody);
    }

  const char *verb = access->action == AIR_ACTION_PUBLISH ? "publishing" : "reading";
  g_autofree char *what = g_strdup_printf ("%s \"%s\" by %s", verb, access->path,
                                           access->protocol != NULL ? access->protocol : "an unknown protocol");
  if (attempt.identity == NULL)
    refuse (authority, &attempt, access->address, access->path, what, error);
  else
    {
      air_authority_note_refusal (authority, access->address, what, "forbidden");
      g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN, "the token or key is not for %s this stream", verb);
    }
  return NULL;
}
