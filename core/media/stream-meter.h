/* What a stream's units tell over a sliding window: bitrate, frame rate, keyframe interval, B-frames, lag. Without locks:
 * the stream calls it under its own. */
#pragma once

#include <airclass/stream.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AIR_METER_SAMPLES 512
#define AIR_METER_KEYFRAMES 4
#define AIR_METER_PEAKS 2

/* A ring of the newest units of a track; its span is at most 5 s. */
typedef struct
{
  struct
  {
    int64_t dts_ns;
    uint32_t bytes;
  } samples[AIR_METER_SAMPLES];
  unsigned first, count;
  uint64_t bytes; /* of all samples */
  int64_t arrival_us; /* of the newest; 0: none yet */
  int64_t lead_ns;    /* how far timestamps were ahead of the clock on the wall at best; forgotten slowly */
  int64_t lag_ns;     /* how far behind that they are now */
  int64_t steady_ns, steady_us; /* how far ahead they have been, by and large, and since when */
} AirTrackMeter;

typedef struct
{
  AirTrackMeter tracks[AIR_KIND_COUNT];
  int64_t keyframes[AIR_METER_KEYFRAMES]; /* DTS of the newest ones, as if no picture had been waited for since */
  unsigned keyframe_count;                /* since the publisher came */
  int64_t newest_pts_ns;
  bool bframes;
  int64_t began_us;  /* when the publisher's first unit came; 0: not yet */
  struct
  {
    int64_t second; /* of the arrival */
    int64_t lag_ns; /* the largest in it */
  } peaks[AIR_METER_PEAKS];
} AirStreamMeter;

/* A publisher comes: forgets the one before. */
void air_meter_begin (AirStreamMeter *meter);
/* Counts a unit and completes its flags: adds AIR_UNIT_REORDERED and AIR_UNIT_NON_REFERENCE, and takes AIR_UNIT_KEYFRAME from a picture
 * at which no browser can begin. */
void air_meter_add (AirStreamMeter *meter, AirUnit *unit);
/* 0 while unknown, and when nothing has come for 5 s. */
unsigned air_meter_get_bitrate_bps (const AirStreamMeter *meter, AirKind kind, int64_t now_us);
double air_meter_get_fps (const AirStreamMeter *meter, int64_t now_us);
/* The longest of the last intervals, the running one included; 0 while unknown. */
int64_t air_meter_get_keyframe_interval_ns (const AirStreamMeter *meter);
/* Since when nothing has come; 0 while nothing came at all. */
int64_t air_meter_get_silence_us (const AirStreamMeter *meter, int64_t now_us);
/* Whether a track that was there has not come for 5 s while the other one goes on. */
bool air_meter_has_stopped (const AirStreamMeter *meter, AirKind kind, int64_t now_us);
/* How late the newest units arrived: of the track that is later. */
int64_t air_meter_get_lag_ns (const AirStreamMeter *meter);
/* How late units arrived at worst in this second and the one before, or are by now. */
int64_t air_meter_get_late_ns (const AirStreamMeter *meter, int64_t now_us);

G_END_DECLS
