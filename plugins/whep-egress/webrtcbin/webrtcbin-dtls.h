/* What webrtcbin 1.22 leaves out of DTLS: it takes any certificate, and says nothing when it ends. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* Whether the viewer's certificate is the announced one (RFC 8122 §5). @fingerprint: "sha-256 AB:CD:…" of the offer. Any thread. */
bool air_webrtc_certificate_matches (GstElement *webrtc, const char *fingerprint);
/* Sends close_notify and waits until it is on its way, some ms; so a viewer knows at once that it is over. Not for one
 * that has closed already. A worker. */
void air_webrtc_dtls_close (GstElement *webrtc);

G_END_DECLS
