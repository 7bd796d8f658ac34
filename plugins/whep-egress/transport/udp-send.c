/* Batched sending: sendmmsg, and UDP_SEGMENT for runs of equal-sized packets to one path.
 *
 * One thread a sender. Packets are written one behind the other into an arena, so that a run is contiguous by itself and goes to
 * the kernel without a copy; the arena is small enough to stay in the second-level cache between encryption and sending. */
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>

#include "udp-private.h"

#define ARENA_BYTES (128 * 1024)
#define MAX_RUN_SEGMENTS 64     /* UDP_MAX_SEGMENTS of older kernels */
#define MAX_RUN_BYTES 65000     /* with headers under the 65,535 of an IP packet */
#define MAX_WAIT_MS 10          /* for room in the socket buffer, each flush */
#define MAX_SEGMENT_REFUSALS 3  /* EINVAL in a row: not one path's small MTU but the kernel or device */
#define CONTROL_BYTES (CMSG_SPACE (sizeof (struct in6_pktinfo)) + CMSG_SPACE (sizeof (uint16_t)))

typedef struct
{
  AirPath path;
  uint8_t *data;
  size_t bytes;
  uint16_t segment_bytes;
  uint16_t n_segments;
  bool closed; /* a shorter packet ended it */
} Run;

typedef union
{
  struct cmsghdr align;
  uint8_t bytes[CONTROL_BYTES];
} Control;

struct _AirUdpSender
{
  AirUdp *udp;
  bool segmentation;
  unsigned n_refusals;
  unsigned n_runs;
  size_t used;
  AirUdpStats stats;
  Run runs[AIR_UDP_BATCH];
  struct mmsghdr messages[AIR_UDP_BATCH];
  struct iovec iovecs[AIR_UDP_BATCH];
  struct sockaddr_storage names[AIR_UDP_BATCH];
  Control controls[AIR_UDP_BATCH];
  uint8_t arena[ARENA_BYTES];
};

static bool
kernel_segments (const AirUdp *udp)
{
  int value = 0;
  socklen_t size = sizeof value;

  return getsockopt (udp->sockets[0].fd, SOL_UDP, UDP_SEGMENT, &value, &size) == 0;
}

AirUdpSender *
air_udp_sender_new (AirUdp *udp, bool segmentation)
{
  AirUdpSender *sender = g_new0 (AirUdpSender, 1);

  sender->udp = udp;
  sender->segmentation = segmentation && kernel_segments (udp);
  return sender;
}

void
air_udp_sender_free (AirUdpSender *sender)
{
  g_free (sender);
}

/* RFC 8445 §7.3.1.2 and symmetric RTP: what we send leaves from the address that the peer sent to. */
static size_t
add_source (struct cmsghdr *c, const AirUdpSocket *from, const AirAddress *local)
{
  if (from->family == AF_INET)
    {
      struct in_pktinfo info = { 0 };
      memcpy (&info.ipi_spec_dst, local->ip + 12, 4);
      *c = (struct cmsghdr){ CMSG_LEN (sizeof info), IPPROTO_IP, IP_PKTINFO };
      memcpy (CMSG_DATA (c), &info, sizeof info);
      return CMSG_SPACE (sizeof info);
    }
  struct in6_pktinfo info = { .ipi6_ifindex = local->scope };
  memcpy (&info.ipi6_addr, local->ip, 16);
  *c = (struct cmsghdr){ CMSG_LEN (sizeof info), IPPROTO_IPV6, IPV6_PKTINFO };
  memcpy (CMSG_DATA (c), &info, sizeof info);
  return CMSG_SPACE (sizeof info);
}

/* Returns: false when the address cannot be reached from the socket's family. */
static bool
prepare (AirUdpSender *sender, unsigned slot, const Run *run)
{
  const AirUdpSocket *from = &sender->udp->sockets[run->path.socket];
  Control *control = &sender->controls[slot];
  size_t control_bytes = 0;
  struct msghdr *header = &sender->messages[slot].msg_hdr;

  sender->iovecs[slot] = (struct iovec){ run->data, run->bytes };
  *header = (struct msghdr){ .msg_name = &sender->names[slot], .msg_iov = &sender->iovecs[slot], .msg_iovlen = 1 };
  header->msg_namelen = air_address_to_sockaddr (&run->path.remote, from->family, &sender->names[slot]);
  if (!air_address_is_unspecified (&run->path.local)
      && (from->family == AF_INET6 || air_address_is_ipv4 (&run->path.local)))
    control_bytes = add_source (&control->align, from, &run->path.local);
  if (run->n_segments > 1)
    {
      struct cmsghdr *c = (struct cmsghdr *)(control->bytes + control_bytes);
      *c = (struct cmsghdr){ CMSG_LEN (sizeof run->segment_bytes), SOL_UDP, UDP_SEGMENT };
      memcpy (CMSG_DATA (c), &run->segment_bytes, sizeof run->segment_bytes);
      control_bytes += CMSG_SPACE (sizeof run->segment_bytes);
    }
  header->msg_control = control_bytes > 0 ? control : NULL;
  header->msg_controllen = control_bytes;
  return header->msg_namelen > 0;
}

static void
count_sent (AirUdpSender *sender, const Run *run)
{
  sender->stats.packets += run->n_segments;
  sender->stats.bytes += run->bytes;
  if (run->n_segments > 1)
    sender->stats.segmented += run->n_segments;
}

/* Returns: whether there is room now; *wait_ms is what is left to wait. */
static bool
wait_for_room (int fd, int *wait_ms)
{
  struct pollfd poller = { .fd = fd, .events = POLLOUT };
  int64_t begin = g_get_monotonic_time ();
  bool room;

  if (*wait_ms <= 0)
    return false;
  room = poll (&poller, 1, *wait_ms) > 0;
  *wait_ms -= (int)((g_get_monotonic_time () - begin) / 1000) + 1;
  return room;
}

static bool
is_full (int error)
{
  return error == EAGAIN || error == ENOBUFS;
}

/* A run that the kernel would not cut, packet by packet. */
static void
send_singly (AirUdpSender *sender, const Run *run, int *wait_ms)
{
  int fd = sender->udp->sockets[run->path.socket].fd;
  size_t sent = 0;

  while (sent < run->bytes)
    {
      Run single = { .path = run->path, .data = run->data + sent, .n_segments = 1 };
      ssize_t result = -1;

      single.bytes = MIN (run->segment_bytes, run->bytes - sent);
      sent += single.bytes;
      if (!prepare (sender, 0, &single))
        return;
      do
        result = sendmsg (fd, &sender->messages[0].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL);
      while (result < 0 && (errno == EINTR || (is_full (errno) && wait_for_room (fd, wait_ms))));
      sender->stats.system_calls++;
      if (result >= 0)
        count_sent (sender, &single);
      else if (is_full (errno))
        sender->stats.dropped++;
      else
        sender->stats.failed++;
    }
}

/* EIO: the device cannot make checksums of segments (udp(7)); EINVAL: segments larger than the path's MTU, among others. */
static void
refused_run (AirUdpSender *sender, const Run *run, int error, int *wait_ms)
{
  if (run->n_segments == 1 || (error != EIO && error != EINVAL && error != EMSGSIZE))
    {
      sender->stats.failed += run->n_segments;
      return;
    }
  if (error == EIO || ++sender->n_refusals >= MAX_SEGMENT_REFUSALS)
    sender->segmentation = false;
  send_singly (sender, run, wait_ms);
}

/* @first … @last - 1 are of one socket. */
static void
send_runs (AirUdpSender *sender, unsigned first, unsigned last, int *wait_ms)
{
  int fd = sender->udp->sockets[sender->runs[first].path.socket].fd;

  while (first < last)
    {
      unsigned n_ready = 0;
      int n_sent;

      while (first + n_ready < last && prepare (sender, n_ready, &sender->runs[first + n_ready]))
        n_ready++;
      if (n_ready == 0)
        {
          sender->stats.failed += sender->runs[first++].n_segments;
          continue;
        }
      n_sent = sendmmsg (fd, sender->messages, n_ready, MSG_DONTWAIT | MSG_NOSIGNAL);
      sender->stats.system_calls++;
      for (int i = 0; i < n_sent; i++)
        {
          if (sender->runs[first].n_segments > 1)
            sender->n_refusals = 0;
          count_sent (sender, &sender->runs[first++]);
        }
      if (n_sent > 0 || errno == EINTR)
        continue;
      if (!is_full (errno))
        {
          refused_run (sender, &sender->runs[first], errno, wait_ms);
          first++;
        }
      else if (!wait_for_room (fd, wait_ms))
        {
          for (; first < last; first++)
            sender->stats.dropped += sender->runs[first].n_segments;
        }
    }
}

void
air_udp_sender_flush (AirUdpSender *sender)
{
  int wait_ms = MAX_WAIT_MS;
  unsigned first = 0;

  while (first < sender->n_runs)
    {
      unsigned last = first + 1;
      while (last < sender->n_runs && sender->runs[last].path.socket == sender->runs[first].path.socket)
        last++;
      send_runs (sender, first, last, &wait_ms);
      first = last;
    }
  sender->n_runs = 0;
  sender->used = 0;
}

bool
air_udp_sender_is_full (const AirUdpSender *sender, size_t max_bytes)
{
  return sender->n_runs == AIR_UDP_BATCH || max_bytes > ARENA_BYTES - sender->used;
}

uint8_t *
air_udp_sender_reserve (AirUdpSender *sender, size_t max_bytes)
{
  g_assert (max_bytes <= AIR_UDP_MAX_DATAGRAM_BYTES);
  if (air_udp_sender_is_full (sender, max_bytes))
    air_udp_sender_flush (sender);
  return sender->arena + sender->used;
}

static bool
extends (const AirUdpSender *sender, const Run *run, const AirPath *path, size_t bytes)
{
  return sender->segmentation && !run->closed && run->n_segments < MAX_RUN_SEGMENTS && bytes <= run->segment_bytes
         && run->bytes + bytes <= MAX_RUN_BYTES && memcmp (&run->path, path, sizeof *path) == 0;
}

void
air_udp_sender_commit (AirUdpSender *sender, const AirPath *path, size_t bytes)
{
  Run *run = sender->n_runs > 0 ? &sender->runs[sender->n_runs - 1] : NULL;

  if (bytes == 0)
    return;
  if (run != NULL && extends (sender, run, path, bytes))
    {
      run->n_segments++;
      run->bytes += bytes;
      run->closed = bytes < run->segment_bytes;
    }
  else
    sender->runs[sender->n_runs++] = (Run){ .path = *path,
                                            .data = sender->arena + sender->used,
                                            .bytes = bytes,
                                            .segment_bytes = (uint16_t)bytes,
                                            .n_segments = 1 };
  sender->used += bytes;
}

void
air_udp_sender_push (AirUdpSender *sender, const AirPath *path, const uint8_t *data, size_t bytes)
{
  memcpy (air_udp_sender_reserve (sender, bytes), data, bytes);
  air_udp_sender_commit (sender, path, bytes);
}

const AirUdpStats *
air_udp_sender_get_stats (const AirUdpSender *sender)
{
  return &sender->stats;
}

bool
air_udp_sender_is_segmenting (const AirUdpSender *sender)
{
  return sender->segmentation;
}
