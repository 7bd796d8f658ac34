/* One viewer's webrtcbin with its pipeline: ICE by libnice, DTLS-SRTP, the RTP session. Knows neither streams nor pacing.
 *
 * Two appsrcs at most feed it with finished RTP packets. What webrtcbin negotiates is a plain offer of ours with just what
 * was chosen (webrtcbin-sdp.h); the viewer's own offer, with all that strangers write, never reaches it.
 * webrtcbin brings some threads of its own, which call the events; everything else that may wait is called in a worker.
 */
#pragma once

#include <gio/gio.h>
#include <gst/gst.h>

#include "address.h"
#include "ice-servers.h"
#include "sdp-answer.h"
#include "webrtcbin-session.h"

G_BEGIN_DECLS

/* What all peers of an engine share; borrowed by them. */
typedef struct
{
  GArray *addresses;           /* (element-type AirAddress) on which host candidates are gathered */
  unsigned min_port, max_port; /* 0: any */
  const AirIceServers *servers;
  unsigned gathering_ms;       /* candidates that take longer are left out */
} AirWebrtcNetwork;

typedef struct
{
  /* On any thread, until air_webrtc_peer_close() returns. */
  void (*connected) (void *data); /* DTLS is done and the certificate is the announced one */
  void (*failed) (bool dtls, void *data);
  void (*left) (void *data); /* it closed DTLS */
  void (*selected) (const char *address, bool relayed, void *data); /* ICE chose a path to the viewer */
  void (*rtcp) (const uint8_t *packet, size_t size, void *data);    /* decrypted, compound */
  void *data;
} AirWebrtcPeerEvents;

/* What the answer needs to know of our side. */
typedef struct
{
  char *ice_ufrag;
  char *ice_pwd;
  char *fingerprint;
  GStrv candidates;
} AirWebrtcLocal;

void air_webrtc_local_clear (AirWebrtcLocal *local);

typedef struct _AirWebrtcPeer AirWebrtcPeer;

/* Whether all elements can be had; loads them, which takes some 100 ms once. A worker. */
bool air_webrtc_peer_check (GError **error);

/* @name: what TURN servers see of the viewer. */
AirWebrtcPeer *air_webrtc_peer_new (const char *name, const AirWebrtcPeerEvents *events);
/* After air_webrtc_peer_close(), or never negotiated. */
void air_webrtc_peer_free (AirWebrtcPeer *peer);
/* Builds and starts the pipeline, answers @choice, waits for candidates. @candidates: of the offer. Worker, once. */
bool air_webrtc_peer_negotiate (AirWebrtcPeer *peer, const AirWebrtcNetwork *network, const AirSdpChoice *choice,
                                const char *const *candidates, AirWebrtcLocal *ret_local, GError **error);
/* Candidates that trickle in. Any thread. */
void air_webrtc_peer_add_candidates (AirWebrtcPeer *peer, const char *const *candidates);
/* New ICE credentials on both sides (RFC 8445 §9); candidates stay as they are. DTLS and media go on. AIR_ERROR_NOT_FOUND when
 * the peer was closed; else, when it fails, the peer stays. Worker. */
bool air_webrtc_peer_restart (AirWebrtcPeer *peer, const char *remote_ufrag, const char *remote_pwd,
                              const char *const *candidates, AirWebrtcLocal *ret_local, GError **error);
/* Hands a list of packets over (transfer full). Returns false when too many wait already; the list is dropped then. */
bool air_webrtc_peer_push (AirWebrtcPeer *peer, AirKind kind, GstBufferList *packets);
/* See air_webrtc_session_set_clocks(). */
void air_webrtc_peer_set_clocks (AirWebrtcPeer *peer, const AirWebrtcClock *clocks, unsigned n_clocks);
/* Wants an RTCP report to be sent now. */
void air_webrtc_peer_report (AirWebrtcPeer *peer);
/* RTCP of ours. The viewer's thread. */
void air_webrtc_peer_send_rtcp (AirWebrtcPeer *peer, const uint8_t *packet, size_t size);
/* Says BYE for @ssrcs when connected, ends the pipeline. Worker. */
void air_webrtc_peer_close (AirWebrtcPeer *peer, const uint32_t *ssrcs, unsigned n_ssrcs);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AirWebrtcLocal, air_webrtc_local_clear)

G_END_DECLS
