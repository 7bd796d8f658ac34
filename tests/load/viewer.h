/* One viewer: POST of an offer, ICE checks, DTLS, SRTP, feedback, DELETE – what a browser does, without a decoder.
 *
 * A viewer belongs to its worker's thread, with its two sockets. Nothing is allocated per packet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dtls.h"
#include "feedback.h"
#include "http-exchange.h"
#include "receiver.h"
#include "session-description.h"
#include "srtp.h"

typedef struct _LoadWorker LoadWorker;

/* The same for all viewers; read only while they run. */
typedef struct
{
  LoadUrl url;
  const char *token; /* NULL: none */
  AirDtlsIdentity *identity;
  bool nack, rtx, transport_cc, receive_offload;
  bool gives_way;        /* to what else runs on this machine, while nobody waits for an answer */
  bool wakes;            /* each arrival wakes the thread, as in a browser */
  double loss;           /* share of the packets of media that is dropped on arrival */
  double stay_s;         /* 0: to the end; else about so long, then another one takes the place */
  double vanish;         /* share of those that leave who do so without a word */
  int stop_at;           /* LoadState after which a viewer says nothing more; LOAD_IDLE: none */
  unsigned socket_bytes; /* SO_RCVBUF */
} LoadPlan;

typedef enum
{
  LOAD_IDLE,
  LOAD_POSTING,
  LOAD_CHECKING,
  LOAD_SHAKING_HANDS,
  LOAD_PLAYING,
  LOAD_STOPPED, /* half-way, on purpose */
  LOAD_LEAVING,
  LOAD_GONE,
} LoadState;

/* What one stay came to. */
typedef struct
{
  bool joined;         /* media came */
  const char *failure; /* interned; NULL: none */
  int64_t post_us, answered_us, checked_us, secured_us, first_packet_us, first_picture_us;
  int64_t live_us; /* from the POST; -1: not known */
  LoadCounts counts;
  uint64_t socket_drops;
  double fps; /* in the measuring interval; -1: was not there for all of it */
  LoadCounts measured;
} LoadStay;

typedef struct
{
  LoadWorker *worker;
  const LoadPlan *plan;
  unsigned number;
  LoadState state;
  int64_t due_us;    /* when to give the present step up; when to come again */
  int64_t resend_us; /* the next check or consent */
  int64_t leave_us;
  LoadHttp http;
  char *location;
  int udp;
  char ice_ufrag[16], ice_pwd[32];
  uint8_t transaction[12];
  LoadAnswer answer;
  AirDtls *dtls;
  AirSrtp *inbound, *outbound;
  uint32_t ssrc; /* ours */
  uint32_t video_ssrc;
  LoadStay stay;
  LoadTrack video, audio;
  LoadFrames frames;
  LoadReport reports[2]; /* video, audio */
  LoadTransportFeedback transport;
  int64_t report_us, transport_us, pli_us;
  /* At the beginning of the measuring interval. */
  LoadCounts before;
  uint32_t before_timestamp;
  bool measured;
} LoadViewer;

void load_viewer_init (LoadViewer *viewer, LoadWorker *worker, const LoadPlan *plan, unsigned number);
void load_viewer_clear (LoadViewer *viewer);
/* POST. */
void load_viewer_join (LoadViewer *viewer, int64_t now_us);
/* DELETE, or nothing at all when it @vanishes. */
void load_viewer_leave (LoadViewer *viewer, bool vanishes, int64_t now_us);
/* There is no more time: a stay that still goes on has failed, and is kept as it is. */
void load_viewer_stop (LoadViewer *viewer, int64_t now_us);
/* The HTTP connection, or the UDP socket, is ready. */
void load_viewer_http_ready (LoadViewer *viewer, int64_t now_us);
void load_viewer_datagram (LoadViewer *viewer, uint8_t *data, size_t size, int64_t now_us);
/* Every 10 ms. */
void load_viewer_tick (LoadViewer *viewer, int64_t now_us);
void load_viewer_measure (LoadViewer *viewer, bool begin, int64_t now_us);
/* Calls the present stay a failure and ends it. */
void load_viewer_fail (LoadViewer *viewer, const char *reason, int64_t now_us);
