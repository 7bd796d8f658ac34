/* Presence. Each node has a hash for each of its rooms, member → info, which lives for 15 s and is refreshed every 5 s, so that a node
 * that dies leaves none behind. A sorted set has the nodes by the time of their last refresh, by Redis's clock. Changes are told on a
 * channel; that another node has died each node finds out by itself. */
#include "broker-private.h"

#include <string.h>

/* Of what other nodes say; more is not remembered. */
#define MAX_NODES 1000
#define MAX_HEARD_ROOMS 10000

/* KEYS[1]: the nodes; ARGV: this node, the lifetime in ms. Returns the nodes that live. */
static const char refresh_script[] = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
                                     "redis.call('ZADD', KEYS[1], now, ARGV[1]) "
                                     "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2]) "
                                     "redis.call('PEXPIRE', KEYS[1], ARGV[2]) "
                                     "return redis.call('ZRANGE', KEYS[1], 0, -1)";

/* KEYS[1]: the nodes; ARGV: the lifetime in ms, how the keys of rooms begin, the room. Returns members and infos in turn. */
static const char members_script[]
    = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) local out = {} "
      "for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now - ARGV[1], '+inf')) do "
      "for _, v in ipairs(redis.call('HGETALL', ARGV[2] .. node .. ':' .. ARGV[3])) do out[#out + 1] = v end "
      "end return out";

/* ---- Signals */

static void
tell_here (RedisBroker *self, const char *room)
{
  air_broker_queue_presence (AIR_BROKER (self), self->context, room);
}

static void
add_names (GHashTable *set, GHashTable *from)
{
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, from);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_hash_table_add (set, name);
}

void
redis_broker_queue_all_presence (RedisBroker *self)
{
  g_autoptr (GHashTable) rooms = g_hash_table_new (g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer heard, room;

  add_names (rooms, air_broker_rooms_get_all (self->rooms));
  g_hash_table_iter_init (&iter, self->heard);
  while (g_hash_table_iter_next (&iter, NULL, &heard))
    add_names (rooms, heard);
  g_hash_table_iter_init (&iter, rooms);
  while (g_hash_table_iter_next (&iter, &room, NULL))
    tell_here (self, room);
}

/* ---- This node's members */

/* (transfer full) */
static char *
room_key (RedisBroker *self, const char *room)
{
  g_autofree char *rest = g_strdup_printf ("%s:%s", self->node, room);

  return redis_broker_name (self, "p", rest);
}

static void
tell_others (RedisBroker *self, const char *room, RedisReplyFunc reply, void *data)
{
  g_autofree char *channel = redis_broker_name (self, "presence", NULL);
  g_autofree char *text = g_strdup_printf ("%s %s", self->node, room);

  redis_broker_send (self, reply, data, "PUBLISH", channel, text, NULL);
}

void
redis_broker_write_room (RedisBroker *self, const char *room, GHashTable *members, RedisReplyFunc reply, void *data)
{
  g_autofree char *key = room_key (self, room);
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer member, info;

  g_ptr_array_add (arguments, (gpointer) "HSET");
  g_ptr_array_add (arguments, key);
  g_hash_table_iter_init (&iter, members);
  while (g_hash_table_iter_next (&iter, &member, &info))
    {
      g_ptr_array_add (arguments, member);
      g_ptr_array_add (arguments, info);
    }
  /* Members who left while Redis was away go with the old hash. */
  redis_broker_send (self, NULL, NULL, "DEL", key, NULL);
  redis_link_send (self->commands, NULL, NULL, arguments->len, (const char **) arguments->pdata, NULL);
  redis_broker_send (self, NULL, NULL, "PEXPIRE", key, G_STRINGIFY (PRESENCE_MS), NULL);
  tell_others (self, room, reply, data);
}

static void
broker_enter (AirBroker *broker, const char *room, const char *member, const char *info)
{
  RedisBroker *self = REDIS_BROKER (broker);
  g_autofree char *key = room_key (self, room);
  g_autoptr (GError) error = NULL;

  if (!air_broker_rooms_enter (self->rooms, room, member, info, &error))
    {
      if (error != NULL)
        g_warning ("nobody else is shown in the room '%s': %s", room, error->message);
      return;
    }
  tell_here (self, room);
  redis_broker_send (self, NULL, NULL, "HSET", key, member, info, NULL);
  redis_broker_send (self, NULL, NULL, "PEXPIRE", key, G_STRINGIFY (PRESENCE_MS), NULL);
  tell_others (self, room, NULL, NULL);
}

static void
broker_leave (AirBroker *broker, const char *room, const char *member)
{
  RedisBroker *self = REDIS_BROKER (broker);
  g_autofree char *key = room_key (self, room);
  g_autofree char *own_room = g_strdup (room);

  if (!air_broker_rooms_leave (self->rooms, room, member))
    return;
  tell_here (self, own_room);
  redis_broker_send (self, NULL, NULL, "HDEL", key, member, NULL);
  tell_others (self, own_room, NULL, NULL);
}

bool
redis_broker_leave_all (RedisBroker *self, RedisReplyFunc reply, void *data)
{
  g_autofree char *nodes = redis_broker_name (self, "nodes", NULL);
  GHashTableIter iter;
  gpointer room;

  g_hash_table_iter_init (&iter, air_broker_rooms_get_all (self->rooms));
  while (g_hash_table_iter_next (&iter, &room, NULL))
    {
      g_autofree char *key = room_key (self, room);

      redis_broker_send (self, NULL, NULL, "DEL", key, NULL);
      tell_others (self, room, NULL, NULL);
    }
  return redis_broker_send (self, reply, data, "ZREM", nodes, self->node, NULL);
}

/* ---- Refreshing, and other nodes that have gone */

typedef struct
{
  RedisBroker *broker; /* owned */
  char *room;
} Renewal;

static void
on_renewed (redisReply *reply, void *data)
{
  g_autofree Renewal *renewal = data;
  g_autofree char *room = renewal->room;
  g_autoptr (RedisBroker) self = renewal->broker;
  GHashTable *members = g_hash_table_lookup (air_broker_rooms_get_all (self->rooms), room);

  /* Somebody emptied Redis, or this node was held up for so long that it counted as dead. */
  if (members != NULL && reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer == 0)
    redis_broker_write_room (self, room, members, NULL, NULL);
}

bool
redis_broker_refresh (RedisBroker *self, RedisReplyFunc reply, void *data)
{
  g_autofree char *nodes = redis_broker_name (self, "nodes", NULL);

  return redis_broker_send (self, reply, data, "EVAL", refresh_script, "1", nodes, self->node, G_STRINGIFY (PRESENCE_MS), NULL);
}

/* The answer to refresh_script. */
static void
forget_nodes_that_died (RedisBroker *self, const redisReply *reply)
{
  g_autoptr (GHashTable) alive = g_hash_table_new (g_str_hash, g_str_equal);
  GHashTableIter iter, rooms;
  gpointer node, heard, room;

  for (size_t i = 0; i < reply->elements; i++)
    if (reply->element[i]->type == REDIS_REPLY_STRING)
      g_hash_table_add (alive, reply->element[i]->str);
  g_hash_table_iter_init (&iter, self->heard);
  while (g_hash_table_iter_next (&iter, &node, &heard))
    {
      if (g_hash_table_contains (alive, node))
        continue;
      g_hash_table_iter_init (&rooms, heard);
      while (g_hash_table_iter_next (&rooms, &room, NULL))
        tell_here (self, room);
      g_hash_table_iter_remove (&iter);
    }
}

static void
on_refreshed (redisReply *reply, void *data)
{
  if (reply != NULL && reply->type == REDIS_REPLY_ARRAY)
    forget_nodes_that_died (data, reply);
}

void
redis_broker_refresh_all (RedisBroker *self)
{
  GHashTableIter iter;
  gpointer room;

  redis_broker_refresh (self, on_refreshed, self);
  g_hash_table_iter_init (&iter, air_broker_rooms_get_all (self->rooms));
  while (g_hash_table_iter_next (&iter, &room, NULL))
    {
      g_autofree char *key = room_key (self, room);
      Renewal *renewal = g_new (Renewal, 1);

      *renewal = (Renewal){ g_object_ref (self), g_strdup (room) };
      if (!redis_broker_send (self, on_renewed, renewal, "PEXPIRE", key, G_STRINGIFY (PRESENCE_MS), NULL))
        on_renewed (NULL, renewal);
    }
}

void
redis_broker_heard_presence (RedisBroker *self, const char *text, size_t length)
{
  const char *room = memchr (text, ' ', length);
  g_autofree char *node = room != NULL ? g_strndup (text, room - text) : NULL;
  GHashTable *rooms;

  if (room == NULL || length > 2 * AIR_BROKER_MAX_KEY_BYTES || !g_utf8_validate (text, length, NULL)
      || strcmp (node, self->node) == 0)
    return;
  room++;
  rooms = g_hash_table_lookup (self->heard, node);
  if (rooms == NULL && g_hash_table_size (self->heard) < MAX_NODES)
    {
      rooms = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      g_hash_table_insert (self->heard, g_steal_pointer (&node), rooms);
    }
  if (rooms != NULL && g_hash_table_size (rooms) < MAX_HEARD_ROOMS)
    g_hash_table_add (rooms, g_strdup (room));
  tell_here (self, room);
}

/* ---- Members of all nodes */

typedef struct
{
  GTask *task; /* owned; its source object is the broker */
  char *room;
} Question;

static void
on_members (redisReply *reply, void *data)
{
  g_autofree Question *question = data;
  g_autoptr (GTask) task = question->task;
  g_autofree char *room = question->room;
  RedisBroker *self = g_task_get_source_object (task);
  g_autoptr (JsonNode) own = air_broker_rooms_list (self->rooms, room);
  JsonObject *members = json_node_get_object (own);

  if (reply != NULL && reply->type != REDIS_REPLY_ARRAY)
    {
      g_task_return_new_error (task, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "Redis: %s",
                               reply->type == REDIS_REPLY_ERROR ? reply->str : "not an answer to what it was asked");
      return;
    }
  /* Of somebody on two nodes this node's info counts here. */
  for (size_t i = 0; reply != NULL && i + 1 < reply->elements; i += 2)
    {
      const redisReply *member = reply->element[i], *info = reply->element[i + 1];
      JsonNode *node = NULL;

      if (member->type == REDIS_REPLY_STRING && info->type == REDIS_REPLY_STRING && g_utf8_validate (member->str, member->len, NULL)
          && !json_object_has_member (members, member->str))
        node = air_json_parse (info->str, info->len, NULL);
      if (node != NULL)
        json_object_set_member (members, member->str, node);
    }
  g_task_return_pointer (task, g_steal_pointer (&own), (GDestroyNotify) json_node_unref);
}

static void
broker_members (AirBroker *broker, const char *room, GTask *task)
{
  RedisBroker *self = REDIS_BROKER (broker);
  g_autofree char *nodes = redis_broker_name (self, "nodes", NULL);
  g_autofree char *start = redis_broker_name (self, "p", "");
  Question *question = g_new (Question, 1);

  *question = (Question){ g_object_ref (task), g_strdup (room) };
  if (!self->in_touch
      || !redis_broker_send (self, on_members, question, "EVAL", members_script, "1", nodes, G_STRINGIFY (PRESENCE_MS), start, room,
                             NULL))
    on_members (NULL, question);
}

void
redis_broker_presence_init (AirBrokerInterface *iface)
{
  iface->enter = broker_enter;
  iface->leave = broker_leave;
  iface->members = broker_members;
}
