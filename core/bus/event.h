/* What only the bus does to an event, before anybody sees it. */
#pragma once

#include <airclass/bus.h>

G_BEGIN_DECLS

void air_event_set_at_us (AirEvent *event, int64_t at_us);
void air_event_set_remote (AirEvent *event);

G_END_DECLS
