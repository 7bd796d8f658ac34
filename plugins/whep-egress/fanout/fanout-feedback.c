/* What a viewer's RTCP is taken to. Loop. */
#include "fanout-viewer.h"

bool
air_fanout_viewer_feedback (AirFanoutViewer *viewer, const uint8_t *packet, size_t size, int64_t now_us)
{
  static const AirViewerFeedbackClass class = { air_fanout_viewer_repeat, air_fanout_viewer_answer_reference };
  AirViewerFeedback feedback = {
    .class = &class,
    .data = viewer,
    .level = &viewer->level,
    .repair = &viewer->repair,
    .sources = &viewer->sources,
    .info = &viewer->counts,
    .counts = air_fanout_loop_get_counts (viewer->loop),
    .ntp = air_fanout_loop_ntp (viewer->loop, now_us),
  };
  return air_viewer_feedback_take (&feedback, packet, size, now_us);
}
