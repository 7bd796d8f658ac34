/* A class is deleted: its sessions and their reports stay, and that it was there.
 *
 * Another class may be made under its id, by somebody else, with a PIN of its own. So that nobody comes in with what was for the first one,
 * its tokens are revoked then; the collection `deleted_classes` says until when, also after a restart and to other nodes. Until then they
 * are good for what is left: a teacher reads the reports. Whoever was let in while there was no class is asked for the PIN, too. */
#include "classroom.h"

#define COLLECTION "deleted_classes"

typedef struct
{
  Classroom *classroom;
  AirRequest *request;
  char *class_id;
  int64_t at_us; /* wall clock, a whole millisecond: times in the store have no more */
} Deletion;

static void
deletion_free (Deletion *deletion, GError *error)
{
  Classroom *classroom = deletion->classroom;
  Room *room = room_find (classroom, deletion->class_id);
  if (room != NULL)
    room->deleting = false;
  if (error != NULL)
    air_request_reply_error (deletion->request, error);
  else
    air_request_reply_empty (deletion->request, 204);
  air_request_unref (deletion->request);
  g_free (deletion->class_id);
  g_free (deletion);
  classroom_end_write (classroom);
}

void
room_revoke_earlier (Room *room)
{
  Classroom *classroom = room->classroom;
  const int64_t *deleted_us = g_hash_table_lookup (classroom->deleted, room->class_id);
  int64_t made_us = air_time_from_string (air_json_get_string (room->document, "created_at"));
  bool has_pin = air_json_get_string (room->document, "pin") != NULL;
  if ((deleted_us != NULL && !air_context_revoke_class (classroom->context, room->class_id, false, *deleted_us))
      || (has_pin && !air_context_revoke_class (classroom->context, room->class_id, true, made_us)))
    g_warning ("there have been so many classes that tokens from before \"%s\" stay good until they end", room->class_id);
}

static void
note_deleted (Classroom *classroom, const char *class_id, int64_t at_us)
{
  int64_t *until_us = g_new (int64_t, 1);
  *until_us = at_us;
  g_hash_table_replace (classroom->deleted, g_strdup (class_id), until_us);
  Room *room = room_find (classroom, class_id);
  if (room != NULL)
    room_revoke_earlier (room);
}

/* From memory, with all that are in it. */
static void
forget (Classroom *classroom, const char *class_id)
{
  Room *room = room_find (classroom, class_id);
  if (room == NULL)
    return;
  if (room->session != NULL)
    session_finish (room);
  room_close_clients (room, NULL, 4404, "the class was deleted");
  for (unsigned i = 0; i < KINDS; i++)
    while (room->clients[i]->len > 0)
      presence_leave (room->clients[i]->pdata[room->clients[i]->len - 1]);
  room_set_bans (room, NULL); /* nobody is banned from a class that is made anew under this id */
  g_hash_table_remove (classroom->rooms, class_id);
  classroom_drop_held (classroom, class_id);
}

/* ---- By a teacher, here */

static void
on_removed (GObject *store, GAsyncResult *result, gpointer data)
{
  Deletion *deletion = data;
  Classroom *classroom = deletion->classroom;
  g_autoptr (GError) error = NULL;
  if (air_store_remove_finish (AIR_STORE (store), result, &error) >= 0)
    {
      forget (classroom, deletion->class_id);
      note_deleted (classroom, deletion->class_id, deletion->at_us);
      air_context_publish_event (classroom->context,
                                 air_event_class_changed_new (deletion->class_id, AIR_EVENT_CLASS_CHANGED_CHANGE_DELETED));
    }
  deletion_free (deletion, error);
}

/* If the class cannot be removed now, the mark stays; after a restart its tokens are then refused once, and new ones are not. */
static void
on_marked (GObject *store, GAsyncResult *result, gpointer data)
{
  Deletion *deletion = data;
  g_autoptr (GError) error = NULL;
  if (!air_store_update_finish (AIR_STORE (store), result, NULL, &error))
    {
      deletion_free (deletion, error);
      return;
    }
  g_autoptr (JsonNode) filter = air_json_new ("{class_id:%s}", deletion->class_id);
  air_store_remove (deletion->classroom->store, "classes", filter, on_removed, deletion);
}

static void
delete_class (AirRequest *request, void *self)
{
  Classroom *classroom = self;
  g_autoptr (GError) error = NULL;
  const char *class_id = air_request_get_variable (request, "class_id");
  if (!classroom_check (classroom, air_request_get_identity (request), class_id, AIR_ROLE_TEACHER, &error))
    {
      air_request_reply_error (request, error);
      return;
    }
  Room *room = room_find (classroom, class_id);
  if (room->session != NULL)
    session_end (room, "class-deleted");
  room->deleting = true;
  Deletion *deletion = g_new0 (Deletion, 1);
  *deletion = (Deletion){ classroom, air_request_ref (request), g_strdup (class_id), (g_get_real_time () / 1000 + 1) * 1000 };
  classroom_begin_write (classroom);
  g_autoptr (JsonNode) filter = air_json_new ("{class_id:%s}", class_id);
  g_autoptr (JsonNode) changes = air_json_new ("{$set:{deleted_at:%t}}", deletion->at_us);
  air_store_update (classroom->store, COLLECTION, filter, changes, AIR_STORE_UPSERT, on_marked, deletion);
}

void
classroom_add_deletion_route (AirContext *context)
{
  static const AirRoute route = { .method = "DELETE", .template = "/api/classes/{class_id}",
                                  .summary = "Deletes a class; its reports stay", .role = AIR_ROLE_TEACHER,
                                  .handler = delete_class };
  air_context_add_route (context, &route);
}

/* ---- On another node: that one has written when */

typedef struct
{
  Classroom *classroom;
  char *class_id;
} Elsewhere;

static void
on_mark (GObject *store, GAsyncResult *result, gpointer data)
{
  Elsewhere *elsewhere = data;
  Classroom *classroom = elsewhere->classroom;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) mark = air_store_get_finish (AIR_STORE (store), result, &error);
  if (mark != NULL)
    note_deleted (classroom, elsewhere->class_id, air_time_from_string (air_json_get_string (mark, "deleted_at")));
  else
    g_warning ("when the class \"%s\" was deleted is not known, its tokens stay good until they end: %s", elsewhere->class_id,
               error->message);
  g_free (elsewhere->class_id);
  g_free (elsewhere);
  classroom_end_write (classroom);
}

void
classroom_take_deletion (Classroom *classroom, const char *class_id)
{
  forget (classroom, class_id);
  Elsewhere *elsewhere = g_new0 (Elsewhere, 1);
  *elsewhere = (Elsewhere){ classroom, g_strdup (class_id) };
  classroom_begin_write (classroom);
  air_store_get (classroom->store, COLLECTION, class_id, on_mark, elsewhere);
}

/* ---- At the start */

typedef struct
{
  Classroom *classroom;
  GTask *task;
} Reading;

static void find_marks (Reading *reading, const char *cursor);

static void
on_marks (GObject *store, GAsyncResult *result, gpointer data)
{
  Reading *reading = data;
  GError *error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (store), result, &error);
  for (unsigned i = 0; page != NULL && i < page->documents->len; i++)
    {
      JsonNode *mark = page->documents->pdata[i];
      note_deleted (reading->classroom, air_json_get_string (mark, "class_id"), air_time_from_string (air_json_get_string (mark, "deleted_at")));
    }
  if (page != NULL && page->cursor != NULL)
    {
      find_marks (reading, page->cursor);
      return;
    }
  g_autoptr (GTask) task = reading->task;
  g_free (reading);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
find_marks (Reading *reading, const char *cursor)
{
  const AirStoreQuery query = { .cursor = cursor };
  air_store_find (reading->classroom->store, COLLECTION, &query, on_marks, reading);
}

void
classroom_read_deletions (Classroom *classroom, GAsyncReadyCallback callback, void *data)
{
  Reading *reading = g_new0 (Reading, 1);
  *reading = (Reading){ classroom, g_task_new (NULL, NULL, callback, data) };
  find_marks (reading, NULL);
}
