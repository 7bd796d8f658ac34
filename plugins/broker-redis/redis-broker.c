/* The life of the broker: two connections, and whether the node is in touch with the others. It is when both connections are ready, the
 * channels are subscribed, and what was kept here meanwhile has been written; until then everything is answered from here. */
#include "broker-private.h"

#include <stdarg.h>
#include <string.h>

/* Of keys that this node set, and members that are on it. */
#define MAX_KEYS 100000
#define MAX_BYTES (64 * 1024 * 1024)
#define MAX_MEMBERS 100000

#define MAX_ARGUMENTS 16
#define STOP_MS 1000

static void redis_broker_iface_init (AirBrokerInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (RedisBroker, redis_broker, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (AIR_TYPE_BROKER, redis_broker_iface_init))

char *
redis_broker_name (RedisBroker *self, const char *kind, const char *rest)
{
  return g_strconcat (self->settings->prefix, ":", kind, rest != NULL ? ":" : NULL, rest, NULL);
}

bool
redis_broker_send (RedisBroker *self, RedisReplyFunc reply, void *data, ...)
{
  const char *arguments[MAX_ARGUMENTS];
  unsigned count = 0;
  va_list list;

  va_start (list, data);
  while (count < MAX_ARGUMENTS && (arguments[count] = va_arg (list, const char *)) != NULL)
    count++;
  va_end (list);
  return redis_link_send (self->commands, reply, data, count, arguments, NULL);
}

/* ---- In touch, or not */

static void
return_starting (RedisBroker *self)
{
  g_autoptr (GTask) task = g_steal_pointer (&self->starting);

  if (task != NULL)
    g_task_return_boolean (task, TRUE);
}

static void
on_lost (const char *why, void *data)
{
  RedisBroker *self = data;
  bool was_in_touch = self->in_touch;

  self->generation++;
  self->in_touch = false;
  air_metric_set (self->metrics->connected, 0, NULL);
  air_context_set_health (self->context, "redis", false, self->settings->required, why);
  if (!self->was_away)
    g_warning ("Redis at '%s' is away, and this node serves itself until it is back: %s", self->settings->address, why);
  self->was_away = true;
  if (was_in_touch)
    redis_broker_queue_all_presence (self);
  return_starting (self);
}

void
redis_broker_restored (RedisBroker *self)
{
  bool was_away = self->was_away;

  self->in_touch = true;
  self->was_away = false;
  air_metric_set (self->metrics->connected, 1, NULL);
  air_context_set_health (self->context, "redis", true, self->settings->required, "");
  return_starting (self);
  if (!was_away)
    return;
  g_message ("Redis at '%s' is back", self->settings->address);
  air_metric_add (self->metrics->reconnects, 1, NULL);
  redis_broker_queue_all_presence (self);
  air_broker_emit_reconnected (AIR_BROKER (self));
}

static void
restore_if_ready (RedisBroker *self)
{
  if (self->subscribed && redis_link_is_ready (self->commands))
    redis_broker_restore (self);
}

/* ---- The connections */

static void
on_commands_ready (void *data)
{
  restore_if_ready (data);
}

static void
on_subscribed (redisReply *reply, void *data)
{
  RedisBroker *self = data;

  if (reply == NULL)
    return;
  if (reply->type != REDIS_REPLY_ARRAY)
    redis_link_fail (self->events, reply->type == REDIS_REPLY_ERROR ? reply->str : "it does not answer as Redis does");
}

static void
on_last_subscribed (redisReply *reply, void *data)
{
  RedisBroker *self = data;

  on_subscribed (reply, data);
  if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
    return;
  self->subscribed = true;
  restore_if_ready (self);
}

static void
on_events_ready (void *data)
{
  RedisBroker *self = data;
  g_autofree char *events = redis_broker_name (self, "events", NULL);
  g_autofree char *presence = redis_broker_name (self, "presence", NULL);
  const char *first[] = { "SUBSCRIBE", events };
  const char *second[] = { "SUBSCRIBE", presence };

  redis_link_send (self->events, on_subscribed, self, G_N_ELEMENTS (first), first, NULL);
  redis_link_send (self->events, on_last_subscribed, self, G_N_ELEMENTS (second), second, NULL);
}

static void
on_events_lost (const char *why, void *data)
{
  RedisBroker *self = data;

  self->subscribed = false;
  on_lost (why, data);
}

static void
no_message (const char *channel, const char *text, size_t length, void *data)
{
}

static const RedisLinkCallbacks commands_callbacks = {
  .ready = on_commands_ready,
  .message = no_message,
  .lost = on_lost,
};

static const RedisLinkCallbacks events_callbacks = {
  .ready = on_events_ready,
  .message = redis_broker_on_message,
  .lost = on_events_lost,
};

static void
tick (void *data)
{
  RedisBroker *self = data;

  if (self->commands == NULL)
    return;
  redis_link_check (self->commands);
  redis_link_check (self->events);
  if (++self->ticks % REFRESH_S == 0 && self->in_touch)
    redis_broker_refresh_all (self);
}

/* ---- Start and stop */

void
redis_broker_start (RedisBroker *self, GTask *task)
{
  self->starting = g_object_ref (task);
  self->commands = redis_link_new (self->context, &self->settings->link, &commands_callbacks, self);
  self->events = redis_link_new (self->context, &self->settings->link, &events_callbacks, self);
  air_context_set_health (self->context, "redis", false, self->settings->required, "connecting");
  air_context_add_timer (self->context, 1000, tick, self);
  redis_link_start (self->commands);
  redis_link_start (self->events);
}

static void
finish_stopping (void *data)
{
  RedisBroker *self = data;
  g_autoptr (GTask) task = g_steal_pointer (&self->stopping);

  if (task == NULL)
    return;
  self->generation++;
  self->in_touch = false;
  g_clear_pointer (&self->commands, redis_link_free);
  g_clear_pointer (&self->events, redis_link_free);
  return_starting (self);
  g_task_return_boolean (task, TRUE);
}

static gboolean
give_up_stopping (gpointer data)
{
  finish_stopping (data);
  return G_SOURCE_REMOVE;
}

/* From within a connection, which is not to be freed there. */
static void
on_left (redisReply *reply, void *data)
{
  RedisBroker *self = data;

  air_context_invoke (self->context, finish_stopping, self, NULL);
}

void
redis_broker_stop (RedisBroker *self, GTask *task)
{
  self->stopping = g_object_ref (task);
  if (self->in_touch && redis_broker_leave_all (self, on_left, self))
    {
      GSource *source = g_timeout_source_new (STOP_MS);

      g_source_set_callback (source, give_up_stopping, self, NULL);
      air_context_add_source (self->context, source);
    }
  else
    finish_stopping (self);
}

/* ---- The object */

static void
redis_broker_iface_init (AirBrokerInterface *iface)
{
  redis_broker_keys_init (iface);
  redis_broker_presence_init (iface);
}

static void
redis_broker_finalize (GObject *object)
{
  RedisBroker *self = REDIS_BROKER (object);

  redis_link_free (self->commands);
  redis_link_free (self->events);
  g_clear_object (&self->starting);
  air_broker_memory_free (self->own);
  air_broker_rooms_free (self->rooms);
  g_hash_table_unref (self->removed);
  g_hash_table_unref (self->heard);
  g_free (self->run_id);
  G_OBJECT_CLASS (redis_broker_parent_class)->finalize (object);
}

static void
redis_broker_class_init (RedisBrokerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = redis_broker_finalize;
}

static void
redis_broker_init (RedisBroker *self)
{
  self->own = air_broker_memory_new (MAX_KEYS, MAX_BYTES);
  self->rooms = air_broker_rooms_new (MAX_MEMBERS);
  self->removed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->heard = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_hash_table_unref);
  g_snprintf (self->node, sizeof self->node, "%08x%08x", g_random_int (), g_random_int ());
}

RedisBroker *
redis_broker_new (AirContext *context, const RedisBrokerSettings *settings, const RedisBrokerMetrics *metrics)
{
  RedisBroker *self = g_object_new (REDIS_TYPE_BROKER, NULL);

  self->context = context;
  self->settings = settings;
  self->metrics = metrics;
  return self;
}
