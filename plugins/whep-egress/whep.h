/* WHEP over any engine: the plugin's state. Main thread. */
#pragma once

#include "engine.h"

G_BEGIN_DECLS

typedef struct _AirWhep AirWhep;

/* The plugin's state; AirPlugin.create and .destroy. Registers routes, metrics and handlers. NULL with an error that names the
 * option at fault. */
AirWhep *air_whep_new (AirContext *context, GError **error);
void air_whep_free (AirWhep *whep);
/* What start() would wait for. Any thread, before air_whep_start(). */
bool air_whep_prepare (AirWhep *whep, GError **error);
bool air_whep_start (AirWhep *whep, GError **error);
void air_whep_stop (AirWhep *whep);

G_END_DECLS
