/* A connection against a server that says what the test wants, byte for byte. */
#include "connection.h"

#include <string.h>

typedef struct
{
  GSocketService *service;
  GSocketConnection *peer; /* the server's side */
  RedisTarget target;
  RedisConnection *connection;
  GString *seen; /* what was called back, in order */
  bool close_on_message;
} Fixture;

static gboolean
on_incoming (GSocketService *service, GSocketConnection *peer, GObject *source, gpointer data)
{
  Fixture *fixture = data;

  fixture->peer = g_object_ref (peer);
  return TRUE;
}

static void
on_opened (void *data)
{
  g_string_append (((Fixture *) data)->seen, "opened;");
}

static void
on_message (const char *channel, const char *text, size_t length, void *data)
{
  Fixture *fixture = data;

  g_assert_cmpuint (strlen (text), ==, length);
  g_string_append_printf (fixture->seen, "message %s %s;", channel, text);
  if (fixture->close_on_message)
    redis_connection_close (g_steal_pointer (&fixture->connection));
}

static void
on_ended (const char *why, void *data)
{
  Fixture *fixture = data;

  g_assert_nonnull (why);
  g_string_append (fixture->seen, "ended;");
  redis_connection_close (g_steal_pointer (&fixture->connection));
}

static const RedisCallbacks callbacks = { on_opened, on_message, on_ended };

static void
on_reply (redisReply *reply, void *data)
{
  g_string_append_printf (((Fixture *) data)->seen, "reply %s;", reply != NULL ? reply->str : "none");
}

/* Waits for what a test says must come; the test's deadline is the harness's. */
static void
wait_for (Fixture *fixture, const char *seen)
{
  while (strstr (fixture->seen->str, seen) == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GError) error = NULL;
  GSocketAddress *address = NULL;

  fixture->seen = g_string_new (NULL);
  fixture->service = g_socket_service_new ();
  g_socket_listener_add_address (G_SOCKET_LISTENER (fixture->service), any, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL,
                                 &address, &error);
  g_assert_no_error (error);
  g_signal_connect (fixture->service, "incoming", G_CALLBACK (on_incoming), fixture);
  fixture->target.address = G_SOCKET_CONNECTABLE (address);
  fixture->connection = redis_connection_open (&fixture->target, &callbacks, fixture);
  g_assert_cmpint (redis_connection_get_waiting_since_us (fixture->connection), >, 0);
  wait_for (fixture, "opened;");
  while (fixture->peer == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  redis_connection_close (fixture->connection);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_object_unref (fixture->peer);
  g_socket_service_stop (fixture->service);
  g_object_unref (fixture->service);
  g_object_unref (fixture->target.address);
  g_string_free (fixture->seen, TRUE);
}

static void
say (Fixture *fixture, const char *text)
{
  g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (fixture->peer)), text, strlen (text), NULL, NULL, NULL);
}

static void
ask (Fixture *fixture)
{
  const char *ping[] = { "PING" };

  g_assert_true (redis_connection_send (fixture->connection, on_reply, fixture, 1, ping, NULL));
}

static void
test_answers (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (redis_connection_get_waiting_since_us (fixture->connection), ==, 0);
  ask (fixture);
  ask (fixture);
  g_assert_cmpint (redis_connection_get_waiting_since_us (fixture->connection), >, 0);
  say (fixture, "+O");
  say (fixture, "NE\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\ntext\r\n");
  say (fixture, "$3\r\nTWO\r\n");
  wait_for (fixture, "reply TWO;");
  g_assert_cmpstr (fixture->seen->str, ==, "opened;reply ONE;message c text;reply TWO;");
  g_assert_cmpint (redis_connection_get_waiting_since_us (fixture->connection), ==, 0);
}

static void
test_end (Fixture *fixture, gconstpointer data)
{
  ask (fixture);
  g_io_stream_close (G_IO_STREAM (fixture->peer), NULL, NULL);
  wait_for (fixture, "reply none;");
  g_assert_cmpstr (fixture->seen->str, ==, "opened;ended;reply none;");
}

static void
test_garbage (Fixture *fixture, gconstpointer data)
{
  ask (fixture);
  say (fixture, data);
  wait_for (fixture, "ended;");
  g_assert_nonnull (strstr (fixture->seen->str, "ended;"));
  g_assert_null (fixture->connection);
}

static void
test_closed_from_within (Fixture *fixture, gconstpointer data)
{
  ask (fixture);
  fixture->close_on_message = true;
  say (fixture, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\n1\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\n2\r\n");
  wait_for (fixture, "reply none;");
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpstr (fixture->seen->str, ==, "opened;message c 1;reply none;");
}

static void
test_given_up (Fixture *fixture, gconstpointer data)
{
  ask (fixture);
  redis_connection_fail (fixture->connection, "enough");
  redis_connection_fail (fixture->connection, "again");
  g_assert_cmpstr (fixture->seen->str, ==, "opened;");
  wait_for (fixture, "reply none;");
  g_assert_cmpstr (fixture->seen->str, ==, "opened;ended;reply none;");
}

/* A server that never reads and never answers: what waits is bounded. */
static void
test_bounded (Fixture *fixture, gconstpointer data)
{
  g_autofree char *large = g_strnfill (1024 * 1024, 'x');
  const char *set[] = { "SET", "k", large };
  const char *ping[] = { "PING" };
  unsigned sent = 0, small = 0;

  while (redis_connection_send (fixture->connection, NULL, NULL, 3, set, NULL))
    g_assert_cmpuint (++sent, <, 100);
  g_assert_cmpuint (sent, >, 10);
  while (redis_connection_send (fixture->connection, NULL, NULL, 1, ping, NULL))
    g_assert_cmpuint (++small, <, 100000);
}

int
main (int argc, char **argv)
{
  static const char *const garbage[] = {
    "HTTP/1.1 400 Bad Request\r\n", "+ONE\r\n+TWO\r\n", "-ERR no more\r\n-ERR no more\r\n", "*-7\r\n", "$-5\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", ":1x\r\n",
  };

  g_test_init (&argc, &argv, NULL);
#define ADD(name, data, function) g_test_add ("/redis-connection/" name, Fixture, data, set_up, function, tear_down)
  ADD ("answers", NULL, test_answers);
  ADD ("end", NULL, test_end);
  for (unsigned i = 0; i < G_N_ELEMENTS (garbage); i++)
    {
      g_autofree char *path = g_strdup_printf ("/redis-connection/garbage/%u", i);

      g_test_add (path, Fixture, garbage[i], set_up, test_garbage, tear_down);
    }
  ADD ("closed-from-within", NULL, test_closed_from_within);
  ADD ("given-up", NULL, test_given_up);
  ADD ("bounded", NULL, test_bounded);
  return g_test_run ();
}
