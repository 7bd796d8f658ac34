/* One run of a rendition's pipeline: from the first unit of an input track until that changes or something breaks.
 * Made, fed and freed by the rendition's thread; what comes out is delivered to @output on a streaming thread. */
#pragma once

#include "pipeline-template.h"

G_BEGIN_DECLS

typedef struct _AirRenditionPipeline AirRenditionPipeline;

/* Builds and starts it for units of @track; its gate is shut. Only what is presented from @start_ns on comes out; units before it are
 * decoded, so that the stream can be joined between two keyframes. @wake_fd is written when there is room again.
 * NULL with AIR_ERROR_INVALID; the message names file and element. */
AirRenditionPipeline *air_rendition_pipeline_new (const AirPipelineTemplate *pipeline_template,
                                                  const AirPipelineValues *values, AirTrack *track, int64_t start_ns,
                                                  AirStream *output, int wake_fd, GError **error);
void air_rendition_pipeline_free (AirRenditionPipeline *self);
/* (transfer none) */
AirTrack *air_rendition_pipeline_get_track (AirRenditionPipeline *self);
bool air_rendition_pipeline_is_full (AirRenditionPipeline *self);
void air_rendition_pipeline_push (AirRenditionPipeline *self, AirUnit *unit);
/* A shut gate lets nothing behind the decoder work; when it opens, the next picture comes out as a keyframe. Without a gate
 * it is always open. */
void air_rendition_pipeline_set_open (AirRenditionPipeline *self, bool open);
void air_rendition_pipeline_force_keyframe (AirRenditionPipeline *self);
/* Readable when air_rendition_pipeline_check() may have something to say. */
int air_rendition_pipeline_get_fd (AirRenditionPipeline *self);
/* Returns false with AIR_ERROR_FAILED when it broke; the message names file and element. */
bool air_rendition_pipeline_check (AirRenditionPipeline *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirRenditionPipeline, air_rendition_pipeline_free)

G_END_DECLS
