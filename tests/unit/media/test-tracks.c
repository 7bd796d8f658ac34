/* Codec headers and tracks: what is read from them, and that broken ones are refused. */
#include "media/codec-headers.h"
#include "media-fixture.h"

#include <string.h>

static const struct
{
  const char *name;
  AirKind kind;
  AirCodec codec;
  const char *media_type, *hex;
  unsigned width, height, sample_rate, channels;
  double fps;
  const char *profile;
} good[] = {
  { "h264-high-720p", AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264",
    "0164001fffe1001a6764001facd9405005bb0110000003001000000303c0f183196001000668ebe3cb22c0fdf8f800", 1280, 720, 0, 0, 30,
    "high" },
  { "h264-main-1080p-cropped", AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264",
    "014d4028ffe1001a674d4028eca03c0113f2e022000003000200000300781e30632c01000568ebe3cb20", 1920, 1080, 0, 0, 30, "main" },
  { "h264-second-picture-set-empty", AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264",
    "014d4028ffe1001a674d4028eca03c0113f2e022000003000200000300781e30632c02000568ebe3cb200000", 1920, 1080, 0, 0, 30,
    "main" },
  { "h264-baseline", AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264",
    "0142c01effe100196742c01ed900a02ff970110000030001000003003c0f162e4801000568cb83cb20", 640, 360, 0, 0, 30,
    "constrained-baseline" },
  { "h264-854-cropped-width", AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264",
    "0164001fffe1001a6764001facd940d83de6f0110000030001000003003c0f18319601000668ebe3cb22c0fdf8f800", 854, 480, 0, 0, 30,
    "high" },
  { "h265", AIR_KIND_VIDEO, AIR_CODEC_H265, "video/x-h265",
    "0101600000009000000000005df000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003005d959809210001002b4201"
    "0101600000030090000003000003005da00280802d165959a4932bc05a02000003000200000300321022000100074401c172b46240",
    1280, 720, 0, 0, 0, "main" },
  { "av1", AIR_KIND_VIDEO, AIR_CODEC_AV1, "video/x-av1", "812000000a0d200000043cfeccdaf92021a004", 320, 180, 0, 0, 0,
    "high" },
  { "av1-without-sequence-header", AIR_KIND_VIDEO, AIR_CODEC_AV1, "video/x-av1", "81000000", 0, 0, 0, 0, 0, "main" },
  { "aac-lc-44100-stereo", AIR_KIND_AUDIO, AIR_CODEC_AAC, "audio/mpeg, mpegversion=4", "1210", 0, 0, 44100, 2, 0, "lc" },
  { "aac-lc-48000-mono", AIR_KIND_AUDIO, AIR_CODEC_AAC, "audio/mpeg, mpegversion=4", "1188", 0, 0, 48000, 1, 0, "lc" },
  { "he-aac-22050-to-44100", AIR_KIND_AUDIO, AIR_CODEC_AAC, "audio/mpeg, mpegversion=4", "2b920800", 0, 0, 44100, 2, 0,
    "lc" },
  { "he-aac-v2-mono-to-stereo", AIR_KIND_AUDIO, AIR_CODEC_AAC, "audio/mpeg, mpegversion=4", "eb8a0800", 0, 0, 44100, 2, 0,
    "lc" },
  { "aac-explicit-rate", AIR_KIND_AUDIO, AIR_CODEC_AAC, "audio/mpeg, mpegversion=4", "1780562210", 0, 0, 44100, 2, 0,
    "lc" },
  { "opus-by-caps", AIR_KIND_AUDIO, AIR_CODEC_OPUS, "audio/x-opus, channels=1", "", 0, 0, 48000, 1, 0, NULL },
  { "opus-head", AIR_KIND_AUDIO, AIR_CODEC_OPUS, "audio/x-opus", "4f707573486561640102380180bb0000000000", 0, 0, 48000, 2,
    0, NULL },
};

static void
test_good (const void *data)
{
  size_t i = GPOINTER_TO_SIZE (data);
  g_autoptr (GError) error = NULL;
  g_autoptr (AirTrack) track
    = media_track_from_hex (good[i].kind, good[i].codec, good[i].media_type, good[i].hex, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (air_track_get_width (track), ==, good[i].width);
  g_assert_cmpuint (air_track_get_height (track), ==, good[i].height);
  g_assert_cmpuint (air_track_get_sample_rate (track), ==, good[i].sample_rate);
  g_assert_cmpuint (air_track_get_channels (track), ==, good[i].channels);
  g_assert_cmpfloat_with_epsilon (air_track_get_frame_rate (track), good[i].fps, 0.001);
  g_assert_cmpstr (air_track_get_profile (track), ==, good[i].profile);
  /* What the header told stands in the caps, so that a pipeline can use it. */
  const GstStructure *caps = gst_caps_get_structure (air_track_get_caps (track), 0);
  int value = 0;
  if (good[i].width > 0)
    g_assert_true (gst_structure_get_int (caps, "width", &value) && value == (int)good[i].width);
  if (good[i].sample_rate > 0)
    g_assert_true (gst_structure_get_int (caps, "rate", &value) && value == (int)good[i].sample_rate);
}

/* Cut anywhere and with any one byte changed: an answer or an error, never a crash. */
static void
test_mutated (const void *data)
{
  size_t i = GPOINTER_TO_SIZE (data);
  g_autoptr (GBytes) whole = media_bytes_from_hex (good[i].hex);
  size_t size;
  const uint8_t *bytes = g_bytes_get_data (whole, &size);
  AirCodecInfo info;
  for (size_t cut = 0; cut < size; cut++)
    {
      /* Copied to its own size, so that a sanitizer sees a read past the end. */
      g_autoptr (GBytes) part = g_bytes_new (bytes, cut);
      g_autoptr (GError) error = NULL;
      if (!air_codec_headers_parse (good[i].codec, part, &info, &error))
        g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
    }
  for (size_t at = 0; at < size; at++)
    for (unsigned value = 0; value < 256; value++)
      {
        g_autofree uint8_t *copy = g_memdup2 (bytes, size);
        copy[at] = (uint8_t)value;
        g_autoptr (GBytes) changed = g_bytes_new_static (copy, size);
        if (air_codec_headers_parse (good[i].codec, changed, &info, NULL) && good[i].codec == AIR_CODEC_H264)
          g_bytes_unref (air_avcc_without_empty_sets (changed));
        g_assert_cmpuint (info.width, <=, 16384);
      }
}

#define SPS_1080P "014d4028ffe1001a674d4028eca03c0113f2e022000003000200000300781e30632c"

/* Parsers stop at a set that is empty; a reader never sees one. */
static void
test_empty_parameter_sets (void)
{
  static const struct
  {
    const char *hex, *tidy;
  } cases[] = {
    { SPS_1080P "02000568ebe3cb200000", SPS_1080P "01000568ebe3cb20" },
    { SPS_1080P "0300000001680000fdf8f800", SPS_1080P "01000168fdf8f800" },
    { "014d4028ffe2001a674d4028eca03c0113f2e022000003000200000300781e30632c0000" "01000168", SPS_1080P "01000168" },
    { SPS_1080P "0200016800016d", SPS_1080P "0200016800016d" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (AirTrack) track
        = media_track_from_hex (AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264", cases[i].hex, NULL);
      g_autoptr (GBytes) tidy = media_bytes_from_hex (cases[i].tidy);
      g_assert_nonnull (track);
      g_assert_true (g_bytes_equal (air_track_get_codec_data (track), tidy));
      const GstStructure *caps = gst_caps_get_structure (air_track_get_caps (track), 0);
      GstBuffer *buffer = gst_value_get_buffer (gst_structure_get_value (caps, "codec_data"));
      size_t size;
      const void *data = g_bytes_get_data (tidy, &size);
      g_assert_cmpuint (gst_buffer_get_size (buffer), ==, size);
      g_assert_cmpint (gst_buffer_memcmp (buffer, 0, data, size), ==, 0);
    }
}

/* Of an avcC as much is taken as goes out before a keyframe. */
static void
test_large_parameter_sets (void)
{
  static const struct
  {
    unsigned bytes;
    bool taken;
  } cases[] = { { 3000, true }, { 4096 - 2 - (2 + 26), true }, { 4096 - 2 - (2 + 26) + 1, false }, { 5000, false } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) hex = g_string_new (SPS_1080P);
      g_string_append_printf (hex, "01%04x68", cases[i].bytes);
      for (unsigned at = 1; at < cases[i].bytes; at++)
        g_string_append (hex, "a5");
      g_autoptr (GError) error = NULL;
      g_autoptr (AirTrack) track
        = media_track_from_hex (AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264", hex->str, &error);
      g_assert_cmpint (track != NULL, ==, cases[i].taken);
      if (cases[i].taken)
        continue;
      g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
      g_assert_nonnull (strstr (error->message, "4096 bytes"));
    }
}

static void
test_broken (void)
{
  static const struct
  {
    AirKind kind;
    AirCodec codec;
    const char *media_type, *hex;
  } broken[] = {
    { AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264", "" },
    { AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264", "00" },
    { AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264", "0164001fffe0000000" },         /* no parameter set */
    { AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264", "0164001fffe1ffff6764001facd9" }, /* longer than it is */
    /* no picture parameter set; an empty one; one cut short; one that is not there */
    { AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264", SPS_1080P "00" },
    { AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264", SPS_1080P "010000" },
    { AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264", SPS_1080P "01000668ebe3cb20" },
    { AIR_KIND_VIDEO, AIR_CODEC_H264, "video/x-h264", SPS_1080P "02000568ebe3cb20" },
    { AIR_KIND_VIDEO, AIR_CODEC_H265, "video/x-h265", "01016000" },
    { AIR_KIND_VIDEO, AIR_CODEC_AV1, "video/x-av1", "01" },
    { AIR_KIND_AUDIO, AIR_CODEC_AAC, "audio/mpeg, mpegversion=4", "" },
    { AIR_KIND_AUDIO, AIR_CODEC_AAC, "audio/mpeg, mpegversion=4", "12" },
    { AIR_KIND_AUDIO, AIR_CODEC_AAC, "audio/mpeg, mpegversion=4", "0000" },
    { AIR_KIND_AUDIO, AIR_CODEC_OPUS, "audio/x-opus", "4f7075" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (media_track_from_hex (broken[i].kind, broken[i].codec, broken[i].media_type, broken[i].hex, &error));
      g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
    }
}

static void
test_equal (void)
{
  g_autoptr (AirTrack) a = media_video_track (), b = media_video_track (), other = media_small_video_track ();
  g_autoptr (AirTrack) sound = media_audio_track ();
  g_assert_true (air_track_equal (a, b));
  g_assert_false (air_track_equal (a, other));
  g_assert_false (air_track_equal (a, sound));
}

static void
test_h264_pictures (void)
{
  static const struct
  {
    const char *hex;
    bool has_slice, b_slice, reference, idr, i_slice;
  } pictures[] = {
    { "0000000265b8", true, false, true, true, true },   /* IDR, slice_type 2 */
    { "000000026588", true, false, true, true, true },   /* slice_type 7 */
    { "000000024188", true, false, true, false, true },  /* no IDR */
    { "0000000241b0", true, false, true, false, true },  /* slice_type 2 */
    { "00000003410888", true, false, true, false, true }, /* first_mb 16 */
    { "00000002419a", true, false, true },               /* slice_type 5: P */
    { "00000002019c", true, true, false },               /* first_mb 0, slice_type 6: B, nal_ref_idc 0 */
    { "0000000221a8", true, true, true },                /* slice_type 1: B, kept as a reference */
    { "0000000209f0000000030600ff0000000201a8", true, true, false }, /* behind a delimiter and a message */
    { "00000009410000000000000000", true, false, true }, /* no type */
    { "0000000209f0", false, false, false },
    { "ffffffff", false, false, false },
    { "", false, false, false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (pictures); i++)
    {
      g_autoptr (GBytes) bytes = media_bytes_from_hex (pictures[i].hex);
      size_t size;
      const uint8_t *data = g_bytes_get_data (bytes, &size);
      AirH264Picture picture = air_h264_inspect (data, size, 4);
      g_test_message ("%s", pictures[i].hex);
      g_assert_cmpint (picture.has_slice, ==, pictures[i].has_slice);
      g_assert_cmpint (picture.b_slice, ==, pictures[i].b_slice);
      g_assert_cmpint (picture.reference, ==, pictures[i].reference);
      g_assert_cmpint (picture.idr, ==, pictures[i].idr);
      g_assert_cmpint (picture.i_slice, ==, pictures[i].i_slice);
    }
}

static void
test_paths (void)
{
  static const char *const valid[] = { "live/stream", "stream", "live/a/b", "a", "~x/._-", "live/.hidden" };
  static const char *const invalid[]
    = { "", "/", "/live", "live/", "live//x", ".", "..", "live/..", "live/./x", "li ve", "live/ü", "a?b", "a#b", "a%2f" };
  for (size_t i = 0; i < G_N_ELEMENTS (valid); i++)
    g_assert_true (air_stream_path_is_valid (valid[i]));
  for (size_t i = 0; i < G_N_ELEMENTS (invalid); i++)
    g_assert_false (air_stream_path_is_valid (invalid[i]));
  g_autofree char *longest = g_strnfill (128, 'a'), *longer = g_strnfill (129, 'a');
  g_assert_true (air_stream_path_is_valid (longest));
  g_assert_false (air_stream_path_is_valid (longer));
  g_assert_false (air_stream_path_is_valid (NULL));
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autofree char *name = g_strconcat ("/tracks/good/", good[i].name, NULL);
      g_test_add_data_func (name, GSIZE_TO_POINTER (i), test_good);
      g_autofree char *mutated = g_strconcat ("/tracks/mutated/", good[i].name, NULL);
      g_test_add_data_func (mutated, GSIZE_TO_POINTER (i), test_mutated);
    }
  g_test_add_func ("/tracks/broken", test_broken);
  g_test_add_func ("/tracks/empty-parameter-sets", test_empty_parameter_sets);
  g_test_add_func ("/tracks/large-parameter-sets", test_large_parameter_sets);
  g_test_add_func ("/tracks/equal", test_equal);
  g_test_add_func ("/tracks/h264-pictures", test_h264_pictures);
  g_test_add_func ("/tracks/paths", test_paths);
  return g_test_run ();
}
