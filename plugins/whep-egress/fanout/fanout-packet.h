/* From a shared packet to a viewer's own: its numbers, its timeline, its keys. Loop, hot path. */
#pragma once

#include "fanout-viewer.h"

G_BEGIN_DECLS

#define AIR_FANOUT_CATCH_UP_STEP AIR_RTP_CATCH_UP_STEP

/* Encrypts, queues and counts. @payload is not changed. */
void air_fanout_packet_encrypt (AirFanoutViewer *viewer, const AirRtpHeader *fields, const uint8_t *payload,
                                size_t payload_bytes);
/* @packet, as part of @segment, with the viewer's @sequence. */
void air_fanout_packet_send (AirFanoutViewer *viewer, AirKind kind, const AirFanoutSegment *segment,
                             const AirRtpPacket *packet, uint64_t sequence);
/* As the viewer sees it. */
uint32_t air_fanout_packet_timestamp (const AirFanoutTrack *track, const AirFanoutSegment *segment,
                                      const AirRtpPacket *packet);
/* While it is behind, without the track's offset. */
uint32_t air_fanout_packet_catch_up_timestamp (const AirFanoutSegment *segment, const AirRtpPacket *packet);
/* How long it is to wait in the receiver, in ms. */
uint16_t air_fanout_packet_wait (const AirFanoutViewer *viewer, const AirFanoutTrack *track, const AirRtpPacket *packet);

G_END_DECLS
