/* See viewer-level.h. */
#include "viewer-level.h"

/* What pipelines/low-rung.pipeline makes, with headers. */
#define LOW_BPS 560000u
#define LOW_MORE_PERCENT 125u
/* The low rung is worth its cost where the full one takes so much more. */
#define LOW_WORTH_PERCENT 120u
/* Pictures to leave out must be a share that matters. */
#define REDUCED_WORTH_PERCENT 85u
/* A keyframe is entered at when so little stands behind it: a burst is no help to a path that is full. */
#define FRESH_NS (400 * G_GINT64_CONSTANT (1000000))
/* A ring that got nothing for so long is not supplied any more. */
#define STALE_NS (2000 * G_GINT64_CONSTANT (1000000))
#define ASK_EVERY_US (300 * 1000)
/* Feedback comes about as often as the clock looks: one of them is enough. */
#define UPDATE_US (90 * 1000)
/* After the thread came late, what is measured says little. */
#define STRAINED_FOR_US (700 * 1000)

static unsigned
rung_of (AirLevel level)
{
  return level == AIR_LEVEL_LOW ? AIR_RUNG_LOW : AIR_RUNG_FULL;
}

static bool
has_video (const AirViewerLevel *level)
{
  return level->tracks[AIR_KIND_VIDEO].section.accepted;
}

static void
want (AirViewerLevel *level, unsigned rung, bool wanted)
{
  if (level->wants[rung] == wanted)
    return;
  level->wants[rung] = wanted;
  level->class->want (level->viewer, rung, wanted ? 1 : -1);
}

/* The policy has decided otherwise; the pictures follow at a keyframe. */
static void
follow (AirViewerLevel *level, AirLevel before, int64_t now_us)
{
  const AirRtpTrack *track = &level->tracks[AIR_KIND_VIDEO];
  AirLevel now = level->policy.level;
  bool low = now == AIR_LEVEL_LOW || (track->rung == AIR_RUNG_LOW && now != AIR_LEVEL_AUDIO);
  want (level, AIR_RUNG_LOW, low);
  if (now == AIR_LEVEL_AUDIO || (now > before && rung_of (now) != track->rung))
    level->paused = true;
  air_viewer_start_open (&level->start);
  AirPathState state;
  air_path_estimate_get (level->path, now_us, &state);
  g_debug ("level %s for %s: queue %" G_GINT64_FORMAT " ms, loss %.2f, %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " kbit/s arrive",
           air_level_to_string (now), air_level_reason_to_string (level->policy.reason), state.queue_us / 1000, state.loss,
           state.goodput_bps / 1000, state.sent_bps / 1000);
  level->class->changed (level->viewer, now, level->policy.reason);
  level->since_us = g_get_real_time ();
}

void
air_viewer_level_begin (AirViewerLevel *level, const AirViewerLevelClass *class, void *viewer, const AirRtpView *view,
                        AirRtpTrack *tracks, AirLevels levels, int64_t now_us)
{
  *level = (AirViewerLevel){ .class = class, .viewer = viewer, .view = view, .tracks = tracks };
  level->path = air_path_estimate_new ();
  air_level_policy_init (&level->policy, has_video (level) ? levels : AIR_LEVELS_FULL, now_us);
  want (level, AIR_RUNG_LOW, level->policy.level == AIR_LEVEL_LOW);
  level->paused = level->policy.level == AIR_LEVEL_AUDIO;
}

void
air_viewer_level_end (AirViewerLevel *level)
{
  if (level->path)
    want (level, AIR_RUNG_LOW, false);
}

void
air_viewer_level_clear (AirViewerLevel *level)
{
  g_clear_pointer (&level->path, air_path_estimate_free);
}

/* ---- What the levels cost */

/* Of an edited template: what it makes counts where that is clearly more. */
static uint64_t
get_low_bps (const AirViewerLevel *level)
{
  uint64_t made = air_packet_ring_get_bps (level->view->rings[AIR_LANE_VIDEO + AIR_RUNG_LOW], NULL);
  return made * 100 > (uint64_t)LOW_BPS * LOW_MORE_PERCENT ? made : LOW_BPS;
}

static AirLevelRates
get_rates (const AirViewerLevel *level)
{
  AirPacketRing *const *rings = level->view->rings;
  uint64_t disposable = 0;
  uint64_t full = air_packet_ring_get_bps (rings[AIR_LANE_VIDEO], &disposable);
  bool heard = level->tracks[AIR_KIND_AUDIO].section.accepted;
  uint64_t sound = heard ? air_packet_ring_get_bps (rings[AIR_LANE_AUDIO], NULL) : 0;
  AirLevel now = level->policy.level;
  AirLevelRates rates = { 0 };
  rates.bps[AIR_LEVEL_FULL] = MAX (1, full + sound);
  if ((full - disposable) * 100 < full * REDUCED_WORTH_PERCENT || (now == AIR_LEVEL_REDUCED && disposable > 0))
    rates.bps[AIR_LEVEL_REDUCED] = full - disposable + sound;
  uint64_t low = get_low_bps (level);
  bool worth = full * 100 > low * LOW_WORTH_PERCENT;
  if (level->class->is_possible (level->viewer, AIR_RUNG_LOW) && (worth || now >= AIR_LEVEL_LOW))
    rates.bps[AIR_LEVEL_LOW] = low + sound;
  rates.bps[AIR_LEVEL_AUDIO] = sound;
  return rates;
}

static bool
is_strained (const AirViewerLevel *level, int64_t now_us)
{
  int64_t strained_us = level->class->get_strained_us (level->viewer);
  return strained_us != 0 && now_us < strained_us + STRAINED_FOR_US;
}

static void
update (AirViewerLevel *level, int64_t now_us)
{
  AirLevel before = level->policy.level;
  level->updated_us = now_us;
  if (!level->path || !has_video (level) || level->policy.levels != AIR_LEVELS_AUTO || !level->view->ready)
    return;
  AirPathState state;
  AirLevelRates rates = get_rates (level);
  air_path_estimate_get (level->path, now_us, &state);
  if (state.trend != AIR_PATH_NORMAL && is_strained (level, now_us))
    return;
  if (air_level_policy_update (&level->policy, &state, &rates, now_us))
    follow (level, before, now_us);
}

void
air_viewer_level_check (AirViewerLevel *level, int64_t now_us)
{
  if (now_us >= level->updated_us + UPDATE_US)
    update (level, now_us);
}

/* ---- From place to place, from rung to rung */

/* To a keyframe that is kept. */
static AirRtpSegment *
catch_up_from (AirViewerLevel *level, unsigned rung, uint64_t keyframe, int64_t now_us)
{
  AirRtpTrack *track = &level->tracks[AIR_KIND_VIDEO];
  AirRtpSegment *segment = air_rtp_track_catch_up (track, level->view, rung, keyframe, now_us);
  bool tells = track->section.extensions[AIR_SDP_EXTENSION_TRANSPORT_CC] != 0;
  AirPacketRing *ring = level->view->rings[segment->lane];
  air_viewer_start_begin (&level->start, level->path, ring, keyframe, tells, now_us);
  segment->step = air_viewer_start_get_step (&level->start, ring, keyframe);
  return segment;
}

/* What is known of the path by now says how fast the rest goes. */
static void
change_pace (AirViewerLevel *level, int64_t now_us)
{
  AirRtpTrack *track = &level->tracks[AIR_KIND_VIDEO];
  const AirRtpSegment *segment = air_rtp_track_get_segment (track);
  if (!air_rtp_segment_catches_up (segment))
    return;
  uint32_t step = air_viewer_start_get_step (&level->start, level->view->rings[segment->lane], track->cursor);
  air_rtp_track_change_pace (track, level->view, step, now_us);
}

/* Where @rung can be entered now: newer than all that was sent, and with little behind it. */
static uint64_t
find_entry (const AirViewerLevel *level, unsigned rung, int64_t now_us)
{
  const AirRtpTrack *track = &level->tracks[AIR_KIND_VIDEO];
  const AirRtpView *view = level->view;
  AirPacketRing *ring = view->rings[air_lane_of (AIR_KIND_VIDEO, rung)];
  uint64_t place = air_packet_ring_get_keyframe (ring);
  const AirRtpPacket *keyframe = place != AIR_RING_NONE ? air_packet_ring_get (ring, place) : NULL;
  if (!keyframe || (track->any && keyframe->pts_ns <= track->last_pts_ns))
    return AIR_RING_NONE;
  const AirRtpPacket *newest = air_packet_ring_get (ring, air_packet_ring_get_head (ring) - 1);
  bool fresh = newest->pts_ns - keyframe->pts_ns <= FRESH_NS;
  bool stale = newest->pts_ns < air_rtp_view_live_pts (view, now_us) - STALE_NS;
  return fresh && !stale ? place : AIR_RING_NONE;
}

static bool
enter (AirViewerLevel *level, unsigned rung, int64_t now_us)
{
  AirRtpTrack *track = &level->tracks[AIR_KIND_VIDEO];
  AirLane lane = air_lane_of (AIR_KIND_VIDEO, rung);
  uint64_t place = find_entry (level, rung, now_us);
  if (place != AIR_RING_NONE)
    {
      const AirRtpPacket *keyframe = air_packet_ring_get (level->view->rings[lane], place);
      AirRtpSegment *segment = catch_up_from (level, rung, place, now_us);
      if (!track->any || (int32_t)(keyframe->timestamp - track->last_timestamp) > 0)
        segment->live = place;
      want (level, AIR_RUNG_LOW, rung == AIR_RUNG_LOW);
      level->paused = false;
      return true;
    }
  if (now_us >= level->asked_us + ASK_EVERY_US)
    {
      level->asked_us = now_us;
      level->class->request_keyframe (level->viewer, lane);
    }
  return false;
}

/* Enters the wanted rung when it can. Returns whether pictures may be sent. */
static bool
steer (AirViewerLevel *level, int64_t now_us)
{
  const AirRtpTrack *track = &level->tracks[AIR_KIND_VIDEO];
  if (track->in_frame)
    return true;
  if (level->policy.level == AIR_LEVEL_AUDIO)
    return false;
  unsigned rung = rung_of (level->policy.level);
  /* At the start of the full rung whatever is cached will do. */
  bool settled = track->rung == rung && !level->paused && (track->started || rung == AIR_RUNG_FULL);
  return settled || enter (level, rung, now_us) || (track->started && !level->paused);
}

static bool
is_late (AirViewerLevel *level, AirKind kind, AirPacketRing *ring, int64_t max_late_ns)
{
  AirRtpTrack *track = &level->tracks[kind];
  uint64_t head = air_packet_ring_get_head (ring), keyframe = air_packet_ring_get_keyframe (ring);
  if (max_late_ns == 0 || track->cursor >= head || air_rtp_track_get_segment (track)->live > track->cursor
      || (kind == AIR_KIND_VIDEO && (keyframe == AIR_RING_NONE || keyframe <= track->cursor)))
    return false;
  const AirRtpPacket *next = air_packet_ring_get (ring, track->cursor), *newest = air_packet_ring_get (ring, head - 1);
  return next && newest && newest->pts_ns - next->pts_ns > max_late_ns;
}

bool
air_viewer_level_enter_turn (AirViewerLevel *level, AirKind kind, int64_t max_late_ns, int64_t now_us)
{
  AirRtpTrack *track = &level->tracks[kind];
  bool video = kind == AIR_KIND_VIDEO;
  if (!track->section.accepted || (video && !steer (level, now_us)))
    return false;
  AirLane lane = air_lane_of (kind, track->rung);
  AirPacketRing *ring = level->view->rings[lane];
  if (track->started && track->cursor >= air_packet_ring_get_tail (ring) && !is_late (level, kind, ring, max_late_ns))
    {
      if (video && !track->in_frame && air_viewer_start_turn (&level->start, now_us))
        change_pace (level, now_us);
      return true;
    }
  uint64_t start = video ? air_packet_ring_get_keyframe (ring) : air_packet_ring_get_head (ring);
  track->started = start != AIR_RING_NONE;
  if (track->started && video)
    catch_up_from (level, track->rung, start, now_us);
  else if (track->started)
    air_rtp_track_jump (track, lane, start)->start_us = now_us;
  return track->started;
}

bool
air_viewer_level_replay (AirViewerLevel *level, int64_t now_us)
{
  const AirRtpTrack *track = &level->tracks[AIR_KIND_VIDEO];
  uint64_t keyframe = air_packet_ring_get_keyframe (level->view->rings[air_lane_of (AIR_KIND_VIDEO, track->rung)]);
  if (keyframe == AIR_RING_NONE)
    return false;
  catch_up_from (level, track->rung, keyframe, now_us);
  return true;
}

#define PROBE_BURST_US 20000
#define PROBE_PACKET_BYTES 1200
#define PROBE_BACK 64u /* packets that are repeated in turn */

/* A video packet of those that were sent last, or an empty one where there is none: nobody misses it. Returns: what it
 * took; 0: this viewer takes no such thing. */
static size_t
send_probe (AirViewerLevel *level)
{
  const AirRtpTrack *track = &level->tracks[AIR_KIND_VIDEO];
  unsigned back = level->probe_back++ % PROBE_BACK;
  uint64_t full = track->next_sequence - 1 - back;
  const AirRtpSegment *segment = NULL;
  const AirRtpPacket *packet = NULL;
  if (!track->section.rtx_payload)
    return 0;
  if (!level->paused && back < track->next_sequence - track->first_sequence)
    packet = air_rtp_track_find (track, level->view, full, &segment);
  return level->class->send_probe (level->viewer, segment, packet, full);
}

bool
air_viewer_level_probe (AirViewerLevel *level, int64_t now_us)
{
  uint64_t bps = level->policy.probe_bps;
  if (bps == 0)
    {
      level->probe_us = now_us;
      level->probe_bytes = 0;
      return false;
    }
  int64_t elapsed_us = MIN (now_us - level->probe_us, PROBE_BURST_US);
  level->probe_us = now_us;
  level->probe_bytes += (double)bps * (double)elapsed_us / 8 / G_USEC_PER_SEC;
  while (level->probe_bytes >= PROBE_PACKET_BYTES)
    {
      size_t bytes = send_probe (level);
      if (bytes == 0)
        return false;
      level->probe_bytes -= (double)bytes;
    }
  return true;
}

/* ---- Feedback and reports */

/* The first picture shows that the path is too narrow: at once less, instead of all that is cached. */
static void
take_start (AirViewerLevel *level, int64_t now_us)
{
  AirLevel before = level->policy.level;
  if (!has_video (level) || !level->view->ready)
    return;
  AirLevelRates rates = get_rates (level);
  uint64_t bps = air_viewer_start_take_feedback (&level->start, level->path, rates.bps[AIR_LEVEL_FULL], now_us);
  if (bps > 0 && !is_strained (level, now_us)
      && air_level_policy_take_burst (&level->policy, MIN (bps, rates.bps[before] - 1), &rates, now_us))
    follow (level, before, now_us);
}

void
air_viewer_level_take_transport_cc (AirViewerLevel *level, const AirRtcpItem *item, int64_t now_us)
{
  AirTransportCcPacket packets[AIR_RTCP_MAX_TRANSPORT_CC];
  unsigned count = air_rtcp_read_transport_cc (item, packets, G_N_ELEMENTS (packets));
  if (count == 0 || !level->path)
    return;
  air_path_estimate_take_feedback (level->path, packets, count, now_us);
  take_start (level, now_us);
  update (level, now_us);
}

void
air_viewer_level_describe_first (bool video, AirViewerInfo *info)
{
  info->level = video ? "full" : "audio";
  info->level_reason = video ? "start" : "choice";
  info->level_since_us = info->since_us;
}

void
air_viewer_level_describe (AirViewerLevel *level, AirViewerInfo *info, int64_t now_us)
{
  if (!level->path)
    return;
  AirPathState state;
  air_path_estimate_get (level->path, now_us, &state);
  info->estimate_bps = state.estimate_bps;
  info->queue_us = state.queue_us;
  if (!has_video (level))
    return;
  /* Fixed to what cannot be made, there is the sound alone. */
  bool missing = level->policy.level == AIR_LEVEL_LOW && !level->class->is_possible (level->viewer, AIR_RUNG_LOW);
  info->level = air_level_to_string (missing ? AIR_LEVEL_AUDIO : level->policy.level);
  info->level_reason = air_level_reason_to_string (level->policy.reason);
  info->level_since_us = level->since_us != 0 ? level->since_us : info->level_since_us;
}
