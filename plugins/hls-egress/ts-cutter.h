/* Cuts MPEG-TS (ISO/IEC 13818-1) into segments that can be played from their beginning: each begins with PAT and PMT. One
 * thread at a time. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

#define TS_PACKET_BYTES 188u

typedef struct _TsCutter TsCutter;

typedef struct
{
  bool pictures;      /* there is video: a segment begins with a picture, a keyframe where one comes in time */
  int64_t segment_ns; /* a segment ends with the first keyframe (without pictures: unit of sound) after about so long, */
  int64_t longest_ns; /* or else with any unit after so long, */
  size_t max_bytes;   /* or with so many */
  /* @media: (transfer full). @duration_ns: at least 1. */
  void (*segment) (GBytes *media, int64_t duration_ns, void *data);
  void *data;
} TsCutterConfig;

TsCutter *ts_cutter_new (const TsCutterConfig *config);
void ts_cutter_free (TsCutter *cutter);
/* @packet: TS_PACKET_BYTES, of one program whose PAT and PMT are a packet each. @time_ns: of the unit it belongs to. */
void ts_cutter_take (TsCutter *cutter, const uint8_t *packet, int64_t time_ns);
/* What is left is the last segment. */
void ts_cutter_finish (TsCutter *cutter);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TsCutter, ts_cutter_free)

G_END_DECLS
