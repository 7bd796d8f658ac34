/* What a viewer sends, before and after its decryption: only RTCP is taken, and only by us. */
#pragma once

#include <gst/gst.h>
#include <stdint.h>

G_BEGIN_DECLS

/* Of @decoder, an srtpdec, for as long as it lives. @rtcp is called with each decrypted packet, whatever is in it, on a thread of
 * GStreamer's. */
void air_webrtc_arrival_watch (GstElement *decoder, void (*rtcp) (const uint8_t *packet, size_t size, void *data),
                               void *data);

G_END_DECLS
