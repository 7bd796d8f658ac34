/* /api/classes: made, listed, changed; and the QR code of the join link. */
#include "classroom.h"
#include "paging.h"

#include <string.h>

/* A request whose write is under way. */
typedef struct
{
  Classroom *classroom;
  AirRequest *request;
  char *class_id;
  JsonNode *document; /* the new one, or what is set */
} Pending;

static Pending *
pending_new (Classroom *classroom, AirRequest *request, const char *class_id)
{
  Pending *pending = g_new0 (Pending, 1);
  pending->classroom = classroom;
  pending->request = air_request_ref (request);
  pending->class_id = g_strdup (class_id);
  classroom_begin_write (classroom);
  return pending;
}

static void
pending_free (Pending *pending)
{
  Classroom *classroom = pending->classroom;
  air_request_unref (pending->request);
  g_clear_pointer (&pending->document, json_node_unref);
  g_free (pending->class_id);
  g_free (pending);
  classroom_end_write (classroom);
}

static char *
join_url (Room *room, AirRequest *request)
{
  return g_strdup_printf ("%s/join?class=%s&join=%s", air_request_get_base_url (request), room->class_id,
                          air_json_get_string (room->document, "join_secret"));
}

static JsonNode *
describe (Room *room, AirRequest *request)
{
  bool is_teacher = air_identity_get_role (air_request_get_identity (request)) >= AIR_ROLE_TEACHER;
  g_autofree char *url = is_teacher ? join_url (room, request) : NULL;
  JsonNode *node
    = air_json_new ("{class_id:%s, title:%s, path:%s, session:%n, roster_size:%i, settings:%N, created_at:%s, updated_at?:%s}",
                    room->class_id, room->info.title, room->path, room_describe_session (room), (int)room_count_students (room),
                    room->info.settings, air_json_get_string (room->document, "created_at"),
                    air_json_get_string (room->document, "updated_at"));
  if (!is_teacher)
    return node;
  JsonObject *object = json_node_get_object (node);
  const char *teacher_id = room->info.teacher_id, *pin = air_json_get_string (room->document, "pin");
  json_object_set_string_member (object, "join_url", url);
  if (teacher_id != NULL)
    json_object_set_string_member (object, "teacher_id", teacher_id);
  if (pin != NULL)
    json_object_set_string_member (object, "pin", pin);
  else
    json_object_set_null_member (object, "pin");
  return node;
}

/* The class of the request's {class_id}; NULL: answered. */
static Room *
get_room (AirRequest *request, Classroom *classroom, AirRole least)
{
  g_autoptr (GError) error = NULL;
  const char *class_id = air_request_get_variable (request, "class_id");
  if (classroom_check (classroom, air_request_get_identity (request), class_id, least, &error))
    return room_find (classroom, class_id);
  air_request_reply_error (request, error);
  return NULL;
}

/* ---- Listing */

static bool
is_own (Room *room, AirIdentity *identity)
{
  const char *class_id = air_identity_get_class_id (identity);
  return air_identity_get_role (identity) >= AIR_ROLE_ADMIN || class_id == NULL || g_str_equal (class_id, room->class_id);
}

static int
compare_ids (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(Room *const *)a)->class_id, (*(Room *const *)b)->class_id);
}

static void
list_classes (AirRequest *request, void *self)
{
  Classroom *classroom = self;
  unsigned limit = 0;
  const char *cursor = air_request_get_query (request, "cursor");
  if (!paging_get_limit (request, &limit))
    return;
  g_autoptr (GPtrArray) rooms = table_list_values (classroom->rooms);
  g_ptr_array_sort (rooms, compare_ids);
  JsonArray *array = json_array_new ();
  const char *last = NULL, *next = NULL;
  for (unsigned i = 0; i < rooms->len && next == NULL; i++)
    {
      Room *room = rooms->pdata[i];
      if (!is_own (room, air_request_get_identity (request)) || (cursor != NULL && strcmp (room->class_id, cursor) <= 0))
        continue;
      if (json_array_get_length (array) == limit)
        {
          next = last;
          continue;
        }
      json_array_add_element (array, describe (room, request));
      last = room->class_id;
    }
  paging_reply (request, "classes", array, next);
}

static void
get_class (AirRequest *request, void *self)
{
  Room *room = get_room (request, self, AIR_ROLE_STUDENT);
  if (room != NULL)
    air_request_reply_json (request, 200, describe (room, request));
}

/* ---- Making */

static void
on_created (GObject *store, GAsyncResult *result, gpointer data)
{
  Pending *pending = data;
  Classroom *classroom = pending->classroom;
  g_autoptr (GError) error = NULL;
  bool made = air_store_insert_finish (AIR_STORE (store), result, &error);
  if (!made && g_error_matches (error, AIR_ERROR, AIR_ERROR_CONFLICT))
    air_request_reply_problem (pending->request, 409, "class-exists", "there is a class with this class_id");
  else if (!made)
    air_request_reply_error (pending->request, error);
  else if (room_find (classroom, pending->class_id) == NULL)
    {
      Room *room = room_new (classroom, json_node_ref (pending->document));
      g_autofree char *location = g_strconcat ("/api/classes/", pending->class_id, NULL);
      g_hash_table_insert (classroom->rooms, g_strdup (pending->class_id), room);
      air_context_publish_event (classroom->context,
                                 air_event_class_changed_new (pending->class_id, AIR_EVENT_CLASS_CHANGED_CHANGE_CREATED));
      air_request_set_header (pending->request, "Location", location);
      air_request_reply_json (pending->request, 201, describe (room, pending->request));
    }
  pending_free (pending);
}

/* A made-up id is short: it is read out, and typed after live/. */
static char *
make_class_id (Classroom *classroom)
{
  char *class_id = NULL;
  do
    {
      g_free (class_id);
      class_id = class_new_secret ();
      class_id[8] = '\0';
    }
  while (room_find (classroom, class_id) != NULL);
  return class_id;
}

/* Absent: a new one; null: none. Returns: (transfer full) (nullable) */
static char *
get_pin (JsonNode *body)
{
  JsonNode *pin = air_json_get (body, "pin");
  if (pin == NULL)
    return class_new_pin ();
  return JSON_NODE_HOLDS_NULL (pin) ? NULL : g_strdup (json_node_get_string (pin));
}

static void
create_class (AirRequest *request, void *self)
{
  Classroom *classroom = self;
  JsonNode *body = air_request_get_json (request);
  AirIdentity *identity = air_request_get_identity (request);
  const char *wanted = air_json_get_string (body, "class_id"), *teacher_id = air_json_get_string (body, "teacher_id");
  g_autofree char *title = air_text_clean (air_json_get_string (body, "title"), AIR_TEXT_LINE, 200);
  g_autofree char *class_id = wanted != NULL ? g_strdup (wanted) : make_class_id (classroom);
  if (title == NULL)
    {
      air_request_reply_problem (request, 400, "invalid-body", "title must have 1 to 200 characters, one of them visible");
      return;
    }
  if (g_str_equal (class_id, ".") || g_str_equal (class_id, ".."))
    {
      air_request_reply_problem (request, 400, "invalid-body", "this class_id cannot stand in a path");
      return;
    }
  if (g_hash_table_size (classroom->rooms) >= air_context_get_int (classroom->context, "max_classes"))
    {
      air_request_reply_problem (request, 409, "too-many-classes", "there are as many classes as [classroom] max_classes= allows");
      return;
    }
  if (teacher_id == NULL || air_identity_get_role (identity) < AIR_ROLE_ADMIN)
    teacher_id = air_identity_get_user_id (identity);
  g_autofree char *pin = get_pin (body);
  Pending *pending = pending_new (classroom, request, class_id);
  pending->document = class_document_new (class_id, title, teacher_id, pin, air_json_get (body, "settings"));
  air_store_insert (classroom->store, "classes", pending->document, on_created, pending);
}

/* ---- Changing */

static void
merge (JsonNode *into, JsonNode *from)
{
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL;
  json_object_iter_init (&iter, json_node_get_object (from));
  while (json_object_iter_next (&iter, &name, &value))
    json_object_set_member (json_node_get_object (into), name, json_node_copy (value));
}

static void
done_changing (Room *room, void *data, const GError *error)
{
  Pending *pending = data;
  if (error != NULL && room == NULL)
    air_request_reply_problem (pending->request, 404, "not-found", error->message);
  else if (error != NULL)
    air_request_reply_error (pending->request, error);
  else
    {
      room_tell_chat_settings (room);
      air_context_publish_event (pending->classroom->context,
                                 air_event_class_changed_new (room->class_id, AIR_EVENT_CLASS_CHANGED_CHANGE_CHANGED));
      air_request_reply_json (pending->request, 200, describe (room, pending->request));
    }
  pending_free (pending);
}

static JsonNode *
prepare_changing (Room *room, void *data, GError **error)
{
  const Pending *pending = data;
  JsonNode *body = air_request_get_json (pending->request), *settings = air_json_get (body, "settings");
  JsonObject *object = json_node_get_object (pending->document);
  if (air_json_get_bool (body, "new_pin", false))
    {
      g_autofree char *new_pin = class_new_pin ();
      json_object_set_string_member (object, "pin", new_pin);
    }
  if (air_json_get_bool (body, "new_join_link", false))
    {
      g_autofree char *secret = class_new_secret ();
      json_object_set_string_member (object, "join_secret", secret);
    }
  if (settings != NULL)
    {
      JsonNode *merged = room_copy_settings (room);
      merge (merged, settings);
      json_object_set_member (object, "settings", merged);
    }
  return json_node_ref (pending->document);
}

/* What the body sets by itself; NULL: answered. */
static JsonNode *
read_changes (AirRequest *request)
{
  JsonNode *body = air_request_get_json (request), *pin = air_json_get (body, "pin");
  g_autoptr (JsonNode) set = air_json_new ("{updated_at:%t}", g_get_real_time ());
  JsonObject *object = json_node_get_object (set);
  if (pin != NULL)
    json_object_set_member (object, "pin", json_node_copy (pin)); /* null: no PIN any more */
  if (air_json_get (body, "title") != NULL)
    {
      g_autofree char *title = air_text_clean (air_json_get_string (body, "title"), AIR_TEXT_LINE, 200);
      if (title == NULL)
        {
          air_request_reply_problem (request, 400, "invalid-body", "title must have 1 to 200 characters, one of them visible");
          return NULL;
        }
      json_object_set_string_member (object, "title", title);
    }
  return g_steal_pointer (&set);
}

static void
change_class (AirRequest *request, void *self)
{
  static const ChangeKind kind = { prepare_changing, done_changing };
  Classroom *classroom = self;
  Room *room = get_room (request, classroom, AIR_ROLE_TEACHER);
  JsonNode *set = room != NULL ? read_changes (request) : NULL;
  if (set == NULL)
    return;
  Pending *pending = pending_new (classroom, request, room->class_id);
  pending->document = set;
  room_change (room, &kind, pending);
}

static void
get_qr (AirRequest *request, void *self)
{
  Room *room = get_room (request, self, AIR_ROLE_MONITOR);
  if (room == NULL)
    return;
  g_autofree char *url = join_url (room, request);
  g_autofree char *svg = air_qr_to_svg (url);
  /* The link lets in: no cache keeps it. */
  air_request_set_header (request, "Cache-Control", "no-store");
  if (svg != NULL)
    air_request_reply_text (request, 200, "image/svg+xml", svg);
  else
    air_request_reply_problem (request, 500, "failed", NULL);
}

void
classroom_add_class_routes (AirContext *context)
{
  static const AirRoute routes[] = {
    { .method = "GET", .template = "/api/classes", .summary = "The caller's classes", .role = AIR_ROLE_TEACHER,
      .handler = list_classes },
    { .method = "POST", .template = "/api/classes", .summary = "Makes a class", .role = AIR_ROLE_TEACHER, .body = AIR_BODY_JSON,
      .request_schema = "ClassCreate", .handler = create_class },
    { .method = "GET", .template = "/api/classes/{class_id}", .summary = "One class", .role = AIR_ROLE_STUDENT,
      .handler = get_class },
    { .method = "PATCH", .template = "/api/classes/{class_id}", .summary = "Changes a class", .role = AIR_ROLE_TEACHER,
      .body = AIR_BODY_JSON, .request_schema = "ClassChange", .handler = change_class },
    { .method = "GET", .template = "/api/classes/{class_id}/qr.svg", .summary = "The join link as a QR code",
      .role = AIR_ROLE_MONITOR, .handler = get_qr },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
