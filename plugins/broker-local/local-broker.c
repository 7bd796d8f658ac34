/* The broker of a single node. What the other nodes would be told needs no telling: the bus delivers events here anyway. The tasks
 * return at once; GTask calls back later all the same. Signals come from the main loop, never from within enter or leave. */
#include "local-broker.h"

#define MAX_MEMBERS 100000

struct _LocalBroker
{
  GObject parent_instance;
  AirContext *context; /* not owned */
  AirBrokerMemory *keys;
  AirBrokerRooms *rooms;
};

static void local_broker_iface_init (AirBrokerInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (LocalBroker, local_broker, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (AIR_TYPE_BROKER, local_broker_iface_init))

static void
local_broker_set (AirBroker *broker, const char *key, const char *value, int64_t lifetime_ms, bool only_new, GTask *task)
{
  LocalBroker *self = LOCAL_BROKER (broker);
  g_autoptr (GError) error = NULL;

  if (air_broker_memory_set (self->keys, key, value, lifetime_ms, only_new, &error) != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
local_broker_get (AirBroker *broker, const char *key, GTask *task)
{
  AirBrokerEntry *entry = air_broker_memory_find (LOCAL_BROKER (broker)->keys, key);

  if (entry != NULL)
    g_task_return_pointer (task, air_json_parse (entry->value, -1, NULL), (GDestroyNotify) json_node_unref);
  else
    g_task_return_new_error (task, AIR_ERROR, AIR_ERROR_NOT_FOUND, "no key '%s'", key);
}

static void
local_broker_remove (AirBroker *broker, const char *key, const char *expected, GTask *task)
{
  g_autoptr (GError) error = NULL;

  if (air_broker_memory_remove (LOCAL_BROKER (broker)->keys, key, expected, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
local_broker_list (AirBroker *broker, const char *prefix, GTask *task)
{
  g_autoptr (GError) error = NULL;
  JsonNode *node = air_broker_memory_list (LOCAL_BROKER (broker)->keys, prefix, &error);

  if (node != NULL)
    g_task_return_pointer (task, node, (GDestroyNotify) json_node_unref);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/* ---- Presence */

typedef struct
{
  LocalBroker *broker;
  char *room;
} Change;

static void
change_free (gpointer data)
{
  Change *change = data;

  g_object_unref (change->broker);
  g_free (change->room);
  g_free (change);
}

static void
tell_change (void *data)
{
  Change *change = data;

  air_broker_emit_presence (AIR_BROKER (change->broker), change->room);
}

static void
queue_change (LocalBroker *self, const char *room)
{
  Change *change = g_new (Change, 1);

  *change = (Change){ g_object_ref (self), g_strdup (room) };
  air_context_invoke (self->context, tell_change, change, change_free);
}

static void
local_broker_enter (AirBroker *broker, const char *room, const char *member, const char *info)
{
  LocalBroker *self = LOCAL_BROKER (broker);
  g_autoptr (GError) error = NULL;

  if (air_broker_rooms_enter (self->rooms, room, member, info, &error))
    queue_change (self, room);
  else if (error != NULL)
    g_warning ("nobody else is shown in the room '%s': %s", room, error->message);
}

static void
local_broker_leave (AirBroker *broker, const char *room, const char *member)
{
  LocalBroker *self = LOCAL_BROKER (broker);

  if (air_broker_rooms_leave (self->rooms, room, member))
    queue_change (self, room);
}

static void
local_broker_members (AirBroker *broker, const char *room, GTask *task)
{
  g_task_return_pointer (task, air_broker_rooms_list (LOCAL_BROKER (broker)->rooms, room), (GDestroyNotify) json_node_unref);
}

/* ---- The object */

static void
local_broker_iface_init (AirBrokerInterface *iface)
{
  iface->set = local_broker_set;
  iface->get = local_broker_get;
  iface->remove = local_broker_remove;
  iface->list = local_broker_list;
  iface->enter = local_broker_enter;
  iface->leave = local_broker_leave;
  iface->members = local_broker_members;
}

static void
local_broker_finalize (GObject *object)
{
  LocalBroker *self = LOCAL_BROKER (object);

  air_broker_memory_free (self->keys);
  air_broker_rooms_free (self->rooms);
  G_OBJECT_CLASS (local_broker_parent_class)->finalize (object);
}

static void
local_broker_class_init (LocalBrokerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = local_broker_finalize;
}

static void
local_broker_init (LocalBroker *self)
{
}

LocalBroker *
local_broker_new (AirContext *context, size_t max_keys, size_t max_bytes)
{
  LocalBroker *self = g_object_new (LOCAL_TYPE_BROKER, NULL);

  self->context = context;
  self->keys = air_broker_memory_new (max_keys, max_bytes);
  self->rooms = air_broker_rooms_new (MAX_MEMBERS);
  return self;
}
