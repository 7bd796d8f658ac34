/* Who may come in as a student: asked by the core when somebody wants a token. */
#include "classroom.h"

/* Table of user ids for which somebody holds a token. */
#define MAX_HELD 100000

static char *
held_key (const char *class_id, const char *user_id)
{
  return g_strconcat (class_id, " ", user_id, NULL); /* a class id has no space */
}

void
classroom_hold_id (Classroom *classroom, const char *class_id, const char *user_id, int64_t until_s)
{
  char *key = held_key (class_id, user_id);
  const int64_t *before = g_hash_table_lookup (classroom->held_ids, key);
  if (before != NULL)
    until_s = MAX (until_s, *before);
  else if (g_hash_table_size (classroom->held_ids) >= MAX_HELD)
    {
      g_free (key);
      return;
    }
  g_hash_table_replace (classroom->held_ids, key, g_memdup2 (&until_s, sizeof until_s));
}

static gboolean
is_over (gpointer key, gpointer until_s, gpointer now_s)
{
  return *(int64_t *)until_s <= *(int64_t *)now_s;
}

void
classroom_prune_held (Classroom *classroom, int64_t now_s)
{
  g_hash_table_foreach_remove (classroom->held_ids, is_over, &now_s);
}

void
classroom_note_issued (AirIdentity *identity, void *self)
{
  Classroom *classroom = self;
  const char *class_id = air_identity_get_class_id (identity);
  if (room_find (classroom, class_id) != NULL)
    classroom_hold_id (classroom, class_id, air_identity_get_user_id (identity), air_identity_get_expires_at (identity));
}

static bool
is_held (Classroom *classroom, const char *class_id, const char *user_id)
{
  g_autofree char *key = held_key (class_id, user_id);
  const int64_t *until_s = g_hash_table_lookup (classroom->held_ids, key);
  return until_s != NULL && *until_s > g_get_real_time () / G_USEC_PER_SEC;
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
