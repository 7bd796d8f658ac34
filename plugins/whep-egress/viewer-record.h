/* What all viewers have, whatever the engine: they are counted references (atomic), and what is known of them is written by the
 * thread that serves them and read by the main thread. */
#pragma once

#include "rtp-header.h"
#include "viewer-level.h"

G_BEGIN_DECLS

typedef struct
{
  gatomicrefcount references;
  void *viewer; /* of which this is a part */
  GDestroyNotify free;
  GMutex lock;
  AirViewerInfo info;    /* under lock; viewer_id and path are constant */
  bool short_sound;      /* in packets of 20 ms; constant */
  uint64_t bytes_before; /* for the bitrate; of the viewer's thread */
} AirViewerRecord;

/* The first reference. @free: frees @viewer after the last one. @engine: static. */
void air_viewer_record_init (AirViewerRecord *record, void *viewer, GDestroyNotify free,
                             const AirViewerRequest *request, const char *engine, const AirSdpChoice *choice);
AirViewerRecord *air_viewer_record_ref (AirViewerRecord *record);
/* NULL is taken. */
void air_viewer_record_unref (AirViewerRecord *record);
/* Returns: (transfer full) a copy. Any thread. */
AirViewerInfo *air_viewer_record_get_info (AirViewerRecord *record);
/* ICE chose a path. @transport: static. Any thread. */
void air_viewer_record_set_address (AirViewerRecord *record, const char *address, const char *transport);
/* The handshake is done. @profile: static. Any thread. */
void air_viewer_record_set_profile (AirViewerRecord *record, const char *profile);
/* Once a second: what was counted in @counts, whose strings are not looked at, and what @level tells. */
void air_viewer_record_publish (AirViewerRecord *record, const AirViewerInfo *counts, bool connected,
                                AirViewerLevel *level, int64_t now_us);

/* What a viewer's streams are called in SDP and RTCP. */
typedef struct
{
  char *cname;
  char *mid; /* of the first section that is sent */
} AirViewerNames;

/* @ret_mids: of each kind that is sent, as far as a header has room for it. */
void air_viewer_names_init (AirViewerNames *names, const AirSdpOffer *offer, const AirSdpChoice *choice,
                            char ret_mids[AIR_KIND_COUNT][AIR_RTP_MAX_MID_BYTES + 1]);
void air_viewer_names_clear (AirViewerNames *names);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirViewerRecord, air_viewer_record_unref)

G_END_DECLS
