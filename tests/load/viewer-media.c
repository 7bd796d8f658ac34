/* A viewer's media and feedback, once SRTP has its keys. */
#include <linux/sock_diag.h>
#include <opus/opus.h>
#include <string.h>

#include "demux.h"
#include "rtcp.h"
#include "viewer-private.h"
#include "worker.h"

#define REPORT_US (1 * G_USEC_PER_SEC)
#define TRANSPORT_US (100 * 1000)
#define PLI_AGAIN_US (500 * 1000)
#define PLI_PATIENCE_US (200 * 1000) /* the first picture may take so long before it is asked for */
#define MAX_NACKED 200
#define ONE_BYTE_EXTENSIONS 0xbede

typedef struct
{
  uint8_t payload_type;
  bool marker;
  uint16_t sequence;
  uint32_t timestamp, ssrc;
  const uint8_t *payload;
  size_t payload_bytes;
  bool has_transport_sequence;
  uint16_t transport_sequence;
} Rtp;

static uint16_t
read16 (const uint8_t *at)
{
  return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t
read32 (const uint8_t *at)
{
  return (uint32_t)read16 (at) << 16 | read16 (at + 2);
}

/* RFC 8285 §4.2 */
static void
find_transport_sequence (const uint8_t *at, const uint8_t *end, uint8_t id, Rtp *rtp)
{
  while (at < end)
    {
      size_t bytes = (size_t)(*at & 15) + 1;

      if (*at == 0)
        {
          at++;
          continue;
        }
      if (*at >> 4 == id && bytes == 2 && at + 2 < end)
        {
          rtp->has_transport_sequence = true;
          rtp->transport_sequence = read16 (at + 1);
          return;
        }
      at += 1 + bytes;
    }
}

/* SRTP has checked that header and extension lie within the packet. */
static bool
read_rtp (const uint8_t *data, size_t size, uint8_t transport_id, Rtp *rtp)
{
  size_t at = 12 + 4 * (size_t)(data[0] & 15), padding = data[0] & 0x20 ? data[size - 1] : 0;

  *rtp = (Rtp){ .payload_type = data[1] & 0x7f, .marker = data[1] & 0x80, .sequence = read16 (data + 2),
                .timestamp = read32 (data + 4), .ssrc = read32 (data + 8) };
  if (data[0] & 0x10)
    {
      size_t bytes = 4 * (size_t)read16 (data + at + 2);

      if (transport_id && read16 (data + at) == ONE_BYTE_EXTENSIONS)
        find_transport_sequence (data + at + 4, data + at + 4 + bytes, transport_id, rtp);
      at += 4 + bytes;
    }
  if (at + padding > size)
    return false;
  rtp->payload = data + at;
  rtp->payload_bytes = size - at - padding;
  return true;
}

static void
send_rtcp (LoadViewer *viewer, const uint8_t *packet, size_t size)
{
  uint8_t out[LOAD_RTCP_BYTES + AIR_SRTP_MAX_OVERHEAD_BYTES];
  size_t bytes;

  if (size > 0 && air_srtp_protect_rtcp (viewer->outbound, packet, size, out, sizeof out, &bytes) == AIR_SRTP_OK)
    (void)send (viewer->udp, out, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
send_transport_feedback (LoadViewer *viewer)
{
  uint8_t packet[LOAD_RTCP_BYTES];

  send_rtcp (viewer, packet, load_transport_write (&viewer->transport, viewer->ssrc, viewer->video_ssrc, packet));
}

static void
receive_video (LoadViewer *viewer, const Rtp *rtp, int64_t now_us)
{
  LoadPacket packet = { .timestamp = rtp->timestamp,
                        .flags = (uint8_t)(load_h264_flags (rtp->payload, rtp->payload_bytes)
                                           | (rtp->marker ? LOAD_MARKER : 0)) };

  viewer->video_ssrc = rtp->ssrc;
  load_report_packet (&viewer->reports[0], rtp->ssrc, rtp->sequence, rtp->timestamp, now_us);
  load_track_receive (&viewer->video, rtp->sequence, packet, now_us);
}

/* RFC 4588 §4: the original sequence number comes first. */
static void
receive_retransmission (LoadViewer *viewer, const Rtp *rtp, int64_t now_us)
{
  if (rtp->payload_bytes < 3 || viewer->video_ssrc == 0)
    return;
  LoadPacket packet = { .timestamp = rtp->timestamp,
                        .flags = (uint8_t)(load_h264_flags (rtp->payload + 2, rtp->payload_bytes - 2)
                                           | (rtp->marker ? LOAD_MARKER : 0)) };
  load_track_receive (&viewer->video, read16 (rtp->payload), packet, now_us);
}

static void
receive_audio (LoadViewer *viewer, const Rtp *rtp, int64_t now_us)
{
  load_report_packet (&viewer->reports[1], rtp->ssrc, rtp->sequence, rtp->timestamp, now_us);
  if (load_track_receive (&viewer->audio, rtp->sequence, (LoadPacket){ .timestamp = rtp->timestamp }, now_us))
    {
      int samples = opus_packet_get_nb_samples (rtp->payload, (opus_int32)rtp->payload_bytes, 48000);
      viewer->stay.counts.audio_packets++;
      viewer->stay.counts.audio_samples += (uint64_t)MAX (0, samples);
    }
}

void
load_viewer_rtp (LoadViewer *viewer, uint8_t *data, size_t size, int64_t now_us)
{
  LoadCounts *counts = &viewer->stay.counts;
  size_t bytes;
  Rtp rtp;

  if (viewer->plan->loss > 0 && load_worker_random (viewer->worker) < viewer->plan->loss)
    {
      counts->dropped_here++;
      return;
    }
  AirSrtpStatus status = air_srtp_unprotect_rtp (viewer->inbound, data, size, &bytes);
  if (status != AIR_SRTP_OK || !read_rtp (data, bytes, viewer->answer.transport_id, &rtp))
    {
      *(status == AIR_SRTP_REPLAYED ? &counts->duplicate : &counts->unauthentic) += 1;
      return;
    }
  counts->bytes += size;
  if (viewer->stay.first_packet_us == 0)
    {
      viewer->stay.first_packet_us = now_us;
      viewer->stay.joined = true;
    }
  if (rtp.has_transport_sequence && load_transport_packet (&viewer->transport, rtp.transport_sequence, now_us))
    send_transport_feedback (viewer);
  if (rtp.payload_type == viewer->answer.video_payload)
    receive_video (viewer, &rtp, now_us);
  else if (rtp.payload_type == viewer->answer.rtx_payload)
    receive_retransmission (viewer, &rtp, now_us);
  else if (rtp.payload_type == viewer->answer.audio_payload)
    receive_audio (viewer, &rtp, now_us);
}

void
load_viewer_rtcp (LoadViewer *viewer, uint8_t *data, size_t size, int64_t now_us)
{
  AirRtcpIter iter;
  AirRtcpItem item;
  size_t bytes;

  if (air_srtp_unprotect_rtcp (viewer->inbound, data, size, &bytes) != AIR_SRTP_OK)
    {
      viewer->stay.counts.unauthentic++;
      return;
    }
  if (!air_rtcp_iter_init (&iter, data, bytes))
    return;
  while (air_rtcp_iter_next (&iter, &item))
    {
      if (item.type == AIR_RTCP_BYE)
        {
          load_viewer_fail (viewer, "the server said BYE", now_us);
          return;
        }
      for (unsigned i = 0; item.type == AIR_RTCP_SENDER_REPORT && i < G_N_ELEMENTS (viewer->reports); i++)
        if (viewer->reports[i].ssrc == item.sender_info.ssrc)
          {
            viewer->reports[i].last_sr = air_ntp_middle (item.sender_info.ntp);
            viewer->reports[i].last_sr_us = now_us;
          }
    }
}

void
load_viewer_schedule_feedback (LoadViewer *viewer, int64_t now_us)
{
  /* Viewers report at different times, as browsers do. */
  viewer->report_us = now_us + (int64_t)(load_worker_random (viewer->worker) * REPORT_US);
  viewer->transport_us = now_us + (int64_t)(load_worker_random (viewer->worker) * TRANSPORT_US);
  viewer->pli_us = now_us + PLI_PATIENCE_US;
}

static void
ask_for_packets (LoadViewer *viewer, int64_t now_us)
{
  uint16_t sequences[MAX_NACKED];
  uint8_t packet[LOAD_RTCP_BYTES];

  if (load_track_has_holes (&viewer->audio))
    load_track_tick (&viewer->audio, now_us, sequences, 0);
  if (!load_track_has_holes (&viewer->video))
    return;
  unsigned count = load_track_tick (&viewer->video, now_us, sequences, MAX_NACKED);
  if (count > 0)
    send_rtcp (viewer, packet, load_nack_write (viewer->ssrc, viewer->video_ssrc, sequences, count, packet));
}

void
load_viewer_send_feedback (LoadViewer *viewer, int64_t now_us)
{
  uint8_t packet[LOAD_RTCP_BYTES];

  ask_for_packets (viewer, now_us);
  if (viewer->frames.wants_keyframe && viewer->video_ssrc != 0 && now_us >= viewer->pli_us)
    {
      viewer->pli_us = now_us + PLI_AGAIN_US;
      viewer->stay.counts.plis++;
      send_rtcp (viewer, packet, air_rtcp_build_pli (packet, sizeof packet, viewer->ssrc, viewer->video_ssrc));
    }
  if (now_us >= viewer->transport_us)
    {
      viewer->transport_us = now_us + TRANSPORT_US;
      if (viewer->transport.count > 0)
        send_transport_feedback (viewer);
    }
  if (now_us >= viewer->report_us)
    {
      viewer->report_us = now_us + REPORT_US;
      send_rtcp (viewer, packet,
                 load_report_write (viewer->reports, G_N_ELEMENTS (viewer->reports), viewer->ssrc, now_us, packet));
    }
}

void
load_viewer_measure (LoadViewer *viewer, bool begin, int64_t now_us)
{
  const LoadFrames *frames = &viewer->frames;

  if (viewer->state != LOAD_PLAYING || (!begin && !viewer->measured))
    return;
  if (begin)
    {
      viewer->measured = true;
      viewer->before = viewer->stay.counts;
      viewer->before_timestamp = frames->last_timestamp;
      return;
    }
  viewer->stay.measured = viewer->stay.counts;
  load_counts_subtract (&viewer->stay.measured, &viewer->before);
  /* By the timestamps, so that the edges of the interval do not matter; what stands still at the end counts as time. */
  double span_s = (uint32_t)(frames->last_timestamp - viewer->before_timestamp) / 90000.0;
  if (now_us - frames->last_us > LOAD_STALL_US)
    span_s += (double)(now_us - frames->last_us) / G_USEC_PER_SEC;
  viewer->stay.fps = span_s > 0 ? (double)viewer->stay.measured.frames / span_s : 0;
}

void
load_viewer_close_stay (LoadViewer *viewer)
{
  uint32_t memory[SK_MEMINFO_VARS];
  socklen_t size = sizeof memory;

  int64_t caught_up_us = load_frames_caught_up_us (&viewer->frames);

  viewer->stay.first_picture_us = viewer->frames.first_us;
  if (caught_up_us >= 0)
    viewer->stay.live_us = viewer->frames.first_us + caught_up_us - viewer->stay.post_us;
  if (viewer->udp >= 0 && getsockopt (viewer->udp, SOL_SOCKET, SO_MEMINFO, memory, &size) == 0)
    viewer->stay.socket_drops = memory[SK_MEMINFO_DROPS];
}
