/* WebSockets: answers that come through the class's sockets, and the sockets of the live statistics. */
#include "quizzes.h"

/* ---- Answers from pages */

typedef struct
{
  Quizzes *quizzes;
  AirClassReply *reply; /* owned */
} Waiting;

static void
responded (const QuizAnswer *answer, const GError *error, void *data)
{
  Waiting *waiting = data;
  air_classroom_reply (waiting->quizzes->classroom, waiting->reply, error,
                       error != NULL ? quiz_error_slug (error) : NULL);
  g_free (waiting);
}

static void
take_answer (const AirClassMember *from, JsonNode *message, AirClassReply *reply, void *self)
{
  Quizzes *quizzes = self;
  QuizClass *class = quizzes_find_run (quizzes, air_json_get_string (message, "quiz_id"));
  g_autoptr (GError) error = NULL;
  if (from->role != AIR_ROLE_STUDENT)
    g_set_error_literal (&error, AIR_ERROR, AIR_ERROR_FORBIDDEN, "Only students answer.");
  else if (class == NULL || !g_str_equal (class->class_id, from->class_id))
    g_set_error_literal (&error, QUIZ_ERROR, QUIZ_ERROR_CLOSED, "This question is not open.");
  if (error != NULL)
    {
      air_classroom_reply (quizzes->classroom, reply, error, quiz_error_slug (error));
      return;
    }
  Waiting *waiting = g_new0 (Waiting, 1);
  waiting->quizzes = quizzes;
  waiting->reply = reply;
  quiz_respond (class, from->user_id, from->name, air_json_get (message, "answer"), responded, waiting);
}

const AirClassMessage quiz_answer_message = {
  .type = "answer",
  .role = AIR_ROLE_STUDENT,
  .schema = "QuizAnswerMessage",
  .per_minute = 120,
  .handler_later = take_answer,
};

/* ---- Live statistics */

/* What a socket watches, its data. */
typedef struct
{
  char *quiz_id;
} Watch;

static void
watch_free (void *data)
{
  Watch *watch = data;
  g_free (watch->quiz_id);
  g_free (watch);
}

static JsonNode *
make_message (QuizClass *class, QuizRun *run)
{
  JsonNode *message = quiz_statistics_view (class, run, AIR_ROLE_TEACHER);
  json_object_set_string_member (json_node_get_object (message), "type", "statistics");
  /* `type` says what the message is; the question's stands beside it. */
  json_object_set_string_member (json_node_get_object (message), "quiz_type", quiz_type_to_string (run->quiz->type));
  return message;
}

void
quiz_tell_sockets (QuizClass *class, QuizRun *run)
{
  Quizzes *quizzes = class->quizzes;
  g_autofree char *text = NULL;
  for (unsigned i = 0; i < quizzes->sockets->len; i++)
    {
      AirSocket *socket = g_ptr_array_index (quizzes->sockets, i);
      const Watch *watch = air_socket_get_data (socket);
      if (watch == NULL || !g_str_equal (watch->quiz_id, run->quiz->quiz_id))
        continue;
      if (text == NULL)
        {
          g_autoptr (JsonNode) message = make_message (run == class->run ? class : NULL, run);
          text = air_json_to_string (message);
        }
      air_socket_send_text (socket, text);
    }
}

typedef struct
{
  Quizzes *quizzes;
  AirSocket *socket; /* owned */
} Opening;

static void
opening_free (Opening *opening)
{
  air_socket_unref (opening->socket);
  g_free (opening);
}

static void
begin_watch (AirSocket *socket, QuizClass *class, QuizRun *run)
{
  Watch *watch = g_new0 (Watch, 1);
  watch->quiz_id = g_strdup (run->quiz->quiz_id);
  air_socket_set_data (socket, watch, watch_free);
  air_socket_send_json (socket, make_message (class, run));
}

static void
opening_loaded (Quizzes *quizzes, QuizRun *run, const GError *error, void *data)
{
  Opening *opening = data;
  if (run != NULL)
    begin_watch (opening->socket, NULL, run);
  else
    air_socket_close (opening->socket, 1011, "the store does not answer");
  quiz_run_free (run);
  opening_free (opening);
}

static unsigned short
close_code (const GError *error)
{
  if (g_error_matches (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED))
    return 4401;
  if (g_error_matches (error, AIR_ERROR, AIR_ERROR_FORBIDDEN))
    return 4403;
  return g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND) ? 4404 : 1011;
}

static void
opening_found (Quizzes *quizzes, Quiz *quiz, const GError *error, void *data)
{
  Opening *opening = data;
  g_autoptr (Quiz) found = quiz;
  g_autoptr (GError) refusal = NULL;
  AirIdentity *identity = air_request_get_identity (air_socket_get_request (opening->socket));
  QuizClass *class = found != NULL ? quizzes_find_run (quizzes, found->quiz_id) : NULL;
  if (found == NULL)
    air_socket_close (opening->socket, close_code (error), "there is no such question");
  else if (!air_classroom_owns (quizzes->classroom, found->document))
    air_socket_close (opening->socket, 4404, "there is no such question");
  else if (!air_classroom_check (quizzes->classroom, identity, found->class_id, AIR_ROLE_TEACHER, &refusal))
    air_socket_close (opening->socket, close_code (refusal), refusal->message);
  else if (class != NULL)
    begin_watch (opening->socket, class, class->run);
  else if (found->state != QUIZ_DRAFT)
    {
      quiz_records_load (quizzes, g_steal_pointer (&found), opening_loaded, opening);
      return;
    }
  else
    {
      g_autoptr (QuizRun) run = quiz_run_new (g_steal_pointer (&found));
      begin_watch (opening->socket, NULL, run);
    }
  opening_free (opening);
}

static void
opened (AirSocket *socket, void *self)
{
  Quizzes *quizzes = self;
  Opening *opening = g_new0 (Opening, 1);
  opening->quizzes = quizzes;
  opening->socket = air_socket_ref (socket);
  g_ptr_array_add (quizzes->sockets, air_socket_ref (socket));
  quiz_records_get (quizzes, air_request_get_variable (air_socket_get_request (socket), "quiz_id"), opening_found,
                    opening);
}

static void
closed (AirSocket *socket, void *self)
{
  Quizzes *quizzes = self;
  g_ptr_array_remove_fast (quizzes->sockets, socket);
}

void
quiz_add_sockets (AirContext *context)
{
  static const AirSocketRoute route = {
    .template = "/api/quiz/ws/statistics/{quiz_id}",
    .summary = "How a class answers, as it does",
    .role = AIR_ROLE_TEACHER,
    .max_queue_bytes = 1024 * 1024,
    .opened = opened,
    .closed = closed,
  };
  air_context_add_socket (context, &route);
}
