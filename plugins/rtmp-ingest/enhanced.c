/* The extended audio and video headers of Enhanced RTMP v2 ("ExVideoTagHeader", "ExAudioTagHeader").
 *
 * A multitrack message is walked to its end, so that a broken one is found; the MediaMessage tells of one track in it.
 * Which track number a publisher's picture is taken from is decided by the session. */
#include "media-message.h"

#define PACKET_SEQUENCE_START 0
#define PACKET_CODED_FRAMES 1
#define PACKET_SEQUENCE_END 2
#define PACKET_CODED_FRAMES_X 3 /* video: composition time 0, left out */
#define VIDEO_PACKET_METADATA 4
#define VIDEO_PACKET_MULTITRACK 6
#define AUDIO_PACKET_MULTITRACK 5
#define PACKET_MOD_EX 7
#define MOD_EX_NANOSECONDS 0

#define TRACKS_ONE 0
#define TRACKS_MANY_CODECS 2

#define FRAME_KEY 1
#define FRAME_GENERATED_KEY 4
#define FRAME_COMMAND 5

typedef struct
{
  const uint8_t *data;
  size_t length;
  size_t at;
  bool video;
} Cursor;

static const uint8_t *
take (Cursor *cursor, size_t count, GError **error)
{
  if (count > cursor->length - cursor->at)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "an enhanced %s header ends early",
                   cursor->video ? "video" : "audio");
      return NULL;
    }
  const uint8_t *data = cursor->data + cursor->at;
  cursor->at += count;
  return data;
}

/* Modifiers before the packet itself: size, data, and a byte with the modifier's type and the next packet type. */
static bool
take_modifiers (Cursor *cursor, unsigned *packet, MediaMessage *message, GError **error)
{
  while (*packet == PACKET_MOD_EX)
    {
      const uint8_t *byte = take (cursor, 1, error);
      if (!byte)
        return false;
      size_t size = *byte + 1u;
      if (size == 256)
        {
          const uint8_t *wide = take (cursor, 2, error);
          if (!wide)
            return false;
          size = rtmp_read_be16 (wide) + 1u;
        }
      const uint8_t *data = take (cursor, size, error);
      const uint8_t *next = data ? take (cursor, 1, error) : NULL;
      if (!next)
        return false;
      if (*next >> 4 == MOD_EX_NANOSECONDS && size >= 3)
        message->nanosecond_offset = MIN (rtmp_read_be24 (data), 999999);
      *packet = *next & 0x0F;
    }
  return true;
}

static bool
find_codec (const uint8_t *fourcc, bool is_video, MediaCodec *ret_codec, GError **error)
{
  static const MediaCodec video[] = { MEDIA_H264, MEDIA_H265, MEDIA_AV1 };
  static const MediaCodec audio[] = { MEDIA_AAC, MEDIA_OPUS };
  const MediaCodec *known = is_video ? video : audio;
  size_t count = is_video ? G_N_ELEMENTS (video) : G_N_ELEMENTS (audio);
  for (size_t i = 0; i < count; i++)
    if (rtmp_read_be32 (fourcc) == rtmp_read_be32 ((const uint8_t *) media_codec_to_fourcc (known[i])))
      {
        *ret_codec = known[i];
        return true;
      }
  char name[5] = "";
  for (unsigned i = 0; i < 4; i++)
    name[i] = g_ascii_isprint (fourcc[i]) ? (char) fourcc[i] : '?';
  g_set_error (error, RTMP_ERROR, RTMP_ERROR_UNSUPPORTED, "%s codec \"%s\" is not taken; send %s",
               is_video ? "video" : "audio", name, is_video ? "H.264, HEVC or AV1" : "AAC or Opus");
  return false;
}

static bool
take_codec (Cursor *cursor, MediaCodec *ret_codec, GError **error)
{
  const uint8_t *fourcc = take (cursor, 4, error);
  return fourcc && find_codec (fourcc, cursor->video, ret_codec, error);
}

/* The body of one track, from the cursor to @end. */
static bool
take_body (Cursor *cursor, unsigned packet, size_t end, MediaMessage *message, GError **error)
{
  bool has_composition = cursor->video && packet == PACKET_CODED_FRAMES
                         && (message->codec == MEDIA_H264 || message->codec == MEDIA_H265);
  if (has_composition)
    {
      const uint8_t *data = take (cursor, 3, error);
      if (!data)
        return false;
      message->composition_ms = ((int32_t) (rtmp_read_be24 (data) << 8)) >> 8;
    }
  if (cursor->at > end)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "a track of an enhanced message is too short");
      return false;
    }
  switch (packet)
    {
    case PACKET_SEQUENCE_START:
      message->part = MEDIA_HEADER;
      break;
    case PACKET_CODED_FRAMES:
      message->part = MEDIA_FRAME;
      break;
    case PACKET_SEQUENCE_END:
      message->part = MEDIA_END;
      break;
    case PACKET_CODED_FRAMES_X:
      message->part = cursor->video ? MEDIA_FRAME : MEDIA_NONE;
      break;
    default: /* HDR metadata, MPEG-2 TS start, multichannel layout, later additions */
      message->part = MEDIA_NONE;
      break;
    }
  message->offset = cursor->at;
  message->length = end - cursor->at;
  cursor->at = end;
  return true;
}

/* One track of a multitrack message that may carry several. @fourcc: of all of them; NULL: each has its own. The cursor
 * stands behind the track in the end, unless it is malformed. */
static bool
take_track (Cursor *cursor, unsigned kind, const uint8_t *fourcc, unsigned packet, MediaMessage *message, GError **error)
{
  if (!fourcc)
    fourcc = take (cursor, 4, error);
  const uint8_t *id = fourcc ? take (cursor, 1, error) : NULL;
  if (!id)
    return false;
  message->track = *id;
  size_t size = cursor->length - cursor->at;
  if (kind != TRACKS_ONE)
    {
      const uint8_t *field = take (cursor, 3, error);
      if (!field)
        return false;
      size = rtmp_read_be24 (field);
    }
  if (size > cursor->length - cursor->at)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "track %u of an enhanced message ends early", *id);
      return false;
    }
  size_t end = cursor->at + size;
  if (find_codec (fourcc, cursor->video, &message->codec, error))
    return take_body (cursor, packet, end, message, error);
  cursor->at = end;
  return false;
}

/* Of the tracks in one message: a header speaks for the lowest number, a frame for the one that is wanted. */
static bool
is_preferred (const MediaMessage *track, const MediaMessage *other, int wanted)
{
  if (track->part == MEDIA_FRAME && (track->track == wanted || other->track == wanted))
    return other->track != wanted;
  return track->track < other->track;
}

/* A track in a codec that is not taken spoils nothing while another one can be taken. */
static bool
take_multitrack (Cursor *cursor, int wanted, MediaMessage *message, GError **error)
{
  const uint8_t *byte = take (cursor, 1, error);
  if (!byte)
    return false;
  unsigned kind = *byte >> 4, packet = *byte & 0x0F;
  if (kind > TRACKS_MANY_CODECS)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_UNSUPPORTED, "multitrack type %u is not taken", kind);
      return false;
    }
  const uint8_t *fourcc = kind == TRACKS_MANY_CODECS ? NULL : take (cursor, 4, error);
  if (!fourcc && kind != TRACKS_MANY_CODECS)
    return false;
  const MediaMessage common = *message;
  bool found = false;
  g_autoptr (GError) unsupported = NULL;
  do
    {
      MediaMessage track = common;
      g_autoptr (GError) problem = NULL;
      if (take_track (cursor, kind, fourcc, packet, &track, &problem))
        {
          if (!found || is_preferred (&track, message, wanted))
            *message = track;
          found = true;
        }
      else if (!g_error_matches (problem, RTMP_ERROR, RTMP_ERROR_UNSUPPORTED))
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return false;
        }
      else if (!unsupported)
        {
          unsupported = g_steal_pointer (&problem);
          if (!found)
            message->track = track.track;
        }
    }
  while (cursor->at < cursor->length);
  if (!found)
    g_propagate_error (error, g_steal_pointer (&unsupported));
  return found;
}

bool
enhanced_parse_video (const uint8_t *data, size_t length, int wanted, MediaMessage *ret_message, GError **error)
{
  Cursor cursor = { .data = data, .length = length, .at = 1, .video = true };
  unsigned frame = data[0] >> 4 & 7, packet = data[0] & 0x0F;
  if (!take_modifiers (&cursor, &packet, ret_message, error))
    return false;
  if (frame == FRAME_COMMAND && packet != VIDEO_PACKET_METADATA)
    return true;
  ret_message->keyframe = frame == FRAME_KEY || frame == FRAME_GENERATED_KEY;
  if (packet == VIDEO_PACKET_MULTITRACK)
    return take_multitrack (&cursor, wanted, ret_message, error);
  if (!take_codec (&cursor, &ret_message->codec, error))
    return false;
  return take_body (&cursor, packet, length, ret_message, error);
}

bool
enhanced_parse_audio (const uint8_t *data, size_t length, int wanted, MediaMessage *ret_message, GError **error)
{
  Cursor cursor = { .data = data, .length = length, .at = 1 };
  unsigned packet = data[0] & 0x0F;
  if (!take_modifiers (&cursor, &packet, ret_message, error))
    return false;
  if (packet == AUDIO_PACKET_MULTITRACK)
    return take_multitrack (&cursor, wanted, ret_message, error);
  if (!take_codec (&cursor, &ret_message->codec, error))
    return false;
  return take_body (&cursor, packet, length, ret_message, error);
}
