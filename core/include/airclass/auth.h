/* Who somebody is and what they may do.
 *
 * One check serves every protocol: a plugin fills an AirAccess from what its protocol carries, and gets an
 * AirIdentity or an error. Thread-safe: may be called on any thread; takes microseconds, never waits.
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#include <airclass/types.h>

G_BEGIN_DECLS

typedef enum
{
  AIR_ROLE_NONE,    /* nobody: no credential was needed */
  AIR_ROLE_STUDENT,
  AIR_ROLE_MONITOR, /* projector, read only */
  AIR_ROLE_TEACHER,
  AIR_ROLE_ADMIN,
  AIR_ROLE_NODE,    /* another airclassd */
} AirRole;

typedef enum
{
  AIR_ACTION_READ,
  AIR_ACTION_PUBLISH,
} AirAction;

/* What a protocol knows of somebody who knocks. Strings are borrowed for the call and may be NULL. */
struct _AirAccess
{
  AirAction action;
  const char *path;            /* of the stream, "live/algebra"; never NULL */
  const char *protocol;        /* "rtmp", "whep", … for the log */
  GInetAddress *address;       /* the peer's; never NULL */
  const char *token;           /* a JWT */
  const char *key;             /* a stream key, or the teacher's key */
  const char *user, *password; /* as OBS sends them; the password may be a stream key or a JWT */
  bool trusted;                /* the protocol's own `trusted=` option names the peer's network */
  /* For a protocol in which the peer proves that it knows a secret instead of showing it: whether it knows @secret. Called
   * within the call, once with each key that would be good for the path, also when one has fitted; a proof that fits none
   * counts as a wrong key. NULL: there is no proof. */
  bool (*knows_secret) (const char *secret, void *data);
  void *knows_secret_data;
};

/* Immutable, reference-counted (atomic). */
AIR_PUBLIC AirIdentity *air_identity_ref (AirIdentity *identity);
AIR_PUBLIC void air_identity_unref (AirIdentity *identity);
AIR_PUBLIC AirRole air_identity_get_role (const AirIdentity *identity);
/* The token's `sub`; NULL when nobody in particular. */
AIR_PUBLIC const char *air_identity_get_user_id (const AirIdentity *identity);
/* The class the token is for; NULL: not bound to a class. */
AIR_PUBLIC const char *air_identity_get_class_id (const AirIdentity *identity);
/* The token's `jti`; NULL without a token. */
AIR_PUBLIC const char *air_identity_get_token_id (const AirIdentity *identity);
/* The name that is shown to others (claim `name`), cleaned by air_text_clean(); NULL when none was given. */
AIR_PUBLIC const char *air_identity_get_name (const AirIdentity *identity);
/* Names all tokens that were refreshed from one another, and those that a student of a class got with one of them; NULL without a token of
 * this server. */
AIR_PUBLIC const char *air_identity_get_family (const AirIdentity *identity);
/* When the credential ends: seconds since the epoch (wall clock); 0: never. A running session ends then.
 *
 * A refreshed token belongs to the family (claim `fam`) of the token that it was made from, and all identities of one
 * family share the newest expiry: once POST /api/token/refresh has answered, this function returns the later time for
 * the sessions that were opened with the older token too. A session therefore needs no new token: it asks again when the
 * time that it knew has come, and ends only if that has not moved. Nothing tells it; a timer does. */
AIR_PUBLIC int64_t air_identity_get_expires_at (const AirIdentity *identity);
/* Whether @identity may @action on @path. */
AIR_PUBLIC bool air_identity_may (const AirIdentity *identity, AirAction action, const char *path);
/* "student", "teacher", … */
AIR_PUBLIC const char *air_role_to_string (AirRole role);
/* Returns false when @name is no role. */
AIR_PUBLIC bool air_role_from_string (const char *name, AirRole *ret_role);

/* Checks @access against tokens, stream keys, the teacher's key, trusted networks and rate limits. A text that stands in
 * the field of another credential (a token given as key or password, a key given as token) is taken all the same. A
 * trusted network lets in without a credential, and with a wrong one. A refusal has been logged and counted when this
 * returns; a caller tells its peer, and does not log it again. air_error_get_retry_after_s() says how long to wait.
 * Returns: (transfer full) the identity, or NULL with AIR_ERROR_UNAUTHORIZED, _FORBIDDEN or _RATE_LIMITED. Any thread. */
AIR_PUBLIC AirIdentity *air_context_authorize (AirContext *context, const AirAccess *access, GError **error);

/* Checks a token alone, not yet what it may be used for: signature, exp, nbf, iss, aud (RFC 8725).
 * Returns: (transfer full) the identity, or NULL with AIR_ERROR_UNAUTHORIZED or _RATE_LIMITED. Any thread. */
AIR_PUBLIC AirIdentity *air_context_authenticate (AirContext *context, const char *token, GInetAddress *address,
                                                  GError **error);

/* ---- Who may come in as a student */

#define AIR_NAME_MAX_CHARACTERS 64

/* A student asks for a token. Strings are borrowed for the call; NULL where nothing was given. */
typedef struct
{
  const char *class_id; /* well-formed; whether there is such a class is for the admission to know */
  const char *user_id;  /* the one that was asked for, well-formed */
  const char *name;     /* cleaned */
  const char *pin;      /* to be compared in constant time: air_secret_equal() */
  const char *join;     /* the secret of a join link, likewise */
  AirIdentity *identity; /* of a token that came with the request; NULL: none */
  GInetAddress *address;
} AirAdmissionRequest;

typedef struct
{
  char *user_id; /* (transfer full) NULL: a new one is made */
  char *name;    /* (transfer full) NULL: the one that was asked for */
} AirAdmitted;

/* Returns false with AIR_ERROR_UNAUTHORIZED (a PIN is needed, or this one is wrong: that is counted when one was given),
 * _FORBIDDEN, _NOT_FOUND. Main thread, within the request; never waits. @self: the plugin's state. */
typedef bool (*AirAdmission) (const AirAdmissionRequest *request, AirAdmitted *ret_admitted, void *self, GError **error);
/* The student got this identity. */
typedef void (*AirAdmittedHandler) (AirIdentity *identity, void *self);

/* Has POST /api/token ask @admission before a student gets a token, and POST /api/token/refresh (with the identity, without PIN and link);
 * without anybody who is asked, every student gets one. Guessing is slowed down here: while an address or a class has to wait, a PIN is
 * refused without being looked at (a join secret cannot be guessed, and is always looked at). At most one plugin; @issued may be NULL.
 * Main thread. */
AIR_PUBLIC void air_context_set_admission (AirContext *context, AirAdmission admission, AirAdmittedHandler issued);

/* From now on (or no longer) the tokens of @family are worth nothing here: they are refused, and what they have opened ends, as at their
 * expiry, within seconds. Any thread. */
AIR_PUBLIC void air_context_revoke_tokens (AirContext *context, const char *family, bool revoked);

/* The same for every student's token of @user_id for the class @class_id, whoever made it and whether it has been seen here or not. It holds
 * until it is taken back or the server ends. Returns false when too many are revoked to remember this one. Any thread. */
AIR_PUBLIC bool air_context_revoke_student (AirContext *context, const char *class_id, const char *user_id, bool revoked);

/* The same for everybody below admin who was granted the class @class_id until @until_us (wall clock): for a class that is made under the id of
 * an earlier one. What refreshing and tokens make of a token is granted when the first one was; what another issuer made, when it was made
 * (`iat`). The class's stream gets another key, too, unless the operator has chosen it. With @students only students whom this server let in,
 * and the key stays. It holds until the server ends, and is not taken back; whoever asks for a new token is let in as anybody is. Returns
 * false when too many classes are remembered. Any thread. */
AIR_PUBLIC bool air_context_revoke_class (AirContext *context, const char *class_id, bool students, int64_t until_us);

/* Compares in constant time; false when either is NULL. Any thread. */
AIR_PUBLIC bool air_secret_equal (const char *given, const char *expected);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirIdentity, air_identity_unref)

G_END_DECLS
