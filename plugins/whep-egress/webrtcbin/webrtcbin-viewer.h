/* One viewer of the webrtcbin engine.
 *
 * Made on the main thread, negotiated in a worker, then on the thread of its AirWebrtcLoop; reference-counted (atomic). What
 * several threads see is `info`, under `lock`.
 */
#pragma once

#include "engine.h"
#include "rtp-copy.h"
#include "webrtcbin-peer.h"
#include "viewer-feedback.h"
#include "viewer-record.h"

G_BEGIN_DECLS

typedef struct _AirWebrtcGroup AirWebrtcGroup;
typedef struct _AirWebrtcLoop AirWebrtcLoop;

typedef struct
{
  AirWebrtcLoop *loop;
  AirWebrtcGroup *group;
  AirWebrtcPeer *peer;
  AirViewerNames names;


  /* On the loop. */
  AirRtpTrack tracks[AIR_KIND_COUNT];
  bool attached;
  bool media;
  bool behind; /* stands in the loop's list of those that are paced */
  int64_t created_us;
  int64_t heard_us;
  int64_t next_report_us;
  unsigned reports;
  AirRepair repair;
  AirRtcpSources sources;
  AirRtpCopier copier;
  AirLevels levels; /* which it may get */
  AirViewerLevel level;
  AirViewerInfo counts; /* strings unused */

  AirViewerRecord record;
} AirWebrtcViewer;

AirWebrtcViewer *air_webrtc_viewer_new (const AirViewerRequest *request, const AirSdpChoice *choice,
                                        AirWebrtcGroup *group, AirWebrtcLoop *loop, AirLevels levels);
AirWebrtcViewer *air_webrtc_viewer_ref (AirWebrtcViewer *viewer);
void air_webrtc_viewer_unref (AirWebrtcViewer *viewer);
/* Says BYE and ends the pipeline. Worker. */
void air_webrtc_viewer_close (AirWebrtcViewer *viewer);

/* ---- On the loop's thread */

/* Media is about to flow. */
void air_webrtc_viewer_begin (AirWebrtcViewer *viewer, int64_t now_us);
/* Sends what waits in the rings, as far as the pace lets it. Returns whether more waits. */
bool air_webrtc_viewer_pump (AirWebrtcViewer *viewer, int64_t now_us);
/* A decrypted compound RTCP packet. Returns false when the viewer says BYE. */
bool air_webrtc_viewer_feedback (AirWebrtcViewer *viewer, const uint8_t *packet, size_t size, int64_t now_us);
/* A sender report when one is due. */
void air_webrtc_viewer_report (AirWebrtcViewer *viewer, int64_t now_us);
/* Copies the counts to where other threads read them; once a second. */
void air_webrtc_viewer_publish (AirWebrtcViewer *viewer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirWebrtcViewer, air_webrtc_viewer_unref)

G_END_DECLS
