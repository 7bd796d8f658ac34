/* The packetizers against GStreamer's depayloader and against what RFC 6184 says; the ring. */
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <string.h>

#include "lip-sync.h"
#include "packet-ring.h"
#include "rtp-h264.h"
#include "rtp-header.h"
#include "rtp-opus.h"

static void
collect (AirRtpPacket *packet, void *data)
{
  g_ptr_array_add (data, packet);
}

static GPtrArray *
new_packets (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)air_rtp_packet_unref);
}

static void
append_nal (GByteArray *unit, const uint8_t *nal, size_t size)
{
  uint8_t prefix[4] = { (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size };
  g_byte_array_append (unit, prefix, 4);
  g_byte_array_append (unit, nal, (guint)size);
}

static void
append_random_nal (GByteArray *unit, uint8_t header, size_t size)
{
  g_autofree uint8_t *nal = g_malloc (size);
  nal[0] = header;
  for (size_t i = 1; i < size; i++)
    nal[i] = (uint8_t)g_test_rand_int ();
  if (header == 0x06 && size > 1)
    nal[1] = 6; /* a recovery point, which is sent */
  append_nal (unit, nal, size);
}

/* A depacketizer after the text of RFC 6184 §5.6 to §5.8; checks what a packet must be on the way. */
static GByteArray *
depacketize (GPtrArray *packets)
{
  GByteArray *unit = g_byte_array_new ();
  g_autoptr (GByteArray) fragmented = NULL;
  for (guint i = 0; i < packets->len; i++)
    {
      const AirRtpPacket *packet = packets->pdata[i];
      const uint8_t *payload = packet->payload;
      g_assert_cmpuint (packet->payload_bytes, >, 0);
      g_assert_cmpuint (packet->payload_bytes, <=, AIR_RTP_MAX_PAYLOAD_BYTES);
      g_assert_cmpint (!!(packet->flags & AIR_RTP_MARKER), ==, i + 1 == packets->len);
      g_assert_cmpint (!!(packet->flags & AIR_RTP_FRAME_START), ==, i == 0);
      if ((payload[0] & 0x1f) == 28)
        {
          bool start = payload[1] & 0x80, end = payload[1] & 0x40;
          g_assert_false (start && end);
          g_assert_true (start == (fragmented == NULL));
          if (start)
            {
              uint8_t header = (uint8_t)((payload[0] & 0xe0) | (payload[1] & 0x1f));
              fragmented = g_byte_array_append (g_byte_array_new (), &header, 1);
            }
          g_byte_array_append (fragmented, payload + 2, packet->payload_bytes - 2u);
          if (end)
            {
              append_nal (unit, fragmented->data, fragmented->len);
              g_clear_pointer (&fragmented, g_byte_array_unref);
            }
          continue;
        }
      g_assert_null (fragmented);
      if ((payload[0] & 0x1f) != 24)
        {
          append_nal (unit, payload, packet->payload_bytes);
          continue;
        }
      for (size_t at = 1; at < packet->payload_bytes;)
        {
          size_t size = (size_t)(payload[at] << 8 | payload[at + 1]);
          g_assert_cmpuint (at + 2 + size, <=, packet->payload_bytes);
          append_nal (unit, payload + at + 2, size);
          at += 2 + size;
        }
    }
  g_assert_null (fragmented);
  return unit;
}

/* Whatever NAL units an access unit has, they come out as they went in. */
static void
test_h264_property (void)
{
  static const uint8_t headers[] = { 0x67, 0x68, 0x06, 0x65, 0x41, 0x01, 0x61 };
  g_autoptr (AirRtpH264) rtp = air_rtp_h264_new ();
  for (unsigned round = 0; round < 500; round++)
    {
      g_autoptr (GByteArray) unit = g_byte_array_new ();
      int nals = g_test_rand_int_range (1, 8);
      for (int i = 0; i < nals; i++)
        {
          int limit = g_test_rand_bit () ? 40 : g_test_rand_bit () ? 1160 : 20000;
          append_random_nal (unit, headers[g_test_rand_int_range (0, G_N_ELEMENTS (headers))],
                             (size_t)g_test_rand_int_range (MAX (1, limit - 60), limit));
        }
      g_autoptr (GPtrArray) packets = new_packets ();
      int64_t pts_ns = (int64_t)round * 33333333;
      unsigned count = air_rtp_h264_push (rtp, unit->data, unit->len, false, pts_ns, collect, packets);
      g_assert_cmpuint (count, ==, packets->len);
      g_autoptr (GByteArray) again = depacketize (packets);
      g_assert_cmpmem (again->data, again->len, unit->data, unit->len);
    }
}

/* avcC with one SPS and one PPS */
static const uint8_t codec_data[]
    = { 1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0xc0, 0x1f, 1, 0, 3, 0x68, 1, 2 };

static void
test_h264_parameter_sets (void)
{
  g_autoptr (AirRtpH264) rtp = air_rtp_h264_new ();
  g_assert_true (air_rtp_h264_set_codec_data (rtp, codec_data, sizeof codec_data));
  g_autoptr (GByteArray) unit = g_byte_array_new ();
  append_random_nal (unit, 0x09, 2); /* a delimiter, left out */
  append_random_nal (unit, 0x65, 3000);
  g_autoptr (GPtrArray) packets = new_packets ();
  air_rtp_h264_push (rtp, unit->data, unit->len, true, 0, collect, packets);
  const AirRtpPacket *first = packets->pdata[0];
  static const uint8_t stap[] = { 0x78, 0, 4, 0x67, 0x42, 0xc0, 0x1f, 0, 3, 0x68, 1, 2 };
  g_assert_cmpmem (first->payload, first->payload_bytes, stap, sizeof stap);
  g_assert_true (first->flags & AIR_RTP_KEYFRAME);
  g_assert_cmpuint (packets->len, ==, 4);

  /* Sets that stand in the unit are not sent twice. */
  g_autoptr (GByteArray) own = g_byte_array_new ();
  append_random_nal (own, 0x67, 20);
  append_random_nal (own, 0x68, 5);
  append_random_nal (own, 0x65, 100);
  g_ptr_array_set_size (packets, 0);
  air_rtp_h264_push (rtp, own->data, own->len, true, 0, collect, packets);
  g_autoptr (GByteArray) again = depacketize (packets);
  g_assert_cmpmem (again->data, again->len, own->data, own->len);
}

/* What goes out before an IDR slice. */
static void
assert_sets (AirRtpH264 *rtp, const uint8_t *expected, size_t bytes)
{
  static const uint8_t unit[] = { 0, 0, 0, 2, 0x65, 0x88 };
  g_autoptr (GPtrArray) packets = new_packets ();
  air_rtp_h264_push (rtp, unit, sizeof unit, true, 0, collect, packets);
  g_autoptr (GByteArray) sent = depacketize (packets);
  g_assert_cmpmem (sent->data, sent->len - sizeof unit, expected, bytes);
}

static void
test_h264_odd_parameter_sets (void)
{
  static const uint8_t empty_ones[] = { 1,    0x42, 0xc0, 0x1f, 0xff, 0xe2, 0,    4, 0x67, 0x42, 0xc0, 0x1f, 0, 0,
                                        3,    0,    0,    0,    3,    0x68, 9,    9, 0,    0 };
  static const uint8_t sent[] = { 0, 0, 0, 4, 0x67, 0x42, 0xc0, 0x1f, 0, 0, 0, 3, 0x68, 9, 9 };
  g_autoptr (AirRtpH264) rtp = air_rtp_h264_new ();
  g_assert_true (air_rtp_h264_set_codec_data (rtp, codec_data, sizeof codec_data));
  g_assert_true (air_rtp_h264_set_codec_data (rtp, empty_ones, sizeof empty_ones));
  assert_sets (rtp, sent, sizeof sent);
  /* With a header that cannot be used those of the one before do not stay. */
  g_autofree uint8_t *large = g_malloc0 (6000);
  memcpy (large, codec_data, 13);
  large[13] = 5000 >> 8;
  large[14] = 5000 & 0xff;
  g_assert_false (air_rtp_h264_set_codec_data (rtp, large, 6000));
  assert_sets (rtp, NULL, 0);
  g_assert_true (air_rtp_h264_set_codec_data (rtp, codec_data, sizeof codec_data));
  g_assert_false (air_rtp_h264_set_codec_data (rtp, NULL, 0));
  assert_sets (rtp, NULL, 0);
}

static void
test_h264_sei (void)
{
  static const uint8_t timing[] = { 0x06, 1, 2, 0xaa, 0xbb, 0x80 };
  static const uint8_t two[] = { 0x06, 0, 1, 0xaa, 1, 2, 0xbb, 0xcc, 0x80 };
  static const uint8_t recovery[] = { 0x06, 1, 1, 0xaa, 6, 1, 0xc4, 0x80 };
  static const uint8_t too_long[] = { 0x06, 1, 9, 0xaa, 0x80 };
  static const uint8_t endless[] = { 0x06, 255, 255 };
  static const struct
  {
    const uint8_t *nal;
    size_t size;
    bool sent;
  } cases[] = { { timing, sizeof timing, false }, { two, sizeof two, false }, { recovery, sizeof recovery, true },
                { too_long, sizeof too_long, true }, { endless, sizeof endless, true }, { timing, 1, true } };
  g_autoptr (AirRtpH264) rtp = air_rtp_h264_new ();
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) unit = g_byte_array_new (), slice = g_byte_array_new ();
      g_autoptr (GPtrArray) packets = new_packets ();
      append_nal (unit, cases[i].nal, cases[i].size);
      append_random_nal (slice, 0x41, 100);
      g_byte_array_append (unit, slice->data, slice->len);
      air_rtp_h264_push (rtp, unit->data, unit->len, false, 0, collect, packets);
      g_autoptr (GByteArray) again = depacketize (packets);
      const GByteArray *wanted = cases[i].sent ? unit : slice;
      g_assert_cmpmem (again->data, again->len, wanted->data, wanted->len);
    }
}

static void
test_h264_broken (void)
{
  static const uint8_t too_long[] = { 0, 0, 0, 2, 0x41, 7, 0, 0, 0, 9, 0x41 };
  static const uint8_t empty_nal[] = { 0, 0, 0, 0, 0, 0, 0, 1, 0x41 };
  g_autoptr (AirRtpH264) rtp = air_rtp_h264_new ();
  g_autoptr (GPtrArray) packets = new_packets ();
  g_assert_cmpuint (air_rtp_h264_push (rtp, too_long, sizeof too_long, false, 0, collect, packets), ==, 1);
  g_assert_cmpuint (air_rtp_h264_push (rtp, empty_nal, sizeof empty_nal, false, 0, collect, packets), ==, 1);
  g_assert_cmpuint (air_rtp_h264_push (rtp, too_long, 3, true, 0, collect, packets), ==, 0);
  for (size_t size = 0; size < sizeof codec_data; size++)
    {
      g_autofree uint8_t *part = g_memdup2 (codec_data, size);
      g_assert_false (air_rtp_h264_set_codec_data (rtp, part, size));
    }
  for (unsigned i = 0; i < 2000; i++)
    {
      uint8_t noise[64];
      for (size_t k = 0; k < sizeof noise; k++)
        noise[k] = (uint8_t)g_test_rand_int_range (0, k % 4 == 3 ? 20 : 2);
      air_rtp_h264_set_codec_data (rtp, noise, sizeof noise);
      air_rtp_h264_push (rtp, noise, sizeof noise, i & 1, 0, collect, packets);
    }
}

static GstBuffer *
to_buffer (const AirRtpPacket *packet, uint16_t sequence)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 12u + packet->payload_bytes, NULL);
  uint8_t header[12] = { 0x80, (uint8_t)(96 | (packet->flags & AIR_RTP_MARKER ? 0x80 : 0)), (uint8_t)(sequence >> 8),
                         (uint8_t)sequence };
  uint32_t timestamp = GUINT32_TO_BE (packet->timestamp), ssrc = GUINT32_TO_BE (1);
  memcpy (header + 4, &timestamp, 4);
  memcpy (header + 8, &ssrc, 4);
  gst_buffer_fill (buffer, 0, header, sizeof header);
  gst_buffer_fill (buffer, 12, packet->payload, packet->payload_bytes);
  GST_BUFFER_PTS (buffer) = (GstClockTime)packet->pts_ns;
  return buffer;
}

static GPtrArray *
pull_all (GstElement *sink)
{
  GPtrArray *samples = g_ptr_array_new_with_free_func ((GDestroyNotify)gst_sample_unref);
  GstSample *sample;
  while ((sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink), 10 * GST_SECOND)))
    g_ptr_array_add (samples, sample);
  g_assert_true (gst_app_sink_is_eos (GST_APP_SINK (sink)));
  return samples;
}

static GPtrArray *
encode (void)
{
  g_autoptr (GstElement) encoder = gst_parse_launch (
      "videotestsrc num-buffers=40 pattern=ball ! video/x-raw,width=320,height=240,framerate=30/1 ! "
      "x264enc tune=zerolatency key-int-max=15 bitrate=3000 ! video/x-h264,stream-format=avc,alignment=au ! "
      "appsink name=sink sync=false",
      NULL);
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (encoder), "sink");
  gst_element_set_state (encoder, GST_STATE_PLAYING);
  GPtrArray *samples = pull_all (sink);
  gst_element_set_state (encoder, GST_STATE_NULL);
  return samples;
}

/* The slices of a unit, without parameter sets and delimiters. */
static GByteArray *
slices (GstBuffer *buffer)
{
  GstMapInfo map;
  GByteArray *all = g_byte_array_new ();
  gst_buffer_map (buffer, &map, GST_MAP_READ);
  for (size_t at = 0; at + 4 < map.size;)
    {
      size_t size = (size_t)map.data[at] << 24 | (size_t)map.data[at + 1] << 16 | (size_t)map.data[at + 2] << 8
                    | map.data[at + 3];
      unsigned type = map.data[at + 4] & 0x1f;
      if (type == 1 || type == 5)
        append_nal (all, map.data + at + 4, size);
      at += 4 + size;
    }
  gst_buffer_unmap (buffer, &map);
  return all;
}

static void
push_sample (GstAppSrc *source, AirRtpH264 *rtp, GstSample *sample, uint16_t *sequence)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  GstMapInfo map;
  g_autoptr (GPtrArray) packets = new_packets ();
  gst_buffer_map (buffer, &map, GST_MAP_READ);
  bool keyframe = !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  air_rtp_h264_push (rtp, map.data, map.size, keyframe, (int64_t)GST_BUFFER_PTS (buffer), collect, packets);
  gst_buffer_unmap (buffer, &map);
  for (guint i = 0; i < packets->len; i++)
    gst_app_src_push_buffer (source, to_buffer (packets->pdata[i], (*sequence)++));
}

static void
test_h264_gstreamer (void)
{
  g_autoptr (GPtrArray) units = encode ();
  g_assert_cmpuint (units->len, ==, 40);
  g_autoptr (GstElement) decoder
      = gst_parse_launch ("appsrc name=source format=time "
                          "caps=application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96 "
                          "! rtph264depay ! video/x-h264,stream-format=avc,alignment=au ! appsink name=sink sync=false",
                          NULL);
  g_autoptr (GstElement) source = gst_bin_get_by_name (GST_BIN (decoder), "source");
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (decoder), "sink");
  gst_element_set_state (decoder, GST_STATE_PLAYING);

  g_autoptr (AirRtpH264) rtp = air_rtp_h264_new ();
  const GstStructure *caps = gst_caps_get_structure (gst_sample_get_caps (units->pdata[0]), 0);
  GstMapInfo map;
  GstBuffer *headers = gst_value_get_buffer (gst_structure_get_value (caps, "codec_data"));
  gst_buffer_map (headers, &map, GST_MAP_READ);
  g_assert_true (air_rtp_h264_set_codec_data (rtp, map.data, map.size));
  gst_buffer_unmap (headers, &map);
  uint16_t sequence = 65530; /* wraps on the way */
  for (guint i = 0; i < units->len; i++)
    push_sample (GST_APP_SRC (source), rtp, units->pdata[i], &sequence);
  gst_app_src_end_of_stream (GST_APP_SRC (source));

  g_autoptr (GPtrArray) received = pull_all (sink);
  gst_element_set_state (decoder, GST_STATE_NULL);
  g_assert_cmpuint (received->len, ==, units->len);
  for (guint i = 0; i < units->len; i++)
    {
      g_autoptr (GByteArray) sent = slices (gst_sample_get_buffer (units->pdata[i]));
      g_autoptr (GByteArray) got = slices (gst_sample_get_buffer (received->pdata[i]));
      g_assert_cmpmem (got->data, got->len, sent->data, sent->len);
    }
}

static void
test_clock (void)
{
  int64_t hours = 1000 * 3600 * (int64_t)G_GINT64_CONSTANT (1000000000);
  g_assert_cmpuint (air_rtp_clock_90k (hours), ==, (uint32_t)(1000 * 3600 * G_GUINT64_CONSTANT (90000)));
  g_assert_cmpuint (air_rtp_clock_48k (hours), ==, (uint32_t)(1000 * 3600 * G_GUINT64_CONSTANT (48000)));
  g_assert_cmpuint (air_rtp_clock_90k (33333333), ==, 2999);
  g_assert_cmpuint (air_rtp_clock_48k (20000000), ==, 960);
}

/* Reads the value of an extension as RFC 8285 §4.2 says; returns its size, 0 when it is not there. */
static size_t
find_extension (const uint8_t *packet, size_t size, unsigned id, const uint8_t **ret_value)
{
  g_assert_cmpuint (packet[12] << 8 | packet[13], ==, 0xbede);
  size_t end = 16 + 4u * (size_t)(packet[14] << 8 | packet[15]);
  g_assert_cmpuint (end, ==, size);
  for (size_t at = 16; at < end;)
    {
      size_t bytes = (packet[at] & 0xfu) + 1;
      if (packet[at] == 0)
        {
          at++;
          continue;
        }
      *ret_value = packet + at + 1;
      if ((unsigned)(packet[at] >> 4) == id)
        return bytes;
      at += 1 + bytes;
      g_assert_cmpuint (at, <=, end);
    }
  return 0;
}

static void
test_header (void)
{
  static const uint8_t plain[] = { 0x80, 0xe0, 0x12, 0x34, 1, 2, 3, 4, 0xde, 0xad, 0xbe, 0xef };
  AirRtpHeader header
      = { .payload = 96, .marker = true, .sequence = 0x1234, .timestamp = 0x01020304, .ssrc = 0xdeadbeef };
  uint8_t bytes[AIR_RTP_MAX_HEADER_BYTES];
  g_assert_cmpmem (bytes, air_rtp_header_write (&header, bytes), plain, sizeof plain);
  for (unsigned mask = 1; mask < 16; mask++)
    for (size_t mid_bytes = 1; mid_bytes <= AIR_RTP_MAX_MID_BYTES; mid_bytes++)
      {
        const uint8_t *value;
        char mid[AIR_RTP_MAX_MID_BYTES + 1] = "";
        memset (mid, 'm', mid_bytes);
        header.transport_id = mask & 1 ? 3 : 0;
        header.transport_sequence = 0xabcd;
        header.capture_id = mask & 2 ? 14 : 0;
        header.capture_ntp = 0x0102030405060708;
        header.mid_id = mask & 4 ? 1 : 0;
        header.mid = mid;
        header.wait_id = mask & 8 ? 5 : 0;
        header.wait_ms = 120;
        size_t size = air_rtp_header_write (&header, bytes);
        g_assert_cmpuint (size, <=, sizeof bytes);
        g_assert_cmpuint (bytes[0], ==, 0x90);
        g_assert_cmpmem (bytes + 1, 11, plain + 1, 11);
        g_assert_cmpuint (find_extension (bytes, size, 3, &value), ==, mask & 1 ? 2 : 0);
        g_assert_cmpuint (find_extension (bytes, size, 14, &value), ==, mask & 2 ? 8 : 0);
        g_assert_true (!(mask & 2) || value[7] == 8);
        g_assert_cmpuint (find_extension (bytes, size, 1, &value), ==, mask & 4 ? mid_bytes : 0);
        g_assert_cmpuint (find_extension (bytes, size, 5, &value), ==, mask & 8 ? 3 : 0);
        /* 12 steps of 10 ms at least, all steps at most. */
        g_assert_true (!(mask & 8) || (value[0] == 0 && value[1] == 0xcf && value[2] == 0xff));
      }
}

/* Sound in bursts behind a smooth picture, then smooth sound; a clock that drifts moves both alike. */
static void
test_lip_sync (void)
{
  AirLateness video = { 0 }, audio = { 0 };
  g_assert_cmpint (air_lip_sync_wait_ms (&video, &audio, -1), ==, 100); /* nothing is known yet */
  for (unsigned i = 0; i < 1000; i++)
    {
      air_lateness_add (&video, 5000 + i * 10);
      air_lateness_add (&audio, 5000 + i * 10 + i % 5 * 10000);
    }
  int wait_ms = air_lip_sync_wait_ms (&video, &audio, -1);
  g_assert_cmpint (wait_ms, ==, 90);
  g_assert_cmpint (air_lip_sync_wait_ms (&video, &audio, wait_ms + 10), ==, wait_ms + 10); /* not worth a jerk */
  g_assert_cmpint (air_lip_sync_wait_ms (&video, &audio, wait_ms + 40), ==, wait_ms);
  for (unsigned i = 0; i < AIR_LIP_SYNC_SAMPLES; i++)
    {
      air_lateness_add (&video, 5000);
      air_lateness_add (&audio, -300000);
    }
  g_assert_cmpint (air_lateness_quantile (&audio, 0), ==, -300);
  g_assert_cmpint (air_lip_sync_wait_ms (&video, &audio, wait_ms), ==, 0); /* the picture is the late one */
  for (unsigned i = 0; i < AIR_LIP_SYNC_SAMPLES; i++)
    air_lateness_add (&audio, G_MAXINT64);
  g_assert_cmpint (air_lip_sync_wait_ms (&video, &audio, 0), ==, 160);
}

static void
test_opus (void)
{
  static const uint8_t packet[] = { 0xfc, 1, 2 }; /* CELT full band, 20 ms, one frame, stereo */
  static const uint8_t three[] = { 0xff, 3 };
  g_assert_cmpuint (air_opus_duration (packet, sizeof packet), ==, 960);
  g_assert_cmpuint (air_opus_duration (three, sizeof three), ==, 2880);
  g_assert_cmpuint (air_opus_duration (three, 1), ==, 0);
  g_assert_cmpuint (air_opus_duration (NULL, 0), ==, 0);

  AirRtpOpus rtp = { 0 };
  uint32_t expected = 0;
  for (int i = 0; i < 100; i++) /* the timeline jitters by a few ms, the samples do not */
    {
      int64_t pts_ns = i * G_GINT64_CONSTANT (20000000) + (i % 3) * 4000000;
      g_autoptr (GPtrArray) keep = new_packets ();
      AirRtpPacket *rtp_packet = air_rtp_opus_push (&rtp, packet, sizeof packet, false, pts_ns);
      g_ptr_array_add (keep, rtp_packet);
      g_assert_cmpuint (rtp_packet->timestamp, ==, expected);
      g_assert_cmpint (!!(rtp_packet->flags & AIR_RTP_MARKER), ==, i == 0);
      expected += 960;
    }
  g_autoptr (GPtrArray) later = new_packets ();
  g_ptr_array_add (later, air_rtp_opus_push (&rtp, packet, sizeof packet, true, 3000000000));
  g_assert_cmpuint (((AirRtpPacket *)later->pdata[0])->timestamp, ==, 144000);
  g_assert_null (air_rtp_opus_push (&rtp, packet, sizeof packet, false, 2900000000));
}

static AirRtpPacket *
ring_packet (int64_t ms, unsigned flags)
{
  AirRtpPacket *packet = air_rtp_packet_new (ms * 1000000, 0, 100);
  packet->flags = (uint16_t)flags;
  return packet;
}

static void
test_ring (void)
{
  g_autoptr (AirPacketRing) ring = air_packet_ring_new (4096, 1 << 20, 1000000000);
  g_assert_cmpuint (air_packet_ring_get_keyframe (ring), ==, AIR_RING_NONE);
  for (int64_t ms = 0; ms < 10000; ms += 10) /* a keyframe every 4 s */
    air_packet_ring_append (ring, ring_packet (ms, ms % 4000 == 0 ? AIR_RTP_KEYFRAME : 0));
  g_assert_cmpuint (air_packet_ring_get_head (ring), ==, 1000);
  g_assert_cmpuint (air_packet_ring_get_keyframe (ring), ==, 800);
  g_assert_cmpuint (air_packet_ring_get_tail (ring), ==, 800);
  g_assert_cmpuint (air_packet_ring_get (ring, 999)->sequence, ==, 999);
  g_assert_null (air_packet_ring_get (ring, 1000));
  g_assert_null (air_packet_ring_get (ring, 799));
  /* After a keyframe the last second stays for retransmissions. */
  air_packet_ring_append (ring, ring_packet (10000, AIR_RTP_KEYFRAME));
  air_packet_ring_append (ring, ring_packet (10010, 0));
  g_assert_cmpuint (air_packet_ring_get_keyframe (ring), ==, 1000);
  g_assert_cmpint (air_packet_ring_get (ring, air_packet_ring_get_tail (ring))->pts_ns, ==,
                   9010 * G_GINT64_CONSTANT (1000000));
  /* An endless group of pictures ends at the bound, and cannot be started from. */
  for (int64_t ms = 10010; ms < 90000; ms += 10)
    air_packet_ring_append (ring, ring_packet (ms, 0));
  g_assert_cmpuint (air_packet_ring_get_head (ring) - air_packet_ring_get_tail (ring), <=, 4096);
  g_assert_cmpuint (air_packet_ring_get_keyframe (ring), ==, AIR_RING_NONE);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/whep/rtp/clock", test_clock);
  g_test_add_func ("/whep/rtp/header", test_header);
  g_test_add_func ("/whep/rtp/lip-sync", test_lip_sync);
  g_test_add_func ("/whep/rtp/h264/property", test_h264_property);
  g_test_add_func ("/whep/rtp/h264/parameter-sets", test_h264_parameter_sets);
  g_test_add_func ("/whep/rtp/h264/odd-parameter-sets", test_h264_odd_parameter_sets);
  g_test_add_func ("/whep/rtp/h264/sei", test_h264_sei);
  g_test_add_func ("/whep/rtp/h264/broken", test_h264_broken);
  g_test_add_func ("/whep/rtp/h264/gstreamer", test_h264_gstreamer);
  g_test_add_func ("/whep/rtp/opus", test_opus);
  g_test_add_func ("/whep/rtp/ring", test_ring);
  return g_test_run ();
}
