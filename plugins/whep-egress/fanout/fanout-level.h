/* How much of its stream a viewer is sent now, and the changes between: which rung of the video, from which keyframe on; what
 * is tried before a step up.
 *
 * Loop. One SSRC, one row of sequence numbers, one timeline: a change is a segment like any other (fanout-viewer.h). It
 * begins at a keyframe that is newer than all that was sent. Downwards the old rung ends at once, so that the queue on
 * the path drains; upwards it goes on until then.
 */
#pragma once

#include "fanout-start.h"

G_BEGIN_DECLS

typedef struct
{
  AirLevelPolicy policy;
  AirPathEstimate *path; /* NULL: no media yet */
  bool wants[AIR_RUNG_COUNT]; /* what the group is told of */
  bool paused;                /* pictures wait for a keyframe, or for better times */
  bool in_frame;              /* the last packet was not the last of its picture */
  bool any;                   /* a picture was sent */
  int64_t sent_us;            /* when its last packet was */
  int64_t last_pts_ns;        /* of it */
  uint32_t last_timestamp;    /* as it was sent, without the track's offset */
  int64_t asked_us;           /* when the encoder was asked for a keyframe */
  int64_t probe_us;           /* up to when the probe was sent */
  double probe_bytes;         /* that may be sent now */
  unsigned probe_back;        /* how many packets back the next repetition is */
  AirFanoutStart start;
} AirFanoutLevel;

/* Before media flows. */
void air_fanout_level_begin (AirFanoutViewer *viewer, int64_t now_us);
/* Media has ended. */
void air_fanout_level_end (AirFanoutViewer *viewer);
/* Ten times a second, and when feedback came. */
void air_fanout_level_update (AirFanoutViewer *viewer, int64_t now_us);
/* Before pictures are sent: enters the wanted rung when it can. Returns whether pictures may be sent. */
bool air_fanout_level_steer (AirFanoutViewer *viewer, int64_t now_us);
/* Whether @packet begins a picture that is left out. */
bool air_fanout_level_skips (const AirFanoutViewer *viewer, const AirRtpPacket *packet);
/* Before a step up: sends what it would cost. Returns whether that goes on. */
bool air_fanout_level_probe (AirFanoutViewer *viewer, int64_t now_us);
/* @packet of the video was sent with @timestamp. */
void air_fanout_level_take_sent (AirFanoutViewer *viewer, const AirRtpPacket *packet, uint32_t timestamp);
void air_fanout_level_take_transport_cc (AirFanoutViewer *viewer, const AirRtcpItem *item, int64_t now_us);
/* Fills level, reason, estimate and queue. */
void air_fanout_level_describe (AirFanoutViewer *viewer, AirViewerInfo *info, int64_t now_us);

G_END_DECLS
