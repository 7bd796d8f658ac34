/* The timeline: from a publisher's clock, which wraps, jumps and starts anew, to the stream's own, which does not.
 *
 * Pure and without locks: the stream calls it under its own. Every track has an offset from the publisher's clock to the
 * timeline. The offset is shared: a jump moves the track on which it is seen first, and the other one adopts the new
 * offset as soon as its own timestamps follow, so that the distance between sound and picture is kept.
 */
#pragma once

#include <airclass/stream.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

/* Where a stream begins: a track that starts a little before the first unit still finds room. */
#define AIR_TIMELINE_START_NS (1000 * INT64_C (1000000))

typedef struct
{
  bool placed;        /* has an offset in this session */
  bool discontinuity; /* the next unit is the first after a gap */
  int64_t offset;     /* timeline = unwrapped publisher's clock + offset */
  int64_t in;         /* last DTS by the publisher's clock, unwrapped */
  int64_t step;       /* last distance between two units, for the one after a jump */
  int64_t arrival;    /* monotonic time of the last unit */
  int64_t out;        /* last DTS on the timeline; -1: none yet. Outlives the session */
} AirTimelineTrack;

typedef struct
{
  AirTimelineTrack tracks[AIR_KIND_COUNT];
  int64_t wrap_ns;
  bool started;          /* a reference for unwrapping is there */
  int64_t raw, unwrapped; /* that reference: the last DTS as given and unwrapped */
  int64_t reorder_ns;    /* how far DTS is moved ahead for a publisher whose PTS lies before its DTS */
  uint64_t jumps;        /* re-bases within sessions, for the metrics */
} AirTimeline;

typedef struct
{
  int64_t pts_ns, dts_ns;
  bool discontinuity;
} AirTimelinePoint;

void air_timeline_init (AirTimeline *timeline);
/* A publisher comes (or comes back): its clock has nothing to do with the one before. */
void air_timeline_begin (AirTimeline *timeline, int64_t wrap_ns);
/* Places one unit; @now_ns is monotonic. The DTS returned is above the one before on the same track and ≥ 0, the PTS is
 * not below the DTS. */
AirTimelinePoint air_timeline_map (AirTimeline *timeline, AirKind kind, int64_t pts_ns, int64_t dts_ns, int64_t now_ns);
/* The last DTS of any track; 0 before the first unit. */
int64_t air_timeline_get_position (const AirTimeline *timeline);

G_END_DECLS
