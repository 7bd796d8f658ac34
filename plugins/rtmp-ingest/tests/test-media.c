/* Audio and video messages: FLV tags, Enhanced RTMP, and what is seen of an H.264 access unit. */
#include "access-unit.h"
#include "hex.h"
#include "media-message.h"

typedef bool (*Parser) (const uint8_t *data, size_t length, int wanted, MediaMessage *ret_message, GError **error);

typedef struct
{
  const char *hex;
  MediaPart part;
  MediaCodec codec;
  bool keyframe;
  int composition_ms;
  int track;
  size_t offset, length;
  unsigned nanoseconds;
  int wanted; /* one more than the number; 0: none */
} Case;

static void
check (Parser parser, const Case *expected)
{
  g_autoptr (GByteArray) bytes = from_hex (expected->hex);
  g_autofree uint8_t *exact = g_memdup2 (bytes->data, bytes->len);
  g_autoptr (GError) error = NULL;
  MediaMessage message;
  g_assert_true (parser (exact, bytes->len, expected->wanted - 1, &message, &error));
  g_assert_no_error (error);
  g_assert_cmpint (message.part, ==, expected->part);
  /* Every beginning of it is either taken or refused, never read past its end. */
  for (size_t cut = 0; cut < bytes->len; cut++)
    {
      g_autofree uint8_t *piece = g_memdup2 (exact, cut);
      MediaMessage partial;
      if (parser (piece, cut, expected->wanted - 1, &partial, NULL))
        g_assert_cmpuint (partial.offset + partial.length, <=, cut);
    }
  if (expected->part == MEDIA_NONE)
    return;
  g_assert_cmpint (message.codec, ==, expected->codec);
  g_assert_cmpint (message.keyframe, ==, expected->keyframe);
  g_assert_cmpint (message.composition_ms, ==, expected->composition_ms);
  g_assert_cmpint (message.track, ==, expected->track);
  g_assert_cmpuint (message.offset, ==, expected->offset);
  g_assert_cmpuint (message.length, ==, expected->length);
  g_assert_cmpuint (message.nanosecond_offset, ==, expected->nanoseconds);
}

static void
check_refused (Parser parser, const char *hex, RtmpErrorCode code)
{
  g_autoptr (GByteArray) bytes = from_hex (hex);
  g_autofree uint8_t *exact = g_memdup2 (bytes->data, bytes->len);
  g_autoptr (GError) error = NULL;
  MediaMessage message;
  g_assert_false (parser (exact, bytes->len, -1, &message, &error));
  g_assert_error (error, RTMP_ERROR, (int) code);
}

/* Whose codec is not taken can be told. */
static void
test_unsupported_track (void)
{
  static const struct
  {
    const char *hex;
    int track;
  } cases[] = { { "90 76703039 00", 0 }, { "96 00 76703039 03 AABB", 3 }, { "96 20 76703039 02 000001 CC", 2 } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) bytes = from_hex (cases[i].hex);
      g_autoptr (GError) error = NULL;
      MediaMessage message;
      g_assert_false (media_message_parse_video (bytes->data, bytes->len, -1, &message, &error));
      g_assert_error (error, RTMP_ERROR, RTMP_ERROR_UNSUPPORTED);
      g_assert_cmpint (message.track, ==, cases[i].track);
    }
}

static void
test_video_tags (void)
{
  static const Case cases[] = {
    { "", MEDIA_NONE },
    { "17 00 000000 0164", MEDIA_HEADER, MEDIA_H264, true, 0, 0, 5, 2 },
    { "17 01 000021 AABBCC", MEDIA_FRAME, MEDIA_H264, true, 33, 0, 5, 3 },
    { "27 01 FFFFFF AA", MEDIA_FRAME, MEDIA_H264, false, -1, 0, 5, 1 },
    { "37 01 000000 AA", MEDIA_FRAME, MEDIA_H264, false, 0, 0, 5, 1 }, /* disposable */
    { "17 02 000000", MEDIA_END, MEDIA_H264, true, 0, 0, 5, 0 },
    { "1C 01 000000 AA", MEDIA_FRAME, MEDIA_H265, true, 0, 0, 5, 1 },
    { "57 00", MEDIA_NONE }, /* command frame */
    { "27 07 000000", MEDIA_NONE },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    check (media_message_parse_video, &cases[i]);
  check_refused (media_message_parse_video, "17 00", RTMP_ERROR_INVALID);
  check_refused (media_message_parse_video, "12 00", RTMP_ERROR_UNSUPPORTED); /* Sorenson */
  check_refused (media_message_parse_video, "14 00", RTMP_ERROR_UNSUPPORTED); /* VP6 */
  check_refused (media_message_parse_video, "10", RTMP_ERROR_UNSUPPORTED);
  check_refused (media_message_parse_video, "1F", RTMP_ERROR_UNSUPPORTED);
}

static void
test_audio_tags (void)
{
  static const Case cases[] = {
    { "", MEDIA_NONE },
    { "AF 00 1210", MEDIA_HEADER, MEDIA_AAC, true, 0, 0, 2, 2 },
    { "AF 01 AABBCC", MEDIA_FRAME, MEDIA_AAC, true, 0, 0, 2, 3 },
    { "AF 05 AA", MEDIA_NONE },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    check (media_message_parse_audio, &cases[i]);
  check_refused (media_message_parse_audio, "AF", RTMP_ERROR_INVALID);
  for (unsigned format = 0; format < 16; format++)
    if (format != 9 && format != 10)
      {
        g_autofree char *hex = g_strdup_printf ("%X0 00", format);
        check_refused (media_message_parse_audio, hex, RTMP_ERROR_UNSUPPORTED);
      }
}

static void
test_enhanced_video (void)
{
  static const Case cases[] = {
    { "90 68766331 0102", MEDIA_HEADER, MEDIA_H265, true, 0, 0, 5, 2 },
    { "91 68766331 000021 AABB", MEDIA_FRAME, MEDIA_H265, true, 33, 0, 8, 2 },
    { "A1 61766331 FFFFFE AABB", MEDIA_FRAME, MEDIA_H264, false, -2, 0, 8, 2 },
    { "A3 61766331 AABB", MEDIA_FRAME, MEDIA_H264, false, 0, 0, 5, 2 },
    { "A1 61763031 AABB", MEDIA_FRAME, MEDIA_AV1, false, 0, 0, 5, 2 },
    { "92 61763031", MEDIA_END, MEDIA_AV1, true, 0, 0, 5, 0 },
    { "94 68766331 AABB", MEDIA_NONE }, /* HDR metadata */
    { "D1 00", MEDIA_NONE },            /* a command frame */
    /* ModEx: 3 bytes of nanoseconds, then coded frames */
    { "97 02 0003E8 01 68766331 000000 AA", MEDIA_FRAME, MEDIA_H265, true, 0, 0, 13, 1, 1000 },
    /* two modifiers, the first of an unknown type with a long size */
    { "97 FF 0003 00000000 F7 02 0003E8 01 68766331 000000 AA", MEDIA_FRAME, MEDIA_H265, true, 0, 0, 21, 1, 1000 },
    /* one track */
    { "96 01 68766331 00 000000 AABB", MEDIA_FRAME, MEDIA_H265, true, 0, 0, 10, 2 },
    /* two tracks of one codec */
    { "96 13 61766331 00 000002 AABB 01 000001 CC", MEDIA_FRAME, MEDIA_H264, true, 0, 0, 10, 2 },
    /* the other way round */
    { "96 13 61766331 01 000001 CC 00 000002 AABB", MEDIA_FRAME, MEDIA_H264, true, 0, 0, 15, 2 },
    { "96 13 61766331 01 000001 CC 00 000002 AABB", MEDIA_FRAME, MEDIA_H264, true, 0, 1, 10, 1, .wanted = 1 + 1 },
    { "96 13 61766331 00 000002 AABB 01 000001 CC", MEDIA_FRAME, MEDIA_H264, true, 0, 1, 16, 1, .wanted = 1 + 1 },
    { "96 13 61766331 02 000002 AABB 01 000001 CC", MEDIA_FRAME, MEDIA_H264, true, 0, 1, 16, 1, .wanted = 0 + 1 },
    /* headers are of the lowest number, whichever is wanted */
    { "96 10 61766331 01 000001 CC 00 000002 AABB", MEDIA_HEADER, MEDIA_H264, true, 0, 0, 15, 2, .wanted = 1 + 1 },
    /* tracks that have each its codec, of which one is VP9 */
    { "96 20 61766331 00 000002 AABB 76703039 01 000001 CC", MEDIA_HEADER, MEDIA_H264, true, 0, 0, 10, 2 },
    { "96 20 76703039 00 000001 CC 61766331 01 000002 AABB", MEDIA_HEADER, MEDIA_H264, true, 0, 1, 19, 2 },
    { "96 20 61766331 02 000001 CC 76703039 00 000001 DD 61766331 01 000001 EE", MEDIA_HEADER, MEDIA_H264, true, 0, 1, 28, 1 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    check (media_message_parse_video, &cases[i]);
  check_refused (media_message_parse_video, "90 76703039 00", RTMP_ERROR_UNSUPPORTED); /* VP9 */
  check_refused (media_message_parse_video, "90 00000000 00", RTMP_ERROR_UNSUPPORTED);
  check_refused (media_message_parse_video, "90 6876", RTMP_ERROR_INVALID);
  check_refused (media_message_parse_video, "91 68766331 00", RTMP_ERROR_INVALID);
  check_refused (media_message_parse_video, "97 FF FFFF 00", RTMP_ERROR_INVALID);
  check_refused (media_message_parse_video, "96 31 61766331", RTMP_ERROR_UNSUPPORTED);
  check_refused (media_message_parse_video, "96 13 61766331 00 000009 AABB", RTMP_ERROR_INVALID);
  check_refused (media_message_parse_video, "96 13 61766331 00 000002 AABB 01 000009 CC", RTMP_ERROR_INVALID);
  check_refused (media_message_parse_video, "96 20 76703039 00 000001 CC 61766331 01 000009 AA", RTMP_ERROR_INVALID);
  check_refused (media_message_parse_video, "96 00 76703039 01 AABB", RTMP_ERROR_UNSUPPORTED);
  check_refused (media_message_parse_video, "96 10 76703039 00 000001 AA 01 000001 BB", RTMP_ERROR_UNSUPPORTED);
  check_refused (media_message_parse_video, "96 11 61766331 00 000002 AABBCC", RTMP_ERROR_INVALID);
}

static void
test_enhanced_audio (void)
{
  static const Case cases[] = {
    { "90 4F707573 4F70", MEDIA_HEADER, MEDIA_OPUS, true, 0, 0, 5, 2 },
    { "91 4F707573 AABB", MEDIA_FRAME, MEDIA_OPUS, true, 0, 0, 5, 2 },
    { "91 6D703461 AABB", MEDIA_FRAME, MEDIA_AAC, true, 0, 0, 5, 2 },
    { "92 4F707573", MEDIA_END, MEDIA_OPUS, true, 0, 0, 5, 0 },
    { "94 4F707573 0002", MEDIA_NONE }, /* channel layout */
    { "95 01 4F707573 03 AABB", MEDIA_FRAME, MEDIA_OPUS, true, 0, 3, 7, 2 },
    { "97 02 0003E8 01 4F707573 AA", MEDIA_FRAME, MEDIA_OPUS, true, 0, 0, 10, 1, 1000 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    check (media_message_parse_audio, &cases[i]);
  check_refused (media_message_parse_audio, "90 664C6143", RTMP_ERROR_UNSUPPORTED); /* FLAC */
  check_refused (media_message_parse_audio, "90 2E6D7033", RTMP_ERROR_UNSUPPORTED); /* MP3 */
}

static void
test_access_units (void)
{
  static const struct
  {
    const char *hex;
    unsigned length_bytes;
    bool valid, picture, idr, non_reference;
  } cases[] = {
    { "00000002 6500", 4, true, true, true, false },
    { "00000002 0900 00000002 4100", 4, true, true, false, false },
    { "00000002 0100", 4, true, true, false, true },                /* nal_ref_idc 0 */
    { "00000002 0100 00000002 4100", 4, true, true, false, false }, /* one slice is referenced */
    { "00000002 0600", 4, true, false, false, false },              /* SEI alone */
    { "0002 6500 0001 65", 2, true, true, true, false },
    { "02 0100", 1, true, true, false, true },
    { "00000000", 4, true, false, false, false },
    { "", 4, true, false, false, false },
    { "00000003 6500", 4, false, false, false, false },
    { "000000", 4, false, false, false, false },
    { "00000001 65 88 84 00 10", 4, false, true, true, false }, /* start codes instead of lengths */
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) bytes = from_hex (cases[i].hex);
      g_autofree uint8_t *exact = g_memdup2 (bytes->data, bytes->len);
      AccessUnitInfo info;
      bool valid = access_unit_inspect_h264 (exact, bytes->len, cases[i].length_bytes, &info);
      g_assert_cmpint (valid, ==, cases[i].valid);
      if (!valid)
        continue;
      g_assert_cmpint (info.has_picture, ==, cases[i].picture);
      g_assert_cmpint (info.idr, ==, cases[i].idr);
      g_assert_cmpint (info.non_reference, ==, cases[i].non_reference);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtmp/media/video-tags", test_video_tags);
  g_test_add_func ("/rtmp/media/audio-tags", test_audio_tags);
  g_test_add_func ("/rtmp/media/enhanced-video", test_enhanced_video);
  g_test_add_func ("/rtmp/media/enhanced-audio", test_enhanced_audio);
  g_test_add_func ("/rtmp/media/unsupported-track", test_unsupported_track);
  g_test_add_func ("/rtmp/media/access-units", test_access_units);
  return g_test_run ();
}
