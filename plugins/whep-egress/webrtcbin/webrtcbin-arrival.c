/* Two probes around a viewer's SRTP decoder, both on the thread that reads its socket.
 *
 * GStreamer 1.22 looks into RTCP before it knows that it is authentic: it logs a critical at a BYE without sources, walks on into what
 * is encrypted, and remembers each SSRC. Behind the decoder its session, which needs no RTCP to send, reads beyond the end of some
 * descriptions of sources and remembers each source that a viewer makes up. So neither gets to see what it has no use for.
 */
#include "webrtcbin-arrival.h"

#include <stdbool.h>
#include <string.h>

/* A viewer has one for each kind at most, and others after a start anew. */
#define MAX_SOURCES 16u
/* Of SRTCP they are in the clear (RFC 3711 §3.4): the header and who sends. */
#define CLEAR_BYTES 8u

enum
{
  PACKET_SR = 200,
  PACKET_RR = 201,
  PACKET_BYE = 203,
  PACKET_RTPFB = 205,
  PACKET_PSFB = 206,
};

typedef struct
{
  void (*rtcp) (const uint8_t *packet, size_t size, void *data);
  void *data;
  uint32_t sources[MAX_SOURCES];
  unsigned n_sources;
} Arrival;

static bool
is_known_source (Arrival *arrival, uint32_t ssrc)
{
  for (unsigned i = 0; i < arrival->n_sources; i++)
    if (arrival->sources[i] == ssrc)
      return true;
  if (arrival->n_sources == MAX_SOURCES)
    return false;
  arrival->sources[arrival->n_sources++] = ssrc;
  return true;
}

/* Players begin with a report, or with feedback or a BYE where the size is reduced (RFC 5506). */
static bool
is_wanted (Arrival *arrival, const uint8_t *clear)
{
  unsigned count = clear[0] & 31, type = clear[1];
  bool begins = type == PACKET_SR || type == PACKET_RR || type == PACKET_RTPFB || type == PACKET_PSFB
                || (type == PACKET_BYE && count > 0);
  uint32_t ssrc;
  memcpy (&ssrc, clear + 4, sizeof ssrc); /* in any byte order, for it is only compared */
  return begins && is_known_source (arrival, ssrc);
}

static GstPadProbeReturn
on_encrypted (GstPad *pad, GstPadProbeInfo *info, void *data)
{
  uint8_t clear[CLEAR_BYTES];
  GstBuffer *buffer = gst_pad_probe_info_get_buffer (info);
  bool whole = gst_buffer_extract (buffer, 0, clear, sizeof clear) == sizeof clear;
  return whole && is_wanted (data, clear) ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

static GstPadProbeReturn
on_decrypted (GstPad *pad, GstPadProbeInfo *info, void *data)
{
  Arrival *arrival = data;
  GstMapInfo map;
  GstBuffer *buffer = gst_pad_probe_info_get_buffer (info);
  if (gst_buffer_map (buffer, &map, GST_MAP_READ))
    {
      arrival->rtcp (map.data, map.size, arrival->data);
      gst_buffer_unmap (buffer, &map);
    }
  return GST_PAD_PROBE_DROP;
}

void
air_webrtc_arrival_watch (GstElement *decoder, void (*rtcp) (const uint8_t *packet, size_t size, void *data),
                          void *data)
{
  /* RTP and RTCP come in by one pad, for they share a port. */
  g_autoptr (GstPad) encrypted = gst_element_get_static_pad (decoder, "rtp_sink");
  g_autoptr (GstPad) decrypted = gst_element_get_static_pad (decoder, "rtcp_src");
  Arrival *arrival = g_new0 (Arrival, 1);
  *arrival = (Arrival){ .rtcp = rtcp, .data = data };
  g_object_set_data_full (G_OBJECT (decoder), "air-arrival", arrival, g_free);
  gst_pad_add_probe (encrypted, GST_PAD_PROBE_TYPE_BUFFER, on_encrypted, arrival, NULL);
  gst_pad_add_probe (decrypted, GST_PAD_PROBE_TYPE_BUFFER, on_decrypted, arrival, NULL);
}
