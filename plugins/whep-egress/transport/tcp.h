/* ICE-TCP (RFC 6544), passive: viewers whose network carries no UDP connect to the same addresses and port by TCP.
 *
 * A connection is a path like any other: its frames (RFC 4571) come as datagrams, whose path.remote.tcp names it, and
 * what is sent to such a path leaves on it. It is pending until its first authentic check gives it an owner
 * (air_tcp_admit), and has then what the owner may have.
 *
 * Threads: an AirTcp belongs to one thread at a time. A connection may be moved to another thread's AirTcp (give, take).
 *
 * Bounds: connections in all, pending ones in all and per address (IPv6: per /64), a deadline for the first authentic
 * check, one frame kept per connection on the way in, AIR_TCP_MAX_QUEUE_BYTES on the way out; silence and a peer that
 * does not read are cut. What a peer does not read is not queued: ask air_tcp_has_room() before sending media, and wait
 * for writable().
 */
#pragma once

#include "tcp-frame.h"
#include "udp.h"

#define AIR_TCP_MAX_CONNECTIONS 32768u
#define AIR_TCP_MAX_QUEUE_BYTES (64u * 1024)
#define AIR_TCP_CONNECTIONS_PER_OWNER 8
/* From accept() to the first authentic check; longer than a lost SYN's and a lost check's repetitions take. */
#define AIR_TCP_PENDING_US (10 * G_USEC_PER_SEC)

typedef struct _AirTcp AirTcp;
typedef struct _AirTcpConnection AirTcpConnection;

/* One of these stands in whatever owns connections; its fields belong to AirTcp. Zero it before the first use. */
typedef struct
{
  AirTcpConnection *connections[AIR_TCP_CONNECTIONS_PER_OWNER];
} AirTcpOwner;

typedef struct
{
  /* A frame. What it calls may end its connection, or give it away. */
  void (*received) (AirUdpDatagram *datagram, void *data);
  /* There is room again for @owner to send on @path. */
  void (*writable) (AirTcpOwner *owner, const AirPath *path, void *data);
  /* The connection of an owner ended, other than by air_tcp_release(): the path leads nowhere any more. */
  void (*closed) (AirTcpOwner *owner, const AirPath *path, void *data);
  void *data;
} AirTcpEvents;

typedef struct
{
  unsigned connections;         /* in all; at most AIR_TCP_MAX_CONNECTIONS */
  unsigned pending;             /* without an authentic check */
  unsigned pending_per_address; /* the oldest gives way to a new one */
} AirTcpLimits;

typedef struct
{
  uint64_t accepted;
  uint64_t refused; /* there were too many */
  uint64_t cut;     /* spoke something else, or showed no authentic check in time */
  uint64_t packets, bytes, system_calls;
  uint64_t dropped; /* no room */
} AirTcpStats;

/* @listen: with ports, as an AirUdp bound them. @beside: (nullable) another thread's AirTcp on the same addresses: the kernel
 * chooses whose a connection is (SO_REUSEPORT). Returns: (transfer full), NULL with a G_IO_ERROR that names the address. */
AirTcp *air_tcp_new (const AirAddress *listen, size_t n_listen, AirTcp *beside, const AirTcpLimits *limits,
                     const AirTcpEvents *events, GError **error);
/* Ends all connections without a word to their owners. NULL is taken. */
void air_tcp_free (AirTcp *tcp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirTcp, air_tcp_free)

/* To poll for POLLIN; then air_tcp_dispatch(). */
int air_tcp_get_fd (const AirTcp *tcp);
/* Accepts, reads and writes what is ready, a bounded share of it. @now_us: g_get_monotonic_time(). */
void air_tcp_dispatch (AirTcp *tcp, int64_t now_us);
/* Ends what is overdue; to be called some times a second. */
void air_tcp_tick (AirTcp *tcp, int64_t now_us);

/* The first check of the connection of @path was authentic, and is @owner's. One connection more than an owner may have
 * ends that which was silent for longest. Returns: false when it is another owner's. */
bool air_tcp_admit (AirTcp *tcp, const AirPath *path, AirTcpOwner *owner);
/* Returns: (nullable) whose the connection of @path is. */
AirTcpOwner *air_tcp_get_owner (const AirTcp *tcp, const AirPath *path);
/* Sends what is queued, as far as that goes at once, and ends all connections of @owner. */
void air_tcp_release (AirTcp *tcp, AirTcpOwner *owner);

/* Whether media should be sent on @path now. */
bool air_tcp_has_room (AirTcp *tcp, const AirPath *path);
/* Queues a copy. Returns: false when it was dropped: no room, or the connection has ended. */
bool air_tcp_send (AirTcp *tcp, const AirPath *path, const uint8_t *data, size_t bytes);
/* Sends all that is queued, as far as the peers take it. */
void air_tcp_flush (AirTcp *tcp);

/* Within received(), of a pending connection: takes it off @tcp, with this frame, which is received() again by the AirTcp
 * that takes it. Returns: (transfer full) (nullable): NULL when it is gone or has an owner. */
AirTcpConnection *air_tcp_give (AirTcp *tcp, const AirPath *path);
/* (transfer full). Calls received(). */
void air_tcp_take (AirTcp *tcp, AirTcpConnection *connection, int64_t now_us);
/* For one that was given and will not be taken. NULL is taken. */
void air_tcp_connection_free (AirTcpConnection *connection);

const AirTcpStats *air_tcp_get_stats (const AirTcp *tcp);
unsigned air_tcp_count (const AirTcp *tcp);
