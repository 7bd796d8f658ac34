/* The viewer's DTLS certificate: webrtcbin 1.22 takes any; the offer announced one (RFC 8122 §5). Any thread. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* @fingerprints: "sha-256 AB:CD:…" of the offer, NULL-terminated: whether it is one of them. */
bool air_webrtc_certificate_matches (GstElement *webrtc, const char *const *fingerprints);

G_END_DECLS
