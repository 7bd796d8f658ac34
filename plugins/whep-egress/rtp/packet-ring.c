/* A circular table of packets that grows by doubling up to its bound. */
#include "packet-ring.h"

#define FIRST_SLOTS 256u
/* Headers and tag of a packet on its way. */
#define WIRE_BYTES 60u
/* Less says nothing of a rate. */
#define LEAST_SPAN_NS (300 * G_GINT64_CONSTANT (1000000))

struct _AirPacketRing
{
  AirRtpPacket **slots; /* place modulo slot_count; a power of two */
  unsigned slot_count;
  unsigned max_packets;
  size_t max_bytes;
  size_t bytes;
  size_t disposable_bytes; /* of them */
  int64_t keep_ns;
  uint64_t head, tail, keyframe;
  uint32_t frames; /* access units so far */
};

AirPacketRing *
air_packet_ring_new (unsigned max_packets, size_t max_bytes, int64_t keep_ns)
{
  g_return_val_if_fail (max_packets >= FIRST_SLOTS && (max_packets & (max_packets - 1)) == 0, NULL);
  AirPacketRing *ring = g_new0 (AirPacketRing, 1);
  ring->slot_count = FIRST_SLOTS;
  ring->slots = g_new0 (AirRtpPacket *, FIRST_SLOTS);
  ring->max_packets = max_packets;
  ring->max_bytes = max_bytes;
  ring->keep_ns = keep_ns;
  ring->keyframe = AIR_RING_NONE;
  return ring;
}

static size_t
content_bytes (const AirRtpPacket *packet)
{
  return (size_t)packet->payload_bytes + packet->padding_bytes;
}

static size_t
disposable_bytes (const AirRtpPacket *packet)
{
  return packet->flags & AIR_RTP_DISPOSABLE ? content_bytes (packet) + WIRE_BYTES : 0;
}

static void
drop_oldest (AirPacketRing *ring)
{
  AirRtpPacket **slot = &ring->slots[ring->tail & (ring->slot_count - 1)];
  ring->disposable_bytes -= disposable_bytes (*slot);
  ring->bytes -= sizeof (AirRtpPacket) + content_bytes (*slot);
  g_clear_pointer (slot, air_rtp_packet_unref);
  if (ring->keyframe == ring->tail)
    ring->keyframe = AIR_RING_NONE;
  ring->tail++;
}

void
air_packet_ring_free (AirPacketRing *ring)
{
  if (!ring)
    return;
  while (ring->tail < ring->head)
    drop_oldest (ring);
  g_free (ring->slots);
  g_free (ring);
}

static void
grow (AirPacketRing *ring)
{
  unsigned slot_count = ring->slot_count * 2;
  AirRtpPacket **slots = g_new0 (AirRtpPacket *, slot_count);
  for (uint64_t place = ring->tail; place < ring->head; place++)
    slots[place & (slot_count - 1)] = ring->slots[place & (ring->slot_count - 1)];
  g_free (ring->slots);
  ring->slots = slots;
  ring->slot_count = slot_count;
}

/* Beyond the bounds everything goes; else only what is older than the time to keep and before the last keyframe. */
static bool
oldest_may_go (AirPacketRing *ring, int64_t now_ns)
{
  if (ring->head - ring->tail >= ring->max_packets || ring->bytes > ring->max_bytes)
    return true;
  if (ring->keyframe != AIR_RING_NONE && ring->tail >= ring->keyframe)
    return false;
  return ring->slots[ring->tail & (ring->slot_count - 1)]->pts_ns < now_ns - ring->keep_ns;
}

static void
append (AirPacketRing *ring, AirRtpPacket *packet)
{
  while (ring->tail < ring->head && oldest_may_go (ring, packet->pts_ns))
    drop_oldest (ring);
  if (ring->head - ring->tail == ring->slot_count)
    grow (ring);
  if (packet->flags & AIR_RTP_KEYFRAME)
    ring->keyframe = ring->head;
  ring->slots[ring->head & (ring->slot_count - 1)] = packet;
  ring->bytes += sizeof (AirRtpPacket) + content_bytes (packet);
  ring->disposable_bytes += disposable_bytes (packet);
  ring->head++;
}

void
air_packet_ring_append (AirPacketRing *ring, AirRtpPacket *packet)
{
  ring->frames += packet->flags & AIR_RTP_FRAME_START ? 1 : 0;
  packet->frame = ring->frames;
  packet->sequence = ring->head;
  append (ring, packet);
}

void
air_packet_ring_append_shared (AirPacketRing *ring, AirRtpPacket *packet)
{
  if (packet->sequence != ring->head)
    {
      while (ring->tail < ring->head)
        drop_oldest (ring);
      ring->head = ring->tail = packet->sequence;
    }
  append (ring, packet);
}

AirRtpPacket *
air_packet_ring_get (AirPacketRing *ring, uint64_t sequence)
{
  if (sequence < ring->tail || sequence >= ring->head)
    return NULL;
  return ring->slots[sequence & (ring->slot_count - 1)];
}

uint64_t
air_packet_ring_get_head (AirPacketRing *ring)
{
  return ring->head;
}

uint64_t
air_packet_ring_get_tail (AirPacketRing *ring)
{
  return ring->tail;
}

uint64_t
air_packet_ring_get_keyframe (AirPacketRing *ring)
{
  return ring->keyframe;
}

uint64_t
air_packet_ring_get_bps (AirPacketRing *ring, uint64_t *ret_disposable_bps)
{
  uint64_t count = ring->head - ring->tail;
  int64_t span_ns = count < 2 ? 0
                              : ring->slots[(ring->head - 1) & (ring->slot_count - 1)]->pts_ns
                                  - ring->slots[ring->tail & (ring->slot_count - 1)]->pts_ns;
  if (ret_disposable_bps)
    *ret_disposable_bps = span_ns < LEAST_SPAN_NS ? 0 : ring->disposable_bytes * 8000000 / (uint64_t)(span_ns / 1000);
  if (span_ns < LEAST_SPAN_NS)
    return 0;
  uint64_t wire_bytes = ring->bytes - count * sizeof (AirRtpPacket) + count * WIRE_BYTES;
  return wire_bytes * 8000000 / (uint64_t)(span_ns / 1000);
}
