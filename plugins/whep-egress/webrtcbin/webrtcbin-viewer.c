/* A viewer of the webrtcbin engine: pace, feedback, what is known of it. */
#include "webrtcbin-viewer.h"

#include "webrtcbin-loop.h"
#include "webrtcbin-packet.h"

/* How fast a viewer that is behind is brought up to the live edge, as in the fan-out engine. */
#define PACKETS_PER_MS 20u
/* Often at first, for lip-sync needs reports of both tracks; then the RTP session's own pace will do. */
#define EARLY_REPORTS 5u
#define EARLY_REPORT_EVERY_US (G_USEC_PER_SEC / 2)

/* ---- Events of the peer, on GStreamer's threads: carried to the loop */

typedef struct
{
  AirWebrtcViewer *viewer;
  AirViewerReason reason;
  GBytes *rtcp;
} Message;

static void
free_message (void *data)
{
  Message *message = data;
  g_clear_pointer (&message->rtcp, g_bytes_unref);
  air_webrtc_viewer_unref (message->viewer);
  g_free (message);
}

static void
tell_loop (AirWebrtcViewer *viewer, AirWebrtcCommand command, AirViewerReason reason, GBytes *rtcp)
{
  Message *message = g_new (Message, 1);
  *message = (Message){ air_webrtc_viewer_ref (viewer), reason, rtcp };
  air_webrtc_loop_invoke (viewer->loop, command, message, free_message);
}

static void
command_connected (AirWebrtcLoop *loop, void *data)
{
  Message *message = data;
  air_webrtc_loop_begin_media (loop, message->viewer);
}

/* Once media flows, silence tells: an ICE restart may bring back what has failed. */
static void
command_failed (AirWebrtcLoop *loop, void *data)
{
  Message *message = data;
  if (!message->viewer->media)
    air_webrtc_loop_end_viewer (loop, message->viewer, message->reason);
}

static void
command_left (AirWebrtcLoop *loop, void *data)
{
  Message *message = data;
  air_webrtc_loop_end_viewer (loop, message->viewer, AIR_VIEWER_LEFT);
}

static void
command_rtcp (AirWebrtcLoop *loop, void *data)
{
  Message *message = data;
  size_t size;
  const uint8_t *packet = g_bytes_get_data (message->rtcp, &size);
  air_webrtc_loop_take_rtcp (loop, message->viewer, packet, size);
}

static void
peer_connected (void *data)
{
  tell_loop (data, command_connected, AIR_VIEWER_LEFT, NULL);
}

static void
peer_failed (bool dtls, void *data)
{
  tell_loop (data, command_failed, dtls ? AIR_VIEWER_DTLS_FAILED : AIR_VIEWER_NO_HANDSHAKE, NULL);
}

static void
peer_left (void *data)
{
  tell_loop (data, command_left, AIR_VIEWER_LEFT, NULL);
}

static void
peer_rtcp (const uint8_t *packet, size_t size, void *data)
{
  tell_loop (data, command_rtcp, AIR_VIEWER_LEFT, g_bytes_new (packet, size));
}

static void
peer_selected (const char *address, bool relayed, void *data)
{
  AirWebrtcViewer *viewer = data;
  air_viewer_record_set_address (&viewer->record, address, "udp");
  g_message ("viewer %s is reached at %s%s", viewer->record.info.viewer_id, address, relayed ? " through a relay" : "");
}

/* ---- Life */

static void
free_viewer (void *data)
{
  AirWebrtcViewer *viewer = data;
  air_webrtc_peer_free (viewer->peer);
  air_viewer_level_clear (&viewer->level);
  air_repair_clear (&viewer->repair);
  air_viewer_names_clear (&viewer->names);
  g_free (viewer);
}

AirWebrtcViewer *
air_webrtc_viewer_new (const AirViewerRequest *request, const AirSdpChoice *choice, AirWebrtcGroup *group,
                       AirWebrtcLoop *loop, AirLevels levels)
{
  AirWebrtcViewer *viewer = g_new0 (AirWebrtcViewer, 1);
  AirWebrtcPeerEvents events = { peer_connected, peer_failed, peer_left, peer_selected, peer_rtcp, viewer };
  viewer->group = group;
  viewer->loop = loop;
  viewer->peer = air_webrtc_peer_new (request->viewer_id, &events);
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    air_rtp_track_init (&viewer->tracks[kind], &choice->kinds[kind]);
  air_viewer_names_init (&viewer->names, request->offer, choice, viewer->copier.mids);
  viewer->created_us = g_get_monotonic_time ();
  viewer->levels = levels;
  viewer->counts.rtt_us = -1;
  air_repair_init (&viewer->repair);
  air_viewer_record_init (&viewer->record, viewer, free_viewer, request, "webrtcbin", choice);
  return viewer;
}

AirWebrtcViewer *
air_webrtc_viewer_ref (AirWebrtcViewer *viewer)
{
  air_viewer_record_ref (&viewer->record);
  return viewer;
}

void
air_webrtc_viewer_unref (AirWebrtcViewer *viewer)
{
  if (viewer)
    air_viewer_record_unref (&viewer->record);
}

void
air_webrtc_viewer_close (AirWebrtcViewer *viewer)
{
  uint32_t ssrcs[AIR_KIND_COUNT];
  unsigned count = 0;
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (viewer->tracks[kind].section.accepted)
      ssrcs[count++] = viewer->tracks[kind].section.ssrc;
  air_webrtc_peer_close (viewer->peer, ssrcs, count);
}

void
air_webrtc_viewer_publish (AirWebrtcViewer *viewer)
{
  air_viewer_record_publish (&viewer->record, &viewer->counts, viewer->media, &viewer->level, g_get_monotonic_time ());
}

/* ---- Sending */

static void
push (AirWebrtcViewer *viewer, AirKind kind, GstBufferList *packets)
{
  unsigned count = gst_buffer_list_length (packets);
  size_t bytes = gst_buffer_list_calculate_size (packets);
  if (count == 0)
    gst_buffer_list_unref (packets);
  else if (air_webrtc_peer_push (viewer->peer, kind, packets))
    {
      viewer->counts.packets += count;
      viewer->counts.bytes += bytes;
      air_webrtc_loop_count (viewer->loop, &(AirEngineCounts){ .packets = count, .bytes = bytes });
    }
  else
    air_webrtc_loop_count (viewer->loop, &(AirEngineCounts){ .dropped = count });
}

/* Returns whether more waits. */
static bool
pump_track (AirWebrtcViewer *viewer, AirKind kind, int64_t now_us)
{
  AirRtpTrack *track = &viewer->tracks[kind];
  const AirRtpSegment *segment;
  AirRtpPacket *packet;
  if (!air_viewer_level_enter_turn (&viewer->level, kind, 0, now_us))
    return false;
  GstBufferList *packets = gst_buffer_list_new ();
  for (unsigned budget = PACKETS_PER_MS;
       budget > 0 && (packet = air_viewer_level_next (&viewer->level, kind, now_us, &segment)); budget--)
    {
      gst_buffer_list_add (packets,
                           air_webrtc_packet_new (viewer, kind, segment, packet, track->next_sequence++, now_us));
      air_rtp_track_take_sent (track, segment, packet, now_us);
      air_repair_take_sent (&viewer->repair, packet->payload_bytes);
    }
  push (viewer, kind, packets);
  return air_viewer_level_has_more (&viewer->level, kind);
}

bool
air_webrtc_viewer_pump (AirWebrtcViewer *viewer, int64_t now_us)
{
  viewer->copier.narrow = viewer->level.policy.reason == AIR_LEVEL_CONGESTION;
  bool sound = pump_track (viewer, AIR_KIND_AUDIO, now_us);
  bool pictures = pump_track (viewer, AIR_KIND_VIDEO, now_us);
  bool probe = air_viewer_level_probe (&viewer->level, now_us);
  return sound || pictures || probe;
}

/* ---- What the level asks of this engine */

static void
want_rung (void *viewer, unsigned rung, int change)
{
  air_webrtc_group_want (((AirWebrtcViewer *)viewer)->group, rung, change);
}

static bool
is_rung_possible (void *viewer, unsigned rung)
{
  return air_rung_demand_is_possible (&((AirWebrtcViewer *)viewer)->group->demand, rung);
}

static void
request_keyframe (void *viewer, AirLane lane)
{
  air_rtp_source_request_keyframe (((AirWebrtcViewer *)viewer)->group->source, lane);
}

static size_t
send_probe (void *data, const AirRtpSegment *segment, const AirRtpPacket *packet, uint64_t sequence)
{
  AirWebrtcViewer *viewer = data;
  int64_t now_us = g_get_monotonic_time ();
  GstBuffer *buffer
    = packet ? air_webrtc_packet_new_rtx (viewer, AIR_KIND_VIDEO, segment, packet, (uint16_t)sequence, now_us)
             : air_webrtc_packet_new_padding (viewer, now_us);
  size_t bytes = gst_buffer_get_size (buffer);
  GstBufferList *packets = gst_buffer_list_new ();
  gst_buffer_list_add (packets, buffer);
  push (viewer, AIR_KIND_VIDEO, packets);
  return bytes;
}

static int64_t
get_strained_us (void *viewer)
{
  return air_webrtc_loop_get_strained_us (((AirWebrtcViewer *)viewer)->loop);
}

static void
count_change (void *viewer, AirLevel level, AirLevelReason reason)
{
  AirEngineCounts counts = { 0 };
  counts.level_changes[level][reason] = 1;
  air_webrtc_loop_count (((AirWebrtcViewer *)viewer)->loop, &counts);
}

void
air_webrtc_viewer_begin (AirWebrtcViewer *viewer, int64_t now_us)
{
  static const AirViewerLevelClass class
    = { want_rung, is_rung_possible, request_keyframe, send_probe, get_strained_us, count_change };
  viewer->media = true;
  viewer->heard_us = now_us;
  air_viewer_record_set_profile (&viewer->record, "SRTP_AES128_CM_SHA1_80"); /* the only one that webrtcbin offers */
  viewer->copier.view = viewer->group->view;
  viewer->copier.repair = &viewer->repair;
  viewer->copier.ahead_us = air_webrtc_loop_get_ahead_us (viewer->loop);
  air_viewer_level_begin (&viewer->level, &class, viewer, viewer->group->view, viewer->tracks, viewer->levels, now_us);
}

/* ---- Reports, both ways */

/* Which RTP timestamp goes with which instant. Returns false while nothing was read. */
static bool
get_clock (const AirWebrtcViewer *viewer, AirKind kind, AirWebrtcClock *ret_clock)
{
  const AirRtpTrack *track = &viewer->tracks[kind];
  const AirRtpView *view = viewer->group->view;
  bool video = kind == AIR_KIND_VIDEO;
  if (!track->section.accepted || !view->clock.anchored)
    return false;
  int64_t now_us = g_get_monotonic_time ();
  int64_t pts_ns = MAX (0, air_rtp_view_pts_at (view, now_us));
  *ret_clock = (AirWebrtcClock){
    .ssrc = track->section.ssrc,
    .rate = video ? 90000 : 48000,
    .anchor_us = now_us,
    .anchor_ntp = air_webrtc_loop_ntp (viewer->loop, now_us),
    .anchor_timestamp = (video ? air_rtp_clock_90k (pts_ns) : air_rtp_clock_48k (pts_ns)) + track->timestamp_offset,
  };
  return true;
}

static void
tell_clocks (AirWebrtcViewer *viewer)
{
  AirWebrtcClock clocks[AIR_WEBRTC_MAX_CLOCKS];
  unsigned count = 0;
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    count += get_clock (viewer, (AirKind)kind, &clocks[count]);
  air_webrtc_peer_set_clocks (viewer->peer, clocks, count);
}

void
air_webrtc_viewer_report (AirWebrtcViewer *viewer, int64_t now_us)
{
  if (viewer->reports >= EARLY_REPORTS || now_us < viewer->next_report_us || viewer->counts.packets == 0)
    return;
  if (viewer->reports++ == 0)
    tell_clocks (viewer);
  viewer->next_report_us = now_us + EARLY_REPORT_EVERY_US;
  air_webrtc_peer_report (viewer->peer);
}

/* What is to be sent again for one compound packet. */
typedef struct
{
  AirWebrtcViewer *viewer;
  GstBufferList *packets[AIR_KIND_COUNT]; /* NULL: none */
  int64_t now_us;
} Repeats;

static void
repeat (void *data, AirKind kind, const AirRtpSegment *segment, const AirRtpPacket *packet, uint64_t sequence)
{
  Repeats *repeats = data;
  AirWebrtcViewer *viewer = repeats->viewer;
  bool rtx = viewer->tracks[kind].section.rtx_payload != 0;
  if (!repeats->packets[kind])
    repeats->packets[kind] = gst_buffer_list_new ();
  gst_buffer_list_add (
    repeats->packets[kind],
    rtx ? air_webrtc_packet_new_rtx (viewer, kind, segment, packet, (uint16_t)sequence, repeats->now_us)
        : air_webrtc_packet_new (viewer, kind, segment, packet, sequence, repeats->now_us));
}

static void
answer_reference (void *data, uint32_t receiver_ssrc, uint32_t reference)
{
  AirWebrtcViewer *viewer = ((Repeats *)data)->viewer;
  const AirSdpSection *section = &viewer->tracks[AIR_KIND_VIDEO].section;
  const char *cname = section->reduced_size ? NULL : viewer->names.cname;
  uint8_t packet[128];
  size_t bytes = air_rtcp_build_reference_answer (packet, sizeof packet, section->ssrc, cname, receiver_ssrc, reference);
  if (section->feedback & AIR_SDP_FEEDBACK_ROUND_TRIP)
    air_webrtc_peer_send_rtcp (viewer->peer, packet, bytes);
}

bool
air_webrtc_viewer_feedback (AirWebrtcViewer *viewer, const uint8_t *packet, size_t size, int64_t now_us)
{
  static const AirViewerFeedbackClass class = { repeat, answer_reference };
  Repeats repeats = { .viewer = viewer, .now_us = now_us };
  AirEngineCounts counts = { 0 };
  AirViewerFeedback feedback = {
    .class = &class,
    .data = &repeats,
    .level = &viewer->level,
    .repair = &viewer->repair,
    .sources = &viewer->sources,
    .info = &viewer->counts,
    .counts = &counts,
    .ntp = air_webrtc_loop_ntp (viewer->loop, now_us),
  };
  viewer->heard_us = now_us;
  bool stays = air_viewer_feedback_take (&feedback, packet, size, now_us);
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (repeats.packets[kind])
      push (viewer, (AirKind)kind, repeats.packets[kind]);
  air_webrtc_loop_count (viewer->loop, &counts);
  return stays;
}
