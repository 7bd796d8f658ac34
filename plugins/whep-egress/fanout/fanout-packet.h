/* From a viewer's copy of a packet to a datagram. Loop, hot path. */
#pragma once

#include "fanout-viewer.h"

G_BEGIN_DECLS

/* Encrypts, queues and counts. */
void air_fanout_packet_send (AirFanoutViewer *viewer, const AirRtpCopy *copy);

G_END_DECLS
