/* The UDP sockets: binding and options. Made and freed by one thread; read-only in between. */
#include "udp-private.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SOCKET_BUFFER_BYTES (4u << 20)

static void
set_option (int fd, int level, int option, int value)
{
  /* Missing options (an old kernel, a container without rights) cost comfort, not function. */
  (void)setsockopt (fd, level, option, &value, sizeof value);
}

/* SO_RCVBUFFORCE goes beyond net.core.rmem_max, for those who may. */
static void
set_buffers (int fd, unsigned bytes)
{
  set_option (fd, SOL_SOCKET, SO_RCVBUF, (int)bytes);
  set_option (fd, SOL_SOCKET, SO_SNDBUF, (int)bytes);
  set_option (fd, SOL_SOCKET, SO_RCVBUFFORCE, (int)bytes);
  set_option (fd, SOL_SOCKET, SO_SNDBUFFORCE, (int)bytes);
}

static void
set_address_options (int fd, int family, unsigned dscp)
{
  if (family == AF_INET6)
    {
      set_option (fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
      set_option (fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
      set_option (fd, IPPROTO_IPV6, IPV6_TCLASS, (int)(dscp << 2));
    }
  set_option (fd, IPPROTO_IP, IP_PKTINFO, family == AF_INET);
  set_option (fd, IPPROTO_IP, IP_RECVTOS, 1);
  set_option (fd, IPPROTO_IP, IP_TOS, (int)(dscp << 2));
}

static int
open_socket (const AirAddress *address, bool v6only, int *ret_family)
{
  int fd;

  *ret_family = air_address_is_ipv4 (address) ? AF_INET : AF_INET6;
  fd = socket (*ret_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 && *ret_family == AF_INET6 && errno == EAFNOSUPPORT && air_address_is_unspecified (address) && !v6only)
    {
      *ret_family = AF_INET; /* a kernel without IPv6: "every address" means every IPv4 address */
      fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    }
  if (fd >= 0 && *ret_family == AF_INET6)
    set_option (fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only);
  return fd;
}

/* @shared: beside the sockets of another AirUdp on the same address. */
static bool
bind_socket (AirUdpSocket *udp_socket, const AirAddress *address, bool shared)
{
  struct sockaddr_storage sa = { 0 };
  socklen_t size = sizeof sa;
  AirAddress wanted = *address;

  if (shared)
    set_option (udp_socket->fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (udp_socket->family == AF_INET && !air_address_is_ipv4 (address))
    air_address_parse ("0.0.0.0", address->port, &wanted);
  size = air_address_to_sockaddr (&wanted, udp_socket->family, &sa);
  if (bind (udp_socket->fd, (struct sockaddr *)&sa, size) != 0)
    return false;
  size = sizeof sa;
  return getsockname (udp_socket->fd, (struct sockaddr *)&sa, &size) == 0
         && air_address_from_sockaddr ((struct sockaddr *)&sa, &udp_socket->address);
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
add_socket (AirUdp *udp, const AirAddress *address, bool v6only, bool shared, GError **error)
{
  AirUdpSocket *added = &udp->sockets[udp->n_sockets];
  char text[AIR_ADDRESS_STRING_BYTES];
  int saved;

  added->fd = open_socket (address, v6only, &added->family);
  if (added->fd >= 0)
    {
      udp->n_sockets++;
      added->v6only = v6only;
      set_buffers (added->fd, udp->buffer_bytes);
      set_address_options (added->fd, added->family, udp->dscp);
      if (bind_socket (added, address, shared))
        return true;
    }
  saved = errno;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved), "cannot listen on UDP %s: %s",
               air_address_string (address, text), g_strerror (saved));
  return false;
}

AirUdp *
air_udp_new (const AirAddress *listen, size_t n_listen, unsigned socket_buffer_bytes, unsigned dscp, GError **error)
{
  g_autoptr (AirUdp) udp = g_new0 (AirUdp, 1);

  if (n_listen == 0 || n_listen > AIR_UDP_MAX_SOCKETS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "between 1 and %d UDP addresses are needed",
                   AIR_UDP_MAX_SOCKETS);
      return NULL;
    }
  udp->buffer_bytes = socket_buffer_bytes != 0 ? socket_buffer_bytes : DEFAULT_SOCKET_BUFFER_BYTES;
  udp->dscp = dscp;
  for (size_t i = 0; i < n_listen; i++)
    if (!add_socket (udp, &listen[i], has_ipv4_twin (listen, n_listen, &listen[i]), false, error))
      return NULL;
  return g_steal_pointer (&udp);
}

AirUdp *
air_udp_share (AirUdp *udp, GError **error)
{
  g_autoptr (AirUdp) shared = g_new0 (AirUdp, 1);

  shared->buffer_bytes = udp->buffer_bytes;
  shared->dscp = udp->dscp;
  for (unsigned i = 0; i < udp->n_sockets; i++)
    {
      /* Only now: bound without it, they have proved that no other process has the port (socket(7)). */
      set_option (udp->sockets[i].fd, SOL_SOCKET, SO_REUSEPORT, 1);
      if (!add_socket (shared, &udp->sockets[i].address, udp->sockets[i].v6only, true, error))
        return NULL;
    }
  return g_steal_pointer (&shared);
}

void
air_udp_free (AirUdp *udp)
{
  if (udp == NULL)
    return;
  for (unsigned i = 0; i < udp->n_sockets; i++)
    close (udp->sockets[i].fd);
  g_free (udp);
}

unsigned
air_udp_count (const AirUdp *udp)
{
  return udp->n_sockets;
}

int
air_udp_get_fd (const AirUdp *udp, unsigned index)
{
  g_return_val_if_fail (index < udp->n_sockets, -1);
  return udp->sockets[index].fd;
}

const AirAddress *
air_udp_get_address (const AirUdp *udp, unsigned index)
{
  g_return_val_if_fail (index < udp->n_sockets, NULL);
  return &udp->sockets[index].address;
}

unsigned
air_udp_get_receive_buffer (const AirUdp *udp)
{
  int value = 0;
  socklen_t size = sizeof value;

  (void)getsockopt (udp->sockets[0].fd, SOL_SOCKET, SO_RCVBUF, &value, &size);
  return (unsigned)MAX (value, 0) / 2; /* the kernel doubles it for its own bookkeeping (socket(7)) */
}
