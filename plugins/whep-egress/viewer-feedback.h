/* What a viewer reports and asks for (RFC 3550 §6.4, RFC 4585, RFC 5104), the same for all engines. The viewer's own thread. */
#pragma once

#include "engine-metrics.h"
#include "repair.h"
#include "viewer-level.h"

G_BEGIN_DECLS

typedef struct
{
  /* @packet of @segment, which was sent with the number @sequence, once more: by RTX where it was negotiated (RFC 4588), else
   * as it was. */
  void (*repeat) (void *data, AirKind kind, const AirRtpSegment *segment, const AirRtpPacket *packet, uint64_t sequence);
  /* To a receiver that wants to know its round trip. */
  void (*answer_reference) (void *data, uint32_t receiver_ssrc, uint32_t reference);
} AirViewerFeedbackClass;

/* Put together for a call. */
typedef struct
{
  const AirViewerFeedbackClass *class;
  void *data;
  AirViewerLevel *level;
  AirRepair *repair;
  AirRtcpSources *sources; /* by which the viewer has spoken: only their end is its end */
  AirViewerInfo *info;    /* where loss, round trip and the like are kept; its strings are not touched */
  AirEngineCounts *counts;
  uint64_t ntp;           /* the present, by the clock of sender reports */
} AirViewerFeedback;

/* A decrypted compound RTCP packet. Returns false when the viewer says BYE. */
bool air_viewer_feedback_take (const AirViewerFeedback *feedback, const uint8_t *packet, size_t size, int64_t now_us);

G_END_DECLS
