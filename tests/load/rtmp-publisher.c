/* The publisher's side of RTMP: simple handshake, connect, createStream, publish, media (Adobe RTMP specification 1.0, §5 to §7). */
#include "rtmp-publisher.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define HANDSHAKE_BYTES 1536
#define COMMAND_STREAM 3 /* chunk streams: commands, media */
#define MEDIA_STREAM 6
#define MAX_IN_BYTES (256 * 1024)
#define MAX_OUT_BYTES (4 * 1024 * 1024) /* some 16 s of 2 Mbit/s: the server takes nothing any more */

enum
{
  SET_CHUNK_SIZE = 1,
  COMMAND = 20,
};

void
load_publisher_init (LoadPublisher *publisher, const LoadPublisherPlan *plan, char *name)
{
  *publisher = (LoadPublisher){ .plan = plan, .fd = -1, .name = name };
}

static void
fail (LoadPublisher *publisher, const char *why)
{
  publisher->state = LOAD_PUBLISHER_FAILED;
  publisher->failure = why;
  if (publisher->fd >= 0)
    close (publisher->fd);
  publisher->fd = -1;
}

void
load_publisher_clear (LoadPublisher *publisher)
{
  if (publisher->fd >= 0)
    close (publisher->fd);
  g_clear_pointer (&publisher->in, g_byte_array_unref);
  g_clear_pointer (&publisher->out, g_byte_array_unref);
  g_clear_pointer (&publisher->name, g_free);
}

bool
load_publisher_wants_to_write (const LoadPublisher *publisher)
{
  return publisher->out && publisher->out_sent < publisher->out->len;
}

static void
flush (LoadPublisher *publisher)
{
  while (publisher->out_sent < publisher->out->len)
    {
      ssize_t bytes = send (publisher->fd, publisher->out->data + publisher->out_sent,
                            publisher->out->len - publisher->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

      if (bytes < 0)
        {
          if (errno != EAGAIN && errno != ENOTCONN)
            fail (publisher, "the server closed the connection");
          return;
        }
      publisher->out_sent += (size_t)bytes;
    }
  g_byte_array_set_size (publisher->out, 0);
  publisher->out_sent = 0;
}

static void
queue (LoadPublisher *publisher, const void *data, size_t bytes)
{
  g_byte_array_append (publisher->out, data, (guint)bytes);
}

/* Straight to the socket while nothing waits before it. */
static void
send_parts (LoadPublisher *publisher, const uint8_t *header, size_t header_bytes, const uint8_t *body, size_t body_bytes)
{
  struct iovec parts[] = { { (void *)header, header_bytes }, { (void *)body, body_bytes } };
  struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
  size_t sent = 0;

  if (!load_publisher_wants_to_write (publisher))
    {
      ssize_t bytes = sendmsg (publisher->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

      if (bytes < 0 && errno != EAGAIN)
        {
          fail (publisher, "the server closed the connection");
          return;
        }
      sent = bytes > 0 ? (size_t)bytes : 0;
    }
  if (sent < header_bytes)
    queue (publisher, header + sent, header_bytes - sent);
  if (sent < header_bytes + body_bytes)
    {
      size_t done = sent > header_bytes ? sent - header_bytes : 0;
      queue (publisher, body + done, body_bytes - done);
    }
  if (publisher->out->len - publisher->out_sent > MAX_OUT_BYTES)
    fail (publisher, "the server takes no more data");
}

/* A type 0 header: absolute time (§5.3.1.2.1). Times stay below the extended timestamp's 0xffffff ms, 4 h 39 min. */
static size_t
write_header (uint8_t out[12], unsigned chunk_stream, uint32_t time_ms, uint32_t bytes, uint8_t type,
              uint32_t message_stream)
{
  const uint8_t header[12] = {
    (uint8_t)chunk_stream,
    (uint8_t)(time_ms >> 16),
    (uint8_t)(time_ms >> 8),
    (uint8_t)time_ms,
    (uint8_t)(bytes >> 16),
    (uint8_t)(bytes >> 8),
    (uint8_t)bytes,
    type,
    (uint8_t)message_stream,
    (uint8_t)(message_stream >> 8),
    (uint8_t)(message_stream >> 16),
    (uint8_t)(message_stream >> 24),
  };

  memcpy (out, header, sizeof header);
  return sizeof header;
}

static void
put_string (GByteArray *body, const char *text, bool marker)
{
  size_t bytes = strlen (text);
  const uint8_t head[] = { 2, (uint8_t)(bytes >> 8), (uint8_t)bytes };

  g_byte_array_append (body, marker ? head : head + 1, marker ? 3 : 2);
  g_byte_array_append (body, (const uint8_t *)text, (guint)bytes);
}

static void
put_number (GByteArray *body, double number)
{
  uint64_t bits;
  uint8_t out[9] = { 0 };

  memcpy (&bits, &number, sizeof bits);
  bits = GUINT64_TO_BE (bits);
  memcpy (out + 1, &bits, sizeof bits);
  g_byte_array_append (body, out, sizeof out);
}

static void
put_property (GByteArray *body, const char *name, const char *value)
{
  put_string (body, name, false);
  put_string (body, value, true);
}

static GByteArray *
begin_command (const char *name, double transaction)
{
  GByteArray *body = g_byte_array_new ();

  put_string (body, name, true);
  put_number (body, transaction);
  return body;
}

/* Commands are sent before anybody announces a chunk size for them other than ours. (transfer full: @body) */
static void
send_command (LoadPublisher *publisher, GByteArray *body, uint32_t message_stream)
{
  uint8_t header[12];
  size_t bytes;
  g_autofree uint8_t *chunks
      = load_rtmp_cut (body->data, body->len, publisher->plan->chunk_bytes, COMMAND_STREAM, &bytes);

  write_header (header, COMMAND_STREAM, 0, body->len, COMMAND, message_stream);
  queue (publisher, header, sizeof header);
  queue (publisher, chunks, bytes);
  g_byte_array_unref (body);
}

static void
send_connect (LoadPublisher *publisher)
{
  static const uint8_t end[] = { 0, 0, 9 };
  const uint32_t size = GUINT32_TO_BE (publisher->plan->chunk_bytes);
  uint8_t header[12];
  GByteArray *body = begin_command ("connect", 1);

  write_header (header, 2, 0, sizeof size, SET_CHUNK_SIZE, 0);
  queue (publisher, header, sizeof header);
  queue (publisher, &size, sizeof size);
  g_byte_array_append (body, (const uint8_t *)"\x03", 1);
  put_property (body, "app", publisher->plan->app);
  put_property (body, "type", "nonprivate");
  put_property (body, "flashVer", "FMLE/3.0 (compatible; rtmp-load)");
  put_property (body, "tcUrl", publisher->plan->tc_url);
  g_byte_array_append (body, end, sizeof end);
  send_command (publisher, body, 0);
}

static void
send_create_stream (LoadPublisher *publisher)
{
  GByteArray *body = begin_command ("createStream", 2);

  g_byte_array_append (body, (const uint8_t *)"\x05", 1);
  send_command (publisher, body, 0);
}

static void
send_publish (LoadPublisher *publisher)
{
  GByteArray *body = begin_command ("publish", 3);

  g_byte_array_append (body, (const uint8_t *)"\x05", 1);
  put_string (body, publisher->name, true);
  put_string (body, "live", true);
  send_command (publisher, body, publisher->message_stream);
}

bool
load_publisher_connect (LoadPublisher *publisher)
{
  uint8_t hello[1 + HANDSHAKE_BYTES] = { 3 };
  int one = 1;

  publisher->fd
      = socket (publisher->plan->address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (publisher->fd < 0)
    {
      fail (publisher, "no socket");
      return false;
    }
  (void)setsockopt (publisher->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect (publisher->fd, publisher->plan->address, publisher->plan->address_bytes) != 0 && errno != EINPROGRESS)
    {
      fail (publisher, "no connection");
      return false;
    }
  publisher->in = g_byte_array_new ();
  publisher->out = g_byte_array_new ();
  publisher->state = LOAD_PUBLISHER_HANDSHAKE;
  queue (publisher, hello, sizeof hello);
  return true;
}

static const uint8_t *
find (const LoadPublisher *publisher, const char *text)
{
  return memmem (publisher->in->data, publisher->in->len, text, strlen (text));
}

/* The number behind "_result", a transaction and null: createStream's stream. Returns: 0 when it is not all there. */
static uint32_t
read_result (const LoadPublisher *publisher, const uint8_t *result)
{
  const uint8_t *at = result + strlen ("_result") + 9 + 1;
  uint64_t bits;
  double number;

  if (at + 9 > publisher->in->data + publisher->in->len || at[-1] != 5 || at[0] != 0)
    return 0;
  memcpy (&bits, at + 1, sizeof bits);
  bits = GUINT64_FROM_BE (bits);
  memcpy (&number, &bits, sizeof number);
  return (uint32_t)number;
}

/* S0, S1 and S2 are there: C2 is S1. */
static void
finish_handshake (LoadPublisher *publisher)
{
  if (publisher->in->len < 1 + 2 * HANDSHAKE_BYTES)
    return;
  queue (publisher, publisher->in->data + 1, HANDSHAKE_BYTES);
  g_byte_array_remove_range (publisher->in, 0, 1 + 2 * HANDSHAKE_BYTES);
  send_connect (publisher);
  publisher->state = LOAD_PUBLISHER_CONNECT;
}

/* What the server says is looked for by name; what it says besides does not matter here. */
static void
read_replies (LoadPublisher *publisher)
{
  const uint8_t *result = find (publisher, "_result");

  if (find (publisher, "_error") || find (publisher, "NetStream.Publish.BadName")
      || find (publisher, "NetStream.Publish.Unauthorized") || find (publisher, "NetStream.Publish.Rejected"))
    fail (publisher, "the server refused to take the stream");
  else if (publisher->state == LOAD_PUBLISHER_CONNECT && result)
    {
      g_byte_array_set_size (publisher->in, 0);
      send_create_stream (publisher);
      publisher->state = LOAD_PUBLISHER_CREATE;
    }
  else if (publisher->state == LOAD_PUBLISHER_CREATE && result
           && (publisher->message_stream = read_result (publisher, result)) > 0)
    {
      g_byte_array_set_size (publisher->in, 0);
      send_publish (publisher);
      publisher->state = LOAD_PUBLISHER_PUBLISH;
    }
  else if (publisher->state == LOAD_PUBLISHER_PUBLISH && find (publisher, "NetStream.Publish.Start"))
    {
      publisher->state = LOAD_PUBLISHER_LIVE;
      publisher->started_us = g_get_monotonic_time ();
    }
}

void
load_publisher_ready (LoadPublisher *publisher)
{
  uint8_t data[16384];

  while (publisher->fd >= 0)
    {
      ssize_t bytes = recv (publisher->fd, data, sizeof data, MSG_DONTWAIT);

      if (bytes < 0 && (errno == EAGAIN || errno == ENOTCONN))
        break;
      if (bytes <= 0 || publisher->in->len > MAX_IN_BYTES)
        {
          fail (publisher, bytes <= 0 ? "the server closed the connection" : "the server sends too much");
          return;
        }
      if (publisher->state == LOAD_PUBLISHER_LIVE)
        continue; /* acknowledgements and pings */
      g_byte_array_append (publisher->in, data, (guint)bytes);
      if (publisher->state == LOAD_PUBLISHER_HANDSHAKE)
        finish_handshake (publisher);
      else
        read_replies (publisher);
    }
  if (publisher->fd >= 0)
    flush (publisher);
}

void
load_publisher_tick (LoadPublisher *publisher, int64_t now_us)
{
  const LoadFlv *flv = publisher->plan->flv;
  uint8_t header[12];

  while (publisher->state == LOAD_PUBLISHER_LIVE)
    {
      const LoadFlvMessage *message = &g_array_index (flv->messages, LoadFlvMessage, publisher->next);
      uint32_t time_ms = publisher->round_ms + message->time_ms;
      int64_t late_us = now_us - publisher->started_us - (int64_t)time_ms * 1000;

      if (late_us < 0)
        return;
      if (!message->once || publisher->round_ms == 0)
        {
          size_t bytes = write_header (header, MEDIA_STREAM, time_ms, message->bytes, message->type,
                                       publisher->message_stream);
          send_parts (publisher, header, bytes, message->chunks, message->chunks_bytes);
          publisher->bytes += message->bytes;
          publisher->messages++;
          publisher->late_us = MAX (publisher->late_us, late_us);
        }
      if (++publisher->next == flv->messages->len)
        {
          publisher->next = 0;
          publisher->round_ms += flv->loop_ms;
        }
    }
}
