/* ICE-TCP on a loop: a connection is accepted by whichever loop the kernel chose, and lives on the one that owns its viewer. */
#include "fanout-private.h"

static AirFanoutViewer *
viewer_of (AirTcpOwner *owner)
{
  return (AirFanoutViewer *)((char *)owner - G_STRUCT_OFFSET (AirFanoutViewer, tcp));
}

static void
received (AirUdpDatagram *datagram, void *data)
{
  air_fanout_loop_take_datagram (data, datagram);
}

static void
writable (AirTcpOwner *owner, const AirPath *path, void *data)
{
  AirFanoutViewer *viewer = viewer_of (owner);
  if (viewer->media)
    air_fanout_loop_pump (data, viewer);
}

static void
closed (AirTcpOwner *owner, const AirPath *path, void *data)
{
  air_ice_lose (viewer_of (owner)->ice, path);
}

static void
ready (AirWatch *watch)
{
  TcpWatch *tcp = (TcpWatch *)watch;
  air_tcp_dispatch (tcp->loop->tcp, tcp->loop->now_us);
}

bool
air_fanout_loop_listen_tcp (AirFanoutLoop *loop, AirFanoutLoop *beside, const AirTcpLimits *limits, GError **error)
{
  AirTcpEvents events = { received, writable, closed, loop };
  AirAddress listen[AIR_UDP_MAX_SOCKETS];
  unsigned count = air_udp_count (loop->udp);
  for (unsigned i = 0; i < count; i++)
    listen[i] = *air_udp_get_address (loop->udp, i);
  loop->tcp = air_tcp_new (listen, count, beside ? beside->tcp : NULL, limits, &events, error);
  loop->tcp_watch = (TcpWatch){ { ready }, loop };
  return loop->tcp && air_fanout_loop_watch (loop, air_tcp_get_fd (loop->tcp), &loop->tcp_watch.watch);
}

AirFanoutViewer *
air_fanout_loop_find_tcp (AirFanoutLoop *loop, const AirPath *path)
{
  AirTcpOwner *owner = air_tcp_get_owner (loop->tcp, path);
  return owner ? viewer_of (owner) : NULL;
}

/* ---- From loop to loop */

static void
take_connection (AirFanoutLoop *loop, void *data)
{
  AirTcpConnection **slot = data;
  air_tcp_take (loop->tcp, g_steal_pointer (slot), loop->now_us);
}

static void
free_connection (void *data)
{
  AirTcpConnection **slot = data;
  air_tcp_connection_free (*slot);
  g_free (slot);
}

void
air_fanout_loop_hand_over (AirFanoutLoop *loop, AirFanoutLoop *owner, const AirUdpDatagram *datagram)
{
  AirTcpConnection *connection = air_tcp_give (loop->tcp, &datagram->path);
  if (!connection)
    return;
  AirTcpConnection **slot = g_new (AirTcpConnection *, 1);
  *slot = connection;
  loop->counts.forwarded++;
  air_fanout_loop_invoke (owner, take_connection, slot, free_connection);
}
