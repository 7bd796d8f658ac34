/* See rendition-pipeline.h.
 *
 * Time: the source sends a segment that begins at `start_ns` of the parent's timeline, so running time + start_ns is the
 * timeline again at the sink, whatever an encoder adds to its timestamps (x264enc adds 1000 hours).
 */
#define G_LOG_DOMAIN "air-streams"

#include "rendition-pipeline.h"

#include <gst/app/app.h>
#include <unistd.h>

#include "stream-private.h"

/* Units that wait in front of the pipeline; what does not fit waits in the rendition's reader, which is bounded. */
#define MAX_WAITING 32

struct _AirRenditionPipeline
{
  const AirPipelineTemplate *pipeline_template; /* borrowed */
  AirTrack *track;
  AirStream *output;
  int wake_fd;
  int64_t start_ns;
  GstElement *pipeline, *source, *gate, *sink; /* the gate is NULL where the template has none */
  bool open;
  GstBus *bus;
  bool segment_sent;

  /* Streaming thread only. */
  GstCaps *output_caps;
  AirTrack *output_track;
  bool delivered;
};

/* ---- Out */

static bool
update_track (AirRenditionPipeline *self, GstCaps *caps, GError **error)
{
  if (self->output_caps != NULL && (self->output_caps == caps || gst_caps_is_equal (self->output_caps, caps)))
    return true;
  AirCodec codec = air_codec_from_caps (caps);
  if (codec == AIR_CODEC_OTHER || !gst_caps_can_intersect (caps, self->pipeline_template->output))
    {
      g_autofree char *text = gst_caps_to_string (caps);
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "it makes %.80s, which is not its output", text);
      return false;
    }
  AirTrack *track = air_track_new (self->pipeline_template->kind, codec, caps, error);
  if (track == NULL)
    return false;
  air_track_unref (self->output_track);
  self->output_track = track;
  gst_caps_replace (&self->output_caps, caps);
  return true;
}

/* @time of @segment, brought to the parent's timeline. */
static int64_t
to_timeline (const AirRenditionPipeline *self, const GstSegment *segment, GstClockTime time)
{
  guint64 running = 0;
  int sign = gst_segment_to_running_time_full (segment, GST_FORMAT_TIME, time, &running);
  return self->start_ns + (sign >= 0 ? (int64_t)running : -(int64_t)running);
}

static void
deliver (AirRenditionPipeline *self, GstSample *sample)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  const GstSegment *segment = gst_sample_get_segment (sample);
  if (buffer == NULL || !GST_BUFFER_PTS_IS_VALID (buffer) || segment->format != GST_FORMAT_TIME)
    return;
  bool audio = self->pipeline_template->kind == AIR_KIND_AUDIO;
  int64_t pts_ns = to_timeline (self, segment, GST_BUFFER_PTS (buffer));
  int64_t dts_ns = GST_BUFFER_DTS_IS_VALID (buffer) ? to_timeline (self, segment, GST_BUFFER_DTS (buffer)) : pts_ns;
  unsigned flags = audio || !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT) ? AIR_UNIT_KEYFRAME : 0;
  AirStream *output = self->output;
  g_mutex_lock (&output->lock);
  if (!output->ended)
    {
      int64_t *last = &output->timeline.tracks[self->pipeline_template->kind].out;
      if (*last >= 0 && !self->delivered)
        flags |= AIR_UNIT_DISCONTINUITY;
      dts_ns = MAX (dts_ns, *last + 1);
      *last = dts_ns;
      air_stream_set_track_locked (output, self->output_track);
      AirUnit *unit
        = air_unit_new (self->output_track, gst_buffer_ref (buffer), MAX (pts_ns, dts_ns), dts_ns, flags);
      air_meter_add (&output->meter, unit);
      air_stream_deliver_locked (output, unit);
    }
  g_mutex_unlock (&output->lock);
  self->delivered = true;
}

static GstFlowReturn
on_new_sample (GstAppSink *sink, void *data)
{
  AirRenditionPipeline *self = data;
  g_autoptr (GstSample) sample = gst_app_sink_pull_sample (sink);
  if (sample == NULL)
    return GST_FLOW_EOS;
  g_autoptr (GError) error = NULL;
  GstCaps *caps = gst_sample_get_caps (sample);
  if (caps == NULL || !update_track (self, caps, &error))
    {
      GST_ELEMENT_ERROR (sink, STREAM, FORMAT, ("%s", error != NULL ? error->message : "it makes something without caps"),
                         (NULL));
      return GST_FLOW_ERROR;
    }
  deliver (self, sample);
  return GST_FLOW_OK;
}

/* ---- In */

static void
on_need_data (GstAppSrc *source, unsigned length, void *data)
{
  const AirRenditionPipeline *self = data;
  uint64_t one = 1;
  if (write (self->wake_fd, &one, sizeof one) < 0)
    g_debug ("the rendition's thread is awake already");
}

bool
air_rendition_pipeline_is_full (AirRenditionPipeline *self)
{
  return gst_app_src_get_current_level_buffers (GST_APP_SRC (self->source)) >= MAX_WAITING;
}

void
air_rendition_pipeline_push (AirRenditionPipeline *self, AirUnit *unit)
{
  GstAppSrc *source = GST_APP_SRC (self->source);
  g_autoptr (GstBuffer) buffer = gst_buffer_ref (unit->buffer);
  if (unit->flags & AIR_UNIT_DISCONTINUITY)
    {
      buffer = gst_buffer_make_writable (g_steal_pointer (&buffer));
      GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
    }
  if (self->segment_sent)
    {
      gst_app_src_push_buffer (source, g_steal_pointer (&buffer));
      return;
    }
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = segment.position = (guint64)self->start_ns;
  g_autoptr (GstSample) sample = gst_sample_new (buffer, air_track_get_caps (self->track), &segment, NULL);
  gst_app_src_push_sample (source, sample);
  self->segment_sent = true;
}

void
air_rendition_pipeline_force_keyframe (AirRenditionPipeline *self)
{
  GstStructure *structure = gst_structure_new ("GstForceKeyUnit", "all-headers", G_TYPE_BOOLEAN, TRUE, NULL);
  gst_element_send_event (self->sink, gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM, structure));
}

void
air_rendition_pipeline_set_open (AirRenditionPipeline *self, bool open)
{
  AirStream *output = self->output;
  if (self->gate == NULL || self->open == open)
    return;
  self->open = open;
  AIR_COUNT (output->registry->counters.standby, open ? -1 : 1);
  /* Pictures from before the pause are none to begin with. */
  g_mutex_lock (&output->lock);
  air_gop_cache_clear (&output->cache);
  g_mutex_unlock (&output->lock);
  if (open)
    air_rendition_pipeline_force_keyframe (self);
  g_object_set (self->gate, "drop", !open, NULL);
}

AirTrack *
air_rendition_pipeline_get_track (AirRenditionPipeline *self)
{
  return self->track;
}

/* ---- Life */

int
air_rendition_pipeline_get_fd (AirRenditionPipeline *self)
{
  GPollFD fd;
  gst_bus_get_pollfd (self->bus, &fd);
  return fd.fd;
}

bool
air_rendition_pipeline_check (AirRenditionPipeline *self, GError **error)
{
  GstMessage *next;
  while ((next = gst_bus_pop (self->bus)) != NULL)
    {
      g_autoptr (GstMessage) message = next;
      if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS)
        {
          g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "%s: it ended by itself", self->pipeline_template->file);
          return false;
        }
      if (GST_MESSAGE_TYPE (message) != GST_MESSAGE_ERROR)
        continue;
      g_autoptr (GError) cause = NULL;
      g_autofree char *detail = NULL;
      gst_message_parse_error (message, &cause, &detail);
      g_debug ("%s: %s", GST_MESSAGE_SRC_NAME (message), detail != NULL ? detail : "no detail");
      g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "%s: element \"%s\": %s", self->pipeline_template->file,
                   GST_MESSAGE_SRC_NAME (message), cause->message);
      return false;
    }
  return true;
}

static void
set_up_ends (AirRenditionPipeline *self)
{
  self->source = gst_bin_get_by_name (GST_BIN (self->pipeline), "source");
  self->sink = gst_bin_get_by_name (GST_BIN (self->pipeline), "sink");
  self->gate = self->pipeline_template->standby ? gst_bin_get_by_name (GST_BIN (self->pipeline), "gate") : NULL;
  self->open = self->gate == NULL;
  if (self->gate != NULL)
    g_object_set (self->gate, "drop", TRUE, NULL);
  g_object_set (self->source, "caps", air_track_get_caps (self->track), "format", GST_FORMAT_TIME, "is-live", TRUE,
                "do-timestamp", FALSE, "block", FALSE, "max-bytes", (guint64)0, "handle-segment-change", TRUE, NULL);
  g_object_set (self->sink, "sync", FALSE, "async", FALSE, "emit-signals", FALSE, "max-buffers", 0, "drop", FALSE,
                "enable-last-sample", FALSE, NULL);
  static GstAppSrcCallbacks source_callbacks = { .need_data = on_need_data };
  static GstAppSinkCallbacks sink_callbacks = { .new_sample = on_new_sample };
  gst_app_src_set_callbacks (GST_APP_SRC (self->source), &source_callbacks, self, NULL);
  gst_app_sink_set_callbacks (GST_APP_SINK (self->sink), &sink_callbacks, self, NULL);
}

AirRenditionPipeline *
air_rendition_pipeline_new (const AirPipelineTemplate *pipeline_template, const AirPipelineValues *values,
                            AirTrack *track, int64_t start_ns, AirStream *output, int wake_fd, GError **error)
{
  GstElement *pipeline = air_pipeline_template_build (pipeline_template, values, error);
  if (pipeline == NULL)
    return NULL;
  g_autoptr (AirRenditionPipeline) self = g_new0 (AirRenditionPipeline, 1);
  self->pipeline_template = pipeline_template;
  self->pipeline = pipeline;
  self->bus = gst_element_get_bus (pipeline);
  self->track = air_track_ref (track);
  self->output = air_stream_ref (output);
  self->start_ns = start_ns;
  self->wake_fd = wake_fd;
  set_up_ends (self);
  AIR_COUNT (output->registry->counters.pipelines, 1);
  AIR_COUNT (output->registry->counters.standby, self->open ? 0 : 1);
  if (gst_element_set_state (pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE)
    return g_steal_pointer (&self);
  if (air_rendition_pipeline_check (self, error))
    g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "%s: it does not start", pipeline_template->file);
  return NULL;
}

void
air_rendition_pipeline_free (AirRenditionPipeline *self)
{
  if (self == NULL)
    return;
  gst_element_set_state (self->pipeline, GST_STATE_NULL); /* no callback runs after it */
  AIR_COUNT (self->output->registry->counters.pipelines, -1);
  AIR_COUNT (self->output->registry->counters.standby, self->open ? 0 : -1);
  gst_bus_set_flushing (self->bus, TRUE);
  g_clear_object (&self->source);
  g_clear_object (&self->gate);
  g_clear_object (&self->sink);
  g_clear_object (&self->bus);
  g_clear_object (&self->pipeline);
  air_track_unref (self->track);
  air_track_unref (self->output_track);
  gst_clear_caps (&self->output_caps);
  air_stream_unref (self->output);
  g_free (self);
}
