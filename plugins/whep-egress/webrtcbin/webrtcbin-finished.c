/* GStreamer's DTLS encoder has a queue and a thread of its own, and tells that the handshake is done before its end has left: media
 * that is pushed at once may overtake it, and a viewer drops what it has no keys for, the first picture among it. */
#include "webrtcbin-finished.h"

#include <stdbool.h>
#include <stdint.h>

/* RFC 6347 §4.1: type, version, epoch, sequence number, length. */
#define HEADER_BYTES 13u
#define EPOCH_AT 3u
#define LENGTH_AT 11u

typedef struct
{
  void (*sent) (void *data);
  void *data;
} Watch;

static size_t
read16 (const uint8_t *p)
{
  return (size_t)p[0] << 8 | p[1];
}

/* Whether it is of DTLS (RFC 7983 §7), and more than the beginning of a handshake. */
static bool
is_encrypted (const uint8_t *records, size_t size)
{
  if (size == 0 || records[0] < 20 || records[0] > 63)
    return false;
  for (size_t at = 0; at + HEADER_BYTES <= size; at += HEADER_BYTES + read16 (records + at + LENGTH_AT))
    if (read16 (records + at + EPOCH_AT) > 0)
      return true;
  return false;
}

/* The pad's lock is held until it is sent: nothing overtakes it any more. */
static GstPadProbeReturn
on_datagram (GstPad *pad, GstPadProbeInfo *info, void *data)
{
  Watch *watch = data;
  GstMapInfo map;
  GstBuffer *buffer = gst_pad_probe_info_get_buffer (info);
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return GST_PAD_PROBE_OK;
  bool encrypted = is_encrypted (map.data, map.size);
  gst_buffer_unmap (buffer, &map);
  if (!encrypted)
    return GST_PAD_PROBE_OK;
  watch->sent (watch->data);
  return GST_PAD_PROBE_REMOVE;
}

void
air_webrtc_finished_watch (GstElement *sink, void (*sent) (void *data), void *data)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (sink, "sink");
  Watch *watch = g_new (Watch, 1);
  *watch = (Watch){ sent, data };
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_datagram, watch, g_free);
}
