/* When our side of a DTLS handshake has left. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* By @sink, a nicesink. @sent is called once, on a thread of GStreamer's, when our handshake is at its end: what is pushed from then
 * on is sent after that. */
void air_webrtc_finished_watch (GstElement *sink, void (*sent) (void *data), void *data);

G_END_DECLS
