/* Which readers a stream's viewers need: the publisher's own video and audio, or renditions made of them. Keeps the RTP
 * source supplied when tracks change, B-frames appear or a rendition fails.
 *
 * Main thread. One per stream with viewers; freed with its last one.
 */
#pragma once

#include "engine.h"
#include "rtp-view.h"
#include "rung-demand.h"
#include "sdp-answer.h"

G_BEGIN_DECLS

typedef struct _AirStreamFeed AirStreamFeed;

/* Whether this stream can be sent at all. Returns false with AIR_ENGINE_ERROR_STREAM and words for people, or
 * AIR_ERROR_UNAVAILABLE while it has no track yet. */
bool air_stream_feed_check (AirStream *stream, AirBframes bframes, GError **error);

/* Where readers go: an engine's group of viewers, whose source belongs to another thread. */
typedef struct
{
  void *group;
  /* @reader: (transfer full) (nullable) NULL stops that lane. */
  void (*set_reader) (void *group, AirLane lane, AirReader *reader);
  void (*set_sound_waits) (void *group, bool waits);
  void (*close) (void *group);
  AirRungDemand *demand; /* of the group */
} AirFeedOutput;

/* Starts to read @stream. */
AirStreamFeed *air_stream_feed_new (AirContext *context, AirStream *stream, AirBframes bframes,
                                    const AirFeedOutput *output);
/* Its group is closed: no viewer is in it any more, or the loops have stopped. */
void air_stream_feed_free (AirStreamFeed *feed);

AirStream *air_stream_feed_get_stream (AirStreamFeed *feed);
void *air_stream_feed_get_group (AirStreamFeed *feed);
/* What the answer needs to know of the video. */
AirSdpSource air_stream_feed_get_video (AirStreamFeed *feed);
/* Viewers that belong to it, from the answer to the end. Returns the count. */
unsigned air_stream_feed_add_viewers (AirStreamFeed *feed, int change);
/* Those of them whose sound must come in packets of 20 ms. */
void air_stream_feed_add_short_viewers (AirStreamFeed *feed, int change);
/* Sound waits for pictures from now on (rtp-sound.h), unless there are such; or no longer. */
void air_stream_feed_set_sound_waits (AirStreamFeed *feed, bool waits);

/* Looks again at what is published, and changes readers where needed. */
void air_stream_feed_review (AirStreamFeed *feed);
/* The stream has another state or other tracks: as air_stream_feed_review(), and what failed is tried again at once. */
void air_stream_feed_take_change (AirStreamFeed *feed);
/* B-frames were seen in what is read. Returns false when its viewers must go (bframes=refuse). */
bool air_stream_feed_take_reordered (AirStreamFeed *feed);
/* The reader of @lane has ended. Returns false when the stream is gone, and its viewers must go. */
bool air_stream_feed_take_ended (AirStreamFeed *feed, AirLane lane);

G_END_DECLS
