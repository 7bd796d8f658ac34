/* The pipeline of one run: appsrc → parser → mpegtsmux → appsink. */
#include "hls-mux.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>

#include "ts-cutter.h"

#define MAX_QUEUE_BYTES (16 * 1024 * 1024)
/* The mux writes in the order of time, and waits for a track that is silent; after so long it is told not to. */
#define PATIENCE_NS (2 * G_GINT64_CONSTANT (1000000000))
/* How far behind the other track a silent one is declared to be. */
#define BEHIND_NS (G_GINT64_CONSTANT (1000000000))

struct _HlsMux
{
  HlsMuxConfig config;
  AirTrack *tracks[AIR_KIND_COUNT];
  GstElement *pipeline;
  GstAppSrc *sources[AIR_KIND_COUNT];
  int64_t heard_ns[AIR_KIND_COUNT]; /* DTS of the newest unit */
  int64_t told_ns[AIR_KIND_COUNT];  /* up to where the mux need not wait */
  int over;                         /* atomic: ended() was called */

  /* The pipeline's thread */
  TsCutter *cutter;
  int64_t time_ns; /* of the packets that come */
};

bool
hls_mux_takes (AirCodec codec)
{
  return codec == AIR_CODEC_H264 || codec == AIR_CODEC_AAC;
}

static void
end (HlsMux *mux, const GError *error)
{
  if (g_atomic_int_compare_and_exchange (&mux->over, false, true))
    mux->config.ended (mux, error, mux->config.data);
}

/* ---- What comes out */

static void
on_segment (GBytes *media, int64_t duration_ns, void *data)
{
  HlsMux *mux = data;
  mux->config.segment (mux, media, duration_ns, mux->config.data);
}

/* @buffer: whole packets of one unit. */
static void
take_packets (HlsMux *mux, GstBuffer *buffer)
{
  GstMapInfo map;
  if (GST_BUFFER_PTS_IS_VALID (buffer))
    mux->time_ns = (int64_t)GST_BUFFER_PTS (buffer);
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return;
  for (size_t at = 0; at + TS_PACKET_BYTES <= map.size; at += TS_PACKET_BYTES)
    ts_cutter_take (mux->cutter, map.data + at, mux->time_ns);
  gst_buffer_unmap (buffer, &map);
}

static GstFlowReturn
on_sample (GstAppSink *sink, gpointer data)
{
  HlsMux *mux = data;
  GstSample *sample = gst_app_sink_pull_sample (sink);
  if (!sample)
    return GST_FLOW_EOS;
  GstBufferList *list = gst_sample_get_buffer_list (sample);
  for (guint i = 0; list && i < gst_buffer_list_length (list); i++)
    take_packets (mux, gst_buffer_list_get (list, i));
  if (gst_sample_get_buffer (sample))
    take_packets (mux, gst_sample_get_buffer (sample));
  gst_sample_unref (sample);
  return GST_FLOW_OK;
}

static void
on_eos (GstAppSink *sink, gpointer data)
{
  HlsMux *mux = data;
  ts_cutter_finish (mux->cutter);
  end (mux, NULL);
}

static GstBusSyncReply
on_message (GstBus *bus, GstMessage *message, gpointer data)
{
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    {
      g_autoptr (GError) error = NULL;
      gst_message_parse_error (message, &error, NULL);
      end (data, error);
    }
  gst_message_unref (message);
  return GST_BUS_DROP;
}

/* ---- The pipeline */

static GstElement *
make (HlsMux *mux, const char *factory, GError **error)
{
  GstElement *element = gst_element_factory_make (factory, NULL);
  if (element)
    gst_bin_add (GST_BIN (mux->pipeline), element);
  else
    g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "GStreamer has no element '%s' here", factory);
  return element;
}

static bool
add_track (HlsMux *mux, AirKind kind, GstElement *muxer, GError **error)
{
  GstElement *source = make (mux, "appsrc", error);
  GstElement *parser = source ? make (mux, kind == AIR_KIND_VIDEO ? "h264parse" : "aacparse", error) : NULL;
  if (!parser)
    return false;
  mux->sources[kind] = GST_APP_SRC (source);
  gst_app_src_set_caps (mux->sources[kind], air_track_get_caps (mux->tracks[kind]));
  gst_app_src_set_max_bytes (mux->sources[kind], 0);
  g_object_set (source, "format", GST_FORMAT_TIME, NULL);
  if (kind == AIR_KIND_VIDEO)
    g_object_set (parser, "config-interval", -1, NULL);
  if (!gst_element_link_many (source, parser, muxer, NULL))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "the %s cannot be put into MPEG-TS", kind == AIR_KIND_VIDEO ? "video" : "audio");
      return false;
    }
  return true;
}

static bool
build (HlsMux *mux, GError **error)
{
  GstAppSinkCallbacks callbacks = { .new_sample = on_sample, .eos = on_eos };
  GstElement *muxer = make (mux, "mpegtsmux", error);
  GstElement *sink = muxer ? make (mux, "appsink", error) : NULL;
  if (!sink)
    return false;
  for (AirKind kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (mux->tracks[kind] && !add_track (mux, kind, muxer, error))
      return false;
  g_object_set (sink, "sync", FALSE, NULL);
  gst_app_sink_set_buffer_list_support (GST_APP_SINK (sink), TRUE);
  gst_app_sink_set_callbacks (GST_APP_SINK (sink), &callbacks, mux, NULL);
  g_autoptr (GstBus) bus = gst_element_get_bus (mux->pipeline);
  gst_bus_set_sync_handler (bus, on_message, mux, NULL);
  if (gst_element_link (muxer, sink) && gst_element_set_state (mux->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE)
    return true;
  g_set_error_literal (error, AIR_ERROR, AIR_ERROR_FAILED, "the pipeline does not start");
  return false;
}

HlsMux *
hls_mux_new (AirTrack *const tracks[AIR_KIND_COUNT], const HlsMuxConfig *config, GError **error)
{
  HlsMux *mux = g_new0 (HlsMux, 1);
  TsCutterConfig cuts = {
    .pictures = tracks[AIR_KIND_VIDEO] != NULL,
    .segment_ns = config->segment_ns,
    .longest_ns = config->longest_ns,
    .max_bytes = config->max_bytes,
    .segment = on_segment,
    .data = mux,
  };
  mux->config = *config;
  mux->cutter = ts_cutter_new (&cuts);
  mux->pipeline = gst_object_ref_sink (gst_pipeline_new (NULL));
  for (AirKind kind = 0; kind < AIR_KIND_COUNT; kind++)
    {
      mux->tracks[kind] = tracks[kind] ? air_track_ref (tracks[kind]) : NULL;
      mux->heard_ns[kind] = mux->told_ns[kind] = -1;
    }
  if (build (mux, error))
    return mux;
  mux->over = true;
  hls_mux_free (mux);
  return NULL;
}

void
hls_mux_free (HlsMux *mux)
{
  if (!mux)
    return;
  gst_element_set_state (mux->pipeline, GST_STATE_NULL);
  gst_object_unref (mux->pipeline);
  for (AirKind kind = 0; kind < AIR_KIND_COUNT; kind++)
    g_clear_pointer (&mux->tracks[kind], air_track_unref);
  ts_cutter_free (mux->cutter);
  g_free (mux);
}

/* ---- What goes in */

AirTrack *
hls_mux_get_track (HlsMux *mux, AirKind kind)
{
  return mux->tracks[kind];
}

int64_t
hls_mux_get_silence_ns (HlsMux *mux, AirKind kind)
{
  AirKind other = kind == AIR_KIND_VIDEO ? AIR_KIND_AUDIO : AIR_KIND_VIDEO;
  return MAX (mux->heard_ns[other] - mux->heard_ns[kind], 0);
}

/* Tells the mux that nothing comes of a track that is far behind @dts_ns. */
static void
pass_over (HlsMux *mux, AirKind kind, int64_t dts_ns)
{
  if (!mux->tracks[kind] || mux->told_ns[kind] < 0 || dts_ns - mux->told_ns[kind] < PATIENCE_NS)
    return;
  int64_t until_ns = dts_ns - BEHIND_NS;
  GstEvent *gap = gst_event_new_gap ((GstClockTime)mux->told_ns[kind], (GstClockTime)(until_ns - mux->told_ns[kind]));
  gst_element_send_event (GST_ELEMENT (mux->sources[kind]), gap);
  mux->told_ns[kind] = until_ns;
}

bool
hls_mux_push (HlsMux *mux, AirUnit *unit)
{
  AirKind kind = air_track_get_kind (unit->track);
  GstAppSrc *source = mux->sources[kind];
  if (gst_app_src_get_current_level_bytes (source) > MAX_QUEUE_BYTES)
    return false;
  /* The buffer is shared, its flags are ours. */
  GstBuffer *buffer = gst_buffer_copy (unit->buffer);
  if (unit->flags & AIR_UNIT_KEYFRAME)
    GST_BUFFER_FLAG_UNSET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  else
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  mux->heard_ns[kind] = unit->dts_ns;
  mux->told_ns[kind] = MAX (mux->told_ns[kind], unit->dts_ns);
  bool taken = gst_app_src_push_buffer (source, buffer) == GST_FLOW_OK;
  pass_over (mux, kind == AIR_KIND_VIDEO ? AIR_KIND_AUDIO : AIR_KIND_VIDEO, unit->dts_ns);
  return taken;
}

void
hls_mux_finish (HlsMux *mux)
{
  for (AirKind kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (mux->sources[kind])
      gst_app_src_end_of_stream (mux->sources[kind]);
}
