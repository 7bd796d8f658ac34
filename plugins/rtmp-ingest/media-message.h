/* What one audio or video message carries: FLV tags (Adobe, "Video File Format" 10.1, annex E.4) and Enhanced RTMP v1 and
 * v2 (Veovera). Any thread; no state; nothing is copied. */
#pragma once

#include "rtmp.h"

G_BEGIN_DECLS

typedef enum
{
  MEDIA_NONE,   /* nothing for us: a command frame, HDR metadata, another track of a multitrack message */
  MEDIA_HEADER, /* codec configuration */
  MEDIA_FRAME,  /* one access unit */
  MEDIA_END,    /* end of sequence */
} MediaPart;

typedef enum
{
  MEDIA_H264,
  MEDIA_H265,
  MEDIA_AV1,
  MEDIA_AAC,
  MEDIA_OPUS,
} MediaCodec;

typedef struct
{
  MediaPart part;
  MediaCodec codec;
  bool keyframe;
  int32_t composition_ms;   /* PTS - DTS */
  uint32_t nanosecond_offset; /* Enhanced RTMP v2 ModEx, added to the timestamp: 0..999999 */
  int track;                /* the number of it; 0 where the message has none (Enhanced RTMP v2, "Multitrack") */
  size_t offset, length;    /* of the payload in the message */
} MediaMessage;

/* @wanted: the track whose frame is told of where a message carries several; -1: the lowest. Of headers it is always the
 * lowest that can be taken.
 * Returns: false with RTMP_ERROR_INVALID (malformed; the message is dropped) or RTMP_ERROR_UNSUPPORTED (a codec that is not
 * taken; names it, and the track is set). An empty message is MEDIA_NONE. */
bool media_message_parse_video (const uint8_t *data, size_t length, int wanted, MediaMessage *ret_message, GError **error);
bool media_message_parse_audio (const uint8_t *data, size_t length, int wanted, MediaMessage *ret_message, GError **error);

/* The Enhanced RTMP forms, called by those above. */
bool enhanced_parse_video (const uint8_t *data, size_t length, int wanted, MediaMessage *ret_message, GError **error);
bool enhanced_parse_audio (const uint8_t *data, size_t length, int wanted, MediaMessage *ret_message, GError **error);

/* Four letters, "hvc1". */
const char *media_codec_to_fourcc (MediaCodec codec);

G_END_DECLS
