/* A viewer of the webrtcbin engine: pace, feedback, what is known of it. */
#include "webrtcbin-viewer.h"

#include "rtcp.h"
#include "webrtcbin-loop.h"

/* How fast a viewer that is behind is brought up to the live edge, as in the fan-out engine. */
#define PACKETS_PER_MS 20u
/* A request for a keyframe is answered at most this often: going back costs a whole group of pictures. */
#define REPLAY_EVERY_US (500 * 1000)
#define REPEATS_PER_S 1000.0
#define REPEAT_BURST 200.0
/* NACKs read from one compound packet at most. */
#define MAX_NACKS 64u
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
  g_mutex_lock (&viewer->lock);
  g_free (viewer->info.address);
  viewer->info.address = g_strdup (address);
  g_mutex_unlock (&viewer->lock);
  g_message ("viewer %s is reached at %s%s", viewer->info.viewer_id, address, relayed ? " through a relay" : "");
}

/* ---- Life */

/* No transport-wide feedback: nothing here reads it, and REMB is sent where it is not answered. No redundant sound. */
void
air_webrtc_viewer_limit_choice (AirSdpChoice *choice)
{
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    {
      choice->kinds[kind].red_payload = 0;
      choice->kinds[kind].feedback &= ~(unsigned)AIR_SDP_FEEDBACK_TRANSPORT_CC;
      choice->kinds[kind].extensions[AIR_SDP_EXTENSION_TRANSPORT_CC] = 0;
    }
}

AirWebrtcViewer *
air_webrtc_viewer_new (const AirViewerRequest *request, const AirSdpChoice *choice, AirWebrtcGroup *group,
                       AirWebrtcLoop *loop)
{
  AirWebrtcViewer *viewer = g_new0 (AirWebrtcViewer, 1);
  AirWebrtcPeerEvents events = { peer_connected, peer_failed, peer_left, peer_selected, peer_rtcp, viewer };
  unsigned first = request->offer->media_count;
  g_atomic_ref_count_init (&viewer->references);
  g_mutex_init (&viewer->lock);
  viewer->group = group;
  viewer->loop = loop;
  viewer->peer = air_webrtc_peer_new (request->viewer_id, &events);
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    {
      const AirSdpSection *section = &choice->kinds[kind];
      const char *mid = section->accepted ? request->offer->media[section->section]->mid : "";
      air_webrtc_track_init (&viewer->tracks[kind], loop, group->view, (AirKind)kind, section, mid);
      if (section->accepted && section->section < first)
        first = section->section;
    }
  viewer->mid = g_strdup (request->offer->media[first]->mid);
  viewer->cname = g_strdup_printf ("airclass-%08x%08x", g_random_int (), g_random_int ());
  viewer->created_us = g_get_monotonic_time ();
  viewer->replayed_us = G_MININT64 / 2;
  viewer->repeat_tokens = REPEAT_BURST;
  viewer->fir_sequence = -1;
  viewer->counts.rtt_us = -1;
  viewer->info = (AirViewerInfo){
    .viewer_id = g_strdup (request->viewer_id),
    .path = g_strdup (request->path),
    .address = g_strdup (""),
    .engine = "webrtcbin",
    .profile = "",
    .since_us = g_get_real_time (),
    .rtt_us = -1,
    .queue_us = -1,
  };
  return viewer;
}

AirWebrtcViewer *
air_webrtc_viewer_ref (AirWebrtcViewer *viewer)
{
  g_atomic_ref_count_inc (&viewer->references);
  return viewer;
}

void
air_webrtc_viewer_unref (AirWebrtcViewer *viewer)
{
  if (!viewer || !g_atomic_ref_count_dec (&viewer->references))
    return;
  air_webrtc_peer_free (viewer->peer);
  g_free (viewer->cname);
  g_free (viewer->mid);
  g_free (viewer->info.viewer_id);
  g_free (viewer->info.path);
  g_free (viewer->info.address);
  g_mutex_clear (&viewer->lock);
  g_free (viewer);
}

AirViewerInfo *
air_webrtc_viewer_get_info (AirWebrtcViewer *viewer)
{
  g_mutex_lock (&viewer->lock);
  AirViewerInfo *info = g_memdup2 (&viewer->info, sizeof viewer->info);
  info->viewer_id = g_strdup (info->viewer_id);
  info->path = g_strdup (info->path);
  info->address = g_strdup (info->address);
  g_mutex_unlock (&viewer->lock);
  return info;
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
  const AirViewerInfo *counts = &viewer->counts;
  AirViewerInfo *info = &viewer->info;
  g_mutex_lock (&viewer->lock);
  info->connected = viewer->media;
  info->profile = viewer->media ? "SRTP_AES128_CM_SHA1_80" : ""; /* the only one that webrtcbin offers */
  info->rtt_us = counts->rtt_us;
  info->loss = counts->loss;
  info->jitter_us = counts->jitter_us;
  info->bitrate_bps = (counts->bytes - viewer->bytes_before) * 8;
  info->estimate_bps = counts->estimate_bps;
  info->packets = counts->packets;
  info->bytes = counts->bytes;
  info->nacks = counts->nacks;
  info->retransmitted = counts->retransmitted;
  info->keyframe_requests = counts->keyframe_requests;
  g_mutex_unlock (&viewer->lock);
  viewer->bytes_before = counts->bytes;
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
      air_webrtc_loop_count (viewer->loop, &(AirFanoutCounts){ .packets = count, .bytes = bytes });
    }
  else
    air_webrtc_loop_count (viewer->loop, &(AirFanoutCounts){ .dropped = count });
}

bool
air_webrtc_viewer_pump (AirWebrtcViewer *viewer, int64_t now_us)
{
  static const AirKind order[] = { AIR_KIND_AUDIO, AIR_KIND_VIDEO };
  bool more = false;
  for (unsigned i = 0; i < G_N_ELEMENTS (order); i++)
    {
      GstBufferList *packets = gst_buffer_list_new ();
      more |= air_webrtc_track_take (&viewer->tracks[order[i]], now_us, PACKETS_PER_MS, packets);
      push (viewer, order[i], packets);
    }
  return more;
}

static void
tell_clocks (AirWebrtcViewer *viewer)
{
  AirWebrtcClock clocks[AIR_WEBRTC_MAX_CLOCKS];
  unsigned count = 0;
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    count += air_webrtc_track_get_clock (&viewer->tracks[kind], &clocks[count]);
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

/* ---- Feedback (RFC 3550 §6.4, RFC 4585, RFC 5104) */

static AirWebrtcTrack *
find_track (AirWebrtcViewer *viewer, uint32_t ssrc)
{
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (viewer->tracks[kind].section.accepted && viewer->tracks[kind].section.ssrc == ssrc)
      return &viewer->tracks[kind];
  return NULL;
}

static void
take_report (AirWebrtcViewer *viewer, const AirWebrtcTrack *track, const AirRtcpItem *item)
{
  bool video = track->kind == AIR_KIND_VIDEO;
  uint32_t now = air_ntp_middle (air_webrtc_loop_ntp (viewer->loop, g_get_monotonic_time ()));
  int64_t rtt_us = air_rtcp_round_trip_us (now, item->report.lsr, item->report.dlsr);
  if (rtt_us >= 0)
    viewer->counts.rtt_us = rtt_us;
  viewer->fraction_lost[track->kind] = item->report.fraction_lost;
  viewer->counts.loss = 0;
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    viewer->counts.loss = MAX (viewer->counts.loss, viewer->fraction_lost[kind] / 256.0);
  if (video || !viewer->tracks[AIR_KIND_VIDEO].section.accepted)
    viewer->counts.jitter_us = (int64_t)item->report.jitter * G_USEC_PER_SEC / (video ? 90000 : 48000);
}

static void
take_keyframe_request (AirWebrtcViewer *viewer, AirWebrtcTrack *track, int64_t now_us)
{
  viewer->counts.keyframe_requests++;
  air_webrtc_loop_count (viewer->loop, &(AirFanoutCounts){ .keyframe_requests = 1 });
  if (track->kind != AIR_KIND_VIDEO || now_us < viewer->replayed_us + REPLAY_EVERY_US)
    return;
  viewer->replayed_us = now_us;
  /* Before the first packets have had time to arrive, browsers ask by routine: the start is on its way. */
  if (viewer->counts.packets > 0 && viewer->behind)
    return;
  if (!air_webrtc_track_replay (track, now_us))
    air_rtp_source_request_keyframe (viewer->group->source, AIR_LANE_VIDEO);
}

/* A bucket: a viewer on a bad line cannot take more than a share. */
static bool
may_repeat (AirWebrtcViewer *viewer, int64_t now_us)
{
  double refilled = (double)(now_us - viewer->repeat_us) * REPEATS_PER_S / G_USEC_PER_SEC;
  viewer->repeat_tokens = MIN (REPEAT_BURST, viewer->repeat_tokens + refilled);
  viewer->repeat_us = now_us;
  if (viewer->repeat_tokens < 1)
    return false;
  viewer->repeat_tokens -= 1;
  return true;
}

static void
take_nack (AirWebrtcViewer *viewer, AirWebrtcTrack *track, const AirRtcpItem *item, int64_t now_us)
{
  GstBufferList *packets = gst_buffer_list_new ();
  unsigned repeated = 0;
  viewer->counts.nacks++;
  for (unsigned i = 0; i <= 16; i++)
    {
      GstBuffer *packet = NULL;
      if ((i == 0 || item->nack.bitmask & 1u << (i - 1)) && may_repeat (viewer, now_us))
        packet = air_webrtc_track_repeat (track, (uint16_t)(item->nack.sequence + i));
      if (packet)
        gst_buffer_list_add (packets, packet);
      repeated += packet != NULL;
    }
  viewer->counts.retransmitted += repeated;
  air_webrtc_loop_count (viewer->loop, &(AirFanoutCounts){ .nacks = 1, .retransmitted = repeated });
  push (viewer, track->kind, packets);
}

bool
air_webrtc_viewer_feedback (AirWebrtcViewer *viewer, const uint8_t *packet, size_t size, int64_t now_us)
{
  AirRtcpIter iter;
  AirRtcpItem item;
  unsigned nacks = 0;
  viewer->heard_us = now_us;
  if (!air_rtcp_iter_init (&iter, packet, size))
    return true;
  while (air_rtcp_iter_next (&iter, &item))
    {
      AirWebrtcTrack *track = find_track (viewer, item.media_ssrc);
      if (item.type == AIR_RTCP_BYE)
        return false;
      if (item.type == AIR_RTCP_REMB)
        viewer->counts.estimate_bps = item.remb_bps;
      if (!track)
        continue;
      if (item.type == AIR_RTCP_REPORT_BLOCK)
        take_report (viewer, track, &item);
      else if (item.type == AIR_RTCP_NACK && nacks++ < MAX_NACKS)
        take_nack (viewer, track, &item, now_us);
      else if (item.type == AIR_RTCP_PLI)
        take_keyframe_request (viewer, track, now_us);
      else if (item.type == AIR_RTCP_FIR && viewer->fir_sequence != item.fir.sequence)
        {
          viewer->fir_sequence = item.fir.sequence;
          take_keyframe_request (viewer, track, now_us);
        }
    }
  return true;
}
