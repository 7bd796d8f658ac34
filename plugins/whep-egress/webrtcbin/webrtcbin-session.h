/* The RTP session inside a webrtcbin: what its reports say, asking for them, saying BYE. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct _AirWebrtcSession AirWebrtcSession;

/* The clock of one stream that is sent: which RTP timestamp an instant has. */
typedef struct
{
  uint32_t ssrc;
  unsigned rate;
  int64_t anchor_us; /* monotonic */
  uint64_t anchor_ntp;
  uint32_t anchor_timestamp;
} AirWebrtcClock;

#define AIR_WEBRTC_MAX_CLOCKS 2u

/* Returns: NULL when @webrtc has no session yet (nothing was negotiated). */
AirWebrtcSession *air_webrtc_session_new (GstElement *webrtc);
void air_webrtc_session_free (AirWebrtcSession *session);
/* Reports say so from now on, instead of what GStreamer makes of the buffers' times: that moves with each change of the
 * pipeline's latency, and with it the lips. Any thread. */
void air_webrtc_session_set_clocks (AirWebrtcSession *session, const AirWebrtcClock *clocks, unsigned n_clocks);
/* Sends a report soon. Any thread. */
void air_webrtc_session_report (AirWebrtcSession *session);
/* A compound packet besides those of the session. The viewer's thread. */
void air_webrtc_session_send (AirWebrtcSession *session, const uint8_t *packet, size_t size);
/* Sends BYE for @ssrcs (RFC 3550 §6.6); with the return it has gone down to the socket. Says nothing before the first report: the
 * viewer knows none of them then. Any thread but the loop's: a peer behind TURN by TCP may block. */
void air_webrtc_session_say_bye (AirWebrtcSession *session, const uint32_t *ssrcs, unsigned n_ssrcs);

G_END_DECLS
