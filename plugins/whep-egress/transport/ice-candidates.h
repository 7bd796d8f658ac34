/* Host candidates of an ICE-lite server: which addresses it has, and their lines in an answer (RFC 8839 §5.1, RFC 6544
 * §4.5).
 *
 * Any thread; gathering asks the kernel (getifaddrs) and does not wait.
 */
#pragma once

#include "address.h"

#define AIR_ICE_MAX_CANDIDATES 16

/* Addresses at which @listen can be reached: a wildcard becomes every interface address (up to date at each call),
 * then those of @additional (literal addresses, port of the first listen address; a NAT's public side), which come first.
 * Link-local IPv6 is left out; loopback is kept and comes last. Duplicates are dropped; at most AIR_ICE_MAX_CANDIDATES.
 * Returns: (transfer full) (element-type AirAddress). */
GArray *air_ice_gather (const AirAddress *listen, size_t n_listen, const char *const *additional);

/* RFC 8445 §5.1.2.1: type preference 126 (host), component 1; @index 0 is the most wanted. */
uint32_t air_ice_candidate_priority (unsigned index);

/* "candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host" (without "a=" and line end). Returns: (transfer full). */
char *air_ice_candidate_line (const AirAddress *address, unsigned index);

/* RFC 6544 §4.2: below every UDP candidate. */
uint32_t air_ice_tcp_candidate_priority (unsigned index);

/* "candidate:17 1 tcp 1520435199 192.0.2.1 8189 typ host tcptype passive". Returns: (transfer full). */
char *air_ice_tcp_candidate_line (const AirAddress *address, unsigned index);
