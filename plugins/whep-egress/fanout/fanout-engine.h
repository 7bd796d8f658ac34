/* What the files of the fan-out engine share on the main thread. */
#pragma once

#include "additional-hosts.h"
#include "fanout-feed.h"
#include "fanout-loops.h"
#include "engine-metrics.h"
#include "fanout-viewer.h"

G_BEGIN_DECLS

typedef struct
{
  AirEngine engine;
  AirContext *context;
  AirEngineEvents events;
  AirFanoutLoops *loops;
  AirDtlsIdentity *identity;
  AirBframes bframes;
  AirLevels levels;
  GHashTable *viewers; /* id → AirFanoutEntry */
  GHashTable *feeds;   /* group → AirFanoutFeed */
  AirAdditionalHosts *additional;
  AirEngineMetrics metrics;
  AirEngineLoad load;
  unsigned review_timer, expire_timer;
} AirFanoutEngine;

typedef struct
{
  AirFanoutViewer *viewer;
  AirFanoutFeed *feed;
} AirFanoutEntry;

/* Returns: (transfer full) the lines of a=candidate. */
GStrv air_fanout_engine_list_candidates (AirFanoutEngine *self);
/* Returns: (transfer full) a viewer that waits for its first check, with its answer; NULL with @error. */
AirFanoutViewer *air_fanout_engine_make_viewer (AirFanoutEngine *self, AirFanoutFeed *feed,
                                                const AirViewerRequest *request, char **ret_answer, GError **error);
/* AirEngineClass.restart */
void air_fanout_engine_restart_viewer (AirEngine *engine, const char *viewer_id, const AirSdpFragment *fragment,
                                       AirEngineAnswered answered, void *data, GDestroyNotify destroy);

G_END_DECLS
