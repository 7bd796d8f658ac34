/* What one loop has of a group's packets: a ring per lane and the clock. The loop where packets are made shares them with
 * the others by batches; what is in a batch is immutable, so that nothing is locked.
 *
 * A view belongs to one thread; a batch is reference-counted (atomic), any thread.
 */
#pragma once

#include <airclass/stream.h>

#include "packet-ring.h"

G_BEGIN_DECLS

/* What of monotonic time an instant of the timeline was taken at: one anchor for both kinds. */
typedef struct
{
  bool anchored; /* something was read */
  int64_t anchor_us, anchor_pts_ns;
  int64_t late_us; /* how late pictures usually are */
} AirRtpClock;

typedef struct
{
  AirPacketRing *rings[AIR_LANE_COUNT];
  AirRtpClock clock;
  bool ready; /* the rings have what there is */
} AirRtpView;

typedef struct
{
  gatomicrefcount references;
  AirRtpClock clock;
  unsigned count;
  AirRtpPacket *packets[]; /* a reference of each, by lane in order */
} AirRtpBatch;

AirRtpView *air_rtp_view_new (void);
void air_rtp_view_free (AirRtpView *view);

static inline AirLane
air_lane_of (AirKind kind, unsigned rung)
{
  return kind == AIR_KIND_AUDIO ? AIR_LANE_AUDIO : (AirLane)(AIR_LANE_VIDEO + rung);
}

/* The monotonic time at which an instant of the timeline was taken, and the reverse. */
int64_t air_rtp_view_time_of (const AirRtpView *view, int64_t pts_ns);
int64_t air_rtp_view_pts_at (const AirRtpView *view, int64_t monotonic_us);
/* What of the picture is usually there at @monotonic_us. */
int64_t air_rtp_view_live_pts (const AirRtpView *view, int64_t monotonic_us);

/* Returns: (transfer full) what is in the rings from the places @since on, as far as it is kept. On return @since are the
 * places behind it. */
AirRtpBatch *air_rtp_view_collect (const AirRtpView *view, uint64_t since[AIR_LANE_COUNT]);
/* Takes what another view has collected: the first time everything, then each further batch. */
void air_rtp_view_take (AirRtpView *view, const AirRtpBatch *batch);

AirRtpBatch *air_rtp_batch_ref (AirRtpBatch *batch);
void air_rtp_batch_unref (AirRtpBatch *batch);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirRtpView, air_rtp_view_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirRtpBatch, air_rtp_batch_unref)

G_END_DECLS
