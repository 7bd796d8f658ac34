/* An IP address with its port in one comparable shape, and the path between one of our addresses and a viewer's.
 *
 * Plain values; any thread. IPv4 is kept as an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2), so that equality and
 * hashing are over bytes and a viewer is the same whichever kind of socket it was heard on.
 */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct
{
  uint8_t ip[16];
  uint32_t scope; /* interface index of a link-local IPv6 address, else 0 */
  uint16_t port;  /* host byte order */
  uint16_t tcp;   /* which TCP connection it is the far end of (AirTcp); 0: UDP. No holes: compared as bytes */
} AirAddress;

G_STATIC_ASSERT (sizeof (AirAddress) == 24);

/* Where a datagram came from and to which of our addresses, or the reverse when sending. local.port is the port of the
 * socket; local.ip may be unspecified when the kernel shall choose. */
typedef struct
{
  AirAddress local;
  AirAddress remote;
  unsigned socket; /* index in AirUdp */
} AirPath;

#define AIR_ADDRESS_STRING_BYTES 64

/* Returns: false when @sa is neither AF_INET nor AF_INET6. */
bool air_address_from_sockaddr (const struct sockaddr *sa, AirAddress *ret_address);
/* For a socket of @family: AF_INET6 gives the mapped form of an IPv4 address; AF_INET requires an IPv4 address.
 * Returns: the size, 0 when the address cannot be reached from that family. */
socklen_t air_address_to_sockaddr (const AirAddress *address, int family, struct sockaddr_storage *ret_sa);
/* @text: "192.0.2.1", "2001:db8::1", "[2001:db8::1]"; no names are resolved. */
bool air_address_parse (const char *text, uint16_t port, AirAddress *ret_address);
/* @text: "0.0.0.0:8189", "[::]:8189", ":8189" (every IPv4 and IPv6 address). */
bool air_address_parse_with_port (const char *text, AirAddress *ret_address);
/* The address alone, without port and scope. Returns: @buffer. */
const char *air_address_ip_string (const AirAddress *address, char buffer[AIR_ADDRESS_STRING_BYTES]);
/* "192.0.2.1:8189", "[2001:db8::1]:8189". Returns: @buffer. */
const char *air_address_string (const AirAddress *address, char buffer[AIR_ADDRESS_STRING_BYTES]);

bool air_address_equal (const AirAddress *a, const AirAddress *b);
bool air_address_is_ipv4 (const AirAddress *address);
bool air_address_is_unspecified (const AirAddress *address);
bool air_address_is_loopback (const AirAddress *address);
bool air_address_is_link_local (const AirAddress *address);
