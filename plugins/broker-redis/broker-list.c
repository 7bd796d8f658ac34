/* Lists of keys: SCAN, and the values of each part of its answer, until the cursor is at its end. Keys that are set or removed
 * meanwhile may be in or out, the others are all there. */
#include "broker-private.h"

#include <string.h>

#define PART "500"

typedef struct
{
  GTask *task; /* owned; its source object is the broker */
  char *prefix, *pattern, *cursor;
  char **names;    /* keys in Redis whose values have been asked for */
  JsonObject *found;
  size_t bytes;
} Listing;

static void
listing_free (Listing *listing)
{
  g_object_unref (listing->task);
  g_free (listing->prefix);
  g_free (listing->pattern);
  g_free (listing->cursor);
  g_strfreev (listing->names);
  json_object_unref (listing->found);
  g_free (listing);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Listing, listing_free)

/* Of what this node set itself. */
static void
list_here (RedisBroker *self, const char *prefix, GTask *task)
{
  g_autoptr (GError) error = NULL;
  JsonNode *node = air_broker_memory_list (self->own, prefix, &error);

  if (node != NULL)
    g_task_return_pointer (task, node, (GDestroyNotify) json_node_unref);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void on_scanned (redisReply *reply, void *data);

/* (transfer full) @listing */
static void
scan (Listing *data)
{
  g_autoptr (Listing) listing = data;
  RedisBroker *self = g_task_get_source_object (listing->task);

  if (self->in_touch
      && redis_broker_send (self, on_scanned, listing, "SCAN", listing->cursor, "MATCH", listing->pattern, "COUNT", PART, NULL))
    g_steal_pointer (&listing);
  else
    list_here (self, listing->prefix, listing->task);
}

/* The next part, or the answer. (transfer full) @listing */
static void
go_on (Listing *data)
{
  g_autoptr (Listing) listing = data;

  if (strcmp (listing->cursor, "0") != 0)
    scan (g_steal_pointer (&listing));
  else
    g_task_return_pointer (listing->task, json_node_init_object (json_node_alloc (), listing->found),
                           (GDestroyNotify) json_node_unref);
}

/* Whether @reply is an array of @elements (0: any number); else the listing is answered. */
static bool
check_array (Listing *listing, const redisReply *reply, size_t elements)
{
  if (reply == NULL)
    list_here (g_task_get_source_object (listing->task), listing->prefix, listing->task);
  else if (reply->type != REDIS_REPLY_ARRAY || (elements != 0 && reply->elements != elements))
    g_task_return_new_error (listing->task, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "Redis: %s",
                             reply->type == REDIS_REPLY_ERROR ? reply->str : "not an answer to what it was asked");
  else
    return true;
  return false;
}

static void
on_values (redisReply *reply, void *data)
{
  g_autoptr (Listing) listing = data;
  RedisBroker *self = g_task_get_source_object (listing->task);
  size_t skipped = strlen (self->settings->prefix) + strlen (":k:");
  g_autoptr (GError) error = NULL;

  if (!check_array (listing, reply, g_strv_length (listing->names)))
    return;
  for (size_t i = 0; i < reply->elements; i++)
    {
      const redisReply *value = reply->element[i];
      const char *json = value->type == REDIS_REPLY_STRING ? strchr (value->str, ' ') : NULL;

      /* One that has gone meanwhile, or is not ours, is none. */
      if (json == NULL || air_broker_add_listed (listing->found, listing->names[i] + skipped, json + 1, &listing->bytes, &error))
        continue;
      if (g_error_matches (error, AIR_ERROR, AIR_ERROR_LIMIT))
        {
          g_task_return_error (listing->task, g_steal_pointer (&error));
          return;
        }
      g_clear_error (&error);
    }
  go_on (g_steal_pointer (&listing));
}

/* (transfer full) @listing */
static void
ask_values (Listing *data, const redisReply *keys)
{
  g_autoptr (Listing) listing = data;
  RedisBroker *self = g_task_get_source_object (listing->task);
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_autofree char *start = redis_broker_name (self, "k", "");

  for (size_t i = 0; i < keys->elements; i++)
    if (keys->element[i]->type == REDIS_REPLY_STRING && g_str_has_prefix (keys->element[i]->str, start)
        && g_utf8_validate (keys->element[i]->str, keys->element[i]->len, NULL))
      g_strv_builder_add (names, keys->element[i]->str);
  g_strfreev (listing->names);
  listing->names = g_strv_builder_end (names);
  if (listing->names[0] == NULL)
    {
      go_on (g_steal_pointer (&listing));
      return;
    }
  g_ptr_array_add (arguments, (gpointer) "MGET");
  for (char **name = listing->names; *name != NULL; name++)
    g_ptr_array_add (arguments, *name);
  if (redis_link_send (self->commands, on_values, listing, arguments->len, (const char **) arguments->pdata, NULL))
    g_steal_pointer (&listing);
  else
    list_here (self, listing->prefix, listing->task);
}

static void
on_scanned (redisReply *reply, void *data)
{
  g_autoptr (Listing) listing = data;

  if (!check_array (listing, reply, 2))
    return;
  if (reply->element[0]->type != REDIS_REPLY_STRING || reply->element[1]->type != REDIS_REPLY_ARRAY)
    {
      g_task_return_new_error (listing->task, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "Redis: not an answer to what it was asked");
      return;
    }
  g_free (listing->cursor);
  listing->cursor = g_strdup (reply->element[0]->str);
  ask_values (g_steal_pointer (&listing), reply->element[1]);
}

void
redis_broker_list (AirBroker *broker, const char *prefix, GTask *task)
{
  RedisBroker *self = REDIS_BROKER (broker);
  g_autofree char *name = redis_broker_name (self, "k", prefix);
  Listing *listing = g_new0 (Listing, 1);

  listing->task = g_object_ref (task);
  listing->prefix = g_strdup (prefix);
  listing->pattern = g_strconcat (name, "*", NULL);
  listing->cursor = g_strdup ("0");
  listing->found = json_object_new ();
  scan (listing);
}
