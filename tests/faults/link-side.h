/* One side of the link: a network namespace with loopback and one TUN device.
 *
 * The namespace has no name: it lives as long as something refers to it, the descriptor kept here or a process inside.
 * So nothing is left behind, however the program ends.
 */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>

#define LINK_MTU 1500u

typedef struct
{
  int namespace; /* the descriptor; others enter by /proc/PID/fd/N */
  int control;   /* a socket inside, for ioctl() */
  int tun;       /* one packet a read() or write(); non-blocking */
  struct in_addr address;
} LinkSide;

/* The calling thread comes back to its own namespace. Needs CAP_SYS_ADMIN and /dev/net/tun. */
bool link_side_open (LinkSide *side, const char *address, GError **error);
void link_side_close (LinkSide *side);
/* Replaces the device's address, as a telephone does that goes from Wi-Fi to 4G. */
bool link_side_set_address (LinkSide *side, const char *address, GError **error);
