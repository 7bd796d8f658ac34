/* What the files of the loop share: its state, on its own thread. */
#pragma once

#include "fanout-loop.h"

G_BEGIN_DECLS

typedef struct
{
  AirWatch watch;
  AirFanoutLoop *loop;
  unsigned index;
} SocketWatch;

typedef struct
{
  AirWatch watch;
  AirFanoutLoop *loop;
} WakeWatch;

struct _AirFanoutLoop
{
  AirFanoutEvents events;
  GThread *thread;
  int epoll;
  int wake;
  WakeWatch wake_watch;
  GAsyncQueue *commands;
  bool stopping; /* loop */
  bool stopped;  /* main: the thread is gone */

  AirUdp *udp;
  AirUdpReceiver *receiver;
  AirUdpSender *sender;
  AirDemux *demux;
  SocketWatch sockets[AIR_UDP_MAX_SOCKETS];

  GPtrArray *viewers; /* (element-type AirFanoutViewer), each with a reference */
  GPtrArray *behind;  /* those of them that are paced */
  int64_t now_us;
  int64_t next_tick_us, next_second_us, next_pace_us;
  int64_t anchor_us;      /* monotonic */
  int64_t anchor_unix_us; /* wall clock at the same instant */

  AirFanoutCounts counts;
  GMutex lock;
  AirFanoutCounts shared; /* a copy of `counts`, once a second */
  AirFanoutCounts taken;  /* what take_counts() gave so far */
};

/* Pumps @viewer unless it is paced; it is paced from now on when more waits. */
void air_fanout_loop_pump (AirFanoutLoop *loop, AirFanoutViewer *viewer);
/* Copies the counts to where other threads read them. */
void air_fanout_loop_publish_viewer (AirFanoutViewer *viewer);
/* Deadlines, retransmission of the handshake, sender reports. */
void air_fanout_loop_check_viewer (AirFanoutLoop *loop, AirFanoutViewer *viewer);
void air_fanout_loop_take_datagram (AirFanoutLoop *loop, AirUdpDatagram *datagram);

G_END_DECLS
