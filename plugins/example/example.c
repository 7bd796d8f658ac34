/* The example plugin: one of everything that a plugin can register. It watches each live stream and tells what it saw,
 * by a route, a WebSocket and a metric.
 *
 * Everything here runs on the main thread. The Example owns a Watch for each stream that it reads. */
#define G_LOG_DOMAIN "air-example"

#include <airclass/airclass.h>
#include <glib-unix.h>

#include "frame-counter.h"

/* Units taken in one turn of the main loop, so that a burst lets others in between. */
#define UNITS_PER_TURN 64

typedef struct
{
  AirContext *context;
  AirMetric *units;
  GHashTable *watches; /* path → Watch */
  GPtrArray *sockets;  /* (element-type AirSocket) owned */
} Example;

typedef struct
{
  Example *example;
  AirReader *reader; /* owned */
  unsigned source_id;
  FrameCounter counter;
} Watch;

/* ---- Reading streams */

static void
watch_free (gpointer data)
{
  Watch *watch = data;

  air_context_remove_source (watch->example->context, watch->source_id);
  air_reader_close (watch->reader);
  g_free (watch);
}

static gboolean
on_units (gint fd, GIOCondition condition, gpointer data)
{
  Watch *watch = data;
  static const char *const kinds[AIR_KIND_COUNT][2] = { { "video", NULL }, { "audio", NULL } };

  for (unsigned i = 0; i < UNITS_PER_TURN; i++)
    {
      g_autoptr (AirUnit) unit = air_reader_pop (watch->reader);
      AirKind kind;

      if (unit == NULL)
        break;
      kind = air_track_get_kind (unit->track);
      frame_counter_add (&watch->counter, kind, unit->flags, unit->dts_ns, gst_buffer_get_size (unit->buffer));
      air_metric_add (watch->example->units, 1, kinds[kind]);
    }
  return G_SOURCE_CONTINUE;
}

static void
watch_stream (Example *example, AirStream *stream)
{
  AirReaderConfig config = { .protocol = "example", .start = AIR_START_LIVE };
  const char *path = air_stream_get_path (stream);
  g_autoptr (GError) error = NULL;
  AirReader *reader;
  GSource *source;
  Watch *watch;

  if (g_hash_table_contains (example->watches, path))
    return;
  reader = air_context_add_reader (example->context, stream, &config, &error);
  if (reader == NULL)
    {
      g_warning ("cannot watch '%s': %s", path, error->message);
      return;
    }
  watch = g_new0 (Watch, 1);
  watch->example = example;
  watch->reader = reader;
  frame_counter_init (&watch->counter);
  source = g_unix_fd_source_new (air_reader_get_fd (reader), G_IO_IN);
  g_source_set_callback (source, G_SOURCE_FUNC (on_units), watch, NULL);
  watch->source_id = air_context_add_source (example->context, source);
  g_hash_table_insert (example->watches, g_strdup (path), watch);
}

static void
on_stream_state (AirEvent *event, void *self)
{
  Example *example = self;
  const char *path = air_event_stream_state_get_path (event);
  g_autoptr (AirStream) stream = NULL;

  switch (air_event_stream_state_get_state (event))
    {
    case AIR_EVENT_STREAM_STATE_STATE_LIVE:
      stream = air_context_find_stream (example->context, path);
      if (stream != NULL)
        watch_stream (example, stream);
      break;
    case AIR_EVENT_STREAM_STATE_STATE_IDLE:
      g_hash_table_remove (example->watches, path);
      break;
    case AIR_EVENT_STREAM_STATE_STATE_HELD:
      break;
    }
}

/* ---- HTTP */

static void
get_counts (AirRequest *request, void *self)
{
  Example *example = self;
  const char *path = air_request_get_variable (request, "path");
  Watch *watch = g_hash_table_lookup (example->watches, path);

  if (watch == NULL)
    air_request_reply_problem (request, 404, "not-found", "Nobody publishes on this path.");
  else
    air_request_reply_json (request, 200, frame_counter_to_json (&watch->counter, path));
}

/* ---- WebSocket */

static void
socket_opened (AirSocket *socket, void *self)
{
  Example *example = self;
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  g_ptr_array_add (example->sockets, air_socket_ref (socket));
  json_object_set_string_member (object, "type", "greeting");
  json_object_set_string_member (object, "text", air_context_get_string (example->context, "greeting"));
  json_node_take_object (node, object);
  air_socket_send_json (socket, node);
}

/* A client sends a path and gets its counts. */
static void
socket_message (AirSocket *socket, const char *text, size_t length, void *self)
{
  Example *example = self;
  Watch *watch = g_hash_table_lookup (example->watches, text);

  if (watch != NULL)
    air_socket_send_json (socket, frame_counter_to_json (&watch->counter, text));
  else
    air_socket_send_text (socket, "{\"type\":\"error\",\"text\":\"nobody publishes on this path\"}");
}

static void
socket_closed (AirSocket *socket, void *self)
{
  Example *example = self;

  g_ptr_array_remove_fast (example->sockets, socket);
}

static void
send_counts (void *data)
{
  Example *example = data;
  GHashTableIter iter;
  gpointer path, watch;

  g_hash_table_iter_init (&iter, example->watches);
  while (g_hash_table_iter_next (&iter, &path, &watch))
    for (unsigned i = 0; i < example->sockets->len; i++)
      air_socket_send_json (g_ptr_array_index (example->sockets, i),
                            frame_counter_to_json (&((Watch *) watch)->counter, path));
}

/* ---- The plugin */

static const AirOption options[] = {
  { .key = "greeting",
    .type = AIR_OPTION_STRING,
    .default_value = "Hello from the example.",
    .help = "What a client of the WebSocket is greeted with.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { .key = "interval",
    .type = AIR_OPTION_DURATION,
    .default_value = "1 s",
    .minimum = 100,
    .maximum = 60000,
    .help = "How often the counts are sent to the clients of the WebSocket." },
  { .key = NULL },
};

static const AirRoute counts_route = {
  .method = "GET",
  .template = "/api/example/{path}",
  .summary = "What the example plugin has seen of a stream",
  .role = AIR_ROLE_TEACHER,
  .handler = get_counts,
};

static const AirSocketRoute socket_route = {
  .template = "/ws/example",
  .summary = "Counts of all streams, as they grow",
  .role = AIR_ROLE_TEACHER,
  .opened = socket_opened,
  .message = socket_message,
  .closed = socket_closed,
};

static void *
example_create (AirContext *context, GError **error)
{
  Example *example = g_new0 (Example, 1);

  example->context = context;
  example->watches = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, watch_free);
  example->sockets = g_ptr_array_new_with_free_func ((GDestroyNotify) air_socket_unref);
  example->units = air_context_add_metric (context, AIR_METRIC_COUNTER, "airclass_example_units_total",
                                           "Units that the example plugin has read.",
                                           (const char *const[]){ "kind", NULL }, NULL);
  air_context_add_route (context, &counts_route);
  air_context_add_socket (context, &socket_route);
  air_context_on_event (context, "stream-state", on_stream_state);
  return example;
}

static void
example_start (void *self, GTask *task)
{
  Example *example = self;
  g_autoptr (GPtrArray) streams = air_context_list_streams (example->context);

  for (unsigned i = 0; i < streams->len; i++)
    watch_stream (example, g_ptr_array_index (streams, i));
  air_context_add_timer (example->context, air_context_get_int (example->context, "interval"), send_counts, example);
  g_task_return_boolean (task, TRUE);
}

static void
example_stop (void *self, GTask *task)
{
  Example *example = self;

  g_hash_table_remove_all (example->watches);
  g_task_return_boolean (task, TRUE);
}

static void
example_destroy (void *self)
{
  Example *example = self;

  g_hash_table_unref (example->watches);
  g_ptr_array_unref (example->sockets);
  g_free (example);
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "example",
  .version = "1.0",
  .summary = "Counts what goes by on each stream; a plugin to copy from",
  .options = options,
  .create = example_create,
  .start = example_start,
  .stop = example_stop,
  .destroy = example_destroy,
};
