/* See stream-meter.h. */
#include "stream-meter.h"

#include "codec-headers.h"
#include "track.h"

#define WINDOW_NS (5000 * INT64_C (1000000))
#define WINDOW_US (5 * G_USEC_PER_SEC)
/* A track that has not come for so long pauses. */
#define PAUSE_US (2 * G_USEC_PER_SEC)
/* Less in a window is a slide show, or a track that had just begun. */
#define STEADY_SAMPLES 10u
/* A lag that stays the same for so long is that of a clock which stood still for a while, not of a network. */
#define STEADY_US (10 * G_USEC_PER_SEC)
#define STEADY_NS (300 * INT64_C (1000000))

void
air_meter_begin (AirStreamMeter *meter)
{
  *meter = (AirStreamMeter){ .newest_pts_ns = -1 };
}

static void
add_sample (AirTrackMeter *track, const AirUnit *unit)
{
  while (track->count == AIR_METER_SAMPLES
         || (track->count > 0 && unit->dts_ns - track->samples[track->first].dts_ns > WINDOW_NS))
    {
      track->bytes -= track->samples[track->first].bytes;
      track->first = (track->first + 1) % AIR_METER_SAMPLES;
      track->count--;
    }
  unsigned slot = (track->first + track->count++) % AIR_METER_SAMPLES;
  track->samples[slot].dts_ns = unit->dts_ns;
  track->samples[slot].bytes = (uint32_t)MIN (gst_buffer_get_size (unit->buffer), UINT32_MAX);
  track->bytes += track->samples[slot].bytes;
  track->arrival_us = unit->arrival_us;
}

static AirH264Picture
inspect (const AirUnit *unit)
{
  AirH264Picture picture = { 0 };
  GstMapInfo map;
  GstMemory *memory = gst_buffer_n_memory (unit->buffer) > 0 ? gst_buffer_peek_memory (unit->buffer, 0) : NULL;
  if (memory == NULL || !gst_memory_map (memory, &map, GST_MAP_READ))
    return picture;
  picture = air_h264_inspect (map.data, map.size, air_track_get_nal_length_bytes (unit->track));
  gst_memory_unmap (memory, &map);
  return picture;
}

/* Encoders mark recovery points as keyframes, too: with intra refresh, and with open groups of pictures. A browser begins at IDR
 * pictures only. Where there are B-frames that does not matter, as browsers get new pictures there, whose decoder begins at any I
 * picture. */
static bool
is_no_beginning (const AirStreamMeter *meter, const AirH264Picture *picture)
{
  return picture->has_slice && !picture->idr && !(meter->bframes && picture->i_slice);
}

/* A picture shown before one that was decoded earlier is a B-frame; so is one made of B slices whose publisher lost the
 * composition times. */
static void
inspect_video (AirStreamMeter *meter, AirUnit *unit)
{
  bool reordered = unit->pts_ns < meter->newest_pts_ns && !(unit->flags & AIR_UNIT_DISCONTINUITY);
  meter->newest_pts_ns = reordered ? meter->newest_pts_ns : unit->pts_ns;
  if (air_track_get_codec (unit->track) == AIR_CODEC_H264)
    {
      AirH264Picture picture = inspect (unit);
      reordered = reordered || picture.b_slice;
      if (picture.has_slice && !picture.reference)
        unit->flags |= AIR_UNIT_NON_REFERENCE;
      if (is_no_beginning (meter, &picture))
        unit->flags &= ~AIR_UNIT_KEYFRAME;
    }
  if (reordered)
    {
      meter->bframes = true;
      unit->flags |= AIR_UNIT_REORDERED;
    }
  if (unit->flags & AIR_UNIT_KEYFRAME)
    meter->keyframes[meter->keyframe_count++ % AIR_METER_KEYFRAMES] = unit->dts_ns;
}

/* A publisher that began with a burst, or whose clock is slow, has a lag that says nothing; one that grows does. So the
 * best lead is forgotten by 50 ms a second, and at once when the lag stays what it is. Each track has its own: what lies
 * between the clocks of picture and sound is no lag. */
static void
update_lag (AirTrackMeter *track, const AirUnit *unit)
{
  int64_t lead = unit->dts_ns - unit->arrival_us * 1000;
  if (track->arrival_us == 0)
    track->lead_ns = lead;
  else
    track->lead_ns -= (unit->arrival_us - track->arrival_us) * 1000 / 20;
  if (track->arrival_us == 0 || ABS (lead - track->steady_ns) > STEADY_NS)
    {
      track->steady_ns = lead;
      track->steady_us = unit->arrival_us;
    }
  else if (unit->arrival_us - track->steady_us >= STEADY_US)
    {
      track->lead_ns = lead;
      track->steady_us = unit->arrival_us;
    }
  track->lead_ns = MAX (track->lead_ns, lead);
  track->lag_ns = track->lead_ns - lead;
}

static void
update_peaks (AirStreamMeter *meter, int64_t arrival_us)
{
  int64_t second = arrival_us / G_USEC_PER_SEC;
  unsigned slot = (unsigned)(second % AIR_METER_PEAKS);
  if (meter->peaks[slot].second != second)
    meter->peaks[slot].lag_ns = 0;
  meter->peaks[slot].second = second;
  meter->peaks[slot].lag_ns = MAX (meter->peaks[slot].lag_ns, air_meter_get_lag_ns (meter));
}

/* A pause of the picture is no interval between keyframes. */
static void
leave_out_pause (AirStreamMeter *meter, const AirUnit *unit)
{
  const AirTrackMeter *video = &meter->tracks[AIR_KIND_VIDEO];
  if (video->count == 0 || unit->arrival_us - video->arrival_us < PAUSE_US)
    return;
  int64_t pause_ns = unit->dts_ns - video->samples[(video->first + video->count - 1) % AIR_METER_SAMPLES].dts_ns;
  for (unsigned i = 0; i < AIR_METER_KEYFRAMES; i++)
    meter->keyframes[i] += pause_ns;
}

void
air_meter_add (AirStreamMeter *meter, AirUnit *unit)
{
  AirKind kind = air_track_get_kind (unit->track);
  meter->began_us = meter->began_us != 0 ? meter->began_us : unit->arrival_us;
  update_lag (&meter->tracks[kind], unit);
  if (kind == AIR_KIND_VIDEO)
    leave_out_pause (meter, unit);
  add_sample (&meter->tracks[kind], unit);
  update_peaks (meter, unit->arrival_us);
  if (kind == AIR_KIND_VIDEO)
    inspect_video (meter, unit);
}

static int64_t
span_ns (const AirTrackMeter *track)
{
  if (track->count < 2)
    return 0;
  unsigned last = (track->first + track->count - 1) % AIR_METER_SAMPLES;
  return track->samples[last].dts_ns - track->samples[track->first].dts_ns;
}

static bool
is_fresh (const AirTrackMeter *track, int64_t now_us)
{
  return track->arrival_us != 0 && now_us - track->arrival_us < WINDOW_US && span_ns (track) > 0;
}

unsigned
air_meter_get_bitrate_bps (const AirStreamMeter *meter, AirKind kind, int64_t now_us)
{
  const AirTrackMeter *track = &meter->tracks[kind];
  if (!is_fresh (track, now_us))
    return 0;
  unsigned last = (track->first + track->count - 1) % AIR_METER_SAMPLES;
  double bits = (double)(track->bytes - track->samples[last].bytes) * 8;
  return (unsigned)MIN (bits * 1e9 / (double)span_ns (track), (double)UINT32_MAX);
}

double
air_meter_get_fps (const AirStreamMeter *meter, int64_t now_us)
{
  const AirTrackMeter *track = &meter->tracks[AIR_KIND_VIDEO];
  return is_fresh (track, now_us) ? (track->count - 1) * 1e9 / (double)span_ns (track) : 0;
}

int64_t
air_meter_get_keyframe_interval_ns (const AirStreamMeter *meter)
{
  if (meter->keyframe_count == 0)
    return 0;
  int64_t longest = 0;
  unsigned known = MIN (meter->keyframe_count, AIR_METER_KEYFRAMES);
  for (unsigned i = 1; i < known; i++)
    {
      int64_t newer = meter->keyframes[(meter->keyframe_count - i) % AIR_METER_KEYFRAMES];
      int64_t older = meter->keyframes[(meter->keyframe_count - i - 1) % AIR_METER_KEYFRAMES];
      longest = MAX (longest, newer - older);
    }
  const AirTrackMeter *video = &meter->tracks[AIR_KIND_VIDEO];
  int64_t newest_dts = video->samples[(video->first + video->count - 1) % AIR_METER_SAMPLES].dts_ns;
  int64_t running = newest_dts - meter->keyframes[(meter->keyframe_count - 1) % AIR_METER_KEYFRAMES];
  /* The first interval is not known before its end, unless it is already long. */
  return known > 1 || running > WINDOW_NS ? MAX (longest, running) : 0;
}

int64_t
air_meter_get_silence_us (const AirStreamMeter *meter, int64_t now_us)
{
  int64_t newest = MAX (meter->tracks[AIR_KIND_VIDEO].arrival_us, meter->tracks[AIR_KIND_AUDIO].arrival_us);
  return newest == 0 ? 0 : now_us - newest;
}

bool
air_meter_has_stopped (const AirStreamMeter *meter, AirKind kind, int64_t now_us)
{
  const AirTrackMeter *track = &meter->tracks[kind];
  return track->arrival_us != 0 && now_us - track->arrival_us > WINDOW_US && track->count >= STEADY_SAMPLES
         && air_meter_get_silence_us (meter, now_us) < PAUSE_US;
}

int64_t
air_meter_get_lag_ns (const AirStreamMeter *meter)
{
  int64_t newest_us = MAX (meter->tracks[AIR_KIND_VIDEO].arrival_us, meter->tracks[AIR_KIND_AUDIO].arrival_us);
  int64_t lag_ns = 0;
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (newest_us - meter->tracks[kind].arrival_us < PAUSE_US)
      lag_ns = MAX (lag_ns, meter->tracks[kind].lag_ns);
  return lag_ns;
}

int64_t
air_meter_get_late_ns (const AirStreamMeter *meter, int64_t now_us)
{
  /* While nothing comes, what would be next gets later and later. */
  int64_t late_ns = air_meter_get_lag_ns (meter) + air_meter_get_silence_us (meter, now_us) * 1000;
  for (unsigned i = 0; i < AIR_METER_PEAKS; i++)
    if (now_us / G_USEC_PER_SEC - meter->peaks[i].second < AIR_METER_PEAKS)
      late_ns = MAX (late_ns, meter->peaks[i].lag_ns);
  return late_ns;
}
