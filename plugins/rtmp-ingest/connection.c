/* The life of a connection: accepted → (TLS) → handshake → chunks → closing → gone. */
#include "connection-private.h"

#include <errno.h>
#include <string.h>

#include "handshake.h"

/* A peer that asks without reading the answers may let this much wait. */
#define MAX_REPLY_BYTES (256 * 1024)
/* Who only talks needs no long messages; there may be many such, and nobody knows them yet. */
#define TALK_MESSAGE_BYTES (64 * 1024)
#define TALK_MEMORY_BYTES (128 * 1024)
/* How long a closing connection waits for the peer to read and close. */
#define CLOSE_TIMEOUT_US (2 * G_USEC_PER_SEC)
/* A TLS record that was read may hide more: at most this many reads a turn. */
#define READS_PER_TURN 8
#define COMPACT_BYTES 65536
/* What may still come from a peer that has been told that it is over. */
#define MAX_IGNORED_BYTES (4 * 1024 * 1024)
/* An out buffer that was longer is given back once it is empty. */
#define KEPT_OUT_BYTES (1024 * 1024)
/* Who sends pictures sends something many times a second. */
#define SILENT_PUBLISHER_US (2 * G_USEC_PER_SEC)

static void on_ready (RtmpWatch *watch, uint32_t events);

static bool
on_message (RtmpMessage *message, void *data, GError **error)
{
  RtmpConnection *connection = data;
  return connection->closing || rtmp_session_take (connection->session, message, error);
}

static bool
start_tls (RtmpConnection *connection, int fd, GError **error)
{
  g_autoptr (GTlsCertificate) certificate
    = air_context_get_tls_certificate (rtmp_server_get_context (connection->server));
  if (!certificate)
    {
      g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, "there is no certificate");
      return false;
    }
  connection->transport.ssl = rtmp_tls_accept (rtmp_server_get_tls (connection->server), certificate, fd, error);
  return connection->transport.ssl != NULL;
}

RtmpConnection *
rtmp_connection_new (RtmpServer *server, uint64_t id, int fd, GInetAddress *address, bool tls, GError **error)
{
  RtmpConnection *connection = g_new0 (RtmpConnection, 1);
  connection->watch = (RtmpWatch){ .fd = -1, .ready = on_ready };
  connection->server = server;
  connection->id = id;
  connection->address = g_object_ref (address);
  connection->address_text = g_inet_address_to_string (address);
  connection->handshake = g_malloc (HANDSHAKE_C0C1_BYTES);
  connection->out = g_byte_array_new ();
  connection->reader = chunk_reader_new (TALK_MESSAGE_BYTES, TALK_MEMORY_BYTES, on_message, connection);
  connection->session = rtmp_session_new (connection);
  chunk_writer_init (&connection->writer);
  connection->accepted_us = connection->last_in_us = connection->last_out_us = g_get_monotonic_time ();
  rtmp_transport_init (&connection->transport, fd);
  bool ok = !tls || start_tls (connection, fd, error);
  if (ok && !rtmp_loop_add (rtmp_server_get_loop (server), &connection->watch, fd, EPOLLIN))
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "epoll: %s", g_strerror (errno));
      ok = false;
    }
  if (ok)
    return connection;
  rtmp_connection_free (connection);
  return NULL;
}

void
rtmp_connection_free (RtmpConnection *connection)
{
  rtmp_session_free (connection->session);
  chunk_reader_free (connection->reader);
  rtmp_transport_clear (&connection->transport);
  g_byte_array_unref (connection->out);
  g_free (connection->handshake);
  g_free (connection->address_text);
  g_object_unref (connection->address);
  g_free (connection);
}

const char *
rtmp_connection_get_address_text (RtmpConnection *connection)
{
  return connection->address_text;
}

GInetAddress *
rtmp_connection_get_address (RtmpConnection *connection)
{
  return connection->address;
}

uint64_t
rtmp_connection_get_id (RtmpConnection *connection)
{
  return connection->id;
}

bool
rtmp_connection_is_tls (RtmpConnection *connection)
{
  return connection->transport.ssl != NULL;
}

RtmpServer *
rtmp_connection_get_server (RtmpConnection *connection)
{
  return connection->server;
}

bool
rtmp_connection_is_closing (RtmpConnection *connection)
{
  return connection->closing;
}

ChunkWriter *
rtmp_connection_get_writer (RtmpConnection *connection)
{
  return &connection->writer;
}

GByteArray *
rtmp_connection_get_out (RtmpConnection *connection)
{
  return connection->out;
}

size_t
rtmp_connection_get_pending (RtmpConnection *connection)
{
  return connection->out->len - connection->out_sent;
}

void
rtmp_connection_expect_media (RtmpConnection *connection)
{
  const RtmpSettings *settings = rtmp_server_get_settings (connection->server);
  chunk_reader_set_limits (connection->reader, settings->max_message_bytes, settings->max_connection_bytes);
}

void
rtmp_connection_set_ack_window (RtmpConnection *connection, uint32_t bytes)
{
  connection->ack_window = bytes;
}

void
rtmp_connection_take_counts (RtmpConnection *connection, uint64_t *ret_in, uint64_t *ret_out)
{
  *ret_in = connection->bytes_in - connection->counted_in;
  *ret_out = connection->bytes_out - connection->counted_out;
  connection->counted_in = connection->bytes_in;
  connection->counted_out = connection->bytes_out;
}

void
rtmp_connection_abort (RtmpConnection *connection)
{
  if (connection->dead)
    return;
  connection->dead = true;
  connection->closing = true;
  rtmp_session_stop (connection->session);
  rtmp_loop_remove (rtmp_server_get_loop (connection->server), &connection->watch);
  rtmp_transport_clear (&connection->transport);
  rtmp_server_forget (connection->server, connection);
}

static void
update_events (RtmpConnection *connection)
{
  bool out = rtmp_connection_get_pending (connection) > 0 || connection->transport.wants_write;
  rtmp_loop_set_events (rtmp_server_get_loop (connection->server), &connection->watch, EPOLLIN | (out ? EPOLLOUT : 0));
}

static void
empty_out (RtmpConnection *connection)
{
  /* A GByteArray keeps the memory of its largest day. */
  if (connection->out->len > KEPT_OUT_BYTES)
    {
      g_byte_array_unref (connection->out);
      connection->out = g_byte_array_new ();
    }
  g_byte_array_set_size (connection->out, 0);
  connection->out_sent = 0;
  connection->reply_bytes = 0;
}

void
rtmp_connection_flush (RtmpConnection *connection)
{
  GByteArray *out = connection->out;
  if (connection->dead)
    return;
  while (connection->out_sent < out->len)
    {
      ssize_t count
        = rtmp_transport_write (&connection->transport, out->data + connection->out_sent, out->len - connection->out_sent);
      if (count == RTMP_TRANSPORT_WAIT)
        break;
      if (count <= 0)
        {
          rtmp_connection_abort (connection);
          return;
        }
      connection->out_sent += count;
      connection->bytes_out += count;
      connection->last_out_us = g_get_monotonic_time ();
    }
  if (connection->out_sent == out->len)
    {
      empty_out (connection);
      if (connection->closing)
        rtmp_transport_shut (&connection->transport);
      else
        rtmp_session_resume (connection->session);
    }
  else if (connection->out_sent > COMPACT_BYTES)
    {
      g_byte_array_remove_range (out, 0, connection->out_sent);
      connection->out_sent = 0;
    }
  update_events (connection);
}

void
rtmp_connection_finish (RtmpConnection *connection)
{
  if (connection->closing)
    return;
  connection->closing = true;
  connection->close_deadline_us = g_get_monotonic_time () + CLOSE_TIMEOUT_US;
  rtmp_session_stop (connection->session);
  rtmp_connection_flush (connection);
}

static void
refuse (RtmpConnection *connection, const char *reason, const GError *error)
{
  RtmpServer *server = connection->server;
  const char *path = rtmp_session_get_path (connection->session);
  g_autofree char *quoted = g_strescape (error->message, NULL);
  rtmp_metrics_refused (rtmp_server_get_metrics (server), reason);
  g_message ("%s%s%s: closed: %s", connection->address_text, path ? " " : "", path ? path : "", quoted);
}

static bool
take_c0c1 (RtmpConnection *connection, GError **error)
{
  if (!handshake_answer (connection->handshake, connection->out, error))
    return false;
  g_clear_pointer (&connection->handshake, g_free);
  connection->handshake_have = 0;
  connection->phase = PHASE_C2;
  return true;
}

/* Uses the bytes of the handshake. Returns: how many there were of them. */
static size_t
take_handshake (RtmpConnection *connection, const uint8_t *data, size_t length, GError **error)
{
  size_t used = 0;
  if (connection->phase == PHASE_C0C1)
    {
      used = MIN (length, HANDSHAKE_C0C1_BYTES - connection->handshake_have);
      memcpy (connection->handshake + connection->handshake_have, data, used);
      connection->handshake_have += used;
      if (connection->handshake_have == HANDSHAKE_C0C1_BYTES)
        take_c0c1 (connection, error);
      return used;
    }
  used = MIN (length, HANDSHAKE_C2_BYTES - connection->handshake_have);
  connection->handshake_have += used;
  if (connection->handshake_have == HANDSHAKE_C2_BYTES)
    {
      connection->phase = PHASE_CHUNKS;
      connection->command_since_us = connection->last_in_us;
    }
  return used;
}

static void
take_input (RtmpConnection *connection, const uint8_t *data, size_t length)
{
  g_autoptr (GError) error = NULL;
  connection->bytes_in += length;
  connection->last_in_us = g_get_monotonic_time ();
  while (length > 0 && connection->phase != PHASE_CHUNKS && !connection->closing)
    {
      size_t used = take_handshake (connection, data, length, &error);
      data += used;
      length -= used;
      if (error)
        {
          refuse (connection, "protocol", error);
          rtmp_connection_abort (connection);
          return;
        }
    }
  if (connection->closing)
    {
      /* Who talks on has had the time to hear why; the reset may now cut it short. */
      connection->ignored_bytes += length;
      if (connection->ignored_bytes > MAX_IGNORED_BYTES)
        rtmp_connection_abort (connection);
      return;
    }
  if (length > 0 && !chunk_reader_feed (connection->reader, data, length, &error))
    {
      refuse (connection, g_error_matches (error, RTMP_ERROR, RTMP_ERROR_LIMIT) ? "limit" : "protocol", error);
      rtmp_session_fail (connection->session, error->message);
      rtmp_connection_finish (connection);
      return;
    }
  if (connection->ack_window > 0 && connection->bytes_in - connection->acknowledged >= connection->ack_window)
    {
      connection->acknowledged = connection->bytes_in;
      chunk_writer_acknowledge (&connection->writer, connection->out, connection->bytes_in);
    }
}

static void
on_peer_left (RtmpConnection *connection, bool broken)
{
  const char *path = rtmp_session_get_path (connection->session);
  if (path && !connection->closing)
    g_message ("%s %s: the connection %s", connection->address_text, path, broken ? "broke" : "was closed");
  rtmp_connection_abort (connection);
}

static void
on_readable (RtmpConnection *connection)
{
  size_t size;
  uint8_t *buffer = rtmp_server_get_receive_buffer (connection->server, &size);
  for (unsigned i = 0; i < READS_PER_TURN && !connection->dead; i++)
    {
      ssize_t count = rtmp_transport_read (&connection->transport, buffer, size);
      if (count == RTMP_TRANSPORT_WAIT)
        break;
      if (count <= 0)
        {
          on_peer_left (connection, count < 0);
          return;
        }
      size_t pending = rtmp_connection_get_pending (connection);
      take_input (connection, buffer, count);
      connection->reply_bytes += MAX (rtmp_connection_get_pending (connection), pending) - pending;
      if (!rtmp_transport_has_more (&connection->transport))
        break;
    }
  if (connection->dead)
    return;
  if (connection->reply_bytes > MAX_REPLY_BYTES)
    {
      g_message ("%s: closed: it does not read what it asks for", connection->address_text);
      rtmp_metrics_refused (rtmp_server_get_metrics (connection->server), "limit");
      rtmp_connection_abort (connection);
      return;
    }
  rtmp_connection_flush (connection);
}

static void
on_ready (RtmpWatch *watch, uint32_t events)
{
  RtmpConnection *connection = (RtmpConnection *) watch;
  /* A read that stopped because TLS had to write goes on as a read. */
  bool tls_waits = connection->transport.wants_write;
  connection->transport.wants_write = false;
  if (events & EPOLLOUT)
    rtmp_connection_flush (connection);
  if (!connection->dead && (tls_waits || (events & (EPOLLIN | EPOLLHUP | EPOLLERR))))
    on_readable (connection);
  if (!connection->dead)
    update_events (connection);
}

bool
rtmp_connection_is_silent_publisher (RtmpConnection *connection, const char *path)
{
  return !connection->closing && rtmp_session_get_role (connection->session) == RTMP_ROLE_PUBLISHER
         && g_strcmp0 (rtmp_session_get_path (connection->session), path) == 0
         && g_get_monotonic_time () - connection->last_in_us > SILENT_PUBLISHER_US;
}

void
rtmp_connection_publisher_ended (RtmpConnection *connection, unsigned publishing, AirPublisherEnded reason)
{
  if (!connection->closing)
    rtmp_session_publisher_ended (connection->session, publishing, reason);
}

void
rtmp_connection_drain (RtmpConnection *connection)
{
  if (connection->phase == PHASE_CHUNKS && !connection->closing)
    {
      rtmp_session_drain (connection->session);
      rtmp_connection_finish (connection);
    }
  else if (connection->phase != PHASE_CHUNKS)
    rtmp_connection_abort (connection);
}
