/* Writes to the store that nobody waits for. They are counted, so that the plugin stops after the last of them. */
#include "classroom.h"

void
classroom_begin_write (Classroom *classroom)
{
  classroom->writes++;
}

void
classroom_end_write (Classroom *classroom)
{
  classroom->writes--;
  if (classroom->writes > 0 || classroom->stop_task == NULL)
    return;
  g_autoptr (GTask) task = g_steal_pointer (&classroom->stop_task);
  g_task_return_boolean (task, TRUE);
}

static void
note_result (Classroom *classroom, const GError *error)
{
  if (error != NULL && !classroom->store_failed)
    g_warning ("the store does not take what happens in the classes: %s", error->message);
  if (error == NULL && classroom->store_failed)
    g_message ("the store takes writes again");
  classroom->store_failed = error != NULL;
  classroom_end_write (classroom);
}

static void
on_inserted (GObject *store, GAsyncResult *result, gpointer classroom)
{
  g_autoptr (GError) error = NULL;
  air_store_insert_finish (AIR_STORE (store), result, &error);
  note_result (classroom, error);
}

static void
on_updated (GObject *store, GAsyncResult *result, gpointer classroom)
{
  g_autoptr (GError) error = NULL;
  air_store_update_finish (AIR_STORE (store), result, NULL, &error);
  note_result (classroom, error);
}

void
classroom_insert (Classroom *classroom, const char *collection, JsonNode *document)
{
  g_autoptr (JsonNode) node = document;
  classroom_begin_write (classroom);
  air_store_insert (classroom->store, collection, node, on_inserted, classroom);
}

void
classroom_update (Classroom *classroom, const char *collection, JsonNode *filter, JsonNode *changes, AirStoreUpdateFlags flags)
{
  g_autoptr (JsonNode) what = filter;
  g_autoptr (JsonNode) how = changes;
  classroom_begin_write (classroom);
  air_store_update (classroom->store, collection, what, how, flags, on_updated, classroom);
}
