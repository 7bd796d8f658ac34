/* After a start in mid-class: the questions that are open, with their answers and times; of each running session the last question, if
 * none is open, and the scores. */
#include "quizzes.h"

#define MOST 1000

typedef struct
{
  Quizzes *quizzes;
  GTask *task; /* owned */
  unsigned waiting;
  GError *error; /* owned; the first */
} Restore;

/* One session whose scores are read. */
typedef struct
{
  Restore *restore;
  QuizClass *class;
} Session;

static void
done_one (Restore *restore, const GError *error)
{
  if (error != NULL && restore->error == NULL)
    restore->error = g_error_copy (error);
  if (--restore->waiting > 0)
    return;
  Quizzes *quizzes = restore->quizzes;
  if (restore->error != NULL)
    g_task_return_error (restore->task, g_steal_pointer (&restore->error));
  else
    g_task_return_boolean (restore->task, TRUE);
  g_object_unref (restore->task);
  g_free (restore);
  quizzes_end (quizzes);
}

/* ---- Questions */

static void
close_by_end (QuizClass *class, QuizRun *run)
{
  QuizAction *action = quiz_action_new (class, quiz_close, NULL, quiz_with (run->quiz, air_json_new ("{}")));
  action->reason = AIR_EVENT_QUIZ_CLOSED_REASON_SESSION;
  quiz_action_enqueue (action);
}

/* Of two that are open, which a crash in the wrong moment may leave, the one that was published later is the class's. */
static void
take_run (QuizClass *class, QuizRun *run)
{
  QuizRun *other = class->run;
  bool is_later = other == NULL || !quiz_run_is_open (other)
                  || (quiz_run_is_open (run) && run->quiz->published_us > other->quiz->published_us);
  QuizRun *left = is_later ? other : run;
  g_autoptr (Quiz) left_quiz = left != NULL && quiz_run_is_open (left) ? quiz_with (left->quiz, air_json_new ("{}")) : NULL;
  if (is_later)
    quiz_class_take_run (class, run);
  else
    quiz_run_free (run);
  if (left_quiz == NULL)
    return;
  QuizAction *action = quiz_action_new (class, quiz_close, NULL, g_steal_pointer (&left_quiz));
  quiz_action_enqueue (action);
}

static void
run_loaded (Quizzes *quizzes, QuizRun *run, const GError *error, void *data)
{
  Restore *restore = data;
  if (run != NULL)
    {
      QuizClass *class = quizzes_get_class (quizzes, run->quiz->class_id);
      bool is_over = run->quiz->session_id != NULL && g_strcmp0 (run->quiz->session_id, quiz_class_session (class)) != 0;
      g_message ("question %s of class '%s' is %s again, with %u answers", run->quiz->quiz_id, class->class_id,
                 quiz_state_to_string (run->quiz->state), g_hash_table_size (run->answers));
      if (is_over)
        {
          close_by_end (class, run);
          quiz_run_free (run);
        }
      else
        take_run (class, run);
      quiz_class_arm (class);
    }
  done_one (restore, error);
}

static void
load (Restore *restore, JsonNode *document)
{
  g_autoptr (GError) error = NULL;
  Quiz *quiz = quiz_new (json_node_copy (document), &error);
  restore->waiting++;
  if (quiz != NULL)
    quiz_records_load (restore->quizzes, quiz, run_loaded, restore);
  else
    {
      g_warning ("%s", error->message);
      done_one (restore, NULL);
    }
}

/* ---- Scores */

static void
got_scores (GObject *source, GAsyncResult *result, gpointer data)
{
  Session *session = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) groups = air_store_aggregate_finish (AIR_STORE (source), result, &error);
  JsonArray *array = groups != NULL ? json_node_get_array (groups) : NULL;
  for (unsigned i = 0; array != NULL && i < json_array_get_length (array); i++)
    {
      JsonNode *group = json_array_get_element (array, i);
      quiz_score_add (session->class, air_json_get_string (group, "student_id"), air_json_get_string (group, "name"),
                      (int64_t)air_json_get_double (group, "points", 0));
    }
  Restore *restore = session->restore;
  g_free (session);
  done_one (restore, error);
}

static void
read_scores (Session *session, JsonNode *ids)
{
  g_autoptr (JsonNode) filter = air_json_new ("{quiz_id:{$in:%n}}", ids);
  g_autoptr (JsonNode) group = air_json_new ("{by:['student_id'],values:{points:{$sum:'points'},name:{$max:'name'}}}");
  air_store_aggregate (session->restore->quizzes->store, QUIZ_RESPONSE_COLLECTION, filter, group, got_scores, session);
}

static void
got_asked (GObject *source, GAsyncResult *result, gpointer data)
{
  Session *session = data;
  Restore *restore = session->restore;
  g_autoptr (GError) error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (source), result, &error);
  g_autoptr (JsonNode) ids = air_json_new ("[]");
  for (unsigned i = 0; page != NULL && i < page->documents->len; i++)
    {
      JsonNode *document = g_ptr_array_index (page->documents, i);
      bool is_revealed = g_strcmp0 (air_json_get_string (document, "state"), "revealed") == 0;
      if (is_revealed && !air_json_get_bool (document, "anonymous", false))
        json_array_add_string_element (json_node_get_array (ids), air_json_get_string (document, "quiz_id"));
      /* Those that are open have been loaded before. */
      if (i == 0 && session->class->run == NULL)
        load (restore, document);
    }
  if (json_array_get_length (json_node_get_array (ids)) > 0)
    {
      read_scores (session, g_steal_pointer (&ids));
      return;
    }
  g_free (session);
  done_one (restore, error);
}

static void
got_sessions (GObject *source, GAsyncResult *result, gpointer data)
{
  Restore *restore = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (source), result, &error);
  for (unsigned i = 0; page != NULL && i < page->documents->len; i++)
    {
      JsonNode *document = g_ptr_array_index (page->documents, i);
      const char *class_id = air_json_get_string (document, "class_id"), *session_id = air_json_get_string (document, "session_id");
      QuizClass *class = quizzes_get_class (restore->quizzes, class_id);
      quiz_class_follow_session (class);
      if (g_strcmp0 (class->session_id, session_id) != 0)
        continue;
      Session *session = g_new0 (Session, 1);
      session->restore = restore;
      session->class = class;
      restore->waiting++;
      g_autoptr (JsonNode) filter = air_json_new ("{session_id:%s,state:{$in:['closed','revealed']}}", session_id);
      AirStoreQuery query = { .filter = filter, .sort = "-published_at", .limit = MOST };
      air_store_find (restore->quizzes->store, QUIZ_COLLECTION, &query, got_asked, session);
    }
  done_one (restore, error);
}

/* ---- The beginning */

static void
got_open (GObject *source, GAsyncResult *result, gpointer data)
{
  Restore *restore = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (source), result, &error);
  for (unsigned i = 0; page != NULL && i < page->documents->len; i++)
    load (restore, g_ptr_array_index (page->documents, i));
  if (page != NULL)
    {
      restore->waiting++;
      g_autoptr (JsonNode) filter = air_json_new ("{ended_at:{$exists:false}}");
      AirStoreQuery query = { .filter = filter, .limit = MOST };
      air_store_find (restore->quizzes->store, "sessions", &query, got_sessions, restore);
    }
  done_one (restore, error);
}

void
quiz_restore (Quizzes *quizzes, GTask *task)
{
  Restore *restore = g_new0 (Restore, 1);
  restore->quizzes = quizzes;
  restore->task = g_object_ref (task);
  restore->waiting = 1;
  quizzes_begin (quizzes);
  g_autoptr (JsonNode) filter = air_json_new ("{state:'open'}");
  AirStoreQuery query = { .filter = filter, .sort = "published_at", .limit = MOST };
  air_store_find (quizzes->store, QUIZ_COLLECTION, &query, got_open, restore);
}
