/* One RTP packet as all viewers share it: the payload and what the header is made from, without SSRC, sequence and
 * payload type, which are each viewer's own.
 *
 * Immutable once it stands in the first ring; reference-counted (atomic), any thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

G_BEGIN_DECLS

/* A UDP payload stays within 1,200 bytes: fixed header 12, extensions at most 32 (4 + capture time 9 + transport-wide
 * sequence 3 + mid 9 + playout delay 4, padded), tag of AES-GCM 16; 1,140 are left. RTX has no mid and no capture time, but
 * 2 bytes of original sequence. */
#define AIR_RTP_MAX_PACKET_BYTES 1200
#define AIR_RTP_MAX_PAYLOAD_BYTES 1140
#define AIR_RTP_MAX_HEADER_BYTES 44

typedef enum
{
  AIR_RTP_MARKER = 1 << 0,       /* the RTP marker bit */
  AIR_RTP_FRAME_START = 1 << 1,  /* first packet of an access unit */
  AIR_RTP_KEYFRAME = 1 << 2,     /* on the first packet of a unit where decoding can start */
  AIR_RTP_CAPTURE_TIME = 1 << 3, /* carries abs-capture-time where it was negotiated */
  AIR_RTP_WAIT = 1 << 4,         /* carries the playout delay `wait_ms` where it was negotiated */
  AIR_RTP_UNIT_END = 1 << 5,     /* last packet of an access unit */
  AIR_RTP_DISPOSABLE = 1 << 6,   /* no other picture needs this one */
} AirRtpFlags;

/* Each has a ring and a row of packets of its own. The video of a group comes in rungs: as published, and lower ones for
 * those whose network does not carry that. */
typedef enum
{
  AIR_LANE_AUDIO,
  AIR_LANE_VIDEO, /* rung 0; further ones follow */
  AIR_LANE_VIDEO_LOW,
  AIR_LANE_COUNT,
} AirLane;

#define AIR_RUNG_FULL 0u
#define AIR_RUNG_LOW 1u
#define AIR_RUNG_COUNT (AIR_LANE_COUNT - AIR_LANE_VIDEO)

typedef struct
{
  gatomicrefcount references;
  uint8_t lane;       /* AirLane: in which ring */
  uint64_t sequence;  /* place in its ring, the same in the rings of all loops */
  int64_t arrival_us; /* when its access unit had come in (monotonic) */
  int64_t pts_ns;     /* on the stream's timeline */
  uint32_t timestamp; /* RTP clock, from timeline 0 */
  uint32_t frame;     /* counts the access units of its ring */
  uint16_t flags;     /* AirRtpFlags */
  uint16_t payload_bytes;
  uint16_t wait_ms;
  uint8_t padding_bytes; /* behind the payload, the last one their count (RFC 3550 §5.1); 0: none */
  uint8_t payload[];
} AirRtpPacket;

/* @padding_bytes: at most 255. */
static inline AirRtpPacket *
air_rtp_packet_new_padded (int64_t pts_ns, uint32_t timestamp, size_t payload_bytes, size_t padding_bytes)
{
  AirRtpPacket *packet = g_malloc (sizeof (AirRtpPacket) + payload_bytes + padding_bytes);
  g_atomic_ref_count_init (&packet->references);
  packet->lane = 0;
  packet->sequence = 0;
  packet->arrival_us = 0;
  packet->pts_ns = pts_ns;
  packet->timestamp = timestamp;
  packet->frame = 0;
  packet->flags = 0;
  packet->wait_ms = 0;
  packet->payload_bytes = (uint16_t)payload_bytes;
  packet->padding_bytes = (uint8_t)padding_bytes;
  memset (packet->payload + payload_bytes, 0, padding_bytes);
  if (padding_bytes > 0)
    packet->payload[payload_bytes + padding_bytes - 1] = (uint8_t)padding_bytes;
  return packet;
}

static inline AirRtpPacket *
air_rtp_packet_new (int64_t pts_ns, uint32_t timestamp, size_t payload_bytes)
{
  return air_rtp_packet_new_padded (pts_ns, timestamp, payload_bytes, 0);
}

static inline AirRtpPacket *
air_rtp_packet_ref (AirRtpPacket *packet)
{
  g_atomic_ref_count_inc (&packet->references);
  return packet;
}

static inline void
air_rtp_packet_unref (AirRtpPacket *packet)
{
  if (g_atomic_ref_count_dec (&packet->references))
    g_free (packet);
}

/* Takes a packet (transfer full) that a packetizer made. */
typedef void (*AirRtpSink) (AirRtpPacket *packet, void *data);

/* Nanoseconds to RTP clock units: exact, so that hours do not drift. */
static inline uint32_t
air_rtp_clock_90k (int64_t ns)
{
  return (uint32_t)((uint64_t)ns / 100000 * 9 + (uint64_t)ns % 100000 * 9 / 100000);
}

static inline uint32_t
air_rtp_clock_48k (int64_t ns)
{
  return (uint32_t)((uint64_t)ns / 125000 * 6 + (uint64_t)ns % 125000 * 6 / 125000);
}

G_END_DECLS
