/* FLV tags as they were before Enhanced RTMP. */
#include "media-message.h"

/* Annex E.4.3.1 */
#define FRAME_KEY 1
#define FRAME_GENERATED_KEY 4
#define FRAME_COMMAND 5
#define VIDEO_AVC 7
#define VIDEO_HEVC 12 /* not Adobe's, but what encoders sent before Enhanced RTMP; laid out as AVC is */
#define VIDEO_ENHANCED 0x80
/* Annex E.4.2.1 */
#define AUDIO_AAC 10
#define AUDIO_ENHANCED 9

static const char *
video_codec_name (unsigned id)
{
  static const char *const names[] = { [2] = "Sorenson H.263", [3] = "Screen video", [4] = "VP6", [5] = "VP6 with alpha",
                                       [6] = "Screen video 2", [8] = "H.263",       [9] = "MPEG-4 part 2", [13] = "AV1 without Enhanced RTMP" };
  return id < G_N_ELEMENTS (names) && names[id] ? names[id] : "an unknown video codec";
}

static const char *
audio_codec_name (unsigned id)
{
  static const char *const names[16] = { [0] = "PCM",       [1] = "ADPCM",       [2] = "MP3",          [3] = "PCM",
                                         [4] = "Nellymoser", [5] = "Nellymoser", [6] = "Nellymoser",   [7] = "G.711 A-law",
                                         [8] = "G.711 mu-law", [11] = "Speex",   [13] = "Opus without Enhanced RTMP",
                                         [14] = "MP3" };
  return names[id] ? names[id] : "an unknown audio codec";
}

static int32_t
read_signed_24 (const uint8_t *data)
{
  return ((int32_t) (rtmp_read_be24 (data) << 8)) >> 8;
}

bool
media_message_parse_video (const uint8_t *data, size_t length, int wanted, MediaMessage *ret_message, GError **error)
{
  *ret_message = (MediaMessage) { .part = MEDIA_NONE };
  if (length == 0)
    return true;
  if (data[0] & VIDEO_ENHANCED)
    return enhanced_parse_video (data, length, wanted, ret_message, error);
  unsigned frame = data[0] >> 4, codec = data[0] & 0x0F;
  if (frame == FRAME_COMMAND)
    return true;
  if (codec != VIDEO_AVC && codec != VIDEO_HEVC)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_UNSUPPORTED, "%s (video codec %u) is not taken; send H.264",
                   video_codec_name (codec), codec);
      return false;
    }
  if (length < 5)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "a video message of %zu bytes", length);
      return false;
    }
  static const MediaPart parts[] = { MEDIA_HEADER, MEDIA_FRAME, MEDIA_END };
  ret_message->part = data[1] < G_N_ELEMENTS (parts) ? parts[data[1]] : MEDIA_NONE;
  ret_message->codec = codec == VIDEO_AVC ? MEDIA_H264 : MEDIA_H265;
  ret_message->keyframe = frame == FRAME_KEY || frame == FRAME_GENERATED_KEY;
  ret_message->composition_ms = read_signed_24 (data + 2);
  ret_message->offset = 5;
  ret_message->length = length - 5;
  return true;
}

bool
media_message_parse_audio (const uint8_t *data, size_t length, int wanted, MediaMessage *ret_message, GError **error)
{
  *ret_message = (MediaMessage) { .part = MEDIA_NONE, .keyframe = true };
  if (length == 0)
    return true;
  unsigned format = data[0] >> 4;
  if (format == AUDIO_ENHANCED)
    return enhanced_parse_audio (data, length, wanted, ret_message, error);
  if (format != AUDIO_AAC)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_UNSUPPORTED, "%s (audio codec %u) is not taken; send AAC",
                   audio_codec_name (format), format);
      return false;
    }
  if (length < 2)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "an audio message of %zu bytes", length);
      return false;
    }
  ret_message->part = data[1] == 0 ? MEDIA_HEADER : data[1] == 1 ? MEDIA_FRAME : MEDIA_NONE;
  ret_message->codec = MEDIA_AAC;
  ret_message->offset = 2;
  ret_message->length = length - 2;
  return true;
}

const char *
media_codec_to_fourcc (MediaCodec codec)
{
  static const char *const names[] = {
    [MEDIA_H264] = "avc1", [MEDIA_H265] = "hvc1", [MEDIA_AV1] = "av01", [MEDIA_AAC] = "mp4a", [MEDIA_OPUS] = "Opus"
  };
  return names[codec];
}
