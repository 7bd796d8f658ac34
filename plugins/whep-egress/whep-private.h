/* What the parts of the plugin's state share. Main thread. */
#pragma once

#include "whep-sessions.h"
#include "whep.h"

G_BEGIN_DECLS

struct _AirWhep
{
  AirContext *context;
  AirEngine *engine;
  AirWhepSessions *sessions;
  unsigned max_viewers;
  unsigned timer;
  AirMetric *viewers, *joined, *left, *refused, *join_seconds;
};

/* whep-resource.c: the routes of the sessions. */
void air_whep_add_resource (AirContext *context);
/* whep-viewers.c: the routes that tell of viewers. */
void air_whep_add_viewers (AirContext *context);

G_END_DECLS
