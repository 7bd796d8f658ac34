/* AirUnit: one encoded access unit. Immutable once a stream has it; reference-counted; any thread. */
#include "stream-private.h"

AirUnit *
air_unit_new (AirTrack *track, GstBuffer *buffer, int64_t pts_ns, int64_t dts_ns, unsigned flags)
{
  AirUnit *unit = g_new (AirUnit, 1);
  buffer = gst_buffer_make_writable (buffer);
  GST_BUFFER_PTS (buffer) = (GstClockTime)pts_ns;
  GST_BUFFER_DTS (buffer) = (GstClockTime)dts_ns;
  if (flags & AIR_UNIT_KEYFRAME)
    GST_BUFFER_FLAG_UNSET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  else
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  *unit = (AirUnit){
    .track = air_track_ref (track),
    .buffer = buffer,
    .pts_ns = pts_ns,
    .dts_ns = dts_ns,
    .arrival_us = g_get_monotonic_time (),
    .flags = flags,
  };
  g_atomic_ref_count_init (&unit->references);
  return unit;
}

AirUnit *
air_unit_with_flags (AirUnit *unit, unsigned flags)
{
  AirUnit *copy = g_new (AirUnit, 1);
  *copy = *unit;
  g_atomic_ref_count_init (&copy->references);
  air_track_ref (copy->track);
  gst_buffer_ref (copy->buffer);
  copy->flags |= flags;
  return copy;
}

AirUnit *
air_unit_ref (AirUnit *unit)
{
  g_atomic_ref_count_inc (&unit->references);
  return unit;
}

void
air_unit_unref (AirUnit *unit)
{
  if (unit == NULL || !g_atomic_ref_count_dec (&unit->references))
    return;
  air_track_unref (unit->track);
  gst_buffer_unref (unit->buffer);
  g_free (unit);
}
