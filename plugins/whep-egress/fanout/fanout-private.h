/* What the files of the loop share: its state, on its own thread. */
#pragma once

#include "fanout-viewer.h"

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

typedef struct
{
  AirWatch watch;
  AirFanoutLoop *loop;
} TcpWatch;

typedef struct _FanoutCommand FanoutCommand;

struct _AirFanoutLoop
{
  unsigned index; /* among the loops */
  unsigned beside; /* how many loops there are */
  AirFanoutEvents events;
  AirFanoutDirectory *directory;
  GThread *thread;
  int epoll;
  int wake;
  WakeWatch wake_watch;
  FanoutCommand *commands; /* any thread, atomic: the newest first */
  unsigned forwarded;      /* any thread, atomic: datagrams among them */
  bool stopping;           /* loop */
  bool stopped;            /* main: all threads are gone */

  AirUdp *udp;
  AirUdpReceiver *receiver;
  AirUdpSender *sender;
  AirDemux *demux;
  SocketWatch sockets[AIR_UDP_MAX_SOCKETS];
  uint8_t *reserved; /* by the last air_fanout_loop_reserve() */
  AirTcp *tcp;       /* NULL: not served */
  TcpWatch tcp_watch;

  GPtrArray *viewers; /* (element-type AirFanoutViewer), each with a reference */
  GPtrArray *behind;  /* those of them that are paced */
  unsigned next_behind; /* whose turn it is */
  GQueue handshakes;  /* what came in for them */
  unsigned joining;   /* of the viewers, those without media yet */
  bool reads_by_clock; /* the sockets, at `next_read_us`; else when something is there */
  int64_t now_us;
  int64_t strained_us; /* when a turn last took too long */
  int64_t next_tick_us, next_second_us, next_pace_us, next_read_us;
  int64_t ahead_us; /* what the wall clock was ahead of the monotonic one at first */

  AirDelayPending delays[AIR_KIND_COUNT];
  AirEngineCounts counts;
  GMutex lock;
  AirEngineCounts shared; /* a copy of `counts`, once a second */
  AirEngineCounts taken;  /* what take_counts() gave so far */
};

/* Pumps @viewer unless it is paced; it is paced from now on when more waits. */
void air_fanout_loop_pump (AirFanoutLoop *loop, AirFanoutViewer *viewer);
/* The same with all of @share. */
void air_fanout_loop_pump_all (AirFanoutLoop *loop, AirFanoutShare *share);
/* Copies the counts to where other threads read them. */
void air_fanout_loop_publish_viewer (AirFanoutViewer *viewer);
/* Deadlines, retransmission of the handshake, sender reports. */
void air_fanout_loop_check_viewer (AirFanoutLoop *loop, AirFanoutViewer *viewer);
/* @datagram: from a socket of this loop; its data is changed. */
void air_fanout_loop_take_datagram (AirFanoutLoop *loop, AirUdpDatagram *datagram);
/* From the socket of another loop, of a viewer that this one owns. */
void air_fanout_loop_take_forwarded (AirFanoutLoop *loop, AirUdpDatagram *datagram);
/* A datagram of DTLS, at once. */
void air_fanout_loop_take_dtls (AirFanoutLoop *loop, AirFanoutViewer *viewer, const uint8_t *data, size_t size);
/* The same for a viewer whose handshake is not done: when there is time. */
void air_fanout_loop_queue_handshake (AirFanoutLoop *loop, AirFanoutViewer *viewer, const AirUdpDatagram *datagram);
/* Takes some of the time there is for what is queued. */
void air_fanout_loop_shake_hands (AirFanoutLoop *loop);
void air_fanout_loop_drop_handshakes (AirFanoutLoop *loop);
/* To the loop that owns the viewer; dropped and counted when that is overrun. */
void air_fanout_loop_forward (AirFanoutLoop *loop, AirFanoutLoop *owner, const AirUdpDatagram *datagram);

bool air_fanout_loop_watch (AirFanoutLoop *loop, int fd, AirWatch *watch);
/* Returns: (nullable) whose connection that is. */
AirFanoutViewer *air_fanout_loop_find_tcp (AirFanoutLoop *loop, const AirPath *path);
/* The connection on which @datagram, a check, arrived, to the loop that owns the viewer. */
void air_fanout_loop_hand_over (AirFanoutLoop *loop, AirFanoutLoop *owner, const AirUdpDatagram *datagram);

G_END_DECLS
