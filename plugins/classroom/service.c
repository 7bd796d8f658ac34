/* What other plugins see of the classroom: the interface AirClassroom. */
#include "classroom.h"

#define CLASSROOM_TYPE_SERVICE (classroom_service_get_type ())
G_DECLARE_FINAL_TYPE (ClassroomService, classroom_service, CLASSROOM, SERVICE, GObject)

struct _ClassroomService
{
  GObject parent;
  Classroom *classroom; /* owns this object */
};

static void service_iface_init (AirClassroomInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ClassroomService, classroom_service, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (AIR_TYPE_CLASSROOM, service_iface_init))

static Classroom *
get (AirClassroom *service)
{
  return CLASSROOM_SERVICE (service)->classroom;
}

static const AirClassInfo *
get_class (AirClassroom *service, const char *class_id)
{
  Room *room = room_find (get (service), class_id);
  return room != NULL ? room_get_info (room) : NULL;
}

static const AirClassInfo *
get_class_of_session (AirClassroom *service, const char *session_id)
{
  Room *room = room_find_session (get (service), session_id);
  return room != NULL ? room_get_info (room) : NULL;
}

static bool
check (AirClassroom *service, AirIdentity *identity, const char *class_id, AirRole least, GError **error)
{
  return classroom_check (get (service), identity, class_id, least, error);
}

static void
visit_members (AirClassroom *service, const char *class_id, AirMemberVisitor visitor, void *data)
{
  Room *room = room_find (get (service), class_id);
  GHashTableIter iter;
  Member *member = NULL;
  if (room == NULL)
    return;
  g_hash_table_iter_init (&iter, room->members);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&member))
    visitor (&member->info, data);
}

static const AirClassMember *
get_member (AirClassroom *service, const char *class_id, const char *user_id)
{
  Room *room = room_find (get (service), class_id);
  const Member *member = room != NULL ? member_find_any (room, user_id) : NULL;
  return member != NULL ? &member->info : NULL;
}

static void
send_message (AirClassroom *service, const char *class_id, AirAudience audience, JsonNode *message)
{
  Room *room = room_find (get (service), class_id);
  if (room != NULL)
    room_send (room, audience, message);
  else
    json_node_unref (message);
}

static void
send_to (AirClassroom *service, const char *class_id, const char *user_id, JsonNode *message)
{
  Room *room = room_find (get (service), class_id);
  if (room != NULL)
    room_send_to (room, user_id, message);
  else
    json_node_unref (message);
}

static void
add_message (AirClassroom *service, const AirClassMessage *message, void *self)
{
  classroom_add_message (get (service), message, self);
}

static void
add_snapshot (AirClassroom *service, AirSnapshotWriter writer, void *self)
{
  classroom_add_snapshot_part (get (service), writer, self);
}

static void
remove_parts (AirClassroom *service, void *self)
{
  classroom_remove_parts (get (service), self);
}

static void
reply (AirClassroom *service, AirClassReply *reply_to, const GError *error, const char *problem)
{
  classroom_reply (reply_to, error, problem);
}

static void
service_iface_init (AirClassroomInterface *iface)
{
  iface->reply = reply;
  iface->get_class = get_class;
  iface->get_class_of_session = get_class_of_session;
  iface->check = check;
  iface->visit_members = visit_members;
  iface->get_member = get_member;
  iface->send = send_message;
  iface->send_to = send_to;
  iface->add_message = add_message;
  iface->add_snapshot = add_snapshot;
  iface->remove = remove_parts;
}

static void
classroom_service_class_init (ClassroomServiceClass *class)
{
}

static void
classroom_service_init (ClassroomService *service)
{
}

AirClassroom *
classroom_service_new (Classroom *classroom)
{
  ClassroomService *service = g_object_new (CLASSROOM_TYPE_SERVICE, NULL);
  service->classroom = classroom;
  return AIR_CLASSROOM (service);
}
