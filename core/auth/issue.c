/* Makes tokens: who may have which, and the refreshed ones. Any thread. */
#define G_LOG_DOMAIN "air-auth"

#include <airclass/error.h>
#include <airclass/metrics.h>
#include <airclass/text.h>

#include "auth/authority-private.h"
#include "auth/secret-file.h"
#include "auth/token.h"

#define ID_CHARACTERS 24 /* 120 bits: of tokens and families */
#define USER_CHARACTERS 16 /* 80 bits: nobody comes upon somebody else's */

void
air_issued_token_clear (AirIssuedToken *issued)
{
  g_clear_pointer (&issued->token, g_free);
  g_clear_pointer (&issued->identity, air_identity_unref);
}

static bool
can_issue (AirAuthority *authority, GError **error)
{
  if (!air_authority_is_open (authority, error))
    return false;
  if (air_jwt_key_can_sign (authority->secrets.jwt_key))
    return true;
  g_set_error (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED,
               "this server does not make tokens: it checks those of the issuer \"%s\"", authority->secrets.issuer);
  return false;
}

/* Signs a token of @spec, whose user, class, role, path, rights and authorized_at are set. */
static bool
sign (AirAuthority *authority, AirIdentitySpec *spec, const char *family, AirIssuedToken *ret_issued, GError **error)
{
  const AirAuthoritySecrets *secrets = &authority->secrets;
  int64_t now_s = air_authority_get_now_s (authority);
  int64_t last_s = spec->authorized_at + secrets->session_lifetime_s;
  if (last_s <= now_s)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN,
                   "this session has lasted as long as it may; ask for a new token");
      return false;
    }
  g_autofree char *token_id = air_secret_make_readable (ID_CHARACTERS);
  g_autofree char *new_family = family == NULL ? air_secret_make_readable (ID_CHARACTERS) : NULL;
  spec->token_id = token_id;
  spec->family = family != NULL ? family : new_family;
  spec->expires_at = MIN (now_s + secrets->token_lifetime_s, last_s);

  g_autoptr (JsonObject) claims = air_token_write (spec, secrets->issuer, secrets->audience, now_s);
  ret_issued->token = air_jwt_sign (secrets->jwt_key, claims, error);
  if (ret_issued->token == NULL)
    return false;
  ret_issued->identity = air_identity_new (authority->families, spec);
  ret_issued->expires_in_s = spec->expires_at - now_s;
  if (authority->issued != NULL)
    air_metric_add (authority->issued, 1, (const char *[]){ air_role_to_string (spec->role), NULL });
  return true;
}

/* ---- Who may have which ---- */

static bool
is_loopback_trusted (AirAuthority *authority, GInetAddress *address)
{
  return g_atomic_int_get (&authority->trust_loopback) && g_inet_address_get_is_loopback (address);
}

/* Whoever holds a token may hand on no more than it grants. */
static bool
identity_covers (const AirTokenRequest *request, const char *path)
{
  AirRole role = air_identity_get_role (request->identity);
  const char *class_id = air_identity_get_class_id (request->identity);
  return (role == AIR_ROLE_TEACHER || role == AIR_ROLE_ADMIN) && role >= request->role
         && (class_id == NULL || g_str_equal (class_id, request->class_id))
         && air_identity_may (request->identity, request->action, path);
}

/* The key goes through authorize(), which knows limits and logs; then it must be one of the two that grant roles. */
static bool
key_covers (AirAuthority *authority, const AirTokenRequest *request, const char *path, GError **error)
{
  AirAccess access = { .action = AIR_ACTION_PUBLISH,
                       .path = path,
                       .protocol = "token request",
                       .address = request->address,
                       .key = request->key };
  g_autoptr (AirIdentity) identity = air_authority_authorize (authority, &access, error);
  if (identity == NULL)
    return false;
  AirRole highest = air_identity_get_role (identity);
  /* Without a key of its own, the admin's part is played by the holder of the key that the first start made. */
  if (highest == AIR_ROLE_TEACHER && authority->secrets.admin_key == NULL)
    highest = AIR_ROLE_ADMIN;
  if (request->role <= highest)
    return true;
  air_authority_note_refusal (authority, request->address, "a token request", "forbidden");
  g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN, "this key is not for the role \"%s\"",
               air_role_to_string (request->role));
  return false;
}

static bool
may_have (AirAuthority *authority, const AirTokenRequest *request, const char *path, GError **error)
{
  bool reads_only = request->role == AIR_ROLE_STUDENT || request->role == AIR_ROLE_MONITOR;
  if (reads_only && request->action == AIR_ACTION_PUBLISH)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN, "a %s may only read", air_role_to_string (request->role));
      return false;
    }
  if (request->role == AIR_ROLE_STUDENT || is_loopback_trusted (authority, request->address))
    return true;
  if (request->identity != NULL && identity_covers (request, path))
    return true;
  if (request->identity != NULL && request->key == NULL)
    {
      air_authority_note_refusal (authority, request->address, "a token request", "forbidden");
      g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN,
                   "the token that came with the request is not enough for this one");
      return false;
    }
  return key_covers (authority, request, path, error);
}

static bool
check_request (const AirTokenRequest *request, char **ret_name, GError **error)
{
  const char *fault = NULL;
  *ret_name = air_text_clean (request->name, AIR_TEXT_LINE, AIR_NAME_MAX_CHARACTERS);
  if (request->role == AIR_ROLE_NONE || request->role == AIR_ROLE_NODE)
    fault = "user_type must be student, teacher, monitor or admin";
  else if (request->user_id != NULL && !air_user_id_is_valid (request->user_id))
    fault = "user_id must have 1 to 128 bytes and no control characters, and no part between slashes that is \".\" or \"..\"";
  else if (!air_class_id_is_valid (request->class_id))
    fault = "class_id must be at most 64 of the characters 0-9 A-Z a-z _ . ~ -";
  else if (request->name != NULL && *ret_name == NULL)
    fault = "name must have 1 to 64 characters, one of them visible";
  if (fault != NULL)
    g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "%s", fault);
  return fault == NULL;
}

/* A student's token made with another one of the class is of its family: whoever is shut out with the one is with the other, also under
 * another user id. NULL: the family is new. */
static const char *
get_kin (const AirTokenRequest *request)
{
  if (request->role != AIR_ROLE_STUDENT || request->identity == NULL)
    return NULL;
  const AirIdentitySpec *first = air_identity_get_spec (request->identity);
  return first->role == AIR_ROLE_STUDENT && g_strcmp0 (first->class_id, request->class_id) == 0 ? first->family : NULL;
}

/* What is made with a token of the class is granted since that one was; what is granted now is so after all that was revoked, also when
 * the clock was set back. */
static int64_t
get_granted_us (AirAuthority *authority, const AirTokenRequest *request)
{
  const AirIdentitySpec *first = request->identity != NULL && request->key == NULL ? air_identity_get_spec (request->identity) : NULL;
  bool is_from_class = first != NULL && first->role < AIR_ROLE_ADMIN && g_strcmp0 (first->class_id, request->class_id) == 0;
  if (is_from_class && (request->role != AIR_ROLE_STUDENT || first->role == AIR_ROLE_STUDENT))
    return first->granted_us;
  int64_t revoked_us = air_families_get_class_revoked (authority->families, request->class_id, request->role);
  return MAX (authority->surroundings.get_real_us (), revoked_us + 1);
}

bool
air_authority_issue (AirAuthority *authority, const AirTokenRequest *request, AirIssuedToken *ret_issued,
                     GError **error)
{
  g_autofree char *name = NULL, *new_id = NULL;
  if (!can_issue (authority, error) || !check_request (request, &name, error))
    return false;
  g_autofree char *path = air_class_get_path (request->class_id);
  g_auto (AirAdmitted) admitted = { 0 };
  AirTokenRequest checked = *request;
  checked.name = name;
  if (!may_have (authority, &checked, path, error)
      || (request->role == AIR_ROLE_STUDENT && !air_authority_admit (authority, &checked, &admitted, error)))
    return false;
  const char *user_id = request->role == AIR_ROLE_STUDENT ? admitted.user_id : request->user_id;
  if (user_id == NULL)
    {
      g_autofree char *random = air_secret_make_readable (USER_CHARACTERS);
      user_id = new_id = g_strconcat ("guest-", random, NULL);
    }

  AirIdentitySpec spec = { .role = request->role,
                           .user_id = user_id,
                           .name = admitted.name != NULL ? admitted.name : name,
                           .class_id = request->class_id,
                           .path = path,
                           .authorized_at = air_authority_get_now_s (authority),
                           .granted_us = get_granted_us (authority, &checked) };
  air_token_grant (&spec, request->action);
  /* A token made with a token does not outlast the session of the first. */
  if (request->identity != NULL && request->key == NULL && request->role != AIR_ROLE_STUDENT)
    {
      int64_t authorized_at = air_identity_get_spec (request->identity)->authorized_at;
      if (authorized_at != 0)
        spec.authorized_at = authorized_at;
    }
  if (!sign (authority, &spec, get_kin (request), ret_issued, error))
    return false;
  if (spec.role == AIR_ROLE_STUDENT && authority->admitted != NULL)
    authority->admitted (ret_issued->identity, authority->admission_self);
  return true;
}

/* Whether the student may still be there. */
static bool
admit_again (AirAuthority *authority, AirIdentity *identity, GInetAddress *address, GError **error)
{
  g_auto (AirAdmitted) admitted = { 0 };
  const AirTokenRequest request = { .role = AIR_ROLE_STUDENT,
                                    .action = AIR_ACTION_READ,
                                    .user_id = air_identity_get_user_id (identity),
                                    .class_id = air_identity_get_class_id (identity),
                                    .name = air_identity_get_name (identity),
                                    .identity = identity,
                                    .address = address };
  return request.class_id == NULL || air_authority_admit (authority, &request, &admitted, error);
}

bool
air_authority_refresh (AirAuthority *authority, AirIdentity *identity, GInetAddress *address, AirIssuedToken *ret_issued,
                       GError **error)
{
  if (!can_issue (authority, error))
    return false;
  if (identity == NULL || air_identity_get_spec (identity)->family == NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED, "a valid token of this server is needed");
      return false;
    }
  AirIdentitySpec spec = *air_identity_get_spec (identity);
  if ((spec.role == AIR_ROLE_STUDENT && !admit_again (authority, identity, address, error))
      || !sign (authority, &spec, spec.family, ret_issued, error))
    return false;
  if (spec.role == AIR_ROLE_STUDENT && authority->admitted != NULL)
    authority->admitted (ret_issued->identity, authority->admission_self);
  return true;
}
