/* The RTCP to a viewer: sender reports, round trips, BYE. Loop. */
#include "fanout-private.h"

#define REPORT_OFTEN_US (G_USEC_PER_SEC / 2)
#define REPORT_EVERY_US (3 * G_USEC_PER_SEC)

static void
send_rtcp (AirFanoutViewer *viewer, const uint8_t *packet, size_t packet_bytes)
{
  const AirPath *path = air_ice_get_selected (viewer->ice);
  if (packet_bytes == 0 || !path || !viewer->sender)
    return;
  uint8_t *out = air_fanout_loop_reserve (viewer->loop, path, AIR_RTP_MAX_PACKET_BYTES);
  size_t bytes = 0;
  if (air_srtp_protect_rtcp (viewer->sender, packet, packet_bytes, out, AIR_RTP_MAX_PACKET_BYTES, &bytes)
      != AIR_SRTP_OK)
    bytes = 0;
  air_fanout_loop_commit (viewer->loop, path, bytes);
}

void
air_fanout_viewer_answer_reference (void *data, uint32_t receiver_ssrc, uint32_t reference)
{
  AirFanoutViewer *viewer = data;
  const AirSdpSection *section = &viewer->tracks[AIR_KIND_VIDEO].section;
  const char *cname = section->reduced_size ? NULL : viewer->names.cname;
  uint8_t packet[128];
  if (section->feedback & AIR_SDP_FEEDBACK_ROUND_TRIP)
    send_rtcp (viewer, packet,
               air_rtcp_build_reference_answer (packet, sizeof packet, section->ssrc, cname, receiver_ssrc, reference));
}

/* Often at first, for lip-sync needs reports of both tracks; then as RFC 3550 §6.2 would have it. Often again while there
 * is no media: so a viewer knows a publisher's silence from a path that is gone. */
static int64_t
report_interval_us (const AirFanoutViewer *viewer, const AirRtpTrack *track, int64_t now_us)
{
  bool often = track->reports < 5 || now_us > viewer->sent_us + REPORT_OFTEN_US;
  return often ? REPORT_OFTEN_US : REPORT_EVERY_US;
}

void
air_fanout_viewer_report (AirFanoutViewer *viewer, int64_t now_us, bool at_once)
{
  const AirRtpView *view = viewer->share->view;
  if (!view->clock.anchored)
    return;
  int64_t pts_ns = MAX (0, air_rtp_view_pts_at (view, now_us));
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    {
      AirRtpTrack *track = &viewer->tracks[kind];
      if (!track->section.accepted || (!at_once && (track->packets == 0 || now_us < track->reported_us + report_interval_us (viewer, track, now_us))))
        continue;
      uint32_t timestamp = kind == AIR_KIND_VIDEO ? air_rtp_clock_90k (pts_ns) : air_rtp_clock_48k (pts_ns);
      AirRtcpSenderInfo info = {
        .ssrc = track->section.ssrc,
        .ntp = air_fanout_loop_ntp (viewer->loop, now_us),
        .rtp_timestamp = timestamp + track->timestamp_offset,
        .packets = track->packets,
        .octets = track->octets,
      };
      uint8_t packet[512];
      send_rtcp (viewer, packet, air_rtcp_build_sr (packet, sizeof packet, &info, viewer->names.cname));
      track->reports++;
      track->reported_us = now_us;
    }
}

void
air_fanout_viewer_say_bye (AirFanoutViewer *viewer)
{
  uint32_t ssrcs[AIR_KIND_COUNT];
  unsigned count = 0;
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (viewer->tracks[kind].section.accepted)
      ssrcs[count++] = viewer->tracks[kind].section.ssrc;
  uint8_t packet[512];
  send_rtcp (viewer, packet, air_rtcp_build_bye (packet, sizeof packet, ssrcs, count, viewer->names.cname));
}
