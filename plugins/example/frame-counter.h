/* What the example tells about a stream: how many units went by and how far apart the keyframes are. Plain memory. */
#pragma once

#include <airclass/airclass.h>

G_BEGIN_DECLS

typedef struct
{
  uint64_t units[AIR_KIND_COUNT];
  uint64_t bytes[AIR_KIND_COUNT];
  int64_t keyframe_dts_ns;      /* of the newest video keyframe; -1 before the first */
  int64_t keyframe_interval_ns; /* between the last two; 0 before the second */
} FrameCounter;

void frame_counter_init (FrameCounter *counter);
/* One unit of @size_bytes; @flags as in AirUnit. */
void frame_counter_add (FrameCounter *counter, AirKind kind, unsigned flags, int64_t dts_ns, size_t size_bytes);
/* Returns: (transfer full) {"path", "video_units", "audio_units", "bytes", "keyframe_interval_ms"} */
JsonNode *frame_counter_to_json (const FrameCounter *counter, const char *path);

G_END_DECLS
