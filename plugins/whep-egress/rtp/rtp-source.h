/* The RTP rendition of a stream: reads its video and audio and makes packets of them once, into the rings of a view.
 *
 * Belongs to the thread of its group's home loop; only air_rtp_source_new() may be called before it gets there. Readers may
 * be replaced at any time: video changes over at the first keyframe of the new one, so that viewers see no seam.
 */
#pragma once

#include "rtp-view.h"
#include "watch.h"

G_BEGIN_DECLS

typedef struct _AirRtpSource AirRtpSource;

typedef struct
{
  /* New packets are in a ring. */
  void (*packets) (AirRtpSource *source, void *data);
  /* The video that is read has B-frames which cannot be left out; told once per reader. */
  void (*reordered) (AirRtpSource *source, void *data);
  /* The reader of @lane has ended: the stream is gone or its rendition failed. */
  void (*ended) (AirRtpSource *source, AirLane lane, void *data);
} AirRtpSourceEvents;

/* @view: (transfer none) where packets and clock are kept; outlives the source. @drop_reordered: B-frames that nothing refers to are left out silently, instead of being told. */
AirRtpSource *air_rtp_source_new (AirRtpView *view, bool drop_reordered, const AirRtpSourceEvents *events, void *data);
void air_rtp_source_free (AirRtpSource *source);

/* @epoll: where the readers' descriptors are watched. Before the first reader. */
void air_rtp_source_attach (AirRtpSource *source, int epoll);
/* @reader: (transfer full) (nullable) NULL stops that lane. */
void air_rtp_source_set_reader (AirRtpSource *source, AirLane lane, AirReader *reader);
/* How many people are served, for the status document. */
void air_rtp_source_set_viewers (AirRtpSource *source, unsigned viewers);
/* Whether sound waits for the picture that follows it (rtp-sound.h); not at first. */
void air_rtp_source_set_sound_waits (AirRtpSource *source, bool waits);
/* Asks the encoder of @lane, where there is one of ours; else nothing happens. */
void air_rtp_source_request_keyframe (AirRtpSource *source, AirLane lane);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirRtpSource, air_rtp_source_free)

G_END_DECLS
