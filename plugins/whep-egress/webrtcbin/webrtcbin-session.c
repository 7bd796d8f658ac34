/* RTCP of a webrtcbin. */
#include "webrtcbin-session.h"

#include <gst/rtp/gstrtcpbuffer.h>
#include <string.h>

/* webrtcbin reports each 5 s; players put picture and sound in sync by reports. */
#define REPORT_EVERY_NS (G_GUINT64_CONSTANT (1000000000))
#define BYE_DEADLINE_US (200 * 1000)
#define MAX_SSRCS 2u

struct _AirWebrtcSession
{
  GObject *rtp;
  GstPad *rtcp_pad; /* out of which RTCP goes */
  void (*rtcp) (const uint8_t *packet, size_t size, void *data);
  void *data;

  GMutex lock;
  GCond changed;
  AirWebrtcClock clocks[AIR_WEBRTC_MAX_CLOCKS];
  unsigned n_clocks;
  uint32_t ssrcs[MAX_SSRCS]; /* to say BYE for */
  unsigned n_ssrcs;
  bool written; /* BYE is in a packet */
  bool sent;    /* and that packet was handed on */
};

static void
on_receiving (GObject *rtp, GstBuffer *buffer, void *data)
{
  AirWebrtcSession *session = data;
  GstMapInfo map;
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return;
  session->rtcp (map.data, map.size, session->data);
  gst_buffer_unmap (buffer, &map);
}

static bool
write_bye (AirWebrtcSession *session, GstRTCPBuffer *rtcp)
{
  GstRTCPPacket packet;
  if (session->n_ssrcs == 0 || session->written || !gst_rtcp_buffer_add_packet (rtcp, GST_RTCP_TYPE_BYE, &packet))
    return false;
  for (unsigned i = 0; i < session->n_ssrcs; i++)
    gst_rtcp_packet_bye_add_ssrc (&packet, session->ssrcs[i]);
  session->written = true;
  return true;
}

static bool
write_clock (AirWebrtcSession *session, GstRTCPPacket *packet)
{
  guint32 ssrc, timestamp, packets, octets;
  guint64 ntp;
  int64_t now_us = g_get_monotonic_time ();
  gst_rtcp_packet_sr_get_sender_info (packet, &ssrc, &ntp, &timestamp, &packets, &octets);
  for (unsigned i = 0; i < session->n_clocks; i++)
    {
      const AirWebrtcClock *clock = &session->clocks[i];
      if (clock->ssrc != ssrc)
        continue;
      int64_t age_us = now_us - clock->anchor_us;
      ntp = clock->anchor_ntp + (uint64_t)age_us / G_USEC_PER_SEC * (G_GUINT64_CONSTANT (1) << 32)
            + ((uint64_t)age_us % G_USEC_PER_SEC << 32) / G_USEC_PER_SEC;
      timestamp = clock->anchor_timestamp + (guint32)(age_us * (int64_t)clock->rate / G_USEC_PER_SEC);
      gst_rtcp_packet_sr_set_sender_info (packet, ssrc, ntp, timestamp, packets, octets);
      return true;
    }
  return false;
}

static gboolean
on_sending (GObject *rtp, GstBuffer *buffer, gboolean early, void *data)
{
  AirWebrtcSession *session = data;
  GstRTCPBuffer rtcp = GST_RTCP_BUFFER_INIT;
  GstRTCPPacket packet;
  bool changed = false;
  if (!gst_rtcp_buffer_map (buffer, GST_MAP_READWRITE, &rtcp))
    return FALSE;
  g_mutex_lock (&session->lock);
  for (gboolean more = gst_rtcp_buffer_get_first_packet (&rtcp, &packet); more;
       more = gst_rtcp_packet_move_to_next (&packet))
    if (gst_rtcp_packet_get_type (&packet) == GST_RTCP_TYPE_SR)
      changed |= write_clock (session, &packet);
  changed |= write_bye (session, &rtcp);
  g_mutex_unlock (&session->lock);
  gst_rtcp_buffer_unmap (&rtcp);
  return changed;
}

/* The pad is idle again after the packet with the BYE: it went all the way down to the socket. */
static GstPadProbeReturn
on_idle (GstPad *pad, GstPadProbeInfo *info, void *data)
{
  AirWebrtcSession *session = data;
  g_mutex_lock (&session->lock);
  session->sent = true;
  g_cond_broadcast (&session->changed);
  g_mutex_unlock (&session->lock);
  return GST_PAD_PROBE_REMOVE;
}

/* Behind the pad, so that it is busy. */
static GstPadProbeReturn
on_rtcp_buffer (GstPad *pad, GstPadProbeInfo *info, void *data)
{
  AirWebrtcSession *session = data;
  g_mutex_lock (&session->lock);
  bool written = session->written;
  g_mutex_unlock (&session->lock);
  if (!written)
    return GST_PAD_PROBE_OK;
  gst_pad_add_probe (session->rtcp_pad, GST_PAD_PROBE_TYPE_IDLE, on_idle, session, NULL);
  return GST_PAD_PROBE_REMOVE;
}

AirWebrtcSession *
air_webrtc_session_new (GstElement *webrtc, void (*rtcp) (const uint8_t *packet, size_t size, void *data), void *data)
{
  g_autoptr (GstElement) bin = gst_bin_get_by_name (GST_BIN (webrtc), "rtpbin");
  g_autoptr (GstPad) pad = bin ? gst_element_get_static_pad (bin, "send_rtcp_src_0") : NULL;
  GObject *rtp = NULL;
  if (pad)
    g_signal_emit_by_name (bin, "get-internal-session", 0u, &rtp);
  if (!rtp)
    return NULL;
  AirWebrtcSession *session = g_new0 (AirWebrtcSession, 1);
  g_mutex_init (&session->lock);
  g_cond_init (&session->changed);
  session->rtp = rtp;
  session->rtcp_pad = g_steal_pointer (&pad);
  session->rtcp = rtcp;
  session->data = data;
  g_object_set (rtp, "rtcp-min-interval", REPORT_EVERY_NS, NULL);
  g_signal_connect (rtp, "on-receiving-rtcp", G_CALLBACK (on_receiving), session);
  g_signal_connect (rtp, "on-sending-rtcp", G_CALLBACK (on_sending), session);
  return session;
}

void
air_webrtc_session_free (AirWebrtcSession *session)
{
  if (!session)
    return;
  g_signal_handlers_disconnect_by_data (session->rtp, session);
  g_object_unref (session->rtp);
  gst_object_unref (session->rtcp_pad);
  g_cond_clear (&session->changed);
  g_mutex_clear (&session->lock);
  g_free (session);
}

void
air_webrtc_session_set_clocks (AirWebrtcSession *session, const AirWebrtcClock *clocks, unsigned n_clocks)
{
  g_mutex_lock (&session->lock);
  session->n_clocks = MIN (n_clocks, AIR_WEBRTC_MAX_CLOCKS);
  memcpy (session->clocks, clocks, session->n_clocks * sizeof *clocks);
  g_mutex_unlock (&session->lock);
}

void
air_webrtc_session_report (AirWebrtcSession *session)
{
  g_signal_emit_by_name (session->rtp, "send-rtcp", (guint64)0);
}

void
air_webrtc_session_say_bye (AirWebrtcSession *session, const uint32_t *ssrcs, unsigned n_ssrcs)
{
  int64_t deadline_us = g_get_monotonic_time () + BYE_DEADLINE_US;
  g_autoptr (GstPad) peer = gst_pad_get_peer (session->rtcp_pad);
  if (!peer)
    return;
  gst_pad_add_probe (peer, GST_PAD_PROBE_TYPE_BUFFER, on_rtcp_buffer, session, NULL);
  g_mutex_lock (&session->lock);
  session->n_ssrcs = MIN (n_ssrcs, MAX_SSRCS);
  memcpy (session->ssrcs, ssrcs, session->n_ssrcs * sizeof *ssrcs);
  g_mutex_unlock (&session->lock);
  air_webrtc_session_report (session);
  g_mutex_lock (&session->lock);
  while (!session->sent && g_cond_wait_until (&session->changed, &session->lock, deadline_us))
    continue;
  g_mutex_unlock (&session->lock);
}
