/* The listening sockets: bound on the main thread, accepting on the I/O thread. */
#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server-private.h"

/* So that a flood of connections does not keep the thread from those that are there. */
#define ACCEPTS_PER_TURN 64

struct _RtmpListener
{
  RtmpWatch watch; /* first: found again from it */
  RtmpServer *server;
  GSocket *socket; /* owned; NULL: closed */
  bool tls;
};

void
rtmp_listener_close (RtmpListener *listener)
{
  rtmp_loop_remove (&listener->server->loop, &listener->watch);
  g_clear_object (&listener->socket);
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
      int fd = accept4 (g_socket_get_fd (listener->socket), (struct sockaddr *) &peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
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

/* Tells the host where it is reached: the port that was really bound, and a name by which clients can reach it. */
static void
announce (RtmpListener *listener)
{
  g_autoptr (GSocketAddress) bound = g_socket_get_local_address (listener->socket, NULL);
  if (bound == NULL)
    return;
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
open_listener (RtmpServer *server, GSocket *socket, bool tls, GError **error)
{
  RtmpListener *listener = g_new0 (RtmpListener, 1);
  listener->watch = (RtmpWatch){ .fd = -1, .ready = on_connection };
  listener->server = server;
  listener->socket = socket;
  listener->tls = tls;
  g_ptr_array_add (server->listeners, listener);
  if (!rtmp_loop_add (&server->loop, &listener->watch, g_socket_get_fd (socket), EPOLLIN))
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
    {
      GSocket *socket = air_listen_tcp (addresses, i, error);
      if (!socket || !open_listener (server, socket, tls, error))
        return false;
    }
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
