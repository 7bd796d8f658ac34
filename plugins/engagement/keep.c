/* What is kept: a document for each student and one for the session, each minute, spread over its seconds, and at the end; and
 * what is read back at the start. See engagement.h. */
#include "engagement.h"

#include <math.h>

/* So many students are written a second. */
#define SAVED_AT_ONCE 50u
#define MAX_SESSIONS 1000u

void
engagement_settled (Engagement *engagement)
{
  if (engagement->pending > 0)
    return;
  g_autoptr (GTask) starting = g_steal_pointer (&engagement->starting);
  g_autoptr (GTask) stopping = g_steal_pointer (&engagement->stopping);
  if (starting != NULL && engagement->failure != NULL)
    g_task_return_error (starting, g_steal_pointer (&engagement->failure));
  else if (starting != NULL)
    g_task_return_boolean (starting, TRUE);
  if (stopping != NULL)
    g_task_return_boolean (stopping, TRUE);
}

static void
finished (Engagement *engagement)
{
  engagement->pending--;
  engagement_settled (engagement);
  engagement_unref (engagement);
}

/* ---- Writing */

typedef struct
{
  Engagement *engagement; /* a reference */
  char *session_id, *student_id;
} Write;

/* What could not be written is written in the next round; it is still in memory. */
static void
on_written (GObject *source, GAsyncResult *result, void *data)
{
  Write *write = data;
  g_autoptr (GError) error = NULL;
  if (!air_store_update_finish (AIR_STORE (source), result, NULL, &error))
    {
      EngagementRun *run = write->engagement->store != NULL ? engagement_run_of_session (write->engagement, write->session_id) : NULL;
      EngagementStudent *student
          = run != NULL && write->student_id != NULL ? g_hash_table_lookup (run->session->students, write->student_id) : NULL;
      g_warning ("the figures of session '%s' could not be kept: %s", write->session_id, error->message);
      if (write->engagement->store != NULL)
        air_metric_add (write->engagement->store_errors, 1, NULL);
      if (student != NULL)
        student->unsaved = true;
    }
  finished (write->engagement);
  g_free (write->session_id);
  g_free (write->student_id);
  g_free (write);
}

/* Replaces all members of the document whose key is @name = @key; makes it when there is none. */
static void
save (EngagementRun *run, const char *collection, const char *name, const char *key, const char *student_id, JsonNode *document)
{
  Engagement *engagement = run->engagement;
  g_autoptr (JsonNode) filter = air_json_new ("{}");
  json_object_set_string_member (json_node_get_object (filter), name, key);
  json_object_remove_member (json_node_get_object (document), name);
  g_autoptr (JsonNode) changes = air_json_new ("{$set: %N, $setOnInsert: {created_at: %t}}", document, g_get_real_time ());
  Write *write = g_new0 (Write, 1);
  write->engagement = engagement_ref (engagement);
  write->session_id = g_strdup (run->session->session_id);
  write->student_id = g_strdup (student_id);
  engagement->pending++;
  air_store_update (engagement->store, collection, filter, changes, AIR_STORE_UPSERT | AIR_STORE_BULK, on_written, write);
  json_node_unref (document);
}

static void
save_student (EngagementRun *run, EngagementStudent *student)
{
  JsonNode *document = engagement_student_to_document (run->session, student);
  g_autofree char *key = g_strdup (air_json_get_string (document, "engagement_id"));
  student->unsaved = false;
  save (run, "engagement_data", "engagement_id", key, student->id, document);
}

static void
save_summary (EngagementRun *run)
{
  int64_t now_us = run->ended_us != 0 ? run->ended_us : g_get_monotonic_time ();
  save (run, "session_summaries", "session_id", run->session->session_id, NULL,
        engagement_session_to_document (run->session, run->until_us, now_us));
}

void
engagement_keep (EngagementRun *run, bool all)
{
  int64_t now_us = g_get_monotonic_time ();
  if (all || now_us - run->saved_us >= air_context_get_int (run->engagement->context, "save_interval") * 1000)
    {
      GHashTableIter iter;
      void *student = NULL;
      run->saved_us = now_us;
      g_ptr_array_set_size (run->to_save, 0);
      g_hash_table_iter_init (&iter, run->session->students);
      while (g_hash_table_iter_next (&iter, NULL, &student))
        if (((EngagementStudent *)student)->unsaved)
          g_ptr_array_add (run->to_save, g_strdup (((EngagementStudent *)student)->id));
      save_summary (run);
    }
  for (unsigned i = 0; run->to_save->len > 0 && (all || i < SAVED_AT_ONCE); i++)
    {
      g_autofree char *id = g_ptr_array_steal_index_fast (run->to_save, run->to_save->len - 1);
      save_student (run, g_hash_table_lookup (run->session->students, id));
    }
}

/* ---- Reading */

typedef struct
{
  Engagement *engagement; /* a reference */
  char *session_id;
} Read;

static Read *
read_new (Engagement *engagement, const char *session_id)
{
  Read *read = g_new0 (Read, 1);
  read->engagement = engagement_ref (engagement);
  read->session_id = g_strdup (session_id);
  engagement->pending++;
  return read;
}

static void
read_done (Read *read, GError *error)
{
  if (error != NULL && read->engagement->failure == NULL)
    g_propagate_error (&read->engagement->failure, error);
  else
    g_clear_error (&error);
  finished (read->engagement);
  g_free (read->session_id);
  g_free (read);
}

static void read_students (Read *read, const char *cursor);

static void
on_students (GObject *source, GAsyncResult *result, void *data)
{
  Read *read = data;
  GError *error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (source), result, &error);
  EngagementRun *run = engagement_run_of_session (read->engagement, read->session_id);
  if (page == NULL || run == NULL)
    {
      read_done (read, error);
      return;
    }
  for (unsigned i = 0; i < page->documents->len; i++)
    engagement_session_restore_student (run->session, g_ptr_array_index (page->documents, i), g_get_monotonic_time ());
  if (page->cursor != NULL)
    read_students (read, page->cursor);
  else
    {
      engagement_run_take_members (run);
      read_done (read, NULL);
    }
}

static void
read_students (Read *read, const char *cursor)
{
  g_autoptr (JsonNode) filter = air_json_new ("{session_id: %s}", read->session_id);
  AirStoreQuery query = { .filter = filter, .sort = "student_id", .limit = 500, .cursor = cursor };
  air_store_find (read->engagement->store, "engagement_data", &query, on_students, read);
}

static void
on_summary (GObject *source, GAsyncResult *result, void *data)
{
  Read *read = data;
  GError *error = NULL;
  g_autoptr (JsonNode) summary = air_store_get_finish (AIR_STORE (source), result, &error);
  EngagementRun *run = engagement_run_of_session (read->engagement, read->session_id);
  if (summary != NULL && run != NULL)
    engagement_session_restore (run->session, summary, g_get_monotonic_time ());
  else if (!g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND))
    {
      read_done (read, error);
      return;
    }
  g_clear_error (&error);
  read_students (read, NULL);
}

static void
on_sessions (GObject *source, GAsyncResult *result, void *data)
{
  Read *read = data;
  Engagement *engagement = read->engagement;
  GError *error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (source), result, &error);
  for (unsigned i = 0; page != NULL && i < page->documents->len; i++)
    {
      const char *id = air_json_get_string (g_ptr_array_index (page->documents, i), "session_id");
      const AirClassInfo *class = id != NULL ? air_classroom_get_class_of_session (engagement->classroom, id) : NULL;
      if (class == NULL || engagement_run_of_session (engagement, id) != NULL)
        continue;
      engagement_run_new (engagement, class);
      air_store_get (engagement->store, "session_summaries", id, on_summary, read_new (engagement, id));
    }
  read_done (read, error);
}

void
engagement_load (Engagement *engagement)
{
  g_autoptr (JsonNode) filter = air_json_new ("{ended_at: {$exists: %b}}", false);
  AirStoreQuery query = { .filter = filter, .sort = "-started_at", .limit = MAX_SESSIONS };
  air_store_find (engagement->store, "sessions", &query, on_sessions, read_new (engagement, NULL));
}
