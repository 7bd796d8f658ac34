/* RTCP (RFC 3550 §6, RFC 3611, RFC 4585, RFC 5104): writing sender reports, reading what viewers send back.
 *
 * No state, no allocation; any thread. Reading is by an iterator over a decrypted compound packet whose framing is checked
 * as a whole first; items point into the packet.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NTP timestamps are 32.32 fixed point, seconds since 1900 (RFC 3550 §4). */
uint64_t air_ntp_from_unix_us (int64_t unix_us);
/* The middle 32 bits, as in LSR. */
uint32_t air_ntp_middle (uint64_t ntp);

typedef struct
{
  uint32_t ssrc;
  uint64_t ntp;
  uint32_t rtp_timestamp; /* of the same instant as ntp */
  uint32_t packets;
  uint32_t octets; /* payload only */
} AirRtcpSenderInfo;

/* SR without report blocks, then SDES with CNAME (@cname: 1 … 255 bytes). Returns: the size, 0 when it does not fit. */
size_t air_rtcp_build_sr (uint8_t *out, size_t out_bytes, const AirRtcpSenderInfo *info, const char *cname);
/* Empty RR + SDES when nothing was sent yet, then BYE for each SSRC (at most 31). Returns: the size, 0 when it does not fit. */
size_t air_rtcp_build_bye (uint8_t *out, size_t out_bytes, const uint32_t *ssrcs, unsigned n_ssrcs, const char *cname);
/* RR without blocks, then PLI for @media_ssrc (RFC 4585 §6.3.1); for WHIP later. Returns: the size, 0 when it does not fit. */
size_t air_rtcp_build_pli (uint8_t *out, size_t out_bytes, uint32_t sender_ssrc, uint32_t media_ssrc);

/* The answer to an AIR_RTCP_REFERENCE_TIME that came this instant (RFC 3611 §4.5): so receivers, too, know their round trip,
 * and when to ask again for what they lost. @ssrc: ours; @cname: the compound begins with an empty RR and SDES, as it must (RFC
 * 3550 §6.1) unless reduced size was negotiated (RFC 5506); NULL: it was; @receiver_ssrc, @reference: of the item. Returns: the
 * size, 0 when it does not fit. */
size_t air_rtcp_build_reference_answer (uint8_t *out, size_t out_bytes, uint32_t ssrc, const char *cname,
                                        uint32_t receiver_ssrc, uint32_t reference);

typedef enum
{
  AIR_RTCP_SENDER_REPORT, /* sender_info */
  AIR_RTCP_REPORT_BLOCK,  /* report: one per block of an SR or RR */
  AIR_RTCP_NACK,          /* nack: one per FCI entry, up to 17 packets */
  AIR_RTCP_PLI,
  AIR_RTCP_FIR,          /* fir: one per entry */
  AIR_RTCP_REMB,         /* remb_bps */
  AIR_RTCP_TRANSPORT_CC, /* transport_cc */
  AIR_RTCP_BYE,          /* one per SSRC (media_ssrc) */
  AIR_RTCP_REFERENCE_TIME, /* reference: of a receiver that wants to know its round trip (RFC 3611 §4.4) */
} AirRtcpType;

typedef struct
{
  AirRtcpType type;
  uint32_t sender_ssrc; /* who says it */
  uint32_t media_ssrc;  /* about which stream of ours: block's SSRC, feedback's media source, FIR entry's SSRC */
  union
  {
    AirRtcpSenderInfo sender_info;
    struct
    {
      uint8_t fraction_lost;   /* of 256 since the previous report */
      int32_t cumulative_lost; /* 24-bit signed */
      uint32_t highest_sequence;
      uint32_t jitter; /* RTP clock units */
      uint32_t lsr;
      uint32_t dlsr; /* 1/65536 s */
    } report;
    struct
    {
      uint16_t sequence; /* PID */
      uint16_t bitmask;  /* BLP: bit i set: sequence + i + 1 is lost too */
    } nack;
    struct
    {
      uint8_t sequence;
    } fir;
    uint64_t remb_bps; /* ≤ AIR_RTCP_MAX_REMB_BPS */
    uint32_t reference; /* the middle of the receiver's NTP time */
    struct
    {
      uint16_t base_sequence;
      uint16_t count; /* ≤ AIR_RTCP_MAX_TRANSPORT_CC */
      int64_t reference_us;
      uint8_t feedback_count;
      const uint8_t *chunks; /* for air_rtcp_read_transport_cc */
      size_t chunks_bytes;
    } transport_cc;
  };
} AirRtcpItem;

/* A feedback that speaks of more packets than this is ignored: run lengths would let 20 bytes cost 65,535 steps. */
#define AIR_RTCP_MAX_TRANSPORT_CC 2048

/* The format has room for 2^81 bit/s, by which receivers mean "no limit", and who means harm spoils every sum. */
#define AIR_RTCP_MAX_REMB_BPS UINT64_C (10000000000)

typedef struct
{
  const uint8_t *data;
  size_t size;
  size_t packet;       /* offset of the current RTCP packet */
  size_t packet_bytes; /* without padding */
  size_t entry;        /* offset of the next entry in it; 0: at its start */
  bool has_sender;
  uint32_t sender_ssrc; /* of the newest report, feedback or XR so far, also of one without items */
} AirRtcpIter;

/* Checks version, first packet type, lengths and padding of the compound (RFC 3550 §A.2; RFC 5506 reduced size is taken:
 * any first type). Returns: false when the framing is broken. */
bool air_rtcp_iter_init (AirRtcpIter *iter, const uint8_t *data, size_t size);
/* Returns: false at the end. Unknown packet types and formats (APP, SDES, other blocks of XR) and bodies too short for what
 * they announce are skipped. */
bool air_rtcp_iter_next (AirRtcpIter *iter, AirRtcpItem *ret_item);

/* By which SSRCs a peer has spoken; the newest four, more than any has. Zero it before the first use. */
typedef struct
{
  uint32_t ssrcs[4];
  uint8_t count, next;
} AirRtcpSources;

/* After each air_rtcp_iter_next(). */
void air_rtcp_sources_note (AirRtcpSources *sources, const AirRtcpIter *iter);
bool air_rtcp_sources_has (const AirRtcpSources *sources, uint32_t ssrc);

/* RFC 3550 §6.4.1: round-trip time in µs; -1 when the report has no LSR or the result makes no sense (negative, > 60 s).
 * @now_middle: air_ntp_middle() at reception, from the same clock as the SR's. */
int64_t air_rtcp_round_trip_us (uint32_t now_middle, uint32_t lsr, uint32_t dlsr);
/* Of a report block, in µs; -1 when it makes no sense (> 10 s). @clock_rate: of the RTP timestamps, Hz. */
int64_t air_rtcp_jitter_us (uint32_t jitter, unsigned clock_rate);

typedef struct
{
  uint16_t sequence; /* transport-wide */
  bool received;
  int64_t arrival_us; /* on the receiver's clock, when received */
} AirTransportCcPacket;

/* draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1. Returns: packets written to @ret_packets (≤ @max), 0 when the
 * feedback is broken. */
unsigned air_rtcp_read_transport_cc (const AirRtcpItem *item, AirTransportCcPacket *ret_packets, unsigned max);
