/* Counting: kept apart from the plugin so that a unit test reaches it without a server. */
#include "frame-counter.h"

void
frame_counter_init (FrameCounter *counter)
{
  *counter = (FrameCounter){ .keyframe_dts_ns = -1 };
}

void
frame_counter_add (FrameCounter *counter, AirKind kind, unsigned flags, int64_t dts_ns, size_t size_bytes)
{
  counter->units[kind]++;
  counter->bytes[kind] += size_bytes;
  if (kind != AIR_KIND_VIDEO || !(flags & AIR_UNIT_KEYFRAME))
    return;
  /* After a gap the distance says nothing about the encoder. */
  if (counter->keyframe_dts_ns >= 0 && !(flags & AIR_UNIT_DISCONTINUITY))
    counter->keyframe_interval_ns = dts_ns - counter->keyframe_dts_ns;
  counter->keyframe_dts_ns = dts_ns;
}

JsonNode *
frame_counter_to_json (const FrameCounter *counter, const char *path)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  json_object_set_string_member (object, "path", path);
  json_object_set_int_member (object, "video_units", counter->units[AIR_KIND_VIDEO]);
  json_object_set_int_member (object, "audio_units", counter->units[AIR_KIND_AUDIO]);
  json_object_set_int_member (object, "bytes", counter->bytes[AIR_KIND_VIDEO] + counter->bytes[AIR_KIND_AUDIO]);
  json_object_set_int_member (object, "keyframe_interval_ms", counter->keyframe_interval_ns / 1000000);
  json_node_take_object (node, object);
  return node;
}
