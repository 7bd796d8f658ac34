/* How busy the machine was since the last time that was asked. Main thread. */
#pragma once

#include "class-health.h"

G_BEGIN_DECLS

typedef struct _AirServerLoadMeter AirServerLoadMeter;

AirServerLoadMeter *air_server_load_meter_new (void);
void air_server_load_meter_free (AirServerLoadMeter *meter);
/* Fills in `cpu_share` and `main_late_us`; to be called by a timer of one second. The first time there is nothing to say. */
void air_server_load_meter_take (AirServerLoadMeter *meter, AirServerLoad *load);

G_END_DECLS
