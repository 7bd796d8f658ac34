/* Streams: the only way media crosses plugins.
 *
 * A stream has a path ("live/algebra"), at most one publisher, at most one video and one audio track, a bounded cache of
 * the current group of pictures, and readers. All functions here are thread-safe unless they say otherwise.
 *
 * Time: PTS and DTS are nanoseconds on the stream's own timeline, which starts near 0 and never goes backwards (DTS, per
 * track), whatever the publisher's clock does: wraps, jumps and the gap of a held publisher are re-based. Audio and
 * video share one timeline. A rendition keeps the timeline of its stream.
 *
 * Ownership: AirTrack, AirUnit and AirStream are reference-counted; tracks and units are immutable, a unit's buffer is
 * shared by all readers and must not be written to.
 */
#pragma once

#include <gio/gio.h>
#include <gst/gst.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#include <airclass/types.h>

G_BEGIN_DECLS

typedef enum
{
  AIR_KIND_VIDEO,
  AIR_KIND_AUDIO,
} AirKind;

#define AIR_KIND_COUNT 2

typedef enum
{
  AIR_CODEC_H264, /* video/x-h264, stream-format=avc, alignment=au, codec_data = AVCDecoderConfigurationRecord */
  AIR_CODEC_H265, /* video/x-h265, stream-format=hvc1, alignment=au, codec_data = HEVCDecoderConfigurationRecord */
  AIR_CODEC_AV1,  /* video/x-av1, stream-format=obu-stream, alignment=tu, codec_data = av1C */
  AIR_CODEC_VP9,  /* video/x-vp9 */
  AIR_CODEC_AAC,  /* audio/mpeg, mpegversion=4, stream-format=raw, codec_data = AudioSpecificConfig */
  AIR_CODEC_OPUS, /* audio/x-opus; one packet a unit */
  AIR_CODEC_OTHER,
} AirCodec;

/* "h264", "aac", … as in the status documents. */
AIR_PUBLIC const char *air_codec_to_string (AirCodec codec);

/* @caps: (transfer none) fixed caps as listed at AirCodec; width, height, rate, channels, profile are read from
 * codec_data where the caps lack them. Returns: (transfer full), NULL with AIR_ERROR_INVALID when codec_data is broken. */
AIR_PUBLIC AirTrack *air_track_new (AirKind kind, AirCodec codec, GstCaps *caps, GError **error);
AIR_PUBLIC AirTrack *air_track_ref (AirTrack *track);
AIR_PUBLIC void air_track_unref (AirTrack *track);
AIR_PUBLIC AirKind air_track_get_kind (const AirTrack *track);
AIR_PUBLIC AirCodec air_track_get_codec (const AirTrack *track);
AIR_PUBLIC GstCaps *air_track_get_caps (const AirTrack *track);        /* (transfer none) */
AIR_PUBLIC GBytes *air_track_get_codec_data (const AirTrack *track);   /* (transfer none) (nullable) */
AIR_PUBLIC unsigned air_track_get_width (const AirTrack *track);       /* pixels; 0: unknown */
AIR_PUBLIC unsigned air_track_get_height (const AirTrack *track);      /* pixels; 0: unknown */
AIR_PUBLIC double air_track_get_frame_rate (const AirTrack *track);    /* declared, frames a second; 0: unknown */
AIR_PUBLIC const char *air_track_get_profile (const AirTrack *track);  /* "high", "lc"; NULL: unknown */
/* Whether browsers can decode it: H.264 with 8 bits and 4:2:0. B-frames are another matter: see air_stream_has_bframes(). */
AIR_PUBLIC bool air_track_is_browser_video (const AirTrack *track);
AIR_PUBLIC unsigned air_track_get_sample_rate (const AirTrack *track); /* Hz; 0: unknown */
AIR_PUBLIC unsigned air_track_get_channels (const AirTrack *track);    /* 0: unknown */

typedef enum
{
  AIR_UNIT_KEYFRAME = 1 << 0,      /* decoding can start here; every audio unit has it */
  AIR_UNIT_DISCONTINUITY = 1 << 1, /* first of its track after a gap, a jump or a skip of this reader */
  AIR_UNIT_NON_REFERENCE = 1 << 2, /* no other unit needs it (H.264 nal_ref_idc 0) */
  AIR_UNIT_REORDERED = 1 << 3,     /* shown before a unit that was decoded earlier: a B-frame */
} AirUnitFlags;

/* One encoded access unit. A unit whose track differs from the one before it on the same kind brings new codec headers. */
struct _AirUnit
{
  gatomicrefcount references;
  AirTrack *track;
  GstBuffer *buffer; /* its PTS and DTS are set to those below */
  int64_t pts_ns;
  int64_t dts_ns;
  int64_t arrival_us; /* g_get_monotonic_time () at which the last byte came in */
  uint64_t sequence;  /* counts the units of the stream, both kinds; unique and increasing */
  unsigned flags;     /* AirUnitFlags */
};

AIR_PUBLIC AirUnit *air_unit_ref (AirUnit *unit);
AIR_PUBLIC void air_unit_unref (AirUnit *unit);

/* ---- Publishing ---- */

typedef enum
{
  AIR_PUBLISHER_ENDED_TAKEN_OVER, /* another publisher with the same right came */
  AIR_PUBLISHER_ENDED_SHUTDOWN,   /* the host or the plugin stops */
  AIR_PUBLISHER_ENDED_KICKED,     /* by a teacher or an operator */
} AirPublisherEnded;

typedef struct
{
  const char *protocol;   /* "rtmp" */
  const char *address;    /* the peer, as text */
  const char *user_agent; /* "OBS Studio/30", NULL if unknown */
  int64_t wrap_ns;        /* period at which the timestamps given to push() wrap; 0: never */
  bool takeover;          /* replaces the publisher that is there, else AIR_ERROR_CONFLICT */
  /* Called once, on any thread, when the host ends it; the publisher must then close. NULL: never asked to. */
  void (*ended) (AirPublisher *publisher, AirPublisherEnded reason, void *user_data);
  void *user_data;
} AirPublisherInfo;

/* Becomes the publisher of @path, which is live from the first unit on. The caller has been authorized for it.
 * Returns: (transfer full) or NULL with AIR_ERROR_INVALID (path), _CONFLICT, _FORBIDDEN ([streams] paths=), _LIMIT. */
AIR_PUBLIC AirPublisher *air_context_publish_stream (AirContext *context, const char *path, const AirPublisherInfo *info,
                                                     GError **error);
/* Sets or replaces the track of its kind; a track with the same codec headers changes nothing. */
AIR_PUBLIC void air_publisher_set_track (AirPublisher *publisher, AirTrack *track);
/* One access unit in decoding order. @buffer: (transfer full). Timestamps by the publisher's clock, in ns; out of
 * range or backward ones are re-based. @flags: KEYFRAME and NON_REFERENCE are taken as given; NON_REFERENCE is also found
 * in H.264 slices.
 * A unit of a kind without a track is dropped and counted. One thread at a time per publisher. Never waits. */
AIR_PUBLIC void air_publisher_push (AirPublisher *publisher, AirKind kind, GstBuffer *buffer, int64_t pts_ns, int64_t dts_ns,
                                    unsigned flags);
/* (transfer none) */
AIR_PUBLIC AirStream *air_publisher_get_stream (AirPublisher *publisher);
/* The publisher left; the stream is held for [streams] hold=. Frees @publisher. */
AIR_PUBLIC void air_publisher_close (AirPublisher *publisher);

/* ---- Streams ---- */

typedef enum
{
  AIR_STREAM_IDLE, /* nobody publishes */
  AIR_STREAM_LIVE,
  AIR_STREAM_HELD, /* the publisher dropped and may return */
} AirStreamState;

/* [0-9A-Za-z_.~-] segments, at most 128 characters, neither "." nor ".." as a segment, one or more segments. */
AIR_PUBLIC bool air_stream_path_is_valid (const char *path);
/* Returns: (transfer full) the stream while it is live or held, else NULL. */
AIR_PUBLIC AirStream *air_context_find_stream (AirContext *context, const char *path);
/* Returns: (transfer full) (element-type AirStream) all that are live or held, ordered by path; not their renditions. */
AIR_PUBLIC GPtrArray *air_context_list_streams (AirContext *context);
AIR_PUBLIC AirStream *air_stream_ref (AirStream *stream);
AIR_PUBLIC void air_stream_unref (AirStream *stream);
AIR_PUBLIC const char *air_stream_get_path (AirStream *stream);
AIR_PUBLIC AirStreamState air_stream_get_state (AirStream *stream);
/* Returns: (transfer full) the present track, NULL while there is none. */
AIR_PUBLIC AirTrack *air_stream_get_track (AirStream *stream, AirKind kind);
/* Whether B-frames were seen since the publisher came. */
AIR_PUBLIC bool air_stream_has_bframes (AirStream *stream);
/* How the publisher's media arrives now. */
typedef struct
{
  int64_t age_us;       /* since its first unit */
  int64_t silence_us;   /* since its newest unit */
  int64_t late_us;      /* at worst over the last second or two, against the best that this publisher has shown */
  double fps;           /* over the last 5 s; 0: unknown, or no picture */
  double declared_fps;  /* 0: unknown */
  unsigned bitrate_bps; /* both tracks, over the last 5 s */
} AirStreamIngest;

/* Returns false, and leaves @ret_ingest alone, while nothing is published. */
AIR_PUBLIC bool air_stream_get_ingest (AirStream *stream, AirStreamIngest *ret_ingest);
/* Asks whoever encodes for a keyframe; rate-limited, and nothing happens where nobody can. */
AIR_PUBLIC void air_stream_request_keyframe (AirStream *stream);
/* Returns: (transfer full) the status document of this stream, as in schemas/openapi.yaml (StreamStatus). */
AIR_PUBLIC JsonNode *air_stream_describe (AirStream *stream);

/* Warns the teacher, in the status document of @stream. @type: lower case words joined by hyphens, stable, by which pages
 * find words of their own; @text: in English; @parameters: (transfer full) (nullable) flat, what the words speak of.
 * Replaces this plugin's warning of that type; a plugin has at most 8 on a stream. The host clears what a plugin that
 * stops has left. */
AIR_PUBLIC void air_context_set_stream_warning (AirContext *context, AirStream *stream, const char *type, const char *text,
                                                JsonObject *parameters);
AIR_PUBLIC void air_context_clear_stream_warning (AirContext *context, AirStream *stream, const char *type);

/* The stream that the template pipelines/@name.pipeline makes of @stream: a stream of its own with one track, on the
 * timeline of @stream. Its pipeline runs while it has readers. Asked twice, the same one is returned.
 * Returns: (transfer full) or NULL with AIR_ERROR_NOT_FOUND (no such template), _UNSUPPORTED (it does not take this
 * stream's codec), _INVALID (broken template; names file and element). */
AIR_PUBLIC AirStream *air_stream_get_rendition (AirStream *stream, const char *name, GError **error);

/* ---- Reading ---- */

typedef enum
{
  AIR_START_CACHED, /* with the cached group of pictures, then live */
  AIR_START_LIVE,   /* with the next keyframe (audio: the next unit) */
} AirStart;

typedef struct
{
  const char *protocol; /* "whep", "rtmp": the key under `readers` of the status document */
  unsigned kinds;       /* bit mask, 1 << AirKind; 0: both */
  AirStart start;
  size_t queue_bytes;   /* bound of the queue; 0: 16 MiB */
  int64_t queue_ms;     /* bound of the queue by DTS span; 0: 10 s */
} AirReaderConfig;

typedef enum
{
  AIR_READER_OPEN,
  AIR_READER_ENDED, /* the stream is gone (hold time over, rendition failed); the queue may still hold units */
} AirReaderState;

/* Starts to read. On overflow the queue is emptied and refilled from the next keyframe; that is counted.
 * Returns: (transfer full), NULL with AIR_ERROR_NOT_FOUND when the stream has ended, _LIMIT. */
AIR_PUBLIC AirReader *air_context_add_reader (AirContext *context, AirStream *stream, const AirReaderConfig *config,
                                              GError **error);
/* An eventfd, readable while units wait or the state has changed; for epoll, poll or g_unix_fd_source_new(). Owned by
 * the reader; air_reader_pop() clears it. */
AIR_PUBLIC int air_reader_get_fd (AirReader *reader);
/* Returns: (transfer full) the next unit, NULL when none waits. Never waits. */
AIR_PUBLIC AirUnit *air_reader_pop (AirReader *reader);
AIR_PUBLIC AirReaderState air_reader_get_state (AirReader *reader);
/* (transfer none) */
AIR_PUBLIC AirStream *air_reader_get_stream (AirReader *reader);
/* How many people this reader serves, for the status document; 1 at first. */
AIR_PUBLIC void air_reader_set_viewers (AirReader *reader, unsigned viewers);
/* Units skipped by overflow since the start. */
AIR_PUBLIC uint64_t air_reader_get_skipped (AirReader *reader);
/* Stops reading, frees @reader and its queue. */
AIR_PUBLIC void air_reader_close (AirReader *reader);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirTrack, air_track_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirUnit, air_unit_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirStream, air_stream_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirReader, air_reader_close)

G_END_DECLS
