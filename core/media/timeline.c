/* See timeline.h. Pure; the caller serializes. */
#include "timeline.h"

#define MS INT64_C (1000000)
/* Sound and picture are interleaved by less than this; more than this ahead of the clock on the wall is a jump. */
#define TOLERANCE (2000 * MS)
/* Backwards by less is jitter and is evened out, more is a jump. */
#define BACKWARDS (250 * MS)
/* A silence longer than this before a jump is kept as a gap; shorter ones are the network's. */
#define SILENCE (1000 * MS)
/* The longest distance between two units that says something about the frame rate. */
#define LONGEST_STEP (200 * MS)
#define DEFAULT_STEP (20 * MS)
/* The least distance of two units. */
#define LEAST_STEP (1 * MS)
/* A presentation this far from its decoding is nonsense. */
#define LONGEST_REORDER (10000 * MS)
#define CLOCK_RANGE (INT64_C (1) << 61)

static int64_t
magnitude (int64_t value)
{
  return value < 0 ? -value : value;
}

void
air_timeline_init (AirTimeline *timeline)
{
  *timeline = (AirTimeline){ 0 };
  for (int kind = 0; kind < AIR_KIND_COUNT; kind++)
    timeline->tracks[kind].out = -1;
}

void
air_timeline_begin (AirTimeline *timeline, int64_t wrap_ns)
{
  timeline->wrap_ns = MAX (wrap_ns, 0);
  timeline->started = false;
  timeline->reorder_ns = 0;
  for (int kind = 0; kind < AIR_KIND_COUNT; kind++)
    {
      AirTimelineTrack *track = &timeline->tracks[kind];
      track->placed = false;
      track->step = DEFAULT_STEP;
      track->discontinuity = track->out >= 0;
    }
}

int64_t
air_timeline_get_position (const AirTimeline *timeline)
{
  int64_t position = 0;
  for (int kind = 0; kind < AIR_KIND_COUNT; kind++)
    position = MAX (position, timeline->tracks[kind].out);
  return position;
}

/* @difference of two wrapping timestamps, brought to the nearest turn. */
static int64_t
nearest_turn (int64_t difference, int64_t wrap_ns)
{
  if (wrap_ns <= 0)
    return difference;
  difference %= wrap_ns;
  if (difference > wrap_ns / 2)
    difference -= wrap_ns;
  else if (difference < -wrap_ns / 2)
    difference += wrap_ns;
  return difference;
}

static int64_t
unwrap (AirTimeline *timeline, int64_t raw)
{
  if (timeline->started)
    timeline->unwrapped += nearest_turn (raw - timeline->raw, timeline->wrap_ns);
  else
    timeline->unwrapped = raw;
  timeline->started = true;
  timeline->raw = raw;
  return timeline->unwrapped;
}

/* The first unit of a session: at the start, or after the time that the publisher was away. */
static int64_t
session_start (const AirTimeline *timeline, int64_t now)
{
  int64_t start = -1;
  for (int kind = 0; kind < AIR_KIND_COUNT; kind++)
    {
      const AirTimelineTrack *track = &timeline->tracks[kind];
      if (track->out >= 0)
        start = MAX (start, track->out + MAX (now - track->arrival, DEFAULT_STEP));
    }
  return start < 0 ? AIR_TIMELINE_START_NS : start;
}

/* A track that has no offset yet in this session. */
static void
place (AirTimeline *timeline, AirTimelineTrack *track, const AirTimelineTrack *other, int64_t in, int64_t now)
{
  if (!other->placed)
    track->offset = session_start (timeline, now) - in;
  else if (magnitude (in - other->in) <= TOLERANCE + (now - other->arrival))
    track->offset = other->offset;
  else /* a clock of its own: what arrives together belongs together */
    track->offset = other->in + other->offset + (now - other->arrival) - in;
  track->placed = true;
  track->in = in;
}

/* A later unit of a track: continues, follows the other track's jump, or jumps itself. */
static bool
follow (AirTimeline *timeline, AirTimelineTrack *track, const AirTimelineTrack *other, int64_t reorder, int64_t in,
        int64_t now)
{
  int64_t step = in - track->in;
  int64_t silence = MAX (now - track->arrival, 0);
  int64_t to_other = other->placed ? magnitude (in - other->in) : INT64_MAX;
  bool near_other = other->placed && to_other <= TOLERANCE + MAX (now - other->arrival, 0);
  if (other->placed && other->offset != track->offset && near_other && to_other < magnitude (step))
    {
      track->offset = other->offset;
      track->step = DEFAULT_STEP;
      return true;
    }
  bool shares = other->placed && other->offset == track->offset;
  if (step >= -BACKWARDS && (step <= silence + TOLERANCE || (shares && near_other)))
    {
      if (step > 0)
        track->step = MIN (step, LONGEST_STEP);
      return false;
    }
  track->offset = track->out + reorder + MAX (track->step, silence > SILENCE ? silence : 0) - in;
  timeline->jumps++;
  return true;
}

AirTimelinePoint
air_timeline_map (AirTimeline *timeline, AirKind kind, int64_t pts_ns, int64_t dts_ns, int64_t now_ns)
{
  AirTimelineTrack *track = &timeline->tracks[kind];
  const AirTimelineTrack *other = &timeline->tracks[kind == AIR_KIND_VIDEO ? AIR_KIND_AUDIO : AIR_KIND_VIDEO];
  dts_ns = CLAMP (dts_ns, -CLOCK_RANGE, CLOCK_RANGE);
  pts_ns = CLAMP (pts_ns, -CLOCK_RANGE, CLOCK_RANGE);
  int64_t composition = nearest_turn (pts_ns - dts_ns, timeline->wrap_ns);
  if (magnitude (composition) > LONGEST_REORDER)
    composition = 0;
  int64_t in = unwrap (timeline, dts_ns);
  /* Some publishers count the presentation back instead of the decoding ahead: then all DTS move ahead, no PTS moves. */
  if (kind == AIR_KIND_VIDEO && -composition > timeline->reorder_ns)
    timeline->reorder_ns = -composition;
  int64_t reorder = kind == AIR_KIND_VIDEO ? timeline->reorder_ns : 0;
  bool discontinuity = track->discontinuity;
  if (!track->placed)
    place (timeline, track, other, in, now_ns);
  else if (follow (timeline, track, other, reorder, in, now_ns))
    discontinuity = true;
  track->discontinuity = false;
  track->in = in;
  track->arrival = now_ns;

  int64_t dts = in + track->offset - reorder;
  int64_t least = track->out < 0 ? 0 : track->out + LEAST_STEP;
  AirTimelinePoint point = { .dts_ns = MAX (dts, least), .discontinuity = discontinuity };
  point.pts_ns = MAX (in + track->offset + composition, point.dts_ns);
  track->out = point.dts_ns;
  return point;
}
