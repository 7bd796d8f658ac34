/* See viewer-feedback.h. */
#include "viewer-feedback.h"

/* A request for a keyframe is answered at most this often per viewer: going back costs a whole group of pictures. */
#define REPLAY_EVERY_US (500 * 1000)
/* Browsers ask by routine, each 3 s, while no picture comes. */
#define NO_PICTURE_US (2000 * 1000)
/* How long the first picture of a start takes to be shown, beside the way: who asks later has lost it. */
#define START_TAKES_US (150 * 1000)
/* NACKs read from one compound packet at most. */
#define MAX_NACKS 64u

static AirRtpTrack *
find_track (const AirViewerLevel *level, uint32_t ssrc)
{
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (level->tracks[kind].section.accepted && level->tracks[kind].section.ssrc == ssrc)
      return &level->tracks[kind];
  return NULL;
}

static AirKind
kind_of (const AirViewerLevel *level, const AirRtpTrack *track)
{
  return (AirKind)(track - level->tracks);
}

static void
take_report (const AirViewerFeedback *feedback, AirRtpTrack *track, const AirRtcpItem *item, int64_t now_us)
{
  AirViewerInfo *info = feedback->info;
  const AirRtpTrack *tracks = feedback->level->tracks;
  bool video = track == &tracks[AIR_KIND_VIDEO];
  track->fraction_lost = item->report.fraction_lost;
  int64_t rtt_us = air_rtcp_round_trip_us (air_ntp_middle (feedback->ntp), item->report.lsr, item->report.dlsr);
  if (rtt_us >= 0)
    {
      info->rtt_us = rtt_us;
      air_repair_take_round_trip (feedback->repair, rtt_us);
    }
  air_repair_take_loss (feedback->repair, item->report.fraction_lost / 256.0, now_us);
  info->loss = 0;
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    info->loss = MAX (info->loss, tracks[kind].fraction_lost / 256.0);
  if (video || !tracks[AIR_KIND_VIDEO].section.accepted)
    {
      int64_t jitter_us = air_rtcp_jitter_us (item->report.jitter, video ? 90000 : 48000);
      if (jitter_us >= 0)
        info->jitter_us = jitter_us;
      air_path_estimate_take_report (feedback->level->path, track->fraction_lost / 256.0, now_us);
    }
}

/* Before the first packets of a start have had time to arrive, browsers ask by routine. */
static bool
is_on_its_way (const AirViewerFeedback *feedback, AirRtpTrack *track, int64_t now_us)
{
  if (track->packets == 0 || track->segment_count == 0 || feedback->level->policy.probe_bps != 0)
    return false;
  const AirRtpSegment *segment = air_rtp_track_get_segment (track);
  return air_rtp_segment_catches_up (segment)
         && now_us < segment->start_us + START_TAKES_US + MAX (0, feedback->info->rtt_us);
}

/* Nothing has come from the publisher for long: what is kept was sent, and again it would look like a film that begins anew. */
static bool
has_had_all (const AirViewerLevel *level, const AirRtpTrack *track, int64_t now_us)
{
  AirPacketRing *ring = level->view->rings[air_lane_of (AIR_KIND_VIDEO, track->rung)];
  return track->any && now_us > track->sent_us + NO_PICTURE_US && track->cursor >= air_packet_ring_get_head (ring);
}

static void
take_keyframe_request (const AirViewerFeedback *feedback, AirRtpTrack *track, int64_t now_us)
{
  AirViewerLevel *level = feedback->level;
  feedback->info->keyframe_requests++;
  feedback->counts->keyframe_requests++;
  if (kind_of (level, track) != AIR_KIND_VIDEO || now_us < track->replayed_us + REPLAY_EVERY_US
      || is_on_its_way (feedback, track, now_us) || has_had_all (level, track, now_us))
    return;
  track->replayed_us = now_us;
  /* A keyframe is under way all the same. */
  if (level->paused)
    return;
  if (air_viewer_level_replay (level, now_us))
    feedback->counts->replays++;
  else
    level->class->request_keyframe (level->viewer, air_lane_of (AIR_KIND_VIDEO, track->rung));
}

/* As far as the ring has it. */
static void
repeat (const AirViewerFeedback *feedback, AirRtpTrack *track, uint16_t sequence, int64_t now_us)
{
  const AirViewerLevel *level = feedback->level;
  AirKind kind = kind_of (level, track);
  const AirRtpSegment *segment;
  uint64_t full;
  if (!(track->section.feedback & AIR_SDP_FEEDBACK_NACK) || !air_rtp_track_unwrap (track, sequence, &full))
    return;
  const AirRtpPacket *packet = air_rtp_track_find (track, level->view, full, &segment);
  /* Pictures of another rung, or before one that waits for a keyframe, are not mended: the path is full as it is. */
  if (!packet || (kind == AIR_KIND_VIDEO && (level->paused || segment->lane != air_lane_of (kind, track->rung)))
      || !air_repair_may_resend (feedback->repair, full * AIR_KIND_COUNT + kind, packet->payload_bytes, now_us))
    return;
  feedback->class->repeat (feedback->data, kind, segment, packet, full);
  feedback->info->retransmitted++;
  feedback->counts->retransmitted++;
}

static void
take_nack (const AirViewerFeedback *feedback, AirRtpTrack *track, const AirRtcpItem *item, int64_t now_us)
{
  feedback->info->nacks++;
  feedback->counts->nacks++;
  repeat (feedback, track, item->nack.sequence, now_us);
  for (unsigned bit = 0; bit < 16; bit++)
    if (item->nack.bitmask & 1u << bit)
      repeat (feedback, track, (uint16_t)(item->nack.sequence + bit + 1), now_us);
}

/* What is about one of our streams. */
static void
take_about (const AirViewerFeedback *feedback, AirRtpTrack *track, const AirRtcpItem *item, unsigned *nacks,
            int64_t now_us)
{
  if (item->type == AIR_RTCP_REPORT_BLOCK)
    take_report (feedback, track, item, now_us);
  else if (item->type == AIR_RTCP_NACK && (*nacks)++ < MAX_NACKS)
    take_nack (feedback, track, item, now_us);
  else if (item->type == AIR_RTCP_PLI)
    take_keyframe_request (feedback, track, now_us);
  else if (item->type == AIR_RTCP_FIR && track->fir_sequence != item->fir.sequence)
    {
      track->fir_sequence = item->fir.sequence;
      take_keyframe_request (feedback, track, now_us);
    }
}

bool
air_viewer_feedback_take (const AirViewerFeedback *feedback, const uint8_t *packet, size_t size, int64_t now_us)
{
  AirViewerLevel *level = feedback->level;
  AirRtcpIter iter;
  AirRtcpItem item;
  unsigned nacks = 0, references = 0;
  if (!air_rtcp_iter_init (&iter, packet, size))
    return true;
  while (air_rtcp_iter_next (&iter, &item))
    {
      AirRtpTrack *track = find_track (level, item.media_ssrc);
      air_rtcp_sources_note (feedback->sources, &iter);
      if (item.type == AIR_RTCP_BYE && air_rtcp_sources_has (feedback->sources, item.media_ssrc))
        return false;
      if (item.type == AIR_RTCP_REMB)
        air_path_estimate_take_remb (level->path, item.remb_bps, now_us);
      if (item.type == AIR_RTCP_TRANSPORT_CC)
        air_viewer_level_take_transport_cc (level, &item, now_us);
      if (item.type == AIR_RTCP_REFERENCE_TIME && references++ == 0)
        feedback->class->answer_reference (feedback->data, item.sender_ssrc, item.reference);
      if (track)
        take_about (feedback, track, &item, &nacks, now_us);
    }
  air_rtcp_sources_note (feedback->sources, &iter);
  return true;
}
