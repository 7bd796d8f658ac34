/* The UDP sockets of all viewers: batched receiving, and batched sending with segmentation by the kernel.
 *
 * Threads: AirUdp (the sockets) is made and freed by one thread and may be used by others in between. Receiving from
 * one socket is for one thread at a time (buffers belong to the AirUdpReceiver). Each sending thread has its own
 * AirUdpSender. Nothing is allocated per packet; all sockets are non-blocking.
 */
#pragma once

#include <stddef.h>

#include "address.h"

typedef struct _AirUdp AirUdp;
typedef struct _AirUdpReceiver AirUdpReceiver;
typedef struct _AirUdpSender AirUdpSender;

#define AIR_UDP_MAX_SOCKETS 16
#define AIR_UDP_BATCH 64               /* datagrams a system call */
#define AIR_UDP_MAX_DATAGRAM_BYTES 2048 /* a longer one is dropped and counted */

/* @listen: addresses to bind, port 0: any. IPv6 sockets are IPV6_V6ONLY when an IPv4 wildcard with the same port is listed too.
 * @socket_buffer_bytes: wanted SO_RCVBUF and SO_SNDBUF (0: 4 MiB); the kernel may give less.
 * @dscp: 0 … 63, marks what is sent (RFC 8837; 0: unmarked).
 * Returns: (transfer full), NULL with a G_IO_ERROR that names the address. */
AirUdp *air_udp_new (const AirAddress *listen, size_t n_listen, unsigned socket_buffer_bytes, unsigned dscp,
                     GError **error);
/* Further sockets on the addresses of @udp, for another thread (SO_REUSEPORT): the kernel gives all datagrams of a remote
 * address to one of them, chosen by hash. Sockets have the same index in both. Returns: (transfer full), NULL with a G_IO_ERROR. */
AirUdp *air_udp_share (AirUdp *udp, GError **error);
/* NULL is taken. */
void air_udp_free (AirUdp *udp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirUdp, air_udp_free)

unsigned air_udp_count (const AirUdp *udp);
/* To poll for POLLIN. */
int air_udp_get_fd (const AirUdp *udp, unsigned socket);
/* As bound, with the real port. */
const AirAddress *air_udp_get_address (const AirUdp *udp, unsigned socket);
/* What the kernel gave, bytes. */
unsigned air_udp_get_receive_buffer (const AirUdp *udp);

typedef struct
{
  uint8_t *data; /* may be changed in place (decryption) */
  size_t size;
  AirPath path; /* local: the address it was sent to (IP_PKTINFO), with our port */
  uint8_t ecn;  /* RFC 3168: the two ECN bits */
} AirUdpDatagram;

AirUdpReceiver *air_udp_receiver_new (AirUdp *udp);
void air_udp_receiver_free (AirUdpReceiver *receiver);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirUdpReceiver, air_udp_receiver_free)
/* Up to AIR_UDP_BATCH datagrams that are there now from one socket. *ret_datagrams is valid until the next call. Returns: how many;
 * AIR_UDP_BATCH: there may be more, else poll (level-triggered) before the next call. */
unsigned air_udp_receive (AirUdpReceiver *receiver, unsigned socket, AirUdpDatagram **ret_datagrams);
/* Datagrams too long for the buffer. */
uint64_t air_udp_receiver_get_truncated (const AirUdpReceiver *receiver);

typedef struct
{
  uint64_t packets;      /* handed to the kernel */
  uint64_t bytes;        /* of UDP payload */
  uint64_t system_calls; /* sendmmsg */
  uint64_t segmented;    /* packets that went out in runs (UDP GSO) */
  uint64_t dropped;      /* socket buffer full for longer than the bounded wait */
  uint64_t failed;       /* refused for one destination: unreachable, administratively denied */
} AirUdpStats;

/* @segmentation: use UDP_SEGMENT where the kernel has it; turned off by itself when the device refuses (EIO). */
AirUdpSender *air_udp_sender_new (AirUdp *udp, bool segmentation);
/* Queued packets are lost: flush before. */
void air_udp_sender_free (AirUdpSender *sender);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirUdpSender, air_udp_sender_free)

/* Room for one datagram of up to @max_bytes (≤ AIR_UDP_MAX_DATAGRAM_BYTES) to be written in place and then committed; may flush.
 * Consecutive packets to one path with equal sizes (the last may be shorter) leave as one run, so send a viewer's
 * packets one after the other, and cut frames into equal fragments. Never NULL. */
uint8_t *air_udp_sender_reserve (AirUdpSender *sender, size_t max_bytes);
/* Whether air_udp_sender_reserve() would flush. */
bool air_udp_sender_is_full (const AirUdpSender *sender, size_t max_bytes);
/* @bytes: what was written; 0: nothing. From path->local (if not unspecified) of path->socket to path->remote. */
void air_udp_sender_commit (AirUdpSender *sender, const AirPath *path, size_t bytes);
/* Copies and commits. */
void air_udp_sender_push (AirUdpSender *sender, const AirPath *path, const uint8_t *data, size_t bytes);
/* Sends all. When the socket buffer is full it waits at most 10 ms in all, then drops the rest of the batch and counts it
 * (NACK repairs). Never on the main thread. */
void air_udp_sender_flush (AirUdpSender *sender);
const AirUdpStats *air_udp_sender_get_stats (const AirUdpSender *sender);
bool air_udp_sender_is_segmenting (const AirUdpSender *sender);
