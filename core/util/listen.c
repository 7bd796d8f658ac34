/* Listening TCP sockets, made the same way for every protocol. No state; any thread. */
#include <airclass/context.h>
#include <netinet/in.h>

#define BACKLOG 1024

static bool
has_ipv4_twin (GPtrArray *addresses, GInetSocketAddress *address)
{
  for (unsigned i = 0; i < addresses->len; i++)
    {
      GInetSocketAddress *other = addresses->pdata[i];

      if (g_socket_address_get_family (G_SOCKET_ADDRESS (other)) == G_SOCKET_FAMILY_IPV4
          && g_inet_socket_address_get_port (other) == g_inet_socket_address_get_port (address))
        return true;
    }
  return false;
}

GSocket *
air_listen_tcp (GPtrArray *addresses, unsigned index, GError **error)
{
  GSocketAddress *address = addresses->pdata[index];
  GSocketFamily family = g_socket_address_get_family (address);
  g_autoptr (GSocket) socket = g_socket_new (family, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);
  bool is_ready = socket != NULL;

  if (is_ready && family == G_SOCKET_FAMILY_IPV6)
    is_ready = g_socket_set_option (socket, IPPROTO_IPV6, IPV6_V6ONLY,
                                    has_ipv4_twin (addresses, G_INET_SOCKET_ADDRESS (address)), error);
  if (is_ready)
    {
      g_socket_set_blocking (socket, FALSE);
      g_socket_set_listen_backlog (socket, BACKLOG);
      is_ready = g_socket_bind (socket, address, TRUE, error) && g_socket_listen (socket, error);
    }
  if (!is_ready)
    {
      g_autofree char *name = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (address));

      g_prefix_error (error, "cannot listen on %s: ", name);
    }
  return is_ready ? g_steal_pointer (&socket) : NULL;
}
