/* The broker's interface: from the public functions to the provider. Main thread. */
#include <airclass/broker.h>

G_DEFINE_INTERFACE (AirBroker, air_broker, G_TYPE_OBJECT)

static void
air_broker_default_init (AirBrokerInterface *iface)
{
  g_signal_new ("reconnected", G_TYPE_FROM_INTERFACE (iface), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  g_signal_new ("presence", G_TYPE_FROM_INTERFACE (iface), G_SIGNAL_RUN_LAST | G_SIGNAL_DETAILED, 0, NULL, NULL, NULL,
                G_TYPE_NONE, 1, G_TYPE_STRING);
}

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
  AIR_BROKER_GET_IFACE (broker)->set (broker, key, value, lifetime_ms, only_new, task);
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
  AIR_BROKER_GET_IFACE (broker)->get (broker, key, task);
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
  AIR_BROKER_GET_IFACE (broker)->remove (broker, key, expected, task);
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
  AIR_BROKER_GET_IFACE (broker)->list (broker, prefix, task);
}

JsonNode *
air_broker_list_finish (AirBroker *broker, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
air_broker_enter (AirBroker *broker, const char *room, const char *member, JsonNode *info)
{
  AIR_BROKER_GET_IFACE (broker)->enter (broker, room, member, info);
}

void
air_broker_leave (AirBroker *broker, const char *room, const char *member)
{
  AIR_BROKER_GET_IFACE (broker)->leave (broker, room, member);
}

void
air_broker_members (AirBroker *broker, const char *room, GAsyncReadyCallback callback, void *data)
{
  g_autoptr (GTask) task = new_task (broker, air_broker_members, callback, data);
  AIR_BROKER_GET_IFACE (broker)->members (broker, room, task);
}

JsonNode *
air_broker_members_finish (AirBroker *broker, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
