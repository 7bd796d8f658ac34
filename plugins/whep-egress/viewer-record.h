/* What is known of one viewer, where several threads see it: written by the thread that serves it, read by the main thread. */
#pragma once

#include "viewer-level.h"

G_BEGIN_DECLS

typedef struct
{
  GMutex lock;
  AirViewerInfo info;    /* under lock; the names are constant */
  uint64_t bytes_before; /* for the bitrate; of the viewer's thread */
} AirViewerRecord;

/* @engine: static. @video: it is sent pictures. */
void air_viewer_record_init (AirViewerRecord *record, const AirViewerRequest *request, const char *engine, bool video);
void air_viewer_record_clear (AirViewerRecord *record);
/* Returns: (transfer full) a copy. Any thread. */
AirViewerInfo *air_viewer_record_get_info (AirViewerRecord *record);
/* ICE chose a path. @transport: static. Any thread. */
void air_viewer_record_set_address (AirViewerRecord *record, const char *address, const char *transport);
/* The handshake is done. @profile: static. Any thread. */
void air_viewer_record_set_profile (AirViewerRecord *record, const char *profile);
/* Once a second: what was counted in @counts, whose strings are not looked at, and what @level tells. */
void air_viewer_record_publish (AirViewerRecord *record, const AirViewerInfo *counts, bool connected,
                                AirViewerLevel *level, int64_t now_us);

G_END_DECLS
