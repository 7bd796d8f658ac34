/* One live stream as HLS, made while somebody asks for it. Main thread. */
#pragma once

#include <airclass/airclass.h>

G_BEGIN_DECLS

typedef struct _HlsStream HlsStream;

typedef struct
{
  int64_t segment_ms;
  unsigned window;
  AirMetric *segments; /* counter */
} HlsSettings;

/* Reads @stream. Returns: (transfer full), NULL with AIR_ERROR_UNAVAILABLE (no picture and no sound yet), _UNSUPPORTED (neither
 * is of a kind that MPEG-TS for browsers carries), or what air_context_add_reader() says. */
HlsStream *hls_stream_new (AirContext *context, AirStream *stream, const HlsSettings *settings, GError **error);
void hls_stream_free (HlsStream *self);
/* Answers @request with the playlist, at once or when there is a first segment. @viewer: who asks, for counting. */
void hls_stream_reply_playlist (HlsStream *self, AirRequest *request, const char *viewer, const char *token);
/* Answers @request with the segment called @name. */
void hls_stream_reply_segment (HlsStream *self, AirRequest *request, const char *viewer, const char *name);
/* Once a second. Returns false when nobody has asked for long, and it may be freed. */
bool hls_stream_check (HlsStream *self, int64_t now_us);
/* There is nothing to play now: 409, try again. */
void hls_refuse_idle (AirRequest *request, const char *detail);
/* Whether the stream it was made of has ended. */
bool hls_stream_has_ended (const HlsStream *self);

G_END_DECLS
