/* IP addresses as comparable values; any thread, nothing is owned. */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool
air_address_from_sockaddr (const struct sockaddr *sa, AirAddress *ret_address)
{
  *ret_address = (AirAddress){ 0 };
  if (sa->sa_family == AF_INET)
    {
      const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
      memcpy (ret_address->ip, mapped_prefix, sizeof mapped_prefix);
      memcpy (ret_address->ip + 12, &in->sin_addr, 4);
      ret_address->port = ntohs (in->sin_port);
      return true;
    }
  if (sa->sa_family == AF_INET6)
    {
      const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
      memcpy (ret_address->ip, &in6->sin6_addr, 16);
      ret_address->port = ntohs (in6->sin6_port);
      ret_address->scope = air_address_is_link_local (ret_address) ? in6->sin6_scope_id : 0;
      return true;
    }
  return false;
}

socklen_t
air_address_to_sockaddr (const AirAddress *address, int family, struct sockaddr_storage *ret_sa)
{
  if (family == AF_INET)
    {
      struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons (address->port) };
      if (!air_address_is_ipv4 (address))
        return 0;
      memcpy (&in.sin_addr, address->ip + 12, 4);
      memcpy (ret_sa, &in, sizeof in);
      return sizeof in;
    }
  struct sockaddr_in6 in6
      = { .sin6_family = AF_INET6, .sin6_port = htons (address->port), .sin6_scope_id = address->scope };
  memcpy (&in6.sin6_addr, address->ip, 16);
  memcpy (ret_sa, &in6, sizeof in6);
  return sizeof in6;
}

bool
air_address_parse (const char *text, uint16_t port, AirAddress *ret_address)
{
  char bare[INET6_ADDRSTRLEN];
  size_t length = strlen (text);

  *ret_address = (AirAddress){ .port = port };
  if (length >= 2 && text[0] == '[' && text[length - 1] == ']')
    {
      text++;
      length -= 2;
      if (memchr (text, ':', length) == NULL)
        return false;
    }
  if (length >= sizeof bare)
    return false;
  memcpy (bare, text, length);
  bare[length] = '\0';
  if (inet_pton (AF_INET, bare, ret_address->ip + 12) == 1)
    {
      memcpy (ret_address->ip, mapped_prefix, sizeof mapped_prefix);
      return true;
    }
  return inet_pton (AF_INET6, bare, ret_address->ip) == 1;
}

bool
air_address_parse_with_port (const char *text, AirAddress *ret_address)
{
  const char *colon = strrchr (text, ':');
  guint64 port;

  if (colon == NULL || !g_ascii_string_to_unsigned (colon + 1, 10, 0, 65535, &port, NULL))
    return false;
  if (colon == text)
    {
      *ret_address = (AirAddress){ .port = (uint16_t)port };
      return true;
    }
  g_autofree char *host = g_strndup (text, (size_t)(colon - text));
  if (strchr (host, ':') != NULL && host[0] != '[')
    return false;
  return air_address_parse (host, (uint16_t)port, ret_address);
}

const char *
air_address_ip_string (const AirAddress *address, char buffer[AIR_ADDRESS_STRING_BYTES])
{
  if (air_address_is_ipv4 (address))
    inet_ntop (AF_INET, address->ip + 12, buffer, AIR_ADDRESS_STRING_BYTES);
  else
    inet_ntop (AF_INET6, address->ip, buffer, AIR_ADDRESS_STRING_BYTES);
  return buffer;
}

const char *
air_address_string (const AirAddress *address, char buffer[AIR_ADDRESS_STRING_BYTES])
{
  char ip[AIR_ADDRESS_STRING_BYTES];

  air_address_ip_string (address, ip);
  g_snprintf (buffer, AIR_ADDRESS_STRING_BYTES, air_address_is_ipv4 (address) ? "%.45s:%u" : "[%.45s]:%u", ip,
              address->port);
  return buffer;
}

bool
air_address_equal (const AirAddress *a, const AirAddress *b)
{
  return memcmp (a, b, sizeof *a) == 0;
}

bool
air_address_is_ipv4 (const AirAddress *address)
{
  return memcmp (address->ip, mapped_prefix, sizeof mapped_prefix) == 0;
}

bool
air_address_is_unspecified (const AirAddress *address)
{
  static const uint8_t none[16];

  return memcmp (address->ip, none, 16) == 0
         || (air_address_is_ipv4 (address) && memcmp (address->ip + 12, none, 4) == 0);
}

bool
air_address_is_loopback (const AirAddress *address)
{
  return air_address_is_ipv4 (address) ? address->ip[12] == 127
                                       : memcmp (address->ip, &in6addr_loopback, sizeof address->ip) == 0;
}

bool
air_address_is_link_local (const AirAddress *address)
{
  if (air_address_is_ipv4 (address))
    return address->ip[12] == 169 && address->ip[13] == 254;
  return address->ip[0] == 0xfe && (address->ip[1] & 0xc0) == 0x80;
}
