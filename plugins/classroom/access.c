/* Who may do what in which class. */
#include "classroom.h"

bool
classroom_check_kept (AirIdentity *identity, const char *class_id, AirRole least, GError **error)
{
  if (identity == NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED, "a token is needed");
      return false;
    }
  AirRole role = air_identity_get_role (identity);
  const char *own = air_identity_get_class_id (identity);
  /* Without a class: the server's keys. An admin's token is good for all. */
  bool is_own = own != NULL ? g_strcmp0 (own, class_id) == 0 || role >= AIR_ROLE_ADMIN : role >= AIR_ROLE_TEACHER;
  if (!is_own)
    g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN, "this token is for another class");
  else if (role < least)
    g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN, "this token does not grant this");
  return is_own && role >= least;
}

bool
classroom_check_session (Classroom *classroom, AirIdentity *identity, JsonNode *session, AirRole least, GError **error)
{
  const char *class_id = air_json_get_string (session, "class_id");
  if (!classroom_check_kept (identity, class_id, least, error))
    return false;
  bool is_bound = air_identity_get_class_id (identity) != NULL && air_identity_get_role (identity) < AIR_ROLE_ADMIN;
  bool is_other = room_find (classroom, class_id) != NULL && !air_classroom_owns (classroom->service, session);
  if (is_bound && is_other)
    g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "it is of an earlier class with this id");
  return !is_bound || !is_other;
}

bool
classroom_check (Classroom *classroom, AirIdentity *identity, const char *class_id, AirRole least, GError **error)
{
  if (!classroom_check_kept (identity, class_id, least, error))
    return false;
  Room *room = room_find (classroom, class_id);
  if (room == NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "there is no such class");
      return false;
    }
  if (air_identity_get_role (identity) == AIR_ROLE_STUDENT
      && room_has_banned (room, air_identity_get_user_id (identity), air_identity_get_family (identity), NULL))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN, "banned from this class");
      return false;
    }
  return true;
}
