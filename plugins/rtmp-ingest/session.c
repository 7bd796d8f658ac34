/* Dispatch of messages, and what publishing and playing have in common. */
#include "session-private.h"

#include "aggregate.h"

/* Who does not publish has little to say: empty messages without end would cost more time than bytes. */
#define MAX_TALK 2000

RtmpSession *
rtmp_session_new (RtmpConnection *connection)
{
  RtmpSession *session = g_new0 (RtmpSession, 1);
  session->connection = connection;
  session->server = rtmp_connection_get_server (connection);
  session->context = rtmp_server_get_context (session->server);
  session->reader_watch.fd = -1;
  return session;
}

void
rtmp_session_free (RtmpSession *session)
{
  rtmp_session_stop (session);
  g_free (session->app);
  g_free (session->tc_url);
  g_free (session->user_agent);
  g_free (session->path);
  g_free (session->user);
  adobe_proof_free (session->proof);
  g_free (session);
}

RtmpRole
rtmp_session_get_role (RtmpSession *session)
{
  return session->role;
}

const char *
rtmp_session_get_path (RtmpSession *session)
{
  return session->path;
}

bool
rtmp_session_is_trusted (RtmpSession *session)
{
  return air_context_network_contains (session->context, "trusted", rtmp_connection_get_address (session->connection));
}

char *
rtmp_session_describe_user (RtmpSession *session)
{
  const char *user = session->proof ? session->proof->user : session->user;
  if (!user)
    return g_strdup ("");
  g_autofree char *cut = g_strndup (user, 100);
  g_autofree char *quoted = g_strescape (cut, NULL);
  return g_strdup_printf (" as \"%s\"", quoted);
}

static bool
knows_secret (const char *secret, void *data)
{
  return adobe_proof_fits (data, secret);
}

/* Whoever was let in by the answer to a challenge has used it up. */
static bool
spend_proof (RtmpSession *session, GError **error)
{
  AdobeProof *proof = session->proof;
  if (!proof || !proof->fits || proof->spent)
    return true;
  proof->spent
    = adobe_auth_spend (rtmp_server_get_adobe_auth (session->server), proof->opaque, g_get_monotonic_time ());
  if (!proof->spent)
    g_set_error (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED, "the answer to the challenge is too old or was used before");
  return proof->spent;
}

AirIdentity *
rtmp_session_authorize (RtmpSession *session, const StreamName *name, AirAction action, GError **error)
{
  const AirAccess access = { .action = action,
                             .path = name->path,
                             .protocol = rtmp_connection_is_tls (session->connection) ? "rtmps" : "rtmp",
                             .address = rtmp_connection_get_address (session->connection),
                             .token = name->token,
                             .key = name->key,
                             .user = name->user,
                             .password = name->password,
                             .trusted = rtmp_session_is_trusted (session),
                             .knows_secret = session->proof ? knows_secret : NULL,
                             .knows_secret_data = session->proof };
  g_free (session->user);
  session->user = g_strdup (name->user);
  g_autoptr (AirIdentity) identity = air_context_authorize (session->context, &access, error);
  return identity && spend_proof (session, error) ? g_steal_pointer (&identity) : NULL;
}

const char *
rtmp_refusal_reason (const GError *error)
{
  static const struct
  {
    AirErrorCode code;
    const char *reason;
  } reasons[] = {
    { AIR_ERROR_UNAUTHORIZED, "unauthorized" }, { AIR_ERROR_FORBIDDEN, "forbidden" },
    { AIR_ERROR_RATE_LIMITED, "rate-limited" }, { AIR_ERROR_CONFLICT, "conflict" },
    { AIR_ERROR_INVALID, "path" },              { AIR_ERROR_NOT_FOUND, "not-found" },
    { AIR_ERROR_UNSUPPORTED, "codec" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (reasons); i++)
    if (g_error_matches (error, AIR_ERROR, reasons[i].code))
      return reasons[i].reason;
  return "limit";
}

void
rtmp_session_begin (RtmpSession *session, RtmpRole role, const char *path, uint32_t stream_id, AirIdentity *identity)
{
  session->role = role;
  session->stream_id = stream_id;
  session->since_us = g_get_monotonic_time ();
  session->identity = air_identity_ref (identity);
  g_free (session->path);
  session->path = g_strdup (path);
  chunk_writer_user_control (rtmp_connection_get_writer (session->connection),
                             rtmp_connection_get_out (session->connection), RTMP_STREAM_BEGIN, stream_id);
}

void
rtmp_session_stop (RtmpSession *session)
{
  if (session->role == RTMP_ROLE_NONE)
    return;
  if (session->role == RTMP_ROLE_PUBLISHER)
    rtmp_session_stop_publishing (session);
  else
    rtmp_session_stop_playing (session);
  g_message ("%s %s: stopped %s after %" G_GINT64_FORMAT " s", rtmp_connection_get_address_text (session->connection),
             session->path, session->role == RTMP_ROLE_PUBLISHER ? "publishing" : "playing",
             (g_get_monotonic_time () - session->since_us) / G_USEC_PER_SEC);
  session->role = RTMP_ROLE_NONE;
  session->stream_id = 0;
  g_clear_pointer (&session->identity, air_identity_unref);
}

static void
take_user_control (RtmpSession *session, const RtmpMessage *message)
{
  if (message->length < 6)
    return;
  if (rtmp_read_be16 (message->data) == RTMP_PING_REQUEST)
    chunk_writer_user_control (rtmp_connection_get_writer (session->connection),
                               rtmp_connection_get_out (session->connection), RTMP_PING_RESPONSE,
                               rtmp_read_be32 (message->data + 2));
}

static void
take_window_ack_size (RtmpSession *session, const RtmpMessage *message)
{
  if (message->length >= 4)
    rtmp_connection_set_ack_window (session->connection, rtmp_read_be32 (message->data));
}

/* §5.4.5: answered with our window when it is another one. */
static void
take_peer_bandwidth (RtmpSession *session, const RtmpMessage *message)
{
  if (message->length >= 5)
    chunk_writer_window_ack_size (rtmp_connection_get_writer (session->connection),
                                  rtmp_connection_get_out (session->connection), rtmp_read_be32 (message->data));
}

static bool
take_aggregate (RtmpSession *session, const RtmpMessage *message, GError **error)
{
  AggregatePart part;
  size_t position = 0;
  while (!rtmp_connection_is_closing (session->connection)
         && aggregate_next (message->data, message->length, message->timestamp, &position, &part, error))
    {
      RtmpMessage single = { .type = part.type,
                             .chunk_stream = message->chunk_stream,
                             .stream_id = message->stream_id,
                             .timestamp = part.timestamp,
                             .length = part.length };
      if (part.type == RTMP_AGGREGATE)
        continue;
      single.data = g_memdup2 (part.data, part.length);
      bool ok = rtmp_session_take (session, &single, error);
      g_free (single.data);
      if (!ok)
        return false;
    }
  return !*error;
}

bool
rtmp_session_take (RtmpSession *session, RtmpMessage *message, GError **error)
{
  if (session->role != RTMP_ROLE_PUBLISHER && ++session->talk > MAX_TALK)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_LIMIT, "too many messages from one that does not publish");
      return false;
    }
  switch (message->type)
    {
    case RTMP_AUDIO:
    case RTMP_VIDEO:
      rtmp_session_take_media (session, message);
      return true;
    case RTMP_USER_CONTROL:
      take_user_control (session, message);
      return true;
    case RTMP_WINDOW_ACK_SIZE:
      take_window_ack_size (session, message);
      return true;
    case RTMP_SET_PEER_BANDWIDTH:
      take_peer_bandwidth (session, message);
      return true;
    case RTMP_DATA_AMF0:
    case RTMP_DATA_AMF3:
      rtmp_session_take_data (session, message);
      return true;
    case RTMP_COMMAND_AMF0:
    case RTMP_COMMAND_AMF3:
      return rtmp_session_take_command (session, message, error);
    case RTMP_AGGREGATE:
      return take_aggregate (session, message, error);
    default: /* acknowledgements, shared objects, what nobody knows */
      return true;
    }
}

void
rtmp_session_ping (RtmpSession *session)
{
  chunk_writer_user_control (rtmp_connection_get_writer (session->connection),
                             rtmp_connection_get_out (session->connection), RTMP_PING_REQUEST,
                             g_get_monotonic_time () / 1000);
  rtmp_connection_flush (session->connection);
}

void
rtmp_session_fail (RtmpSession *session, const char *description)
{
  if (!session->connected)
    rtmp_reply_error (session, 1, "NetConnection.Connect.Rejected", description);
  else if (session->role == RTMP_ROLE_PUBLISHER)
    rtmp_reply_status (session, session->stream_id, "error", "NetStream.Publish.Rejected", description);
  else
    rtmp_reply_status (session, session->stream_id, "error", "NetConnection.Connect.Closed", description);
}

void
rtmp_session_publisher_ended (RtmpSession *session, unsigned publishing, AirPublisherEnded reason)
{
  static const struct
  {
    const char *reason, *code, *description;
  } ends[] = {
    [AIR_PUBLISHER_ENDED_TAKEN_OVER] = { "taken-over", "NetStream.Publish.BadName", "Another publisher took over." },
    [AIR_PUBLISHER_ENDED_SHUTDOWN] = { "shutdown", "NetConnection.Connect.AppShutdown", "The server stops." },
    [AIR_PUBLISHER_ENDED_KICKED] = { "kicked", "NetStream.Publish.Rejected", "Publishing was ended by the server." },
  };
  /* It may have ended that one by itself and begun another before this came. */
  if (session->role != RTMP_ROLE_PUBLISHER || session->publishing != publishing)
    return;
  rtmp_metrics_refused (rtmp_server_get_metrics (session->server), ends[reason].reason);
  g_message ("%s %s: ended: %s", rtmp_connection_get_address_text (session->connection), session->path,
             ends[reason].description);
  rtmp_reply_status (session, session->stream_id, "error", ends[reason].code, ends[reason].description);
  rtmp_connection_finish (session->connection);
}

void
rtmp_session_tick (RtmpSession *session)
{
  session->talk = 0;
  int64_t expires_at = session->identity ? air_identity_get_expires_at (session->identity) : 0;
  if (expires_at == 0 || g_get_real_time () / G_USEC_PER_SEC < expires_at)
    return;
  const char *description = "The token has expired.";
  if (session->role == RTMP_ROLE_PUBLISHER)
    rtmp_reply_status (session, session->stream_id, "error", "NetStream.Publish.Unauthorized", description);
  else
    rtmp_reply_status (session, session->stream_id, "error", "NetStream.Play.Failed", description);
  g_message ("%s %s: ended: %s", rtmp_connection_get_address_text (session->connection), session->path, description);
  rtmp_metrics_refused (rtmp_server_get_metrics (session->server), "expired");
  rtmp_connection_finish (session->connection);
}

/* Enhanced RTMP v2, "Reconnect Request": the client comes back by itself, here or wherever the name then leads. */
static void
request_reconnect (RtmpSession *session)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  amf_write_string (body, "onStatus");
  amf_write_number (body, 0);
  amf_write_null (body);
  amf_begin_object (body);
  amf_member_string (body, "level", "status");
  amf_member_string (body, "code", "NetConnection.Connect.ReconnectRequest");
  amf_member_string (body, "description", "The server restarts.");
  if (session->tc_url)
    amf_member_string (body, "tcUrl", session->tc_url);
  amf_end_object (body);
  rtmp_reply_command (session, 0, body);
}

void
rtmp_session_drain (RtmpSession *session)
{
  if (!session->connected)
    return;
  if (session->can_reconnect)
    request_reconnect (session);
  else
    rtmp_reply_status (session, session->stream_id, "error", "NetConnection.Connect.AppShutdown", "The server stops.");
}
