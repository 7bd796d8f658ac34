/* The RTCP that a webrtcbin sends. */
#include "webrtcbin-session.h"

#include <gst/rtp/gstrtcpbuffer.h>
#include <string.h>

/* webrtcbin reports each 5 s; players put picture and sound in sync by reports. */
#define REPORT_EVERY_NS (G_GUINT64_CONSTANT (1000000000))
#define BYE_PACKET_BYTES 512u

struct _AirWebrtcSession
{
  GObject *rtp;
  GstPad *rtcp_pad; /* out of which RTCP goes */

  GMutex lock;
  AirWebrtcClock clocks[AIR_WEBRTC_MAX_CLOCKS];
  unsigned n_clocks;
};

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
  g_mutex_unlock (&session->lock);
  gst_rtcp_buffer_unmap (&rtcp);
  return changed;
}

AirWebrtcSession *
air_webrtc_session_new (GstElement *webrtc)
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
  session->rtp = rtp;
  session->rtcp_pad = g_steal_pointer (&pad);
  g_object_set (rtp, "rtcp-min-interval", REPORT_EVERY_NS, NULL);
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

static void
push (AirWebrtcSession *session, GstBuffer *packet)
{
  g_autoptr (GstEvent) segment = gst_pad_get_sticky_event (session->rtcp_pad, GST_EVENT_SEGMENT, 0);
  if (segment)
    gst_pad_push (session->rtcp_pad, packet);
  else
    gst_buffer_unref (packet);
}

void
air_webrtc_session_send (AirWebrtcSession *session, const uint8_t *packet, size_t size)
{
  push (session, gst_buffer_new_memdup (packet, size));
}

/* A compound packet without reports of reception (RFC 3550 §6.1): RR, SDES with the CNAME, BYE. */
static GstBuffer *
write_bye (AirWebrtcSession *session, const uint32_t *ssrcs, unsigned n_ssrcs)
{
  GstBuffer *buffer = gst_rtcp_buffer_new (BYE_PACKET_BYTES);
  GstRTCPBuffer rtcp = GST_RTCP_BUFFER_INIT;
  GstRTCPPacket packet;
  g_autoptr (GstStructure) sdes = NULL;
  g_object_get (session->rtp, "sdes", &sdes, NULL);
  const char *name = gst_structure_get_string (sdes, "cname");
  gst_rtcp_buffer_map (buffer, GST_MAP_READWRITE, &rtcp);
  gst_rtcp_buffer_add_packet (&rtcp, GST_RTCP_TYPE_RR, &packet);
  gst_rtcp_packet_rr_set_ssrc (&packet, ssrcs[0]);
  gst_rtcp_buffer_add_packet (&rtcp, GST_RTCP_TYPE_SDES, &packet);
  gst_rtcp_packet_sdes_add_item (&packet, ssrcs[0]);
  if (name)
    gst_rtcp_packet_sdes_add_entry (&packet, GST_RTCP_SDES_CNAME, (guint8)MIN (strlen (name), 255), (const guint8 *)name);
  gst_rtcp_buffer_add_packet (&rtcp, GST_RTCP_TYPE_BYE, &packet);
  for (unsigned i = 0; i < n_ssrcs; i++)
    gst_rtcp_packet_bye_add_ssrc (&packet, ssrcs[i]);
  gst_rtcp_buffer_unmap (&rtcp);
  return buffer;
}

void
air_webrtc_session_say_bye (AirWebrtcSession *session, const uint32_t *ssrcs, unsigned n_ssrcs)
{
  /* Not by asking for a report: GStreamer may refuse one so soon after the last (RFC 4585 §3.5). */
  if (n_ssrcs > 0)
    push (session, write_bye (session, ssrcs, n_ssrcs));
}
