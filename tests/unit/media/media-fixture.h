/* What the unit tests of core/media share: a registry with short limits, tracks and units made by hand. */
#pragma once

#include "media/stream-private.h"

#define MS INT64_C (1000000)

typedef struct
{
  AirStreamRegistry *registry;
  GString *events; /* "state:live tracks:… " as the hooks heard them */
  GMutex lock;
} MediaFixture;

void media_fixture_set_up (MediaFixture *fixture, const void *data);
void media_fixture_tear_down (MediaFixture *fixture, const void *data);
/* Settings that the fixture starts with. */
AirStreamSettings media_settings (void);
/* Takes and empties what the hooks heard. (transfer full) */
char *media_take_events (MediaFixture *fixture);

/* H.264 high 1280×720, H.264 baseline 640×360, AAC LC 44.1 kHz stereo. (transfer full) */
AirTrack *media_video_track (void);
AirTrack *media_small_video_track (void);
AirTrack *media_audio_track (void);
GBytes *media_bytes_from_hex (const char *hex);
AirTrack *media_track_from_hex (AirKind kind, AirCodec codec, const char *media_type, const char *hex, GError **error);

AirPublisher *media_publish (MediaFixture *fixture, const char *path);
AirReader *media_read (MediaFixture *fixture, AirStream *stream, AirStart start);
/* A unit of @size bytes; pts = dts. */
void media_push (AirPublisher *publisher, AirKind kind, int64_t dts_ms, size_t size, unsigned flags);
/* Pops all; "K0 d40 a63 " with K keyframe, d other picture, a sound; '!' for a discontinuity; ms since the start. */
char *media_drain (AirReader *reader);
