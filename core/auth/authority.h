/* Tokens, keys, roles and rate limits. Thread-safe. It is the built-in component [auth]. */
#pragma once

#include <airclass/auth.h>
#include <airclass/context.h>
#include <airclass/plugin.h>

G_BEGIN_DECLS

typedef struct _AirAuthority AirAuthority;

/* Section [auth]; create() returns an AirAuthority and registers the endpoints under "Tokens"; start() makes or reads the
 * secrets in the state folder. Until then everything is refused with AIR_ERROR_UNAVAILABLE. */
extern const AirPlugin air_auth_component;

/* A refusal is logged and counted here; callers do not log it again. */
AirIdentity *air_authority_authorize (AirAuthority *authority, const AirAccess *access, GError **error);
/* @token: a JWT, or the teacher's or admin's key where a header carries it instead. */
AirIdentity *air_authority_authenticate (AirAuthority *authority, const char *token, GInetAddress *address, GError **error);
/* What the first start prints and packaging/run shows: read from the state folder. (transfer none) NULL before start */
const char *air_authority_get_teacher_key (AirAuthority *authority);
/* The key of the default class's stream. (transfer none) NULL before start */
const char *air_authority_get_stream_key (AirAuthority *authority);

/* See air_context_set_admission(); @owner takes it back by air_authority_remove_owner(). Main thread. */
void air_authority_set_admission (AirAuthority *authority, AirContext *owner, AirAdmission admission, AirAdmittedHandler issued,
                                  void *self);
void air_authority_remove_owner (AirAuthority *authority, AirContext *owner);
/* See air_context_revoke_tokens(). Any thread. */
void air_authority_revoke (AirAuthority *authority, const char *family, bool revoked);
/* See air_context_revoke_student(). Any thread. */
bool air_authority_revoke_student (AirAuthority *authority, const char *class_id, const char *user_id, bool revoked);
/* See air_context_revoke_class(). Any thread. */
bool air_authority_revoke_class (AirAuthority *authority, const char *class_id, bool students, int64_t until_us);

G_END_DECLS
