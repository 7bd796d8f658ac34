/* Events between nodes, on one channel: "NODE JSON". What is sent while Redis is away is lost, and counted. */
#include "broker-private.h"

#include <string.h>

/* An event that is larger is not sent, nor taken. */
#define MAX_EVENT_BYTES (256 * 1024)

static const char *const in[] = { "in", NULL };
static const char *const out[] = { "out", NULL };

static void
on_published (redisReply *reply, void *data)
{
  RedisBroker *self = data;

  if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
    air_metric_add (self->metrics->dropped, 1, out);
  else
    air_metric_add (self->metrics->messages, 1, out);
}

void
redis_broker_send_event (RedisBroker *self, AirEvent *event)
{
  g_autoptr (JsonNode) node = air_event_to_json (event);
  g_autofree char *json = air_json_to_string (node);
  g_autofree char *text = g_strdup_printf ("%s %s", self->node, json);
  g_autofree char *channel = redis_broker_name (self, "events", NULL);
  bool fits = strlen (text) <= MAX_EVENT_BYTES;

  if (!fits)
    g_warning ("an event '%s' of %" G_GSIZE_FORMAT " bytes is too large for the other nodes", air_event_get_name (event),
               strlen (text));
  if (!fits || !redis_broker_send (self, on_published, self, "PUBLISH", channel, text, NULL))
    air_metric_add (self->metrics->dropped, 1, out);
}

static void
heard_event (RedisBroker *self, const char *text, size_t length)
{
  const char *json = memchr (text, ' ', length);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL;

  if (json != NULL && (size_t) (json - text) == strlen (self->node) && strncmp (text, self->node, json - text) == 0)
    return;
  if (json == NULL || length > MAX_EVENT_BYTES)
    g_set_error (&error, AIR_ERROR, AIR_ERROR_INVALID, "%s", json == NULL ? "it names no node" : "it is too large");
  else
    node = air_json_parse (json + 1, text + length - json - 1, &error);
  if (node != NULL && air_context_publish_remote_event (self->context, node, &error))
    {
      air_metric_add (self->metrics->messages, 1, in);
      return;
    }
  air_metric_add (self->metrics->dropped, 1, in);
  /* The other node may be of another version or have other plugins: that is no fault. */
  if (g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND))
    g_info ("an event of another node is left out: %s", error->message);
  else
    g_warning ("an event of another node is left out: %s", error->message);
}

void
redis_broker_on_message (const char *channel, const char *text, size_t length, void *data)
{
  RedisBroker *self = data;
  g_autofree char *presence = redis_broker_name (self, "presence", NULL);

  if (strcmp (channel, presence) == 0)
    redis_broker_heard_presence (self, text, length);
  else
    heard_event (self, text, length);
}
