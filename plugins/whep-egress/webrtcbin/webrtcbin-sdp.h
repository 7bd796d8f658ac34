/* The plain SDP that webrtcbin is given instead of a viewer's offer, and what is read from its answer.
 *
 * Pure functions over text, any thread.
 */
#pragma once

#include "sdp-answer.h"

G_BEGIN_DECLS

/* Returns: (transfer full) an offer with a section per accepted kind, in the order of AirKind, mids "0", "1". */
char *air_webrtc_offer_write (const AirSdpChoice *choice);
/* Returns: (transfer full) the caps of what is sent for @section; also those of its transceiver without @ssrc. */
char *air_webrtc_caps_write (AirKind kind, const AirSdpSection *section, bool ssrc);
/* Returns: (transfer full) the value of the first a=@name, NULL when there is none. */
char *air_webrtc_answer_get (const char *sdp, const char *name);
/* Whether a viewer's candidate is worth a check: UDP, a literal address. Names (mDNS) are not resolved: such a viewer is
 * found by its own checks. */
bool air_webrtc_candidate_is_usable (const char *candidate);

G_END_DECLS
