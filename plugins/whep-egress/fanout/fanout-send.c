/* The way out of a loop: every datagram to a viewer passes here. */
#include "fanout-private.h"

#include <string.h>

bool
air_fanout_loop_has_room (AirFanoutLoop *loop, const AirPath *path)
{
  return path && (!path->remote.tcp || air_tcp_has_room (loop->tcp, path));
}

/* What is for TCP is made in the UDP sender's arena, too: it goes from there to its connection's queue. */
uint8_t *
air_fanout_loop_reserve (AirFanoutLoop *loop, const AirPath *path, size_t max_bytes)
{
  if (air_udp_sender_is_full (loop->sender, max_bytes))
    air_fanout_loop_flush (loop);
  loop->reserved = air_udp_sender_reserve (loop->sender, max_bytes);
  return loop->reserved;
}

void
air_fanout_loop_flush (AirFanoutLoop *loop)
{
  air_udp_sender_flush (loop->sender);
  if (loop->tcp)
    air_tcp_flush (loop->tcp);
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (loop->delays[kind].count > 0)
      air_delay_settle (&loop->delays[kind], &loop->counts.delays[kind], g_get_monotonic_time ());
}

void
air_fanout_loop_note_delay (AirFanoutLoop *loop, AirKind kind, int64_t arrival_us)
{
  air_delay_note (&loop->delays[kind], arrival_us);
}

void
air_fanout_loop_commit (AirFanoutLoop *loop, const AirPath *path, size_t bytes)
{
  if (!path->remote.tcp)
    air_udp_sender_commit (loop->sender, path, bytes);
  else if (bytes > 0)
    air_tcp_send (loop->tcp, path, loop->reserved, bytes);
}

void
air_fanout_loop_send (AirFanoutLoop *loop, const AirPath *path, const uint8_t *data, size_t bytes)
{
  memcpy (air_fanout_loop_reserve (loop, path, bytes), data, bytes);
  air_fanout_loop_commit (loop, path, bytes);
}

void
air_fanout_loop_send_dtls (const uint8_t *datagram, size_t size, void *data)
{
  AirFanoutViewer *viewer = data;
  const AirPath *path = air_ice_get_selected (viewer->ice);
  if (path && viewer->loop)
    air_fanout_loop_send (viewer->loop, path, datagram, size);
}
