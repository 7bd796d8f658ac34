/* AirRendition: what a pipeline template makes of a stream, once for all who read it.
 *
 * A thread of its own reads the parent stream, feeds the pipeline and watches its bus; it begins with the first rendition
 * asked for and ends with the stream. The pipeline exists only while the rendition's stream has readers (and a grace
 * period after the last). Reference-counted; any thread.
 */
#pragma once

#include <airclass/stream.h>

#include "pipeline-template.h"

G_BEGIN_DECLS

typedef struct _AirRendition AirRendition;

/* The protocol under which a rendition reads its parent; not shown in the status document. */
#define AIR_RENDITION_PROTOCOL "rendition"

/* NULL with AIR_ERROR_LIMIT. */
AirRendition *air_rendition_new (AirStream *parent, AirPipelineTemplate *pipeline_template, GError **error);
/* Starts its thread, which the registry counts so that it can wait for it. Fails with AIR_ERROR_LIMIT. */
bool air_rendition_start (AirRendition *rendition, GError **error);
AirRendition *air_rendition_ref (AirRendition *rendition);
void air_rendition_unref (AirRendition *rendition);
/* (transfer none) */
AirStream *air_rendition_get_stream (AirRendition *rendition);
/* The number of readers changed: starts the pipeline, or lets it end. */
void air_rendition_wake (AirRendition *rendition);
void air_rendition_request_keyframe (AirRendition *rendition);
/* The parent has ended: the thread leaves soon; does not wait. */
void air_rendition_quit (AirRendition *rendition);

/* Loads and tries each template in @folder, so that the plugins they need are loaded before the first viewer comes, and
 * broken ones are logged at the start. Takes a while; any thread. */
void air_renditions_warm_up (const char *folder);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirRendition, air_rendition_unref)

G_END_DECLS
