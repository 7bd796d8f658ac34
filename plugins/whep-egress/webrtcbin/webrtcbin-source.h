/* Where one kind of packet goes into a webrtcbin: an appsrc before its pad. */
#pragma once

#include <airclass/stream.h>
#include <gst/gst.h>
#include <stdbool.h>

#include "sdp-answer.h"

G_BEGIN_DECLS

typedef struct _AirWebrtcSource AirWebrtcSource;

/* For the section with the @index of the offer that @webrtc, in @pipeline, has taken as remote description: the pads come after
 * that, else webrtcbin makes transceivers of its own. Returns: (transfer full) */
AirWebrtcSource *air_webrtc_source_new (GstElement *pipeline, GstElement *webrtc, AirKind kind,
                                        const AirSdpSection *section, unsigned index);
/* After the pipeline has stopped. NULL is taken. */
void air_webrtc_source_free (AirWebrtcSource *source);
/* Takes RTP packets (transfer full). Any thread. Returns false when too much waits, and they are lost. */
bool air_webrtc_source_push (AirWebrtcSource *source, GstBufferList *packets);
/* Nothing is pushed any more: waits until all has been sent, at most @wait_ms. NULL is taken. */
void air_webrtc_source_end (AirWebrtcSource *source, unsigned wait_ms);

G_END_DECLS
