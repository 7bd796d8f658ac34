/* A plugin for test_broker.py: makes the broker's functions callable over HTTP, and keeps what it signals and what the bus delivers.
 *
 * POST /api/probe {"op": …} is answered with {"value": …}, or with a problem. GET /api/probe has what was seen. */
#define G_LOG_DOMAIN "air-broker-probe"

#include <airclass/airclass.h>
#include <string.h>

typedef struct
{
  AirContext *context;
  AirBroker *broker; /* not owned */
  unsigned reconnected;
  bool calling;            /* within a function of the broker: nothing may come back from in there */
  JsonArray *presence;     /* rooms, in order */
  JsonArray *presence_one; /* of "room/one" by its detail */
  JsonArray *events;       /* {"remote", "event"} */
  JsonArray *outgoing;     /* names of shared events of this node */
} Probe;

typedef struct
{
  Probe *probe;
  AirRequest *request;
  bool (*finish_bool) (AirBroker *broker, GAsyncResult *result, GError **error);
  JsonNode *(*finish_node) (AirBroker *broker, GAsyncResult *result, GError **error);
} Call;

static void
on_done (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree Call *call = data;
  g_autoptr (AirRequest) request = call->request;
  g_autoptr (GError) error = NULL;
  JsonNode *node = NULL;

  g_assert_false (call->probe->calling);
  if (call->finish_node != NULL)
    node = call->finish_node (AIR_BROKER (source), result, &error);
  else
    call->finish_bool (AIR_BROKER (source), result, &error);
  if (error != NULL)
    air_request_reply_error (request, error);
  else
    air_request_reply_json (request, 200, air_json_new ("{value:%n}", node));
}

static bool
ask (Probe *probe, AirRequest *request, const char *op, JsonNode *json)
{
  const char *key = air_json_get_string (json, "key");
  JsonNode *value = air_json_get (json, "value");
  Call *call = g_new0 (Call, 1);

  *call = (Call){ .probe = probe, .request = air_request_ref (request) };
  if (strcmp (op, "set") == 0)
    {
      call->finish_bool = air_broker_set_finish;
      air_broker_set (probe->broker, key, value, air_json_get_int (json, "lifetime_ms", 60000),
                      air_json_get_bool (json, "only_new", false), on_done, call);
    }
  else if (strcmp (op, "get") == 0)
    {
      call->finish_node = air_broker_get_finish;
      air_broker_get (probe->broker, key, on_done, call);
    }
  else if (strcmp (op, "remove") == 0)
    {
      call->finish_bool = air_broker_remove_finish;
      air_broker_remove (probe->broker, key, value, on_done, call);
    }
  else if (strcmp (op, "list") == 0)
    {
      call->finish_node = air_broker_list_finish;
      air_broker_list (probe->broker, key, on_done, call);
    }
  else if (strcmp (op, "members") == 0)
    {
      call->finish_node = air_broker_members_finish;
      air_broker_members (probe->broker, key, on_done, call);
    }
  else
    {
      air_request_unref (call->request);
      g_free (call);
      return false;
    }
  return true;
}

static void
tell (Probe *probe, AirRequest *request, const char *op, JsonNode *json)
{
  const char *room = air_json_get_string (json, "key");
  const char *member = air_json_get_string (json, "member");
  g_autoptr (GError) error = NULL;

  if (strcmp (op, "enter") == 0)
    air_broker_enter (probe->broker, room, member, air_json_get (json, "value"));
  else if (strcmp (op, "leave") == 0)
    air_broker_leave (probe->broker, room, member);
  else if (strcmp (op, "publish") == 0)
    {
      AirEvent *event = air_event_from_json (air_json_get (json, "value"), &error);

      if (event != NULL)
        air_context_publish_event (probe->context, event);
    }
  else if (strcmp (op, "publish-remote") == 0)
    air_context_publish_remote_event (probe->context, air_json_get (json, "value"), &error);
  if (error != NULL)
    air_request_reply_error (request, error);
  else
    air_request_reply_json (request, 200, air_json_new ("{value:%n}", NULL));
}

static void
post (AirRequest *request, void *self)
{
  Probe *probe = self;
  JsonNode *json = air_request_get_json (request);
  const char *op = air_json_get_string (json, "op");

  probe->calling = true;
  if (!ask (probe, request, op, json))
    tell (probe, request, op, json);
  probe->calling = false;
}

static JsonNode *
array_node (JsonArray *array)
{
  return json_node_init_array (json_node_alloc (), array);
}

static void
get (AirRequest *request, void *self)
{
  Probe *probe = self;

  air_request_reply_json (request, 200,
                          air_json_new ("{reconnected:%i, presence:%n, presence_one:%n, events:%n, outgoing:%n}",
                                        (int) probe->reconnected, array_node (probe->presence), array_node (probe->presence_one),
                                        array_node (probe->events), array_node (probe->outgoing)));
}

/* ---- What comes by itself */

static void
on_event (AirEvent *event, void *self)
{
  Probe *probe = self;

  if (air_event_is_shared (event) || air_event_is_remote (event))
    json_array_add_element (probe->events,
                            air_json_new ("{remote:%b, event:%n}", air_event_is_remote (event), air_event_to_json (event)));
}

static void
on_shared_event (AirEvent *event, void *self)
{
  json_array_add_string_element (((Probe *) self)->outgoing, air_event_get_name (event));
}

static void
on_reconnected (AirBroker *broker, Probe *probe)
{
  g_assert_false (probe->calling);
  probe->reconnected++;
}

static void
on_presence (AirBroker *broker, const char *room, Probe *probe)
{
  g_assert_false (probe->calling);
  json_array_add_string_element (probe->presence, room);
}

static void
on_presence_one (AirBroker *broker, const char *room, Probe *probe)
{
  json_array_add_string_element (probe->presence_one, room);
}

/* ---- The plugin */

static const AirRoute routes[] = {
  { .method = "GET", .template = "/api/probe", .summary = "What was seen", .handler = get },
  { .method = "POST",
    .template = "/api/probe",
    .summary = "Asks the broker",
    .body = AIR_BODY_JSON,
    .max_body_bytes = 1024 * 1024,
    .request_schema = "{\"type\": \"object\", \"properties\": {\"op\": {\"type\": \"string\"}}, \"required\": [\"op\"]}",
    .handler = post },
};

static void *
probe_create (AirContext *context, GError **error)
{
  Probe *probe = g_new0 (Probe, 1);

  probe->context = context;
  probe->presence = json_array_new ();
  probe->presence_one = json_array_new ();
  probe->events = json_array_new ();
  probe->outgoing = json_array_new ();
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
  air_context_on_event (context, NULL, on_event);
  air_context_on_shared_event (context, on_shared_event);
  return probe;
}

static void
probe_start (void *self, GTask *task)
{
  Probe *probe = self;

  probe->broker = air_context_get_service (probe->context, AIR_BROKER_SERVICE);
  g_signal_connect (probe->broker, "reconnected", G_CALLBACK (on_reconnected), probe);
  g_signal_connect (probe->broker, "presence", G_CALLBACK (on_presence), probe);
  g_signal_connect (probe->broker, "presence::room/one", G_CALLBACK (on_presence_one), probe);
  g_task_return_boolean (task, TRUE);
}

static void
probe_stop (void *self, GTask *task)
{
  Probe *probe = self;

  g_signal_handlers_disconnect_by_data (probe->broker, probe);
  g_task_return_boolean (task, TRUE);
}

static void
probe_destroy (void *self)
{
  Probe *probe = self;

  json_array_unref (probe->presence);
  json_array_unref (probe->presence_one);
  json_array_unref (probe->events);
  json_array_unref (probe->outgoing);
  g_free (probe);
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "broker-probe",
  .version = "1.0",
  .summary = "Makes the broker callable over HTTP, for tests",
  .needs = (const char *const[]){ AIR_BROKER_SERVICE, NULL },
  .create = probe_create,
  .start = probe_start,
  .stop = probe_stop,
  .destroy = probe_destroy,
};
