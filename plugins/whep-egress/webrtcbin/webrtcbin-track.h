/* Where one viewer of the webrtcbin engine stands in a ring, and what its copy of a packet looks like.
 *
 * Belongs to the thread of its AirWebrtcLoop. A start or a keyframe request goes back to the cached keyframe: those pictures
 * are sent 1 ms apart with timestamps 1 ms apart, until they meet the live ones (see AirFanoutSegment for why).
 */
#pragma once

#include <gst/gst.h>

#include "rtp-view.h"
#include "sdp-answer.h"
#include "webrtcbin-session.h"

G_BEGIN_DECLS

#define AIR_WEBRTC_SEGMENTS 16u

/* From this packet of the viewer on, its sequence numbers go with that place in the ring. */
typedef struct
{
  uint64_t sequence;
  uint64_t place;
  uint64_t live; /* from this place on the timestamps are the packets' own; UINT64_MAX: not there yet */
  int64_t start_us;
  uint32_t first_frame;
  int64_t first_pts_ns; /* of that frame, as it is sent */
} AirWebrtcSegment;

typedef struct _AirWebrtcLoop AirWebrtcLoop;

typedef struct
{
  AirWebrtcLoop *loop;
  const AirRtpView *view;
  AirKind kind;
  AirSdpSection section;
  char mid[16];
  bool started;
  uint64_t cursor;
  uint64_t first_sequence, next_sequence, next_rtx_sequence;
  uint32_t timestamp_offset;
  AirWebrtcSegment segments[AIR_WEBRTC_SEGMENTS];
  unsigned segment_count;
} AirWebrtcTrack;

void air_webrtc_track_init (AirWebrtcTrack *track, AirWebrtcLoop *loop, const AirRtpView *view, AirKind kind,
                            const AirSdpSection *section, const char *mid);
/* Which RTP timestamp goes with which instant; false while nothing was read. */
bool air_webrtc_track_get_clock (const AirWebrtcTrack *track, AirWebrtcClock *ret_clock);
/* At most @max packets that are due, as finished RTP packets, appended to @packets. Returns whether more waits in the
 * ring: call again in a ms. */
bool air_webrtc_track_take (AirWebrtcTrack *track, int64_t now_us, unsigned max, GstBufferList *packets);
/* Goes back to the cached keyframe. Returns false when there is none. */
bool air_webrtc_track_replay (AirWebrtcTrack *track, int64_t now_us);
/* The packet with that sequence number once more: by RTX where it was negotiated (RFC 4588), else as it was.
 * Returns: (transfer full), NULL when it is not kept any more or was never sent. */
GstBuffer *air_webrtc_track_repeat (AirWebrtcTrack *track, uint16_t sequence);

G_END_DECLS
