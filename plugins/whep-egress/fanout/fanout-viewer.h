/* One viewer of the fan-out engine: its ICE, DTLS and SRTP state, and where in the rings it stands.
 *
 * Made on the main thread, then waits in the directory until a loop claims it, and lives on the thread of that loop;
 * reference-counted (atomic), because commands from the main thread may be under way when it ends. Both threads see `info`,
 * under `lock`; the directory's lock guards `listing`.
 */
#pragma once

#include "dtls.h"
#include "fanout-group.h"
#include "fanout-level.h"
#include "repair.h"
#include "rtcp.h"
#include "rtp-header.h"
#include "rtp-red.h"
#include "sdp-answer.h"

G_BEGIN_DECLS

/* How fast a viewer that is behind is brought up to the live edge: faster loses packets in the receiver's buffers,
 * slower takes longer to become live. */
#define AIR_FANOUT_PACKETS_PER_MS 20u
#define AIR_FANOUT_SEGMENTS 32u
/* For ICE and DTLS, from the answer on: freed within 10 s. */
#define AIR_FANOUT_HANDSHAKE_US (9500 * G_GINT64_CONSTANT (1000))

/* From this packet of the viewer on, its sequence numbers go with that place in the ring. Cached pictures are sent 1 ms
 * apart, and so are their timestamps, from the present on, until they meet the pictures' own ones: so what arrives never
 * contradicts the clock that a receiver makes out of arrivals and timestamps. With their own ones, seconds old, or at
 * another pace than they are sent, it would misjudge that clock for long, and not bring picture and sound in sync. */
typedef struct
{
  uint64_t sequence;
  AirLane lane; /* whose ring */
  uint64_t place;
  uint64_t live; /* from this place on the timestamps are the packets' own; UINT64_MAX: not there yet */
  int64_t start_us; /* of catching up; once live: of that */
  uint32_t first_frame;
  uint32_t first_timestamp; /* of that frame, and what a live one would have at `start_us` */
} AirFanoutSegment;

typedef struct
{
  AirSdpSection section; /* accepted: false: not wanted */
  bool started;
  unsigned rung;           /* which of the video's */
  uint64_t cursor;         /* the place in the ring to be sent next */
  uint64_t first_sequence; /* below 32768 (RFC 3711 §3.3.1: the rollover counter cannot be missed) */
  uint64_t next_sequence;
  uint64_t next_rtx_sequence;
  uint32_t timestamp_offset;
  uint32_t packets, octets; /* for sender reports */
  int64_t reported_us;
  unsigned reports;    /* sent so far */
  int64_t replayed_us; /* when the last keyframe request was answered */
  int fir_sequence;    /* -1: none yet */
  unsigned segment_count;
  AirFanoutSegment segments[AIR_FANOUT_SEGMENTS];
  /* From the last receiver report. */
  uint8_t fraction_lost;
  uint32_t jitter;
} AirFanoutTrack;

struct _AirFanoutViewer
{
  AirDemuxEntry entry; /* first: the loop's demultiplexer gives it back */
  gatomicrefcount references;
  AirFanoutListing listing;
  AirFanoutLoop *loop;
  AirFanoutGroup *group; /* a reference */
  AirFanoutShare *share; /* the loop's; NULL before it is attached */
  AirIce *ice;
  AirTcpOwner tcp;
  AirDtls *dtls;
  AirSrtp *sender;
  AirSrtp *receiver;
  char *cname;
  char *mid; /* of the first section */
  char mids[AIR_KIND_COUNT][AIR_RTP_MAX_MID_BYTES + 1];
  AirFanoutTrack tracks[AIR_KIND_COUNT];
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
  uint16_t transport_sequence;
  AirLevels levels; /* which it may get */
  AirFanoutLevel level;
  uint64_t bytes_before; /* for the bitrate */
  AirViewerInfo counts;  /* the loop's own; strings unused */

  GMutex lock;
  AirViewerInfo info; /* copied from `counts` once a second */
};

/* ICE and DTLS are the caller's to add. */
AirFanoutViewer *air_fanout_viewer_new (AirFanoutGroup *group, const AirViewerRequest *request,
                                        const AirSdpChoice *choice);
AirFanoutViewer *air_fanout_viewer_ref (AirFanoutViewer *viewer);
void air_fanout_viewer_unref (AirFanoutViewer *viewer);
/* Returns: (transfer full) a copy. Any thread. */
AirViewerInfo *air_fanout_viewer_get_info (AirFanoutViewer *viewer);

/* ---- On the loop's thread, once the keys are there */

/* Sends what waits in the rings, as far as the pace lets it. Returns whether more waits. */
bool air_fanout_viewer_pump (AirFanoutViewer *viewer, int64_t now_us);
/* A sender report for each track that is due. */
void air_fanout_viewer_report (AirFanoutViewer *viewer, int64_t now_us, bool at_once);
/* BYE for what was sent. */
void air_fanout_viewer_say_bye (AirFanoutViewer *viewer);
/* A decrypted compound RTCP packet. Returns false when the viewer says BYE. */
bool air_fanout_viewer_feedback (AirFanoutViewer *viewer, const uint8_t *packet, size_t size,
                                 int64_t now_us);
/* Sends again what the viewer lost, as far as the ring has it. */
void air_fanout_viewer_retransmit (AirFanoutViewer *viewer, AirFanoutTrack *track,
                                   uint16_t sequence, int64_t now_us);
/* Sends the video packet so far back once more, or an empty one where there is none: nobody misses it. Returns: what it
 * took; 0: this viewer takes no such thing (RFC 4588). */
size_t air_fanout_viewer_send_probe (AirFanoutViewer *viewer, unsigned back);
/* Goes on with the keyframe at @place of another rung, or of the same one. */
void air_fanout_viewer_enter (AirFanoutViewer *viewer, unsigned rung, uint64_t place, int64_t now_us);
/* To a receiver that wants to know its round trip: where that was negotiated. */
void air_fanout_viewer_answer_reference (AirFanoutViewer *viewer, uint32_t receiver_ssrc, uint32_t reference);
/* Goes back to the last keyframe, and forward from there. Returns false when it is not kept. */
bool air_fanout_viewer_replay (AirFanoutViewer *viewer, AirFanoutTrack *track, int64_t now_us);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirFanoutViewer, air_fanout_viewer_unref)

G_END_DECLS
