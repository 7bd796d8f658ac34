/* What a viewer reports and asks for (RFC 3550 §6.4, RFC 4585, RFC 5104). */
#include "fanout-viewer.h"

/* A request for a keyframe is answered at most this often per viewer: going back costs a whole group of pictures. */
#define REPLAY_EVERY_US (500 * 1000)
/* Browsers ask by routine, each 3 s, while no picture comes. */
#define NO_PICTURE_US (2000 * 1000)
/* How long the first picture of a start takes to be shown, beside the way: who asks later has lost it. */
#define START_TAKES_US (150 * 1000)
/* NACKs read from one compound packet at most. */
#define MAX_NACKS 64u

static AirFanoutTrack *
find_track (AirFanoutViewer *viewer, uint32_t ssrc)
{
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (viewer->tracks[kind].section.accepted && viewer->tracks[kind].section.ssrc == ssrc)
      return &viewer->tracks[kind];
  return NULL;
}

static void
take_report (AirFanoutViewer *viewer, AirFanoutTrack *track, const AirRtcpItem *item, int64_t now_us)
{
  bool video = track == &viewer->tracks[AIR_KIND_VIDEO];
  track->fraction_lost = item->report.fraction_lost;
  track->jitter = item->report.jitter;
  uint32_t now = air_ntp_middle (air_fanout_loop_ntp (viewer->loop, now_us));
  int64_t rtt_us = air_rtcp_round_trip_us (now, item->report.lsr, item->report.dlsr);
  if (rtt_us >= 0)
    {
      viewer->counts.rtt_us = rtt_us;
      air_repair_take_round_trip (&viewer->repair, rtt_us);
    }
  air_repair_take_loss (&viewer->repair, item->report.fraction_lost / 256.0, now_us);
  viewer->counts.loss = 0;
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    viewer->counts.loss = MAX (viewer->counts.loss, viewer->tracks[kind].fraction_lost / 256.0);
  if (video || !viewer->tracks[AIR_KIND_VIDEO].section.accepted)
    {
      viewer->counts.jitter_us = (int64_t)track->jitter * G_USEC_PER_SEC / (video ? 90000 : 48000);
      air_path_estimate_take_report (viewer->level.path, track->fraction_lost / 256.0, now_us);
    }
}

/* Before the first packets of a start have had time to arrive, browsers ask by routine. */
static bool
is_on_its_way (const AirFanoutViewer *viewer, const AirFanoutTrack *track, int64_t now_us)
{
  if (track->packets == 0 || track->segment_count == 0 || viewer->level.policy.probe_bps != 0)
    return false;
  const AirFanoutSegment *segment = &track->segments[track->segment_count - 1];
  return segment->live == UINT64_MAX && now_us < segment->start_us + START_TAKES_US + MAX (0, viewer->counts.rtt_us);
}

/* Nothing has come from the publisher for long: what is kept was sent, and again it would look like a film that begins anew. */
static bool
has_had_all (const AirFanoutViewer *viewer, const AirFanoutTrack *track, int64_t now_us)
{
  AirPacketRing *ring = viewer->share->view->rings[air_lane_of (AIR_KIND_VIDEO, track->rung)];
  return viewer->level.any && now_us > viewer->level.sent_us + NO_PICTURE_US
         && track->cursor >= air_packet_ring_get_head (ring);
}

static void
take_keyframe_request (AirFanoutViewer *viewer, AirFanoutTrack *track, int64_t now_us)
{
  AirFanoutCounts *counts = air_fanout_loop_get_counts (viewer->loop);
  viewer->counts.keyframe_requests++;
  counts->keyframe_requests++;
  if (track != &viewer->tracks[AIR_KIND_VIDEO] || now_us < track->replayed_us + REPLAY_EVERY_US)
    return;
  if (is_on_its_way (viewer, track, now_us) || has_had_all (viewer, track, now_us))
    return;
  track->replayed_us = now_us;
  /* A keyframe is under way all the same. */
  if (viewer->level.paused)
    return;
  if (air_fanout_viewer_replay (viewer, track, now_us))
    counts->replays++;
  else
    air_fanout_share_request_keyframe (viewer->share, air_lane_of (AIR_KIND_VIDEO, track->rung));
}

static void
take_nack (AirFanoutViewer *viewer, AirFanoutTrack *track, const AirRtcpItem *item, int64_t now_us)
{
  viewer->counts.nacks++;
  air_fanout_loop_get_counts (viewer->loop)->nacks++;
  air_fanout_viewer_retransmit (viewer, track, item->nack.sequence, now_us);
  for (unsigned bit = 0; bit < 16; bit++)
    if (item->nack.bitmask & 1u << bit)
      air_fanout_viewer_retransmit (viewer, track, (uint16_t)(item->nack.sequence + bit + 1), now_us);
}

bool
air_fanout_viewer_feedback (AirFanoutViewer *viewer, const uint8_t *packet, size_t size,
                            int64_t now_us)
{
  AirRtcpIter iter;
  AirRtcpItem item;
  unsigned nacks = 0, references = 0;
  if (!air_rtcp_iter_init (&iter, packet, size))
    return true;
  while (air_rtcp_iter_next (&iter, &item))
    {
      AirFanoutTrack *track = find_track (viewer, item.media_ssrc);
      if (item.type == AIR_RTCP_BYE)
        return false;
      if (item.type == AIR_RTCP_REMB)
        air_path_estimate_take_remb (viewer->level.path, item.remb_bps, now_us);
      if (item.type == AIR_RTCP_TRANSPORT_CC)
        air_fanout_level_take_transport_cc (viewer, &item, now_us);
      if (item.type == AIR_RTCP_REFERENCE_TIME && references++ == 0)
        air_fanout_viewer_answer_reference (viewer, item.sender_ssrc, item.reference);
      if (!track)
        continue;
      if (item.type == AIR_RTCP_REPORT_BLOCK)
        take_report (viewer, track, &item, now_us);
      else if (item.type == AIR_RTCP_NACK && nacks++ < MAX_NACKS)
        take_nack (viewer, track, &item, now_us);
      else if (item.type == AIR_RTCP_PLI)
        take_keyframe_request (viewer, track, now_us);
      else if (item.type == AIR_RTCP_FIR && track->fir_sequence != item.fir.sequence)
        {
          track->fir_sequence = item.fir.sequence;
          take_keyframe_request (viewer, track, now_us);
        }
    }
  return true;
}
