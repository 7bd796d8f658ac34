/* What of an offer is taken, and the answer to it (RFC 8829 §5.3, draft-ietf-wish-whep).
 *
 * Pure functions, any thread.
 */
#pragma once

#include <airclass/stream.h>

#include "sdp-offer.h"

G_BEGIN_DECLS

/* What the stream sends, as far as it is known when a viewer comes. */
typedef struct
{
  bool has_profile;    /* the H.264 stream is known */
  uint8_t profile_idc; /* 66, 77, 100, … (ITU-T H.264 §A.2) */
  uint8_t constraints; /* constraint_set0_flag is bit 7 */
} AirSdpSource;

/* One accepted section. */
typedef struct
{
  bool accepted;
  unsigned section;    /* its index in the offer */
  uint8_t payload;     /* RTP payload type */
  uint8_t rtx_payload; /* 0: no retransmission stream */
  uint8_t red_payload; /* 0: sound does not carry earlier sound along */
  bool long_packets;   /* of sound: as rtp-sound.h makes them */
  bool reduced_size;   /* a=rtcp-rsize: RTCP need not be compound (RFC 5506) */
  uint32_t ssrc;
  uint32_t rtx_ssrc;
  unsigned feedback;                           /* AirSdpFeedback mask: offered, and served by us */
  uint8_t extensions[AIR_SDP_EXTENSION_COUNT]; /* identifiers; 0: not used */
} AirSdpSection;

typedef struct
{
  AirSdpSection kinds[AIR_KIND_COUNT];
  AirSdpTransport transport; /* of the first accepted section, strings of the offer */
  bool dtls_client;          /* the offer is a=setup:passive: we begin the handshake */
} AirSdpChoice;

/* Takes the first section of each kind that can be served. The SSRCs are random and distinct.
 * Returns false with AIR_ERROR_UNSUPPORTED and a reason for people when nothing can be sent, or not what is wanted. */
bool air_sdp_choose (const AirSdpOffer *offer, const AirSdpSource *source, AirSdpChoice *ret_choice, GError **error);

typedef struct
{
  const char *ice_ufrag;
  const char *ice_pwd;
  const char *fingerprint;       /* "sha-256 AB:CD:…" */
  const char *const *candidates; /* "candidate:…" lines, NULL-terminated */
  const char *cname;             /* also names the media stream in a=msid */
  uint64_t session_id;
  bool full_ice; /* else this side is ICE-lite */
} AirSdpLocal;

/* Returns: (transfer full) the answer. */
char *air_sdp_answer_write (const AirSdpOffer *offer, const AirSdpChoice *choice, const AirSdpLocal *local);
/* Returns: (transfer full) the fragment that answers an ICE restart (RFC 8840, RFC 9725 §4.3.2). */
char *air_sdp_fragment_write (const char *mid, const AirSdpLocal *local);

G_END_DECLS
