/* After Redis was away: what it missed is written. Always what was set and removed here meanwhile; and everything this node keeps when
 * it is another Redis than before, or the same one started anew, which may have lost it. Last this node's rooms. The keys go in parts,
 * so that many of them neither fill the queue nor hold up the main loop. */
#include "broker-private.h"

#include <string.h>

#define PART 500

/* KEYS[1]; ARGV: stamp, this node, value, lifetime in ms, "1" for a lease. What is newer in Redis stays, and a lease that another one has,
 * and then the answer is 0. */
static const char restore_script[] = "local v = redis.call('GET', KEYS[1]) "
                                     "if v then local at, node = string.match(v, '^(%d+):(%x+) ') "
                                     "if at and node ~= ARGV[2] and (ARGV[5] == '1' or tonumber(at) > tonumber(ARGV[1])) "
                                     "then return 0 end end "
                                     "redis.call('SET', KEYS[1], ARGV[1] .. ':' .. ARGV[2] .. ' ' .. ARGV[3], 'PX', ARGV[4]) return 1";

/* KEYS[1]; ARGV: stamp. What was set after the removal stays. */
static const char remove_script[] = "local v = redis.call('GET', KEYS[1]) "
                                    "if v then local at = string.match(v, '^%d+') "
                                    "if at and tonumber(at) > tonumber(ARGV[1]) then return 0 end "
                                    "redis.call('DEL', KEYS[1]) end return 1";

typedef struct
{
  RedisBroker *broker; /* owned */
  unsigned generation;
  bool all;            /* not only what Redis has not confirmed */
  GPtrArray *keys;     /* (element-type utf8) */
  unsigned next;       /* in keys */
  unsigned waiting;    /* answers of this part */
  char *run_id;        /* of this Redis */
  bool rooms_written;
  bool failed;         /* an answer will never come */
} Restore;

typedef struct
{
  Restore *restore;
  char *key; /* NULL: not a key that was set */
  int64_t stamp;
} Item;

static void next_part (Restore *restore);

static void
restore_free (Restore *restore)
{
  g_object_unref (restore->broker);
  g_ptr_array_unref (restore->keys);
  g_free (restore->run_id);
  g_free (restore);
}

static bool
is_current (Restore *restore)
{
  return !restore->failed && restore->generation == restore->broker->generation;
}

static void
on_answer (redisReply *reply, void *data)
{
  g_autofree Item *item = data;
  g_autofree char *key = item->key;
  Restore *restore = item->restore;
  RedisBroker *self = restore->broker;
  AirBrokerEntry *entry = key != NULL ? air_broker_memory_find (self->own, key) : NULL;

  if (reply == NULL)
    restore->failed = true;
  else if (reply->type == REDIS_REPLY_ERROR)
    redis_link_fail (self->commands, reply->str);
  else if (entry != NULL && entry->stamp == item->stamp)
    {
      entry->flags &= ~UNSAVED;
      if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 0)
        air_broker_memory_remove (self->own, key, NULL, NULL);
    }
  if (--restore->waiting == 0)
    next_part (restore);
}

/* Counts an answer that will come. Returns: (transfer full) */
static Item *
expect (Restore *restore, const char *key, int64_t stamp)
{
  Item *item = g_new (Item, 1);

  *item = (Item){ restore, g_strdup (key), stamp };
  restore->waiting++;
  return item;
}

/* When it could not be sent, the connection is as good as lost. */
static void
sent (Restore *restore, Item *item, bool ok)
{
  if (ok)
    return;
  restore->waiting--;
  g_free (item->key);
  g_free (item);
  redis_link_fail (restore->broker->commands, "too much waits to be sent");
}

static void
write_key (Restore *restore, const char *key)
{
  RedisBroker *self = restore->broker;
  AirBrokerEntry *entry = air_broker_memory_find (self->own, key);
  g_autofree char *name = redis_broker_name (self, "k", key);
  g_autofree char *stamp = NULL, *lifetime = NULL;
  Item *item;

  if (entry == NULL || (!restore->all && !(entry->flags & UNSAVED)))
    return;
  stamp = g_strdup_printf ("%" G_GINT64_FORMAT, entry->stamp);
  lifetime = g_strdup_printf ("%" G_GINT64_FORMAT, MAX ((entry->expires_us - g_get_monotonic_time ()) / 1000, 1));
  item = expect (restore, key, entry->stamp);
  sent (restore, item,
        redis_broker_send (self, on_answer, item, "EVAL", restore_script, "1", name, stamp, self->node, entry->value,
                           lifetime, entry->flags & LEASE ? "1" : "0", NULL));
}

static void
write_removals (Restore *restore)
{
  RedisBroker *self = restore->broker;
  GHashTableIter iter;
  gpointer key, at;

  g_hash_table_iter_init (&iter, self->removed);
  while (g_hash_table_iter_next (&iter, &key, &at))
    {
      g_autofree char *name = redis_broker_name (self, "k", key);
      g_autofree char *stamp = g_strdup_printf ("%" G_GINT64_FORMAT, *(int64_t *) at);
      Item *item = expect (restore, NULL, 0);

      sent (restore, item, redis_broker_send (self, on_answer, item, "EVAL", remove_script, "1", name, stamp, NULL));
    }
}

static void
write_rooms (Restore *restore)
{
  RedisBroker *self = restore->broker;
  GHashTableIter iter;
  gpointer room, members;

  Item *item;

  restore->rooms_written = true;
  write_removals (restore);
  g_hash_table_iter_init (&iter, air_broker_rooms_get_all (self->rooms));
  while (g_hash_table_iter_next (&iter, &room, &members))
    redis_broker_write_room (self, room, members, NULL, NULL);
  item = expect (restore, NULL, 0);
  sent (restore, item, redis_broker_refresh (self, on_answer, item));
}

static void
finish (Restore *restore)
{
  RedisBroker *self = restore->broker;

  g_hash_table_remove_all (self->removed);
  g_free (self->run_id);
  self->run_id = g_steal_pointer (&restore->run_id);
  redis_broker_restored (self);
  restore_free (restore);
}

static void
next_part (Restore *restore)
{
  if (!is_current (restore))
    {
      restore_free (restore);
      return;
    }
  restore->waiting = 1; /* so that nothing ends while the part is made */
  while (restore->waiting <= PART && restore->next < restore->keys->len)
    write_key (restore, g_ptr_array_index (restore->keys, restore->next++));
  if (restore->waiting == 1 && restore->rooms_written)
    {
      finish (restore);
      return;
    }
  if (restore->waiting == 1)
    write_rooms (restore);
  if (--restore->waiting == 0)
    restore_free (restore); /* nothing could be sent: the connection is being given up */
}

/* The answer to INFO: a Redis that was started anew has another run_id. Who may not ask is treated as if it had. */
static void
on_info (redisReply *reply, void *data)
{
  Restore *restore = data;
  const char *found = reply != NULL && reply->type == REDIS_REPLY_STRING ? strstr (reply->str, "run_id:") : NULL;

  restore->failed = reply == NULL;
  if (found != NULL)
    restore->run_id = g_strndup (found + strlen ("run_id:"), strcspn (found + strlen ("run_id:"), "\r\n"));
  restore->all = restore->run_id == NULL || g_strcmp0 (restore->run_id, restore->broker->run_id) != 0;
  next_part (restore);
}

void
redis_broker_restore (RedisBroker *self)
{
  Restore *restore = g_new0 (Restore, 1);

  restore->broker = g_object_ref (self);
  restore->generation = self->generation;
  restore->keys = air_broker_memory_list_keys (self->own);
  if (!redis_broker_send (self, on_info, restore, "INFO", "server", NULL))
    {
      restore_free (restore);
      redis_link_fail (self->commands, "too much waits to be sent");
    }
}
