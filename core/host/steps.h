/* What starting and stopping have in common: calls into a module, marked for the watchdog, and the time they may take. */
#pragma once

#include <airclass/events.h>

#include "host/lifecycle.h"

G_BEGIN_DECLS

/* Calls create(). Returns false with @error set on failure. */
bool air_step_create (AirModule *module, GError **error);
/* Calls @step, start() or stop(), which answers through @task; NULL succeeds at once. */
void air_step_call (AirModule *module, void (*step) (void *self, GTask *task), GTask *task);
/* Takes back what it registered and looks whether it left something. */
void air_step_undo (AirModule *module);
/* Calls destroy(), unless it was given up, and forgets its metrics. */
void air_step_free (AirModule *module);
/* Its state is neither used nor freed from now on: its threads may still use it. */
void air_step_give_up (AirHost *host, AirModule *module);
void air_step_publish (AirHost *host, AirModule *module, AirEventPluginStateState state);

/* One limit at a time: for the module that the host waits for. */
void air_step_set_timeout (AirHost *host, unsigned timeout_ms, GSourceFunc expired);
void air_step_clear_timeout (AirHost *host);

G_END_DECLS
