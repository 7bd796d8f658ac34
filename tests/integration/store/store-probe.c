/* Drives the store for tests: /ws/store-probe takes {"ref", "op", "collection", …}, one operation a frame, and answers {"ref", "result"} or
 * {"ref", "error", "message"} when the store has answered. Main thread. */
#define G_LOG_DOMAIN "air-store-probe"

#include <airclass/airclass.h>
#include <airclass/store-provider.h>

#include <string.h>

typedef struct
{
  AirContext *context;
  AirStore *store;
  unsigned waiting;
  GTask *stopping; /* waits for `waiting` to become 0 */
} Probe;

typedef struct
{
  Probe *probe;
  AirSocket *socket;
  int64_t ref;
} Call;

static Call *
call_new (Probe *probe, AirSocket *socket, int64_t ref)
{
  Call *call = g_new0 (Call, 1);
  *call = (Call){ probe, air_socket_ref (socket), ref };
  probe->waiting++;
  return call;
}

static void
answer (Call *call, JsonNode *result, GError *error)
{
  static const char *const codes[] = { "failed", "invalid", "unauthorized", "forbidden", "not-found", "conflict", "limit", "rate-limited",
                                       "unsupported", "unavailable" };
  Probe *probe = call->probe;
  if (error != NULL && result != NULL)
    json_node_unref (result);
  if (error != NULL)
    air_socket_send_json (call->socket, air_json_new ("{ref:%l, error:%s, message:%s}", call->ref,
                                                      error->domain == AIR_ERROR ? codes[error->code] : "foreign", error->message));
  else
    air_socket_send_json (call->socket, air_json_new ("{ref:%l, result:%n}", call->ref, result));
  g_clear_error (&error);
  air_socket_unref (call->socket);
  g_free (call);
  if (--probe->waiting == 0 && probe->stopping != NULL)
    {
      g_task_return_boolean (probe->stopping, TRUE);
      g_clear_object (&probe->stopping);
    }
}

static void
on_insert (GObject *store, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  bool inserted = air_store_insert_finish (AIR_STORE (store), result, &error);
  answer (data, air_json_new ("%b", inserted), error);
}

static void
on_get (GObject *store, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  JsonNode *document = air_store_get_finish (AIR_STORE (store), result, &error);
  answer (data, document, error);
}

static void
on_find (GObject *store, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (store), result, &error);
  JsonNode *node = NULL;
  if (page != NULL)
    {
      node = air_json_new ("{documents:[], cursor:%s}", page->cursor);
      for (unsigned i = 0; i < page->documents->len; i++)
        json_array_add_element (air_json_get_array (node, "documents"), json_node_copy (g_ptr_array_index (page->documents, i)));
    }
  answer (data, node, error);
}

static void
on_update (GObject *store, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  AirStoreUpdated updated = { 0 };
  JsonNode *node = NULL;
  if (air_store_update_finish (AIR_STORE (store), result, &updated, &error))
    node = air_json_new ("{matched:%i, modified:%i, inserted:%b}", updated.matched, updated.modified, updated.inserted);
  answer (data, node, error);
}

static void
on_remove (GObject *store, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  int64_t count = air_store_remove_finish (AIR_STORE (store), result, &error);
  answer (data, air_json_new ("%l", count), error);
}

static void
on_count (GObject *store, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  int64_t count = air_store_count_finish (AIR_STORE (store), result, &error);
  answer (data, air_json_new ("%l", count), error);
}

static void
on_aggregate (GObject *store, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  JsonNode *groups = air_store_aggregate_finish (AIR_STORE (store), result, &error);
  answer (data, groups, error);
}

/* {"pad": N}: the document gets a "text" of N bytes; {"nest": N}: an "any" of N levels; neither needs to fit into a frame. */
static void
insert (Probe *probe, const char *collection, JsonNode *message, Call *call)
{
  JsonNode *document = air_json_get (message, "document");
  int64_t pad = air_json_get_int (message, "pad", 0);
  if (pad > 0)
    {
      g_autofree char *text = g_strnfill ((gsize)pad, 'x');
      json_object_set_string_member (json_node_get_object (document), "text", text);
    }
  for (int64_t i = air_json_get_int (message, "nest", 0); i > 0; i--)
    {
      JsonNode *inner = json_object_get_member (json_node_get_object (document), "any");
      json_object_set_member (json_node_get_object (document), "any", air_json_new ("{d?:%N}", inner));
    }
  air_store_insert (probe->store, collection, document, on_insert, call);
}

static void
find (Probe *probe, const char *collection, JsonNode *message, Call *call)
{
  AirStoreQuery query = { .filter = air_json_get (message, "filter"),
                          .sort = air_json_get_string (message, "sort"),
                          .limit = (unsigned)air_json_get_int (message, "limit", 0),
                          .cursor = air_json_get_string (message, "cursor") };
  air_store_find (probe->store, collection, &query, on_find, call);
}

static void
update (Probe *probe, const char *collection, JsonNode *message, Call *call)
{
  AirStoreUpdateFlags flags = (air_json_get_bool (message, "many", false) ? AIR_STORE_UPDATE_MANY : 0)
                              | (air_json_get_bool (message, "upsert", false) ? AIR_STORE_UPSERT : 0)
                              | (air_json_get_bool (message, "bulk", false) ? AIR_STORE_BULK : 0);
  air_store_update (probe->store, collection, air_json_get (message, "filter"), air_json_get (message, "changes"), flags, on_update, call);
}

static void
on_message (AirSocket *socket, const char *text, size_t length, void *self)
{
  Probe *probe = self;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) message = air_json_parse (text, (gssize)length, &error);
  const char *op = air_json_get_string (message, "op"), *collection = air_json_get_string (message, "collection");
  JsonNode *filter = air_json_get (message, "filter");
  Call *call = call_new (probe, socket, air_json_get_int (message, "ref", 0));
  if (g_strcmp0 (op, "insert") == 0)
    insert (probe, collection, message, call);
  else if (g_strcmp0 (op, "get") == 0)
    air_store_get (probe->store, collection, air_json_get_string (message, "key"), on_get, call);
  else if (g_strcmp0 (op, "find") == 0)
    find (probe, collection, message, call);
  else if (g_strcmp0 (op, "update") == 0)
    update (probe, collection, message, call);
  else if (g_strcmp0 (op, "remove") == 0)
    air_store_remove (probe->store, collection, filter, on_remove, call);
  else if (g_strcmp0 (op, "count") == 0)
    air_store_count (probe->store, collection, filter, on_count, call);
  else if (g_strcmp0 (op, "aggregate") == 0)
    air_store_aggregate (probe->store, collection, filter, air_json_get (message, "group"), on_aggregate, call);
  else
    answer (call, NULL, g_error_new (AIR_ERROR, AIR_ERROR_INVALID, "no operation: %s", error != NULL ? error->message : op));
}

static void
on_opened (AirSocket *socket, void *self)
{
}

static const AirSocketRoute probe_route = {
  .template = "/ws/store-probe",
  .summary = "Drives the store",
  .role = AIR_ROLE_NONE,
  .max_message_bytes = 1024 * 1024,
  .max_queue_bytes = 64 * 1024 * 1024,
  .opened = on_opened,
  .message = on_message,
};

static void *
probe_create (AirContext *context, GError **error)
{
  Probe *probe = g_new0 (Probe, 1);
  probe->context = context;
  air_context_add_socket (context, &probe_route);
  return probe;
}

static void
probe_start (void *self, GTask *task)
{
  Probe *probe = self;
  probe->store = air_context_get_service (probe->context, AIR_STORE_SERVICE);
  g_task_return_boolean (task, TRUE);
}

static void
probe_stop (void *self, GTask *task)
{
  Probe *probe = self;
  if (probe->waiting == 0)
    g_task_return_boolean (task, TRUE);
  else
    probe->stopping = g_object_ref (task);
}

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin),
  .api_version = AIR_API_VERSION,
  .name = "store-probe",
  .version = "1.0",
  .summary = "Drives the store for tests",
  .needs = (const char *const[]){ AIR_STORE_SERVICE, NULL },
  .create = probe_create,
  .start = probe_start,
  .stop = probe_stop,
  .destroy = g_free,
};
