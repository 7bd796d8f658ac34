/* Counting units and measuring the distance of keyframes. */
#include "../frame-counter.h"

#define SECOND G_GINT64_CONSTANT (1000000000)

static void
test_counts (void)
{
  FrameCounter counter;
  g_autoptr (JsonNode) node = NULL;
  JsonObject *object;

  frame_counter_init (&counter);
  frame_counter_add (&counter, AIR_KIND_VIDEO, AIR_UNIT_KEYFRAME, 0, 1000);
  frame_counter_add (&counter, AIR_KIND_VIDEO, 0, SECOND / 30, 100);
  frame_counter_add (&counter, AIR_KIND_AUDIO, AIR_UNIT_KEYFRAME, SECOND / 2, 50);
  frame_counter_add (&counter, AIR_KIND_VIDEO, AIR_UNIT_KEYFRAME, 2 * SECOND, 1000);
  node = frame_counter_to_json (&counter, "live/algebra");
  object = json_node_get_object (node);
  g_assert_cmpstr (json_object_get_string_member (object, "path"), ==, "live/algebra");
  g_assert_cmpint (json_object_get_int_member (object, "video_units"), ==, 3);
  g_assert_cmpint (json_object_get_int_member (object, "audio_units"), ==, 1);
  g_assert_cmpint (json_object_get_int_member (object, "bytes"), ==, 2150);
  g_assert_cmpint (json_object_get_int_member (object, "keyframe_interval_ms"), ==, 2000);
}

static void
test_gap (void)
{
  FrameCounter counter;

  frame_counter_init (&counter);
  frame_counter_add (&counter, AIR_KIND_VIDEO, AIR_UNIT_KEYFRAME, 0, 1);
  frame_counter_add (&counter, AIR_KIND_VIDEO, AIR_UNIT_KEYFRAME | AIR_UNIT_DISCONTINUITY, 60 * SECOND, 1);
  g_assert_cmpint (counter.keyframe_interval_ns, ==, 0);
  frame_counter_add (&counter, AIR_KIND_VIDEO, AIR_UNIT_KEYFRAME, 61 * SECOND, 1);
  g_assert_cmpint (counter.keyframe_interval_ns, ==, SECOND);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/example/frame-counter/counts", test_counts);
  g_test_add_func ("/example/frame-counter/gap", test_gap);
  return g_test_run ();
}
