/* H.264 into RTP. A unit's packets are made one behind: a packet leaves when the next one is there, so that the last
 * one can get the marker bit. */
#include "rtp-h264.h"

#include <string.h>

#include "rtp-cut.h"

#define NAL_SLICE_IDR 5
#define NAL_SEI 6
#define NAL_SPS 7
#define NAL_PPS 8
#define NAL_DELIMITER 9
#define NAL_FILLER 12
#define NAL_STAP_A 24
#define NAL_FU_A 28

/* ITU-T H.264 annex D */
#define SEI_BUFFERING_PERIOD 0
#define SEI_PICTURE_TIMING 1
#define SEI_FILLER 3
#define SEI_USER_DATA 5 /* unregistered: the encoder's name and settings */

#define MAX_PARAMETER_SETS_BYTES 4096

struct _AirRtpH264
{
  unsigned length_bytes; /* of the prefix of each NAL unit */
  GByteArray *sets;      /* SPS and PPS of the codec data, each behind a 16-bit length */
};

/* What one push() works with. */
typedef struct
{
  AirRtpSink sink;
  void *sink_data;
  AirRtpPacket *pending;
  int64_t pts_ns;
  uint32_t timestamp;
  bool keyframe;
  bool is_one_packet;   /* all NAL units go into one STAP-A */
  size_t payload_bytes; /* of all packets, padded; 0: each NAL unit by itself */
  unsigned count;
  uint8_t aggregate[AIR_RTP_MAX_PAYLOAD_BYTES]; /* the STAP-A being filled */
  size_t aggregate_bytes;                       /* 0: none */
  unsigned aggregate_nals;
} Run;

AirRtpH264 *
air_rtp_h264_new (void)
{
  AirRtpH264 *rtp = g_new0 (AirRtpH264, 1);
  rtp->length_bytes = 4;
  rtp->sets = g_byte_array_new ();
  return rtp;
}

void
air_rtp_h264_free (AirRtpH264 *rtp)
{
  if (!rtp)
    return;
  g_byte_array_unref (rtp->sets);
  g_free (rtp);
}

/* Appends @count sets that stand at *@at, each behind a 16-bit length. Empty ones say nothing. */
static bool
copy_sets (GByteArray *sets, const uint8_t *data, size_t size, size_t *at, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    {
      if (size - *at < 2)
        return false;
      size_t length = (size_t)(data[*at] << 8 | data[*at + 1]);
      if (size - *at - 2 < length || sets->len + 2 + length > MAX_PARAMETER_SETS_BYTES)
        return false;
      if (length > 0)
        g_byte_array_append (sets, data + *at, (guint)(2 + length));
      *at += 2 + length;
    }
  return true;
}

bool
air_rtp_h264_set_codec_data (AirRtpH264 *rtp, const uint8_t *codec_data, size_t size)
{
  g_byte_array_set_size (rtp->sets, 0);
  if (size < 7 || codec_data[0] != 1)
    return false;
  rtp->length_bytes = (codec_data[4] & 3u) + 1;
  size_t at = 6;
  if (copy_sets (rtp->sets, codec_data, size, &at, codec_data[5] & 0x1f) && at < size)
    {
      unsigned pps_count = codec_data[at++];
      if (copy_sets (rtp->sets, codec_data, size, &at, pps_count))
        return true;
    }
  g_byte_array_set_size (rtp->sets, 0);
  return false;
}

/* The packet made before this one is complete; this one waits for the next. */
static AirRtpPacket *
emit_padded (Run *run, size_t payload_bytes, size_t padding_bytes)
{
  if (run->pending)
    run->sink (run->pending, run->sink_data);
  run->pending = air_rtp_packet_new_padded (run->pts_ns, run->timestamp, payload_bytes, padding_bytes);
  if (run->count++ == 0)
    run->pending->flags = (uint16_t)(AIR_RTP_FRAME_START | (run->keyframe ? AIR_RTP_KEYFRAME : 0));
  return run->pending;
}

static AirRtpPacket *
emit (Run *run, size_t payload_bytes)
{
  return emit_padded (run, payload_bytes, 0);
}

/* Up to the size that all have. */
static AirRtpPacket *
emit_even (Run *run, size_t payload_bytes)
{
  return emit_padded (run, payload_bytes, run->payload_bytes > payload_bytes ? run->payload_bytes - payload_bytes : 0);
}

static void
send_single (Run *run, const uint8_t *nal, size_t size)
{
  memcpy (emit_even (run, size)->payload, nal, size);
}

/* RFC 6184 §5.7.1. One NAL unit alone is sent as it is. */
static void
flush_aggregate (Run *run)
{
  if (run->aggregate_nals == 1)
    memcpy (emit (run, run->aggregate_bytes - 3)->payload, run->aggregate + 3, run->aggregate_bytes - 3);
  else if (run->aggregate_nals > 1)
    memcpy (emit (run, run->aggregate_bytes)->payload, run->aggregate, run->aggregate_bytes);
  run->aggregate_bytes = 0;
  run->aggregate_nals = 0;
}

static void
aggregate (Run *run, const uint8_t *nal, size_t size)
{
  if (run->aggregate_nals > 0 && run->aggregate_bytes + 2 + size > sizeof run->aggregate)
    flush_aggregate (run);
  if (run->aggregate_nals == 0)
    {
      run->aggregate[0] = NAL_STAP_A;
      run->aggregate_bytes = 1;
    }
  uint8_t *header = &run->aggregate[0];
  *header = (uint8_t)(NAL_STAP_A | (*header & 0x80) | (nal[0] & 0x80) /* F: any */
                      | MAX (*header & 0x60, nal[0] & 0x60));         /* NRI: the highest */
  run->aggregate[run->aggregate_bytes++] = (uint8_t)(size >> 8);
  run->aggregate[run->aggregate_bytes++] = (uint8_t)size;
  memcpy (run->aggregate + run->aggregate_bytes, nal, size);
  run->aggregate_bytes += size;
  run->aggregate_nals++;
}

/* RFC 6184 §5.8 */
static void
send_fragments (Run *run, const uint8_t *nal, size_t size)
{
  size_t packets = air_rtp_cut_count (size, run->payload_bytes > 0 ? run->payload_bytes : AIR_RTP_MAX_PAYLOAD_BYTES);
  size_t room = (size - 1 + packets - 1) / packets;
  for (size_t at = 1; at < size;)
    {
      size_t bytes = MIN (room, size - at);
      uint8_t *payload = emit_even (run, bytes + AIR_RTP_FU_HEADER_BYTES)->payload;
      payload[0] = (uint8_t)((nal[0] & 0xe0) | NAL_FU_A);
      payload[1] = (uint8_t)((at == 1 ? 0x80 : 0) | (at + bytes == size ? 0x40 : 0) | (nal[0] & 0x1f));
      memcpy (payload + AIR_RTP_FU_HEADER_BYTES, nal + at, bytes);
      at += bytes;
    }
}

/* A number of SEI: bytes of 255 and a last one (§7.3.2.3.1). Returns: false at the end. */
static bool
read_sei_number (const uint8_t *nal, size_t size, size_t *at, size_t *ret_number)
{
  *ret_number = 0;
  while (*at < size && nal[*at] == 255)
    *ret_number += nal[(*at)++];
  if (*at >= size)
    return false;
  *ret_number += nal[(*at)++];
  return true;
}

/* Whether an SEI says nothing that matters to a browser. Encoders with a constant bitrate tell the hypothetical reference decoder's times
 * before each picture; such a small packet before the large ones would cost every viewer a system call's message of its own. */
static bool
is_idle_sei (const uint8_t *nal, size_t size)
{
  size_t at = 1, type, bytes;
  while (at < size && !(nal[at] == 0x80 && at + 1 == size)) /* rbsp_trailing_bits() */
    {
      if (!read_sei_number (nal, size, &at, &type) || !read_sei_number (nal, size, &at, &bytes))
        return false;
      if (type != SEI_BUFFERING_PERIOD && type != SEI_PICTURE_TIMING && type != SEI_FILLER && type != SEI_USER_DATA)
        return false;
      if (bytes > size - at)
        return false;
      at += bytes;
    }
  return size > 1;
}

/* Delimiters, end marks and filler tell a receiver nothing; 0 and 24 to 31 cannot stand in a unit. */
static bool
is_sent (const uint8_t *nal, size_t size)
{
  unsigned type = size > 0 ? nal[0] & 0x1f : 0;
  return type != 0 && !(type >= NAL_DELIMITER && type <= NAL_FILLER) && type < NAL_STAP_A
         && !(type == NAL_SEI && is_idle_sei (nal, size));
}

/* What is small and stands before the slices. */
static bool
is_aggregated (const uint8_t *nal, size_t size)
{
  unsigned type = nal[0] & 0x1f;
  return size + 3 <= AIR_RTP_MAX_PAYLOAD_BYTES && (type == NAL_SPS || type == NAL_PPS || type == NAL_SEI);
}

static void
send_nal (Run *run, const uint8_t *nal, size_t size)
{
  if (run->is_one_packet || is_aggregated (nal, size))
    {
      aggregate (run, nal, size);
      return;
    }
  flush_aggregate (run);
  if (size <= (run->payload_bytes > 0 ? run->payload_bytes : AIR_RTP_MAX_PAYLOAD_BYTES))
    send_single (run, nal, size);
  else
    send_fragments (run, nal, size);
}

/* Moves over one length-prefixed NAL unit; false at the end or at a broken one. */
static bool
next_nal (const AirRtpH264 *rtp, const uint8_t *data, size_t size, size_t *at, const uint8_t **ret_nal,
          size_t *ret_bytes)
{
  if (size - *at < rtp->length_bytes)
    return false;
  size_t length = 0;
  for (unsigned i = 0; i < rtp->length_bytes; i++)
    length = length << 8 | data[*at + i];
  *at += rtp->length_bytes;
  if (size - *at < length)
    return false;
  *ret_nal = data + *at;
  *ret_bytes = length;
  *at += length;
  return true;
}

static bool
has_parameter_sets (const AirRtpH264 *rtp, const uint8_t *data, size_t size)
{
  const uint8_t *nal;
  size_t at = 0, bytes;
  bool sps = false, pps = false;
  while (next_nal (rtp, data, size, &at, &nal, &bytes))
    {
      sps |= bytes > 0 && (nal[0] & 0x1f) == NAL_SPS;
      pps |= bytes > 0 && (nal[0] & 0x1f) == NAL_PPS;
    }
  return sps && pps;
}

static void
send_parameter_sets (AirRtpH264 *rtp, Run *run)
{
  for (size_t at = 0; at < rtp->sets->len;)
    {
      size_t length = (size_t)(rtp->sets->data[at] << 8 | rtp->sets->data[at + 1]);
      send_nal (run, rtp->sets->data + at + 2, length);
      at += 2 + length;
    }
}

/* Looks at the whole unit before its first packet is made. */
static void
plan (const AirRtpH264 *rtp, const uint8_t *data, size_t size, Run *run)
{
  const uint8_t *nal;
  size_t sizes[AIR_RTP_CUT_MAX_NALS], count = 0, at = 0, bytes, together = 1;
  while (next_nal (rtp, data, size, &at, &nal, &bytes))
    {
      if (!is_sent (nal, bytes))
        continue;
      together += 2 + bytes;
      if (is_aggregated (nal, bytes))
        continue;
      if (count < AIR_RTP_CUT_MAX_NALS)
        sizes[count] = bytes;
      count++;
    }
  run->is_one_packet = together <= sizeof run->aggregate;
  run->payload_bytes = air_rtp_cut_choose (sizes, count, AIR_RTP_MAX_PAYLOAD_BYTES);
}

unsigned
air_rtp_h264_push (AirRtpH264 *rtp, const uint8_t *data, size_t size, bool keyframe, int64_t pts_ns, AirRtpSink sink,
                   void *sink_data)
{
  Run run = { .sink = sink, .sink_data = sink_data, .pts_ns = pts_ns, .keyframe = keyframe };
  run.timestamp = air_rtp_clock_90k (pts_ns);
  if (keyframe && !has_parameter_sets (rtp, data, size))
    send_parameter_sets (rtp, &run);
  const uint8_t *nal;
  size_t at = 0, bytes;
  plan (rtp, data, size, &run);
  while (next_nal (rtp, data, size, &at, &nal, &bytes))
    if (is_sent (nal, bytes))
      send_nal (&run, nal, bytes);
  flush_aggregate (&run);
  if (!run.pending)
    return 0;
  run.pending->flags |= AIR_RTP_MARKER;
  sink (run.pending, sink_data);
  return run.count;
}
