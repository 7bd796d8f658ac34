/* From the units of a stream to segments of MPEG-TS (ISO/IEC 13818-1), by GStreamer's mpegtsmux.
 *
 * A segment begins with PAT and PMT, and with a keyframe where one comes in time. Calls come from one thread; segments
 * arrive on the pipeline's. */
#pragma once

#include <airclass/airclass.h>

G_BEGIN_DECLS

typedef struct _HlsMux HlsMux;

typedef struct
{
  int64_t segment_ns; /* a segment ends with the first keyframe after so long, */
  int64_t longest_ns; /* or else after so long */
  size_t max_bytes;   /* or with so many, about */
  /* On the pipeline's thread, in order. @media: (transfer full). */
  void (*segment) (HlsMux *mux, GBytes *media, int64_t duration_ns, void *data);
  /* On any thread, once: after the last segment, or when the pipeline failed (@error, else NULL). */
  void (*ended) (HlsMux *mux, const GError *error, void *data);
  void *data;
} HlsMuxConfig;

/* Whether MPEG-TS for browsers can carry it: H.264 and AAC. */
bool hls_mux_takes (AirCodec codec);
/* @tracks: by AirKind, one may be NULL. Returns: (transfer full), NULL with AIR_ERROR_FAILED (an element is missing). */
HlsMux *hls_mux_new (AirTrack *const tracks[AIR_KIND_COUNT], const HlsMuxConfig *config, GError **error);
/* (transfer none) (nullable) */
AirTrack *hls_mux_get_track (HlsMux *mux, AirKind kind);
/* @unit: of one of the tracks. Returns false when the pipeline does not keep up: it must be ended. Never waits. */
bool hls_mux_push (HlsMux *mux, AirUnit *unit);
/* For how long a kind that the mux has was not heard of, by the time of the other one. */
int64_t hls_mux_get_silence_ns (HlsMux *mux, AirKind kind);
/* What is left becomes the last segment; then ended(). */
void hls_mux_finish (HlsMux *mux);
/* Waits for the pipeline's threads: for the worker pool. */
void hls_mux_free (HlsMux *mux);

G_END_DECLS
