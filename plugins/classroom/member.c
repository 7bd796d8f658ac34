/* The people of a class. A student, a teacher and a projector of one user id are three: nobody gets at another role's things by
 * choosing its user id. */
#include "classroom.h"

/* Of those who are not here so many may be known outside of a run, besides as many as are here. */
#define FEW 64

static char *
member_key (Kind kind, const char *user_id)
{
  return g_strdup_printf ("%c%s", "smt"[kind], user_id);
}

Kind
kind_of_role (AirRole role)
{
  return role >= AIR_ROLE_TEACHER ? KIND_TEACHER : role == AIR_ROLE_MONITOR ? KIND_MONITOR : KIND_STUDENT;
}

Member *
member_find (Room *room, Kind kind, const char *user_id)
{
  g_autofree char *key = member_key (kind, user_id);
  return g_hash_table_lookup (room->members, key);
}

Member *
member_find_any (Room *room, const char *user_id)
{
  static const Kind order[] = { KIND_STUDENT, KIND_TEACHER, KIND_MONITOR };
  Member *member = NULL;
  for (unsigned i = 0; user_id != NULL && member == NULL && i < G_N_ELEMENTS (order); i++)
    member = member_find (room, order[i], user_id);
  return member;
}

void
member_set_name (Member *member, const char *name)
{
  if (name == NULL || g_str_equal (name, member->name))
    return;
  g_free (member->name);
  member->name = g_strdup (name);
  member->info.name = member->name;
}

Member *
member_ensure (Room *room, Kind kind, const char *user_id, const char *name, AirRole role)
{
  Member *member = member_find (room, kind, user_id);
  if (member != NULL)
    return member;
  member = g_new0 (Member, 1);
  member->room = room;
  member->user_id = g_strdup (user_id);
  member->name = g_strdup (name != NULL ? name : user_id);
  member->rates = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  member->clients = g_ptr_array_new ();
  member->info = (AirClassMember){
    .class_id = room->class_id, .user_id = member->user_id, .name = member->name, .role = role, .since_us = g_get_real_time ()
  };
  g_hash_table_insert (room->members, member_key (kind, user_id), member);
  return member;
}

void
member_free (Member *member)
{
  g_hash_table_unref (member->rates);
  g_ptr_array_unref (member->clients);
  g_free (member->user_id);
  g_free (member->name);
  g_free (member->token_name);
  g_free (member->address);
  g_free (member->attendance_id);
  g_free (member);
}

bool
member_is_here (const Member *member)
{
  return member->clients->len > 0;
}

static gboolean
is_absent (gpointer key, gpointer member, gpointer data)
{
  return !member_is_here (member);
}

/* Those of whom another node told stay until there are as many as who are here: so that a class that goes home does not look at all who are
 * still there each time that one leaves. */
void
room_forget_absent (Room *room, Member *left)
{
  unsigned here = 0;
  if (room->session != NULL)
    return;
  for (unsigned i = 0; i < KINDS; i++)
    here += room->clients[i]->len;
  if (left == NULL || g_hash_table_size (room->members) > 2 * here + FEW)
    g_hash_table_foreach_remove (room->members, is_absent, NULL);
  else
    {
      g_autofree char *key = member_key (kind_of_role (left->info.role), left->user_id);
      g_hash_table_remove (room->members, key);
    }
}
