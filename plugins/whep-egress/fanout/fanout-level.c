/* See fanout-level.h. */
#include "fanout-private.h"

/* What pipelines/low-rung.pipeline makes, with headers. */
#define LOW_BPS 560000u
/* The low rung is worth its cost where the full one takes so much more. */
#define LOW_WORTH_PERCENT 150u
/* Pictures to leave out must be a share that matters. */
#define REDUCED_WORTH_PERCENT 85u
/* A keyframe is entered at when so little stands behind it: a burst is no help to a path that is full. */
#define FRESH_NS (400 * G_GINT64_CONSTANT (1000000))
/* A ring that got nothing for so long is not supplied any more. */
#define STALE_NS (2000 * G_GINT64_CONSTANT (1000000))
#define ASK_EVERY_US (300 * 1000)
#define STRAINED_FOR_US (700 * 1000)

static unsigned
rung_of (AirLevel level)
{
  return level == AIR_LEVEL_LOW ? AIR_RUNG_LOW : AIR_RUNG_FULL;
}

static bool
has_video (const AirFanoutViewer *viewer)
{
  return viewer->tracks[AIR_KIND_VIDEO].section.accepted;
}

static void
want (AirFanoutViewer *viewer, unsigned rung, bool wanted)
{
  AirFanoutLevel *level = &viewer->level;
  if (level->wants[rung] == wanted)
    return;
  level->wants[rung] = wanted;
  air_fanout_share_want (viewer->share, rung, wanted ? 1 : -1);
}

static void
publish_change (AirFanoutViewer *viewer)
{
  const AirLevelPolicy *policy = &viewer->level.policy;
  air_fanout_loop_get_counts (viewer->loop)->level_changes[policy->level][policy->reason]++;
  viewer->counts.level_since_us = g_get_real_time ();
}

/* The policy has decided otherwise; the pictures follow at a keyframe. */
static void
follow (AirFanoutViewer *viewer, AirLevel before)
{
  AirFanoutLevel *level = &viewer->level;
  const AirFanoutTrack *track = &viewer->tracks[AIR_KIND_VIDEO];
  AirLevel now = level->policy.level;
  bool low = now == AIR_LEVEL_LOW || (track->rung == AIR_RUNG_LOW && now != AIR_LEVEL_AUDIO);
  want (viewer, AIR_RUNG_LOW, low);
  if (now == AIR_LEVEL_AUDIO || (now > before && rung_of (now) != track->rung))
    level->paused = true;
  level->start.phase = AIR_START_OPEN;
  AirPathState state;
  air_path_estimate_get (level->path, viewer->loop->now_us, &state);
  g_debug ("level %s for %s: queue %" G_GINT64_FORMAT " ms, loss %.2f, %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " kbit/s arrive",
           air_level_to_string (now), air_level_reason_to_string (level->policy.reason), state.queue_us / 1000, state.loss,
           state.goodput_bps / 1000, state.sent_bps / 1000);
  publish_change (viewer);
}

void
air_fanout_level_begin (AirFanoutViewer *viewer, int64_t now_us)
{
  AirFanoutLevel *level = &viewer->level;
  level->path = air_path_estimate_new ();
  air_level_policy_init (&level->policy, has_video (viewer) ? viewer->levels : AIR_LEVELS_FULL, now_us);
  viewer->counts.level_since_us = viewer->info.since_us;
  want (viewer, AIR_RUNG_LOW, level->policy.level == AIR_LEVEL_LOW);
  level->paused = level->policy.level == AIR_LEVEL_AUDIO;
}

void
air_fanout_level_end (AirFanoutViewer *viewer)
{
  want (viewer, AIR_RUNG_LOW, false);
}

/* ---- What the levels cost */

static AirLevelRates
get_rates (const AirFanoutViewer *viewer)
{
  const AirRtpView *view = viewer->share->view;
  uint64_t disposable = 0;
  uint64_t full = air_packet_ring_get_bps (view->rings[AIR_LANE_VIDEO], &disposable);
  uint64_t sound = viewer->tracks[AIR_KIND_AUDIO].section.accepted
                     ? air_packet_ring_get_bps (view->rings[AIR_LANE_AUDIO], NULL)
                     : 0;
  AirLevel level = viewer->level.policy.level;
  AirLevelRates rates = { 0 };
  rates.bps[AIR_LEVEL_FULL] = MAX (1, full + sound);
  if ((full - disposable) * 100 < full * REDUCED_WORTH_PERCENT || (level == AIR_LEVEL_REDUCED && disposable > 0))
    rates.bps[AIR_LEVEL_REDUCED] = full - disposable + sound;
  bool worth = full * 100 > (uint64_t)LOW_BPS * LOW_WORTH_PERCENT;
  if (air_fanout_share_is_possible (viewer->share, AIR_RUNG_LOW) && (worth || level >= AIR_LEVEL_LOW))
    rates.bps[AIR_LEVEL_LOW] = LOW_BPS + sound;
  rates.bps[AIR_LEVEL_AUDIO] = sound;
  return rates;
}

/* When this thread comes late, so do packets and what is heard of them. */
static bool
is_strained (const AirFanoutViewer *viewer, int64_t now_us)
{
  return viewer->loop->strained_us != 0 && now_us < viewer->loop->strained_us + STRAINED_FOR_US;
}

void
air_fanout_level_update (AirFanoutViewer *viewer, int64_t now_us)
{
  AirFanoutLevel *level = &viewer->level;
  AirLevel before = level->policy.level;
  if (!level->path || !has_video (viewer) || level->policy.levels != AIR_LEVELS_AUTO || !viewer->share->view->ready)
    return;
  AirPathState state;
  AirLevelRates rates = get_rates (viewer);
  air_path_estimate_get (level->path, now_us, &state);
  if (state.trend != AIR_PATH_NORMAL && is_strained (viewer, now_us))
    return;
  if (air_level_policy_update (&level->policy, &state, &rates, now_us))
    follow (viewer, before);
}

/* ---- From rung to rung */

/* Where @rung can be entered now: newer than all that was sent, and with little behind it. */
static uint64_t
find_entry (const AirFanoutViewer *viewer, unsigned rung, int64_t now_us)
{
  const AirFanoutLevel *level = &viewer->level;
  const AirRtpView *view = viewer->share->view;
  AirPacketRing *ring = view->rings[air_lane_of (AIR_KIND_VIDEO, rung)];
  uint64_t place = air_packet_ring_get_keyframe (ring);
  const AirRtpPacket *keyframe = place != AIR_RING_NONE ? air_packet_ring_get (ring, place) : NULL;
  if (!keyframe || (level->any && keyframe->pts_ns <= level->last_pts_ns))
    return AIR_RING_NONE;
  const AirRtpPacket *newest = air_packet_ring_get (ring, air_packet_ring_get_head (ring) - 1);
  bool fresh = newest->pts_ns - keyframe->pts_ns <= FRESH_NS;
  bool stale = newest->pts_ns < air_rtp_view_live_pts (view, now_us) - STALE_NS;
  return fresh && !stale ? place : AIR_RING_NONE;
}

static bool
enter (AirFanoutViewer *viewer, unsigned rung, int64_t now_us)
{
  AirFanoutLevel *level = &viewer->level;
  uint64_t place = find_entry (viewer, rung, now_us);
  if (place != AIR_RING_NONE)
    {
      air_fanout_viewer_enter (viewer, rung, place, now_us);
      want (viewer, AIR_RUNG_LOW, rung == AIR_RUNG_LOW);
      level->paused = false;
      return true;
    }
  if (now_us >= level->asked_us + ASK_EVERY_US)
    {
      level->asked_us = now_us;
      air_fanout_share_request_keyframe (viewer->share, air_lane_of (AIR_KIND_VIDEO, rung));
    }
  return false;
}

bool
air_fanout_level_steer (AirFanoutViewer *viewer, int64_t now_us)
{
  const AirFanoutLevel *level = &viewer->level;
  AirFanoutTrack *track = &viewer->tracks[AIR_KIND_VIDEO];
  if (level->in_frame)
    return true;
  if (level->policy.level == AIR_LEVEL_AUDIO)
    return false;
  unsigned rung = rung_of (level->policy.level);
  /* At the start of the full rung whatever is cached will do. */
  bool settled = track->rung == rung && !level->paused && (track->started || rung == AIR_RUNG_FULL);
  return settled || enter (viewer, rung, now_us) || (track->started && !level->paused);
}

bool
air_fanout_level_skips (const AirFanoutViewer *viewer, const AirRtpPacket *packet)
{
  return viewer->level.policy.level == AIR_LEVEL_REDUCED && packet->flags & AIR_RTP_FRAME_START
         && packet->flags & AIR_RTP_DISPOSABLE;
}

void
air_fanout_level_take_sent (AirFanoutViewer *viewer, const AirRtpPacket *packet, uint32_t timestamp)
{
  AirFanoutLevel *level = &viewer->level;
  level->any = true;
  level->in_frame = !(packet->flags & AIR_RTP_MARKER);
  level->sent_us = viewer->sent_us;
  level->last_pts_ns = packet->pts_ns;
  level->last_timestamp = timestamp;
}

#define PROBE_BURST_US 20000
#define PROBE_PACKET_BYTES 1200
#define PROBE_BACK 64u /* packets that are repeated in turn */

bool
air_fanout_level_probe (AirFanoutViewer *viewer, int64_t now_us)
{
  AirFanoutLevel *level = &viewer->level;
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
      size_t bytes = air_fanout_viewer_send_probe (viewer, level->probe_back++ % PROBE_BACK);
      if (bytes == 0)
        return false;
      level->probe_bytes -= (double)bytes;
    }
  return true;
}

/* ---- Feedback and reports */

/* The first picture shows that the path is too narrow: at once less, instead of all that is cached. */
static void
take_start (AirFanoutViewer *viewer, int64_t now_us)
{
  AirFanoutLevel *level = &viewer->level;
  AirLevel before = level->policy.level;
  if (!has_video (viewer) || !viewer->share->view->ready)
    return;
  AirLevelRates rates = get_rates (viewer);
  uint64_t bps = air_fanout_start_take_feedback (viewer, rates.bps[AIR_LEVEL_FULL], now_us);
  if (bps > 0 && !is_strained (viewer, now_us) && air_level_policy_take_burst (&level->policy, MIN (bps, rates.bps[before] - 1), &rates, now_us))
    follow (viewer, before);
}

void
air_fanout_level_take_transport_cc (AirFanoutViewer *viewer, const AirRtcpItem *item, int64_t now_us)
{
  AirTransportCcPacket packets[AIR_RTCP_MAX_TRANSPORT_CC];
  unsigned count = air_rtcp_read_transport_cc (item, packets, G_N_ELEMENTS (packets));
  if (count == 0 || !viewer->level.path)
    return;
  air_path_estimate_take_feedback (viewer->level.path, packets, count, now_us);
  take_start (viewer, now_us);
  air_fanout_level_update (viewer, now_us);
}

void
air_fanout_level_describe (AirFanoutViewer *viewer, AirViewerInfo *info, int64_t now_us)
{
  const AirFanoutLevel *level = &viewer->level;
  if (!level->path)
    return;
  AirPathState state;
  air_path_estimate_get (level->path, now_us, &state);
  info->estimate_bps = state.estimate_bps;
  info->queue_us = state.queue_us;
  info->level_since_us = viewer->counts.level_since_us;
  if (!has_video (viewer))
    return;
  info->level = air_level_to_string (level->policy.level);
  info->level_reason = air_level_reason_to_string (level->policy.reason);
}
