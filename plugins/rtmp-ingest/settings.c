/* The option table of [rtmp-ingest]. */
#include "settings.h"

#include <airclass/context.h>
#include <string.h>

const AirOption rtmp_options[] = {
  { "listen", AIR_OPTION_ADDRESSES, "0.0.0.0:1935", .help = "Addresses for RTMP." },
  { "tls_listen", AIR_OPTION_ADDRESSES, "0.0.0.0:1936",
    .help = "Addresses for RTMPS; used when [http] has a certificate." },
  { "trusted", AIR_OPTION_NETWORKS, "127.0.0.0/8,::1",
    .help = "Networks from which publishing and playing need no key.", .flags = AIR_OPTION_FLAG_LIVE },
  { "challenge", AIR_OPTION_BOOL, "false",
    .help = "Whether a client from a network that is not trusted, which brings no key, token or user when it connects, is "
            "asked for a user and a password, as \"Use authentication\" in OBS and rtmp://USER:PASSWORD@HOST in ffmpeg need "
            "it. The password is the stream key or the teacher's key, the user any name. A key behind the stream's name "
            "comes too late for such a client: it has to stand behind the server's address then.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { "default_app", AIR_OPTION_STRING, "live",
    .help = "Put before an address of one segment, so that rtmp://host/stream is rtmp://host/live/stream. Empty: the "
            "segment alone is the path." },
  { "duplicate", AIR_OPTION_ENUM, "refuse", .choices = "refuse|takeover",
    .help = "What happens to a second publisher on a path that has one: it is refused, or it replaces the first.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { "max_connections", AIR_OPTION_INT, "1000", 1, 100000, .unit = "connections",
    .help = "Most connections at the same time.", .flags = AIR_OPTION_FLAG_LIVE },
  { "max_connections_per_address", AIR_OPTION_INT, "200", 1, 100000, .unit = "connections",
    .help = "Most connections at the same time from one address (IPv6: one /64).", .flags = AIR_OPTION_FLAG_LIVE },
  { "max_message", AIR_OPTION_SIZE, "8MiB", 64 * 1024, 16777215,
    .help = "Longest message, that is the largest frame, that is taken.", .flags = AIR_OPTION_FLAG_LIVE },
  { "max_connection_memory", AIR_OPTION_SIZE, "16MiB", 64 * 1024, 1024 * 1024 * 1024,
    .help = "Most memory for unfinished messages of one connection.", .flags = AIR_OPTION_FLAG_LIVE },
  { "handshake_timeout", AIR_OPTION_DURATION, "5s", 100, 60000,
    .help = "Time for TLS and the RTMP handshake.", .flags = AIR_OPTION_FLAG_LIVE },
  { "command_timeout", AIR_OPTION_DURATION, "10s", 100, 600000,
    .help = "Time from the handshake to publish or play.", .flags = AIR_OPTION_FLAG_LIVE },
  { "idle_timeout", AIR_OPTION_DURATION, "8s", 1000, 600000,
    .help = "A publisher that sends nothing for this long is gone; half-way it is pinged. A player is gone when it has "
            "taken nothing for this long although something waited for it.",
    .flags = AIR_OPTION_FLAG_LIVE },
  { NULL },
};

void
rtmp_settings_read (RtmpSettings *settings, AirContext *context)
{
  memset (settings, 0, sizeof *settings);
  g_strlcpy (settings->default_app, air_context_get_string (context, "default_app"), sizeof settings->default_app);
  settings->takeover = strcmp (air_context_get_string (context, "duplicate"), "takeover") == 0;
  settings->challenge = air_context_get_bool (context, "challenge");
  settings->max_connections = air_context_get_int (context, "max_connections");
  settings->max_connections_per_address = air_context_get_int (context, "max_connections_per_address");
  settings->max_message_bytes = air_context_get_int (context, "max_message");
  settings->max_connection_bytes = air_context_get_int (context, "max_connection_memory");
  settings->handshake_timeout_us = air_context_get_int (context, "handshake_timeout") * 1000;
  settings->command_timeout_us = air_context_get_int (context, "command_timeout") * 1000;
  settings->idle_timeout_us = air_context_get_int (context, "idle_timeout") * 1000;
}
