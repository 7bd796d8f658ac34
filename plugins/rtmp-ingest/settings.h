/* The options as the I/O thread uses them: read on the main thread, handed over by value. */
#pragma once

#include <airclass/plugin.h>

G_BEGIN_DECLS

typedef struct
{
  char default_app[64];
  bool takeover;
  bool challenge;
  unsigned max_connections;
  unsigned max_connections_per_address;
  size_t max_message_bytes;
  size_t max_connection_bytes;
  int64_t handshake_timeout_us; /* from accept to the end of the handshake */
  int64_t command_timeout_us;   /* from there to publish or play */
  int64_t idle_timeout_us;      /* a peer that is silent for this long is gone; half-way it gets a ping */
} RtmpSettings;

extern const AirOption rtmp_options[];

void rtmp_settings_read (RtmpSettings *settings, AirContext *context);

G_END_DECLS
