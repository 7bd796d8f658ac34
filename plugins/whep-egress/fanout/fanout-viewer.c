/* A viewer, and which packets are its next ones, paced. */
#include "fanout-packet.h"

#include "fanout-private.h"
#include "prefetch.h"

#define MAX_BUDGET_MS 3u
/* Whoever takes what is sent by TCP more slowly gets the present instead of what it missed. */
#define TCP_MAX_LATE_NS G_GINT64_CONSTANT (1000000000)

static void
free_viewer (void *data)
{
  AirFanoutViewer *viewer = data;
  air_fanout_group_unref (viewer->group);
  air_ice_free (viewer->ice);
  air_dtls_free (viewer->dtls);
  air_srtp_free (viewer->sender);
  air_srtp_free (viewer->receiver);
  air_viewer_level_clear (&viewer->level);
  air_viewer_names_clear (&viewer->names);
  air_repair_clear (&viewer->repair);
  g_free (viewer);
}

AirFanoutViewer *
air_fanout_viewer_new (AirFanoutGroup *group, const AirViewerRequest *request, const AirSdpChoice *choice)
{
  AirFanoutViewer *viewer = g_new0 (AirFanoutViewer, 1);
  viewer->group = air_fanout_group_ref (group);
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    air_rtp_track_init (&viewer->tracks[kind], &choice->kinds[kind]);
  air_viewer_names_init (&viewer->names, request->offer, choice, viewer->copier.mids);
  viewer->created_us = g_get_monotonic_time ();
  viewer->listing.viewer = viewer;
  viewer->listing.created_us = viewer->created_us;
  air_repair_init (&viewer->repair);
  viewer->counts.rtt_us = -1;
  air_viewer_record_init (&viewer->record, viewer, free_viewer, request, "fanout", choice);
  return viewer;
}

AirFanoutViewer *
air_fanout_viewer_ref (AirFanoutViewer *viewer)
{
  air_viewer_record_ref (&viewer->record);
  return viewer;
}

void
air_fanout_viewer_unref (AirFanoutViewer *viewer)
{
  if (viewer)
    air_viewer_record_unref (&viewer->record);
}

/* ---- What the level asks of this engine */

static void
want_rung (void *viewer, unsigned rung, int change)
{
  air_fanout_share_want (((AirFanoutViewer *)viewer)->share, rung, change);
}

static bool
is_rung_possible (void *viewer, unsigned rung)
{
  return air_fanout_share_is_possible (((AirFanoutViewer *)viewer)->share, rung);
}

static void
request_keyframe (void *viewer, AirLane lane)
{
  air_fanout_share_request_keyframe (((AirFanoutViewer *)viewer)->share, lane);
}

static int64_t
get_strained_us (void *viewer)
{
  return ((AirFanoutViewer *)viewer)->loop->strained_us;
}

static void
count_change (void *viewer, AirLevel level, AirLevelReason reason)
{
  air_fanout_loop_get_counts (((AirFanoutViewer *)viewer)->loop)->level_changes[level][reason]++;
}

void
air_fanout_viewer_begin (AirFanoutViewer *viewer, int64_t now_us)
{
  static const AirViewerLevelClass class
    = { want_rung, is_rung_possible, request_keyframe, air_fanout_viewer_send_probe, get_strained_us, count_change };
  viewer->copier.view = viewer->share->view;
  viewer->copier.repair = &viewer->repair;
  viewer->copier.ahead_us = viewer->loop->ahead_us;
  air_viewer_level_begin (&viewer->level, &class, viewer, viewer->share->view, viewer->tracks, viewer->levels, now_us);
}

/* ---- Into the cache */

void
air_fanout_viewer_prefetch (const AirFanoutViewer *viewer)
{
  air_prefetch (&viewer->loop, offsetof (AirFanoutViewer, receiver) - offsetof (AirFanoutViewer, loop));
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    air_prefetch (&viewer->tracks[kind], offsetof (AirRtpTrack, segments));
  air_prefetch (&viewer->media, offsetof (AirFanoutViewer, record) - offsetof (AirFanoutViewer, media));
}

void
air_fanout_viewer_prefetch_parts (const AirFanoutViewer *viewer, int64_t now_us)
{
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (viewer->tracks[kind].segment_count > 0)
      air_prefetch (&viewer->tracks[kind].segments[viewer->tracks[kind].segment_count - 1], sizeof (AirRtpSegment));
  air_ice_prefetch (viewer->ice);
  air_srtp_prefetch (viewer->sender);
  air_path_estimate_prefetch (viewer->level.path, viewer->copier.transport_sequence, now_us);
}

void
air_fanout_viewer_prefetch_key (const AirFanoutViewer *viewer)
{
  air_srtp_prefetch_key (viewer->sender);
}

/* ---- What goes out next */

/* Whether a unit is complete with @packet that came in after the viewer had become live. */
static bool
is_live_end (const AirRtpSegment *segment, const AirRtpPacket *packet)
{
  return packet->flags & AIR_RTP_UNIT_END && packet->sequence >= segment->live
         && packet->arrival_us >= segment->start_us;
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
pump_track (AirFanoutViewer *viewer, AirKind kind, const AirPath *path, int64_t now_us)
{
  AirRtpTrack *track = &viewer->tracks[kind];
  AirViewerLevel *level = &viewer->level;
  bool slow = path->remote.tcp; /* waits for its peer, not for us */
  const AirRtpSegment *segment;
  AirRtpPacket *packet;
  AirRtpCopy copy;
  if (!air_viewer_level_enter_turn (level, kind, slow ? TCP_MAX_LATE_NS : 0, now_us))
    return false;
  while (viewer->budget > 0 && (packet = air_viewer_level_next (level, kind, now_us, &segment)))
    {
      if (!air_fanout_loop_has_room (viewer->loop, path))
        return false; /* there will be a word when there is (fanout-tcp.c) */
      viewer->sent_us = now_us;
      air_rtp_copy_make (&copy, &viewer->copier, kind, track, segment, packet, track->next_sequence++);
      air_fanout_packet_send (viewer, &copy);
      if (!slow && is_live_end (segment, packet))
        air_fanout_loop_note_delay (viewer->loop, kind, packet->arrival_us);
      air_rtp_track_take_sent (track, segment, packet, now_us);
      air_repair_take_sent (&viewer->repair, packet->payload_bytes);
      viewer->budget--;
    }
  return air_viewer_level_has_more (level, kind);
}

bool
air_fanout_viewer_pump (AirFanoutViewer *viewer, int64_t now_us)
{
  const AirPath *path = air_ice_get_selected (viewer->ice);
  if (!viewer->share->view->ready || !air_fanout_loop_has_room (viewer->loop, path))
    return false;
  refill (viewer, now_us);
  viewer->copier.narrow = viewer->level.policy.reason == AIR_LEVEL_CONGESTION;
  /* Sound is the end of the picture's row (udp-send.c). Of who is paced sound goes first: it must not wait. */
  AirKind first = viewer->behind ? AIR_KIND_AUDIO : AIR_KIND_VIDEO;
  AirKind second = first == AIR_KIND_AUDIO ? AIR_KIND_VIDEO : AIR_KIND_AUDIO;
  bool waits = pump_track (viewer, first, path, now_us);
  waits |= pump_track (viewer, second, path, now_us);
  bool probe = air_viewer_level_probe (&viewer->level, now_us);
  return waits || probe;
}
