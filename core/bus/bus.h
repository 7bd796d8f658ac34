/* The bus: a queue filled from any thread, drained in order on the main loop. Signal "event" with the event's name as
 * detail. */
#pragma once

#include <airclass/bus.h>
#include <airclass/context.h>

G_BEGIN_DECLS

#define AIR_TYPE_BUS (air_bus_get_type ())
G_DECLARE_FINAL_TYPE (AirBus, air_bus, AIR, BUS, GObject)

AirBus *air_bus_new (void);
/* (transfer full). Any thread. */
void air_bus_publish (AirBus *bus, AirEvent *event);
/* @name NULL: all events; "" those for other nodes, that is shared and not from one. @owner_name is for the watchdog. Main thread. */
void air_bus_subscribe (AirBus *bus, AirContext *owner, const char *owner_name, const char *name, AirEventHandler handler,
                        void *self);
void air_bus_remove_owner (AirBus *bus, AirContext *owner);
unsigned air_bus_count_owner (AirBus *bus, AirContext *owner);

G_END_DECLS
