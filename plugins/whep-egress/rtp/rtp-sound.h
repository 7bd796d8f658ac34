/* Sound that waits for the picture. A message to the kernel costs a viewer more than the packets in it, and sound alone makes fifty
 * messages a second where pictures make thirty: many viewers are sent sound together with the picture that follows it. What waits
 * is joined into one packet of several frames (RFC 6716 §3.2, RFC 7587 §4.2), so that it can stand at the end of the picture's row.
 *
 * One thread at a time.
 */
#pragma once

#include "rtp-packet.h"

G_BEGIN_DECLS

/* What waits at most: 60 ms of sound, in 48 kHz samples (publishers send some 20 ms at once); sound that comes after so long lets it go. */
#define AIR_RTP_SOUND_MAX_SAMPLES 2880u
#define AIR_RTP_SOUND_MAX_WAIT_US (40 * 1000)

typedef struct _AirRtpSound AirRtpSound;

AirRtpSound *air_rtp_sound_new (void);
/* NULL is taken; what waits is lost. */
void air_rtp_sound_free (AirRtpSound *sound);

/* Whether there is no room for @packet, or has been waited long enough by its arrival: release first. One that is too long by itself
 * does not wait. */
bool air_rtp_sound_is_full (const AirRtpSound *sound, const AirRtpPacket *packet);
/* @packet: (transfer full) of air_rtp_opus_push(), the next one, when it is not full. */
void air_rtp_sound_hold (AirRtpSound *sound, AirRtpPacket *packet);
/* Gives what waits to @sink, in order: what follows without a gap, and can be joined, as one packet with the time of its first. */
void air_rtp_sound_release (AirRtpSound *sound, AirRtpSink sink, void *data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirRtpSound, air_rtp_sound_free)

G_END_DECLS
