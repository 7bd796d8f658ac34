/* Reads the interfaces of the machine; does no name lookups, which could wait. */
#include "http/hosts.h"

#include <gio/gio.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

static void
add (GPtrArray *hosts, const char *host)
{
  if (host != NULL && *host != '\0' && !g_ptr_array_find_with_equal_func (hosts, host, g_str_equal, NULL))
    g_ptr_array_add (hosts, g_strdup (host));
}

static void
add_interfaces (GPtrArray *hosts, GSocketFamily family)
{
  struct ifaddrs *interfaces = NULL;
  if (getifaddrs (&interfaces) != 0)
    return;
  for (struct ifaddrs *each = interfaces; each != NULL; each = each->ifa_next)
    {
      if (each->ifa_addr == NULL || each->ifa_addr->sa_family != family || !(each->ifa_flags & IFF_UP))
        continue;
      size_t size = family == G_SOCKET_FAMILY_IPV4 ? sizeof (struct sockaddr_in) : sizeof (struct sockaddr_in6);
      g_autoptr (GSocketAddress) address = g_socket_address_new_from_native (each->ifa_addr, size);
      GInetAddress *inet = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address));
      if (g_inet_address_get_is_loopback (inet) || g_inet_address_get_is_link_local (inet))
        continue;
      g_autofree char *text = g_inet_address_to_string (inet);
      add (hosts, text);
    }
  freeifaddrs (interfaces);
}

char **
air_hosts_list (const char *public_url)
{
  g_autoptr (GPtrArray) hosts = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GUri) uri = *public_url != '\0' ? g_uri_parse (public_url, G_URI_FLAGS_NONE, NULL) : NULL;
  if (uri != NULL)
    add (hosts, g_uri_get_host (uri));
  add_interfaces (hosts, G_SOCKET_FAMILY_IPV4);
  add_interfaces (hosts, G_SOCKET_FAMILY_IPV6);
  add (hosts, g_get_host_name ());
  add (hosts, "127.0.0.1");
  g_ptr_array_add (hosts, NULL);
  return (char **)g_ptr_array_steal (hosts, NULL);
}
