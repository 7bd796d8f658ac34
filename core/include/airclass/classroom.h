/* The classroom: classes, who is in them, and their WebSockets. One plugin provides this service; others put what they
 * know into the same sockets, so that a page has one connection. Main thread; nothing here waits.
 */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#include <airclass/auth.h>
#include <airclass/types.h>

G_BEGIN_DECLS

#define AIR_CLASSROOM_SERVICE "classroom"

#define AIR_TYPE_CLASSROOM (air_classroom_get_type ())
AIR_PUBLIC G_DECLARE_INTERFACE (AirClassroom, air_classroom, AIR, CLASSROOM, GObject)

/* What is known of a class now; borrowed, valid until the main loop runs again. */
typedef struct
{
  const char *class_id;
  const char *title;
  const char *teacher_id;     /* NULL: nobody in particular */
  const char *session_id;     /* of the running session; NULL: none */
  int64_t session_started_us; /* wall clock; 0 without a session */
  JsonNode *settings;         /* the class document's `settings` object; never NULL */
  unsigned students_present;  /* those of the members who are students and present: so many, without looking at each */
  const char *created_at;     /* as its document has it: tells it from an earlier class with the same id */
} AirClassInfo;

/* One person in a class, however many sockets; borrowed likewise. */
typedef struct
{
  const char *class_id;
  const char *user_id;
  const char *name; /* as shown; two may have the same */
  AirRole role;
  int64_t since_us; /* wall clock: in the class without a break since then */
  bool present;     /* has a socket now */
} AirClassMember;

/* Whom a message is for. */
typedef enum
{
  AIR_AUDIENCE_STUDENTS = 1 << 0,
  AIR_AUDIENCE_MONITORS = 1 << 1,
  AIR_AUDIENCE_TEACHERS = 1 << 2,
  AIR_AUDIENCE_ALL = AIR_AUDIENCE_STUDENTS | AIR_AUDIENCE_MONITORS | AIR_AUDIENCE_TEACHERS,
} AirAudience;

/* The sender of a message that is being dealt with, who waits for `ok` or `error`. */
typedef struct _AirClassReply AirClassReply;

/* What one socket of a person said last. */
typedef struct
{
  JsonNode *message;
  int64_t age_us;
} AirClassReport;

/* A type of message that a page may send over its socket. */
typedef struct
{
  const char *type;   /* "hand" */
  AirRole role;       /* least role that may send it */
  const char *schema; /* name under components/schemas in the OpenAPI document, of the whole message; checked before the handler */
  unsigned per_minute; /* limit for one person; more is answered by an `error` message. 0: 60 */
  /* On @error the sender gets an `error` message with its text. @message: borrowed. */
  bool (*handler) (const AirClassMember *from, JsonNode *message, void *self, GError **error);
  /* Instead of @handler, for what cannot be answered within the call: @reply is given to air_classroom_reply() once, now or later. */
  void (*handler_later) (const AirClassMember *from, JsonNode *message, AirClassReply *reply, void *self);
  /* For what is true of one page and not of its person: the last message of each open socket is kept, and @handler (not
   * @handler_later) gets what this makes (transfer full) of a person's @count reports, at least one, the newest first; also when one of
   * several sockets has closed. NULL: @handler gets each message as it is. */
  JsonNode *(*combine) (const AirClassReport *reports, unsigned count, void *self);
} AirClassMessage;

/* Adds members to the snapshot that @member's socket begins with. */
typedef void (*AirSnapshotWriter) (const AirClassMember *member, JsonObject *snapshot, void *self);
typedef void (*AirMemberVisitor) (const AirClassMember *member, void *data);

struct _AirClassroomInterface
{
  GTypeInterface parent;
  const AirClassInfo *(*get_class) (AirClassroom *classroom, const char *class_id);
  const AirClassInfo *(*get_class_of_session) (AirClassroom *classroom, const char *session_id);
  bool (*check) (AirClassroom *classroom, AirIdentity *identity, const char *class_id, AirRole least, GError **error);
  void (*visit_members) (AirClassroom *classroom, const char *class_id, AirMemberVisitor visitor, void *data);
  const AirClassMember *(*get_member) (AirClassroom *classroom, const char *class_id, const char *user_id);
  void (*send) (AirClassroom *classroom, const char *class_id, AirAudience audience, JsonNode *message);
  void (*send_to) (AirClassroom *classroom, const char *class_id, const char *user_id, JsonNode *message);
  void (*add_message) (AirClassroom *classroom, const AirClassMessage *message, void *self);
  void (*add_snapshot) (AirClassroom *classroom, AirSnapshotWriter writer, void *self);
  void (*remove) (AirClassroom *classroom, void *self);
  void (*reply) (AirClassroom *classroom, AirClassReply *reply, const GError *error, const char *problem);
};

/* Returns: (transfer none) NULL when there is no such class. */
AIR_PUBLIC const AirClassInfo *air_classroom_get_class (AirClassroom *classroom, const char *class_id);
/* The class of a session that runs now; NULL for one that has ended (its document in `sessions` has the class_id). */
AIR_PUBLIC const AirClassInfo *air_classroom_get_class_of_session (AirClassroom *classroom, const char *session_id);
/* Whether @identity (may be NULL: nobody) has at least the role @least in this class: AIR_ERROR_UNAUTHORIZED, _FORBIDDEN (also for
 * another class's token) or _NOT_FOUND. Works for classes without a session, too. */
AIR_PUBLIC bool air_classroom_check (AirClassroom *classroom, AirIdentity *identity, const char *class_id, AirRole least,
                                     GError **error);
/* Whether @document, of any collection, belongs to the class as it is now: by its `class_id` and, where it has one, its
 * `class_created_at`. A class that was deleted leaves documents; one that is made again under its id does not inherit them. */
AIR_PUBLIC bool air_classroom_owns (AirClassroom *classroom, JsonNode *document);
/* Whether @identity has the role @least in the class that @document belongs to. What a deleted class has left is an admin's; for others
 * it is AIR_ERROR_NOT_FOUND. Also for a session, while it runs and afterwards. */
AIR_PUBLIC bool air_classroom_check_document (AirClassroom *classroom, AirIdentity *identity, JsonNode *document, AirRole least,
                                              GError **error);
/* Everybody who has been in the running session (present or not); without a session those who are present. */
AIR_PUBLIC void air_classroom_visit_members (AirClassroom *classroom, const char *class_id, AirMemberVisitor visitor,
                                             void *data);
/* Returns: (transfer none) NULL when that user has not been here. */
AIR_PUBLIC const AirClassMember *air_classroom_get_member (AirClassroom *classroom, const char *class_id,
                                                           const char *user_id);
/* Sends @message (transfer full, {"type": …}; `id` and `at` are added) to all sockets of the class that @audience names. It is kept a while for
 * sockets that resume. */
AIR_PUBLIC void air_classroom_send (AirClassroom *classroom, const char *class_id, AirAudience audience, JsonNode *message);
/* The same, to one person's sockets. */
AIR_PUBLIC void air_classroom_send_to (AirClassroom *classroom, const char *class_id, const char *user_id, JsonNode *message);
/* The caller's own messages and parts of the snapshot; strings are static. @self tells registrations apart: remove() takes back all
 * of one @self, which a plugin does in its stop(). */
AIR_PUBLIC void air_classroom_add_message (AirClassroom *classroom, const AirClassMessage *message, void *self);
AIR_PUBLIC void air_classroom_add_snapshot (AirClassroom *classroom, AirSnapshotWriter writer, void *self);
AIR_PUBLIC void air_classroom_remove (AirClassroom *classroom, void *self);
/* Answers @reply (transfer full), whether its sender is still there or not: with `ok`, or where there is an @error with `error`, its
 * problem being @problem (NULL: as the code of an AIR_ERROR has it). */
AIR_PUBLIC void air_classroom_reply (AirClassroom *classroom, AirClassReply *reply, const GError *error, const char *problem);

G_END_DECLS
