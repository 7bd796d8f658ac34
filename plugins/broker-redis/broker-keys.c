/* Keys. In Redis a value stands as "STAMP:NODE JSON": the stamp (ms since the epoch, rising on one node) decides which of two is newer
 * when a node comes back with what it kept, and the node whose a lease is. Each key that this node set is kept here as well, until its
 * end. */
#include "broker-private.h"

#include <string.h>

/* Keys that are remembered as removed while Redis is away. */
#define MAX_REMOVED 10000

/* Removes KEYS[1] if its value is ARGV[1], or any for "". */
static const char remove_script[] = "local v = redis.call('GET', KEYS[1]) "
                                    "if not v then return 0 end "
                                    "if ARGV[1] ~= '' and string.match(v, '^%d+:%x+ (.*)$') ~= ARGV[1] then return -1 end "
                                    "redis.call('DEL', KEYS[1]) return 1";

/* Sets KEYS[1] to ARGV[1] for ARGV[2] ms, unless it is another node's than ARGV[3]. */
static const char renew_script[] = "local v = redis.call('GET', KEYS[1]) "
                                   "if v and string.match(v, '^%d+:(%x+) ') ~= ARGV[3] then return 0 end "
                                   "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1";

typedef struct
{
  GTask *task; /* owned; its source object is the broker */
  char *key;
  char *value; /* set: the value; remove: what is expected, or NULL */
  int64_t stamp, lifetime_ms;
} Call;

static Call *
call_new (GTask *task, const char *key, const char *value)
{
  Call *call = g_new0 (Call, 1);

  call->task = g_object_ref (task);
  call->key = g_strdup (key);
  call->value = g_strdup (value);
  return call;
}

static void
call_free (Call *call)
{
  g_object_unref (call->task);
  g_free (call->key);
  g_free (call->value);
  g_free (call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_free)

static RedisBroker *
broker_of (Call *call)
{
  return g_task_get_source_object (call->task);
}

static void
return_away (GTask *task)
{
  g_task_return_new_error (task, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "Redis is away");
}

/* Whether @reply is of the type @type; else the task is returned with what Redis says. */
static bool
check_reply (GTask *task, const redisReply *reply, int type)
{
  if (reply->type == type)
    return true;
  g_task_return_new_error (task, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "Redis: %s",
                           reply->type == REDIS_REPLY_ERROR ? reply->str : "not an answer to what it was asked");
  return false;
}

/* (transfer none) the JSON in what Redis keeps; NULL when nothing of ours stands there. */
static const char *
json_of (const redisReply *reply)
{
  const char *space = reply->type == REDIS_REPLY_STRING ? strchr (reply->str, ' ') : NULL;

  return space != NULL && g_utf8_validate (reply->str, reply->len, NULL) ? space + 1 : NULL;
}

/* ---- Set */

static int64_t
next_stamp (RedisBroker *self)
{
  self->last_stamp = MAX (self->last_stamp + 1, g_get_real_time () / 1000);
  return self->last_stamp;
}

/* Keeps the value here. A lease that is renewed stays one. */
static bool
keep (RedisBroker *self, const char *key, const char *value, int64_t lifetime_ms, int64_t stamp, unsigned flags, GError **error)
{
  AirBrokerEntry *before = air_broker_memory_find (self->own, key);
  unsigned lease = before != NULL ? before->flags & LEASE : 0;
  AirBrokerEntry *entry = air_broker_memory_set (self->own, key, value, lifetime_ms, false, error);

  if (entry == NULL)
    return false;
  entry->stamp = stamp;
  entry->flags = flags | lease;
  g_hash_table_remove (self->removed, key);
  return true;
}

/* Of a lease that was renewed the answer is a number, else "OK". */
static void
on_set (redisReply *reply, void *data)
{
  g_autoptr (Call) call = data;
  RedisBroker *self = broker_of (call);
  AirBrokerEntry *entry = air_broker_memory_find (self->own, call->key);
  bool ours = entry != NULL && entry->stamp == call->stamp;
  bool renewed = reply != NULL && reply->type == REDIS_REPLY_INTEGER;

  if (reply == NULL)
    {
      g_task_return_boolean (call->task, TRUE); /* it is kept here, and will be written */
      return;
    }
  if (renewed && reply->integer == 0)
    g_task_return_new_error (call->task, AIR_ERROR, AIR_ERROR_CONFLICT, "another node has the key '%s'", call->key);
  else if (renewed || check_reply (call->task, reply, REDIS_REPLY_STATUS))
    {
      if (ours)
        entry->flags &= ~UNSAVED;
      g_task_return_boolean (call->task, TRUE);
      return;
    }
  /* Who was told that it failed does not want it to be written later. */
  if (ours)
    air_broker_memory_remove (self->own, call->key, NULL, NULL);
}

static void
on_lease (redisReply *reply, void *data)
{
  g_autoptr (Call) call = data;

  if (reply == NULL)
    return_away (call->task);
  else if (reply->type == REDIS_REPLY_NIL)
    g_task_return_new_error (call->task, AIR_ERROR, AIR_ERROR_CONFLICT, "the key '%s' is there already", call->key);
  else if (check_reply (call->task, reply, REDIS_REPLY_STATUS))
    {
      /* Without room for it here it is not written again after an outage; it is had all the same. */
      keep (broker_of (call), call->key, call->value, call->lifetime_ms, call->stamp, LEASE, NULL);
      g_task_return_boolean (call->task, TRUE);
    }
}

static bool
send_set (RedisBroker *self, Call *call, bool only_new, bool is_lease)
{
  g_autofree char *name = redis_broker_name (self, "k", call->key);
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT ":%s %s", call->stamp, self->node, call->value);
  g_autofree char *lifetime = g_strdup_printf ("%" G_GINT64_FORMAT, call->lifetime_ms);

  if (is_lease && !only_new)
    return redis_broker_send (self, on_set, call, "EVAL", renew_script, "1", name, text, lifetime, self->node, NULL);
  return redis_broker_send (self, only_new ? on_lease : on_set, call, "SET", name, text, "PX", lifetime, only_new ? "NX" : NULL,
                            NULL);
}

static void
broker_set (AirBroker *broker, const char *key, const char *value, int64_t lifetime_ms, bool only_new, GTask *task)
{
  RedisBroker *self = REDIS_BROKER (broker);
  g_autoptr (Call) call = call_new (task, key, value);
  g_autoptr (GError) error = NULL;

  call->stamp = next_stamp (self);
  call->lifetime_ms = lifetime_ms;
  if (only_new)
    {
      if (self->in_touch && send_set (self, call, true, true))
        g_steal_pointer (&call);
      else
        return_away (task);
    }
  else if (!keep (self, key, value, lifetime_ms, call->stamp, UNSAVED, &error))
    g_task_return_error (task, g_steal_pointer (&error));
  else if (send_set (self, call, false, air_broker_memory_find (self->own, key)->flags & LEASE))
    g_steal_pointer (&call);
  else
    g_task_return_boolean (task, TRUE);
}

/* ---- Get */

static void
get_here (RedisBroker *self, const char *key, GTask *task)
{
  AirBrokerEntry *entry = air_broker_memory_find (self->own, key);

  if (entry != NULL)
    g_task_return_pointer (task, air_json_parse (entry->value, -1, NULL), (GDestroyNotify) json_node_unref);
  else
    return_away (task);
}

/* What another node removed or changed is no longer ours to write again. */
static void
forget (RedisBroker *self, const char *key, const char *value)
{
  AirBrokerEntry *entry = air_broker_memory_find (self->own, key);

  if (entry != NULL && !(entry->flags & UNSAVED) && g_strcmp0 (entry->value, value) != 0)
    air_broker_memory_remove (self->own, key, NULL, NULL);
}

static void
on_get (redisReply *reply, void *data)
{
  g_autoptr (Call) call = data;
  g_autoptr (GError) error = NULL;
  const char *value;
  JsonNode *node;

  if (reply == NULL)
    {
      get_here (broker_of (call), call->key, call->task);
      return;
    }
  if (reply->type == REDIS_REPLY_NIL)
    {
      forget (broker_of (call), call->key, NULL);
      g_task_return_new_error (call->task, AIR_ERROR, AIR_ERROR_NOT_FOUND, "no key '%s'", call->key);
      return;
    }
  if (!check_reply (call->task, reply, REDIS_REPLY_STRING))
    return;
  value = json_of (reply);
  node = air_json_parse (value != NULL ? value : "", -1, &error);
  if (node == NULL)
    {
      g_task_return_new_error (call->task, AIR_ERROR, AIR_ERROR_INVALID, "the key '%s' has something else in Redis: %s", call->key,
                               error->message);
      return;
    }
  forget (broker_of (call), call->key, value);
  g_task_return_pointer (call->task, node, (GDestroyNotify) json_node_unref);
}

static void
broker_get (AirBroker *broker, const char *key, GTask *task)
{
  RedisBroker *self = REDIS_BROKER (broker);
  g_autofree char *name = redis_broker_name (self, "k", key);
  g_autoptr (Call) call = call_new (task, key, NULL);

  if (self->in_touch && redis_broker_send (self, on_get, call, "GET", name, NULL))
    g_steal_pointer (&call);
  else
    get_here (self, key, task);
}

/* ---- Remove */

static void
remove_here (RedisBroker *self, Call *call)
{
  g_autoptr (GError) error = NULL;
  int64_t stamp = next_stamp (self);

  if (air_broker_memory_remove (self->own, call->key, call->value, &error))
    {
      if (g_hash_table_size (self->removed) < MAX_REMOVED)
        g_hash_table_insert (self->removed, g_strdup (call->key), g_memdup2 (&stamp, sizeof stamp));
      g_task_return_boolean (call->task, TRUE);
    }
  else if (g_error_matches (error, AIR_ERROR, AIR_ERROR_CONFLICT))
    g_task_return_error (call->task, g_steal_pointer (&error));
  else
    return_away (call->task);
}

static void
on_remove (redisReply *reply, void *data)
{
  g_autoptr (Call) call = data;
  RedisBroker *self = broker_of (call);

  if (reply == NULL)
    {
      remove_here (self, call);
      return;
    }
  if (!check_reply (call->task, reply, REDIS_REPLY_INTEGER))
    return;
  if (reply->integer >= 0)
    air_broker_memory_remove (self->own, call->key, NULL, NULL);
  if (reply->integer > 0)
    g_task_return_boolean (call->task, TRUE);
  else if (reply->integer == 0)
    g_task_return_new_error (call->task, AIR_ERROR, AIR_ERROR_NOT_FOUND, "no key '%s'", call->key);
  else
    g_task_return_new_error (call->task, AIR_ERROR, AIR_ERROR_CONFLICT, "the key '%s' has another value", call->key);
}

static void
broker_remove (AirBroker *broker, const char *key, const char *expected, GTask *task)
{
  RedisBroker *self = REDIS_BROKER (broker);
  g_autofree char *name = redis_broker_name (self, "k", key);
  g_autoptr (Call) call = call_new (task, key, expected);

  if (self->in_touch
      && redis_broker_send (self, on_remove, call, "EVAL", remove_script, "1", name, expected != NULL ? expected : "", NULL))
    g_steal_pointer (&call);
  else
    remove_here (self, call);
}

void
redis_broker_keys_init (AirBrokerInterface *iface)
{
  iface->set = broker_set;
  iface->get = broker_get;
  iface->remove = broker_remove;
  iface->list = redis_broker_list;
}
