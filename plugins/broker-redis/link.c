/* See link.h. The link has at most one connection; between two it has a timer. */
#include "link.h"

#include <string.h>

#define FIRST_DELAY_MS 100
#define LAST_DELAY_MS 3000
#define PING_US (5 * G_TIME_SPAN_SECOND)
/* A connection that lasted that long was a good one: the next is tried without delay. */
#define GOOD_US (5 * G_TIME_SPAN_SECOND)

struct _RedisLink
{
  AirContext *context; /* not owned */
  const RedisLinkSettings *settings;
  const RedisLinkCallbacks *callbacks;
  void *data;
  RedisConnection *connection; /* owned; NULL between two */
  bool ready;
  unsigned delay_ms;
  unsigned retry_id;
  int64_t ready_us, asked_us; /* monotonic: logged in, the last PING */
};

static void open_connection (RedisLink *self);

RedisLink *
redis_link_new (AirContext *context, const RedisLinkSettings *settings, const RedisLinkCallbacks *callbacks, void *data)
{
  RedisLink *self = g_new0 (RedisLink, 1);

  self->context = context;
  self->settings = settings;
  self->callbacks = callbacks;
  self->data = data;
  self->delay_ms = FIRST_DELAY_MS;
  return self;
}

void
redis_link_free (RedisLink *self)
{
  if (self == NULL)
    return;
  self->ready = false;
  redis_connection_close (g_steal_pointer (&self->connection));
  if (self->retry_id != 0)
    air_context_remove_source (self->context, self->retry_id);
  g_free (self);
}

static gboolean
retry (gpointer data)
{
  RedisLink *self = data;

  self->retry_id = 0;
  open_connection (self);
  return G_SOURCE_REMOVE;
}

static void
on_ended (const char *why, void *data)
{
  RedisLink *self = data;
  g_autofree char *reason = g_strdup (why);
  GSource *source;

  if (self->ready && g_get_monotonic_time () - self->ready_us > GOOD_US)
    self->delay_ms = FIRST_DELAY_MS;
  /* All nodes lose the server at the same moment: they shall not come back at the same one. */
  source = g_timeout_source_new (self->delay_ms / 2 + g_random_int_range (0, self->delay_ms / 2 + 1));
  self->ready = false;
  redis_connection_close (g_steal_pointer (&self->connection));
  self->delay_ms = MIN (self->delay_ms * 2, LAST_DELAY_MS);
  g_source_set_callback (source, retry, self, NULL);
  self->retry_id = air_context_add_source (self->context, source);
  self->callbacks->lost (reason, self->data);
}

/* ---- Logging in: every step's answer comes here, the last one says that all is well */

static void
on_step (redisReply *reply, void *data)
{
  RedisLink *self = data;
  g_autofree char *why = NULL;

  if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
    return;
  why = g_strdup_printf ("it refuses to serve: %s", reply->str);
  redis_link_fail (self, why);
}

static void
on_last_step (redisReply *reply, void *data)
{
  RedisLink *self = data;

  if (reply == NULL)
    return;
  if (reply->type != REDIS_REPLY_STATUS || strcmp (reply->str, "PONG") != 0)
    {
      on_step (reply, data);
      if (reply->type != REDIS_REPLY_ERROR)
        redis_link_fail (self, "it does not answer as Redis does");
      return;
    }
  self->ready = true;
  self->ready_us = self->asked_us = g_get_monotonic_time ();
  self->callbacks->ready (self->data);
}

static void
on_opened (void *data)
{
  RedisLink *self = data;
  const RedisLinkSettings *settings = self->settings;
  const char *login[] = { "AUTH", settings->user, settings->password };
  const char *old_login[] = { "AUTH", settings->password };
  char number[16];
  const char *select[] = { "SELECT", number };
  const char *ping[] = { "PING" };

  g_snprintf (number, sizeof number, "%u", settings->database);
  if (*settings->user != '\0')
    redis_connection_send (self->connection, on_step, self, G_N_ELEMENTS (login), login, NULL);
  else if (*settings->password != '\0')
    redis_connection_send (self->connection, on_step, self, G_N_ELEMENTS (old_login), old_login, NULL);
  if (settings->database != 0)
    redis_connection_send (self->connection, on_step, self, G_N_ELEMENTS (select), select, NULL);
  redis_connection_send (self->connection, on_last_step, self, G_N_ELEMENTS (ping), ping, NULL);
}

static void
on_message (const char *channel, const char *text, size_t length, void *data)
{
  RedisLink *self = data;

  self->callbacks->message (channel, text, length, self->data);
}

static const RedisCallbacks connection_callbacks = {
  .opened = on_opened,
  .message = on_message,
  .ended = on_ended,
};

static void
open_connection (RedisLink *self)
{
  self->connection = redis_connection_open (&self->settings->target, &connection_callbacks, self);
}

void
redis_link_start (RedisLink *self)
{
  open_connection (self);
}

bool
redis_link_is_ready (RedisLink *self)
{
  return self != NULL && self->ready;
}

bool
redis_link_send (RedisLink *self, RedisReplyFunc reply, void *data, int argc, const char **argv, const size_t *lengths)
{
  return redis_link_is_ready (self) && redis_connection_send (self->connection, reply, data, argc, argv, lengths);
}

void
redis_link_fail (RedisLink *self, const char *why)
{
  if (self != NULL && self->connection != NULL)
    redis_connection_fail (self->connection, why);
}

void
redis_link_check (RedisLink *self)
{
  int64_t now_us = g_get_monotonic_time ();
  const char *ping[] = { "PING" };
  int64_t since_us;

  if (self->connection == NULL)
    return;
  since_us = redis_connection_get_waiting_since_us (self->connection);
  if (since_us != 0 && now_us - since_us > (int64_t) self->settings->timeout_ms * 1000)
    redis_connection_fail (self->connection, "it does not answer");
  else if (since_us == 0 && self->ready && now_us - self->asked_us > PING_US)
    {
      self->asked_us = now_us;
      redis_connection_send (self->connection, NULL, NULL, G_N_ELEMENTS (ping), ping, NULL);
    }
}
