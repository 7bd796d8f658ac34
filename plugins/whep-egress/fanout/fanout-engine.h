/* What the files of the fan-out engine share on the main thread. */
#pragma once

#include "additional-hosts.h"
#include "engine-base.h"
#include "fanout-loops.h"
#include "fanout-viewer.h"

G_BEGIN_DECLS

typedef struct
{
  AirEngineBase base;
  AirFanoutLoops *loops;
  AirDtlsIdentity *identity;
  AirAdditionalHosts *additional;
  unsigned review_timer, expire_timer;
} AirFanoutEngine;

/* Returns: (transfer full) the lines of a=candidate. */
GStrv air_fanout_engine_list_candidates (AirFanoutEngine *self);
/* Returns: (transfer full) a viewer that waits for its first check, with its answer; NULL with @error. */
AirFanoutViewer *air_fanout_engine_make_viewer (AirFanoutEngine *self, AirStreamFeed *feed,
                                                const AirViewerRequest *request, char **ret_answer, GError **error);
/* AirEngineClass.restart */
void air_fanout_engine_restart_viewer (AirEngine *engine, const char *viewer_id, const AirSdpFragment *fragment,
                                       AirEngineAnswered answered, void *data, GDestroyNotify destroy);

G_END_DECLS
