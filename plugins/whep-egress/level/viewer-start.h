/* How fast a viewer is brought up to the live edge. Cached pictures are a burst of megabytes: a path that carries them shows
 * it by the arrival of the first picture; one that does not gets what it carries instead of a flood.
 *
 * The first picture goes out at once; the others wait for what feedback says of it, where a viewer gives such, some 100 ms.
 * A few go meanwhile, one after the other, at most half as much as the first.
 * Then: all as fast as receivers take it, or at the pace of the path, or, when the path hardly carries the stream itself,
 * not at all: a lower level begins at its own next keyframe. Who gives no such feedback is brought there at a pace that most
 * paths carry, within 0.7 s. One thread.
 */
#pragma once

#include "packet-ring.h"
#include "level-policy.h"

G_BEGIN_DECLS

typedef enum
{
  AIR_START_OPEN,  /* no limit but that of receivers */
  AIR_START_FIRST, /* the first picture and little more, until feedback speaks of it */
  AIR_START_PACED, /* at `bps` */
} AirStartPhase;

typedef struct
{
  AirStartPhase phase;
  int64_t since_us;     /* when the first picture was sent, as far as it was */
  uint64_t arrived;     /* bytes, before it began */
  uint64_t first_bytes; /* what the first picture takes */
  uint64_t more_bytes;  /* sent of others meanwhile */
  uint32_t first_frame; /* that picture */
  uint32_t frame;       /* of what was sent last */
  bool heard;           /* feedback came since */
  bool turned;          /* the pace is another one than before */
  uint64_t carried_bps; /* what bursts have shown of the path so far; 0: nothing */
  uint64_t bps; /* the pace; in AIR_START_FIRST: of one from whom nothing will be heard */
  double bytes; /* that may be sent now */
  int64_t paced_us; /* when something was last sent, or let go */
} AirViewerStart;

/* Pictures from @place of @ring on are sent now, faster than live. @tells: the viewer gives transport-wide feedback, and what
 * it is sent may follow from that. */
void air_viewer_start_begin (AirViewerStart *start, const AirPathEstimate *path, AirPacketRing *ring, uint64_t place,
                             bool tells, int64_t now_us);
/* From now on as fast as receivers take it. */
void air_viewer_start_open (AirViewerStart *start);
/* Between two pictures. Returns true once when from now on they go at another pace. */
bool air_viewer_start_turn (AirViewerStart *start, int64_t now_us);
/* What is from picture to picture at the pace of now, 1/90000 s; @place of @ring is the next one. */
uint32_t air_viewer_start_get_step (const AirViewerStart *start, AirPacketRing *ring, uint64_t place);
/* Whether @packet may go now. */
bool air_viewer_start_may_send (AirViewerStart *start, const AirRtpPacket *packet, int64_t now_us);
/* Feedback was taken into @path. @full_bps: what the stream costs. Returns: what the path carries, when that is too little
 * for the stream; else 0. */
uint64_t air_viewer_start_take_feedback (AirViewerStart *start, AirPathEstimate *path, uint64_t full_bps,
                                         int64_t now_us);

G_END_DECLS
