/* One viewer's copies of the packets that all share: its numbers, its timeline, its extensions; for sound also what goes along of
 * earlier sound. The same for all engines; what remains to be done is to encrypt a copy and to send it.
 *
 * Belongs to the thread of the view. Hot path: nothing is allocated.
 */
#pragma once

#include "repair.h"
#include "rtp-header.h"
#include "rtp-track.h"

G_BEGIN_DECLS

typedef struct
{
  char mids[AIR_KIND_COUNT][AIR_RTP_MAX_MID_BYTES + 1];
  const AirRtpView *view;
  const AirRepair *repair;
  int64_t ahead_us; /* what the wall clock is ahead of the monotonic one */
  bool narrow;      /* no more is sent than must be: repairing ahead would make the losses that it mends */
  uint16_t transport_sequence; /* the next, of all that the viewer is sent */
} AirRtpCopier;

typedef struct
{
  AirRtpHeader header;
  const uint8_t *payload; /* the shared packet's, or `own` */
  size_t payload_bytes;
  uint8_t own[AIR_RTP_MAX_PAYLOAD_BYTES + 2];
} AirRtpCopy;

/* @packet of @segment, with the viewer's @sequence. All but the transport-wide number follows from these, and from what the sound's
 * losses are: without RTX a picture's copy can be made once more (RFC 7714 §8.4). */
void air_rtp_copy_make (AirRtpCopy *copy, AirRtpCopier *copier, AirKind kind, const AirRtpTrack *track,
                        const AirRtpSegment *segment, const AirRtpPacket *packet, uint64_t sequence);
/* The same once more by RTX (RFC 4588 §4), where it was negotiated: a stream of its own, of which this takes the next number.
 * @original: the sequence number that it was sent with. */
void air_rtp_copy_make_rtx (AirRtpCopy *copy, AirRtpCopier *copier, AirRtpTrack *track, const AirRtpSegment *segment,
                            const AirRtpPacket *packet, uint16_t original);
/* Without content, as senders of WebRTC try a path with: it takes a number of the RTX stream only. */
void air_rtp_copy_make_padding (AirRtpCopy *copy, AirRtpCopier *copier, AirRtpTrack *track);

G_END_DECLS
