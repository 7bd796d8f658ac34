/* Changes of a class's document, one after the other: each is made of the document as the one before has left it, and counts in memory
 * once the store has it. */
#include "classroom.h"

#define MAX_WAITING 256

typedef struct
{
  Classroom *classroom;
  Room *room; /* NULL: the class is gone meanwhile */
  const ChangeKind *kind;
  void *data;
  JsonNode *set; /* of the one that is being written */
} Change;

static void start (Change *change);

static void
finish (Change *change, const GError *error)
{
  change->kind->done (change->room, change->data, error);
  g_clear_pointer (&change->set, json_node_unref);
  g_free (change);
}

/* Takes the first out of the queue, and begins with the next. */
static void
leave (Change *change, const GError *error)
{
  Room *room = change->room;
  if (room != NULL)
    g_queue_pop_head (&room->changes);
  finish (change, error);
}

static void
go_on (Classroom *classroom, const char *class_id)
{
  Room *room = room_find (classroom, class_id);
  Change *first = room != NULL ? g_queue_peek_head (&room->changes) : NULL;
  if (first != NULL && first->set == NULL)
    start (first);
}

/* null takes a member out. */
static void
put (JsonObject *set, const char *name, JsonNode *value, gpointer document)
{
  if (JSON_NODE_HOLDS_NULL (value))
    json_object_remove_member (document, name);
  else
    json_object_set_member (document, name, json_node_copy (value));
}

/* Into the document in memory. */
static void
apply (Room *room, JsonNode *set)
{
  json_object_foreach_member (json_node_get_object (set), put, json_node_get_object (room->document));
  room_set_document (room, room->document);
}

static void
on_written (GObject *store, GAsyncResult *result, gpointer data)
{
  Change *change = data;
  Classroom *classroom = change->classroom;
  g_autoptr (GError) error = NULL;
  bool written = air_store_update_finish (AIR_STORE (store), result, NULL, &error);
  g_autofree char *class_id = change->room != NULL ? g_strdup (change->room->class_id) : NULL;
  if (written && change->room == NULL)
    g_set_error (&error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "the class was deleted meanwhile");
  else if (written)
    apply (change->room, change->set);
  leave (change, error);
  if (class_id != NULL)
    go_on (classroom, class_id);
  classroom_end_write (classroom);
}

/* {"$set": …, "$unset": …}. (transfer full) */
static JsonNode *
get_update (JsonNode *set)
{
  g_autoptr (JsonNode) values = air_json_new ("{}"), gone = air_json_new ("{}");
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init (&iter, json_node_get_object (set));
  while (json_object_iter_next (&iter, &name, &value))
    if (JSON_NODE_HOLDS_NULL (value))
      json_object_set_boolean_member (json_node_get_object (gone), name, TRUE);
    else
      json_object_set_member (json_node_get_object (values), name, json_node_copy (value));
  JsonNode *update = air_json_new ("{$set:%N}", values);
  if (json_object_get_size (json_node_get_object (gone)) > 0)
    json_object_set_member (json_node_get_object (update), "$unset", g_steal_pointer (&gone));
  return update;
}

/* One that cannot be made is answered, and the next has its turn. */
static void
start (Change *change)
{
  while (change != NULL)
    {
      Room *room = change->room;
      Classroom *classroom = change->classroom;
      g_autoptr (GError) error = NULL;
      change->set = change->kind->prepare (room, change->data, &error);
      if (change->set != NULL)
        {
          g_autoptr (JsonNode) filter = air_json_new ("{class_id:%s}", room->class_id);
          g_autoptr (JsonNode) update = get_update (change->set);
          classroom_begin_write (classroom);
          air_store_update (classroom->store, "classes", filter, update, AIR_STORE_UPDATE_ONE, on_written, change);
          return;
        }
      g_autofree char *class_id = g_strdup (room->class_id);
      leave (change, error);
      room = room_find (classroom, class_id);
      change = room != NULL ? g_queue_peek_head (&room->changes) : NULL;
    }
}

void
room_change (Room *room, const ChangeKind *kind, void *data)
{
  Change *change = g_new0 (Change, 1);
  *change = (Change){ .classroom = room->classroom, .room = room, .kind = kind, .data = data };
  if (g_queue_get_length (&room->changes) >= MAX_WAITING)
    {
      g_autoptr (GError) error = g_error_new (AIR_ERROR, AIR_ERROR_UNAVAILABLE, "too many changes wait for the store; try again");
      finish (change, error);
      return;
    }
  g_queue_push_tail (&room->changes, change);
  if (g_queue_get_length (&room->changes) == 1)
    start (change);
}

void
room_drop_changes (Room *room)
{
  g_autoptr (GError) error = g_error_new (AIR_ERROR, AIR_ERROR_NOT_FOUND, "the class was deleted meanwhile");
  Change *change = g_queue_pop_head (&room->changes);
  /* The first is with the store, and is answered when it comes back. */
  if (change != NULL)
    change->room = NULL;
  while ((change = g_queue_pop_head (&room->changes)) != NULL)
    {
      change->room = NULL;
      finish (change, error);
    }
}
