/* The life of one client connection.
 *
 *   OPENING → HEAD → BODY → REPLY → HEAD → …            (TLS only: OPENING)
 *                            └→ UPGRADED                (WebSocket)
 *   any → LINGER → gone                                 (our last words are on their way)
 *
 * Nothing beyond a bounded buffer is read before the request that came first is answered, so pipelining costs nothing.
 * A request is handed on whole: its body is held here, within the limit of its route and of the process. */
#include "http/connection.h"

#include "http/problem.h"

#include <string.h>
#include <sys/epoll.h>

#define READ_BYTES 16384
#define READS_A_ROUND 4
#define LINGER_US (2 * G_USEC_PER_SEC)
#define LINGER_BYTES (256 * 1024)
#define MAX_CHUNK_LINE 256
#define MAX_TRAILER_BYTES 4096

typedef enum
{
  STATE_OPENING,
  STATE_HEAD,
  STATE_BODY,
  STATE_REPLY,
  STATE_UPGRADED,
  STATE_LINGER,
  STATE_GONE,
} State;

typedef enum
{
  CHUNK_SIZE,
  CHUNK_DATA,
  CHUNK_END,
  CHUNK_TRAILER,
} ChunkState;

struct _AirConnection
{
  AirPollItem item; /* first: the poller gives it back */
  grefcount references;
  AirPoller *poller;
  AirTransport transport;
  const AirConnectionLimits *limits;
  size_t *total_body_bytes;
  const AirConnectionOwner *owner;
  void *owner_data;
  GSocketAddress *remote, *local;

  State state;
  int64_t deadline_us;
  GByteArray *input; /* read, not yet taken; NULL while empty */
  size_t scanned;    /* how much of it is known to hold no end of a head */

  AirHead *head;
  GByteArray *body;
  size_t body_limit, body_counted;
  ChunkState chunk_state;
  uint64_t left; /* of the body, or of the chunk */
  size_t trailer_bytes;

  GByteArray *output; /* last words and WebSocket frames */
  bool end_after_output;
  size_t lingered;
  GSource *waiting; /* of the reply stream */

  const AirConnectionUpgrade *upgrade;
  void *upgrade_data;
};

static void ready (AirPollItem *item, uint32_t events);

AirConnection *
air_connection_new (int fd, SSL_CTX *tls, AirPoller *poller, const AirConnectionLimits *limits, size_t *total_body_bytes,
                    const AirConnectionOwner *owner, void *user_data)
{
  AirConnection *connection = g_new0 (AirConnection, 1);
  g_ref_count_init (&connection->references);
  connection->poller = poller;
  connection->limits = limits;
  connection->total_body_bytes = total_body_bytes;
  connection->owner = owner;
  connection->owner_data = user_data;
  connection->item = (AirPollItem) { .fd = fd, .events = EPOLLIN, .ready = ready };
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

static void
set_deadline (AirConnection *connection, int64_t timeout_us)
{
  connection->deadline_us = timeout_us > 0 ? g_get_monotonic_time () + timeout_us : G_MAXINT64;
}

static void
watch (AirConnection *connection)
{
  bool wants_output = connection->waiting != NULL || connection->output != NULL || connection->transport.wants_write;
  bool wants_input = connection->state != STATE_REPLY && connection->state != STATE_GONE;
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
  set_deadline (connection, LINGER_US);
  watch (connection);
}

static void
flush_output (AirConnection *connection)
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
      if ((guint) count == connection->output->len)
        g_clear_pointer (&connection->output, g_byte_array_unref);
      else
        g_byte_array_remove_range (connection->output, 0, (guint) count);
    }
  if (connection->output == NULL && connection->end_after_output && connection->state != STATE_LINGER)
    start_linger (connection);
  else
    watch (connection);
}

static void
queue_output (AirConnection *connection, const void *bytes, size_t length)
{
  if (connection->output == NULL)
    connection->output = g_byte_array_new ();
  g_byte_array_append (connection->output, bytes, (guint) length);
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
  queue_output (connection, answer, strlen (answer));
  connection->end_after_output = true;
  connection->state = STATE_REPLY;
  set_deadline (connection, LINGER_US);
  clear_request (connection);
  flush_output (connection);
}

static void
take_input (AirConnection *connection, size_t count)
{
  if (count == connection->input->len)
    g_clear_pointer (&connection->input, g_byte_array_unref);
  else
    g_byte_array_remove_range (connection->input, 0, (guint) count);
}

static void
hand_over (AirConnection *connection)
{
  AirHead *head = g_steal_pointer (&connection->head);
  GBytes *body = connection->body != NULL ? g_byte_array_free_to_bytes (g_steal_pointer (&connection->body))
                                          : g_bytes_new_static ("", 0);
  connection->state = STATE_REPLY;
  set_deadline (connection, 0);
  watch (connection);
  connection->owner->request (connection, head, body, connection->owner_data);
}

/* Counts before keeping. False: refused. */
static bool
append_body (AirConnection *connection, const guint8 *bytes, size_t length)
{
  size_t size = connection->body != NULL ? connection->body->len : 0;
  if (length > connection->body_limit - size)
    {
      air_connection_refuse (connection, 413, "content-too-large", "the body is larger than this resource takes");
      return false;
    }
  if (*connection->total_body_bytes + length > connection->limits->max_total_body_bytes)
    {
      air_connection_refuse (connection, 503, "overloaded", "too many uploads at the same time");
      return false;
    }
  *connection->total_body_bytes += length;
  connection->body_counted += length;
  if (connection->body == NULL)
    connection->body = g_byte_array_new ();
  g_byte_array_append (connection->body, bytes, (guint) length);
  return true;
}

static void
start_body (AirConnection *connection)
{
  AirHead *head = connection->head;
  if (!head->is_chunked && head->content_length <= 0)
    {
      hand_over (connection);
      return;
    }
  if (!head->is_chunked && (uint64_t) head->content_length > connection->body_limit)
    {
      air_connection_refuse (connection, 413, "content-too-large", "the body is larger than this resource takes");
      return;
    }
  connection->state = STATE_BODY;
  connection->chunk_state = CHUNK_SIZE;
  connection->left = head->is_chunked ? 0 : (uint64_t) head->content_length;
  connection->trailer_bytes = 0;
  set_deadline (connection, connection->limits->body_timeout_us);
  if (head->expects_continue && connection->input == NULL)
    {
      static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
      queue_output (connection, go_on, sizeof go_on - 1);
      flush_output (connection);
    }
}

/* Returns whether to go on with what follows in the input. */
static bool
process_head (AirConnection *connection)
{
  GByteArray *input = connection->input;
  size_t blank = 0;
  while (connection->scanned == 0 && blank + 1 < input->len && blank < 4 && input->data[blank] == '\r'
         && input->data[blank + 1] == '\n')
    blank += 2;
  if (blank > 0)
    {
      take_input (connection, blank);
      return true;
    }
  if (connection->scanned == 0)
    set_deadline (connection, connection->limits->head_timeout_us);

  gssize length = air_head_find_end ((const char *) input->data, input->len, &connection->scanned);
  if (length < 0)
    {
      air_connection_refuse (connection, 400, "bad-request", "malformed request head");
      return false;
    }
  if ((length == 0 ? input->len : (size_t) length) > connection->limits->max_head_bytes)
    {
      air_connection_refuse (connection, 431, "header-too-large", "the request head is too large");
      return false;
    }
  if (length == 0)
    return false;

  unsigned status = 0;
  const char *reason = NULL, *slug = NULL;
  connection->scanned = 0;
  connection->head = air_head_parse ((const char *) input->data, (size_t) length, &status, &reason);
  if (connection->head == NULL)
    {
      air_connection_refuse (connection, status, air_status_slug (status), reason);
      return false;
    }
  take_input (connection, (size_t) length);
  if (!connection->owner->head_received (connection, connection->head, &connection->body_limit, &status, &slug,
                                         connection->owner_data))
    {
      air_connection_refuse (connection, status, slug, NULL);
      return false;
    }
  start_body (connection);
  return true;
}

static bool
process_length_body (AirConnection *connection)
{
  size_t count = MIN (connection->left, connection->input->len);
  if (!append_body (connection, connection->input->data, count))
    return false;
  connection->left -= count;
  take_input (connection, count);
  if (connection->left == 0)
    hand_over (connection);
  return true;
}

/* Takes one CRLF-ended line from the input; false when it is not there yet (or refused). */
static bool
take_chunk_line (AirConnection *connection, char *line, size_t *ret_length)
{
  GByteArray *input = connection->input;
  guint8 *end = memchr (input->data, '\n', input->len);
  size_t length = end != NULL ? (size_t) (end - input->data) : input->len;
  if (length > MAX_CHUNK_LINE || (end != NULL && (length == 0 || end[-1] != '\r')))
    {
      air_connection_refuse (connection, 400, "bad-request", "malformed chunked body");
      return false;
    }
  if (end == NULL)
    return false;
  memcpy (line, input->data, length - 1);
  *ret_length = length - 1;
  take_input (connection, length + 1);
  return true;
}

static bool
process_chunk_data (AirConnection *connection)
{
  size_t count = MIN (connection->left, connection->input->len);
  if (!append_body (connection, connection->input->data, count))
    return false;
  connection->left -= count;
  take_input (connection, count);
  if (connection->left == 0)
    connection->chunk_state = CHUNK_END;
  return true;
}

/* RFC 9112 §7.1. Trailers are read and dropped. */
static bool
process_chunked_body (AirConnection *connection)
{
  if (connection->chunk_state == CHUNK_DATA)
    return process_chunk_data (connection);

  char line[MAX_CHUNK_LINE + 1];
  size_t length = 0;
  if (!take_chunk_line (connection, line, &length))
    return false;
  bool is_good = true;
  if (connection->chunk_state == CHUNK_SIZE)
    {
      is_good = air_chunk_parse_size (line, length, &connection->left);
      connection->chunk_state = connection->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
    }
  else if (connection->chunk_state == CHUNK_END)
    {
      is_good = length == 0;
      connection->chunk_state = CHUNK_SIZE;
    }
  else if (length == 0)
    hand_over (connection);
  else
    is_good = (connection->trailer_bytes += length) <= MAX_TRAILER_BYTES;
  if (!is_good)
    air_connection_refuse (connection, 400, "bad-request", "malformed chunked body");
  return is_good;
}

static void
process (AirConnection *connection)
{
  bool goes_on = true;
  while (goes_on && connection->input != NULL)
    switch (connection->state)
      {
      case STATE_HEAD:
        goes_on = process_head (connection);
        break;
      case STATE_BODY:
        goes_on = connection->head->is_chunked ? process_chunked_body (connection) : process_length_body (connection);
        break;
      case STATE_UPGRADED:
        {
          g_autoptr (GByteArray) input = g_steal_pointer (&connection->input);
          connection->upgrade->input (connection->upgrade_data, input->data, input->len);
          break;
        }
      default:
        goes_on = false;
      }
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
  g_byte_array_append (connection->input, bytes, (guint) length);
  process (connection);
}

static void
read_input (AirConnection *connection)
{
  guint8 buffer[READ_BYTES];
  for (int i = 0; connection->state != STATE_GONE && connection->state != STATE_REPLY; i++)
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
          set_deadline (connection, connection->limits->head_timeout_us);
        }
      take_bytes (connection, buffer, (size_t) count);
    }
  if (connection->state == STATE_OPENING && air_transport_is_established (&connection->transport))
    {
      connection->state = STATE_HEAD;
      set_deadline (connection, connection->limits->head_timeout_us);
    }
  watch (connection);
}

static void
ready (AirPollItem *item, uint32_t events)
{
  g_autoptr (AirConnection) connection = air_connection_ref ((AirConnection *) item);
  if (connection->state == STATE_REPLY && events & (EPOLLERR | EPOLLHUP))
    {
      air_connection_kill (connection);
      return;
    }
  if (events & EPOLLOUT)
    {
      connection->transport.wants_write = false;
      if (connection->output != NULL)
        flush_output (connection);
      wake_writer (connection);
    }
  if (connection->state == STATE_REPLY || connection->state == STATE_GONE)
    watch (connection);
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
  set_deadline (connection, connection->state == STATE_OPENING ? connection->limits->tls_timeout_us
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
  AirConnection *connection = data;
  process (connection);
  if (connection->state != STATE_GONE)
    read_input (connection);
  return G_SOURCE_REMOVE;
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
      set_deadline (connection, connection->limits->idle_timeout_us);
      watch (connection);
      /* A pipelined request may wait in our buffer; from the loop, so that a thousand of them do not nest. */
      if (connection->input != NULL || air_connection_is_tls (connection))
        g_idle_add_full (G_PRIORITY_DEFAULT, go_on, air_connection_ref (connection),
                         (GDestroyNotify) air_connection_unref);
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
  watch (connection);
  if (connection->input != NULL || air_connection_is_tls (connection))
    g_idle_add_full (G_PRIORITY_DEFAULT, go_on, air_connection_ref (connection), (GDestroyNotify) air_connection_unref);
}

size_t
air_connection_send (AirConnection *connection, const void *bytes, size_t length)
{
  if (connection->state != STATE_UPGRADED || connection->end_after_output)
    return 0;
  queue_output (connection, bytes, length);
  flush_output (connection);
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
  set_deadline (connection, LINGER_US);
  flush_output (connection);
}

gssize
air_connection_write (AirConnection *connection, const void *bytes, size_t length)
{
  if (connection->state != STATE_REPLY)
    return AIR_TRANSPORT_BROKEN;
  gssize count = air_transport_write (&connection->transport, bytes, length);
  bool is_first_wait = count == AIR_TRANSPORT_WOULD_BLOCK && connection->deadline_us == G_MAXINT64;
  if (count > 0 || is_first_wait)
    set_deadline (connection, connection->limits->idle_timeout_us);
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
    watch (connection);
}
