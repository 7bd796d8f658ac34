/* What the parts of udp share. */
#pragma once

#include <gio/gio.h>

#include "udp.h"

typedef struct
{
  int fd;
  int family; /* AF_INET, or AF_INET6 (may be dual-stack) */
  bool v6only;
  AirAddress address;
} AirUdpSocket;

struct _AirUdp
{
  AirUdpSocket sockets[AIR_UDP_MAX_SOCKETS];
  unsigned n_sockets;
  unsigned buffer_bytes, dscp;
};
