/* Host candidates: asks the kernel for interface addresses and writes candidate lines. Any thread. */
#include "ice-candidates.h"

#include <ifaddrs.h>
#include <net/if.h>

static void
add_address (GArray *addresses, const AirAddress *address)
{
  if (addresses->len >= AIR_ICE_MAX_CANDIDATES || air_address_is_unspecified (address) || address->port == 0)
    return;
  for (guint i = 0; i < addresses->len; i++)
    if (air_address_equal (&g_array_index (addresses, AirAddress, i), address))
      return;
  g_array_append_val (addresses, *address);
}

/* "::" stands for IPv4 too: such sockets are dual-stack unless an IPv4 wildcard is listed, which then names the same
 * addresses. */
static void
add_interfaces (GArray *addresses, const struct ifaddrs *interfaces, const AirAddress *wildcard, bool loopback)
{
  for (const struct ifaddrs *i = interfaces; i != NULL; i = i->ifa_next)
    {
      AirAddress address;

      if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0 || !air_address_from_sockaddr (i->ifa_addr, &address))
        continue;
      if (air_address_is_link_local (&address) || air_address_is_loopback (&address) != loopback)
        continue;
      if (air_address_is_ipv4 (wildcard) && !air_address_is_ipv4 (&address))
        continue;
      address.port = wildcard->port;
      add_address (addresses, &address);
    }
}

GArray *
air_ice_gather (const AirAddress *listen, size_t n_listen, const char *const *additional)
{
  GArray *addresses = g_array_new (FALSE, FALSE, sizeof (AirAddress));
  struct ifaddrs *interfaces = NULL;
  AirAddress address;

  for (size_t i = 0; n_listen > 0 && additional != NULL && additional[i] != NULL; i++)
    if (air_address_parse (additional[i], listen[0].port, &address))
      add_address (addresses, &address);

  if (getifaddrs (&interfaces) != 0)
    interfaces = NULL;
  for (int loopback = 0; loopback <= 1; loopback++)
    for (size_t i = 0; i < n_listen; i++)
      {
        if (air_address_is_unspecified (&listen[i]))
          add_interfaces (addresses, interfaces, &listen[i], loopback);
        else if (air_address_is_loopback (&listen[i]) == loopback)
          add_address (addresses, &listen[i]);
      }
  if (interfaces != NULL)
    freeifaddrs (interfaces);
  return addresses;
}

uint32_t
air_ice_candidate_priority (unsigned index)
{
  return 126u << 24 | (65535u - MIN (index, 65535u)) << 8 | (256 - 1);
}

/* Type preference 90, direction preference 4 (passive). */
uint32_t
air_ice_tcp_candidate_priority (unsigned index)
{
  return 90u << 24 | (4u << 13 | (8191u - MIN (index, 8191u))) << 8 | (256 - 1);
}

char *
air_ice_candidate_line (const AirAddress *address, unsigned index)
{
  char ip[AIR_ADDRESS_STRING_BYTES];

  return g_strdup_printf ("candidate:%u 1 udp %u %s %u typ host", index + 1, air_ice_candidate_priority (index),
                          air_address_ip_string (address, ip), address->port);
}

/* A foundation of its own (RFC 6544 §4.3): another transport. */
char *
air_ice_tcp_candidate_line (const AirAddress *address, unsigned index)
{
  char ip[AIR_ADDRESS_STRING_BYTES];

  return g_strdup_printf ("candidate:%u 1 tcp %u %s %u typ host tcptype passive", AIR_ICE_MAX_CANDIDATES + index + 1,
                          air_ice_tcp_candidate_priority (index), air_address_ip_string (address, ip), address->port);
}
