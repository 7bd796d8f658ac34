/* Publishing: from messages to the units of an AirStream. */
#include "session-private.h"

#include <airclass/events.h>
#include <string.h>

#include "access-unit.h"

/* Timestamps are milliseconds in 32 bits. */
#define WRAP_NS (INT64_C (1000000) << 32)

static void
refuse_publisher (RtmpSession *session, uint32_t stream_id, const char *path, const char *code, const char *reason,
                  const char *description)
{
  const char *address = rtmp_connection_get_address_text (session->connection);
  g_autofree char *quoted = g_strescape (path, NULL);
  g_autofree char *user = rtmp_session_describe_user (session);
  rtmp_metrics_refused (rtmp_server_get_metrics (session->server), reason);
  g_message ("%s \"%s\": publisher%s refused: %s", address, quoted, user, description);
  air_context_publish_event (session->context, air_event_publisher_refused_new (path, "rtmp", address, description));
  rtmp_reply_status (session, stream_id, "error", code, description);
  rtmp_connection_finish (session->connection);
}

static const char *
status_code (const GError *error)
{
  if (g_error_matches (error, AIR_ERROR, AIR_ERROR_CONFLICT) || g_error_matches (error, AIR_ERROR, AIR_ERROR_INVALID))
    return "NetStream.Publish.BadName";
  if (g_error_matches (error, AIR_ERROR, AIR_ERROR_UNAUTHORIZED) || g_error_matches (error, AIR_ERROR, AIR_ERROR_FORBIDDEN)
      || g_error_matches (error, AIR_ERROR, AIR_ERROR_RATE_LIMITED))
    return "NetStream.Publish.Unauthorized";
  return "NetStream.Publish.Rejected";
}

/* Any thread. */
static void
on_ended (AirPublisher *publisher, AirPublisherEnded reason, void *data)
{
  RtmpSession *session = data;
  rtmp_server_post_ended (session->server, rtmp_connection_get_id (session->connection), session->publishing, reason);
}

static void
forget_incoming (RtmpSession *session)
{
  for (unsigned i = 0; i < AIR_KIND_COUNT; i++)
    {
      g_clear_pointer (&session->incoming[i].header, g_bytes_unref);
      session->incoming[i].track = -1;
      session->incoming[i].needs_keyframe = false;
    }
  session->told_encoder = false;
}

void
rtmp_session_publish (RtmpSession *session, const RtmpCommand *command)
{
  const RtmpSettings *settings = rtmp_server_get_settings (session->server);
  const char *wanted = amf_value_get_string (rtmp_command_argument (command, 0));
  g_autoptr (StreamName) name = stream_name_parse (session->app, session->tc_url, wanted, settings->default_app);
  if (session->role != RTMP_ROLE_NONE)
    {
      rtmp_reply_status (session, command->stream_id, "error", "NetStream.Publish.BadName",
                         "This connection publishes or plays already.");
      return;
    }
  if (!name || !air_stream_path_is_valid (name->path))
    {
      refuse_publisher (session, command->stream_id, name ? name->path : "", "NetStream.Publish.BadName", "path",
                        "The name of the stream may hold letters, digits, _ . ~ - and /, at most 128 characters.");
      return;
    }
  g_autoptr (GError) error = NULL;
  g_autoptr (AirIdentity) identity = rtmp_session_authorize (session, name, AIR_ACTION_PUBLISH, &error);
  const AirPublisherInfo info = { .protocol = rtmp_connection_is_tls (session->connection) ? "rtmps" : "rtmp",
                                  .address = rtmp_connection_get_address_text (session->connection),
                                  .user_agent = session->user_agent,
                                  .wrap_ns = WRAP_NS,
                                  .takeover = settings->takeover,
                                  .ended = on_ended,
                                  .user_data = session };
  session->publishing++;
  if (identity)
    session->publisher = air_context_publish_stream (session->context, name->path, &info, &error);
  if (g_error_matches (error, AIR_ERROR, AIR_ERROR_CONFLICT)
      && rtmp_server_end_silent_publisher (session->server, name->path))
    {
      g_clear_error (&error);
      session->publisher = air_context_publish_stream (session->context, name->path, &info, &error);
    }
  if (!session->publisher)
    {
      refuse_publisher (session, command->stream_id, name->path, status_code (error), rtmp_refusal_reason (error),
                        error->message);
      return;
    }
  forget_incoming (session);
  rtmp_connection_expect_media (session->connection);
  rtmp_session_begin (session, RTMP_ROLE_PUBLISHER, name->path, command->stream_id, identity);
  rtmp_server_count_publisher (session->server, 1);
  rtmp_reply_status (session, command->stream_id, "status", "NetStream.Publish.Start", "Publishing has begun.");
  g_autofree char *agent = g_strescape (session->user_agent ? session->user_agent : "", NULL);
  g_autofree char *user = rtmp_session_describe_user (session);
  g_message ("%s %s: publishing%s by %s, \"%s\"", info.address, name->path, user, info.protocol, agent);
}

void
rtmp_session_stop_publishing (RtmpSession *session)
{
  g_clear_pointer (&session->publisher, air_publisher_close);
  forget_incoming (session);
  rtmp_server_count_publisher (session->server, -1);
}

void
rtmp_session_reject (RtmpSession *session, const char *reason, const char *description)
{
  refuse_publisher (session, session->stream_id, session->path, "NetStream.Publish.Rejected", reason, description);
}

static void
drop (RtmpSession *session, const char *reason)
{
  rtmp_metrics_dropped (rtmp_server_get_metrics (session->server), reason);
}

/* Codec configuration: repeated every second by some publishers, which must reset nothing. The track that it is of is the
 * one that is taken from then on. */
static void
take_header (RtmpSession *session, AirKind kind, const MediaMessage *media, const uint8_t *payload)
{
  RtmpIncoming *incoming = &session->incoming[kind];
  if (media->length == 0)
    return;
  bool other_track = incoming->track >= 0 && incoming->track != media->track;
  if (!other_track && incoming->header && incoming->codec == media->codec
      && g_bytes_get_size (incoming->header) == media->length
      && memcmp (g_bytes_get_data (incoming->header, NULL), payload, media->length) == 0)
    return;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) header = g_bytes_new (payload, media->length);
  g_autoptr (AirTrack) track = rtmp_track_new (media->codec, header, &error);
  if (!track)
    {
      rtmp_session_reject (session, "codec", error->message);
      return;
    }
  g_clear_pointer (&incoming->header, g_bytes_unref);
  incoming->header = g_steal_pointer (&header);
  incoming->codec = media->codec;
  incoming->track = media->track;
  incoming->needs_keyframe |= other_track && kind == AIR_KIND_VIDEO;
  if (media->codec == MEDIA_H264) /* lengthSizeMinusOne, ISO 14496-15 §5.3.3.1 */
    incoming->length_bytes = (payload[4] & 3) + 1;
  air_publisher_set_track (session->publisher, track);
  g_message ("%s %s: %s", rtmp_connection_get_address_text (session->connection), session->path,
             air_codec_to_string (air_track_get_codec (track)));
}

/* Returns: false when the frame is to be dropped. */
static bool
inspect (RtmpSession *session, AirKind kind, const MediaMessage *media, const uint8_t *payload, unsigned *ret_flags)
{
  const RtmpIncoming *incoming = &session->incoming[kind];
  *ret_flags = media->keyframe ? AIR_UNIT_KEYFRAME : 0;
  const char *fault = NULL;
  AccessUnitInfo info;
  if (!incoming->header || incoming->codec != media->codec)
    fault = "no-header";
  else if (media->length == 0)
    fault = "empty";
  else if (media->codec != MEDIA_H264)
    return true;
  else if (!access_unit_inspect_h264 (payload, media->length, incoming->length_bytes, &info))
    fault = "malformed";
  else if (!info.has_picture)
    fault = "no-picture";
  if (fault)
    {
      drop (session, fault);
      return false;
    }
  *ret_flags |= (info.idr ? AIR_UNIT_KEYFRAME : 0) | (info.non_reference ? AIR_UNIT_NON_REFERENCE : 0);
  return true;
}

static void
take_frame (RtmpSession *session, AirKind kind, const MediaMessage *media, RtmpMessage *message)
{
  unsigned flags;
  if (!inspect (session, kind, media, message->data + media->offset, &flags))
    return;
  RtmpIncoming *incoming = &session->incoming[kind];
  if (incoming->needs_keyframe && !(flags & AIR_UNIT_KEYFRAME))
    {
      drop (session, "no-keyframe");
      return;
    }
  incoming->needs_keyframe = false;
  uint8_t *data = g_steal_pointer (&message->data);
  GstBuffer *buffer
    = gst_buffer_new_wrapped_full (0, data, message->length, media->offset, media->length, data, g_free);
  int64_t dts_ns = message->timestamp * INT64_C (1000000) + media->nanosecond_offset;
  int64_t pts_ns = dts_ns + media->composition_ms * INT64_C (1000000);
  air_publisher_push (session->publisher, kind, buffer, pts_ns, dts_ns, flags);
}

/* Of several tracks one is taken: that with the lowest number whose header has come. OBS sends what it streams without a
 * number, which is track 0, and marks the others only. */
static bool
is_other_track (const RtmpIncoming *incoming, const MediaMessage *media)
{
  if (incoming->track < 0)
    return false;
  return media->part == MEDIA_HEADER ? media->track > incoming->track : media->track != incoming->track;
}

void
rtmp_session_take_media (RtmpSession *session, RtmpMessage *message)
{
  AirKind kind = message->type == RTMP_VIDEO ? AIR_KIND_VIDEO : AIR_KIND_AUDIO;
  if (session->role != RTMP_ROLE_PUBLISHER)
    {
      drop (session, "not-publishing");
      return;
    }
  g_autoptr (GError) error = NULL;
  MediaMessage media;
  const RtmpIncoming *incoming = &session->incoming[kind];
  bool ok = kind == AIR_KIND_VIDEO
              ? media_message_parse_video (message->data, message->length, incoming->track, &media, &error)
              : media_message_parse_audio (message->data, message->length, incoming->track, &media, &error);
  bool unsupported = g_error_matches (error, RTMP_ERROR, RTMP_ERROR_UNSUPPORTED);
  if (unsupported && is_other_track (incoming, &media))
    return;
  if (unsupported)
    rtmp_session_reject (session, "codec", error->message);
  else if (!ok)
    drop (session, "malformed");
  else if (media.part == MEDIA_NONE || is_other_track (incoming, &media))
    return;
  else if (media.part == MEDIA_HEADER)
    take_header (session, kind, &media, message->data + media.offset);
  else if (media.part == MEDIA_FRAME)
    take_frame (session, kind, &media, message);
}

/* "@setDataFrame", "onMetaData", {…}: the tracks are described by their codec headers, so all that is of use here is who
 * encodes. */
void
rtmp_session_take_data (RtmpSession *session, const RtmpMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) values
    = amf_parse (message->data, message->length, message->type == RTMP_DATA_AMF3, &error);
  if (!values)
    {
      drop (session, "malformed");
      return;
    }
  unsigned at = values->len > 0 && g_strcmp0 (amf_value_get_string (values->pdata[0]), "@setDataFrame") == 0 ? 1 : 0;
  if (session->told_encoder || session->role != RTMP_ROLE_PUBLISHER || values->len < at + 2
      || g_strcmp0 (amf_value_get_string (values->pdata[at]), "onMetaData") != 0)
    return;
  session->told_encoder = true;
  const char *encoder = amf_value_get_string (amf_value_lookup (values->pdata[at + 1], "encoder"));
  g_autofree char *cut = g_strndup (encoder ? encoder : "", 100);
  g_autofree char *quoted = g_strescape (cut, NULL);
  if (encoder)
    g_message ("%s %s: encoder \"%s\"", rtmp_connection_get_address_text (session->connection), session->path, quoted);
}
