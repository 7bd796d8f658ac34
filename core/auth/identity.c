/* Identities and the families of tokens that carry their expiry on.
 *
 * An identity is immutable except for its family's expiry, which is one atomic number shared by all sessions of the
 * family, and for having been revoked. The table finds a family by its id; a family leaves the table with its last identity.
 *
 * Revoking touches no identity: it counts up the table's generation, and an identity that has not looked since then looks again.
 */
#include "auth/identity.h"

#include <string.h>

#include "auth/revoked.h"

typedef struct
{
  AirFamilies *table; /* owned reference */
  char *id;
  unsigned references; /* guarded by the table's mutex */
  int64_t expires_at;  /* atomic */
} Family;

/* Expired since ever; 0 would be never. */
#define LONG_AGO 1
/* Far more than anybody bans while a token lasts, and in all. */
#define MAX_REVOKED_FAMILIES 65536
#define MAX_REVOKED_PEOPLE 262144
#define MAX_REVOKED_CLASSES 262144

struct _AirFamilies
{
  gatomicrefcount references;
  GMutex mutex;
  GHashTable *by_id;   /* (key utf8, of the value) (value Family) not owned */
  AirRevoked *revoked; /* guarded by the mutex */
  unsigned generation; /* atomic: of what is revoked; from 1 on */
};

struct _AirIdentity
{
  gatomicrefcount references;
  AirIdentitySpec spec; /* with strings of its own */
  AirFamilies *table;   /* owned reference; NULL: cannot be revoked */
  Family *family;
  unsigned looked;      /* atomic: the generation in which it was looked up, times 2, and 1 if it was revoked then */
};

/* ---- Families ---- */

AirFamilies *
air_families_new (void)
{
  AirFamilies *families = g_new0 (AirFamilies, 1);
  g_atomic_ref_count_init (&families->references);
  g_mutex_init (&families->mutex);
  families->by_id = g_hash_table_new (g_str_hash, g_str_equal);
  families->revoked = air_revoked_new (MAX_REVOKED_FAMILIES, MAX_REVOKED_PEOPLE, MAX_REVOKED_CLASSES);
  families->generation = 1;
  return families;
}

void
air_families_unref (AirFamilies *families)
{
  if (families == NULL || !g_atomic_ref_count_dec (&families->references))
    return;
  g_hash_table_unref (families->by_id);
  air_revoked_free (families->revoked);
  g_mutex_clear (&families->mutex);
  g_free (families);
}

static void
raise_expiry (Family *family, int64_t expires_at)
{
  int64_t before = __atomic_load_n (&family->expires_at, __ATOMIC_RELAXED);
  while (before < expires_at
         && !__atomic_compare_exchange_n (&family->expires_at, &before, expires_at, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED))
    continue;
}

void
air_families_revoke (AirFamilies *families, const char *id, int64_t now_us, int64_t until_us)
{
  g_mutex_lock (&families->mutex);
  if (until_us == 0)
    air_revoked_remove_family (families->revoked, id);
  else
    air_revoked_add_family (families->revoked, id, now_us, until_us);
  __atomic_add_fetch (&families->generation, 1, __ATOMIC_RELEASE);
  g_mutex_unlock (&families->mutex);
}

bool
air_families_revoke_person (AirFamilies *families, const char *class_id, const char *user_id, bool revoked)
{
  bool done = true;
  g_mutex_lock (&families->mutex);
  if (revoked)
    done = air_revoked_add_person (families->revoked, class_id, user_id);
  else
    air_revoked_remove_person (families->revoked, class_id, user_id);
  __atomic_add_fetch (&families->generation, 1, __ATOMIC_RELEASE);
  g_mutex_unlock (&families->mutex);
  return done;
}

bool
air_families_revoke_class (AirFamilies *families, const char *class_id, bool students, int64_t until_us)
{
  g_mutex_lock (&families->mutex);
  bool done = air_revoked_add_class (families->revoked, class_id, students, until_us);
  __atomic_add_fetch (&families->generation, 1, __ATOMIC_RELEASE);
  g_mutex_unlock (&families->mutex);
  return done;
}

int64_t
air_families_get_class_revoked (AirFamilies *families, const char *class_id, AirRole role)
{
  g_mutex_lock (&families->mutex);
  int64_t until_us = air_revoked_get_class (families->revoked, class_id, role == AIR_ROLE_STUDENT);
  g_mutex_unlock (&families->mutex);
  return until_us;
}

unsigned
air_families_count (AirFamilies *families)
{
  g_mutex_lock (&families->mutex);
  unsigned count = g_hash_table_size (families->by_id);
  g_mutex_unlock (&families->mutex);
  return count;
}

static Family *
join_family (AirFamilies *families, const char *id, int64_t expires_at)
{
  g_mutex_lock (&families->mutex);
  Family *family = g_hash_table_lookup (families->by_id, id);
  if (family == NULL)
    {
      family = g_new0 (Family, 1);
      g_atomic_ref_count_inc (&families->references);
      family->table = families;
      family->id = g_strdup (id);
      g_hash_table_insert (families->by_id, family->id, family);
    }
  family->references++;
  raise_expiry (family, expires_at);
  g_mutex_unlock (&families->mutex);
  return family;
}

static void
leave_family (Family *family)
{
  if (family == NULL)
    return;
  AirFamilies *families = family->table;
  g_mutex_lock (&families->mutex);
  bool last = --family->references == 0;
  if (last)
    g_hash_table_remove (families->by_id, family->id);
  g_mutex_unlock (&families->mutex);
  if (!last)
    return;
  g_free (family->id);
  g_free (family);
  air_families_unref (families);
}

/* ---- Identities ---- */

AirIdentity *
air_identity_new (AirFamilies *families, const AirIdentitySpec *spec)
{
  AirIdentity *identity = g_new0 (AirIdentity, 1);
  g_atomic_ref_count_init (&identity->references);
  identity->spec = *spec;
  identity->spec.user_id = g_strdup (spec->user_id);
  identity->spec.class_id = g_strdup (spec->class_id);
  identity->spec.token_id = g_strdup (spec->token_id);
  identity->spec.path = g_strdup (spec->path);
  identity->spec.family = g_strdup (spec->family);
  identity->spec.name = g_strdup (spec->name);
  if (spec->family != NULL)
    identity->family = join_family (families, spec->family, spec->expires_at);
  if (families != NULL)
    {
      g_atomic_ref_count_inc (&families->references);
      identity->table = families;
    }
  return identity;
}

AirIdentity *
air_identity_ref (AirIdentity *identity)
{
  g_return_val_if_fail (identity != NULL, NULL);
  g_atomic_ref_count_inc (&identity->references);
  return identity;
}

void
air_identity_unref (AirIdentity *identity)
{
  g_return_if_fail (identity != NULL);
  if (!g_atomic_ref_count_dec (&identity->references))
    return;
  leave_family (identity->family);
  air_families_unref (identity->table);
  g_free ((char *)identity->spec.user_id);
  g_free ((char *)identity->spec.class_id);
  g_free ((char *)identity->spec.token_id);
  g_free ((char *)identity->spec.path);
  g_free ((char *)identity->spec.family);
  g_free ((char *)identity->spec.name);
  g_free (identity);
}

const AirIdentitySpec *
air_identity_get_spec (const AirIdentity *identity)
{
  return &identity->spec;
}

AirRole
air_identity_get_role (const AirIdentity *identity)
{
  return identity->spec.role;
}

const char *
air_identity_get_user_id (const AirIdentity *identity)
{
  return identity->spec.user_id;
}

const char *
air_identity_get_class_id (const AirIdentity *identity)
{
  return identity->spec.class_id;
}

const char *
air_identity_get_token_id (const AirIdentity *identity)
{
  return identity->spec.token_id;
}

const char *
air_identity_get_name (const AirIdentity *identity)
{
  return identity->spec.name;
}

const char *
air_identity_get_family (const AirIdentity *identity)
{
  return identity->spec.family;
}

static bool
is_shut_out (const AirIdentitySpec *spec, AirRevoked *revoked)
{
  return (spec->family != NULL && air_revoked_has_family (revoked, spec->family))
         || (spec->role == AIR_ROLE_STUDENT && air_revoked_has_person (revoked, spec->class_id, spec->user_id));
}

bool
air_identity_is_shut_out (const AirIdentity *identity)
{
  if (identity->table == NULL)
    return false;
  g_mutex_lock (&identity->table->mutex);
  bool shut_out = is_shut_out (&identity->spec, identity->table->revoked);
  g_mutex_unlock (&identity->table->mutex);
  return shut_out;
}

static bool
is_of_gone_class (const AirIdentitySpec *spec, AirRevoked *revoked)
{
  bool was_admitted = spec->role == AIR_ROLE_STUDENT && !spec->is_foreign;
  int64_t until_us = spec->role < AIR_ROLE_ADMIN ? air_revoked_get_class (revoked, spec->class_id, was_admitted) : 0;
  return until_us != 0 && spec->granted_us <= until_us;
}

bool
air_identity_is_revoked (const AirIdentity *identity)
{
  const AirIdentitySpec *spec = &identity->spec;
  AirFamilies *families = identity->table;
  if (families == NULL)
    return false;
  unsigned generation = __atomic_load_n (&families->generation, __ATOMIC_ACQUIRE);
  unsigned looked = __atomic_load_n (&identity->looked, __ATOMIC_RELAXED);
  if (looked >> 1 == (generation & UINT_MAX >> 1))
    return (looked & 1) != 0;
  g_mutex_lock (&families->mutex);
  bool revoked = is_shut_out (spec, families->revoked) || is_of_gone_class (spec, families->revoked);
  g_mutex_unlock (&families->mutex);
  __atomic_store_n (&((AirIdentity *)identity)->looked, generation << 1 | revoked, __ATOMIC_RELAXED);
  return revoked;
}

int64_t
air_identity_get_expires_at (const AirIdentity *identity)
{
  if (air_identity_is_revoked (identity))
    return LONG_AGO;
  if (identity->family == NULL)
    return identity->spec.expires_at;
  return __atomic_load_n (&identity->family->expires_at, __ATOMIC_RELAXED);
}

bool
air_identity_may (const AirIdentity *identity, AirAction action, const char *path)
{
  const AirIdentitySpec *spec = &identity->spec;
  if (path == NULL || (spec->path != NULL && !g_str_equal (spec->path, path)))
    return false;
  return action == AIR_ACTION_PUBLISH ? spec->may_publish : spec->may_read;
}

/* ---- Roles ---- */

static const char *const role_names[] = {
  [AIR_ROLE_NONE] = "none",       [AIR_ROLE_STUDENT] = "student", [AIR_ROLE_MONITOR] = "monitor",
  [AIR_ROLE_TEACHER] = "teacher", [AIR_ROLE_ADMIN] = "admin",     [AIR_ROLE_NODE] = "node",
};

const char *
air_role_to_string (AirRole role)
{
  return role_names[role];
}

bool
air_role_from_string (const char *name, AirRole *ret_role)
{
  for (unsigned i = 0; name != NULL && i < G_N_ELEMENTS (role_names); i++)
    if (g_str_equal (role_names[i], name))
      {
        *ret_role = (AirRole)i;
        return true;
      }
  return false;
}
