/* Tells systemd how the service is, by the protocol of sd_notify(3). Any thread; no state. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* "READY=1", "RELOADING=1\nMONOTONIC_USEC=…", "STOPPING=1". Nothing happens when not started by systemd. */
void air_notify (const char *state);

G_END_DECLS
