/* See webrtcbin-source.h. */
#include "webrtcbin-source.h"

#define GST_USE_UNSTABLE_API
#include <gst/app/gstappsrc.h>
#include <gst/webrtc/webrtc.h>

#include "webrtcbin-sdp.h"

/* What may wait in front of a webrtcbin that does not send, such as one behind a TURN server by TCP. */
#define MAX_WAITING_BYTES (2u << 20)

struct _AirWebrtcSource
{
  GstAppSrc *element; /* the pipeline's */
  GMutex lock;
  GCond changed;
  bool ended;
};

/* An end is for air_webrtc_source_end(), not for webrtcbin. */
static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, void *data)
{
  AirWebrtcSource *source = data;
  if (GST_EVENT_TYPE (gst_pad_probe_info_get_event (info)) != GST_EVENT_EOS)
    return GST_PAD_PROBE_OK;
  g_mutex_lock (&source->lock);
  source->ended = true;
  g_cond_broadcast (&source->changed);
  g_mutex_unlock (&source->lock);
  return GST_PAD_PROBE_DROP;
}

AirWebrtcSource *
air_webrtc_source_new (GstElement *pipeline, GstElement *webrtc, AirKind kind, const AirSdpSection *section,
                       unsigned index)
{
  g_autofree char *preferred = air_webrtc_caps_write (kind, section, false);
  g_autofree char *sent = air_webrtc_caps_write (kind, section, true);
  g_autoptr (GstCaps) preferred_caps = gst_caps_from_string (preferred);
  g_autoptr (GstCaps) sent_caps = gst_caps_from_string (sent);
  AirWebrtcSource *source = g_new0 (AirWebrtcSource, 1);
  GstElement *element = gst_element_factory_make ("appsrc", NULL);
  source->element = GST_APP_SRC (element);
  g_mutex_init (&source->lock);
  g_cond_init (&source->changed);
  g_object_set (element, "caps", sent_caps, "format", GST_FORMAT_TIME, "is-live", TRUE, "max-bytes", (guint64)0, NULL);
  gst_bin_add (GST_BIN (pipeline), element);

  g_autofree char *name = g_strdup_printf ("sink_%u", index);
  g_autoptr (GstPad) sink = gst_element_request_pad_simple (webrtc, name);
  g_autoptr (GstWebRTCRTPTransceiver) transceiver = NULL;
  g_object_get (sink, "transceiver", &transceiver, NULL);
  g_object_set (transceiver, "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY, "codec-preferences",
                preferred_caps, NULL);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event, source, NULL);
  gst_pad_link (pad, sink);
  gst_element_sync_state_with_parent (element);
  return source;
}

void
air_webrtc_source_free (AirWebrtcSource *source)
{
  if (!source)
    return;
  g_cond_clear (&source->changed);
  g_mutex_clear (&source->lock);
  g_free (source);
}

bool
air_webrtc_source_push (AirWebrtcSource *source, GstBufferList *packets)
{
  if (gst_app_src_get_current_level_bytes (source->element) < MAX_WAITING_BYTES)
    return gst_app_src_push_buffer_list (source->element, packets) == GST_FLOW_OK;
  gst_buffer_list_unref (packets);
  return false;
}

/* Besides, a source of GStreamer 1.22 that is stopped with a list of packets in its hand logs a critical. */
void
air_webrtc_source_end (AirWebrtcSource *source, unsigned wait_ms)
{
  int64_t deadline_us = g_get_monotonic_time () + (int64_t)wait_ms * 1000;
  if (!source)
    return;
  gst_app_src_end_of_stream (source->element);
  g_mutex_lock (&source->lock);
  while (!source->ended && g_cond_wait_until (&source->changed, &source->lock, deadline_us))
    continue;
  g_mutex_unlock (&source->lock);
}
