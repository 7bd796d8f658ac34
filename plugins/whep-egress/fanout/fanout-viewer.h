/* One viewer of the fan-out engine: its ICE, DTLS and SRTP state, and where in the rings it stands.
 *
 * Made on the main thread, then waits in the directory until a loop claims it, and lives on the thread of that loop;
 * reference-counted (atomic), because commands from the main thread may be under way when it ends. Both threads see `record`;
 * the directory's lock guards `listing`.
 */
#pragma once

#include "dtls.h"
#include "fanout-group.h"
#include "rtp-copy.h"
#include "viewer-feedback.h"
#include "viewer-record.h"

G_BEGIN_DECLS

/* How fast a viewer that is behind is brought up to the live edge: faster loses packets in the receiver's buffers,
 * slower takes longer to become live. */
#define AIR_FANOUT_PACKETS_PER_MS 20u
/* For ICE and DTLS, from the answer on: freed within 10 s. */
#define AIR_FANOUT_HANDSHAKE_US (9500 * G_GINT64_CONSTANT (1000))

struct _AirFanoutViewer
{
  AirDemuxEntry entry; /* first: the loop's demultiplexer gives it back */
  AirFanoutListing listing;
  AirFanoutLoop *loop;
  AirFanoutGroup *group; /* a reference */
  AirFanoutShare *share; /* the loop's; NULL before it is attached */
  AirIce *ice;
  AirTcpOwner tcp;
  AirDtls *dtls;
  AirSrtp *sender;
  AirSrtp *receiver;
  AirViewerNames names;
  AirRtpTrack tracks[AIR_KIND_COUNT];
  int64_t created_us;
  int64_t handshake_at_us; /* when DTLS wants to retransmit; 0: not */
  bool attached;           /* on the loop */
  bool media;              /* keys are there */
  bool behind;             /* stands in the loop's list of those that are paced */
  unsigned index;          /* in the loop's viewers */
  int64_t budget_us;       /* the ms to which the budget belongs */
  unsigned budget;
  int64_t sent_us; /* media */
  AirRepair repair;
  AirRtcpSources sources;
  AirRtpCopier copier;
  AirLevels levels; /* which it may get */
  AirViewerLevel level;
  AirViewerInfo counts; /* the loop's own; strings unused */
  AirViewerRecord record;
};

/* ICE and DTLS are the caller's to add. */
AirFanoutViewer *air_fanout_viewer_new (AirFanoutGroup *group, const AirViewerRequest *request,
                                        const AirSdpChoice *choice);
AirFanoutViewer *air_fanout_viewer_ref (AirFanoutViewer *viewer);
void air_fanout_viewer_unref (AirFanoutViewer *viewer);

/* ---- On the loop's thread, once the keys are there */

/* Media is about to flow. */
void air_fanout_viewer_begin (AirFanoutViewer *viewer, int64_t now_us);

/* It is about to be pumped: brings what that takes into the cache, in three calls, since each finds the places of the next one's;
 * some microseconds before each other. */
void air_fanout_viewer_prefetch (const AirFanoutViewer *viewer);
void air_fanout_viewer_prefetch_parts (const AirFanoutViewer *viewer, int64_t now_us);
void air_fanout_viewer_prefetch_key (const AirFanoutViewer *viewer);
/* Sends what waits in the rings, as far as the pace lets it. Returns whether more waits. */
bool air_fanout_viewer_pump (AirFanoutViewer *viewer, int64_t now_us);
/* A sender report for each track that is due. */
void air_fanout_viewer_report (AirFanoutViewer *viewer, int64_t now_us, bool at_once);
/* BYE for what was sent. */
void air_fanout_viewer_say_bye (AirFanoutViewer *viewer);
/* A decrypted compound RTCP packet. Returns false when the viewer says BYE. */
bool air_fanout_viewer_feedback (AirFanoutViewer *viewer, const uint8_t *packet, size_t size,
                                 int64_t now_us);
/* Sends @packet of @segment, which was sent as @sequence, once more. */
void air_fanout_viewer_repeat (void *viewer, AirKind kind, const AirRtpSegment *segment, const AirRtpPacket *packet,
                               uint64_t sequence);
/* See AirViewerLevelClass.send_probe. */
size_t air_fanout_viewer_send_probe (void *viewer, const AirRtpSegment *segment, const AirRtpPacket *packet,
                                     uint64_t sequence);
/* To a receiver that wants to know its round trip: where that was negotiated. */
void air_fanout_viewer_answer_reference (void *viewer, uint32_t receiver_ssrc, uint32_t reference);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirFanoutViewer, air_fanout_viewer_unref)

G_END_DECLS
