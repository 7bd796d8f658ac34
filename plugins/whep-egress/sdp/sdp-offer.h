/* An SDP offer of a stranger, read strictly and within limits (RFC 8866, RFC 8829, RFC 8839, RFC 8843).
 *
 * Pure functions over text, any thread. The offer owns all strings that it points to.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AIR_SDP_MAX_BYTES (64 * 1024)
#define AIR_SDP_MAX_LINES 2048
#define AIR_SDP_MAX_MEDIA 16
#define AIR_SDP_MAX_PAYLOADS 96
#define AIR_SDP_MAX_CANDIDATES 64
#define AIR_SDP_MAX_FINGERPRINTS 8

typedef enum
{
  AIR_SDP_AUDIO,
  AIR_SDP_VIDEO,
  AIR_SDP_OTHER, /* data channels and what is not media; always rejected */
} AirSdpKind;

/* a=rtcp-fb (RFC 4585, RFC 5104) */
typedef enum
{
  AIR_SDP_FEEDBACK_NACK = 1 << 0,
  AIR_SDP_FEEDBACK_PLI = 1 << 1,
  AIR_SDP_FEEDBACK_FIR = 1 << 2,
  AIR_SDP_FEEDBACK_TRANSPORT_CC = 1 << 3,
  AIR_SDP_FEEDBACK_REMB = 1 << 4,
  AIR_SDP_FEEDBACK_ROUND_TRIP = 1 << 5, /* rrtr: the receiver measures it (RFC 3611 §4.4) */
} AirSdpFeedback;

/* RTP header extensions that we can send. */
typedef enum
{
  AIR_SDP_EXTENSION_MID,
  AIR_SDP_EXTENSION_CAPTURE_TIME,
  AIR_SDP_EXTENSION_TRANSPORT_CC,
  AIR_SDP_EXTENSION_PLAYOUT_DELAY, /* video only */
} AirSdpExtension;

#define AIR_SDP_EXTENSION_COUNT 4

/* The URI by which an extension is offered. */
const char *air_sdp_extension_uri (AirSdpExtension extension);

typedef struct
{
  uint8_t number;
  const char *encoding; /* as written: "H264", "opus"; "" while no a=rtpmap named it */
  unsigned clock_rate;
  unsigned channels; /* 1 when not given */
  const char *fmtp;  /* parameters without the payload number; "" when there are none */
  unsigned feedback; /* AirSdpFeedback mask */
} AirSdpPayload;

/* What ICE and DTLS need of the peer; stands in a media section or once for the session. */
typedef struct
{
  const char *ice_ufrag;   /* NULL: not given */
  const char *ice_pwd;     /* NULL: not given */
  const char *fingerprints[AIR_SDP_MAX_FINGERPRINTS + 1]; /* "sha-256 AB:CD:…", NULL-terminated; the certificate has one of them */
  const char *setup;       /* "actpass", "active", "passive"; NULL: not given */
} AirSdpTransport;

typedef struct
{
  AirSdpKind kind;
  const char *media;    /* "video", "audio", "application" */
  const char *protocol; /* "UDP/TLS/RTP/SAVPF" */
  const char *formats;  /* the rest of the m= line, for the echo of a rejected section */
  const char *mid;      /* "" when not given */
  bool disabled;        /* port 0 and not bundle-only */
  bool bundled;         /* stands in the BUNDLE group */
  bool rtcp_mux;
  bool rtcp_rsize;
  bool receives; /* recvonly or sendrecv */
  unsigned max_packet_ms; /* a=maxptime; 0: not given */
  AirSdpTransport transport;
  uint8_t extensions[AIR_SDP_EXTENSION_COUNT]; /* identifiers 1..14; 0: not offered */
  unsigned payload_count;
  AirSdpPayload payloads[AIR_SDP_MAX_PAYLOADS];
} AirSdpMedia;

typedef struct
{
  bool has_bundle;
  AirSdpTransport transport; /* of the first section that has one: what those without their own share */
  unsigned media_count;
  AirSdpMedia *media[AIR_SDP_MAX_MEDIA];
  unsigned candidate_count; /* of all sections; what is beyond the limit is left out */
  const char *candidates[AIR_SDP_MAX_CANDIDATES + 1]; /* "candidate:1 1 udp …", NULL-terminated */
  GStringChunk *strings;
} AirSdpOffer;

/* @text need not be NUL-terminated. Returns: (transfer full), NULL with AIR_ERROR_INVALID naming the line. */
AirSdpOffer *air_sdp_offer_parse (const char *text, size_t length, GError **error);
void air_sdp_offer_free (AirSdpOffer *offer);

/* The value of @name in a=fmtp parameters ("packetization-mode"). Returns: (transfer full), NULL when absent. */
char *air_sdp_fmtp_get (const char *fmtp, const char *name);
/* The payload that retransmits @payload (RFC 4588, apt=). Returns: (transfer none), NULL when there is none. */
const AirSdpPayload *air_sdp_media_find_rtx (const AirSdpMedia *media, uint8_t payload);

/* The payload by which @payload carries earlier sound along (RFC 2198, its parameters name nothing else). Returns: (transfer
 * none), NULL when there is none. */
const AirSdpPayload *air_sdp_media_find_red (const AirSdpMedia *media, const AirSdpPayload *payload);

/* A trickle fragment (RFC 8840). An ICE-lite agent does not use the candidates. */
typedef struct
{
  char *ice_ufrag; /* NULL: not given */
  char *ice_pwd;
  GStrv candidates; /* as in an offer */
} AirSdpFragment;

/* Returns false with AIR_ERROR_INVALID. Clear @ret_fragment with air_sdp_fragment_clear(). */
bool air_sdp_fragment_parse (const char *text, size_t length, AirSdpFragment *ret_fragment, GError **error);
void air_sdp_fragment_clear (AirSdpFragment *fragment);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirSdpOffer, air_sdp_offer_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AirSdpFragment, air_sdp_fragment_clear)

G_END_DECLS
