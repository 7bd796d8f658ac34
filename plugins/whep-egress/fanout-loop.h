/* The thread of the fan-out engine: sockets, sources, viewers, timers, all in one epoll. One loop serves a thousand
 * viewers; several loops (shards) share nothing but the process.
 *
 * Functions marked "loop" are for its own thread; the others for the main thread.
 */
#pragma once

#include "fanout-viewer.h"

G_BEGIN_DECLS

/* A source with those who watch it. */
struct _AirFanoutGroup
{
  AirRtpSource *source;
  AirFanoutLoop *loop;
  GPtrArray *viewers; /* (element-type AirFanoutViewer) with keys */
};

typedef struct
{
  /* All on the loop's thread: hop to the main thread before anything else. */
  void (*joined) (AirFanoutViewer *viewer, void *data);
  void (*left) (AirFanoutViewer *viewer, AirViewerReason reason, void *data);
  void (*reordered) (AirFanoutGroup *group, void *data);
  void (*reader_ended) (AirFanoutGroup *group, void *data);
  void *data;
} AirFanoutEvents;

/* Counted since the start; read with air_fanout_loop_take_counts(). */
typedef struct
{
  uint64_t packets, bytes, dropped, failed;
  uint64_t retransmitted, nacks, keyframe_requests, replays;
  uint64_t unvalidated, unknown_ufrag, forged;
} AirFanoutCounts;

AirFanoutLoop *air_fanout_loop_new (const AirAddress *listen, unsigned n_listen, unsigned max_viewers,
                                    const AirFanoutEvents *events, GError **error);
/* Starts the thread. */
void air_fanout_loop_start (AirFanoutLoop *loop);
/* Ends the thread after a goodbye to all viewers (left() is called for each), and waits for it. */
void air_fanout_loop_stop (AirFanoutLoop *loop);
void air_fanout_loop_free (AirFanoutLoop *loop);
/* As bound. */
unsigned air_fanout_loop_count_sockets (AirFanoutLoop *loop);
const AirAddress *air_fanout_loop_get_address (AirFanoutLoop *loop, unsigned socket);
/* What was counted since the last call. Any thread. */
void air_fanout_loop_take_counts (AirFanoutLoop *loop, AirFanoutCounts *ret_counts);

/* Calls @function on the loop's thread, in order. After stop it is not called; @destroy always is. Any thread. */
typedef void (*AirFanoutCommand) (AirFanoutLoop *loop, void *data);
void air_fanout_loop_invoke (AirFanoutLoop *loop, AirFanoutCommand command, void *data, GDestroyNotify destroy);

/* Not yet on the loop; add it by a command. */
AirFanoutGroup *air_fanout_group_new (AirFanoutLoop *loop, bool drop_reordered);
/* Loop. No viewer is in it any more. */
void air_fanout_group_free (AirFanoutGroup *group);

/* Loop. Takes a reference of its own. */
void air_fanout_loop_add_viewer (AirFanoutLoop *loop, AirFanoutViewer *viewer);
/* Loop. Says goodbye, and left(). Nothing happens when it is not attached. */
void air_fanout_loop_end_viewer (AirFanoutLoop *loop, AirFanoutViewer *viewer, AirViewerReason reason);
/* Loop. New ICE credentials (RFC 8445 §9): the viewer is found by the new name and, until that is used, by the old one.
 */
void air_fanout_loop_restart_viewer (AirFanoutLoop *loop, AirFanoutViewer *viewer, const char *remote_ufrag);
/* Sends on the selected path of the AirFanoutViewer that is its user data. */
void air_fanout_loop_send_dtls (const uint8_t *datagram, size_t size, void *viewer);
/* Loop. */
AirFanoutCounts *air_fanout_loop_get_counts (AirFanoutLoop *loop);
/* NTP time of a monotonic time, by one anchor for the life of the loop: a step of the wall clock is not seen. */
uint64_t air_fanout_loop_ntp (AirFanoutLoop *loop, int64_t monotonic_us);

G_END_DECLS
