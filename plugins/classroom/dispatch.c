/* Messages from pages: who may send which, how often, in which form. */
#include "classroom.h"

#include <string.h>

#define PER_MINUTE 60
/* Of all kinds together; whoever sends more than any page does is no page. */
#define ALL_PER_MINUTE 600

typedef struct
{
  AirClassMessage message;
  const AirSchema *schema;
  void *self;
} Registration;

void
classroom_add_message (Classroom *classroom, const AirClassMessage *message, void *self)
{
  g_autofree char *pointer = g_strconcat ("#/components/schemas/", message->schema, NULL);
  g_autoptr (GError) error = NULL;
  g_return_if_fail (!g_hash_table_contains (classroom->messages, message->type));
  const AirSchema *schema = air_schemas_get (classroom->schemas, pointer, &error);
  if (schema == NULL)
    {
      g_critical ("the message \"%s\" has no good schema: %s", message->type, error->message);
      return;
    }
  Registration *registration = g_new (Registration, 1);
  *registration = (Registration){ .message = *message, .schema = schema, .self = self };
  g_hash_table_insert (classroom->messages, g_strdup (message->type), registration);
}

static gboolean
is_of (gpointer type, gpointer registration, gpointer self)
{
  return ((Registration *)registration)->self == self;
}

void
classroom_remove_parts (Classroom *classroom, void *self)
{
  g_hash_table_foreach_remove (classroom->messages, is_of, self);
  classroom_remove_snapshot_parts (classroom, self);
}

static const char *
describe_error (const GError *error)
{
  static const char *const slugs[] = {
    [AIR_ERROR_FAILED] = "failed",           [AIR_ERROR_INVALID] = "invalid",     [AIR_ERROR_UNAUTHORIZED] = "unauthorized",
    [AIR_ERROR_FORBIDDEN] = "forbidden",     [AIR_ERROR_NOT_FOUND] = "not-found", [AIR_ERROR_CONFLICT] = "conflict",
    [AIR_ERROR_LIMIT] = "limit",             [AIR_ERROR_RATE_LIMITED] = "rate-limited",
    [AIR_ERROR_UNSUPPORTED] = "unsupported", [AIR_ERROR_UNAVAILABLE] = "unavailable",
  };
  return error->domain == AIR_ERROR && error->code < (int)G_N_ELEMENTS (slugs) ? slugs[error->code] : "failed";
}

static bool
may_send_now (Client *client, const Registration *registration)
{
  const char *type = registration->message.type;
  Rate *rate = g_hash_table_lookup (client->member->rates, type);
  if (rate == NULL)
    {
      rate = g_new0 (Rate, 1);
      g_hash_table_insert (client->member->rates, g_strdup (type), rate);
    }
  unsigned per_minute = registration->message.per_minute > 0 ? registration->message.per_minute : PER_MINUTE;
  return rate_take (rate, per_minute, g_get_monotonic_time ());
}

/* A projector only shows. */
static bool
has_role (const Client *client, AirRole least)
{
  return client->kind != KIND_MONITOR && client->member->info.role >= least;
}

/* Whoever waits for an answer that comes later. */
struct _AirClassReply
{
  AirSocket *socket; /* owned: its data is the client */
  char *ref;         /* NULL: only a fault is told */
};

void
classroom_reply (AirClassReply *reply, const GError *error, const char *problem)
{
  Client *client = air_socket_get_data (reply->socket);
  if (client != NULL && error != NULL)
    client_reply_error (client, reply->ref, problem != NULL ? problem : describe_error (error), error->message);
  else if (client != NULL && reply->ref != NULL)
    client_reply (client, air_json_new ("{type:'ok', ref:%s}", reply->ref));
  air_socket_unref (reply->socket);
  g_free (reply->ref);
  g_free (reply);
}

static void
handle (Client *client, const Registration *registration, JsonNode *message, const char *ref)
{
  const AirClassMessage *kind = &registration->message;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) combined = kind->combine != NULL ? combine_take (client, kind, message, registration->self) : NULL;
  AirClassReply *reply = g_new0 (AirClassReply, 1);
  /* Afterwards the client may be gone from its room: a teacher can ban, a class can be deleted. */
  reply->socket = air_socket_ref (client->socket);
  reply->ref = g_strdup (ref);
  if (kind->handler_later != NULL)
    kind->handler_later (&client->member->info, message, reply, registration->self);
  else if (kind->handler (&client->member->info, combined != NULL ? combined : message, registration->self, &error))
    classroom_reply (reply, NULL, NULL);
  else
    {
      if (error == NULL)
        g_set_error_literal (&error, AIR_ERROR, AIR_ERROR_FAILED, "it did not work");
      classroom_reply (reply, error, NULL);
    }
}

void
member_report_again (Member *member, GHashTable *reports)
{
  GHashTableIter iter;
  const char *type = NULL;
  if (reports == NULL)
    return;
  g_hash_table_iter_init (&iter, reports);
  while (g_hash_table_iter_next (&iter, (void **)&type, NULL))
    {
      const Registration *registration = g_hash_table_lookup (member->room->classroom->messages, type);
      if (registration == NULL || registration->message.combine == NULL)
        continue;
      g_autoptr (JsonNode) message = combine_again (member, &registration->message, registration->self);
      g_autoptr (GError) error = NULL;
      if (message != NULL && !registration->message.handler (&member->info, message, registration->self, &error))
        g_debug ("\"%s\" once more: %s", type, error != NULL ? error->message : "refused");
    }
}

void
client_take_message (Client *client, const char *text, size_t length)
{
  Classroom *classroom = client->classroom;
  g_autoptr (GError) error = NULL;
  if (!rate_take (&client->rate, ALL_PER_MINUTE, g_get_monotonic_time ()))
    {
      air_socket_close (client->socket, 1008, "too many messages");
      return;
    }
  g_autoptr (JsonNode) message = air_json_parse (text, (gssize)length, &error);
  if (message == NULL || !JSON_NODE_HOLDS_OBJECT (message))
    {
      client_reply_error (client, NULL, "invalid-json", error != NULL ? error->message : "a message is a JSON object");
      return;
    }
  const char *type = air_json_get_string (message, "type"), *ref = air_json_get_string (message, "ref");
  if (ref != NULL && strlen (ref) > 64)
    {
      client_reply_error (client, NULL, "invalid", "ref has at most 64 bytes");
      return;
    }
  if (g_strcmp0 (type, "ping") == 0)
    {
      client_reply (client, air_json_new ("{type:'pong', ref?:%s}", ref));
      return;
    }
  const Registration *registration = type != NULL ? g_hash_table_lookup (classroom->messages, type) : NULL;
  if (registration == NULL)
    client_reply_error (client, ref, "unknown-message", "there is no such type of message");
  else if (!has_role (client, registration->message.role))
    client_reply_error (client, ref, "forbidden", "this is not for your role");
  else if (!may_send_now (client, registration))
    client_reply_error (client, ref, "rate-limited", "too many of these in a minute");
  else if (!air_schema_check (registration->schema, message, &error))
    client_reply_error (client, ref, "invalid", error->message);
  else
    handle (client, registration, message, ref);
}
