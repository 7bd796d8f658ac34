/* ICE-TCP: frames in and out. One thread at a time. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "tcp-private.h"

/* More than this is not queued of media: what waits in the packet ring costs nothing, and may be skipped. */
#define ROOM_BYTES (16u * 1024)
#define FIRST_QUEUE_BYTES (4u * 1024)
/* Before a connection has an owner: a check that is repeated for as long as it may take. */
#define MAX_PENDING_FRAMES 32u
#define LAST_STUN_BYTE 3 /* RFC 7983 §7 */

/* ---- In */

/* Returns: false when @connection has ended or gone. */
static bool
take_frame (AirTcp *tcp, AirTcpConnection *connection, size_t at, size_t bytes, size_t all)
{
  unsigned number = connection->path.remote.tcp;
  AirUdpDatagram datagram
      = { .data = tcp->scratch + at + AIR_TCP_HEADER_BYTES, .size = bytes, .path = connection->path };

  if (bytes == 0)
    return true;
  if (connection->owner == NULL && (++connection->frames > MAX_PENDING_FRAMES || datagram.data[0] > LAST_STUN_BYTE))
    {
      tcp->stats.cut++;
      air_tcp_end (tcp, connection);
      return false;
    }
  tcp->current = connection;
  tcp->current_at = at;
  tcp->current_bytes = all;
  tcp->events.received (&datagram, tcp->events.data);
  tcp->current = NULL;
  return tcp->slots[number] == connection;
}

void
air_tcp_take_frames (AirTcp *tcp, AirTcpConnection *connection, size_t bytes, int64_t now_us)
{
  AirTcpFrameResult result;
  size_t at = 0, frame_bytes;

  while ((result = air_tcp_frame_find (tcp->scratch + at, bytes - at, &frame_bytes)) == AIR_TCP_FRAME_WHOLE)
    {
      connection->heard_us = now_us;
      if (!take_frame (tcp, connection, at, frame_bytes, bytes))
        return;
      at += AIR_TCP_HEADER_BYTES + frame_bytes;
    }
  if (result == AIR_TCP_FRAME_TOO_LONG
      || (connection->owner == NULL && bytes - at > AIR_TCP_HEADER_BYTES
          && tcp->scratch[at + AIR_TCP_HEADER_BYTES] > LAST_STUN_BYTE))
    {
      tcp->stats.cut++;
      air_tcp_end (tcp, connection);
      return;
    }
  connection->partial_bytes = bytes - at;
  memcpy (connection->partial, tcp->scratch + at, connection->partial_bytes);
}

void
air_tcp_read (AirTcp *tcp, AirTcpConnection *connection, int64_t now_us)
{
  size_t kept = connection->partial_bytes;
  size_t room = connection->owner != NULL ? AIR_TCP_READ_BYTES : AIR_TCP_PARTIAL_BYTES - kept;
  ssize_t got;

  memcpy (tcp->scratch, connection->partial, kept);
  got = recv (connection->fd, tcp->scratch + kept, room, MSG_DONTWAIT);
  if (got > 0)
    air_tcp_take_frames (tcp, connection, kept + (size_t)got, now_us);
  else if (got == 0 || (errno != EAGAIN && errno != EINTR))
    air_tcp_end (tcp, connection);
}

/* ---- Out */

static void
drop_queue (AirTcpConnection *connection)
{
  g_clear_pointer (&connection->queue, g_free);
  connection->queue_size = connection->queue_begin = connection->queue_end = 0;
}

static void
unlink_queued (AirTcp *tcp, AirTcpConnection *connection)
{
  if (connection->is_queued)
    g_queue_unlink (&tcp->queued, &connection->queued_link);
  connection->is_queued = false;
}

static void
block (AirTcp *tcp, AirTcpConnection *connection)
{
  connection->blocked = true;
  air_tcp_watch (tcp, connection, EPOLL_CTL_MOD);
}

/* An error is left to the next read, which epoll calls for: nothing ends in the middle of sending. */
bool
air_tcp_flush_connection (AirTcp *tcp, AirTcpConnection *connection)
{
  size_t left = connection->queue_end - connection->queue_begin;
  ssize_t sent = 0;

  unlink_queued (tcp, connection);
  if (left > 0)
    {
      sent = send (connection->fd, connection->queue + connection->queue_begin, left, MSG_DONTWAIT | MSG_NOSIGNAL);
      tcp->stats.system_calls++;
    }
  if (sent < 0 && errno != EAGAIN && errno != EINTR)
    drop_queue (connection);
  connection->queue_begin += sent > 0 ? (size_t)sent : 0;
  if (connection->queue_begin == connection->queue_end)
    {
      drop_queue (connection);
      return true;
    }
  block (tcp, connection);
  return false;
}

/* Returns: room for @bytes at the end of the queue. */
static uint8_t *
extend_queue (AirTcpConnection *connection, size_t bytes)
{
  size_t left = connection->queue_end - connection->queue_begin;

  if (connection->queue_size - connection->queue_end < bytes)
    {
      size_t size = MAX (connection->queue_size, FIRST_QUEUE_BYTES);
      if (left > 0 && connection->queue_begin > 0)
        memmove (connection->queue, connection->queue + connection->queue_begin, left);
      connection->queue_begin = 0;
      connection->queue_end = left;
      while (size < left + bytes)
        size *= 2;
      if (size != connection->queue_size)
        connection->queue = g_realloc (connection->queue, size);
      connection->queue_size = size;
    }
  connection->queue_end += bytes;
  return connection->queue + connection->queue_end - bytes;
}

bool
air_tcp_has_room (AirTcp *tcp, const AirPath *path)
{
  AirTcpConnection *connection = air_tcp_find (tcp, path);

  if (connection == NULL || connection->blocked)
    return false;
  return connection->queue_end - connection->queue_begin < ROOM_BYTES || air_tcp_flush_connection (tcp, connection);
}

bool
air_tcp_send (AirTcp *tcp, const AirPath *path, const uint8_t *data, size_t bytes)
{
  AirTcpConnection *connection = air_tcp_find (tcp, path);
  size_t needed = AIR_TCP_HEADER_BYTES + bytes;

  if (connection == NULL || bytes == 0 || bytes > AIR_TCP_MAX_FRAME_BYTES
      || connection->queue_end - connection->queue_begin + needed > AIR_TCP_MAX_QUEUE_BYTES)
    {
      tcp->stats.dropped++;
      return false;
    }
  uint8_t *frame = extend_queue (connection, needed);
  air_tcp_frame_write_header (frame, bytes);
  memcpy (frame + AIR_TCP_HEADER_BYTES, data, bytes);
  if (!connection->is_queued && !connection->blocked)
    {
      g_queue_push_tail_link (&tcp->queued, &connection->queued_link);
      connection->is_queued = true;
    }
  tcp->stats.packets++;
  tcp->stats.bytes += bytes;
  return true;
}

void
air_tcp_flush (AirTcp *tcp)
{
  AirTcpConnection *connection;

  while ((connection = g_queue_peek_head (&tcp->queued)) != NULL)
    air_tcp_flush_connection (tcp, connection);
}
