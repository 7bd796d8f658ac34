/* A viewer, and which packets are its next ones, paced. */
#include "fanout-packet.h"

#include "fanout-private.h"

#include <string.h>

#define MAX_BUDGET_MS 3u
#define MAX_LATE_NS G_GINT64_CONSTANT (1000000000) /* on TCP */

static void
init_track (AirFanoutTrack *track, const AirSdpSection *section)
{
  track->section = *section;
  track->first_sequence = (uint64_t)g_random_int_range (0, 32768);
  track->next_sequence = track->first_sequence;
  track->next_rtx_sequence = (uint64_t)g_random_int_range (0, 32768);
  track->timestamp_offset = g_random_int ();
  track->fir_sequence = -1;
  track->replayed_us = G_MININT64 / 2;
}

AirFanoutViewer *
air_fanout_viewer_new (AirFanoutGroup *group, const AirViewerRequest *request, const AirSdpChoice *choice)
{
  AirFanoutViewer *viewer = g_new0 (AirFanoutViewer, 1);
  g_atomic_ref_count_init (&viewer->references);
  g_mutex_init (&viewer->lock);
  viewer->group = air_fanout_group_ref (group);
  viewer->mid = g_strdup ("");
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    {
      const AirSdpSection *section = &choice->kinds[kind];
      init_track (&viewer->tracks[kind], section);
      if (section->accepted)
        g_strlcpy (viewer->mids[kind], request->offer->media[section->section]->mid, sizeof viewer->mids[kind]);
    }
  for (unsigned i = 0; i < request->offer->media_count && *viewer->mid == '\0'; i++)
    for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
      if (choice->kinds[kind].accepted && choice->kinds[kind].section == i)
        {
          g_free (viewer->mid);
          viewer->mid = g_strdup (request->offer->media[i]->mid);
        }
  viewer->cname = g_strdup_printf ("airclass-%08x%08x", g_random_int (), g_random_int ());
  viewer->created_us = g_get_monotonic_time ();
  viewer->listing.viewer = viewer;
  viewer->listing.created_us = viewer->created_us;
  air_repair_init (&viewer->repair);
  viewer->counts.rtt_us = -1;
  bool video = choice->kinds[AIR_KIND_VIDEO].accepted;
  viewer->info = (AirViewerInfo){
    .viewer_id = g_strdup (request->viewer_id),
    .path = g_strdup (request->path),
    .address = g_strdup (""),
    .engine = "fanout",
    .profile = "",
    .transport = "",
    .since_us = g_get_real_time (),
    .rtt_us = -1,
    .queue_us = -1,
    .level = video ? "full" : "audio",
    .level_reason = video ? "start" : "choice",
  };
  return viewer;
}

AirFanoutViewer *
air_fanout_viewer_ref (AirFanoutViewer *viewer)
{
  g_atomic_ref_count_inc (&viewer->references);
  return viewer;
}

void
air_fanout_viewer_unref (AirFanoutViewer *viewer)
{
  if (!viewer || !g_atomic_ref_count_dec (&viewer->references))
    return;
  air_fanout_group_unref (viewer->group);
  air_ice_free (viewer->ice);
  air_dtls_free (viewer->dtls);
  air_srtp_free (viewer->sender);
  air_srtp_free (viewer->receiver);
  air_path_estimate_free (viewer->level.path);
  g_free (viewer->cname);
  g_free (viewer->mid);
  g_free (viewer->info.viewer_id);
  g_free (viewer->info.path);
  g_free (viewer->info.address);
  air_repair_clear (&viewer->repair);
  g_mutex_clear (&viewer->lock);
  g_free (viewer);
}

AirViewerInfo *
air_fanout_viewer_get_info (AirFanoutViewer *viewer)
{
  g_mutex_lock (&viewer->lock);
  AirViewerInfo *info = g_memdup2 (&viewer->info, sizeof viewer->info);
  info->viewer_id = g_strdup (info->viewer_id);
  info->path = g_strdup (info->path);
  info->address = g_strdup (info->address);
  g_mutex_unlock (&viewer->lock);
  return info;
}

/* From @place on the sequence numbers go on without a gap. */
static AirFanoutSegment *
jump_to (AirFanoutTrack *track, AirLane lane, uint64_t place)
{
  if (track->segment_count == AIR_FANOUT_SEGMENTS)
    {
      memmove (track->segments, track->segments + 1, sizeof track->segments - sizeof track->segments[0]);
      track->segment_count--;
    }
  track->segments[track->segment_count++]
      = (AirFanoutSegment){ .sequence = track->next_sequence, .lane = lane, .place = place };
  track->cursor = place;
  return &track->segments[track->segment_count - 1];
}

/* To a keyframe that is kept. */
static void
catch_up_from (AirFanoutViewer *viewer, AirFanoutTrack *track, AirLane lane, uint64_t keyframe, int64_t now_us)
{
  AirFanoutSegment *segment = jump_to (track, lane, keyframe);
  const AirRtpPacket *packet = air_packet_ring_get (viewer->share->view->rings[lane], keyframe);
  segment->live = UINT64_MAX;
  segment->start_us = now_us;
  segment->first_frame = packet->frame;
  segment->first_timestamp = air_rtp_clock_90k (MAX (0, air_rtp_view_live_pts (viewer->share->view, now_us)));
  /* What was sent last may have been newer than usual. */
  uint32_t next = viewer->level.last_timestamp + AIR_FANOUT_CATCH_UP_STEP;
  if (viewer->level.any && (int32_t)(segment->first_timestamp - next) < 0)
    segment->first_timestamp = next;
  air_fanout_start_begin (viewer, viewer->share->view->rings[lane], keyframe, now_us);
}

void
air_fanout_viewer_enter (AirFanoutViewer *viewer, unsigned rung, uint64_t place, int64_t now_us)
{
  AirFanoutTrack *track = &viewer->tracks[AIR_KIND_VIDEO];
  AirLane lane = air_lane_of (AIR_KIND_VIDEO, rung);
  const AirRtpPacket *keyframe = air_packet_ring_get (viewer->share->view->rings[lane], place);
  catch_up_from (viewer, track, lane, place, now_us);
  track->rung = rung;
  track->started = true;
  if (!viewer->level.any || (int32_t)(keyframe->timestamp - viewer->level.last_timestamp) > 0)
    track->segments[track->segment_count - 1].live = place;
}

/* Over a picture that is left out: the sequence numbers go on without a gap. */
static AirFanoutSegment *
skip_picture (AirFanoutTrack *track, AirPacketRing *ring)
{
  AirFanoutSegment before = track->segments[track->segment_count - 1];
  uint64_t place = track->cursor;
  const AirRtpPacket *packet;
  while ((packet = air_packet_ring_get (ring, place++)) && !(packet->flags & AIR_RTP_MARKER))
    ;
  AirFanoutSegment *segment = jump_to (track, before.lane, place);
  before.sequence = segment->sequence;
  before.place = segment->place;
  *segment = before;
  return segment;
}

/* Whether it is @packet's turn: see AirFanoutSegment. A picture that is as new as it is late is live. */
static bool
is_due (AirFanoutSegment *segment, const AirRtpPacket *packet, int64_t now_us)
{
  if (packet->sequence >= segment->live)
    return true;
  if ((int32_t)(packet->timestamp - air_fanout_packet_catch_up_timestamp (segment, packet)) >= 0)
    {
      segment->live = packet->sequence;
      segment->start_us = now_us;
    }
  return segment->live != UINT64_MAX
         || now_us >= segment->start_us + (int64_t)(packet->frame - segment->first_frame) * 1000;
}

/* Whether a unit is complete with @packet that came in after the viewer had become live. */
static bool
is_live_end (const AirFanoutSegment *segment, const AirRtpPacket *packet)
{
  return packet->flags & AIR_RTP_UNIT_END && packet->sequence >= segment->live
         && packet->arrival_us >= segment->start_us;
}

/* Whoever takes what is sent by TCP too slowly gets the present instead of what it missed, where that can be begun with. */
static bool
is_stale (AirFanoutViewer *viewer, AirKind kind, AirPacketRing *ring)
{
  const AirPath *path = air_ice_get_selected (viewer->ice);
  const AirFanoutTrack *track = &viewer->tracks[kind];
  uint64_t head = air_packet_ring_get_head (ring), keyframe = air_packet_ring_get_keyframe (ring);
  if (!path || !path->remote.tcp || track->cursor >= head || track->segments[track->segment_count - 1].live > track->cursor
      || (kind == AIR_KIND_VIDEO && (keyframe == AIR_RING_NONE || keyframe <= track->cursor)))
    return false;
  const AirRtpPacket *next = air_packet_ring_get (ring, track->cursor), *newest = air_packet_ring_get (ring, head - 1);
  return next && newest && newest->pts_ns - next->pts_ns > MAX_LATE_NS;
}

/* Video starts at a keyframe that is kept, audio at once; a viewer that fell out of the ring starts anew. */
static bool
find_start (AirFanoutViewer *viewer, AirKind kind, int64_t now_us)
{
  AirFanoutTrack *track = &viewer->tracks[kind];
  AirLane lane = air_lane_of (kind, track->rung);
  AirPacketRing *ring = viewer->share->view->rings[lane];
  if (track->started && track->cursor >= air_packet_ring_get_tail (ring) && !is_stale (viewer, kind, ring))
    return true;
  uint64_t start = kind == AIR_KIND_VIDEO ? air_packet_ring_get_keyframe (ring) : air_packet_ring_get_head (ring);
  track->started = start != AIR_RING_NONE;
  if (track->started && kind == AIR_KIND_VIDEO)
    catch_up_from (viewer, track, lane, start, now_us);
  else if (track->started)
    jump_to (track, lane, start)->start_us = now_us;
  return track->started;
}

static void
refill (AirFanoutViewer *viewer, int64_t now_us)
{
  int64_t elapsed_ms = (now_us - viewer->budget_us) / 1000;
  if (elapsed_ms < 1)
    return;
  viewer->budget = AIR_FANOUT_PACKETS_PER_MS * (unsigned)MIN (elapsed_ms, (int64_t)MAX_BUDGET_MS);
  viewer->budget_us = now_us;
}

/* Returns whether more waits. */
static bool
pump_track (AirFanoutViewer *viewer, AirKind kind, int64_t now_us)
{
  AirFanoutTrack *track = &viewer->tracks[kind];
  bool video = kind == AIR_KIND_VIDEO;
  if (!track->section.accepted || (video && !air_fanout_level_steer (viewer, now_us))
      || !find_start (viewer, kind, now_us))
    return false;
  const AirPath *path = air_ice_get_selected (viewer->ice);
  bool slow = path->remote.tcp; /* waits for its peer, not for us */
  AirPacketRing *ring = viewer->share->view->rings[air_lane_of (kind, track->rung)];
  AirFanoutSegment *segment = &track->segments[track->segment_count - 1];
  AirRtpPacket *packet;
  while (viewer->budget > 0 && (packet = air_packet_ring_get (ring, track->cursor))
         && is_due (segment, packet, now_us))
    {
      if (video && air_fanout_level_skips (viewer, packet))
        {
          segment = skip_picture (track, ring);
          continue;
        }
      bool catches_up = video && segment->live == UINT64_MAX;
      if (catches_up && !air_fanout_start_may_send (viewer, packet, packet->frame == segment->first_frame, now_us))
        break;
      if (!air_fanout_loop_has_room (viewer->loop, path))
        return false; /* there will be a word when there is (fanout-tcp.c) */
      viewer->sent_us = now_us;
      air_fanout_packet_send (viewer, kind, segment, packet, track->next_sequence++);
      if (!slow && is_live_end (segment, packet))
        air_fanout_loop_note_delay (viewer->loop, packet->arrival_us);
      if (video)
        air_fanout_level_take_sent (viewer, packet,
                                    air_fanout_packet_timestamp (track, segment, packet) - track->timestamp_offset);
      air_repair_take_sent (&viewer->repair, packet->payload_bytes);
      track->cursor++;
      track->packets++;
      track->octets += packet->payload_bytes;
      viewer->budget--;
    }
  return track->cursor < air_packet_ring_get_head (ring);
}

bool
air_fanout_viewer_pump (AirFanoutViewer *viewer, int64_t now_us)
{
  const AirPath *path = air_ice_get_selected (viewer->ice);
  if (!viewer->share->view->ready || !air_fanout_loop_has_room (viewer->loop, path))
    return false;
  refill (viewer, now_us);
  bool sound = pump_track (viewer, AIR_KIND_AUDIO, now_us);
  bool pictures = pump_track (viewer, AIR_KIND_VIDEO, now_us);
  bool probe = air_fanout_level_probe (viewer, now_us);
  return sound || pictures || probe;
}

bool
air_fanout_viewer_replay (AirFanoutViewer *viewer, AirFanoutTrack *track, int64_t now_us)
{
  AirLane lane = air_lane_of ((AirKind)(track - viewer->tracks), track->rung);
  uint64_t keyframe = air_packet_ring_get_keyframe (viewer->share->view->rings[lane]);
  if (keyframe == AIR_RING_NONE)
    return false;
  catch_up_from (viewer, track, lane, keyframe, now_us);
  track->started = true;
  return true;
}
