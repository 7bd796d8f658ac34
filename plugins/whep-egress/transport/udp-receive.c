/* Batched receiving (recvmmsg) with the destination address and the ECN bits of every datagram.
 *
 * One thread a receiver; the receiver owns the buffers that its datagrams point into. */
#include <netinet/in.h>
#include <string.h>

#include "udp-private.h"

#define CONTROL_BYTES (CMSG_SPACE (sizeof (struct in6_pktinfo)) + 2 * CMSG_SPACE (sizeof (int)))

struct _AirUdpReceiver
{
  AirUdp *udp;
  struct mmsghdr messages[AIR_UDP_BATCH];
  struct iovec iovecs[AIR_UDP_BATCH];
  struct sockaddr_in6 names[AIR_UDP_BATCH]; /* holds an IPv4 address as well */
  union
  {
    struct cmsghdr align;
    uint8_t bytes[CONTROL_BYTES];
  } controls[AIR_UDP_BATCH];
  AirUdpDatagram datagrams[AIR_UDP_BATCH];
  uint64_t truncated;
  uint8_t buffers[AIR_UDP_BATCH][AIR_UDP_MAX_DATAGRAM_BYTES];
};

AirUdpReceiver *
air_udp_receiver_new (AirUdp *udp)
{
  AirUdpReceiver *receiver = g_new0 (AirUdpReceiver, 1);

  receiver->udp = udp;
  for (unsigned i = 0; i < AIR_UDP_BATCH; i++)
    {
      receiver->iovecs[i] = (struct iovec){ receiver->buffers[i], AIR_UDP_MAX_DATAGRAM_BYTES };
      receiver->messages[i].msg_hdr = (struct msghdr){ .msg_name = &receiver->names[i],
                                                       .msg_iov = &receiver->iovecs[i],
                                                       .msg_iovlen = 1,
                                                       .msg_control = &receiver->controls[i] };
    }
  return receiver;
}

void
air_udp_receiver_free (AirUdpReceiver *receiver)
{
  g_free (receiver);
}

static void
read_control (struct msghdr *header, AirUdpDatagram *datagram)
{
  for (struct cmsghdr *c = CMSG_FIRSTHDR (header); c != NULL; c = CMSG_NXTHDR (header, c))
    {
      if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
        {
          struct in_pktinfo info;
          memcpy (&info, CMSG_DATA (c), sizeof info);
          datagram->path.local.ip[10] = datagram->path.local.ip[11] = 0xff;
          memcpy (datagram->path.local.ip + 12, &info.ipi_addr, 4);
        }
      else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
        {
          struct in6_pktinfo info;
          memcpy (&info, CMSG_DATA (c), sizeof info);
          memcpy (datagram->path.local.ip, &info.ipi6_addr, 16);
          if (air_address_is_link_local (&datagram->path.local) && !air_address_is_ipv4 (&datagram->path.local))
            datagram->path.local.scope = info.ipi6_ifindex;
        }
      else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
        datagram->ecn = *CMSG_DATA (c) & 3;
      else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)
        {
          int traffic_class;
          memcpy (&traffic_class, CMSG_DATA (c), sizeof traffic_class);
          datagram->ecn = traffic_class & 3;
        }
    }
}

unsigned
air_udp_receive (AirUdpReceiver *receiver, unsigned index, AirUdpDatagram **ret_datagrams)
{
  const AirUdpSocket *from = &receiver->udp->sockets[index];
  unsigned n_datagrams = 0;
  int n_messages;

  for (unsigned i = 0; i < AIR_UDP_BATCH; i++)
    {
      receiver->messages[i].msg_hdr.msg_namelen = sizeof receiver->names[i];
      receiver->messages[i].msg_hdr.msg_controllen = sizeof receiver->controls[i];
    }
  /* An error (ECONNREFUSED for something sent before) ends this round like an empty socket; the next poll goes on. */
  n_messages = recvmmsg (from->fd, receiver->messages, AIR_UDP_BATCH, MSG_DONTWAIT, NULL);
  for (int i = 0; i < n_messages; i++)
    {
      AirUdpDatagram *datagram = &receiver->datagrams[n_datagrams];

      *datagram = (AirUdpDatagram){ .data = receiver->buffers[i], .size = receiver->messages[i].msg_len };
      if (receiver->messages[i].msg_hdr.msg_flags & MSG_TRUNC)
        {
          receiver->truncated++;
          continue;
        }
      if (!air_address_from_sockaddr ((struct sockaddr *)&receiver->names[i], &datagram->path.remote))
        continue;
      read_control (&receiver->messages[i].msg_hdr, datagram);
      datagram->path.local.port = from->address.port;
      datagram->path.socket = index;
      n_datagrams++;
    }
  *ret_datagrams = receiver->datagrams;
  return n_datagrams;
}

uint64_t
air_udp_receiver_get_truncated (const AirUdpReceiver *receiver)
{
  return receiver->truncated;
}
