/* What the parts of the plugin's state share. Main thread. */
#pragma once

#include "class-watch.h"
#include "ice-servers.h"
#include "whep.h"

G_BEGIN_DECLS

struct _AirWhep
{
  AirContext *context;
  AirEngine *engine;
  AirWhepSessions *sessions;
  AirIceServers *ice_servers;
  AirClassWatch *classes;
  GPtrArray *lists; /* viewers' lists that are being written, borrowed */
  unsigned max_viewers;
  unsigned timer;
  AirMetric *viewers, *joined, *left, *refused, *join_seconds;
};

/* whep-resource.c: the routes of the sessions. */
void air_whep_add_resource (AirContext *context);
/* Returns: (transfer none) the session that the request's address names; NULL after a 404. */
AirWhepSession *air_whep_find_session (AirWhep *whep, AirRequest *request);
/* whep-viewers.c: the routes that tell of viewers. */
void air_whep_add_viewers (AirContext *context);
/* Answers those who still wait for a list. */
void air_whep_stop_lists (AirWhep *whep);

G_END_DECLS
