/* ICE-TCP: listeners, which connections there are, whose they are, and when they end. One thread at a time; the AirTcp
 * owns its connections until they are given away. */
#include "tcp-private.h"

#include <errno.h>
#include <gio/gio.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BACKLOG 1024
#define MAX_ACCEPTS 64 /* a listener and turn */
#define MAX_EVENTS 64
/* What a peer may leave unread in the kernel before we notice; also the memory that such a peer costs. */
#define SEND_BUFFER_BYTES (256 * 1024)
/* What the kernel holds back, beyond what is on its way: this much later is what a peer on a slow line gets. */
#define UNSENT_BYTES (16 * 1024)
/* Neither acknowledged nor read for so long: as with consent (RFC 7675), nobody is there. */
#define UNREAD_MS 12000
#define SILENT_US (30 * G_USEC_PER_SEC)
#define LISTENER_FLAG (1ull << 63)

static bool
set_option (int fd, int level, int option, int value)
{
  return setsockopt (fd, level, option, &value, sizeof value) == 0;
}

/* ---- Connections */

AirTcpConnection *
air_tcp_find (const AirTcp *tcp, const AirPath *path)
{
  unsigned number = path->remote.tcp;
  AirTcpConnection *connection = number < tcp->n_slots ? tcp->slots[number] : NULL;

  return connection != NULL && air_address_equal (&connection->path.remote, &path->remote) ? connection : NULL;
}

void
air_tcp_watch (AirTcp *tcp, AirTcpConnection *connection, int operation)
{
  struct epoll_event event = { .events = EPOLLIN | (connection->blocked ? EPOLLOUT : 0),
                               .data.u64 = (uint64_t)connection->generation << 16 | connection->path.remote.tcp };

  if (epoll_ctl (tcp->epoll, operation, connection->fd, &event) != 0)
    g_warning ("epoll: %s", g_strerror (errno));
}

/* There is a free one: the caller has looked at n_connections. */
static void
attach (AirTcp *tcp, AirTcpConnection *connection)
{
  while (tcp->slots[tcp->next_slot] != NULL || tcp->next_slot == 0)
    tcp->next_slot = (tcp->next_slot + 1) % tcp->n_slots;
  tcp->slots[tcp->next_slot] = connection;
  tcp->n_connections++;
  connection->path.remote.tcp = (uint16_t)tcp->next_slot;
  connection->generation = ++tcp->generation & G_MAXINT32;
  tcp->next_slot = (tcp->next_slot + 1) % tcp->n_slots;
  g_queue_push_tail_link (&tcp->pending, &connection->pending_link);
  air_tcp_watch (tcp, connection, EPOLL_CTL_ADD);
}

static void
forget_owner (AirTcpConnection *connection)
{
  AirTcpOwner *owner = connection->owner;

  for (unsigned i = 0; owner != NULL && i < AIR_TCP_CONNECTIONS_PER_OWNER; i++)
    if (owner->connections[i] == connection)
      owner->connections[i] = NULL;
  connection->owner = NULL;
}

void
air_tcp_detach (AirTcp *tcp, AirTcpConnection *connection)
{
  if (connection->owner == NULL)
    g_queue_unlink (&tcp->pending, &connection->pending_link);
  if (connection->is_queued)
    g_queue_unlink (&tcp->queued, &connection->queued_link);
  connection->is_queued = false;
  forget_owner (connection);
  (void)epoll_ctl (tcp->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
  tcp->slots[connection->path.remote.tcp] = NULL;
  tcp->n_connections--;
}

void
air_tcp_connection_free (AirTcpConnection *connection)
{
  if (connection == NULL)
    return;
  close (connection->fd);
  g_free (connection->queue);
  g_free (connection);
}

void
air_tcp_end (AirTcp *tcp, AirTcpConnection *connection)
{
  AirTcpOwner *owner = connection->owner;
  AirPath path = connection->path;

  air_tcp_detach (tcp, connection);
  air_tcp_connection_free (connection);
  if (owner != NULL)
    tcp->events.closed (owner, &path, tcp->events.data);
}

static void
cut (AirTcp *tcp, AirTcpConnection *connection)
{
  tcp->stats.cut++;
  air_tcp_end (tcp, connection);
}

/* ---- Accepting */

/* What one party has to itself: an IPv4 address, or the /64 that a line is given (RFC 6177 §2). */
static bool
same_party (const AirAddress *a, const AirAddress *b)
{
  return memcmp (a->ip, b->ip, air_address_is_ipv4 (a) ? 16 : 8) == 0;
}

/* A pending one is there for a round trip; those that linger give way. Returns: whether there is room for one from @remote. */
static bool
make_room (AirTcp *tcp, const AirAddress *remote)
{
  AirTcpConnection *oldest = NULL;
  unsigned n_same = 0;

  for (GList *link = tcp->pending.head; link != NULL; link = link->next)
    {
      AirTcpConnection *pending = link->data;
      if (!same_party (&pending->path.remote, remote))
        continue;
      oldest = n_same++ == 0 ? pending : oldest;
    }
  if (n_same < tcp->limits.pending_per_address)
    oldest = tcp->pending.length >= tcp->limits.pending || tcp->n_connections >= tcp->limits.connections
                 ? g_queue_peek_head (&tcp->pending)
                 : NULL;
  if (oldest != NULL)
    {
      tcp->stats.refused++;
      air_tcp_end (tcp, oldest);
    }
  return tcp->n_connections < tcp->limits.connections;
}

static void
take_socket (AirTcp *tcp, int fd, const struct sockaddr *sa, int64_t now_us)
{
  struct sockaddr_storage local = { 0 };
  socklen_t size = sizeof local;
  AirPath path = { 0 };

  if (!air_address_from_sockaddr (sa, &path.remote) || getsockname (fd, (struct sockaddr *)&local, &size) != 0
      || !air_address_from_sockaddr ((struct sockaddr *)&local, &path.local) || !make_room (tcp, &path.remote))
    {
      tcp->stats.refused++;
      close (fd);
      return;
    }
  AirTcpConnection *connection = g_new0 (AirTcpConnection, 1);
  connection->fd = fd;
  connection->path = path;
  connection->accepted_us = connection->heard_us = now_us;
  connection->pending_link.data = connection->queued_link.data = connection;
  tcp->stats.accepted++;
  attach (tcp, connection);
}

static void
watch_listener (AirTcp *tcp, unsigned index, bool watched)
{
  AirTcpListener *listener = &tcp->listeners[index];
  struct epoll_event event = { .events = EPOLLIN, .data.u64 = LISTENER_FLAG | index };

  listener->watched = watched && epoll_ctl (tcp->epoll, EPOLL_CTL_ADD, listener->fd, &event) == 0;
  if (!watched)
    (void)epoll_ctl (tcp->epoll, EPOLL_CTL_DEL, listener->fd, NULL);
}

static void
accept_some (AirTcp *tcp, unsigned index, int64_t now_us)
{
  for (unsigned i = 0; i < MAX_ACCEPTS; i++)
    {
      struct sockaddr_storage sa = { 0 };
      socklen_t size = sizeof sa;
      int fd = accept4 (tcp->listeners[index].fd, (struct sockaddr *)&sa, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

      if (fd >= 0)
        take_socket (tcp, fd, (struct sockaddr *)&sa, now_us);
      else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        {
          watch_listener (tcp, index, false); /* the next tick tries again: polling on would be a busy loop */
          return;
        }
      else if (errno != ECONNABORTED && errno != EINTR)
        return;
    }
}

/* ---- Turns */

static void
take_event (AirTcp *tcp, const struct epoll_event *event, int64_t now_us)
{
  unsigned number = event->data.u64 & 0xffff;
  AirTcpConnection *connection;

  if (event->data.u64 & LISTENER_FLAG)
    {
      accept_some (tcp, number, now_us);
      return;
    }
  connection = tcp->slots[number];
  if (connection == NULL || connection->generation != (uint32_t)(event->data.u64 >> 16))
    return; /* ended in this turn */
  if (event->events & EPOLLOUT && connection->blocked)
    {
      connection->blocked = false;
      if (air_tcp_flush_connection (tcp, connection))
        {
          air_tcp_watch (tcp, connection, EPOLL_CTL_MOD);
          if (connection->owner != NULL)
            tcp->events.writable (connection->owner, &connection->path, tcp->events.data);
          if (tcp->slots[number] != connection)
            return;
        }
    }
  if (event->events & (EPOLLIN | EPOLLERR | EPOLLHUP))
    air_tcp_read (tcp, connection, now_us);
}

void
air_tcp_dispatch (AirTcp *tcp, int64_t now_us)
{
  struct epoll_event events[MAX_EVENTS];
  int count = epoll_wait (tcp->epoll, events, MAX_EVENTS, 0);

  for (int i = 0; i < count; i++)
    take_event (tcp, &events[i], now_us);
}

void
air_tcp_tick (AirTcp *tcp, int64_t now_us)
{
  AirTcpConnection *oldest;

  while ((oldest = g_queue_peek_head (&tcp->pending)) != NULL && now_us - oldest->accepted_us > AIR_TCP_PENDING_US)
    cut (tcp, oldest);
  for (unsigned number = 1; number < tcp->n_slots; number++)
    if (tcp->slots[number] != NULL && now_us - tcp->slots[number]->heard_us > SILENT_US)
      air_tcp_end (tcp, tcp->slots[number]);
  for (unsigned i = 0; i < tcp->n_listeners; i++)
    if (!tcp->listeners[i].watched)
      watch_listener (tcp, i, true);
}

/* ---- Owners */

bool
air_tcp_admit (AirTcp *tcp, const AirPath *path, AirTcpOwner *owner)
{
  AirTcpConnection *connection = air_tcp_find (tcp, path);
  unsigned place = 0;

  if (connection == NULL || connection->owner != NULL)
    return connection != NULL && connection->owner == owner;
  for (unsigned i = 1; i < AIR_TCP_CONNECTIONS_PER_OWNER && owner->connections[place] != NULL; i++)
    if (owner->connections[i] == NULL || owner->connections[i]->heard_us < owner->connections[place]->heard_us)
      place = i;
  if (owner->connections[place] != NULL)
    air_tcp_end (tcp, owner->connections[place]);
  g_queue_unlink (&tcp->pending, &connection->pending_link);
  connection->owner = owner;
  owner->connections[place] = connection;
  return true;
}

AirTcpOwner *
air_tcp_get_owner (const AirTcp *tcp, const AirPath *path)
{
  AirTcpConnection *connection = air_tcp_find (tcp, path);

  return connection != NULL ? connection->owner : NULL;
}

void
air_tcp_release (AirTcp *tcp, AirTcpOwner *owner)
{
  for (unsigned i = 0; i < AIR_TCP_CONNECTIONS_PER_OWNER; i++)
    if (owner->connections[i] != NULL)
      {
        AirTcpConnection *connection = owner->connections[i];
        if (!connection->blocked)
          air_tcp_flush_connection (tcp, connection);
        air_tcp_detach (tcp, connection);
        air_tcp_connection_free (connection);
      }
}

AirTcpConnection *
air_tcp_give (AirTcp *tcp, const AirPath *path)
{
  AirTcpConnection *connection = air_tcp_find (tcp, path);

  if (connection == NULL || connection != tcp->current || connection->owner != NULL)
    return NULL;
  /* All that was read goes along: a pending connection is read no further than that fits. */
  connection->partial_bytes = tcp->current_bytes - tcp->current_at;
  memcpy (connection->partial, tcp->scratch + tcp->current_at, connection->partial_bytes);
  air_tcp_detach (tcp, connection);
  connection->path.remote.tcp = 0;
  return connection;
}

void
air_tcp_take (AirTcp *tcp, AirTcpConnection *connection, int64_t now_us)
{
  size_t bytes = connection->partial_bytes;

  if (!make_room (tcp, &connection->path.remote))
    {
      tcp->stats.refused++;
      air_tcp_connection_free (connection);
      return;
    }
  attach (tcp, connection);
  memcpy (tcp->scratch, connection->partial, bytes);
  air_tcp_take_frames (tcp, connection, bytes, now_us);
}

/* ---- Making */

static bool
listen_at (AirTcpListener *listener, const AirAddress *address, bool v6only, bool shared)
{
  int family = air_address_is_ipv4 (address) ? AF_INET : AF_INET6;
  struct sockaddr_storage sa = { 0 };
  socklen_t size = air_address_to_sockaddr (address, family, &sa);

  listener->fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener->fd < 0)
    return false;
  /* What is accepted inherits these. Options that are missing cost comfort, not function. */
  (void)set_option (listener->fd, IPPROTO_TCP, TCP_NODELAY, 1);
  (void)set_option (listener->fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES);
  (void)set_option (listener->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES);
  (void)set_option (listener->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNREAD_MS);
  (void)set_option (listener->fd, SOL_SOCKET, SO_REUSEADDR, 1); /* connections of a former process linger */
  if (family == AF_INET6)
    (void)set_option (listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only);
  return (!shared || set_option (listener->fd, SOL_SOCKET, SO_REUSEPORT, 1))
         && bind (listener->fd, (struct sockaddr *)&sa, size) == 0 && listen (listener->fd, BACKLOG) == 0;
}

static bool
has_ipv4_twin (const AirAddress *listen, size_t n_listen, const AirAddress *address)
{
  for (size_t i = 0; i < n_listen; i++)
    if (air_address_is_ipv4 (&listen[i]) && listen[i].port == address->port)
      return true;
  return false;
}

static bool
listen_all (AirTcp *tcp, const AirAddress *listen, size_t n_listen, bool shared, GError **error)
{
  char text[AIR_ADDRESS_STRING_BYTES];

  for (size_t i = 0; i < n_listen; i++)
    {
      bool listening
          = listen_at (&tcp->listeners[i], &listen[i], has_ipv4_twin (listen, n_listen, &listen[i]), shared);
      int saved = errno;
      tcp->n_listeners += tcp->listeners[i].fd >= 0;
      if (listening)
        watch_listener (tcp, (unsigned)i, true);
      if (listening && tcp->listeners[i].watched)
        continue;
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved), "cannot listen on TCP %s: %s",
                   air_address_string (&listen[i], text), g_strerror (saved));
      return false;
    }
  return true;
}

AirTcp *
air_tcp_new (const AirAddress *listen, size_t n_listen, AirTcp *beside, const AirTcpLimits *limits,
             const AirTcpEvents *events, GError **error)
{
  g_autoptr (AirTcp) tcp = g_new0 (AirTcp, 1);

  g_return_val_if_fail (n_listen <= AIR_UDP_MAX_SOCKETS, NULL);
  tcp->limits = *limits;
  tcp->limits.connections = MIN (tcp->limits.connections, AIR_TCP_MAX_CONNECTIONS);
  tcp->events = *events;
  tcp->n_slots = tcp->limits.connections + 1;
  tcp->slots = g_new0 (AirTcpConnection *, tcp->n_slots);
  tcp->epoll = epoll_create1 (EPOLL_CLOEXEC);
  if (tcp->epoll < 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "epoll: %s", g_strerror (errno));
      return NULL;
    }
  /* Only now: bound without it, they have proved that no other process has the port (socket(7)). */
  for (unsigned i = 0; beside != NULL && i < beside->n_listeners; i++)
    (void)set_option (beside->listeners[i].fd, SOL_SOCKET, SO_REUSEPORT, 1);
  return listen_all (tcp, listen, n_listen, beside != NULL, error) ? g_steal_pointer (&tcp) : NULL;
}

void
air_tcp_free (AirTcp *tcp)
{
  if (tcp == NULL)
    return;
  for (unsigned number = 1; number < tcp->n_slots; number++)
    if (tcp->slots[number] != NULL)
      {
        AirTcpConnection *connection = tcp->slots[number];
        air_tcp_detach (tcp, connection);
        air_tcp_connection_free (connection);
      }
  for (unsigned i = 0; i < tcp->n_listeners; i++)
    close (tcp->listeners[i].fd);
  if (tcp->epoll >= 0)
    close (tcp->epoll);
  g_free (tcp->slots);
  g_free (tcp);
}

int
air_tcp_get_fd (const AirTcp *tcp)
{
  return tcp->epoll;
}

const AirTcpStats *
air_tcp_get_stats (const AirTcp *tcp)
{
  return &tcp->stats;
}

unsigned
air_tcp_count (const AirTcp *tcp)
{
  return tcp->n_connections;
}
