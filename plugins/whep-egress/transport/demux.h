/* Which kind of packet is it, and whose: one UDP port serves all viewers (RFC 7983, RFC 8445 §7.3).
 *
 * Threads: one at a time: the one that receives, or whoever holds its owner's lock. All memory is taken when it is made; lookups hash with a
 * random key (SipHash-2-4), so that chosen addresses and ufrags cannot make them slow.
 */
#pragma once

#include <stddef.h>

#include "address.h"

typedef enum
{
  AIR_PACKET_UNKNOWN,
  AIR_PACKET_STUN,
  AIR_PACKET_DTLS,
  AIR_PACKET_RTP,
  AIR_PACKET_RTCP,
} AirPacketKind;

/* By the first byte (RFC 7983 §7), and RTP from RTCP by the second (RFC 5761 §4). */
AirPacketKind air_packet_classify (const uint8_t *data, size_t size);

/* Remote addresses of one viewer at a time; a further one replaces the oldest but the one that is in use (the next check brings a
 * live one back). */
#define AIR_DEMUX_ADDRESSES_PER_VIEWER 4
#define AIR_DEMUX_MAX_UFRAG_BYTES 32

typedef struct _AirDemux AirDemux;

/* One of these stands in the caller's viewer; its fields belong to AirDemux. Zero it before the first use. */
typedef struct
{
  uint32_t addresses[AIR_DEMUX_ADDRESSES_PER_VIEWER]; /* slots + 1; 0: free */
  uint32_t ufrags[2];                                 /* slots + 1; the second one during an ICE restart */
  uint8_t next;                                       /* which address a further one replaces */
} AirDemuxEntry;

AirDemux *air_demux_new (unsigned max_viewers);
/* NULL is taken. */
void air_demux_free (AirDemux *demux);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirDemux, air_demux_free)

/* Makes @entry found by @ufrag (at most AIR_DEMUX_MAX_UFRAG_BYTES, up to two per entry).
 * Returns: false when it is taken, too long, or there is no room. */
bool air_demux_add_ufrag (AirDemux *demux, const char *ufrag, AirDemuxEntry *entry);
void air_demux_remove_ufrag (AirDemux *demux, const char *ufrag, AirDemuxEntry *entry);
/* After AIR_ICE_VALIDATED: @remote is @entry's. An address of another viewer moves to the new one: its check was
 * authentic, so a NAT has given the port to somebody else. @in_use: (nullable) the one of @entry that keeps its place, whatever
 * others are added: where the viewer's media goes, and its feedback comes from. */
void air_demux_add_address (AirDemux *demux, const AirAddress *remote, AirDemuxEntry *entry, const AirAddress *in_use);
/* Everything of @entry. Call it before the viewer is freed. */
void air_demux_remove (AirDemux *demux, AirDemuxEntry *entry);

/* Return: (transfer none) (nullable). */
AirDemuxEntry *air_demux_find_ufrag (AirDemux *demux, const char *ufrag, size_t size);
AirDemuxEntry *air_demux_find_address (AirDemux *demux, const AirAddress *remote);
