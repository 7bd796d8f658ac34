/* The listening sockets: bound on the main thread, accepting on the I/O thread. */
#include <errno.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server-private.h"

#define BACKLOG 256
/* So that a flood of connections does not keep the thread from those that are there. */
#define ACCEPTS_PER_TURN 64

struct _RtmpListener
{
  RtmpWatch watch; /* first: found again from it */
  RtmpServer *server;
  int fd;
  bool tls;
};

void
rtmp_listener_close (RtmpListener *listener)
{
  rtmp_loop_remove (&listener->server->loop, &listener->watch);
  if (listener->fd >= 0)
    close (listener->fd);
  listener->fd = -1;
}

void
rtmp_listener_free (void *data)
{
  RtmpListener *listener = data;
  rtmp_listener_close (listener);
  g_free (listener);
}

void
rtmp_listener_resume (RtmpListener *listener)
{
  rtmp_loop_set_events (&listener->server->loop, &listener->watch, EPOLLIN);
}

static GInetAddress *
address_from_native (const struct sockaddr_storage *native, socklen_t length)
{
  g_autoptr (GSocketAddress) address = g_socket_address_new_from_native ((void *) native, length);
  if (!G_IS_INET_SOCKET_ADDRESS (address))
    return NULL;
  return g_object_ref (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address)));
}

static void
on_connection (RtmpWatch *watch, uint32_t events)
{
  RtmpListener *listener = (RtmpListener *) watch;
  for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++)
    {
      struct sockaddr_storage peer;
      socklen_t length = sizeof peer;
      int fd = accept4 (listener->fd, (struct sockaddr *) &peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0)
        {
          /* Out of descriptors: the socket stays readable, so wait for the next tick instead of spinning. */
          if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            {
              g_warning ("no connection can be accepted: %s", g_strerror (errno));
              rtmp_loop_set_events (&listener->server->loop, watch, 0);
            }
          return;
        }
      g_autoptr (GInetAddress) address = address_from_native (&peer, length);
      if (address)
        rtmp_server_adopt (listener->server, fd, address, listener->tls);
      else
        close (fd);
    }
}

static int
open_socket (GSocketAddress *address, GError **error)
{
  struct sockaddr_storage native = { 0 };
  size_t length = g_socket_address_get_native_size (address);
  if (!g_socket_address_to_native (address, &native, sizeof native, error))
    return -1;
  int on = 1;
  int fd = socket (native.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0)
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (fd >= 0 && native.ss_family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (fd >= 0 && bind (fd, (struct sockaddr *) &native, length) == 0 && listen (fd, BACKLOG) == 0)
    return fd;
  int code = errno;
  g_autofree char *text = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (address));
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "cannot listen on %s: %s", text, g_strerror (code));
  if (fd >= 0)
    close (fd);
  return -1;
}

/* Tells the host where it is reached: the port that was really bound, and a name by which clients can reach it. */
static void
announce (RtmpListener *listener)
{
  struct sockaddr_storage native;
  socklen_t length = sizeof native;
  if (getsockname (listener->fd, (struct sockaddr *) &native, &length) != 0)
    return;
  g_autoptr (GSocketAddress) bound = g_socket_address_new_from_native (&native, length);
  GInetAddress *address = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (bound));
  unsigned port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  const char *protocol = listener->tls ? "rtmps" : "rtmp";
  const char *const *hosts = air_context_get_public_hosts (listener->server->context);
  g_autofree char *text = g_inet_address_to_string (address);
  bool any = g_inet_address_get_is_any (address);
  air_context_announce_endpoint (listener->server->context, protocol, any && hosts && hosts[0] ? hosts[0] : text, port);
  g_message ("%s on %s port %u", protocol, text, port);
}

static bool
open_listener (RtmpServer *server, GSocketAddress *address, bool tls, GError **error)
{
  int fd = open_socket (address, error);
  if (fd < 0)
    return false;
  RtmpListener *listener = g_new0 (RtmpListener, 1);
  listener->watch = (RtmpWatch){ .fd = -1, .ready = on_connection };
  listener->server = server;
  listener->fd = fd;
  listener->tls = tls;
  g_ptr_array_add (server->listeners, listener);
  if (!rtmp_loop_add (&server->loop, &listener->watch, fd, EPOLLIN))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "epoll: %s", g_strerror (errno));
      return false;
    }
  announce (listener);
  return true;
}

static bool
open_all (RtmpServer *server, const char *key, bool tls, GError **error)
{
  GPtrArray *addresses = air_context_get_addresses (server->context, key);
  for (unsigned i = 0; i < addresses->len; i++)
    if (!open_listener (server, addresses->pdata[i], tls, error))
      return false;
  return true;
}

bool
rtmp_listeners_open (RtmpServer *server, GError **error)
{
  g_autoptr (GTlsCertificate) certificate = air_context_get_tls_certificate (server->context);
  if (!open_all (server, "listen", false, error))
    return false;
  return !certificate || open_all (server, "tls_listen", true, error);
}
