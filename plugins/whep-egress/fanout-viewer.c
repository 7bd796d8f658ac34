/* A viewer: from shared packets to its own, paced. */
#include "fanout-private.h"

#include <string.h>

#define MID_PACKETS 32u   /* the mid goes along until the receiver surely knows the SSRC (RFC 8843 §9.2) */
#define CATCH_UP_STEP 90u /* 1 ms of the video's clock */
#define MAX_BUDGET_MS 3u
#define MAX_LATE_NS G_GINT64_CONSTANT (1000000000) /* on TCP */
#define REPORT_OFTEN_US (G_USEC_PER_SEC / 2)
#define REPORT_EVERY_US (3 * G_USEC_PER_SEC)
#define MAX_RETRANSMIT_AGE 16384u /* packets */

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

static void
send_encrypted (AirFanoutViewer *viewer, const AirRtpHeader *fields, const uint8_t *payload, size_t payload_bytes)
{
  uint8_t header[AIR_RTP_MAX_HEADER_BYTES];
  size_t header_bytes = air_rtp_header_write (fields, header);
  const AirPath *path = air_ice_get_selected (viewer->ice);
  if (!path)
    return;
  size_t room = header_bytes + payload_bytes + AIR_SRTP_MAX_OVERHEAD_BYTES, bytes = 0;
  uint8_t *out = air_fanout_loop_reserve (viewer->loop, path, room);
  if (air_srtp_protect_rtp (viewer->sender, header, header_bytes, payload, payload_bytes, out, room, &bytes)
      != AIR_SRTP_OK)
    bytes = 0;
  air_fanout_loop_commit (viewer->loop, path, bytes);
  viewer->counts.packets += bytes > 0;
  viewer->counts.bytes += bytes;
  if (fields->transport_id)
    air_path_estimate_sent (viewer->level.path, fields->transport_sequence, bytes, viewer->loop->now_us);
  else
    air_path_estimate_sent_unnumbered (viewer->level.path, bytes, viewer->loop->now_us);
}

static uint32_t
catch_up_timestamp (const AirFanoutSegment *segment, const AirRtpPacket *packet)
{
  return segment->first_timestamp + (packet->frame - segment->first_frame) * CATCH_UP_STEP;
}

static uint32_t
timestamp_of (const AirFanoutTrack *track, const AirFanoutSegment *segment, const AirRtpPacket *packet)
{
  bool live = packet->sequence >= segment->live;
  return (live ? packet->timestamp : catch_up_timestamp (segment, packet)) + track->timestamp_offset;
}

/* What pictures wait for: their sound, and what the viewer loses. A retransmission on the same SSRC must be the same as what
 * was lost (RFC 7714 §8.4), so there the wait cannot be the viewer's own. */
static uint16_t
wait_of (const AirFanoutViewer *viewer, const AirFanoutTrack *track, const AirRtpPacket *packet)
{
  unsigned own_ms = track->section.rtx_payload ? air_repair_get_wait_ms (&viewer->repair) : 0;
  return (uint16_t)MAX (own_ms, packet->wait_ms);
}

/* Sound behind that of the packets before it, as many as the viewer's losses make necessary. */
static size_t
write_redundant (AirFanoutViewer *viewer, const AirFanoutSegment *segment, const AirRtpPacket *packet,
                 uint8_t out[AIR_RTP_MAX_PAYLOAD_BYTES])
{
  const AirFanoutTrack *track = &viewer->tracks[AIR_KIND_AUDIO];
  AirPacketRing *ring = viewer->share->view->rings[segment->lane];
  AirRtpPacket *earlier[AIR_RTP_RED_MAX_EARLIER];
  /* On a path that is too narrow it would make the losses that it mends. */
  bool room = track->section.red_payload && viewer->level.policy.reason != AIR_LEVEL_CONGESTION;
  unsigned wanted = room ? air_repair_get_redundancy (&viewer->repair) : 0, count = 0;
  for (unsigned back = MIN (wanted, AIR_RTP_RED_MAX_EARLIER); back > 0; back--)
    if (packet->sequence >= segment->place + back
        && (earlier[count] = air_packet_ring_get (ring, packet->sequence - back)))
      count++;
  return count > 0 ? air_rtp_red_write (out, track->section.payload, earlier, count, packet) : 0;
}

/* All but the transport-wide number follows from packet and sequence: a retransmission on the same SSRC is the same. */
static void
send_packet (AirFanoutViewer *viewer, AirKind kind, const AirFanoutSegment *segment,
             const AirRtpPacket *packet, uint64_t sequence)
{
  const AirFanoutTrack *track = &viewer->tracks[kind];
  const uint8_t *ids = track->section.extensions;
  AirRtpHeader header = {
    .payload = track->section.payload,
    .marker = packet->flags & AIR_RTP_MARKER,
    .sequence = (uint16_t)sequence,
    .timestamp = timestamp_of (track, segment, packet),
    .ssrc = track->section.ssrc,
    .transport_id = ids[AIR_SDP_EXTENSION_TRANSPORT_CC],
  };
  if (header.transport_id)
    header.transport_sequence = viewer->transport_sequence++;
  if (ids[AIR_SDP_EXTENSION_CAPTURE_TIME] && packet->flags & AIR_RTP_CAPTURE_TIME)
    {
      int64_t taken_us = air_rtp_view_time_of (viewer->share->view, packet->pts_ns);
      header.capture_id = ids[AIR_SDP_EXTENSION_CAPTURE_TIME];
      header.capture_ntp = air_fanout_loop_ntp (viewer->loop, taken_us);
    }
  if (packet->flags & AIR_RTP_WAIT)
    {
      header.wait_id = ids[AIR_SDP_EXTENSION_PLAYOUT_DELAY];
      header.wait_ms = wait_of (viewer, track, packet);
    }
  if (sequence - track->first_sequence < MID_PACKETS)
    {
      header.mid_id = ids[AIR_SDP_EXTENSION_MID];
      header.mid = viewer->mids[kind];
    }
  uint8_t redundant[AIR_RTP_MAX_PAYLOAD_BYTES];
  size_t redundant_bytes = kind == AIR_KIND_AUDIO ? write_redundant (viewer, segment, packet, redundant) : 0;
  if (redundant_bytes > 0)
    {
      header.payload = track->section.red_payload;
      send_encrypted (viewer, &header, redundant, redundant_bytes);
    }
  else
    send_encrypted (viewer, &header, packet->payload, packet->payload_bytes);
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
  uint32_t next = viewer->level.last_timestamp + CATCH_UP_STEP;
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
  if ((int32_t)(packet->timestamp - catch_up_timestamp (segment, packet)) >= 0)
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
      send_packet (viewer, kind, segment, packet, track->next_sequence++);
      if (!slow && is_live_end (segment, packet))
        air_fanout_loop_note_delay (viewer->loop, packet->arrival_us);
      if (video)
        air_fanout_level_take_sent (viewer, packet, timestamp_of (track, segment, packet) - track->timestamp_offset);
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

#define PADDING_BYTES 255u

/* Packets without content, as senders of WebRTC try a path with: they take a sequence number of the RTX stream only. */
static void
send_padding (AirFanoutViewer *viewer)
{
  static const uint8_t padding[PADDING_BYTES] = { [PADDING_BYTES - 1] = PADDING_BYTES };
  AirFanoutTrack *track = &viewer->tracks[AIR_KIND_VIDEO];
  AirRtpHeader header = {
    .payload = track->section.rtx_payload,
    .padded = true,
    .sequence = (uint16_t)track->next_rtx_sequence++,
    .timestamp = viewer->level.last_timestamp + track->timestamp_offset,
    .ssrc = track->section.rtx_ssrc,
    .transport_id = track->section.extensions[AIR_SDP_EXTENSION_TRANSPORT_CC],
  };
  if (header.transport_id)
    header.transport_sequence = viewer->transport_sequence++;
  send_encrypted (viewer, &header, padding, sizeof padding);
}

static AirFanoutSegment *
find_segment (AirFanoutTrack *track, uint64_t sequence)
{
  for (unsigned i = track->segment_count; i > 0; i--)
    if (track->segments[i - 1].sequence <= sequence)
      return &track->segments[i - 1];
  return NULL;
}

/* RFC 4588 §4: its own SSRC and sequence, the original sequence number before the payload. */
static void
send_rtx (AirFanoutViewer *viewer, AirKind kind, const AirFanoutSegment *segment,
          const AirRtpPacket *packet, uint16_t original)
{
  AirFanoutTrack *track = &viewer->tracks[kind];
  AirRtpHeader header = {
    .payload = track->section.rtx_payload,
    .marker = packet->flags & AIR_RTP_MARKER,
    .sequence = (uint16_t)track->next_rtx_sequence++,
    .timestamp = timestamp_of (track, segment, packet),
    .ssrc = track->section.rtx_ssrc,
    .transport_id = track->section.extensions[AIR_SDP_EXTENSION_TRANSPORT_CC],
    .wait_id = packet->flags & AIR_RTP_WAIT ? track->section.extensions[AIR_SDP_EXTENSION_PLAYOUT_DELAY] : 0,
    .wait_ms = wait_of (viewer, track, packet),
  };
  if (header.transport_id)
    header.transport_sequence = viewer->transport_sequence++;
  uint8_t payload[AIR_RTP_MAX_PAYLOAD_BYTES + 2];
  payload[0] = (uint8_t)(original >> 8);
  payload[1] = (uint8_t)original;
  memcpy (payload + 2, packet->payload, packet->payload_bytes);
  send_encrypted (viewer, &header, payload, packet->payload_bytes + 2u);
}

void
air_fanout_viewer_retransmit (AirFanoutViewer *viewer, AirFanoutTrack *track, uint16_t sequence, int64_t now_us)
{
  AirKind kind = (AirKind)(track - viewer->tracks);
  uint16_t behind = (uint16_t)((uint16_t)(track->next_sequence - 1) - sequence);
  if (!(track->section.feedback & AIR_SDP_FEEDBACK_NACK) || track->next_sequence - track->first_sequence <= behind)
    return; /* not agreed on, or never sent */
  if (behind >= MAX_RETRANSMIT_AGE)
    return; /* the rollover counter would be taken for the next one (RFC 3711 §3.3.1), and its nonces be used twice */
  uint64_t full = track->next_sequence - 1 - behind;
  const AirFanoutSegment *segment = find_segment (track, full);
  if (!segment)
    return;
  AirPacketRing *ring = viewer->share->view->rings[segment->lane];
  const AirRtpPacket *packet = air_packet_ring_get (ring, segment->place + (full - segment->sequence));
  uint64_t key = full * AIR_KIND_COUNT + kind;
  /* Pictures of another rung, or before one that waits for a keyframe, are not mended: the path is full as it is. */
  bool past = kind == AIR_KIND_VIDEO && (viewer->level.paused || segment->lane != air_lane_of (kind, track->rung));
  if (!packet || past
      || !air_repair_may_resend (&viewer->repair, key, packet->payload_bytes, now_us))
    return;
  if (track->section.rtx_payload)
    send_rtx (viewer, kind, segment, packet, sequence);
  else
    send_packet (viewer, kind, segment, packet, full);
  viewer->counts.retransmitted++;
  air_fanout_loop_get_counts (viewer->loop)->retransmitted++;
}

size_t
air_fanout_viewer_send_probe (AirFanoutViewer *viewer, unsigned back)
{
  AirFanoutTrack *track = &viewer->tracks[AIR_KIND_VIDEO];
  uint64_t before = viewer->counts.bytes;
  if (!track->section.rtx_payload)
    return 0;
  uint64_t full = track->next_sequence - 1 - back;
  const AirFanoutSegment *segment
    = back < track->next_sequence - track->first_sequence ? find_segment (track, full) : NULL;
  const AirRtpPacket *packet = segment ? air_packet_ring_get (viewer->share->view->rings[segment->lane],
                                                              segment->place + (full - segment->sequence))
                                       : NULL;
  if (packet && !viewer->level.paused)
    send_rtx (viewer, AIR_KIND_VIDEO, segment, packet, (uint16_t)full);
  else
    send_padding (viewer);
  return viewer->counts.bytes - before;
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
air_fanout_viewer_answer_reference (AirFanoutViewer *viewer, uint32_t receiver_ssrc, uint32_t reference)
{
  const AirSdpSection *section = &viewer->tracks[AIR_KIND_VIDEO].section;
  uint8_t packet[64];
  if (section->feedback & AIR_SDP_FEEDBACK_ROUND_TRIP)
    send_rtcp (viewer, packet,
               air_rtcp_build_reference_answer (packet, sizeof packet, section->ssrc, receiver_ssrc, reference));
}

/* Often at first, for lip-sync needs reports of both tracks; then as RFC 3550 §6.2 would have it. Often again while there
 * is no media: so a viewer knows a publisher's silence from a path that is gone. */
static int64_t
report_interval_us (const AirFanoutViewer *viewer, const AirFanoutTrack *track, int64_t now_us)
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
      AirFanoutTrack *track = &viewer->tracks[kind];
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
      send_rtcp (viewer, packet, air_rtcp_build_sr (packet, sizeof packet, &info, viewer->cname));
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
  send_rtcp (viewer, packet, air_rtcp_build_bye (packet, sizeof packet, ssrcs, count, viewer->cname));
}
