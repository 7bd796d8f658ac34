/* What the parts of tcp share. */
#pragma once

#include "tcp.h"

#define AIR_TCP_READ_BYTES (64u * 1024) /* a connection and turn */
#define AIR_TCP_PARTIAL_BYTES (AIR_TCP_HEADER_BYTES + AIR_TCP_MAX_FRAME_BYTES)

struct _AirTcpConnection
{
  int fd;
  uint32_t generation; /* tells it from others that had its number */
  AirPath path;
  AirTcpOwner *owner; /* NULL: pending */
  int64_t accepted_us;
  int64_t heard_us;
  unsigned frames; /* while it is pending */

  bool blocked;           /* the kernel takes no more: EPOLLOUT is waited for */
  uint8_t *queue;         /* NULL when it is empty */
  size_t queue_size;      /* allocated */
  size_t queue_begin, queue_end;
  GList queued_link;  /* in AirTcp.queued: has something to send and is not blocked */
  GList pending_link; /* in AirTcp.pending */
  bool is_queued;

  size_t partial_bytes;
  uint8_t partial[AIR_TCP_PARTIAL_BYTES];
};

typedef struct
{
  int fd;
  bool watched;
} AirTcpListener;

struct _AirTcp
{
  int epoll;
  AirTcpListener listeners[AIR_UDP_MAX_SOCKETS];
  unsigned n_listeners;
  AirTcpLimits limits;
  AirTcpEvents events;
  AirTcpStats stats;

  AirTcpConnection **slots; /* by number; 0 is not used */
  unsigned n_slots;
  unsigned next_slot; /* where the search for a free one begins */
  unsigned n_connections;
  uint32_t generation;
  GQueue pending; /* oldest first */
  GQueue queued;

  /* What received() is about. */
  AirTcpConnection *current;
  size_t current_at, current_bytes;
  uint8_t scratch[AIR_TCP_PARTIAL_BYTES + AIR_TCP_READ_BYTES];
};

/* Returns: (nullable) the live connection of @path. */
AirTcpConnection *air_tcp_find (const AirTcp *tcp, const AirPath *path);
/* Off @tcp, and not closed. */
void air_tcp_detach (AirTcp *tcp, AirTcpConnection *connection);
/* Closes it, and tells its owner. */
void air_tcp_end (AirTcp *tcp, AirTcpConnection *connection);
/* With EPOLLOUT or without. */
void air_tcp_watch (AirTcp *tcp, AirTcpConnection *connection, int operation);
/* Returns: false when the kernel takes no more for now. */
bool air_tcp_flush_connection (AirTcp *tcp, AirTcpConnection *connection);
/* What is readable of it, or @connection->partial alone. */
void air_tcp_read (AirTcp *tcp, AirTcpConnection *connection, int64_t now_us);
void air_tcp_take_frames (AirTcp *tcp, AirTcpConnection *connection, size_t bytes, int64_t now_us);
