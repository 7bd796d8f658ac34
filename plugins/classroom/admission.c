/* Who may come in as a student: asked by the core when somebody wants a token. */
#include "classroom.h"

#include <string.h>

/* Table of user ids for which somebody holds a token. */
#define MAX_HELD 100000

static char *
held_key (const char *class_id, const char *user_id)
{
  return g_strconcat (class_id, " ", user_id, NULL); /* a class id has no space */
}

/* Of one user id of a class. */
typedef struct
{
  int64_t until_s; /* wall clock: a token for it is good until then */
  unsigned count;
  char *families[MAX_FAMILIES]; /* of its tokens, the newest last */
} Holding;

void
holding_free (void *data)
{
  Holding *holding = data;
  for (unsigned i = 0; i < holding->count; i++)
    g_free (holding->families[i]);
  g_free (holding);
}

/* NULL: too many are held. */
static Holding *
hold (Classroom *classroom, const char *class_id, const char *user_id, int64_t until_s)
{
  char *key = held_key (class_id, user_id);
  Holding *holding = g_hash_table_lookup (classroom->held_ids, key);
  if (holding == NULL && g_hash_table_size (classroom->held_ids) < MAX_HELD)
    {
      holding = g_new0 (Holding, 1);
      g_hash_table_insert (classroom->held_ids, g_steal_pointer (&key), holding);
    }
  g_free (key);
  if (holding != NULL)
    holding->until_s = MAX (holding->until_s, until_s);
  return holding;
}

static void
add_family (Holding *holding, const char *family)
{
  for (unsigned i = 0; i < holding->count; i++)
    if (g_str_equal (holding->families[i], family))
      return;
  if (holding->count == MAX_FAMILIES)
    {
      g_free (holding->families[0]);
      memmove (holding->families, holding->families + 1, (MAX_FAMILIES - 1) * sizeof holding->families[0]);
      holding->count--;
    }
  holding->families[holding->count++] = g_strdup (family);
}

void
classroom_hold_id (Classroom *classroom, const char *class_id, const char *user_id, int64_t until_s)
{
  hold (classroom, class_id, user_id, until_s);
}

void
classroom_hold_token (Classroom *classroom, const char *class_id, AirIdentity *identity)
{
  const char *family = air_identity_get_family (identity), *user_id = air_identity_get_user_id (identity);
  if (user_id == NULL || air_identity_get_role (identity) != AIR_ROLE_STUDENT)
    return;
  Holding *holding = hold (classroom, class_id, user_id, air_identity_get_expires_at (identity));
  if (holding != NULL && family != NULL)
    add_family (holding, family);
}

char *const *
classroom_get_held_families (Classroom *classroom, const char *class_id, const char *user_id, unsigned *ret_count)
{
  g_autofree char *key = held_key (class_id, user_id);
  Holding *holding = g_hash_table_lookup (classroom->held_ids, key);
  *ret_count = holding != NULL ? holding->count : 0;
  return holding != NULL ? holding->families : NULL;
}

static gboolean
is_over (gpointer key, gpointer holding, gpointer now_s)
{
  return ((Holding *)holding)->until_s <= *(int64_t *)now_s;
}

void
classroom_prune_held (Classroom *classroom, int64_t now_s)
{
  g_hash_table_foreach_remove (classroom->held_ids, is_over, &now_s);
}

static gboolean
is_of_class (gpointer key, gpointer holding, gpointer class_id)
{
  size_t length = strlen (class_id);
  return strncmp (key, class_id, length) == 0 && ((const char *)key)[length] == ' ';
}

void
classroom_drop_held (Classroom *classroom, const char *class_id)
{
  g_hash_table_foreach_remove (classroom->held_ids, is_of_class, (void *)class_id);
}

void
classroom_note_issued (AirIdentity *identity, void *self)
{
  Classroom *classroom = self;
  const char *class_id = air_identity_get_class_id (identity);
  if (room_find (classroom, class_id) != NULL)
    classroom_hold_token (classroom, class_id, identity);
}

static bool
is_held (Classroom *classroom, const char *class_id, const char *user_id)
{
  g_autofree char *key = held_key (class_id, user_id);
  const Holding *holding = g_hash_table_lookup (classroom->held_ids, key);
  return holding != NULL && holding->until_s > g_get_real_time () / G_USEC_PER_SEC;
}

/* The holder of a student's token of this class. */
static const char *
get_known_user (const AirAdmissionRequest *request)
{
  if (request->identity == NULL || air_identity_get_role (request->identity) != AIR_ROLE_STUDENT
      || g_strcmp0 (air_identity_get_class_id (request->identity), request->class_id) != 0)
    return NULL;
  return air_identity_get_user_id (request->identity);
}

static bool
check_secret (Room *room, const AirAdmissionRequest *request, GError **error)
{
  const char *pin = air_json_get_string (room->document, "pin");
  if (pin == NULL || air_secret_equal (request->join, air_json_get_string (room->document, "join_secret"))
      || air_secret_equal (request->pin, pin))
    return true;
  if (request->pin != NULL || request->join != NULL)
    g_set_error (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED, "this PIN or link is not that of the class");
  else
    g_set_error (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED, "this class needs its PIN or its join link");
  return false;
}

bool
classroom_admit (const AirAdmissionRequest *request, AirAdmitted *ret_admitted, void *self, GError **error)
{
  Classroom *classroom = self;
  Room *room = room_find (classroom, request->class_id);
  if (room == NULL)
    {
      /* A stream may be published without a class around it. */
      if (air_context_get_bool (classroom->context, "streams_without_class"))
        {
          ret_admitted->user_id = g_strdup (request->user_id);
          return true;
        }
      g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "there is no such class");
      return false;
    }
  if (room->deleting)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "this class is being deleted");
      return false;
    }
  const char *known = get_known_user (request);
  g_autofree char *address = known == NULL ? address_group (request->address) : NULL;
  const char *family = known != NULL ? air_identity_get_family (request->identity) : NULL;
  const char *user_id = request->user_id != NULL ? request->user_id : known;
  if (known == NULL && !check_secret (room, request, error))
    return false;
  if (room_has_banned (room, user_id, family, address) || room_has_banned (room, known, NULL, NULL))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN, "banned from this class");
      return false;
    }
  bool is_own = user_id != NULL && g_strcmp0 (user_id, known) == 0;
  if (user_id != NULL && (is_own || !is_held (classroom, request->class_id, user_id)))
    ret_admitted->user_id = g_strdup (user_id);
  return true;
}
