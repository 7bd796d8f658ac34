/* Opus packets to RTP (RFC 7587): one packet a payload, 48 kHz clock. One per track; one thread at a time. */
#pragma once

#include "rtp-packet.h"

G_BEGIN_DECLS

typedef struct
{
  bool started;
  uint32_t next_timestamp; /* where the packet that follows without a gap stands */
} AirRtpOpus;

/* The duration of an Opus packet in 48 kHz samples (RFC 6716 §3.1), 0 when it is no Opus packet. */
unsigned air_opus_duration (const uint8_t *data, size_t size);

/* Returns: (transfer full) the packet; NULL when it is no Opus packet, does not fit, or comes too early: the timeline
 * is ahead of what was sent by more than a packet, then one is left out rather than time running backwards. */
AirRtpPacket *air_rtp_opus_push (AirRtpOpus *rtp, const uint8_t *data, size_t size, bool discontinuity, int64_t pts_ns);

G_END_DECLS
