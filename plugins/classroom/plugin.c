/* The plugin: options, registration, life. Main thread. */
#include "classroom.h"

#define TICK_MS 500
#define HEARTBEAT_US (30 * G_USEC_PER_SEC)

static const AirOption options[] = {
  { .key = "session_timeout",
    .type = AIR_OPTION_DURATION,
    .default_value = "15min",
    .minimum = 0,
    .maximum = 24 * 3600 * 1000,
    .help = "A session ends by itself when for so long neither a teacher's page nor a picture was there. 0: only a teacher ends it.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "away_timeout",
    .type = AIR_OPTION_DURATION,
    .default_value = "30min",
    .minimum = 0,
    .maximum = 7LL * 24 * 3600 * 1000,
    .help = "A session during which no server was there for longer than this has ended when it was last seen; after a shorter absence it "
            "goes on. 0: it always goes on." },
  { .key = "streams_without_class",
    .type = AIR_OPTION_BOOL,
    .default_value = "true",
    .help = "Whether students get tokens also for streams that no class stands around. They can watch, and nothing else.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "max_classes",
    .type = AIR_OPTION_INT,
    .default_value = "1000",
    .minimum = 1,
    .maximum = 100000,
    .unit = "classes",
    .help = "How many classes there may be.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = NULL },
};

static void *
create (AirContext *context, GError **error)
{
  static const char *const role_label[] = { "role", NULL }, *const reason_label[] = { "reason", NULL };
  Classroom *classroom = g_new0 (Classroom, 1);
  classroom->context = context;
  classroom->rooms = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)room_free);
  classroom->messages = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  classroom->deleted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  classroom->held_ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, holding_free);
  classroom->clients = g_ptr_array_new ();
  classroom->snapshots = snapshot_parts_new ();
  classroom->service = classroom_service_new (classroom);
  classroom->sockets = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_classroom_sockets",
                                               "WebSockets of pages of classes that are open.", NULL, NULL);
  classroom->members_present = air_context_add_metric (context, AIR_METRIC_GAUGE, "airclass_classroom_members",
                                                       "People with an open page of a class, by role.", role_label, NULL);
  classroom->chat = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_classroom_chat_messages_total",
                                            "Chat messages that were taken.", NULL, NULL);
  classroom->refused = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_classroom_sockets_refused_total",
                                               "WebSockets that were refused after their token was read, by reason.", reason_label,
                                               NULL);
  classroom_add_sockets (context);
  classroom_add_class_routes (context);
  classroom_add_deletion_route (context);
  classroom_add_session_routes (context);
  classroom_add_report_routes (context);
  air_context_set_admission (context, classroom_admit, classroom_note_issued);
  air_context_on_event (context, "stream-state", classroom_on_stream_state);
  classroom_watch_shared_events (context);
  return classroom;
}

static void
tick (void *data)
{
  Classroom *classroom = data;
  int64_t now_us = g_get_monotonic_time ();
  GHashTableIter iter;
  Room *room = NULL;
  classroom_check_clients (classroom, now_us);
  g_hash_table_iter_init (&iter, classroom->rooms);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&room))
    {
      signals_tick (room);
      presence_tick (room, now_us);
      session_tick (room, now_us);
    }
  if (now_us - classroom->heartbeat_us < HEARTBEAT_US)
    return;
  classroom->heartbeat_us = now_us;
  classroom_heartbeat (classroom);
  classroom_prune_held (classroom, g_get_real_time () / G_USEC_PER_SEC);
}

static bool
load_document (Classroom *classroom, GError **error)
{
  g_autofree char *path = g_build_filename (air_context_get_resource_dir (classroom->context, "schemas"), "openapi.json", NULL);
  g_autofree char *text = NULL;
  gsize length = 0;
  if (!g_file_get_contents (path, &text, &length, error))
    return false;
  classroom->document = air_json_parse (text, (gssize)length, error);
  if (classroom->document == NULL)
    return false;
  classroom->schemas = air_schemas_new (classroom->document);
  return true;
}

/* The node's name in stays: only who opened one closes it. */
static bool
load_node_id (Classroom *classroom, GError **error)
{
  g_autofree char *path = g_build_filename (air_context_get_state_dir (classroom->context), "node-id", NULL);
  if (g_file_get_contents (path, &classroom->node_id, NULL, NULL) && g_strstrip (classroom->node_id)[0] != '\0')
    return true;
  g_free (classroom->node_id);
  classroom->node_id = air_store_new_key ();
  return g_file_set_contents_full (path, classroom->node_id, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

static void
on_broker_presence (AirBroker *broker, const char *name, Classroom *classroom)
{
  if (!g_str_has_prefix (name, "class:"))
    return;
  g_autofree char *class_id = g_strdelimit (g_strdup (name + 6), "/", '~');
  classroom_on_presence (classroom, class_id);
}

static void
on_loaded (GObject *nothing, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Classroom *classroom = g_task_get_task_data (task);
  GError *error = NULL;
  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      g_task_return_error (task, error);
      return;
    }
  classroom_add_chat_messages (classroom);
  classroom_add_signal_messages (classroom);
  classroom_add_moderation_messages (classroom);
  if (classroom->broker != NULL) /* stop() takes it back */
    g_signal_connect (classroom->broker, "presence", G_CALLBACK (on_broker_presence), classroom);
  classroom->started_us = classroom->heartbeat_us = g_get_monotonic_time ();
  air_context_add_timer (classroom->context, TICK_MS, tick, classroom);
  air_context_provide_service (classroom->context, AIR_CLASSROOM_SERVICE, classroom->service);
  g_task_return_boolean (task, TRUE);
}

static void
start (void *self, GTask *task)
{
  Classroom *classroom = self;
  GError *error = NULL;
  classroom->store = air_context_get_service (classroom->context, AIR_STORE_SERVICE);
  classroom->broker = air_context_get_service (classroom->context, AIR_BROKER_SERVICE);
  if (!load_document (classroom, &error) || !load_node_id (classroom, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  g_task_set_task_data (task, classroom, NULL);
  g_autoptr (GTask) load = g_task_new (NULL, NULL, on_loaded, g_object_ref (task));
  classroom_load (classroom, load);
}

/* The run goes on after a restart; the stays end here, and begin anew when the pages come back. */
static void
stop (void *self, GTask *task)
{
  Classroom *classroom = self;
  GHashTableIter iter, members;
  Room *room = NULL;
  Member *member = NULL;
  if (classroom->broker != NULL)
    g_signal_handlers_disconnect_by_data (classroom->broker, classroom);
  g_hash_table_iter_init (&iter, classroom->rooms);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&room))
    {
      room_close_clients (room, NULL, 1012, "the server restarts");
      if (room->session != NULL)
        signals_save (room);
      g_hash_table_iter_init (&members, room->members);
      while (g_hash_table_iter_next (&members, NULL, (void **)&member))
        attendance_close (member);
    }
  classroom->stop_task = g_object_ref (task);
  classroom_begin_write (classroom);
  classroom_end_write (classroom);
}

static void
destroy (void *self)
{
  Classroom *classroom = self;
  g_hash_table_unref (classroom->rooms);
  g_hash_table_unref (classroom->messages);
  g_hash_table_unref (classroom->held_ids);
  g_hash_table_unref (classroom->deleted);
  g_ptr_array_unref (classroom->clients);
  g_array_unref (classroom->snapshots);
  g_object_unref (classroom->service);
  g_clear_pointer (&classroom->schemas, air_schemas_free);
  g_clear_pointer (&classroom->document, json_node_unref);
  g_free (classroom->node_id);
  g_free (classroom);
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "classroom",
  .version = "1.0",
  .summary = "Classes: joining, attendance, chat, hands and the sockets of their pages",
  .provides = (const char *const[]){ AIR_CLASSROOM_SERVICE, NULL },
  .needs = (const char *const[]){ AIR_STORE_SERVICE, NULL },
  .wants = (const char *const[]){ AIR_BROKER_SERVICE, NULL },
  .options = options,
  .create = create,
  .start = start,
  .stop = stop,
  .destroy = destroy,
};
