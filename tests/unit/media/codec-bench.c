/* See codec-bench.h. */
#include "codec-bench.h"

#include <gst/app/app.h>
#include <math.h>

GPtrArray *
bench_run_caps (const char *launch, GstCaps *caps, GPtrArray *buffers)
{
  g_autofree char *text = g_strdup_printf ("appsrc name=in format=time ! %s ! appsink name=out sync=false", launch);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, &error);
  g_assert_no_error (error);
  g_autoptr (GstElement) in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  g_autoptr (GstElement) out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  g_object_set (in, "caps", caps, "max-bytes", (guint64)0, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (unsigned i = 0; i < buffers->len; i++)
    gst_app_src_push_buffer (GST_APP_SRC (in), gst_buffer_ref (buffers->pdata[i]));
  gst_app_src_end_of_stream (GST_APP_SRC (in));
  GPtrArray *samples = g_ptr_array_new_with_free_func ((GDestroyNotify)gst_sample_unref);
  GstSample *sample;
  while ((sample = gst_app_sink_pull_sample (GST_APP_SINK (out))) != NULL)
    g_ptr_array_add (samples, sample);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return samples;
}

GPtrArray *
bench_run (const char *launch, const char *caps, GPtrArray *buffers)
{
  g_autoptr (GstCaps) parsed = gst_caps_from_string (caps);
  return bench_run_caps (launch, parsed, buffers);
}

GPtrArray *
bench_encode_video (unsigned width, unsigned height, unsigned frames, unsigned flash, bool bframes)
{
  g_autoptr (GPtrArray) raw = g_ptr_array_new_with_free_func ((GDestroyNotify)gst_buffer_unref);
  for (unsigned i = 0; i < frames; i++)
    {
      gsize luma = (gsize)width * height;
      GstBuffer *buffer = gst_buffer_new_allocate (NULL, luma * 3 / 2, NULL);
      gst_buffer_memset (buffer, 0, i < flash ? 16 : 235, luma);
      gst_buffer_memset (buffer, luma, 128, luma / 2);
      GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (i, GST_SECOND, 30);
      GST_BUFFER_DURATION (buffer) = GST_SECOND / 30;
      g_ptr_array_add (raw, buffer);
    }
  g_autofree char *caps
    = g_strdup_printf ("video/x-raw, format=I420, width=%u, height=%u, framerate=30/1", width, height);
  g_autofree char *launch = g_strdup_printf ("x264enc speed-preset=superfast threads=1 key-int-max=1000 rc-lookahead=4 "
                                             "b-adapt=false bframes=%u option-string=scenecut=0 ! "
                                             "video/x-h264, stream-format=avc, alignment=au, profile=main",
                                             bframes ? 2 : 0);
  return bench_run (launch, caps, raw);
}

GPtrArray *
bench_encode_audio (unsigned rate, unsigned channels, unsigned duration_ms, unsigned onset_ms)
{
  g_autoptr (GPtrArray) raw = g_ptr_array_new_with_free_func ((GDestroyNotify)gst_buffer_unref);
  gsize total = (gsize)rate * duration_ms / 1000, onset = (gsize)rate * onset_ms / 1000;
  g_autofree gint16 *samples = g_new0 (gint16, total * channels);
  for (gsize i = onset; i < total; i++)
    for (unsigned channel = 0; channel < channels; channel++)
      samples[i * channels + channel] = (gint16)(20000 * sin ((double)i * 2 * G_PI * 1000 / rate));
  GstBuffer *buffer = gst_buffer_new_memdup (samples, total * channels * sizeof (gint16));
  GST_BUFFER_PTS (buffer) = 0;
  g_ptr_array_add (raw, buffer);
  g_autofree char *caps = g_strdup_printf (
    "audio/x-raw, format=S16LE, layout=interleaved, rate=%u, channels=%u%s", rate, channels,
    channels == 2 ? ", channel-mask=(bitmask)3" : "");
  return bench_run ("audioconvert ! avenc_aac bitrate=128000 ! audio/mpeg, stream-format=raw", caps, raw);
}

static int64_t
running_time (GstSample *sample, GstClockTime time)
{
  guint64 running = 0;
  int sign = gst_segment_to_running_time_full (gst_sample_get_segment (sample), GST_FORMAT_TIME, time, &running);
  return sign < 0 ? -(int64_t)running : (int64_t)running;
}

int64_t
bench_pts (GstSample *sample)
{
  return running_time (sample, GST_BUFFER_PTS (gst_sample_get_buffer (sample)));
}

int64_t
bench_dts (GstSample *sample)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  return GST_BUFFER_DTS_IS_VALID (buffer) ? running_time (sample, GST_BUFFER_DTS (buffer)) : bench_pts (sample);
}

int64_t
bench_find_flash (GPtrArray *samples)
{
  for (unsigned i = 0; i < samples->len; i++)
    {
      guint8 luma = 0;
      gst_buffer_extract (gst_sample_get_buffer (samples->pdata[i]), 0, &luma, 1);
      if (luma > 128)
        return bench_pts (samples->pdata[i]);
    }
  return -1;
}

int64_t
bench_find_onset (GPtrArray *samples)
{
  for (unsigned i = 0; i < samples->len; i++)
    {
      int rate = 0, channels = 0;
      const GstStructure *caps = gst_caps_get_structure (gst_sample_get_caps (samples->pdata[i]), 0);
      gst_structure_get_int (caps, "rate", &rate);
      gst_structure_get_int (caps, "channels", &channels);
      GstMapInfo map;
      gst_buffer_map (gst_sample_get_buffer (samples->pdata[i]), &map, GST_MAP_READ);
      const gint16 *values = (const gint16 *)map.data;
      int64_t found = -1;
      for (gsize at = 0; at < map.size / sizeof (gint16) && found < 0; at += (gsize)channels)
        if (ABS (values[at]) > 8000)
          found = (int64_t)gst_util_uint64_scale (at / (gsize)channels, GST_SECOND, (guint64)rate);
      gst_buffer_unmap (gst_sample_get_buffer (samples->pdata[i]), &map);
      if (found >= 0)
        return bench_pts (samples->pdata[i]) + found;
    }
  return -1;
}
