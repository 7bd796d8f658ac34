/* What libsoup gets to see of a connection: one request's head to read from memory, and a way to write one reply.
 * Main thread. */
#pragma once

#include <gio/gio.h>

#include "http/connection.h"

G_BEGIN_DECLS

#define AIR_TYPE_REPLY_STREAM (air_reply_stream_get_type ())
G_DECLARE_FINAL_TYPE (AirReplyStream, air_reply_stream, AIR, REPLY_STREAM, GIOStream)

/* @head_text (transfer full): what is read, then the end. */
GIOStream *air_reply_stream_new (AirConnection *connection, char *head_text);

G_END_DECLS
