/* The client's half of RFC 6455. One thread. */
#include "web-socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_HEAD_BYTES (16u * 1024)
#define MAX_MESSAGE_BYTES (8u * 1024 * 1024)
#define READ_BYTES (64u * 1024)

enum
{
  OPCODE_CONTINUATION = 0x0,
  OPCODE_TEXT = 0x1,
  OPCODE_CLOSE = 0x8,
  OPCODE_PING = 0x9,
  OPCODE_PONG = 0xa,
};

#define IS_LAST 0x80
#define IS_MASKED 0x80

bool
load_socket_start (LoadSocket *socket, const LoadUrl *url, const char *target, const char *token)
{
  guint32 nonce[4] = { g_random_int (), g_random_int (), g_random_int (), g_random_int () };
  g_autofree char *key = g_base64_encode ((const guchar *)nonce, sizeof nonce);
  g_autofree char *proof = g_strconcat (key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", NULL); /* RFC 6455 §1.3 */
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA1);
  guint8 digest[20];
  gsize digest_bytes = sizeof digest;

  *socket = (LoadSocket){ .fd = load_url_connect (url) };
  if (socket->fd < 0)
    return false;
  g_checksum_update (checksum, (const guchar *)proof, -1);
  g_checksum_get_digest (checksum, digest, &digest_bytes);
  g_autofree char *accept = g_base64_encode (digest, digest_bytes);
  g_strlcpy (socket->accept, accept, sizeof socket->accept);
  g_autofree char *head = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
                                           "Authorization: Bearer %s\r\n\r\n",
                                           target, url->host, key, token);
  socket->in = g_byte_array_new ();
  socket->message = g_byte_array_new ();
  socket->out = g_byte_array_new ();
  g_byte_array_append (socket->out, (const guint8 *)head, (guint)strlen (head));
  return true;
}

static bool
flush (LoadSocket *socket)
{
  while (socket->sent < socket->out->len)
    {
      ssize_t bytes = send (socket->fd, socket->out->data + socket->sent, socket->out->len - socket->sent, MSG_NOSIGNAL);

      if (bytes < 0)
        return errno == EAGAIN || errno == ENOTCONN;
      socket->sent += (size_t)bytes;
    }
  g_byte_array_set_size (socket->out, 0);
  socket->sent = 0;
  return true;
}

static void
add_frame (LoadSocket *socket, unsigned opcode, const guint8 *data, size_t bytes)
{
  guint8 head[14] = { (guint8)(IS_LAST | opcode) };
  guint32 random = g_random_int ();
  size_t head_bytes = 2;

  if (bytes < 126)
    head[1] = (guint8)(IS_MASKED | bytes);
  else
    {
      size_t width = bytes > G_MAXUINT16 ? 8 : 2;

      head[1] = IS_MASKED | (width == 8 ? 127 : 126);
      for (size_t i = 0; i < width; i++)
        head[head_bytes++] = (guint8)((guint64)bytes >> (8 * (width - 1 - i)));
    }
  const guint8 *mask = memcpy (head + head_bytes, &random, sizeof random);
  g_byte_array_append (socket->out, head, (guint)(head_bytes + sizeof random));
  guint start = socket->out->len;
  g_byte_array_append (socket->out, data, (guint)bytes);
  for (size_t i = 0; i < bytes; i++)
    socket->out->data[start + i] ^= mask[i % 4];
}

bool
load_socket_send (LoadSocket *socket, const char *text)
{
  add_frame (socket, OPCODE_TEXT, (const guint8 *)text, strlen (text));
  return flush (socket);
}

/* Returns: false when the server did not agree. Nothing is taken while the head is incomplete. */
static bool
take_handshake (LoadSocket *socket)
{
  const char *end = g_strstr_len ((const char *)socket->in->data, (gssize)socket->in->len, "\r\n\r\n");

  if (!end)
    return socket->in->len < MAX_HEAD_BYTES;
  size_t bytes = (size_t)(end + 4 - (const char *)socket->in->data);
  g_autofree char *head = g_strndup ((const char *)socket->in->data, bytes);
  if (!g_str_has_prefix (head, "HTTP/1.1 "))
    return false;
  socket->status = (unsigned)strtoul (head + strlen ("HTTP/1.1 "), NULL, 10);
  if (socket->status != 101 || !strstr (head, socket->accept))
    return false;
  g_byte_array_remove_range (socket->in, 0, (guint)bytes);
  socket->is_open = true;
  return true;
}

/* Returns: false when the connection is over. */
static bool
take_frame (LoadSocket *socket, unsigned head, const guint8 *data, size_t bytes, int64_t at_us, LoadSocketText text,
            void *owner)
{
  unsigned opcode = head & 0x0f;

  switch (opcode)
    {
    case OPCODE_PING:
      add_frame (socket, OPCODE_PONG, data, bytes);
      return flush (socket);
    case OPCODE_PONG:
      return true;
    case OPCODE_CLOSE:
      socket->close_code = bytes >= 2 ? (unsigned short)(data[0] << 8 | data[1]) : 1005;
      return false;
    case OPCODE_TEXT:
    case OPCODE_CONTINUATION:
      if (socket->message->len + bytes > MAX_MESSAGE_BYTES)
        return false;
      g_byte_array_append (socket->message, data, (guint)bytes);
      if (head & IS_LAST)
        {
          guint length = socket->message->len;

          g_byte_array_append (socket->message, (const guint8 *)"", 1);
          text (owner, (const char *)socket->message->data, length, at_us);
          g_byte_array_set_size (socket->message, 0);
        }
      return true;
    default:
      return false;
    }
}

static bool
take_frames (LoadSocket *socket, int64_t at_us, LoadSocketText text, void *owner)
{
  size_t taken = 0;
  bool is_alive = true;

  while (is_alive && socket->in->len - taken >= 2)
    {
      const guint8 *data = socket->in->data + taken;
      size_t width = data[1] == 127 ? 8 : data[1] == 126 ? 2 : 0, head_bytes = 2 + width, left = socket->in->len - taken;
      guint64 bytes = width > 0 ? 0 : data[1];

      if (left < head_bytes)
        break;
      for (size_t i = 0; i < width; i++)
        bytes = bytes << 8 | data[2 + i];
      if ((data[1] & IS_MASKED) || bytes > MAX_MESSAGE_BYTES) /* a server does not mask: RFC 6455 §5.1 */
        return false;
      if (left < head_bytes + bytes)
        break;
      is_alive = take_frame (socket, data[0], data + head_bytes, (size_t)bytes, at_us, text, owner);
      taken += head_bytes + (size_t)bytes;
    }
  if (taken > 0)
    g_byte_array_remove_range (socket->in, 0, (guint)taken);
  return is_alive;
}

bool
load_socket_step (LoadSocket *socket, LoadSocketText text, void *owner)
{
  guint8 data[READ_BYTES];

  if (!flush (socket))
    return false;
  for (;;)
    {
      ssize_t bytes = recv (socket->fd, data, sizeof data, 0);
      int64_t at_us = g_get_monotonic_time ();

      if (bytes < 0)
        return errno == EAGAIN;
      if (bytes == 0)
        return false;
      g_byte_array_append (socket->in, data, (guint)bytes);
      if (!socket->is_open && !take_handshake (socket))
        return false;
      if (socket->is_open && !take_frames (socket, at_us, text, owner))
        return false;
      /* With EPOLLRDHUP a short read means that no more is there: no second call for each small message. */
      if ((size_t)bytes < sizeof data)
        return true;
    }
}

void
load_socket_clear (LoadSocket *socket)
{
  static const guint8 going_away[2] = { 1001 >> 8, 1001 & 0xff };

  if (socket->fd >= 0)
    {
      if (socket->is_open && socket->close_code == 0)
        {
          add_frame (socket, OPCODE_CLOSE, going_away, sizeof going_away);
          (void)flush (socket);
        }
      close (socket->fd);
    }
  socket->fd = -1;
  socket->is_open = false;
  g_clear_pointer (&socket->in, g_byte_array_unref);
  g_clear_pointer (&socket->message, g_byte_array_unref);
  g_clear_pointer (&socket->out, g_byte_array_unref);
}
