/* The broker's interface: what every provider needs checked is checked here, once. Main thread. */
#define G_LOG_DOMAIN "air-core"

#include <airclass/broker.h>
#include <airclass/context.h>
#include <airclass/error.h>
#include <airclass/json.h>

#include <string.h>

G_DEFINE_INTERFACE (AirBroker, air_broker, G_TYPE_OBJECT)

static unsigned reconnected_signal, presence_signal;

static void
air_broker_default_init (AirBrokerInterface *iface)
{
  reconnected_signal
      = g_signal_new ("reconnected", G_TYPE_FROM_INTERFACE (iface), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  presence_signal = g_signal_new ("presence", G_TYPE_FROM_INTERFACE (iface), G_SIGNAL_RUN_LAST | G_SIGNAL_DETAILED, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

void
air_broker_emit_reconnected (AirBroker *broker)
{
  g_signal_emit (broker, reconnected_signal, 0);
}

typedef struct
{
  AirBroker *broker; /* owned */
  char *room;
} Change;

static void
change_free (void *data)
{
  Change *change = data;
  g_object_unref (change->broker);
  g_free (change->room);
  g_free (change);
}

/* A room that nobody asked for by name has no quark, and gets none. */
static void
tell_change (void *data)
{
  Change *change = data;
  g_signal_emit (change->broker, presence_signal, g_quark_try_string (change->room), change->room);
}

void
air_broker_queue_presence (AirBroker *broker, AirContext *context, const char *room)
{
  Change *change = g_new (Change, 1);
  *change = (Change){ g_object_ref (broker), g_strdup (room) };
  air_context_invoke (context, tell_change, change, change_free);
}

/* ---- Checks ---- */

static bool
check_key (const char *key, bool may_be_empty, GError **error)
{
  size_t length = key != NULL ? strlen (key) : 0;
  bool ok = length <= AIR_BROKER_MAX_KEY_BYTES && (length > 0 || (may_be_empty && key != NULL));
  for (size_t i = 0; ok && i < length; i++)
    ok = g_ascii_isalnum (key[i]) || strchr (":._/-", key[i]) != NULL;
  if (!ok)
    g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "a key of the broker must be 1 to %d bytes of 0-9 A-Z a-z : . _ / -",
                 AIR_BROKER_MAX_KEY_BYTES);
  return ok;
}

static JsonNode *in_order (JsonNode *value);

static JsonNode *
object_in_order (JsonObject *from)
{
  g_autoptr (GList) names = g_list_sort (json_object_get_members (from), (GCompareFunc)strcmp);
  g_autoptr (JsonObject) object = json_object_new ();
  for (GList *name = names; name != NULL; name = name->next)
    json_object_set_member (object, name->data, in_order (json_object_get_member (from, name->data)));
  return json_node_init_object (json_node_alloc (), object);
}

/* Returns: (transfer full) the same value, its names sorted. */
static JsonNode *
in_order (JsonNode *value)
{
  if (JSON_NODE_HOLDS_OBJECT (value))
    return object_in_order (json_node_get_object (value));
  if (!JSON_NODE_HOLDS_ARRAY (value))
    return json_node_copy (value);
  JsonArray *from = json_node_get_array (value);
  g_autoptr (JsonArray) array = json_array_new ();
  for (unsigned i = 0; i < json_array_get_length (from); i++)
    json_array_add_element (array, in_order (json_array_get_element (from, i)));
  return json_node_init_array (json_node_alloc (), array);
}

/* Returns: (transfer full) @value as text, equal for equal values; NULL with AIR_ERROR_INVALID when it is too large, or not what
 * another node could read. */
static char *
value_to_text (JsonNode *value, size_t max_bytes, GError **error)
{
  if (value == NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "the broker needs a value");
      return NULL;
    }
  g_autofree char *plain = air_json_to_string (value);
  if (strlen (plain) > max_bytes)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "a value of more than %" G_GSIZE_FORMAT " bytes", max_bytes);
      return NULL;
    }
  g_autoptr (JsonNode) read = air_json_parse (plain, -1, error);
  if (read == NULL)
    return NULL;
  g_autoptr (JsonNode) ordered = in_order (read);
  return air_json_to_string (ordered);
}

/* ---- Tasks ---- */

static GTask *
new_task (AirBroker *broker, void *tag, GAsyncReadyCallback callback, void *data)
{
  GTask *task = g_task_new (broker, NULL, callback, data);
  g_task_set_source_tag (task, tag);
  return task;
}

void
air_broker_set (AirBroker *broker, const char *key, JsonNode *value, int64_t lifetime_ms, bool only_new,
                GAsyncReadyCallback callback, void *data)
{
  g_autoptr (GTask) task = new_task (broker, air_broker_set, callback, data);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = check_key (key, false, &error) ? value_to_text (value, AIR_BROKER_MAX_VALUE_BYTES, &error) : NULL;
  if (text == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else if (lifetime_ms <= 0 || lifetime_ms > AIR_BROKER_MAX_LIFETIME_MS)
    g_task_return_new_error (task, AIR_ERROR, AIR_ERROR_INVALID, "a key needs a lifetime, of at most 366 days");
  else
    AIR_BROKER_GET_IFACE (broker)->set (broker, key, text, lifetime_ms, only_new, task);
}

bool
air_broker_set_finish (AirBroker *broker, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
air_broker_get (AirBroker *broker, const char *key, GAsyncReadyCallback callback, void *data)
{
  g_autoptr (GTask) task = new_task (broker, air_broker_get, callback, data);
  g_autoptr (GError) error = NULL;
  if (check_key (key, false, &error))
    AIR_BROKER_GET_IFACE (broker)->get (broker, key, task);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

JsonNode *
air_broker_get_finish (AirBroker *broker, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
air_broker_remove (AirBroker *broker, const char *key, JsonNode *expected, GAsyncReadyCallback callback, void *data)
{
  g_autoptr (GTask) task = new_task (broker, air_broker_remove, callback, data);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  if (check_key (key, false, &error) && expected != NULL)
    text = value_to_text (expected, AIR_BROKER_MAX_VALUE_BYTES, &error);
  if (error != NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    AIR_BROKER_GET_IFACE (broker)->remove (broker, key, text, task);
}

bool
air_broker_remove_finish (AirBroker *broker, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
air_broker_list (AirBroker *broker, const char *prefix, GAsyncReadyCallback callback, void *data)
{
  g_autoptr (GTask) task = new_task (broker, air_broker_list, callback, data);
  g_autoptr (GError) error = NULL;
  if (check_key (prefix, true, &error))
    AIR_BROKER_GET_IFACE (broker)->list (broker, prefix, task);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

JsonNode *
air_broker_list_finish (AirBroker *broker, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- Presence ---- */

static bool
check_member (const char *room, const char *member, GError **error)
{
  if (!check_key (room, false, error))
    return false;
  if (member != NULL && *member != '\0' && strlen (member) <= AIR_BROKER_MAX_KEY_BYTES && g_utf8_validate (member, -1, NULL))
    return true;
  g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "a member of a room must be 1 to %d bytes of UTF-8",
               AIR_BROKER_MAX_KEY_BYTES);
  return false;
}

void
air_broker_enter (AirBroker *broker, const char *room, const char *member, JsonNode *info)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  if (check_member (room, member, &error))
    text = info != NULL ? value_to_text (info, AIR_BROKER_MAX_INFO_BYTES, &error) : g_strdup ("null");
  if (text != NULL)
    AIR_BROKER_GET_IFACE (broker)->enter (broker, room, member, text);
  else
    g_warning ("cannot enter a room of the broker: %s", error->message);
}

void
air_broker_leave (AirBroker *broker, const char *room, const char *member)
{
  if (check_member (room, member, NULL))
    AIR_BROKER_GET_IFACE (broker)->leave (broker, room, member);
}

void
air_broker_members (AirBroker *broker, const char *room, GAsyncReadyCallback callback, void *data)
{
  g_autoptr (GTask) task = new_task (broker, air_broker_members, callback, data);
  g_autoptr (GError) error = NULL;
  if (check_key (room, false, &error))
    AIR_BROKER_GET_IFACE (broker)->members (broker, room, task);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

JsonNode *
air_broker_members_finish (AirBroker *broker, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
