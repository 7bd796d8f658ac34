/* Identities and the families of tokens that carry their expiry on. Thread-safe. */
#pragma once

#include <airclass/auth.h>

G_BEGIN_DECLS

/* All tokens that were refreshed from one another. Held by the identities of running sessions and forgotten with the
 * last of them, so that the table is no larger than the number of sessions. */
typedef struct _AirFamilies AirFamilies;

AirFamilies *air_families_new (void);
/* The table itself lives on while identities refer to it. */
void air_families_unref (AirFamilies *families);
/* Ends the family @id for as long as @now_us is before @until_us (both monotonic): its identities have expired, those there are and
 * those to come. @until_us 0 takes that back. */
void air_families_revoke (AirFamilies *families, const char *id, int64_t now_us, int64_t until_us);
/* The same for all students' tokens of @user_id for @class_id, whoever made them, until that is taken back. Returns false when there
 * are too many to be remembered. */
bool air_families_revoke_person (AirFamilies *families, const char *class_id, const char *user_id, bool revoked);
/* The same for all tokens that were granted for the class @class_id until @until_us (wall clock), but those of admins and nodes, which are
 * for every class; or for those alone that let @students in here. It is not taken back. Returns false when there are too many to be
 * remembered. */
bool air_families_revoke_class (AirFamilies *families, const char *class_id, bool students, int64_t until_us);
/* Returns: until when, for @role; 0: none has been revoked so. */
int64_t air_families_get_class_revoked (AirFamilies *families, const char *class_id, AirRole role);
/* How many families have running sessions. */
unsigned air_families_count (AirFamilies *families);

/* What an identity is made of. Strings are copied, NULL where unknown. */
typedef struct
{
  AirRole role;
  const char *user_id, *class_id, *token_id;
  const char *path; /* the only path that it may use; NULL: every path */
  bool may_read, may_publish;
  int64_t expires_at;    /* 0: never */
  int64_t authorized_at; /* when the first token of the family was made; 0 without a token */
  int64_t granted_us;    /* since when its holder may come into the class, with whatever token, wall clock; 0: unknown */
  bool is_foreign;       /* granted by another issuer, when that token was made */
  const char *family;    /* NULL: cannot be refreshed */
  const char *name;      /* as shown to others; NULL: none was given */
} AirIdentitySpec;

/* Of a spec with a family, expires_at becomes the end of all identities of that family, unless theirs is later.
 * @families may be NULL when the spec has no family; such an identity cannot be revoked. Returns: (transfer full) */
AirIdentity *air_identity_new (AirFamilies *families, const AirIdentitySpec *spec);
bool air_identity_is_revoked (const AirIdentity *identity);
/* Whether that is because of who it is, not of its class: whoever comes anew is shut out still. */
bool air_identity_is_shut_out (const AirIdentity *identity);
/* What it was made of; expires_at as it was then. (transfer none) */
const AirIdentitySpec *air_identity_get_spec (const AirIdentity *identity);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirFamilies, air_families_unref)

G_END_DECLS
