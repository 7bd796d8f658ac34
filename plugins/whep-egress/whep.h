/* WHEP over any engine: the plugin's state. Main thread. */
#pragma once

#include "engine.h"

G_BEGIN_DECLS

typedef struct _AirWhep AirWhep;

/* The plugin's state; AirPlugin.create and .destroy. Registers routes, metrics and handlers. */
AirWhep *air_whep_new (AirContext *context);
void air_whep_free (AirWhep *whep);
bool air_whep_start (AirWhep *whep, GError **error);
void air_whep_stop (AirWhep *whep);

G_END_DECLS
