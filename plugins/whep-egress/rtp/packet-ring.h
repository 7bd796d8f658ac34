/* The packets of one track of a stream: the current group of pictures and the last second or more, within bounds.
 *
 * Belongs to one thread. Places are counted from 0 and never wrap; a place is looked up in constant time.
 */
#pragma once

#include "rtp-packet.h"

G_BEGIN_DECLS

#define AIR_RING_NONE G_MAXUINT64

typedef struct _AirPacketRing AirPacketRing;

/* @max_packets: a power of two. @keep_ns: what is kept at least, as far as the bounds let it. */
AirPacketRing *air_packet_ring_new (unsigned max_packets, size_t max_bytes, int64_t keep_ns);
void air_packet_ring_free (AirPacketRing *ring);

/* Takes @packet (transfer full), sets its place and its frame; forgets what is too old. */
void air_packet_ring_append (AirPacketRing *ring, AirRtpPacket *packet);
/* The same for a packet that has its place from the ring of another thread (transfer full). One that
 * is not the next place begins the ring anew. */
void air_packet_ring_append_shared (AirPacketRing *ring, AirRtpPacket *packet);
/* Returns: (transfer none), NULL when that place is gone or not yet there. */
AirRtpPacket *air_packet_ring_get (AirPacketRing *ring, uint64_t sequence);
/* The place that the next packet will get. */
uint64_t air_packet_ring_get_head (AirPacketRing *ring);
/* The oldest place that is kept; the head when empty. */
uint64_t air_packet_ring_get_tail (AirPacketRing *ring);
/* Where the newest keyframe begins; AIR_RING_NONE when it is not kept (none came, or its group is beyond the bounds). */
uint64_t air_packet_ring_get_keyframe (AirPacketRing *ring);
/* What its packets take on the wire, by their own time; 0 while too little is kept. @ret_disposable_bps: (nullable) the
 * share of those that no other picture needs. */
uint64_t air_packet_ring_get_bps (AirPacketRing *ring, uint64_t *ret_disposable_bps);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirPacketRing, air_packet_ring_free)

G_END_DECLS
