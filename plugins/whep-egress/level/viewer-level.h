/* How much of its stream a viewer is sent now, and the changes between: which rung of the video, from which keyframe on; what
 * is tried before a step up. The same for all engines.
 *
 * Belongs to the thread of the view. One SSRC, one row of sequence numbers, one timeline: a change is a segment like any
 * other (rtp-track.h). It begins at a keyframe that is newer than all that was sent. Downwards the old rung ends at once, so
 * that the queue on the path drains; upwards it goes on until then.
 *
 * An engine sends what waits for a viewer so: air_viewer_level_enter_turn(), then each packet that
 * air_viewer_level_next() gives, told to air_rtp_track_take_sent().
 */
#pragma once

#include "engine.h"
#include "rtcp.h"
#include "rtp-track.h"
#include "viewer-start.h"

G_BEGIN_DECLS

typedef struct _AirViewerLevel AirViewerLevel;

/* What the engine does for it; @viewer: as given to air_viewer_level_begin(). */
typedef struct
{
  /* One viewer more or less needs @rung; whether it can be made. */
  void (*want) (void *viewer, unsigned rung, int change);
  bool (*is_possible) (void *viewer, unsigned rung);
  void (*request_keyframe) (void *viewer, AirLane lane);
  /* Sends by RTX (RFC 4588) @packet of the video, which was sent as @sequence, or one without content when it is NULL. Returns:
   * what that took, in bytes; 0: it could not be sent. */
  size_t (*send_probe) (void *viewer, const AirRtpSegment *segment, const AirRtpPacket *packet, uint64_t sequence);
  /* When the engine's thread last came late, and with it packets and what is heard of them; 0: never. */
  int64_t (*get_strained_us) (void *viewer);
  /* To be counted. */
  void (*changed) (void *viewer, AirLevel level, AirLevelReason reason);
} AirViewerLevelClass;

struct _AirViewerLevel
{
  const AirViewerLevelClass *class;
  void *viewer;
  const AirRtpView *view;
  AirRtpTrack *tracks; /* of AirKind */
  AirLevelPolicy policy;
  AirPathEstimate *path;      /* NULL: no media yet */
  bool wants[AIR_RUNG_COUNT]; /* what the group is told of */
  bool paused;                /* pictures wait for a keyframe, or for better times */
  int64_t since_us;           /* the level; by the wall clock */
  int64_t updated_us;         /* when the path was last looked at */
  int64_t asked_us;           /* when the encoder was asked for a keyframe */
  int64_t probe_us;           /* up to when the probe was sent */
  double probe_bytes;         /* that may be sent now */
  unsigned probe_back;        /* how many packets back the next repetition is */
  AirViewerStart start;
};

/* Before media flows. @tracks: of AirKind; they and @view outlive it. @levels: which it may get. */
void air_viewer_level_begin (AirViewerLevel *level, const AirViewerLevelClass *class, void *viewer,
                             const AirRtpView *view, AirRtpTrack *tracks, AirLevels levels, int64_t now_us);
/* Media has ended; nothing happens when it never began. */
void air_viewer_level_end (AirViewerLevel *level);
void air_viewer_level_clear (AirViewerLevel *level);
/* Ten times a second: looks at the path anew, unless feedback has just done so. */
void air_viewer_level_check (AirViewerLevel *level, int64_t now_us);
/* Before packets of @kind are sent: enters the wanted rung when it can; begins at a keyframe that is kept, sound at once, and
 * anew when the viewer fell out of the ring, or is live and yet so far behind (0: never) while there is something newer to
 * begin with. Returns whether there is something to be sent. */
bool air_viewer_level_enter_turn (AirViewerLevel *level, AirKind kind, int64_t max_late_ns, int64_t now_us);
/* Goes back to the last keyframe, and forward from there. Returns false when it is not kept. */
bool air_viewer_level_replay (AirViewerLevel *level, int64_t now_us);
/* Before a step up: sends what it would cost. Returns whether that goes on. */
bool air_viewer_level_probe (AirViewerLevel *level, int64_t now_us);
/* Also updates. */
void air_viewer_level_take_transport_cc (AirViewerLevel *level, const AirRtcpItem *item, int64_t now_us);
/* Fills level, reason, since, estimate and queue. */
void air_viewer_level_describe (AirViewerLevel *level, AirViewerInfo *info, int64_t now_us);
/* What is said of a viewer before. @video: it is sent pictures. */
void air_viewer_level_describe_first (bool video, AirViewerInfo *info);

static inline bool
air_viewer_level_skips (const AirViewerLevel *level, const AirRtpPacket *packet)
{
  const uint16_t both = AIR_RTP_FRAME_START | AIR_RTP_DISPOSABLE;
  return level->policy.level == AIR_LEVEL_REDUCED && (packet->flags & both) == both;
}

/* The packet that is due next, with the segment that it belongs to; NULL: none is now. */
static inline AirRtpPacket *
air_viewer_level_next (AirViewerLevel *level, AirKind kind, int64_t now_us, const AirRtpSegment **ret_segment)
{
  AirRtpTrack *track = &level->tracks[kind];
  AirRtpSegment *segment = air_rtp_track_get_segment (track);
  AirRtpPacket *packet;
  while ((packet = air_packet_ring_get (level->view->rings[segment->lane], track->cursor))
         && air_rtp_segment_is_due (segment, packet, now_us))
    {
      bool video = kind == AIR_KIND_VIDEO;
      if (video && air_viewer_level_skips (level, packet))
        {
          segment = air_rtp_track_skip_picture (track, level->view);
          continue;
        }
      if (video && air_rtp_segment_catches_up (segment)
          && !air_viewer_start_may_send (&level->start, packet, now_us))
        return NULL;
      *ret_segment = segment;
      return packet;
    }
  return NULL;
}

/* Whether more waits in the ring than was due. */
static inline bool
air_viewer_level_has_more (const AirViewerLevel *level, AirKind kind)
{
  const AirRtpTrack *track = &level->tracks[kind];
  return track->cursor < air_packet_ring_get_head (level->view->rings[air_lane_of (kind, track->rung)]);
}

G_END_DECLS
