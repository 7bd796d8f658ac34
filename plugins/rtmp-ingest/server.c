/* The I/O thread, its connections and what other threads ask of it. The listeners stand in listener.c. */
#include "server-private.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK_MS 500
/* Also the most that one connection has handled in its turn. */
#define RECEIVE_BUFFER_BYTES (64 * 1024)
/* The host waits two seconds for stop(). */
#define DRAIN_US (1200 * G_TIME_SPAN_MILLISECOND)

typedef struct
{
  uint64_t connection;
  unsigned publishing;
  AirPublisherEnded reason;
} EndedMessage;

static void
on_wake (RtmpWatch *watch, uint32_t events)
{
  uint64_t count;
  if (read (watch->fd, &count, sizeof count) < 0)
    return; /* somebody else's turn has cleared it */
}

RtmpServer *
rtmp_server_new (AirContext *context)
{
  RtmpServer *server = g_new0 (RtmpServer, 1);
  server->context = context;
  server->loop.epoll_fd = -1;
  server->wake = (RtmpWatch){ .fd = -1, .ready = on_wake };
  server->wake_fd = -1;
  server->listeners = g_ptr_array_new_with_free_func (rtmp_listener_free);
  server->connections = g_hash_table_new (g_int64_hash, g_int64_equal);
  server->addresses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  server->dead = g_ptr_array_new_with_free_func ((GDestroyNotify) rtmp_connection_free);
  server->ended = g_array_new (FALSE, FALSE, sizeof (EndedMessage));
  server->tls = rtmp_tls_new ();
  server->adobe_auth = adobe_auth_new ();
  g_mutex_init (&server->lock);
  rtmp_metrics_init (&server->metrics, context);
  return server;
}

void
rtmp_server_free (RtmpServer *server)
{
  if (server->thread)
    g_thread_join (server->thread);
  g_ptr_array_unref (server->listeners);
  g_ptr_array_unref (server->dead);
  g_hash_table_unref (server->connections);
  g_hash_table_unref (server->addresses);
  g_array_unref (server->ended);
  rtmp_tls_free (server->tls);
  adobe_auth_free (server->adobe_auth);
  rtmp_loop_clear (&server->loop);
  if (server->wake_fd >= 0)
    close (server->wake_fd);
  g_free (server->receive_buffer);
  g_mutex_clear (&server->lock);
  g_free (server);
}

AirContext *
rtmp_server_get_context (RtmpServer *server)
{
  return server->context;
}

const RtmpSettings *
rtmp_server_get_settings (RtmpServer *server)
{
  return &server->settings;
}

RtmpMetrics *
rtmp_server_get_metrics (RtmpServer *server)
{
  return &server->metrics;
}

RtmpLoop *
rtmp_server_get_loop (RtmpServer *server)
{
  return &server->loop;
}

RtmpTls *
rtmp_server_get_tls (RtmpServer *server)
{
  return server->tls;
}

AdobeAuth *
rtmp_server_get_adobe_auth (RtmpServer *server)
{
  return server->adobe_auth;
}

uint8_t *
rtmp_server_get_receive_buffer (RtmpServer *server, size_t *ret_size)
{
  *ret_size = RECEIVE_BUFFER_BYTES;
  return server->receive_buffer;
}

static void
wake (RtmpServer *server)
{
  static const uint64_t one = 1;
  if (write (server->wake_fd, &one, sizeof one) < 0)
    return; /* full: it is awake already */
}

void
rtmp_server_count_publisher (RtmpServer *server, int change)
{
  server->publishers += change;
  air_metric_set (server->metrics.publishers, server->publishers, NULL);
}

void
rtmp_server_count_player (RtmpServer *server, int change)
{
  server->players += change;
  air_metric_set (server->metrics.players, server->players, NULL);
}

static void
count_bytes (RtmpServer *server, RtmpConnection *connection)
{
  uint64_t in, out;
  rtmp_connection_take_counts (connection, &in, &out);
  server->bytes_in += in;
  server->bytes_out += out;
}

static void
export_bytes (RtmpServer *server)
{
  if (server->bytes_in > 0)
    air_metric_add (server->metrics.bytes, server->bytes_in, (const char *const[]){ "in", NULL });
  if (server->bytes_out > 0)
    air_metric_add (server->metrics.bytes, server->bytes_out, (const char *const[]){ "out", NULL });
  server->bytes_in = server->bytes_out = 0;
}

/* What max_connections_per_address= counts as one: who has an IPv6 address has a /64 of them. */
static char *
address_group (GInetAddress *address)
{
  const uint8_t *bytes = g_inet_address_to_bytes (address);
  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV4)
    return g_inet_address_to_string (address);
  return g_strdup_printf ("%08x:%08x", rtmp_read_be32 (bytes), rtmp_read_be32 (bytes + 4));
}

void
rtmp_server_adopt (RtmpServer *server, int fd, GInetAddress *address, bool tls)
{
  g_autofree char *text = g_inet_address_to_string (address);
  g_autofree char *group = address_group (address);
  unsigned from_there = GPOINTER_TO_UINT (g_hash_table_lookup (server->addresses, group));
  const char *limit = NULL;
  if (g_hash_table_size (server->connections) >= server->settings.max_connections)
    limit = "max_connections=";
  else if (from_there >= server->settings.max_connections_per_address)
    limit = "max_connections_per_address=";
  if (limit)
    {
      g_message ("%s: refused: %s is reached", text, limit);
      rtmp_metrics_refused (&server->metrics, "limit");
      close (fd);
      return;
    }
  g_autoptr (GError) error = NULL;
  RtmpConnection *connection = rtmp_connection_new (server, ++server->last_id, fd, address, tls, &error);
  if (!connection)
    {
      g_message ("%s: refused: %s", text, error->message);
      rtmp_metrics_refused (&server->metrics, tls ? "tls" : "limit");
      return;
    }
  int64_t *key = g_new (int64_t, 1);
  *key = rtmp_connection_get_id (connection);
  g_hash_table_insert (server->connections, key, connection);
  g_hash_table_insert (server->addresses, g_steal_pointer (&group), GUINT_TO_POINTER (from_there + 1));
  air_metric_set (server->metrics.connections, g_hash_table_size (server->connections), NULL);
}

void
rtmp_server_forget (RtmpServer *server, RtmpConnection *connection)
{
  int64_t id = rtmp_connection_get_id (connection);
  g_autofree char *group = address_group (rtmp_connection_get_address (connection));
  void *key;
  count_bytes (server, connection);
  if (g_hash_table_steal_extended (server->connections, &id, &key, NULL))
    g_free (key);
  unsigned from_there = GPOINTER_TO_UINT (g_hash_table_lookup (server->addresses, group));
  if (from_there > 1)
    g_hash_table_insert (server->addresses, g_steal_pointer (&group), GUINT_TO_POINTER (from_there - 1));
  else
    g_hash_table_remove (server->addresses, group);
  g_ptr_array_add (server->dead, connection);
  air_metric_set (server->metrics.connections, g_hash_table_size (server->connections), NULL);
}

/* A connection may end in its turn, so the turn goes over a copy of the list; the ended ones are freed only afterwards. */
static void
for_each_connection (RtmpServer *server, void (*visit) (RtmpConnection *connection, int64_t now_us))
{
  int64_t now_us = g_get_monotonic_time ();
  g_autoptr (GList) connections = g_hash_table_get_values (server->connections);
  for (GList *item = connections; item; item = item->next)
    visit (item->data, now_us);
}

bool
rtmp_server_end_silent_publisher (RtmpServer *server, const char *path)
{
  GHashTableIter iter;
  void *connection;
  g_hash_table_iter_init (&iter, server->connections);
  while (g_hash_table_iter_next (&iter, NULL, &connection))
    if (rtmp_connection_is_silent_publisher (connection, path))
      {
        rtmp_connection_abort (connection);
        return true;
      }
  return false;
}

static void
drain_connection (RtmpConnection *connection, int64_t now_us)
{
  rtmp_connection_drain (connection);
}

static void
abort_connection (RtmpConnection *connection, int64_t now_us)
{
  rtmp_connection_abort (connection);
}

static void
tick (RtmpServer *server)
{
  for_each_connection (server, rtmp_connection_tick);
  GHashTableIter iter;
  void *connection;
  g_hash_table_iter_init (&iter, server->connections);
  while (g_hash_table_iter_next (&iter, NULL, &connection))
    count_bytes (server, connection);
  export_bytes (server);
  for (unsigned i = 0; i < server->listeners->len; i++)
    rtmp_listener_resume (server->listeners->pdata[i]);
}

/* What other threads have left. */
static void
take_messages (RtmpServer *server)
{
  g_mutex_lock (&server->lock);
  g_autoptr (GArray) ended = server->ended;
  server->ended = g_array_new (FALSE, FALSE, sizeof (EndedMessage));
  if (server->settings_changed)
    server->settings = server->next_settings;
  server->settings_changed = false;
  bool stop = server->stop_requested;
  g_mutex_unlock (&server->lock);

  for (unsigned i = 0; i < ended->len; i++)
    {
      const EndedMessage *message = &g_array_index (ended, EndedMessage, i);
      RtmpConnection *connection = g_hash_table_lookup (server->connections, &message->connection);
      if (connection)
        rtmp_connection_publisher_ended (connection, message->publishing, message->reason);
    }
  if (!stop || server->drain_until_us != 0)
    return;
  server->drain_until_us = g_get_monotonic_time () + DRAIN_US;
  for (unsigned i = 0; i < server->listeners->len; i++)
    rtmp_listener_close (server->listeners->pdata[i]);
  for_each_connection (server, drain_connection);
}

static bool
is_drained (RtmpServer *server)
{
  return server->drain_until_us != 0
         && (g_hash_table_size (server->connections) == 0 || g_get_monotonic_time () > server->drain_until_us);
}

static void *
run (void *data)
{
  RtmpServer *server = data;
  int64_t next_tick_us = 0;
  while (!is_drained (server))
    {
      rtmp_loop_run_once (&server->loop, server->drain_until_us != 0 ? 20 : TICK_MS);
      take_messages (server);
      int64_t now_us = g_get_monotonic_time ();
      if (now_us >= next_tick_us)
        {
          tick (server);
          next_tick_us = now_us + TICK_MS * G_TIME_SPAN_MILLISECOND;
        }
      g_ptr_array_set_size (server->dead, 0);
    }
  for_each_connection (server, abort_connection);
  g_ptr_array_set_size (server->dead, 0);
  export_bytes (server);
  g_task_return_boolean (server->stop_task, TRUE);
  g_clear_object (&server->stop_task);
  return NULL;
}

bool
rtmp_server_start (RtmpServer *server, GError **error)
{
  rtmp_settings_read (&server->settings, server->context);
  if (!rtmp_loop_init (&server->loop, error))
    return false;
  server->wake_fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (server->wake_fd < 0 || !rtmp_loop_add (&server->loop, &server->wake, server->wake_fd, EPOLLIN))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "no event descriptor for the I/O thread");
      return false;
    }
  server->receive_buffer = g_malloc (RECEIVE_BUFFER_BYTES);
  if (!rtmp_listeners_open (server, error))
    return false;
  server->thread = g_thread_new ("rtmp-io", run, server);
  return true;
}

void
rtmp_server_stop (RtmpServer *server, GTask *task)
{
  if (!server->thread)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  server->stop_task = g_object_ref (task);
  g_mutex_lock (&server->lock);
  server->stop_requested = true;
  g_mutex_unlock (&server->lock);
  wake (server);
}

void
rtmp_server_reload (RtmpServer *server)
{
  g_mutex_lock (&server->lock);
  rtmp_settings_read (&server->next_settings, server->context);
  server->settings_changed = true;
  g_mutex_unlock (&server->lock);
  wake (server);
}

void
rtmp_server_post_ended (RtmpServer *server, uint64_t id, unsigned publishing, AirPublisherEnded reason)
{
  EndedMessage message = { id, publishing, reason };
  g_mutex_lock (&server->lock);
  g_array_append_val (server->ended, message);
  g_mutex_unlock (&server->lock);
  wake (server);
}
