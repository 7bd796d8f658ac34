/* Reads the classes and their running sessions when the plugin starts, so that a restart in mid-class is only a reconnect.
 *
 * One question after the other: which classes were deleted, classes, runs, then for each run who has been there and what was said; last, the stays that this server
 * left open are closed at the time that they were last seen. */
#include "classroom.h"

#define DEFAULT_CLASS "stream"

typedef struct
{
  Classroom *classroom;
  GTask *task;
  GPtrArray *session_rooms; /* (element-type Room) with a run, borrowed */
  unsigned next_room;
  char *cursor;
  bool chat_next;
} Loader;

static void find_classes (Loader *loader);
static void find_sessions (Loader *loader);
static void load_next_room (Loader *loader);

static void
finish (Loader *loader, GError *error)
{
  g_autoptr (GTask) task = loader->task;
  Classroom *classroom = loader->classroom;
  g_ptr_array_unref (loader->session_rooms);
  g_free (loader->cursor);
  g_free (loader);
  classroom_end_write (classroom);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
add_room (Classroom *classroom, JsonNode *document)
{
  Room *room = room_new (classroom, json_node_ref (document));
  g_hash_table_insert (classroom->rooms, g_strdup (room->class_id), room);
}

/* ---- Classes */

static void
on_default_made (GObject *store, GAsyncResult *result, gpointer data)
{
  Loader *loader = data;
  g_autoptr (GError) error = NULL;
  bool made = air_store_insert_finish (AIR_STORE (store), result, &error);
  /* Another node may have been first. */
  if (made || g_error_matches (error, AIR_ERROR, AIR_ERROR_CONFLICT))
    find_classes (loader);
  else
    finish (loader, g_steal_pointer (&error));
}

/* live/stream works from the first start on. */
static void
make_default (Loader *loader)
{
  g_autoptr (JsonNode) document = class_document_new (DEFAULT_CLASS, "AIRClass", NULL, NULL, NULL);
  air_store_insert (loader->classroom->store, "classes", document, on_default_made, loader);
}

static void
on_classes (GObject *store, GAsyncResult *result, gpointer data)
{
  Loader *loader = data;
  Classroom *classroom = loader->classroom;
  GError *error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (store), result, &error);
  if (page == NULL)
    {
      finish (loader, error);
      return;
    }
  for (unsigned i = 0; i < page->documents->len; i++)
    add_room (classroom, page->documents->pdata[i]);
  g_free (loader->cursor);
  loader->cursor = g_steal_pointer (&page->cursor);
  if (loader->cursor != NULL)
    find_classes (loader);
  else if (g_hash_table_size (classroom->rooms) == 0)
    make_default (loader);
  else
    find_sessions (loader);
}

static void
find_classes (Loader *loader)
{
  const AirStoreQuery query = { .cursor = loader->cursor };
  air_store_find (loader->classroom->store, "classes", &query, on_classes, loader);
}

/* ---- Runs */

static void
restore_session (Loader *loader, JsonNode *document)
{
  Room *room = room_find (loader->classroom, air_json_get_string (document, "class_id"));
  if (room == NULL || room->session != NULL)
    return;
  JsonNode *counts = air_json_get (document, "counts");
  Session *session = g_new0 (Session, 1);
  *session = (Session){ .session_id = g_strdup (air_json_get_string (document, "session_id")),
                        .title = g_strdup (air_json_get_string (document, "title")),
                        .started_us = air_time_from_string (air_json_get_string (document, "started_at")),
                        .peak = (unsigned)air_json_get_int (counts, "peak", 0),
                        .messages = (unsigned)air_json_get_int (counts, "messages", 0),
                        .hands = (unsigned)air_json_get_int (counts, "hands", 0),
                        .reactions = (unsigned)air_json_get_int (counts, "reactions", 0) };
  /* A clock that was set back meanwhile does not make the run begin in the future. */
  session->anchor_us = MAX (g_get_real_time (), session->started_us);
  session->anchor_mono_us = g_get_monotonic_time ();
  room_set_session (room, session);
  session_check_absence (room, document);
  JsonArray *hands = air_json_get_array (document, "hands"), *lost = air_json_get_array (document, "lost");
  for (unsigned i = 0; hands != NULL && i < json_array_get_length (hands); i++)
    member_ensure (room, KIND_STUDENT, json_array_get_string_element (hands, i), NULL, AIR_ROLE_STUDENT)->hand = true;
  for (unsigned i = 0; lost != NULL && i < json_array_get_length (lost); i++)
    member_ensure (room, KIND_STUDENT, json_array_get_string_element (lost, i), NULL, AIR_ROLE_STUDENT)->lost = true;
  g_ptr_array_add (loader->session_rooms, room);
}

static void
on_sessions (GObject *store, GAsyncResult *result, gpointer data)
{
  Loader *loader = data;
  GError *error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (store), result, &error);
  if (page == NULL)
    {
      finish (loader, error);
      return;
    }
  for (unsigned i = 0; i < page->documents->len; i++)
    restore_session (loader, page->documents->pdata[i]);
  load_next_room (loader);
}

static void
find_sessions (Loader *loader)
{
  g_autoptr (JsonNode) filter = air_json_new ("{ended_at:{$exists:false}}");
  const AirStoreQuery query = { .filter = filter, .sort = "-started_at" };
  air_store_find (loader->classroom->store, "sessions", &query, on_sessions, loader);
}

/* ---- Who was there, what was said */

static void
restore_stay (Classroom *classroom, Room *room, JsonNode *stay)
{
  const char *user_id = air_json_get_string (stay, "user_id"), *name = air_json_get_string (stay, "name");
  Member *member = member_ensure (room, KIND_STUDENT, user_id, name, AIR_ROLE_STUDENT);
  member_set_name (member, name);
  member->info.since_us = air_time_from_string (air_json_get_string (stay, "joined_at"));
  /* Whoever was there holds a token, for a while at least: nobody else gets that user id. */
  classroom_hold_id (classroom, room->class_id, user_id, g_get_real_time () / G_USEC_PER_SEC + 3600);
}

static void
restore_message (Room *room, JsonNode *document)
{
  room_add_chat (room, air_json_new ("{message_id:%s, at:%s, user_id:%s, name:%s, role:%s, text:%s}",
                                     air_json_get_string (document, "message_id"), air_json_get_string (document, "at"),
                                     air_json_get_string (document, "user_id"), air_json_get_string (document, "name"),
                                     air_json_get_string (document, "role"), air_json_get_string (document, "text")));
}

static void
on_room_part (GObject *store, GAsyncResult *result, gpointer data)
{
  Loader *loader = data;
  Room *room = loader->session_rooms->pdata[loader->next_room];
  GError *error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (store), result, &error);
  if (page == NULL)
    {
      finish (loader, error);
      return;
    }
  g_clear_pointer (&loader->cursor, g_free);
  if (loader->chat_next)
    for (unsigned i = page->documents->len; i > 0; i--)
      restore_message (room, page->documents->pdata[i - 1]);
  else
    for (unsigned i = 0; i < page->documents->len; i++)
      restore_stay (loader->classroom, room, page->documents->pdata[i]);
  if (loader->chat_next)
    loader->next_room++;
  else
    loader->cursor = g_steal_pointer (&page->cursor);
  loader->chat_next = !loader->chat_next && loader->cursor == NULL;
  load_next_room (loader);
}

static void
load_next_room (Loader *loader)
{
  Classroom *classroom = loader->classroom;
  if (loader->next_room == loader->session_rooms->len)
    {
      classroom_update (classroom, "attendance", air_json_new ("{open:true, node:%s}", classroom->node_id),
                        air_json_new ("{$set:{open:false}}"), AIR_STORE_UPDATE_MANY);
      finish (loader, NULL);
      return;
    }
  const char *session_id = ((Room *)loader->session_rooms->pdata[loader->next_room])->session->session_id;
  if (loader->chat_next)
    {
      g_autoptr (JsonNode) filter = air_json_new ("{session_id:%s, deleted_at:{$exists:false}}", session_id);
      const AirStoreQuery query = { .filter = filter, .sort = "-at", .limit = CHAT_TAIL };
      air_store_find (classroom->store, "chat_messages", &query, on_room_part, loader);
    }
  else
    {
      g_autoptr (JsonNode) filter = air_json_new ("{session_id:%s}", session_id);
      const AirStoreQuery query = { .filter = filter, .sort = "joined_at", .cursor = loader->cursor };
      air_store_find (classroom->store, "attendance", &query, on_room_part, loader);
    }
}

static void
on_deletions (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  if (g_task_propagate_boolean (G_TASK (result), &error))
    find_classes (data);
  else
    finish (data, error);
}

void
classroom_load (Classroom *classroom, GTask *task)
{
  Loader *loader = g_new0 (Loader, 1);
  loader->classroom = classroom;
  loader->task = g_object_ref (task);
  loader->session_rooms = g_ptr_array_new ();
  classroom_begin_write (classroom);
  classroom_read_deletions (classroom, on_deletions, loader);
}

/* ---- A class that another node made or changed */

typedef struct
{
  Classroom *classroom;
  char *class_id;
} Reloading;

static void
on_reloaded (GObject *store, GAsyncResult *result, gpointer data)
{
  Reloading *reloading = data;
  Classroom *classroom = reloading->classroom;
  Room *room = room_find (classroom, reloading->class_id);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) document = air_store_get_finish (AIR_STORE (store), result, &error);
  if (document == NULL)
    g_message ("the class \"%s\" could not be read again: %s", reloading->class_id, error->message);
  else if (room == NULL)
    add_room (classroom, document);
  else
    {
      room_set_document (room, json_node_ref (document));
      room_tell_chat_settings (room);
    }
  g_free (reloading->class_id);
  g_free (reloading);
  classroom_end_write (classroom);
}

void
classroom_reload_class (Classroom *classroom, const char *class_id)
{
  Reloading *reloading = g_new (Reloading, 1);
  *reloading = (Reloading){ classroom, g_strdup (class_id) };
  classroom_begin_write (classroom);
  air_store_get (classroom->store, "classes", class_id, on_reloaded, reloading);
}
