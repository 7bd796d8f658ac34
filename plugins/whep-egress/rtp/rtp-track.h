/* Where one viewer stands in the rings of its stream, and what sequence numbers and timestamps it sees.
 *
 * One SSRC, one row of sequence numbers, one timeline, whatever is sent: going back to a keyframe, leaving a picture out,
 * changing the rung is each a new segment. Belongs to the thread of its view; what is called for each packet is inline.
 */
#pragma once

#include "rtp-view.h"
#include "sdp-answer.h"

G_BEGIN_DECLS

#define AIR_RTP_SEGMENTS 32u
#define AIR_RTP_CATCH_UP_STEP 90u /* 1 ms of the video's clock */

/* From this packet of the viewer on, its sequence numbers go with that place in the ring. Cached pictures are sent 1 ms
 * apart, or as far as the path's pace wants it, and so are their timestamps, from the present on, until they meet the
 * pictures' own ones: so what arrives never contradicts the clock that a receiver makes out of arrivals and timestamps.
 * With their own ones, seconds old, or at another pace than they are sent, it would misjudge that clock for long, stay
 * behind, and not bring picture and sound in sync. */
typedef struct
{
  uint64_t sequence;
  AirLane lane; /* whose ring */
  uint64_t place;
  uint64_t live; /* from this place on the timestamps are the packets' own; UINT64_MAX: not there yet */
  int64_t start_us; /* of catching up; once live: of that */
  uint32_t first_frame;
  uint32_t first_timestamp; /* of that frame, and what a live one would have at `start_us` */
  uint32_t step;            /* from frame to frame while catching up, 1/90000 s */
} AirRtpSegment;

typedef struct
{
  AirSdpSection section; /* accepted: false: not wanted */
  bool started;
  bool any;                /* something was sent */
  bool in_frame;           /* the last packet was not the last of its picture */
  unsigned rung;           /* which of the video's */
  uint64_t cursor;         /* the place in the ring to be sent next */
  uint64_t first_sequence; /* below 32768 (RFC 3711 §3.3.1: the rollover counter cannot be missed) */
  uint64_t next_sequence;
  uint64_t next_rtx_sequence;
  int64_t sent_us;         /* when something was last sent; 0: never */
  int64_t last_pts_ns;     /* of what was sent last */
  uint32_t last_timestamp; /* as it was sent, without the offset */
  uint32_t timestamp_offset;
  uint32_t packets, octets; /* for sender reports */
  int64_t reported_us;
  unsigned reports;    /* sent so far */
  int64_t replayed_us; /* when the last keyframe request was answered */
  int fir_sequence;    /* -1: none yet */
  unsigned segment_count;
  AirRtpSegment segments[AIR_RTP_SEGMENTS];
  /* From the last receiver report. */
  uint8_t fraction_lost;
} AirRtpTrack;

void air_rtp_track_init (AirRtpTrack *track, const AirSdpSection *section);

/* From @place on the sequence numbers go on without a gap. Returns: (transfer none) the segment that begins. */
AirRtpSegment *air_rtp_track_jump (AirRtpTrack *track, AirLane lane, uint64_t place);
/* The same to a keyframe that is kept, for pictures that are to be sent faster than live. */
AirRtpSegment *air_rtp_track_catch_up (AirRtpTrack *track, const AirRtpView *view, unsigned rung, uint64_t keyframe,
                                       int64_t now_us);
/* The same to the picture at the cursor, @step apart from now on: those before it were sent at another pace. */
void air_rtp_track_change_pace (AirRtpTrack *track, const AirRtpView *view, uint32_t step, int64_t now_us);
/* Over the picture that begins at the cursor: the sequence numbers go on without a gap. */
AirRtpSegment *air_rtp_track_skip_picture (AirRtpTrack *track, const AirRtpView *view);

/* What was sent with the sequence number @full. Returns: (transfer none) NULL when it is not kept any more. */
const AirRtpPacket *air_rtp_track_find (const AirRtpTrack *track, const AirRtpView *view, uint64_t full,
                                        const AirRtpSegment **ret_segment);
/* Which of the numbers that were sent ends with @sequence. Returns false when none did, or so long ago that the rollover
 * counter would be taken for the next one (RFC 3711 §3.3.1), and its nonces be used twice. */
bool air_rtp_track_unwrap (const AirRtpTrack *track, uint16_t sequence, uint64_t *ret_full);

static inline AirRtpSegment *
air_rtp_track_get_segment (AirRtpTrack *track)
{
  return &track->segments[track->segment_count - 1];
}

/* Whether what is sent now is faster than live. */
static inline bool
air_rtp_segment_catches_up (const AirRtpSegment *segment)
{
  return segment->live == UINT64_MAX;
}

/* While it is behind, without the track's offset. */
static inline uint32_t
air_rtp_segment_catch_up_timestamp (const AirRtpSegment *segment, const AirRtpPacket *packet)
{
  return segment->first_timestamp + (packet->frame - segment->first_frame) * segment->step;
}

/* As the viewer sees it, without the track's offset. */
static inline uint32_t
air_rtp_segment_timestamp (const AirRtpSegment *segment, const AirRtpPacket *packet)
{
  return packet->sequence >= segment->live ? packet->timestamp : air_rtp_segment_catch_up_timestamp (segment, packet);
}

/* Whether it is @packet's turn: see AirRtpSegment. A picture that is as new as it is late is live. */
static inline bool
air_rtp_segment_is_due (AirRtpSegment *segment, const AirRtpPacket *packet, int64_t now_us)
{
  if (packet->sequence >= segment->live)
    return true;
  if ((int32_t)(packet->timestamp - air_rtp_segment_catch_up_timestamp (segment, packet)) >= 0)
    {
      segment->live = packet->sequence;
      segment->start_us = now_us;
    }
  return segment->live != UINT64_MAX
         || now_us >= segment->start_us + (int64_t)(packet->frame - segment->first_frame) * segment->step * 100 / 9;
}

/* @packet of @segment was sent. */
static inline void
air_rtp_track_take_sent (AirRtpTrack *track, const AirRtpSegment *segment, const AirRtpPacket *packet, int64_t now_us)
{
  track->any = true;
  track->in_frame = !(packet->flags & AIR_RTP_MARKER);
  track->sent_us = now_us;
  track->last_pts_ns = packet->pts_ns;
  track->last_timestamp = air_rtp_segment_timestamp (segment, packet);
  track->cursor++;
  track->packets++;
  track->octets += packet->payload_bytes;
}

G_END_DECLS
