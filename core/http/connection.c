/* The life of one client connection.
 *
 *   OPENING → HEAD → BODY → REPLY → HEAD → …            (TLS only: OPENING)
 *                            └→ UPGRADED                (WebSocket)
 *   any → LINGER → gone                                 (our last words are on their way)
 *
 * Nothing beyond a bounded buffer is read before the request that came first is answered, so pipelining costs nothing.
 * A request is handed on whole: its body is held here, within the limit of its route and of the process. */
#include "http/connection-private.h"

#include "http/problem.h"

#include <string.h>
#include <sys/epoll.h>

#define READ_BYTES 16384
#define READS_A_ROUND 4
#define LINGER_US (2 * G_USEC_PER_SEC)
#define LINGER_BYTES (256 * 1024)

static void ready (AirPollItem *item, uint32_t events);

AirConnection *
air_connection_new (int fd, SSL_CTX *tls, AirPoller *poller, const AirConnectionLimits *limits,
                    size_t *total_body_bytes, const AirConnectionOwner *owner, void *user_data)
{
  AirConnection *connection = g_new0 (AirConnection, 1);
  g_ref_count_init (&connection->references);
  connection->poller = poller;
  connection->limits = limits;
  connection->total_body_bytes = total_body_bytes;
  connection->owner = owner;
  connection->owner_data = user_data;
  connection->item = (AirPollItem){ .fd = fd, .events = EPOLLIN, .ready = ready };
  connection->state = tls != NULL ? STATE_OPENING : STATE_HEAD;
  if (!air_transport_init (&connection->transport, fd, tls))
    {
      air_transport_clear (&connection->transport);
      connection->state = STATE_GONE;
    }
  return connection;
}

AirConnection *
air_connection_ref (AirConnection *connection)
{
  g_ref_count_inc (&connection->references);
  return connection;
}

void
air_connection_unref (AirConnection *connection)
{
  if (connection == NULL || !g_ref_count_dec (&connection->references))
    return;
  g_assert (connection->state == STATE_GONE);
  g_clear_object (&connection->remote);
  g_clear_object (&connection->local);
  g_free (connection);
}

void
air_connection_set_addresses (AirConnection *connection, GSocketAddress *remote, GSocketAddress *local)
{
  g_set_object (&connection->remote, remote);
  g_set_object (&connection->local, local);
}

GSocketAddress *
air_connection_get_remote_address (AirConnection *connection)
{
  return connection->remote;
}

GSocketAddress *
air_connection_get_local_address (AirConnection *connection)
{
  return connection->local;
}

bool
air_connection_is_tls (AirConnection *connection)
{
  return connection->transport.ssl != NULL;
}

bool
air_connection_is_open (AirConnection *connection)
{
  return connection->state != STATE_GONE && connection->state != STATE_LINGER;
}

void
air_connection_set_deadline (AirConnection *connection, int64_t timeout_us)
{
  connection->deadline_us = timeout_us > 0 ? g_get_monotonic_time () + timeout_us : G_MAXINT64;
}

void
air_connection_watch (AirConnection *connection)
{
  bool wants_output = connection->waiting != NULL || connection->output != NULL || connection->transport.wants_write;
  bool wants_input = connection->state != STATE_REPLY && connection->state != STATE_GONE && connection->turn == 0;
  if (connection->state != STATE_GONE)
    air_poller_set (connection->poller, &connection->item,
                    (wants_input ? EPOLLIN : 0u) | (wants_output ? EPOLLOUT : 0u));
}

static void
clear_request (AirConnection *connection)
{
  g_clear_pointer (&connection->head, air_head_free);
  g_clear_pointer (&connection->body, g_byte_array_unref);
  *connection->total_body_bytes -= connection->body_counted;
  connection->body_counted = 0;
}

static void
wake_writer (AirConnection *connection)
{
  g_autoptr (GSource) source = g_steal_pointer (&connection->waiting);
  if (source != NULL && !g_source_is_destroyed (source))
    g_source_set_ready_time (source, 0);
}

void
air_connection_kill (AirConnection *connection)
{
  if (connection->state == STATE_GONE)
    return;
  g_autoptr (AirConnection) guard = air_connection_ref (connection);
  bool was_upgraded = connection->upgrade != NULL;
  connection->state = STATE_GONE;
  if (connection->turn != 0)
    g_source_remove (connection->turn);
  connection->turn = 0;
  air_poller_remove (connection->poller, &connection->item);
  air_transport_clear (&connection->transport);
  clear_request (connection);
  g_clear_pointer (&connection->input, g_byte_array_unref);
  g_clear_pointer (&connection->output, g_byte_array_unref);
  wake_writer (connection);
  if (was_upgraded)
    {
      const AirConnectionUpgrade *upgrade = g_steal_pointer (&connection->upgrade);
      upgrade->closed (connection->upgrade_data);
    }
  connection->owner->closed (connection, connection->owner_data);
}

/* Our side is said; what the peer still sends is read away for a while, since closing over unread bytes would reset the
 * connection and take our last words with it (RFC 9112 §9.6). */
static void
start_linger (AirConnection *connection)
{
  if (connection->state == STATE_GONE)
    return;
  connection->state = STATE_LINGER;
  clear_request (connection);
  g_clear_pointer (&connection->input, g_byte_array_unref);
  air_transport_shutdown (&connection->transport);
  air_connection_set_deadline (connection, LINGER_US);
  air_connection_watch (connection);
}

void
air_connection_flush (AirConnection *connection)
{
  while (connection->output != NULL)
    {
      gssize count = air_transport_write (&connection->transport, connection->output->data, connection->output->len);
      if (count == AIR_TRANSPORT_WOULD_BLOCK)
        break;
      if (count <= 0)
        {
          air_connection_kill (connection);
          return;
        }
      if ((guint)count == connection->output->len)
        g_clear_pointer (&connection->output, g_byte_array_unref);
      else
        g_byte_array_remove_range (connection->output, 0, (guint)count);
    }
  if (connection->output == NULL && connection->end_after_output && connection->state != STATE_LINGER)
    start_linger (connection);
  else
    air_connection_watch (connection);
}

void
air_connection_queue_output (AirConnection *connection, const void *bytes, size_t length)
{
  if (connection->output == NULL)
    connection->output = g_byte_array_new ();
  g_byte_array_append (connection->output, bytes, (guint)length);
}

void
air_connection_refuse (AirConnection *connection, unsigned status, const char *slug, const char *reason)
{
  if (!air_connection_is_open (connection))
    return;
  connection->owner->refused (connection, status, slug, connection->owner_data);
  g_autofree char *body = air_problem_to_json (status, slug, reason);
  g_autofree char *answer = g_strdup_printf (
      "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\nContent-Length: %" G_GSIZE_FORMAT
      "\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\nAccess-Control-Allow-Origin: *\r\n%s\r\n%s",
      status, air_status_title (status), strlen (body), status == 503 ? "Retry-After: 2\r\n" : "", body);
  air_connection_queue_output (connection, answer, strlen (answer));
  connection->end_after_output = true;
  connection->state = STATE_REPLY;
  air_connection_set_deadline (connection, LINGER_US);
  clear_request (connection);
  air_connection_flush (connection);
}

static void
take_bytes (AirConnection *connection, const guint8 *bytes, size_t length)
{
  if (connection->state == STATE_LINGER)
    {
      connection->lingered += length;
      if (connection->lingered > LINGER_BYTES)
        air_connection_kill (connection);
      return;
    }
  if (connection->input == NULL)
    connection->input = g_byte_array_new ();
  g_byte_array_append (connection->input, bytes, (guint)length);
  air_connection_process (connection);
}

static void
read_input (AirConnection *connection)
{
  guint8 buffer[READ_BYTES];
  for (int i = 0; connection->state != STATE_GONE && connection->state != STATE_REPLY && connection->turn == 0; i++)
    {
      bool has_more = connection->transport.ssl != NULL && SSL_pending (connection->transport.ssl) > 0;
      if (i >= READS_A_ROUND && !has_more)
        break;
      gssize count = air_transport_read (&connection->transport, buffer, sizeof buffer);
      if (count == AIR_TRANSPORT_WOULD_BLOCK)
        break;
      if (count <= 0)
        {
          air_connection_kill (connection);
          return;
        }
      if (connection->state == STATE_OPENING)
        {
          connection->state = STATE_HEAD;
          air_connection_set_deadline (connection, connection->limits->head_timeout_us);
        }
      take_bytes (connection, buffer, (size_t)count);
    }
  if (connection->state == STATE_OPENING && air_transport_is_established (&connection->transport))
    {
      connection->state = STATE_HEAD;
      air_connection_set_deadline (connection, connection->limits->head_timeout_us);
    }
  air_connection_watch (connection);
}

static void
ready (AirPollItem *item, uint32_t events)
{
  g_autoptr (AirConnection) connection = air_connection_ref ((AirConnection *)item);
  if (connection->state == STATE_REPLY && events & (EPOLLERR | EPOLLHUP))
    {
      air_connection_kill (connection);
      return;
    }
  if (events & EPOLLOUT)
    {
      connection->transport.wants_write = false;
      if (connection->output != NULL)
        air_connection_flush (connection);
      wake_writer (connection);
    }
  if (connection->state == STATE_REPLY || connection->state == STATE_GONE)
    air_connection_watch (connection);
  else
    read_input (connection);
}

void
air_connection_start (AirConnection *connection)
{
  if (connection->state == STATE_GONE)
    {
      connection->owner->closed (connection, connection->owner_data);
      return;
    }
  air_connection_set_deadline (connection, connection->state == STATE_OPENING ? connection->limits->tls_timeout_us
                                                                              : connection->limits->idle_timeout_us);
  air_poller_add (connection->poller, &connection->item);
}

void
air_connection_tick (AirConnection *connection, int64_t now_us)
{
  if (connection->state == STATE_UPGRADED)
    {
      connection->upgrade->tick (connection->upgrade_data, now_us);
      return;
    }
  if (now_us < connection->deadline_us)
    return;
  switch (connection->state)
    {
    case STATE_HEAD:
      if (connection->input != NULL)
        {
          air_connection_refuse (connection, 408, "header-timeout", "the request head took too long");
          return;
        }
      connection->owner->refused (connection, 0, "idle-timeout", connection->owner_data);
      break;
    case STATE_BODY:
      air_connection_refuse (connection, 408, "body-timeout", "the request body took too long");
      return;
    case STATE_OPENING:
      connection->owner->refused (connection, 0, "tls-timeout", connection->owner_data);
      break;
    case STATE_REPLY:
      connection->owner->refused (connection, 0, "write-timeout", connection->owner_data);
      break;
    default:
      break;
    }
  air_connection_kill (connection);
}

static gboolean
go_on (gpointer data)
{
  g_autoptr (AirConnection) connection = air_connection_ref (data);
  connection->turn = 0;
  air_connection_process (connection);
  if (connection->state != STATE_GONE)
    read_input (connection);
  return G_SOURCE_REMOVE;
}

/* What is buffered, here or in OpenSSL, is looked at from the loop, so that a thousand pipelined requests neither nest
 * nor hold up anybody. */
static void
take_turn (AirConnection *connection)
{
  bool has_more = connection->input != NULL || air_connection_is_tls (connection);
  if (has_more && connection->turn == 0)
    connection->turn = g_idle_add_full (G_PRIORITY_DEFAULT, go_on, air_connection_ref (connection),
                                        (GDestroyNotify)air_connection_unref);
  air_connection_watch (connection);
}

void
air_connection_finish_reply (AirConnection *connection, bool is_complete, bool keep_alive)
{
  if (connection->state != STATE_REPLY)
    return;
  clear_request (connection);
  if (!is_complete)
    air_connection_kill (connection);
  else if (!keep_alive)
    start_linger (connection);
  else
    {
      connection->state = STATE_HEAD;
      connection->scanned = 0;
      air_connection_set_deadline (connection, connection->limits->idle_timeout_us);
      take_turn (connection);
    }
}

void
air_connection_upgrade (AirConnection *connection, const AirConnectionUpgrade *upgrade, void *user_data)
{
  g_return_if_fail (connection->state == STATE_REPLY);
  clear_request (connection);
  connection->upgrade = upgrade;
  connection->upgrade_data = user_data;
  connection->state = STATE_UPGRADED;
  take_turn (connection);
}

size_t
air_connection_send (AirConnection *connection, const void *bytes, size_t length)
{
  if (connection->state != STATE_UPGRADED || connection->end_after_output)
    return 0;
  air_connection_queue_output (connection, bytes, length);
  air_connection_flush (connection);
  return connection->output != NULL ? connection->output->len : 0;
}

void
air_connection_end (AirConnection *connection)
{
  if (!air_connection_is_open (connection))
    return;
  g_autoptr (AirConnection) guard = air_connection_ref (connection);
  if (connection->upgrade != NULL)
    {
      const AirConnectionUpgrade *upgrade = g_steal_pointer (&connection->upgrade);
      upgrade->closed (connection->upgrade_data);
    }
  connection->state = STATE_REPLY;
  connection->end_after_output = true;
  air_connection_set_deadline (connection, LINGER_US);
  air_connection_flush (connection);
}

gssize
air_connection_write (AirConnection *connection, const void *bytes, size_t length)
{
  if (connection->state != STATE_REPLY)
    return AIR_TRANSPORT_BROKEN;
  gssize count = air_transport_write (&connection->transport, bytes, length);
  bool is_first_wait = count == AIR_TRANSPORT_WOULD_BLOCK && connection->deadline_us == G_MAXINT64;
  if (count > 0 || is_first_wait)
    air_connection_set_deadline (connection, connection->limits->idle_timeout_us);
  return count;
}

void
air_connection_wait_writable (AirConnection *connection, GSource *source)
{
  g_clear_pointer (&connection->waiting, g_source_unref);
  if (source == NULL)
    return;
  connection->waiting = g_source_ref (source);
  if (connection->state != STATE_REPLY)
    wake_writer (connection);
  else
    air_connection_watch (connection);
}
