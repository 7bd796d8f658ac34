/* One connection. Operations of GIO end after the connection may have been closed: each holds a reference, and finds `closed`.
 *
 * hiredis's own connections are not used: they look up names synchronously, know no TLS, and assert that a server answers only
 * what it was asked. */
#include "connection.h"

#include <string.h>

/* Commands sent and not answered, and bytes not sent. */
#define MAX_PENDING 20000
#define MAX_OUT_BYTES (32 * 1024 * 1024)
/* An answer that is longer is not read. A list of keys comes in parts that are smaller. */
#define MAX_REPLY_BYTES (64 * 1024 * 1024)
#define READ_BYTES 65536
/* Answers taken in one turn of the main loop, so that a burst lets others in between. */
#define REPLIES_PER_TURN 200

typedef struct
{
  RedisReplyFunc reply;
  void *data;
  int64_t sent_us;
} Command;

struct _RedisConnection
{
  unsigned references;
  bool closed, ended;
  const RedisCallbacks *callbacks;
  void *data;
  int64_t opened_at_us; /* when opening began; 0 once it is open */
  GCancellable *cancellable;
  const RedisTarget *target;
  GSocketConnection *socket; /* kept open until the end */
  GIOStream *stream;         /* over it: itself, or TLS */
  redisReader *reader;
  size_t unfinished_bytes; /* read since the last whole answer */
  GQueue pending;          /* (element-type Command) */
  GByteArray *out;         /* not yet given to the stream */
  GBytes *writing;
  unsigned turn_id;
  char *failure;
  uint8_t input[READ_BYTES];
};

static void read_more (RedisConnection *self);
static void take_replies (RedisConnection *self);

static RedisConnection *
ref (RedisConnection *self)
{
  self->references++;
  return self;
}

static void
unref (RedisConnection *self)
{
  if (--self->references > 0)
    return;
  g_clear_object (&self->stream);
  g_clear_object (&self->socket);
  g_clear_pointer (&self->reader, redisReaderFree);
  g_clear_pointer (&self->writing, g_bytes_unref);
  g_byte_array_unref (self->out);
  g_object_unref (self->cancellable);
  g_free (self->failure);
  g_free (self);
}

/* ---- The end */

static void
answer_pending (RedisConnection *self)
{
  Command *command;

  while ((command = g_queue_pop_head (&self->pending)) != NULL)
    {
      if (command->reply != NULL)
        command->reply (NULL, command->data);
      g_free (command);
    }
}

/* Tells of the end once. The owner may close and free in the callback: callers hold a reference. */
static void
end (RedisConnection *self, const char *why)
{
  if (self->closed || self->ended)
    return;
  self->ended = true;
  g_cancellable_cancel (self->cancellable);
  self->callbacks->ended (why, self->data);
}

static gboolean
fail_now (gpointer data)
{
  RedisConnection *self = data;

  end (self, self->failure);
  return G_SOURCE_REMOVE;
}

void
redis_connection_fail (RedisConnection *self, const char *why)
{
  if (self->failure != NULL)
    return;
  self->failure = g_strdup (why);
  g_idle_add_full (G_PRIORITY_DEFAULT, fail_now, ref (self), (GDestroyNotify) unref);
}

void
redis_connection_close (RedisConnection *self)
{
  if (self == NULL || self->closed)
    return;
  self->closed = true;
  g_cancellable_cancel (self->cancellable);
  g_clear_handle_id (&self->turn_id, g_source_remove);
  answer_pending (self);
  if (self->stream != NULL)
    g_io_stream_close_async (self->stream, G_PRIORITY_DEFAULT, NULL, NULL, NULL);
  unref (self);
}

/* ---- Writing */

static void write_more (RedisConnection *self);

static void
on_written (GObject *source, GAsyncResult *result, gpointer data)
{
  RedisConnection *self = data;
  g_autoptr (GError) error = NULL;
  bool ok = g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, &error);

  g_clear_pointer (&self->writing, g_bytes_unref);
  if (!ok)
    end (self, error->message);
  else if (!self->closed && !self->ended)
    write_more (self);
  unref (self);
}

static void
write_more (RedisConnection *self)
{
  gsize size;
  const void *bytes;

  if (self->writing != NULL || self->stream == NULL || self->out->len == 0)
    return;
  self->writing = g_byte_array_free_to_bytes (self->out);
  self->out = g_byte_array_new ();
  bytes = g_bytes_get_data (self->writing, &size);
  g_output_stream_write_all_async (g_io_stream_get_output_stream (self->stream), bytes, size, G_PRIORITY_DEFAULT,
                                   self->cancellable, on_written, ref (self));
}

bool
redis_connection_send (RedisConnection *self, RedisReplyFunc reply, void *data, int argc, const char **argv,
                       const size_t *lengths)
{
  Command *command;
  char *text = NULL;
  int length;

  if (self->closed || self->ended || self->failure != NULL || self->pending.length >= MAX_PENDING)
    return false;
  length = redisFormatCommandArgv (&text, argc, argv, lengths);
  if (length < 0 || self->out->len + (size_t) length > MAX_OUT_BYTES)
    {
      redisFreeCommand (text);
      return false;
    }
  g_byte_array_append (self->out, (const guint8 *) text, length);
  redisFreeCommand (text);
  command = g_new (Command, 1);
  *command = (Command){ reply, data, g_get_monotonic_time () };
  g_queue_push_tail (&self->pending, command);
  write_more (self);
  return true;
}

/* ---- Reading */

static bool
is_text (const redisReply *reply)
{
  return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
}

static bool
is_message (const redisReply *reply)
{
  return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 && is_text (reply->element[0])
         && strcmp (reply->element[0]->str, "message") == 0 && is_text (reply->element[1]) && is_text (reply->element[2]);
}

static void
take_reply (RedisConnection *self, redisReply *reply)
{
  Command *command;

  if (is_message (reply))
    {
      self->callbacks->message (reply->element[1]->str, reply->element[2]->str, reply->element[2]->len, self->data);
      return;
    }
  command = g_queue_pop_head (&self->pending);
  if (command == NULL)
    end (self, reply->type == REDIS_REPLY_ERROR ? reply->str : "it answered what it was not asked");
  else if (command->reply != NULL)
    command->reply (reply, command->data);
  g_free (command);
}

static gboolean
next_turn (gpointer data)
{
  RedisConnection *self = data;

  self->turn_id = 0;
  take_replies (self);
  return G_SOURCE_REMOVE;
}

/* Takes what has been read; reads on when that is all. */
static void
take_replies (RedisConnection *self)
{
  ref (self);
  for (unsigned i = 0; i < REPLIES_PER_TURN && !self->closed && !self->ended; i++)
    {
      redisReply *reply = NULL;

      if (redisReaderGetReply (self->reader, (void **) &reply) != REDIS_OK)
        end (self, self->reader->errstr);
      else if (reply == NULL)
        {
          read_more (self);
          unref (self);
          return;
        }
      else
        {
          self->unfinished_bytes = 0;
          take_reply (self, reply);
          freeReplyObject (reply);
        }
    }
  if (!self->closed && !self->ended)
    self->turn_id = g_idle_add_full (G_PRIORITY_DEFAULT, next_turn, self, NULL);
  unref (self);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  RedisConnection *self = data;
  g_autoptr (GError) error = NULL;
  gssize length = g_input_stream_read_finish (G_INPUT_STREAM (source), result, &error);

  if (self->closed || self->ended)
    ;
  else if (length <= 0)
    end (self, error != NULL ? error->message : "it closed the connection");
  else if ((self->unfinished_bytes += length) > MAX_REPLY_BYTES)
    end (self, "an answer is too long");
  else
    {
      redisReaderFeed (self->reader, (const char *) self->input, length);
      take_replies (self);
    }
  unref (self);
}

static void
read_more (RedisConnection *self)
{
  g_input_stream_read_async (g_io_stream_get_input_stream (self->stream), self->input, READ_BYTES, G_PRIORITY_DEFAULT,
                             self->cancellable, on_read, ref (self));
}

/* ---- Opening */

static void
begin (RedisConnection *self, GIOStream *stream)
{
  self->stream = g_object_ref (stream);
  self->opened_at_us = 0;
  read_more (self);
  self->callbacks->opened (self->data);
  if (!self->closed && !self->ended)
    write_more (self);
}

static void
on_shaken (GObject *source, GAsyncResult *result, gpointer data)
{
  RedisConnection *self = data;
  g_autoptr (GTlsConnection) tls = G_TLS_CONNECTION (source);
  g_autoptr (GError) error = NULL;

  if (!g_tls_connection_handshake_finish (tls, result, &error))
    end (self, error->message);
  else if (!self->closed && !self->ended)
    begin (self, G_IO_STREAM (tls));
  unref (self);
}

/* Over the streams of the socket, not the socket's connection: glib-networking 2.74 asks that one for its peer and does not expect that
 * it has gone meanwhile. */
static void
shake_hands (RedisConnection *self)
{
  GIOStream *plain = G_IO_STREAM (self->socket);
  g_autoptr (GIOStream) base = g_simple_io_stream_new (g_io_stream_get_input_stream (plain), g_io_stream_get_output_stream (plain));
  g_autoptr (GError) error = NULL;
  GIOStream *tls = g_tls_client_connection_new (base, self->target->address, &error);

  if (tls == NULL)
    {
      end (self, error->message);
      return;
    }
  if (self->target->authorities != NULL)
    g_tls_connection_set_database (G_TLS_CONNECTION (tls), self->target->authorities);
  g_tls_connection_handshake_async (G_TLS_CONNECTION (tls), G_PRIORITY_DEFAULT, self->cancellable, on_shaken, ref (self));
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer data)
{
  RedisConnection *self = data;
  g_autoptr (GError) error = NULL;

  self->socket = g_socket_client_connect_finish (G_SOCKET_CLIENT (source), result, &error);
  if (self->socket == NULL)
    end (self, error->message);
  else if (self->closed || self->ended)
    ;
  else if (self->target->tls)
    shake_hands (self);
  else
    begin (self, G_IO_STREAM (self->socket));
  unref (self);
}

RedisConnection *
redis_connection_open (const RedisTarget *target, const RedisCallbacks *callbacks, void *data)
{
  RedisConnection *self = g_new0 (RedisConnection, 1);
  g_autoptr (GSocketClient) client = g_socket_client_new ();

  self->references = 1;
  self->target = target;
  self->callbacks = callbacks;
  self->data = data;
  self->opened_at_us = g_get_monotonic_time ();
  self->cancellable = g_cancellable_new ();
  self->reader = redisReaderCreate ();
  self->out = g_byte_array_new ();
  g_queue_init (&self->pending);
  g_socket_client_set_enable_proxy (client, FALSE);
  g_socket_client_connect_async (client, target->address, self->cancellable, on_connected, ref (self));
  return self;
}

int64_t
redis_connection_get_waiting_since_us (RedisConnection *self)
{
  Command *oldest = g_queue_peek_head (&self->pending);

  if (self->opened_at_us != 0)
    return self->opened_at_us;
  return oldest != NULL ? oldest->sent_us : 0;
}
