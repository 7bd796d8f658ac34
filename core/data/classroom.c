/* AirClassroom: from the public functions to whoever provides the service. Main thread. */
#include <airclass/classroom.h>
#include <airclass/error.h>
#include <airclass/json.h>

G_DEFINE_INTERFACE (AirClassroom, air_classroom, G_TYPE_OBJECT)

static void
air_classroom_default_init (AirClassroomInterface *iface)
{
}

const AirClassInfo *
air_classroom_get_class (AirClassroom *classroom, const char *class_id)
{
  return AIR_CLASSROOM_GET_IFACE (classroom)->get_class (classroom, class_id);
}

const AirClassInfo *
air_classroom_get_class_of_session (AirClassroom *classroom, const char *session_id)
{
  return AIR_CLASSROOM_GET_IFACE (classroom)->get_class_of_session (classroom, session_id);
}

bool
air_classroom_check (AirClassroom *classroom, AirIdentity *identity, const char *class_id, AirRole least, GError **error)
{
  return AIR_CLASSROOM_GET_IFACE (classroom)->check (classroom, identity, class_id, least, error);
}

bool
air_classroom_owns (AirClassroom *classroom, JsonNode *document)
{
  const char *class_id = air_json_get_string (document, "class_id"), *made = air_json_get_string (document, "class_created_at");
  const AirClassInfo *class = class_id != NULL ? air_classroom_get_class (classroom, class_id) : NULL;
  return class != NULL && (made == NULL || g_strcmp0 (class->created_at, made) == 0);
}

bool
air_classroom_check_document (AirClassroom *classroom, AirIdentity *identity, JsonNode *document, AirRole least, GError **error)
{
  const char *class_id = air_json_get_string (document, "class_id");
  g_autoptr (GError) refusal = NULL;
  if (class_id == NULL)
    g_set_error_literal (&refusal, AIR_ERROR, AIR_ERROR_NOT_FOUND, "it belongs to no class");
  else if (air_classroom_check (classroom, identity, class_id, least, &refusal) && !air_classroom_owns (classroom, document))
    g_set_error_literal (&refusal, AIR_ERROR, AIR_ERROR_NOT_FOUND, "it belonged to a class that was deleted");
  if (refusal == NULL)
    return true;
  if (g_error_matches (refusal, AIR_ERROR, AIR_ERROR_NOT_FOUND) && identity != NULL
      && air_identity_get_role (identity) >= AIR_ROLE_ADMIN)
    return true;
  g_propagate_error (error, g_steal_pointer (&refusal));
  return false;
}

void
air_classroom_visit_members (AirClassroom *classroom, const char *class_id, AirMemberVisitor visitor, void *data)
{
  AIR_CLASSROOM_GET_IFACE (classroom)->visit_members (classroom, class_id, visitor, data);
}

const AirClassMember *
air_classroom_get_member (AirClassroom *classroom, const char *class_id, const char *user_id)
{
  return AIR_CLASSROOM_GET_IFACE (classroom)->get_member (classroom, class_id, user_id);
}

void
air_classroom_send (AirClassroom *classroom, const char *class_id, AirAudience audience, JsonNode *message)
{
  AIR_CLASSROOM_GET_IFACE (classroom)->send (classroom, class_id, audience, message);
}

void
air_classroom_send_to (AirClassroom *classroom, const char *class_id, const char *user_id, JsonNode *message)
{
  AIR_CLASSROOM_GET_IFACE (classroom)->send_to (classroom, class_id, user_id, message);
}

void
air_classroom_add_message (AirClassroom *classroom, const AirClassMessage *message, void *self)
{
  AIR_CLASSROOM_GET_IFACE (classroom)->add_message (classroom, message, self);
}

void
air_classroom_add_snapshot (AirClassroom *classroom, AirSnapshotWriter writer, void *self)
{
  AIR_CLASSROOM_GET_IFACE (classroom)->add_snapshot (classroom, writer, self);
}

void
air_classroom_remove (AirClassroom *classroom, void *self)
{
  AIR_CLASSROOM_GET_IFACE (classroom)->remove (classroom, self);
}

void
air_classroom_reply (AirClassroom *classroom, AirClassReply *reply, const GError *error, const char *problem)
{
  AIR_CLASSROOM_GET_IFACE (classroom)->reply (classroom, reply, error, problem);
}
