/* AirClassroom: from the public functions to whoever provides the service. Main thread. */
#include <airclass/classroom.h>

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
