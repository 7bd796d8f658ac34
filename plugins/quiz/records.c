/* What the store keeps of questions and answers: reading and writing them. */
#include "quizzes.h"

#include <math.h>

#define PAGE 1000

typedef struct
{
  Quizzes *quizzes;
  QuizFound found;
  QuizLoaded loaded;
  QuizStored stored;
  QuizRun *run; /* owned */
  void *data;
} Call;

static Call *
begin (Quizzes *quizzes, void *data)
{
  Call *call = g_new0 (Call, 1);
  call->quizzes = quizzes;
  call->data = data;
  quizzes_begin (quizzes);
  return call;
}

static void
end (Call *call)
{
  Quizzes *quizzes = call->quizzes;
  g_clear_pointer (&call->run, quiz_run_free);
  g_free (call);
  quizzes_end (quizzes);
}

/* ---- Questions */

static void
got_quiz (GObject *source, GAsyncResult *result, gpointer data)
{
  Call *call = data;
  g_autoptr (GError) error = NULL;
  JsonNode *document = air_store_get_finish (AIR_STORE (source), result, &error);
  Quiz *quiz = document != NULL ? quiz_new (document, &error) : NULL;
  if (g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND))
    {
      g_clear_error (&error);
      g_set_error_literal (&error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "There is no such question.");
    }
  call->found (call->quizzes, quiz, error, call->data);
  end (call);
}

void
quiz_records_get (Quizzes *quizzes, const char *quiz_id, QuizFound callback, void *data)
{
  QuizClass *class = quizzes_find_run (quizzes, quiz_id);
  if (class != NULL)
    {
      callback (quizzes, quiz_with (class->run->quiz, air_json_new ("{}")), NULL, data);
      return;
    }
  Call *call = begin (quizzes, data);
  call->found = callback;
  air_store_get (quizzes->store, QUIZ_COLLECTION, quiz_id, got_quiz, call);
}

static void
changed (GObject *source, GAsyncResult *result, gpointer data)
{
  Call *call = data;
  g_autoptr (GError) error = NULL;
  AirStoreUpdated updated = { 0 };
  air_store_update_finish (AIR_STORE (source), result, &updated, &error);
  call->stored (call->quizzes, updated.matched + updated.inserted, error, call->data);
  end (call);
}

void
quiz_records_change (Quizzes *quizzes, const char *quiz_id, QuizState state, JsonNode *set, JsonNode *unset, QuizStored callback,
                     void *data)
{
  Call *call = begin (quizzes, data);
  call->stored = callback;
  g_autoptr (JsonNode) filter = air_json_new ("{quiz_id:%s,state:%s}", quiz_id, quiz_state_to_string (state));
  g_autoptr (JsonNode) changes = unset != NULL ? air_json_new ("{$set:%n,$unset:%n}", set, unset) : air_json_new ("{$set:%n}", set);
  air_store_update (quizzes->store, QUIZ_COLLECTION, filter, changes, AIR_STORE_UPDATE_ONE, changed, call);
}

/* ---- Answers */

void
quiz_records_store_answer (QuizRun *run, const QuizAnswer *answer, Quizzes *quizzes, QuizStored callback, void *data)
{
  Call *call = begin (quizzes, data);
  call->stored = callback;
  const Quiz *quiz = run->quiz;
  g_autoptr (JsonNode) filter = air_json_new ("{quiz_id:%s,student_id:%s}", quiz->quiz_id, answer->student);
  g_autoptr (JsonNode) changes
      = air_json_new ("{$set:{name?:%s,answer:%N,at:%t,response_ms:%l,points:%i,changes:%i},"
                      "$setOnInsert:{response_id:%s,class_id:%s,session_id?:%s,created_at:%t}}",
                      answer->name, answer->answer, answer->at_us, answer->response_ms, answer->points, (int)answer->changes,
                      answer->response_id, quiz->class_id, quiz->session_id, answer->at_us);
  json_object_set_member (json_node_get_object (air_json_get (changes, "$set")), "correct",
                          isnan (answer->credit) ? json_node_new (JSON_NODE_NULL)
                                                 : json_node_init_double (json_node_alloc (), answer->credit));
  air_store_update (quizzes->store, QUIZ_RESPONSE_COLLECTION, filter, changes, AIR_STORE_UPSERT, changed, call);
}

QuizAnswer *
quiz_answer_from_document (JsonNode *document)
{
  const char *student = air_json_get_string (document, "student_id");
  JsonNode *answer = air_json_get (document, "answer");
  if (student == NULL || answer == NULL)
    return NULL;
  QuizAnswer *made = g_new0 (QuizAnswer, 1);
  made->response_id = g_strdup (air_json_get_string (document, "response_id"));
  made->student = g_strdup (student);
  made->name = g_strdup (air_json_get_string (document, "name"));
  made->answer = json_node_copy (answer);
  made->at_us = air_time_from_string (air_json_get_string (document, "at"));
  made->response_ms = air_json_get_int (document, "response_ms", 0);
  made->credit = air_json_get_double (document, "correct", NAN);
  made->points = (int)air_json_get_int (document, "points", 0);
  made->changes = (unsigned)air_json_get_int (document, "changes", 0);
  return made;
}

static void load_page (Call *call, const char *cursor);

static void
got_answers (GObject *source, GAsyncResult *result, gpointer data)
{
  Call *call = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (source), result, &error);
  for (unsigned i = 0; page != NULL && i < page->documents->len; i++)
    {
      QuizAnswer *answer = quiz_answer_from_document (g_ptr_array_index (page->documents, i));
      if (answer != NULL)
        g_hash_table_replace (call->run->answers, answer->student, answer);
    }
  if (page != NULL && page->cursor != NULL)
    {
      load_page (call, page->cursor);
      return;
    }
  call->loaded (call->quizzes, error == NULL ? g_steal_pointer (&call->run) : NULL, error, call->data);
  end (call);
}

static void
load_page (Call *call, const char *cursor)
{
  g_autoptr (JsonNode) filter = air_json_new ("{quiz_id:%s}", call->run->quiz->quiz_id);
  AirStoreQuery query = { .filter = filter, .sort = "student_id", .limit = PAGE, .cursor = cursor };
  air_store_find (call->quizzes->store, QUIZ_RESPONSE_COLLECTION, &query, got_answers, call);
}

void
quiz_records_load (Quizzes *quizzes, Quiz *quiz, QuizLoaded callback, void *data)
{
  Call *call = begin (quizzes, data);
  call->loaded = callback;
  call->run = quiz_run_new (quiz);
  load_page (call, NULL);
}
