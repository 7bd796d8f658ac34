/* What of the webrtcbin engine has to wait: negotiating, ICE restarts, taking pipelines down.
 *
 * Main thread; answers come on the main thread. The work itself runs in threads of its own, so that a TURN server that does
 * not answer keeps nobody else waiting.
 */
#pragma once

#include "additional-hosts.h"
#include "webrtcbin-loop.h"

G_BEGIN_DECLS

typedef struct _AirWebrtcWorkers AirWebrtcWorkers;

/* @network, @additional: outlive the workers. */
AirWebrtcWorkers *air_webrtc_workers_new (AirContext *context, const AirWebrtcNetwork *network,
                                          AirAdditionalHosts *additional);
/* Waits until every viewer is closed; what is not yet negotiated is dropped. */
void air_webrtc_workers_stop (AirWebrtcWorkers *workers);
void air_webrtc_workers_free (AirWebrtcWorkers *workers);

/* @offer and what @choice points to stay until @answered or @destroy is called. A viewer that cannot be negotiated is ended
 * on its loop. */
void air_webrtc_workers_negotiate (AirWebrtcWorkers *workers, AirWebrtcViewer *viewer, const AirSdpOffer *offer,
                                   const AirSdpChoice *choice, AirEngineAnswered answered, void *data,
                                   GDestroyNotify destroy);
void air_webrtc_workers_restart (AirWebrtcWorkers *workers, AirWebrtcViewer *viewer, const AirSdpFragment *fragment,
                                 AirEngineAnswered answered, void *data, GDestroyNotify destroy);
void air_webrtc_workers_close (AirWebrtcWorkers *workers, AirWebrtcViewer *viewer);

G_END_DECLS
