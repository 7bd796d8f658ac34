/* Parsers of AVCDecoderConfigurationRecord, HEVCDecoderConfigurationRecord (ISO/IEC 14496-15), av1C (AV1 in ISOBMFF §2.3),
 * AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) and OpusHead (RFC 7845 §5.1). Pure; any thread. */
#include "codec-headers.h"

#include <airclass/error.h>
#include <string.h>

#include "bit-reader.h"

/* Larger than any level of the codecs allows: a broken header, not a picture. */
#define MAX_PIXELS_PER_SIDE 16384
/* Parameter sets are tens of bytes; what lies past this is of no interest. */
#define MAX_PARAMETER_SET_BYTES 1024
/* All of an avcC with their lengths: so much goes out before each keyframe. */
#define MAX_PARAMETER_SETS_BYTES 4096

static bool
fail (GError **error, const char *what)
{
  g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "broken codec header: %s", what);
  return false;
}

/* Removes emulation prevention bytes (H.264 §7.4.1, H.265 §7.4.2). Returns the length of the RBSP in @out. */
static size_t
unescape (const uint8_t *nal, size_t size, uint8_t out[MAX_PARAMETER_SET_BYTES])
{
  size_t length = 0;
  unsigned zeros = 0;
  for (size_t i = 0; i < size && length < MAX_PARAMETER_SET_BYTES; i++)
    {
      if (zeros >= 2 && nal[i] == 3)
        {
          zeros = 0;
          continue;
        }
      zeros = nal[i] == 0 ? zeros + 1 : 0;
      out[length++] = nal[i];
    }
  return length;
}

static bool
set_size (AirCodecInfo *info, uint64_t width, uint64_t height, uint64_t crop_width, uint64_t crop_height, GError **error)
{
  if (width == 0 || height == 0 || width > MAX_PIXELS_PER_SIDE || height > MAX_PIXELS_PER_SIDE || crop_width >= width
      || crop_height >= height)
    return fail (error, "impossible picture size");
  info->width = (unsigned)(width - crop_width);
  info->height = (unsigned)(height - crop_height);
  return true;
}

/* ---- H.264 */

static const char *
h264_profile_name (unsigned profile_idc, unsigned constraints)
{
  switch (profile_idc)
    {
    case 66:
      return constraints & 0x40 ? "constrained-baseline" : "baseline";
    case 77:
      return "main";
    case 88:
      return "extended";
    case 100:
      return (constraints & 0x0c) == 0x0c ? "constrained-high" : constraints & 0x08 ? "progressive-high" : "high";
    case 110:
      return "high-10";
    case 122:
      return "high-4:2:2";
    case 244:
      return "high-4:4:4";
    default:
      return NULL;
    }
}

static void
h264_skip_scaling_lists (AirBitReader *bits, unsigned count)
{
  for (unsigned list = 0; list < count && !bits->overrun; list++)
    {
      if (!air_bits (bits, 1))
        continue;
      int last = 8, next = 8;
      for (unsigned i = 0; i < (list < 6 ? 16u : 64u) && !bits->overrun; i++)
        {
          if (next != 0)
            next = (int)(((unsigned)last + (unsigned)air_bits_se (bits)) & 0xff);
          last = next == 0 ? last : next;
        }
    }
}

/* Annex E.1.1, as far as the timing. */
static void
h264_parse_vui (AirBitReader *bits, AirCodecInfo *info)
{
  if (air_bits (bits, 1) && air_bits (bits, 8) == 255) /* aspect_ratio_idc Extended_SAR */
    air_bits_skip (bits, 32);
  if (air_bits (bits, 1)) /* overscan_info_present_flag */
    air_bits_skip (bits, 1);
  if (air_bits (bits, 1)) /* video_signal_type_present_flag */
    {
      air_bits_skip (bits, 4);
      if (air_bits (bits, 1))
        air_bits_skip (bits, 24);
    }
  if (air_bits (bits, 1)) /* chroma_loc_info_present_flag */
    {
      air_bits_ue (bits);
      air_bits_ue (bits);
    }
  if (!air_bits (bits, 1)) /* timing_info_present_flag */
    return;
  uint32_t num_units_in_tick = air_bits (bits, 32);
  uint32_t time_scale = air_bits (bits, 32);
  /* Two ticks a frame (§E.2.1); anything above 300 fps is a publisher that did not know. */
  if (bits->overrun || num_units_in_tick == 0 || num_units_in_tick > G_MAXINT / 2 || time_scale > G_MAXINT
      || time_scale / num_units_in_tick > 600 || time_scale / num_units_in_tick == 0)
    return;
  info->fps_num = time_scale;
  info->fps_den = num_units_in_tick * 2;
}

static bool
h264_parse_sps (const uint8_t *nal, size_t size, AirCodecInfo *info, GError **error)
{
  uint8_t rbsp[MAX_PARAMETER_SET_BYTES];
  if (size < 4 || (nal[0] & 0x1f) != 7)
    return fail (error, "no H.264 sequence parameter set");
  AirBitReader bits = air_bit_reader (rbsp, unescape (nal + 1, size - 1, rbsp));
  unsigned profile_idc = air_bits (&bits, 8);
  unsigned constraints = air_bits (&bits, 8);
  air_bits_skip (&bits, 8); /* level_idc */
  air_bits_ue (&bits);      /* seq_parameter_set_id */
  unsigned chroma_format = 1;
  static const uint8_t with_chroma[] = { 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135 };
  if (memchr (with_chroma, (int)profile_idc, sizeof with_chroma) != NULL)
    {
      chroma_format = air_bits_ue (&bits);
      if (chroma_format == 3)
        air_bits_skip (&bits, 1);
      air_bits_ue (&bits);
      air_bits_ue (&bits);
      air_bits_skip (&bits, 1);
      if (air_bits (&bits, 1))
        h264_skip_scaling_lists (&bits, chroma_format == 3 ? 12 : 8);
    }
  air_bits_ue (&bits); /* log2_max_frame_num_minus4 */
  unsigned order_type = air_bits_ue (&bits);
  if (order_type == 0)
    air_bits_ue (&bits);
  else if (order_type == 1)
    {
      air_bits_skip (&bits, 1);
      air_bits_se (&bits);
      air_bits_se (&bits);
      unsigned cycle = air_bits_ue (&bits);
      for (unsigned i = 0; i < cycle && i < 256 && !bits.overrun; i++)
        air_bits_se (&bits);
    }
  air_bits_ue (&bits); /* max_num_ref_frames */
  air_bits_skip (&bits, 1);
  uint64_t width = ((uint64_t)air_bits_ue (&bits) + 1) * 16;
  uint64_t height = ((uint64_t)air_bits_ue (&bits) + 1) * 16;
  unsigned frame_mbs_only = air_bits (&bits, 1);
  if (!frame_mbs_only)
    {
      height *= 2;
      air_bits_skip (&bits, 1);
    }
  air_bits_skip (&bits, 1);
  uint64_t crop_width = 0, crop_height = 0;
  if (air_bits (&bits, 1))
    {
      unsigned unit_x = chroma_format == 1 || chroma_format == 2 ? 2 : 1;
      unsigned unit_y = (chroma_format == 1 ? 2 : 1) * (2 - frame_mbs_only);
      crop_width = (uint64_t)air_bits_ue (&bits) * unit_x;
      crop_width += (uint64_t)air_bits_ue (&bits) * unit_x;
      crop_height = (uint64_t)air_bits_ue (&bits) * unit_y;
      crop_height += (uint64_t)air_bits_ue (&bits) * unit_y;
    }
  if (bits.overrun)
    return fail (error, "truncated H.264 sequence parameter set");
  if (air_bits (&bits, 1))
    h264_parse_vui (&bits, info);
  info->profile = h264_profile_name (profile_idc, constraints);
  return set_size (info, width, height, crop_width, crop_height, error);
}

/* One of the sets at *@position, behind its length of 16 bits. */
static bool
avcc_next_set (const uint8_t *data, size_t size, size_t *position, const uint8_t **ret_set, size_t *ret_length,
               GError **error)
{
  if (size - *position < 2)
    return fail (error, "truncated avcC");
  size_t length = (size_t)data[*position] << 8 | data[*position + 1];
  *position += 2;
  if (length > size - *position)
    return fail (error, "truncated avcC");
  *ret_set = data + *position;
  *ret_length = length;
  *position += length;
  return true;
}

static bool
parse_avcc (const uint8_t *data, size_t size, AirCodecInfo *info, GError **error)
{
  if (size < 8 || data[0] != 1)
    return fail (error, "not an AVCDecoderConfigurationRecord");
  info->nal_length_bytes = (data[4] & 3u) + 1;
  if (info->nal_length_bytes == 3)
    return fail (error, "NAL unit lengths of 3 bytes");
  unsigned sps_count = data[5] & 0x1f;
  const uint8_t *set;
  size_t position = 6, length;
  for (unsigned i = 0; i < sps_count; i++)
    {
      if (!avcc_next_set (data, size, &position, &set, &length, error)
          || (i == 0 && !h264_parse_sps (set, length, info, error)))
        return false;
    }
  if (sps_count == 0)
    return fail (error, "avcC without a sequence parameter set");
  unsigned pps_count = position < size ? data[position++] : 0;
  bool has_pps = false;
  for (unsigned i = 0; i < pps_count; i++)
    {
      if (!avcc_next_set (data, size, &position, &set, &length, error))
        return false;
      has_pps |= length > 0;
    }
  if (!has_pps)
    return fail (error, "avcC without a picture parameter set");
  if (position - 7 > MAX_PARAMETER_SETS_BYTES)
    return fail (error, "parameter sets of more than 4096 bytes");
  return true;
}

/* Returns how many there were. */
static unsigned
avcc_copy_sets (GByteArray *out, const uint8_t *data, size_t size, size_t *position, unsigned count)
{
  unsigned copied = 0;
  for (unsigned i = 0; i < count; i++)
    {
      const uint8_t *set;
      size_t length;
      if (!avcc_next_set (data, size, position, &set, &length, NULL))
        break;
      if (length == 0)
        continue;
      g_byte_array_append (out, set - 2, (guint)(2 + length));
      copied++;
    }
  return copied;
}

GBytes *
air_avcc_without_empty_sets (GBytes *codec_data)
{
  size_t size, position = 6;
  const uint8_t *data = g_bytes_get_data (codec_data, &size);
  g_autoptr (GByteArray) out = g_byte_array_sized_new ((guint)size);
  g_byte_array_append (out, data, 6);
  unsigned sps_count = avcc_copy_sets (out, data, size, &position, data[5] & 0x1f);
  out->data[5] = (uint8_t)((data[5] & 0xe0) | sps_count);
  size_t pps_count_at = out->len;
  g_byte_array_append (out, data + position, 1);
  unsigned pps_count = data[position++];
  out->data[pps_count_at] = (uint8_t)avcc_copy_sets (out, data, size, &position, pps_count);
  g_byte_array_append (out, data + position, (guint)(size - position)); /* of the high profiles */
  if (out->len == size)
    return g_bytes_ref (codec_data);
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

/* Finds the slice type past first_mb_in_slice. A few bytes suffice, and they cannot hold an emulation prevention byte
 * before both codes have ended but for first_mb 0 at worst, which is one bit. */
AirH264Picture
air_h264_inspect (const uint8_t *data, size_t size, unsigned nal_length_bytes)
{
  AirH264Picture picture = { 0 };
  size_t position = 0;
  while (nal_length_bytes > 0 && position + nal_length_bytes < size)
    {
      size_t length = 0;
      for (unsigned i = 0; i < nal_length_bytes; i++)
        length = length << 8 | data[position + i];
      position += nal_length_bytes;
      length = MIN (length, size - position);
      if (length < 2)
        {
          position += length;
          continue;
        }
      const uint8_t *nal = data + position;
      unsigned type = nal[0] & 0x1f;
      if (type == 1 || type == 2 || type == 5)
        {
          AirBitReader bits = air_bit_reader (nal + 1, MIN (length - 1, 8));
          air_bits_ue (&bits); /* first_mb_in_slice */
          unsigned slice_type = air_bits_ue (&bits);
          picture.has_slice = true;
          picture.reference = (nal[0] & 0x60) != 0;
          picture.idr = type == 5;
          picture.i_slice = !bits.overrun && slice_type % 5 == 2;
          picture.b_slice = !bits.overrun && slice_type % 5 == 1;
          return picture;
        }
      position += length;
    }
  return picture;
}

/* ---- H.265 */

static bool
h265_parse_sps (const uint8_t *nal, size_t size, AirCodecInfo *info, GError **error)
{
  uint8_t rbsp[MAX_PARAMETER_SET_BYTES];
  if (size < 16)
    return fail (error, "truncated H.265 sequence parameter set");
  AirBitReader bits = air_bit_reader (rbsp, unescape (nal + 2, size - 2, rbsp));
  air_bits_skip (&bits, 4);
  unsigned sub_layers = air_bits (&bits, 3);
  air_bits_skip (&bits, 1);
  air_bits_skip (&bits, 88 + 8); /* profile_tier_level(): general part, then general_level_idc (§7.3.3) */
  bool profile_present[8] = { 0 }, level_present[8] = { 0 };
  for (unsigned i = 0; i < sub_layers; i++)
    {
      profile_present[i] = air_bits (&bits, 1);
      level_present[i] = air_bits (&bits, 1);
    }
  if (sub_layers > 0)
    air_bits_skip (&bits, (8 - sub_layers) * 2);
  for (unsigned i = 0; i < sub_layers; i++)
    air_bits_skip (&bits, (profile_present[i] ? 88u : 0u) + (level_present[i] ? 8u : 0u));
  air_bits_ue (&bits); /* sps_seq_parameter_set_id */
  unsigned chroma_format = air_bits_ue (&bits);
  if (chroma_format == 3)
    air_bits_skip (&bits, 1);
  uint64_t width = air_bits_ue (&bits), height = air_bits_ue (&bits);
  uint64_t crop_width = 0, crop_height = 0;
  if (air_bits (&bits, 1))
    {
      unsigned unit_x = chroma_format == 1 || chroma_format == 2 ? 2 : 1;
      unsigned unit_y = chroma_format == 1 ? 2 : 1;
      crop_width = (uint64_t)air_bits_ue (&bits) * unit_x;
      crop_width += (uint64_t)air_bits_ue (&bits) * unit_x;
      crop_height = (uint64_t)air_bits_ue (&bits) * unit_y;
      crop_height += (uint64_t)air_bits_ue (&bits) * unit_y;
    }
  if (bits.overrun)
    return fail (error, "truncated H.265 sequence parameter set");
  return set_size (info, width, height, crop_width, crop_height, error);
}

static bool
parse_hvcc (const uint8_t *data, size_t size, AirCodecInfo *info, GError **error)
{
  if (size < 23 || data[0] != 1)
    return fail (error, "not an HEVCDecoderConfigurationRecord");
  info->nal_length_bytes = (data[21] & 3u) + 1;
  if (info->nal_length_bytes == 3)
    return fail (error, "NAL unit lengths of 3 bytes");
  switch (data[1] & 0x1f)
    {
    case 1:
      info->profile = "main";
      break;
    case 2:
      info->profile = "main-10";
      break;
    default:
      break;
    }
  size_t position = 23;
  for (unsigned array = 0; array < data[22]; array++)
    {
      if (position + 3 > size)
        return fail (error, "truncated hvcC");
      unsigned type = data[position] & 0x3f;
      unsigned count = (unsigned)data[position + 1] << 8 | data[position + 2];
      position += 3;
      for (unsigned i = 0; i < count; i++)
        {
          if (position + 2 > size)
            return fail (error, "truncated hvcC");
          size_t length = (size_t)data[position] << 8 | data[position + 1];
          position += 2;
          if (length > size - position)
            return fail (error, "truncated hvcC");
          if (type == 33 && info->width == 0 && !h265_parse_sps (data + position, length, info, error))
            return false;
          position += length;
        }
    }
  /* hvcC may leave the parameter sets to the stream; then the size stays unknown. */
  return true;
}

/* ---- AV1 */

/* sequence_header_obu() up to the frame size (AV1 §5.5.1). */
static bool
av1_parse_sequence_header (AirBitReader *bits, AirCodecInfo *info, GError **error)
{
  air_bits_skip (bits, 4); /* seq_profile, still_picture */
  if (air_bits (bits, 1))  /* reduced_still_picture_header */
    air_bits_skip (bits, 5);
  else
    {
      bool decoder_model = false;
      unsigned delay_bits = 0;
      if (air_bits (bits, 1)) /* timing_info_present_flag */
        {
          air_bits_skip (bits, 64);
          if (air_bits (bits, 1)) /* equal_picture_interval */
            air_bits_ue (bits);
          decoder_model = air_bits (bits, 1);
          if (decoder_model)
            {
              delay_bits = air_bits (bits, 5) + 1;
              air_bits_skip (bits, 42);
            }
        }
      bool display_delay = air_bits (bits, 1);
      unsigned points = air_bits (bits, 5) + 1;
      for (unsigned i = 0; i < points && !bits->overrun; i++)
        {
          air_bits_skip (bits, 12);
          if (air_bits (bits, 5) > 7)
            air_bits_skip (bits, 1);
          if (decoder_model && air_bits (bits, 1))
            air_bits_skip (bits, delay_bits * 2 + 1);
          if (display_delay && air_bits (bits, 1))
            air_bits_skip (bits, 4);
        }
    }
  unsigned width_bits = air_bits (bits, 4) + 1, height_bits = air_bits (bits, 4) + 1;
  uint64_t width = (uint64_t)air_bits (bits, width_bits) + 1, height = (uint64_t)air_bits (bits, height_bits) + 1;
  if (bits->overrun)
    return fail (error, "truncated AV1 sequence header");
  return set_size (info, width, height, 0, 0, error);
}

static bool
parse_av1c (const uint8_t *data, size_t size, AirCodecInfo *info, GError **error)
{
  if (size < 4 || data[0] != 0x81)
    return fail (error, "not an AV1CodecConfigurationRecord");
  static const char *const profiles[] = { "main", "high", "professional" };
  if (data[1] >> 5 < G_N_ELEMENTS (profiles))
    info->profile = profiles[data[1] >> 5];
  size_t position = 4;
  if (position + 2 > size || (data[position] >> 3 & 0xf) != 1)
    return true; /* the sequence header comes in the stream */
  bool has_extension = data[position] & 4, has_size = data[position] & 2;
  position += has_extension ? 2 : 1;
  if (has_size)
    while (position < size && data[position++] & 0x80)
      continue;
  if (position >= size)
    return fail (error, "truncated AV1 sequence header");
  AirBitReader bits = air_bit_reader (data + position, size - position);
  return av1_parse_sequence_header (&bits, info, error);
}

/* ---- AAC, Opus */

static unsigned
aac_sample_rate (AirBitReader *bits)
{
  static const unsigned rates[] = { 96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350 };
  unsigned index = air_bits (bits, 4);
  if (index == 15)
    return air_bits (bits, 24);
  return index < G_N_ELEMENTS (rates) ? rates[index] : 0;
}

static unsigned
aac_object_type (AirBitReader *bits)
{
  unsigned type = air_bits (bits, 5);
  return type == 31 ? 32 + air_bits (bits, 6) : type;
}

static bool
parse_audio_specific_config (const uint8_t *data, size_t size, AirCodecInfo *info, GError **error)
{
  AirBitReader bits = air_bit_reader (data, size);
  unsigned type = aac_object_type (&bits);
  info->sample_rate = aac_sample_rate (&bits);
  unsigned configuration = air_bits (&bits, 4);
  static const unsigned channels[] = { 0, 1, 2, 3, 4, 5, 6, 8 };
  info->channels = configuration < G_N_ELEMENTS (channels) ? channels[configuration] : 0;
  info->profile = type == 2 ? "lc" : type == 1 ? "main" : NULL;
  if (type == 5 || type == 29) /* SBR, PS: the decoded rate is the extension's (§1.6.5, §1.6.6) */
    {
      info->sample_rate = aac_sample_rate (&bits);
      aac_object_type (&bits);
      info->profile = "lc";
      if (type == 29)
        info->channels = 2;
    }
  if (bits.overrun)
    return fail (error, "truncated AudioSpecificConfig");
  if (type == 0 || info->sample_rate < 4000 || info->sample_rate > 192000 || configuration > 7)
    return fail (error, "impossible AudioSpecificConfig");
  return true;
}

static bool
parse_opus_head (const uint8_t *data, size_t size, AirCodecInfo *info, GError **error)
{
  if (size < 19 || memcmp (data, "OpusHead", 8) != 0 || data[9] == 0)
    return fail (error, "not an OpusHead");
  info->channels = data[9];
  return true;
}

bool
air_codec_headers_parse (AirCodec codec, GBytes *codec_data, AirCodecInfo *ret_info, GError **error)
{
  *ret_info = (AirCodecInfo){ 0 };
  size_t size = 0;
  const uint8_t *data = codec_data != NULL ? g_bytes_get_data (codec_data, &size) : NULL;
  bool needed = codec == AIR_CODEC_H264 || codec == AIR_CODEC_H265 || codec == AIR_CODEC_AAC;
  if (size == 0 && needed)
    return fail (error, "it is missing");
  if (codec == AIR_CODEC_OPUS)
    ret_info->sample_rate = 48000; /* always decoded at 48 kHz (RFC 7587 §4.1) */
  if (size == 0)
    return true;
  switch (codec)
    {
    case AIR_CODEC_H264:
      return parse_avcc (data, size, ret_info, error);
    case AIR_CODEC_H265:
      return parse_hvcc (data, size, ret_info, error);
    case AIR_CODEC_AV1:
      return parse_av1c (data, size, ret_info, error);
    case AIR_CODEC_AAC:
      return parse_audio_specific_config (data, size, ret_info, error);
    case AIR_CODEC_OPUS:
      return parse_opus_head (data, size, ret_info, error);
    default:
      return true;
    }
}
