/* What a connection may take its time for, looked at about twice a second. */
#include "connection-private.h"

/* A player hears nothing while the publisher is away; a ping now and then shows whether it is still there. */
#define PLAYER_PING_US (30 * G_USEC_PER_SEC)

static void
time_out (RtmpConnection *connection, const char *what)
{
  const char *path = rtmp_session_get_path (connection->session);
  g_message ("%s%s%s: closed: %s", connection->address_text, path ? " " : "", path ? path : "", what);
  rtmp_metrics_refused (rtmp_server_get_metrics (connection->server), "timeout");
}

static void
check_publisher (RtmpConnection *connection, int64_t now_us, int64_t idle_us)
{
  int64_t silent_us = now_us - connection->last_in_us;
  if (silent_us > idle_us)
    {
      time_out (connection, "the publisher fell silent");
      rtmp_connection_abort (connection);
    }
  else if (silent_us > idle_us / 2 && connection->pinged_us < connection->last_in_us)
    {
      connection->pinged_us = now_us;
      rtmp_session_ping (connection->session);
    }
}

static void
check_player (RtmpConnection *connection, int64_t now_us, int64_t idle_us)
{
  int64_t stuck_us = now_us - connection->last_out_us;
  if (rtmp_connection_get_pending (connection) > 0 && stuck_us > idle_us)
    {
      time_out (connection, "the player takes nothing");
      rtmp_connection_abort (connection);
    }
  else if (stuck_us > PLAYER_PING_US)
    rtmp_session_ping (connection->session);
}

void
rtmp_connection_tick (RtmpConnection *connection, int64_t now_us)
{
  const RtmpSettings *settings = rtmp_server_get_settings (connection->server);
  if (connection->dead)
    return;
  if (connection->closing)
    {
      if (now_us > connection->close_deadline_us)
        rtmp_connection_abort (connection);
      return;
    }
  if (connection->phase != PHASE_CHUNKS)
    {
      if (now_us - connection->accepted_us > settings->handshake_timeout_us)
        {
          time_out (connection, "no handshake in time");
          rtmp_connection_abort (connection);
        }
      return;
    }
  RtmpRole role = rtmp_session_get_role (connection->session);
  if (role == RTMP_ROLE_NONE)
    {
      if (now_us - connection->command_since_us > settings->command_timeout_us)
        {
          time_out (connection, "neither publish nor play in time");
          rtmp_session_fail (connection->session, "neither publish nor play in time");
          rtmp_connection_finish (connection);
        }
      return;
    }
  connection->command_since_us = now_us;
  if (role == RTMP_ROLE_PUBLISHER)
    check_publisher (connection, now_us, settings->idle_timeout_us);
  else
    check_player (connection, now_us, settings->idle_timeout_us);
  if (!connection->closing)
    rtmp_session_tick (connection->session);
}
