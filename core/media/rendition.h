/* AirRendition: what a pipeline template makes of a stream, once for all who read it.
 *
 * A thread of its own reads the parent stream, feeds the pipeline and watches its bus; it begins with the first rendition
 * asked for and ends with the stream. The pipeline exists only while the rendition's stream has readers (and a grace
 * period after the last), or while it stands by for the first one. Reference-counted; any thread.
 */
#pragma once

#include <airclass/stream.h>

#include "pipeline-template.h"
#include "stream-registry.h"

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
/* While nobody reads, the pipeline runs up to its gate: what is newest is decoded, nothing is encoded. A first reader has
 * a keyframe with the next picture then, however long ago the publisher's was. */
void air_rendition_set_standby (AirRendition *rendition, bool standby);
bool air_rendition_is_standby (AirRendition *rendition);
/* The publisher is another one, or sends something else: what failed before says nothing. Any thread. */
void air_rendition_renew (AirRendition *rendition);
void air_rendition_request_keyframe (AirRendition *rendition);
/* The parent has ended: the thread leaves soon; does not wait. */
void air_rendition_quit (AirRendition *rendition);

/* Loads and tries each template in @folder, so that the plugins they need are loaded before the first viewer comes, and
 * broken ones are logged at the start; @registry learns which of them can stand by. Takes a while, less when the host of @context (may be
 * NULL) begins to stop; any thread. */
void air_renditions_warm_up (AirStreamRegistry *registry, const char *folder, AirContext *context);
/* Gives the places for standby to those of @streams (element-type AirStream) that no browser plays as they are: who has one
 * keeps it. One thread at a time. */
void air_renditions_review_standby (AirStreamRegistry *registry, GPtrArray *streams);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirRendition, air_rendition_unref)

G_END_DECLS
