/* The steps by which the host's modules come to run and cease to. Main thread. */
#pragma once

#include "host/host.h"
#include "host/module.h"

G_BEGIN_DECLS

/* Returns false, with host->failure set, when a component cannot be created. Plugins that cannot are taken out. */
bool air_host_create_modules (AirHost *host);
/* Starts one after the other; ends in air_host_set_ready(), or in air_host_quit() when a component fails. */
void air_host_start_modules (AirHost *host);
/* Stops all that runs, backwards, within 2.5 s; ends by quitting host->loop. */
void air_host_stop_modules (AirHost *host);
/* Goes on stopping, when a module that was still starting has answered. */
void air_host_stop_next (AirHost *host);
/* After the loop: frees the modules' states. */
void air_host_destroy_modules (AirHost *host);

/* run.c: everything has started. */
void air_host_set_ready (AirHost *host);

G_END_DECLS
