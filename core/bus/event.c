/* The base class of all events: a name, the time it was made, and a JSON form. Immutable, so any thread may read it. */
#include "bus/event.h"

#include <airclass/json.h>

typedef struct
{
  int64_t at_us;
  bool remote;
} AirEventPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (AirEvent, air_event, G_TYPE_OBJECT)

static void
air_event_class_init (AirEventClass *klass)
{
}

static void
air_event_init (AirEvent *self)
{
  AirEventPrivate *priv = air_event_get_instance_private (self);

  priv->at_us = g_get_real_time ();
}

const char *
air_event_get_name (AirEvent *event)
{
  return AIR_EVENT_GET_CLASS (event)->name;
}

int64_t
air_event_get_at_us (AirEvent *event)
{
  AirEventPrivate *priv = air_event_get_instance_private (event);

  return priv->at_us;
}

bool
air_event_is_shared (AirEvent *event)
{
  return AIR_EVENT_GET_CLASS (event)->shared;
}

bool
air_event_is_remote (AirEvent *event)
{
  AirEventPrivate *priv = air_event_get_instance_private (event);

  return priv->remote;
}

void
air_event_set_at_us (AirEvent *event, int64_t at_us)
{
  AirEventPrivate *priv = air_event_get_instance_private (event);

  priv->at_us = at_us;
}

void
air_event_set_remote (AirEvent *event)
{
  AirEventPrivate *priv = air_event_get_instance_private (event);

  priv->remote = true;
}

JsonNode *
air_event_to_json (AirEvent *event)
{
  g_autoptr (JsonNode) fields = AIR_EVENT_GET_CLASS (event)->to_json (event);
  JsonObject *from = json_node_get_object (fields);
  g_autoptr (GList) names = json_object_get_members (from);
  g_autofree char *at = air_time_to_string (air_event_get_at_us (event));
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  json_object_set_string_member (object, "type", air_event_get_name (event));
  json_object_set_string_member (object, "at", at);
  for (GList *name = names; name != NULL; name = name->next)
    json_object_set_member (object, name->data, json_object_dup_member (from, name->data));
  json_node_take_object (node, object);
  return node;
}
