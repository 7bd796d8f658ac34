/* What codec headers tell: sizes, rates, profiles; and what a coded H.264 picture is made of. Pure functions over bytes
 * that a stranger sent; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include <airclass/stream.h>

G_BEGIN_DECLS

typedef struct
{
  unsigned width, height; /* pixels, cropped; 0: unknown */
  unsigned fps_num, fps_den; /* declared frame rate; 0: not declared */
  unsigned sample_rate;   /* Hz, of the decoded sound; 0: unknown */
  unsigned channels;      /* of the decoded sound; 0: unknown */
  unsigned nal_length_bytes; /* avcC, hvcC: 1, 2 or 4 */
  const char *profile;    /* as GStreamer names it; NULL: not named */
} AirCodecInfo;

/* Fills @ret_info from @codec's header. Returns false with AIR_ERROR_INVALID when the header is broken, and when it is
 * missing for a codec that cannot be decoded without. */
bool air_codec_headers_parse (AirCodec codec, GBytes *codec_data, AirCodecInfo *ret_info, GError **error);

/* An avcC that air_codec_headers_parse() took, without the sets that are empty: GStreamer's parser stops at one.
 * Returns: (transfer full) */
GBytes *air_avcc_without_empty_sets (GBytes *codec_data);

/* What the slices of one access unit say (H.264 §7.3.3). */
typedef struct
{
  bool has_slice;
  bool idr;
  bool i_slice, b_slice; /* what its first slice is */
  bool reference; /* nal_ref_idc of its first slice is not 0 (the same for all slices of a picture, §7.4.1) */
} AirH264Picture;

AirH264Picture air_h264_inspect (const uint8_t *data, size_t size, unsigned nal_length_bytes);

G_END_DECLS
