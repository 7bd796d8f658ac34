/* Looks at all classes once a second: warns their teachers, tells the bus, keeps the metrics over viewers. Main thread. */
#pragma once

#include "whep-sessions.h"

G_BEGIN_DECLS

typedef struct _AirClassWatch AirClassWatch;

/* Registers metrics. */
AirClassWatch *air_class_watch_new (AirContext *context);
void air_class_watch_free (AirClassWatch *watch);
void air_class_watch_look (AirClassWatch *watch, AirEngine *engine, AirWhepSessions *sessions);

G_END_DECLS
