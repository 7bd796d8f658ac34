/* A template under pipelines/: a GStreamer launch line with a header of comments. Immutable, reference-counted; any thread.
 *
 *   # summary: what it makes
 *   # kind: audio
 *   # input: audio/mpeg, mpegversion=4
 *   # output: audio/x-opus
 *   # standby: unplayable
 *   appsrc name=source ! … ${bitrate_kbps} … ! appsink name=sink
 *
 * `input` are the caps that it takes, `output` those that it makes. Lines that begin with '#' are no part of the
 * pipeline. `standby` is optional: see air_rendition_set_standby(). Placeholders: ${bitrate_kbps}, ${width}, ${height}, ${fps}, ${keyframe_frames}, ${sample_rate}, ${channels}.
 */
#pragma once

#include <airclass/stream.h>

G_BEGIN_DECLS

typedef struct
{
  gatomicrefcount references;
  char *name; /* "opus" */
  char *file; /* "/usr/share/airclass/pipelines/opus.pipeline" */
  AirKind kind;
  GstCaps *input, *output;
  bool standby; /* kept ready for streams that no browser plays */
  char *launch; /* with placeholders */
} AirPipelineTemplate;

typedef struct
{
  unsigned bitrate_kbps, width, height, fps, keyframe_frames, sample_rate, channels;
} AirPipelineValues;

/* Reads pipelines/@name.pipeline in @folder. NULL with AIR_ERROR_NOT_FOUND when there is none, AIR_ERROR_INVALID when its
 * header or a placeholder is wrong; the message names the file. */
AirPipelineTemplate *air_pipeline_template_load (const char *folder, const char *name, GError **error);
AirPipelineTemplate *air_pipeline_template_ref (AirPipelineTemplate *self);
void air_pipeline_template_unref (AirPipelineTemplate *self);
/* Builds the pipeline with "source" and "sink" in it. NULL with AIR_ERROR_INVALID; the message names file and element.
 * Returns: (transfer full) a GstPipeline in state NULL. */
GstElement *air_pipeline_template_build (const AirPipelineTemplate *self, const AirPipelineValues *values, GError **error);
/* Placeholder values for a check before any input is known. */
extern const AirPipelineValues air_pipeline_default_values;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirPipelineTemplate, air_pipeline_template_unref)

G_END_DECLS
