/* Measures how late the main loop is, and knows whose code it runs. */
#pragma once

#include <glib.h>

#include "metrics-registry.h"

G_BEGIN_DECLS

typedef struct _AirWatchdog AirWatchdog;

/* A thread of its own probes the main loop; a lag over @warn_ms is logged with the name of whoever holds it, and
 * exported (airclass_main_loop_lag_seconds, airclass_main_loop_blocked_total{plugin}). Made and freed on the main thread. */
AirWatchdog *air_watchdog_new (AirMetricsRegistry *metrics, unsigned warn_ms);
void air_watchdog_free (AirWatchdog *watchdog);

/* Marks that code of plugin @name (static or interned string) runs now on the main thread. Nests: leave() restores what
 * enter() returned. Main thread; costs an atomic store. */
const char *air_watchdog_enter (const char *name);
void air_watchdog_leave (const char *previous);

G_END_DECLS
