/* What the files of the authority share. */
#pragma once

#include <json-glib/json-glib.h>

#include "auth/authority.h"
#include "auth/failure-limiter.h"
#include "auth/identity.h"
#include "auth/jwt.h"
#include "auth/stream-keys.h"

G_BEGIN_DECLS

/* Where the authority learns of time and networks; replaced in tests. */
typedef struct
{
  int64_t (*get_real_us) (void);
  int64_t (*get_monotonic_us) (void);
  /* Whether [auth] trusted= names the address's network. Any thread. */
  bool (*is_trusted) (AirContext *context, GInetAddress *address);
} AirAuthoritySurroundings;

/* Set by air_authority_open(), then unchanged until the end. */
typedef struct
{
  AirJwtKey *jwt_key;
  char *issuer, *audience;
  char *teacher_key;
  char *admin_key; /* NULL: the teacher's key serves */
  char *stream_key;
  char *stream_key_seed;
  int64_t token_lifetime_s;
  int64_t session_lifetime_s; /* how long a token can be refreshed */
} AirAuthoritySecrets;

struct _AirAuthority
{
  AirContext *context; /* NULL in unit tests */
  AirAuthoritySurroundings surroundings;
  AirFamilies *families;
  AirFailureLimiter *limiter;
  AirFailureLimiter *pin_limiter; /* of its own: a class that mistypes its PIN does not hold back its teacher's key */
  AirMetric *refusals, *issued; /* NULL in unit tests */

  /* Who is asked about students; main thread. NULL: nobody. */
  AirContext *admission_owner;
  AirAdmission admission;
  AirAdmittedHandler admitted;
  void *admission_self;

  int open; /* atomic; the secrets are there */
  AirAuthoritySecrets secrets;
  GRWLock lock; /* guards stream_keys */
  AirStreamKeys *stream_keys;
  int trust_loopback;             /* atomic */
  GFileMonitor *stream_keys_file; /* NULL: none; main thread */
};

/* @surroundings NULL: the real ones. */
AirAuthority *air_authority_new (AirContext *context, const AirAuthoritySurroundings *surroundings);
void air_authority_free (AirAuthority *authority);
/* Takes the contents of @secrets and @stream_keys (transfer full). Main thread, once. */
void air_authority_open (AirAuthority *authority, AirAuthoritySecrets *secrets, AirStreamKeys *stream_keys);
void air_authority_secrets_clear (AirAuthoritySecrets *secrets);
/* (transfer full) Main thread. */
void air_authority_set_stream_keys (AirAuthority *authority, AirStreamKeys *stream_keys);
/* Returns: (transfer full) */
char *air_authority_get_key_of_path (AirAuthority *authority, const char *path);
/* Returns false with AIR_ERROR_UNAVAILABLE before start. */
bool air_authority_is_open (AirAuthority *authority, GError **error);
int64_t air_authority_get_now_s (AirAuthority *authority);

/* Who asks for a token, and for which. Strings are borrowed; NULL where nothing was given. */
typedef struct
{
  AirRole role;
  AirAction action;
  const char *user_id;   /* NULL: one is made */
  const char *class_id;
  const char *name;      /* as it came */
  const char *pin, *join;
  const char *key;       /* the teacher's or admin's */
  AirIdentity *identity; /* of a token that came with the request */
  GInetAddress *address;
} AirTokenRequest;

typedef struct
{
  char *token;
  AirIdentity *identity;
  int64_t expires_in_s;
} AirIssuedToken;

void air_issued_token_clear (AirIssuedToken *issued);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AirIssuedToken, air_issued_token_clear)

void air_admitted_clear (AirAdmitted *admitted);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AirAdmitted, air_admitted_clear)

/* Returns false with AIR_ERROR_INVALID, _UNAUTHORIZED, _FORBIDDEN, _RATE_LIMITED, or _UNSUPPORTED when tokens are made
 * elsewhere. */
bool air_authority_issue (AirAuthority *authority, const AirTokenRequest *request, AirIssuedToken *ret_issued,
                          GError **error);
/* admission.c: whether the student may come in; without anybody who is asked, yes. @request: name and ids are checked.
 * Returns false with the error. */
bool air_authority_admit (AirAuthority *authority, const AirTokenRequest *request, AirAdmitted *ret_admitted, GError **error);
/* A new token of the same family, for what @identity was good for. Of a student the admission is asked again. Errors as above;
 * AIR_ERROR_FORBIDDEN when the session has lasted for session_lifetime=. */
bool air_authority_refresh (AirAuthority *authority, AirIdentity *identity, GInetAddress *address, AirIssuedToken *ret_issued,
                            GError **error);
/* Returns: (transfer full) (nullable) whom @token is for, when it would be good and its holder has been shut out. */
AirIdentity *air_authority_find_revoked (AirAuthority *authority, const char *token);

/* Counts and logs one refusal. @what: "publish of \"live/a\" by rtmp"; @reason: a short slug. */
void air_authority_note_refusal (AirAuthority *authority, GInetAddress *address, const char *what, const char *reason);

/* Each adds its routes; @self is the authority. */
void air_auth_add_token_routes (AirContext *context);
void air_auth_add_mediamtx_route (AirContext *context);
void air_auth_add_ingest_route (AirContext *context);

G_END_DECLS
