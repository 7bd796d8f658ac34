/* AirTrack: one codec with its headers. Immutable after air_track_new(), reference-counted; any thread. */
#include "track.h"

#include <airclass/error.h>

#include "codec-headers.h"

struct _AirTrack
{
  gatomicrefcount references;
  AirKind kind;
  AirCodec codec;
  GstCaps *caps;
  GBytes *codec_data;
  AirCodecInfo info;
};

static const struct
{
  AirCodec codec;
  const char *name, *media_type;
} codecs[] = {
  { AIR_CODEC_H264, "h264", "video/x-h264" }, { AIR_CODEC_H265, "h265", "video/x-h265" },
  { AIR_CODEC_AV1, "av1", "video/x-av1" },    { AIR_CODEC_VP9, "vp9", "video/x-vp9" },
  { AIR_CODEC_AAC, "aac", "audio/mpeg" },     { AIR_CODEC_OPUS, "opus", "audio/x-opus" },
};

const char *
air_codec_to_string (AirCodec codec)
{
  for (size_t i = 0; i < G_N_ELEMENTS (codecs); i++)
    if (codecs[i].codec == codec)
      return codecs[i].name;
  return "other";
}

AirCodec
air_codec_from_caps (const GstCaps *caps)
{
  if (gst_caps_is_empty (caps) || gst_caps_is_any (caps))
    return AIR_CODEC_OTHER;
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (codecs); i++)
    if (gst_structure_has_name (structure, codecs[i].media_type))
      {
        int version = 4;
        gst_structure_get_int (structure, "mpegversion", &version);
        return version == 4 ? codecs[i].codec : AIR_CODEC_OTHER;
      }
  return AIR_CODEC_OTHER;
}

static GBytes *
codec_data_of (const GstStructure *structure)
{
  const GValue *value = gst_structure_get_value (structure, "codec_data");
  GstBuffer *buffer = value != NULL && GST_VALUE_HOLDS_BUFFER (value) ? gst_value_get_buffer (value) : NULL;
  if (buffer == NULL)
    return NULL;
  gpointer data;
  gsize size;
  gst_buffer_extract_dup (buffer, 0, G_MAXSIZE, &data, &size);
  return g_bytes_new_take (data, size);
}

/* The field of the caps wins over what the header told; what only the header knows goes into the caps. */
static void
merge_int (GstStructure *structure, const char *field, unsigned *value)
{
  int in_caps = 0;
  if (gst_structure_get_int (structure, field, &in_caps) && in_caps > 0)
    *value = (unsigned)in_caps;
  else if (*value > 0)
    gst_structure_set (structure, field, G_TYPE_INT, (int)*value, NULL);
}

static void
merge_video (GstStructure *structure, AirCodecInfo *info)
{
  int num = 0, den = 0;
  merge_int (structure, "width", &info->width);
  merge_int (structure, "height", &info->height);
  if (gst_structure_get_fraction (structure, "framerate", &num, &den) && num > 0 && den > 0)
    {
      info->fps_num = (unsigned)num;
      info->fps_den = (unsigned)den;
    }
  if (info->profile != NULL && !gst_structure_has_field (structure, "profile"))
    gst_structure_set (structure, "profile", G_TYPE_STRING, info->profile, NULL);
}

static void
merge_audio (GstStructure *structure, AirCodec codec, AirCodecInfo *info)
{
  merge_int (structure, "rate", &info->sample_rate);
  merge_int (structure, "channels", &info->channels);
  if (codec == AIR_CODEC_AAC)
    gst_structure_set (structure, "framed", G_TYPE_BOOLEAN, TRUE, NULL);
}

static void
drop_empty_sets (GstStructure *structure, GBytes **codec_data)
{
  g_autoptr (GBytes) tidy = air_avcc_without_empty_sets (*codec_data);
  if (g_bytes_get_size (tidy) == g_bytes_get_size (*codec_data))
    return;
  g_autoptr (GstBuffer) buffer = gst_buffer_new_wrapped_bytes (tidy);
  gst_structure_set (structure, "codec_data", GST_TYPE_BUFFER, buffer, NULL);
  g_bytes_unref (*codec_data);
  *codec_data = g_steal_pointer (&tidy);
}

AirTrack *
air_track_new (AirKind kind, AirCodec codec, GstCaps *caps, GError **error)
{
  g_return_val_if_fail (GST_IS_CAPS (caps) && gst_caps_is_fixed (caps), NULL);
  g_autoptr (GstCaps) merged = gst_caps_copy (caps);
  GstStructure *structure = gst_caps_get_structure (merged, 0);
  g_autoptr (GBytes) codec_data = codec_data_of (structure);
  AirCodecInfo info;
  if (!air_codec_headers_parse (codec, codec_data, &info, error))
    return NULL;
  if (codec == AIR_CODEC_H264)
    drop_empty_sets (structure, &codec_data);
  if (kind == AIR_KIND_VIDEO)
    merge_video (structure, &info);
  else
    merge_audio (structure, codec, &info);
  AirTrack *track = g_new0 (AirTrack, 1);
  g_atomic_ref_count_init (&track->references);
  track->kind = kind;
  track->codec = codec;
  track->caps = g_steal_pointer (&merged);
  track->codec_data = g_steal_pointer (&codec_data);
  track->info = info;
  return track;
}

AirTrack *
air_track_ref (AirTrack *track)
{
  g_atomic_ref_count_inc (&track->references);
  return track;
}

void
air_track_unref (AirTrack *track)
{
  if (track == NULL || !g_atomic_ref_count_dec (&track->references))
    return;
  gst_caps_unref (track->caps);
  g_clear_pointer (&track->codec_data, g_bytes_unref);
  g_free (track);
}

AirKind
air_track_get_kind (const AirTrack *track)
{
  return track->kind;
}

AirCodec
air_track_get_codec (const AirTrack *track)
{
  return track->codec;
}

GstCaps *
air_track_get_caps (const AirTrack *track)
{
  return track->caps;
}

GBytes *
air_track_get_codec_data (const AirTrack *track)
{
  return track->codec_data;
}

unsigned
air_track_get_width (const AirTrack *track)
{
  return track->info.width;
}

unsigned
air_track_get_height (const AirTrack *track)
{
  return track->info.height;
}

double
air_track_get_frame_rate (const AirTrack *track)
{
  return track->info.fps_den > 0 ? (double)track->info.fps_num / track->info.fps_den : 0;
}

const char *
air_track_get_profile (const AirTrack *track)
{
  return track->info.profile;
}

unsigned
air_track_get_sample_rate (const AirTrack *track)
{
  return track->info.sample_rate;
}

/* ITU-T H.264 §A.2: the profiles beyond high have more bits or more colour. */
bool
air_track_is_browser_video (const AirTrack *track)
{
  return track->codec == AIR_CODEC_H264 && !(track->info.profile != NULL && g_str_has_prefix (track->info.profile, "high-"));
}

unsigned
air_track_get_channels (const AirTrack *track)
{
  return track->info.channels;
}

unsigned
air_track_get_nal_length_bytes (const AirTrack *track)
{
  return track->info.nal_length_bytes;
}

bool
air_track_equal (const AirTrack *a, const AirTrack *b)
{
  if (a == b)
    return true;
  if (a->kind != b->kind || a->codec != b->codec || (a->codec_data == NULL) != (b->codec_data == NULL))
    return false;
  if (a->codec_data != NULL && !g_bytes_equal (a->codec_data, b->codec_data))
    return false;
  return a->info.width == b->info.width && a->info.height == b->info.height && a->info.sample_rate == b->info.sample_rate
         && a->info.channels == b->info.channels;
}
