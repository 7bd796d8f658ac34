/* HTTP: the bank of questions: create, list, and publish from outside. */
#include "quizzes.h"

/* ---- Create */

typedef struct
{
  Quizzes *quizzes;
  AirRequest *request; /* owned */
  JsonNode *document;  /* owned */
  bool is_published;   /* at once */
} Creation;

static void
creation_end (Creation *creation)
{
  Quizzes *quizzes = creation->quizzes;
  g_clear_pointer (&creation->request, air_request_unref);
  g_clear_pointer (&creation->document, json_node_unref);
  g_free (creation);
  quizzes_end (quizzes);
}

static void
quiz_inserted (GObject *source, GAsyncResult *result, gpointer data)
{
  Creation *creation = data;
  g_autoptr (GError) error = NULL;
  Quiz *quiz = NULL;
  if (air_store_insert_finish (AIR_STORE (source), result, &error))
    quiz = quiz_new (g_steal_pointer (&creation->document), &error);
  if (quiz == NULL)
    quiz_reply_error (creation->request, error);
  else if (creation->is_published)
    {
      QuizClass *class = quizzes_get_class (creation->quizzes, quiz->class_id);
      quiz_action_enqueue (quiz_action_new (class, quiz_publish, creation->request, quiz));
    }
  else
    {
      g_autofree char *location = g_strdup_printf ("/api/quiz/%s", quiz->quiz_id);
      air_request_set_header (creation->request, "Location", location);
      air_request_reply_json (creation->request, 201, quiz_view (quiz, NULL, NULL, AIR_ROLE_TEACHER, NULL));
      quiz_free (quiz);
    }
  creation_end (creation);
}

static void
got_bank (GObject *source, GAsyncResult *result, gpointer data)
{
  Creation *creation = data;
  Quizzes *quizzes = creation->quizzes;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) groups = air_store_aggregate_finish (AIR_STORE (source), result, &error);
  if (groups == NULL)
    {
      quiz_reply_error (creation->request, error);
      creation_end (creation);
      return;
    }
  JsonArray *array = json_node_get_array (groups);
  JsonNode *all = json_array_get_length (array) > 0 ? json_array_get_element (array, 0) : NULL;
  if (air_json_get_double (all, "count", 0) >= (double)air_context_get_int (quizzes->context, "max_questions"))
    {
      air_request_reply_problem (creation->request, 409, "quiz-bank-full",
                                 "This class has as many questions as it may have.");
      creation_end (creation);
      return;
    }
  JsonObject *object = json_node_get_object (creation->document);
  if (!json_object_has_member (object, "position"))
    json_object_set_double_member (object, "position", air_json_get_double (all, "last", 0) + 1);
  air_store_insert (quizzes->store, QUIZ_COLLECTION, creation->document, quiz_inserted, creation);
}

static void
create (Quizzes *quizzes, AirRequest *request, const char *class_id, JsonNode *input, bool is_published)
{
  g_autoptr (GError) error = NULL;
  if (!quiz_request_check (quizzes, request, class_id, AIR_ROLE_TEACHER))
    return;
  g_autoptr (JsonNode) document = quiz_complete (input, &error);
  if (document == NULL)
    {
      quiz_reply_error (request, error);
      return;
    }
  g_autofree char *quiz_id = air_store_new_key ();
  const AirClassInfo *class = air_classroom_get_class (quizzes->classroom, class_id);
  JsonNode *head
      = air_json_new ("{quiz_id:%s,class_id:%s,class_created_at?:%s,state:'draft',created_by?:%s,created_at:%t}", quiz_id,
                      class_id, class->created_at, air_identity_get_user_id (air_request_get_identity (request)),
                      g_get_real_time ());
  g_autoptr (GList) names = json_object_get_members (json_node_get_object (document));
  for (GList *name = names; name != NULL; name = name->next)
    json_object_set_member (json_node_get_object (head), name->data,
                            json_node_copy (air_json_get (document, name->data)));

  Creation *creation = g_new0 (Creation, 1);
  creation->quizzes = quizzes;
  creation->request = air_request_ref (request);
  creation->document = head;
  creation->is_published = is_published;
  quizzes_begin (quizzes);
  g_autoptr (JsonNode) filter = quiz_class_filter (quizzes, class_id);
  g_autoptr (JsonNode) group = air_json_new ("{by:[],values:{count:{$sum:1},last:{$max:'position'}}}");
  air_store_aggregate (quizzes->store, QUIZ_COLLECTION, filter, group, got_bank, creation);
}

static void
post_create (AirRequest *request, void *self)
{
  JsonNode *input = air_request_get_json (request);
  create (self, request, quiz_request_class (request, air_json_get_string (input, "class_id")), input, false);
}

/* ---- Push from outside: a question of the bank, or one that is made for it */

static void
publish_found (QuizJob *job)
{
  QuizClass *class = quizzes_get_class (job->quizzes, job->quiz->class_id);
  quiz_action_enqueue (quiz_action_new (class, quiz_publish, job->request, g_steal_pointer (&job->quiz)));
  quiz_job_free (job);
}

static void
post_broadcast (AirRequest *request, void *self)
{
  JsonNode *body = air_request_get_json (request), *quiz = air_json_get (body, "quiz");
  const char *quiz_id = air_json_get_string (body, "quiz_id");
  if ((quiz_id != NULL) == (quiz != NULL))
    air_request_reply_problem (request, 400, "invalid", "Give either `quiz_id` or `quiz`.");
  else if (quiz_id != NULL)
    quiz_job_start (request, self, quiz_id, AIR_ROLE_TEACHER, publish_found);
  else
    {
      const char *class_id = air_json_get_string (body, "class_id");
      if (class_id == NULL)
        class_id = air_json_get_string (quiz, "class_id");
      create (self, request, quiz_request_class (request, class_id), quiz, true);
    }
}

/* ---- List */

typedef struct
{
  Quizzes *quizzes;
  AirRequest *request; /* owned */
  AirRole role;
} Listing;

static void
got_list (GObject *source, GAsyncResult *result, gpointer data)
{
  Listing *listing = data;
  Quizzes *quizzes = listing->quizzes;
  g_autoptr (GError) error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (source), result, &error);
  if (page == NULL)
    quiz_reply_error (listing->request, error);
  else
    {
      JsonNode *list = air_json_new ("[]");
      for (unsigned i = 0; i < page->documents->len; i++)
        {
          g_autoptr (Quiz) quiz = quiz_new (json_node_copy (g_ptr_array_index (page->documents, i)), NULL);
          if (quiz != NULL)
            json_array_add_element (json_node_get_array (list), quiz_view (quiz, NULL, NULL, listing->role, NULL));
        }
      air_request_reply_json (listing->request, 200, air_json_new ("{quizzes:%n,next_cursor:%s}", list, page->cursor));
    }
  air_request_unref (listing->request);
  g_free (listing);
  quizzes_end (quizzes);
}

static bool
is_state (const char *text)
{
  return text == NULL || g_strv_contains ((const char *const[]){ "draft", "open", "closed", "revealed", NULL }, text);
}

static void
get_list (AirRequest *request, void *self)
{
  Quizzes *quizzes = self;
  const char *class_id = quiz_request_class (request, air_request_get_query (request, "class_id"));
  const char *state = air_request_get_query (request, "state"),
             *session_id = air_request_get_query (request, "session_id");
  unsigned limit = 0;
  if (!quiz_request_check (quizzes, request, class_id, AIR_ROLE_STUDENT) || !quiz_request_limit (request, &limit))
    return;
  AirRole role = air_identity_get_role (air_request_get_identity (request));
  bool sees_all = role >= AIR_ROLE_TEACHER, is_bank = sees_all && g_strcmp0 (state, "draft") == 0;
  if (!is_state (state) || (!sees_all && g_strcmp0 (state, "draft") == 0))
    {
      air_request_reply_problem (request, 400, "invalid",
                                 "`state` must be one of draft (teachers), open, closed, revealed.");
      return;
    }
  g_autoptr (JsonNode) filter = quiz_class_filter (quizzes, class_id);
  if (session_id != NULL)
    json_object_set_string_member (json_node_get_object (filter), "session_id", session_id);
  if (state != NULL)
    json_object_set_string_member (json_node_get_object (filter), "state", state);
  if (state == NULL && !sees_all)
    json_object_set_member (json_node_get_object (filter), "state",
                            air_json_new ("{$in:['open','closed','revealed']}"));
  Listing *listing = g_new0 (Listing, 1);
  listing->quizzes = quizzes;
  listing->request = air_request_ref (request);
  listing->role = role;
  AirStoreQuery query = { .filter = filter,
                          .sort = is_bank                     ? "position,created_at"
                                  : sees_all && state == NULL ? "-created_at"
                                                              : "-published_at",
                          .limit = limit,
                          .cursor = air_request_get_query (request, "cursor") };
  quizzes_begin (quizzes);
  air_store_find (quizzes->store, QUIZ_COLLECTION, &query, got_list, listing);
}

void
quiz_add_bank_routes (AirContext *context)
{
  static const AirRoute routes[] = {
    { .method = "POST",
      .template = "/api/quiz/create",
      .summary = "Puts a question into the bank",
      .role = AIR_ROLE_TEACHER,
      .body = AIR_BODY_JSON,
      .request_schema = "QuizCreate",
      .handler = post_create },
    { .method = "POST",
      .template = "/ws/broadcast/quiz",
      .summary = "Publishes a question from outside",
      .role = AIR_ROLE_TEACHER,
      .body = AIR_BODY_JSON,
      .request_schema = "QuizBroadcast",
      .handler = post_broadcast },
    { .method = "GET",
      .template = "/api/quiz/list",
      .summary = "The questions of a class",
      .role = AIR_ROLE_STUDENT,
      .handler = get_list },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
