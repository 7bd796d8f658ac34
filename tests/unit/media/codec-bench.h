/* Encodes and decodes for the tests of renditions: everything at once, on the calling thread. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>

/* Pushes @buffers (element-type GstBuffer) with @caps through "appsrc name=in ! @launch ! appsink name=out" and returns
 * what comes out. (transfer full) (element-type GstSample) */
GPtrArray *bench_run (const char *launch, const char *caps, GPtrArray *buffers);
GPtrArray *bench_run_caps (const char *launch, GstCaps *caps, GPtrArray *buffers);

/* Pictures at 30 a second, black before @flash, white from it on. (element-type GstSample) H.264, with B-frames if so. */
GPtrArray *bench_encode_video (unsigned width, unsigned height, unsigned frames, unsigned flash, bool bframes);
/* Silence before @onset_ms, a loud tone from it on. (element-type GstSample) AAC. */
GPtrArray *bench_encode_audio (unsigned rate, unsigned channels, unsigned duration_ms, unsigned onset_ms);
/* PTS of the first white picture in raw I420 @samples, ns; -1: none. */
int64_t bench_find_flash (GPtrArray *samples);
/* Time of the first loud sample in raw S16LE @samples, ns; -1: none. */
int64_t bench_find_onset (GPtrArray *samples);
/* The time of @sample's buffer, without what encoders add. */
int64_t bench_pts (GstSample *sample);
int64_t bench_dts (GstSample *sample);
