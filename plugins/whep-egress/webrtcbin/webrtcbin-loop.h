/* The thread of the webrtcbin engine: reads streams, makes packets of them once, hands a copy to each viewer's webrtcbin, and
 * takes their RTCP. webrtcbin's own threads do the rest.
 *
 * Functions marked "loop" are for its own thread; the others for the main thread.
 */
#pragma once

#include "rtp-source.h"
#include "rung-demand.h"
#include "webrtcbin-viewer.h"

G_BEGIN_DECLS

/* A source with those who watch it. */
struct _AirWebrtcGroup
{
  AirRtpView *view;
  AirRtpSource *source;
  AirWebrtcLoop *loop;
  GPtrArray *viewers; /* (element-type AirWebrtcViewer) to whom media flows */
  AirRungDemand demand;
};

typedef struct
{
  /* All on the loop's thread: hop to the main thread before anything else. */
  void (*joined) (AirWebrtcViewer *viewer, void *data);
  void (*left) (AirWebrtcViewer *viewer, AirViewerReason reason, void *data);
  void (*reordered) (AirWebrtcGroup *group, void *data);
  void (*reader_ended) (AirWebrtcGroup *group, AirLane lane, void *data);
  void (*rung_wanted) (AirWebrtcGroup *group, void *data); /* nobody needed it before */
  void *data;
} AirWebrtcLoopEvents;

AirWebrtcLoop *air_webrtc_loop_new (const AirWebrtcLoopEvents *events);
/* Ends all viewers (left() is called for each) and waits for the thread. */
void air_webrtc_loop_stop (AirWebrtcLoop *loop);
void air_webrtc_loop_free (AirWebrtcLoop *loop);

/* Calls @function on the loop's thread, in order. After stop it is not called; @destroy always is. Any thread. */
typedef void (*AirWebrtcCommand) (AirWebrtcLoop *loop, void *data);
void air_webrtc_loop_invoke (AirWebrtcLoop *loop, AirWebrtcCommand command, void *data, GDestroyNotify destroy);

AirWebrtcGroup *air_webrtc_group_new (AirWebrtcLoop *loop, bool drop_reordered);
/* Loop. No viewer is in it any more. */
void air_webrtc_group_free (AirWebrtcGroup *group);
/* Loop. One viewer more or less needs @rung. */
void air_webrtc_group_want (AirWebrtcGroup *group, unsigned rung, int change);

/* Loop. Takes a reference of its own; from now on deadlines count. */
void air_webrtc_loop_add_viewer (AirWebrtcLoop *loop, AirWebrtcViewer *viewer);
/* Loop. The handshake is done. */
void air_webrtc_loop_begin_media (AirWebrtcLoop *loop, AirWebrtcViewer *viewer);
/* Loop. */
void air_webrtc_loop_take_rtcp (AirWebrtcLoop *loop, AirWebrtcViewer *viewer, const uint8_t *packet, size_t size);
/* What was counted since the last call. Any thread. */
AirEngineCounts air_webrtc_loop_take_counts (AirWebrtcLoop *loop);
/* Loop. Adds to what is counted. */
void air_webrtc_loop_count (AirWebrtcLoop *loop, const AirEngineCounts *counts);
/* When the thread last came late; 0: never. Loop. */
int64_t air_webrtc_loop_get_strained_us (const AirWebrtcLoop *loop);
/* NTP time of a monotonic time, by one anchor for the life of the loop: a step of the wall clock is not seen. Loop. */
/* What the wall clock was ahead of the monotonic one when the loop began, for the same. Any thread. */
int64_t air_webrtc_loop_get_ahead_us (const AirWebrtcLoop *loop);
uint64_t air_webrtc_loop_ntp (AirWebrtcLoop *loop, int64_t monotonic_us);
/* Loop. Calls left(). Nothing happens when it is not attached. */
void air_webrtc_loop_end_viewer (AirWebrtcLoop *loop, AirWebrtcViewer *viewer, AirViewerReason reason);

G_END_DECLS
