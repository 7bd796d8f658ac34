/* The RTP rendition of a stream: reads its video and audio, makes packets once, keeps them in a ring per kind for all
 * viewers.
 *
 * Belongs to the thread of its AirFanoutLoop; only air_rtp_source_new() may be called before it gets there. Readers may
 * be replaced at any time: video changes over at the first keyframe of the new one, so that viewers see no seam.
 */
#pragma once

#include <airclass/stream.h>

#include "packet-ring.h"
#include "watch.h"

G_BEGIN_DECLS

typedef struct _AirRtpSource AirRtpSource;

typedef struct
{
  /* New packets are in a ring. */
  void (*packets) (AirRtpSource *source, void *data);
  /* The video that is read has B-frames which cannot be left out; told once per reader. */
  void (*reordered) (AirRtpSource *source, void *data);
  /* The reader of @kind has ended: the stream is gone or its rendition failed. */
  void (*ended) (AirRtpSource *source, AirKind kind, void *data);
} AirRtpSourceEvents;

/* @drop_reordered: B-frames that nothing refers to are left out silently, instead of being told. */
AirRtpSource *air_rtp_source_new (bool drop_reordered, const AirRtpSourceEvents *events, void *data);
void air_rtp_source_free (AirRtpSource *source);

/* @epoll: where the readers' descriptors are watched. Before the first reader. */
void air_rtp_source_attach (AirRtpSource *source, int epoll);
/* @reader: (transfer full) (nullable) NULL stops that kind. */
void air_rtp_source_set_reader (AirRtpSource *source, AirKind kind, AirReader *reader);
/* How many people are served, for the status document. */
void air_rtp_source_set_viewers (AirRtpSource *source, unsigned viewers);
/* Asks the encoder, where there is one of ours; else nothing happens. */
void air_rtp_source_request_keyframe (AirRtpSource *source);

/* (transfer none) */
AirPacketRing *air_rtp_source_get_ring (AirRtpSource *source, AirKind kind);
/* The monotonic time at which an instant of the timeline was taken, by one anchor for both kinds, and the reverse. */
int64_t air_rtp_source_time_of (AirRtpSource *source, int64_t pts_ns);
int64_t air_rtp_source_pts_at (AirRtpSource *source, int64_t monotonic_us);
/* What of the picture is usually there at @monotonic_us. */
int64_t air_rtp_source_live_pts (AirRtpSource *source, int64_t monotonic_us);
/* Whether anything was read yet: the anchor is set. */
bool air_rtp_source_has_anchor (AirRtpSource *source);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirRtpSource, air_rtp_source_free)

G_END_DECLS
