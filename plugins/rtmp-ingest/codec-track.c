/* Between the codec configurations of RTMP and AirTrack. Any thread; no state. */
#include <string.h>

#include "session-private.h"

/* RFC 7845 §5.1 */
#define OPUS_HEAD_BYTES 19

static GstCaps *
opus_caps (GBytes *header, GError **error)
{
  size_t length;
  const uint8_t *data = g_bytes_get_data (header, &length);
  if (length < OPUS_HEAD_BYTES || memcmp (data, "OpusHead", 8) != 0 || data[9] == 0)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "the Opus header is broken");
      return NULL;
    }
  if (data[18] != 0 || data[9] > 2)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_UNSUPPORTED, "Opus with %u channels is not taken; send mono or stereo",
                   data[9]);
      return NULL;
    }
  return gst_caps_new_simple ("audio/x-opus", "channel-mapping-family", G_TYPE_INT, 0, "channels", G_TYPE_INT, data[9],
                              "rate", G_TYPE_INT, 48000, NULL);
}

static GstCaps *
caps_for (MediaCodec codec, GBytes *header, GError **error)
{
  switch (codec)
    {
    case MEDIA_H264:
      return gst_caps_new_simple ("video/x-h264", "stream-format", G_TYPE_STRING, "avc", "alignment", G_TYPE_STRING, "au",
                                  NULL);
    case MEDIA_H265:
      return gst_caps_new_simple ("video/x-h265", "stream-format", G_TYPE_STRING, "hvc1", "alignment", G_TYPE_STRING, "au",
                                  NULL);
    case MEDIA_AV1:
      return gst_caps_new_simple ("video/x-av1", "stream-format", G_TYPE_STRING, "obu-stream", "alignment", G_TYPE_STRING,
                                  "tu", NULL);
    case MEDIA_AAC:
      return gst_caps_new_simple ("audio/mpeg", "mpegversion", G_TYPE_INT, 4, "stream-format", G_TYPE_STRING, "raw", NULL);
    case MEDIA_OPUS:
      return opus_caps (header, error);
    }
  g_assert_not_reached ();
}

AirTrack *
rtmp_track_new (MediaCodec codec, GBytes *header, GError **error)
{
  static const AirCodec codecs[] = { [MEDIA_H264] = AIR_CODEC_H264,
                                     [MEDIA_H265] = AIR_CODEC_H265,
                                     [MEDIA_AV1] = AIR_CODEC_AV1,
                                     [MEDIA_AAC] = AIR_CODEC_AAC,
                                     [MEDIA_OPUS] = AIR_CODEC_OPUS };
  g_autoptr (GstCaps) caps = caps_for (codec, header, error);
  if (!caps)
    return NULL;
  if (codec != MEDIA_OPUS)
    {
      g_autoptr (GstBuffer) buffer = gst_buffer_new_wrapped_bytes (header);
      gst_caps_set_simple (caps, "codec_data", GST_TYPE_BUFFER, buffer, NULL);
    }
  return air_track_new (codec <= MEDIA_AV1 ? AIR_KIND_VIDEO : AIR_KIND_AUDIO, codecs[codec], caps, error);
}

bool
rtmp_track_get_codec (AirTrack *track, MediaCodec *ret_codec)
{
  switch (air_track_get_codec (track))
    {
    case AIR_CODEC_H264:
      *ret_codec = MEDIA_H264;
      return true;
    case AIR_CODEC_H265:
      *ret_codec = MEDIA_H265;
      return true;
    case AIR_CODEC_AV1:
      *ret_codec = MEDIA_AV1;
      return true;
    case AIR_CODEC_AAC:
      *ret_codec = MEDIA_AAC;
      return true;
    case AIR_CODEC_OPUS:
      *ret_codec = MEDIA_OPUS;
      return true;
    case AIR_CODEC_VP9:
    case AIR_CODEC_OTHER:
      break;
    }
  return false;
}

GBytes *
rtmp_track_get_header (AirTrack *track)
{
  if (air_track_get_codec (track) != AIR_CODEC_OPUS)
    {
      GBytes *data = air_track_get_codec_data (track);
      return data ? g_bytes_ref (data) : NULL;
    }
  /* 312 samples are what libopus looks ahead; a live stream has no beginning that would need them exactly. */
  uint8_t head[OPUS_HEAD_BYTES] = { 'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2, 312 & 0xFF, 312 >> 8, 0x80, 0xBB };
  unsigned channels = air_track_get_channels (track);
  head[9] = channels == 1 ? 1 : 2;
  return g_bytes_new (head, sizeof head);
}
