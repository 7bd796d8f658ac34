/* A thread of the fan-out engine: sockets, sources, viewers, timers, all in one epoll. There are several (fanout-loops.h);
 * each has its own viewers, and they meet only by commands and in the directory.
 *
 * Functions marked "loop" are for its own thread; the others for the main thread.
 */
#pragma once

#include "fanout-directory.h"
#include "tcp.h"
#include "udp.h"

#include "engine-metrics.h"
#include "engine.h"
#include "rtp-packet.h"

G_BEGIN_DECLS

#define AIR_FANOUT_MAX_LOOPS 8u

typedef struct _AirFanoutGroup AirFanoutGroup;
typedef struct _AirFanoutViewer AirFanoutViewer;

typedef struct
{
  /* All on a loop's thread: hop to the main thread before anything else. */
  void (*joined) (AirFanoutViewer *viewer, void *data);
  void (*left) (AirFanoutViewer *viewer, AirViewerReason reason, void *data);
  void (*reordered) (AirFanoutGroup *group, void *data);
  void (*reader_ended) (AirFanoutGroup *group, AirLane lane, void *data);
  void (*rung_wanted) (AirFanoutGroup *group, void *data); /* nobody needed it before */
  void *data;
} AirFanoutEvents;

/* @udp: (transfer full). @directory: outlives the loop. */
AirFanoutLoop *air_fanout_loop_new (unsigned index, AirUdp *udp, AirFanoutDirectory *directory, unsigned max_viewers,
                                    const AirFanoutEvents *events, GError **error);
/* Before the start: also listens on TCP at the addresses of its UDP sockets. @beside: (nullable) a loop that does so already. */
bool air_fanout_loop_listen_tcp (AirFanoutLoop *loop, AirFanoutLoop *beside, const AirTcpLimits *limits,
                                 GError **error);
/* Starts the thread, on every @count-th of the process's processors: of @count loops no two are on one processor. With fewer processors
 * than loops, any may be anywhere. */
void air_fanout_loop_start (AirFanoutLoop *loop, unsigned count);
/* Ends the thread after a goodbye to all viewers (left() is called for each). */
void air_fanout_loop_begin_stop (AirFanoutLoop *loop);
/* Waits for it. */
void air_fanout_loop_wait (AirFanoutLoop *loop);
/* When all loops have ended: drops the commands that came too late, and each further one. */
void air_fanout_loop_drain (AirFanoutLoop *loop);
/* Drained, or never started. NULL is taken. */
void air_fanout_loop_free (AirFanoutLoop *loop);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirFanoutLoop, air_fanout_loop_free)
/* What was counted since the last call is added to @counts. Any thread. */
void air_fanout_loop_take_counts (AirFanoutLoop *loop, AirEngineCounts *counts);

/* Calls @function on the loop's thread, in order. After stop it is not called; @destroy always is. Any thread. */
typedef void (*AirFanoutCommand) (AirFanoutLoop *loop, void *data);
void air_fanout_loop_invoke (AirFanoutLoop *loop, AirFanoutCommand command, void *data, GDestroyNotify destroy);

/* Loop. Takes a reference of its own. Returns false when there is no room; the viewer has ended then. */
bool air_fanout_loop_add_viewer (AirFanoutLoop *loop, AirFanoutViewer *viewer);
/* Loop. Says goodbye, and left(). Nothing happens when it is not attached. */
void air_fanout_loop_end_viewer (AirFanoutLoop *loop, AirFanoutViewer *viewer, AirViewerReason reason);
/* Loop. New ICE credentials (RFC 8445 §9): the viewer is found by the new name and, until that is used, by the old one. */
void air_fanout_loop_restart_viewer (AirFanoutLoop *loop, AirFanoutViewer *viewer, const char *remote_ufrag);

/* ---- Sending: every datagram to a viewer goes through these. Loop. */

/* Whether media should be sent to @path (nullable) now; what waits for a full TCP connection waits in the rings. */
bool air_fanout_loop_has_room (AirFanoutLoop *loop, const AirPath *path);
/* Room for one datagram of up to @max_bytes to @path, to be written in place and then committed. Never NULL. */
uint8_t *air_fanout_loop_reserve (AirFanoutLoop *loop, const AirPath *path, size_t max_bytes);
/* @bytes: what was written; 0: nothing. It leaves with the others of this turn at the latest. */
void air_fanout_loop_commit (AirFanoutLoop *loop, const AirPath *path, size_t bytes);
/* Lets go of all that was committed. */
void air_fanout_loop_flush (AirFanoutLoop *loop);
/* What was committed last completes a unit of @kind that came in at @arrival_us. */
void air_fanout_loop_note_delay (AirFanoutLoop *loop, AirKind kind, int64_t arrival_us);
/* Copies and commits. */
void air_fanout_loop_send (AirFanoutLoop *loop, const AirPath *path, const uint8_t *data, size_t bytes);
/* Sends on the selected path of the AirFanoutViewer that is its user data. */
void air_fanout_loop_send_dtls (const uint8_t *datagram, size_t size, void *viewer);

/* Loop. */
AirEngineCounts *air_fanout_loop_get_counts (AirFanoutLoop *loop);
/* NTP time of a monotonic time, by one anchor for the life of the loop: a step of the wall clock is not seen. */
uint64_t air_fanout_loop_ntp (AirFanoutLoop *loop, int64_t monotonic_us);

G_END_DECLS
