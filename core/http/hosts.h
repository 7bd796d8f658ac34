/* The names and addresses of this machine. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* By which clients reach this host, best first: the host of @public_url (may be ""), then the addresses of the network
 * interfaces that are up (IPv4 before IPv6; no link-local ones), the host's name, loopback last.
 * Returns: (transfer full) NULL-terminated, never empty. */
char **air_hosts_list (const char *public_url);

G_END_DECLS
