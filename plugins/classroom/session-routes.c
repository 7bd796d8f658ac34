/* Sessions: begun, ended, listed. What has ended stands in the store; what runs, in memory too. */
#include "ask-session.h"
#include "paging.h"

/* ---- Beginning */

typedef struct
{
  Classroom *classroom;
  AirRequest *request;
  char *class_id;
  JsonNode *document;
} Beginning;

static void
on_begun (GObject *store, GAsyncResult *result, gpointer data)
{
  Beginning *beginning = data;
  Classroom *classroom = beginning->classroom;
  Room *room = room_find (classroom, beginning->class_id);
  g_autoptr (GError) error = NULL;
  bool made = air_store_insert_finish (AIR_STORE (store), result, &error);
  if (room != NULL)
    room->starting = false;
  if (!made)
    air_request_reply_error (beginning->request, error);
  else if (room == NULL)
    air_request_reply_problem (beginning->request, 404, "not-found", "the class was deleted meanwhile");
  else
    {
      const char *session_id = air_json_get_string (beginning->document, "session_id");
      g_autofree char *location = g_strconcat ("/api/sessions/", session_id, NULL);
      session_begin (room, beginning->document);
      air_context_publish_event (classroom->context,
                                 air_event_session_started_new (room->class_id, session_id, room->session->title));
      air_request_set_header (beginning->request, "Location", location);
      air_request_reply_json (beginning->request, 201, session_describe (classroom, beginning->document));
    }
  air_request_unref (beginning->request);
  json_node_unref (beginning->document);
  g_free (beginning->class_id);
  g_free (beginning);
  classroom_end_write (classroom);
}

static void begin_session (AirRequest *request, void *self);
static void end_session (AirRequest *request, void *self);

/* Something is being settled that the request must not cross: it is handled again once it is. */
typedef struct
{
  Classroom *classroom;
  AirRequest *request;
  bool (*must_wait) (Classroom *classroom, AirRequest *request);
  void (*handler) (AirRequest *request, void *self);
} Waiting;

/* The session before has ended while no server was there. */
static bool
waits_for_end (Classroom *classroom, AirRequest *request)
{
  const Room *room = room_find (classroom, air_request_get_variable (request, "class_id"));
  return room != NULL && room->session != NULL && room->session->left_us != 0;
}

static void
waiting_free (void *data)
{
  Waiting *waiting = data;
  air_request_unref (waiting->request);
  g_free (waiting);
}

static gboolean
look_again (void *data)
{
  const Waiting *waiting = data;
  if (waiting->must_wait (waiting->classroom, waiting->request))
    return G_SOURCE_CONTINUE;
  waiting->handler (waiting->request, waiting->classroom);
  return G_SOURCE_REMOVE;
}

static void
handle_later (Waiting waiting)
{
  Waiting *kept = g_new0 (Waiting, 1);
  *kept = waiting;
  air_request_ref (kept->request);
  GSource *source = g_timeout_source_new (50);
  g_source_set_callback (source, look_again, kept, waiting_free);
  air_context_add_source (kept->classroom->context, source);
}

static void
begin_session (AirRequest *request, void *self)
{
  Classroom *classroom = self;
  AirIdentity *identity = air_request_get_identity (request);
  const char *class_id = air_request_get_variable (request, "class_id");
  g_autoptr (GError) error = NULL;
  if (!classroom_check (classroom, identity, class_id, AIR_ROLE_TEACHER, &error))
    {
      air_request_reply_error (request, error);
      return;
    }
  Room *room = room_find (classroom, class_id);
  if (waits_for_end (classroom, request))
    {
      handle_later ((Waiting){ classroom, request, waits_for_end, begin_session });
      return;
    }
  if (room->session != NULL || room->starting)
    {
      air_request_reply_problem (request, 409, "session-runs", "a session of this class runs already");
      return;
    }
  const char *asked = air_json_get_string (air_request_get_json (request), "title");
  g_autofree char *title = air_text_clean (asked, AIR_TEXT_LINE, 200);
  if (asked != NULL && title == NULL)
    {
      air_request_reply_problem (request, 400, "invalid-body", "title must have 1 to 200 characters, one of them visible");
      return;
    }
  Beginning *beginning = g_new0 (Beginning, 1);
  *beginning = (Beginning){ .classroom = classroom,
                            .request = air_request_ref (request),
                            .class_id = g_strdup (class_id),
                            .document = session_document_new (room, air_identity_get_user_id (identity)) };
  if (title != NULL)
    json_object_set_string_member (json_node_get_object (beginning->document), "title", title);
  room->starting = true;
  classroom_begin_write (classroom);
  air_store_insert (classroom->store, "sessions", beginning->document, on_begun, beginning);
}

/* ---- Ending */

static void
on_ended (GObject *store, GAsyncResult *result, gpointer data)
{
  AskedSession *asked = data;
  Classroom *classroom = asked->classroom;
  Room *room = room_find_session (classroom, asked->session_id);
  g_autoptr (GError) error = NULL;
  if (room != NULL)
    room->closing = false;
  if (!air_store_update_finish (AIR_STORE (store), result, NULL, &error))
    {
      if (room != NULL)
        session_go_on (room);
      air_request_reply_error (asked->request, error);
    }
  else
    {
      if (room != NULL)
        session_finish (room);
      air_request_reply_json (asked->request, 200, session_describe (classroom, asked->document));
    }
  asked_session_free (asked);
}

static bool
is_being_ended (Classroom *classroom, AirRequest *request)
{
  const Room *room = room_find_session (classroom, air_request_get_variable (request, "session_id"));
  return room != NULL && room->closing;
}

/* Ending twice is no fault: two pages of one teacher. */
static void
end_asked (AskedSession *asked)
{
  Room *room = room_find_session (asked->classroom, asked->session_id);
  if (room != NULL && room->closing)
    {
      handle_later ((Waiting){ asked->classroom, asked->request, is_being_ended, end_session });
      asked_session_free (asked);
      return;
    }
  if (room == NULL && air_json_get_string (asked->document, "ended_at") == NULL && !asked->again)
    {
      asked_session_read_again (asked); /* it ended while that was read */
      return;
    }
  if (room == NULL)
    {
      air_request_reply_json (asked->request, 200, session_describe (asked->classroom, asked->document));
      asked_session_free (asked);
      return;
    }
  room->closing = true;
  session_stop (room);
  g_autoptr (JsonNode) filter = air_json_new ("{session_id:%s}", asked->session_id);
  g_autoptr (JsonNode) changes = session_end_changes (room, "teacher");
  JsonObjectIter iter;
  const char *name = NULL;
  JsonNode *value = NULL, *document = json_node_copy (asked->document);
  json_object_iter_init (&iter, json_node_get_object (air_json_get (changes, "$set")));
  while (json_object_iter_next (&iter, &name, &value))
    json_object_set_member (json_node_get_object (document), name, json_node_copy (value));
  json_node_unref (asked->document);
  asked->document = document;
  air_store_update (asked->classroom->store, "sessions", filter, changes, AIR_STORE_UPDATE_ONE, on_ended, asked);
}

static void
end_session (AirRequest *request, void *self)
{
  ask_session (self, request, end_asked);
}

/* ---- Reading */

static void
reply_asked (AskedSession *asked)
{
  air_request_reply_json (asked->request, 200, session_describe (asked->classroom, asked->document));
  asked_session_free (asked);
}

static void
get_session (AirRequest *request, void *self)
{
  ask_session (self, request, reply_asked);
}

typedef struct
{
  Classroom *classroom;
  AirRequest *request;
} Listing;

static void
on_listed (GObject *store, GAsyncResult *result, gpointer data)
{
  Listing *listing = data;
  Classroom *classroom = listing->classroom;
  g_autoptr (GError) error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (store), result, &error);
  if (page == NULL)
    air_request_reply_error (listing->request, error);
  else
    {
      JsonArray *array = json_array_new ();
      for (unsigned i = 0; i < page->documents->len; i++)
        json_array_add_element (array, session_describe (classroom, page->documents->pdata[i]));
      paging_reply (listing->request, "sessions", array, page->cursor);
    }
  air_request_unref (listing->request);
  g_free (listing);
  classroom_end_write (classroom);
}

static void
list_sessions (AirRequest *request, void *self)
{
  Classroom *classroom = self;
  AirIdentity *identity = air_request_get_identity (request);
  const char *own = air_identity_get_role (identity) < AIR_ROLE_ADMIN ? air_identity_get_class_id (identity) : NULL;
  const char *wanted = air_request_get_query (request, "class_id");
  unsigned limit = 0;
  if (!paging_get_limit (request, &limit))
    return;
  if (own != NULL && wanted != NULL && !g_str_equal (own, wanted))
    {
      air_request_reply_problem (request, 403, "forbidden", "this token is for another class");
      return;
    }
  const char *class_id = wanted != NULL ? wanted : own;
  const Room *room = own != NULL ? room_find (classroom, own) : NULL;
  g_autoptr (JsonNode) filter = air_json_new ("{class_id?:%s}", class_id);
  if (room != NULL)
    json_object_set_member (json_node_get_object (filter), "$or",
                            air_json_new ("[{class_created_at:%s},{class_created_at:{$exists:false}}]", room->info.created_at));
  const AirStoreQuery query = { .filter = filter,
                                .sort = "-started_at",
                                .limit = limit,
                                .cursor = air_request_get_query (request, "cursor") };
  Listing *listing = g_new (Listing, 1);
  *listing = (Listing){ classroom, air_request_ref (request) };
  classroom_begin_write (classroom);
  air_store_find (classroom->store, "sessions", &query, on_listed, listing);
}

void
classroom_add_session_routes (AirContext *context)
{
  static const AirRoute routes[] = {
    { .method = "POST", .template = "/api/classes/{class_id}/sessions", .summary = "Begins a session", .role = AIR_ROLE_TEACHER,
      .body = AIR_BODY_JSON, .request_schema = "SessionStart", .handler = begin_session },
    { .method = "POST", .template = "/api/sessions/{session_id}/end", .summary = "Ends a session", .role = AIR_ROLE_TEACHER,
      .handler = end_session },
    { .method = "GET", .template = "/api/sessions", .summary = "Sessions, the newest first", .role = AIR_ROLE_TEACHER,
      .handler = list_sessions },
    { .method = "GET", .template = "/api/sessions/{session_id}", .summary = "One session", .role = AIR_ROLE_TEACHER,
      .handler = get_session },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
