/* Playing: from the units of an AirStream to messages.
 *
 * What waits for a player is bounded twice: little in the connection's own buffer, the rest in the AirReader, which skips
 * to the next keyframe when it overflows. */
#include "session-private.h"

#include <string.h>

/* Above this the reader is left alone until the socket has taken all. */
#define HIGH_WATER_BYTES (256 * 1024)
/* So that the cached group of pictures of one player does not hold up the others. */
#define UNITS_PER_TURN 64

#define VIDEO_KEY 1
#define VIDEO_INTER 2
#define ENHANCED_VIDEO 0x80
#define ENHANCED_AUDIO 0x90

static void
send_message (RtmpSession *session, uint8_t type, unsigned chunk_stream, uint32_t timestamp, const void *head,
              size_t head_length, const void *body, size_t body_length)
{
  chunk_writer_write (rtmp_connection_get_writer (session->connection), rtmp_connection_get_out (session->connection),
                      chunk_stream, type, session->stream_id, timestamp, head, head_length, body, body_length);
}

static bool
can_send (RtmpSession *session, AirTrack *track)
{
  MediaCodec codec;
  return track && rtmp_track_get_codec (track, &codec) && (session->codecs & 1u << codec);
}

static size_t
put_fourcc (uint8_t *head, MediaCodec codec)
{
  memcpy (head, media_codec_to_fourcc (codec), 4);
  return 4;
}

/* The bytes before the payload of an audio or video message. @head has room for 8. */
static size_t
make_head (uint8_t *head, MediaCodec codec, bool is_header, bool keyframe, int32_t composition_ms)
{
  unsigned frame = keyframe ? VIDEO_KEY : VIDEO_INTER, packet = is_header ? 0 : 1;
  switch (codec)
    {
    case MEDIA_H264:
      head[0] = frame << 4 | 7;
      head[1] = packet;
      rtmp_write_be24 (head + 2, composition_ms);
      return 5;
    case MEDIA_AAC:
      head[0] = 0xAF;
      head[1] = packet;
      return 2;
    case MEDIA_OPUS:
      head[0] = ENHANCED_AUDIO | packet;
      return 1 + put_fourcc (head + 1, codec);
    case MEDIA_H265:
    case MEDIA_AV1:
      break;
    }
  head[0] = ENHANCED_VIDEO | frame << 4 | packet;
  size_t length = 1 + put_fourcc (head + 1, codec);
  if (codec == MEDIA_H265 && !is_header)
    {
      rtmp_write_be24 (head + length, composition_ms);
      length += 3;
    }
  return length;
}

static void
send_header (RtmpSession *session, AirTrack *track, uint32_t timestamp)
{
  MediaCodec codec;
  AirKind kind = air_track_get_kind (track);
  g_autoptr (GBytes) header = rtmp_track_get_header (track);
  if (!rtmp_track_get_codec (track, &codec))
    return;
  uint8_t head[8];
  size_t head_length = make_head (head, codec, true, true, 0), length = 0;
  const void *data = header ? g_bytes_get_data (header, &length) : NULL;
  bool video = kind == AIR_KIND_VIDEO;
  send_message (session, video ? RTMP_VIDEO : RTMP_AUDIO, video ? CHUNK_STREAM_VIDEO : CHUNK_STREAM_AUDIO, timestamp, head,
                head_length, data, length);
  g_clear_pointer (&session->sent[kind], air_track_unref);
  session->sent[kind] = air_track_ref (track);
}

static void
write_codec (GByteArray *body, const char *name, AirTrack *track, unsigned legacy_id)
{
  MediaCodec codec;
  if (!rtmp_track_get_codec (track, &codec))
    return;
  if (codec == MEDIA_H264 || codec == MEDIA_AAC)
    amf_member_number (body, name, legacy_id);
  else
    amf_member_number (body, name, rtmp_read_be32 ((const uint8_t *) media_codec_to_fourcc (codec)));
}

static void
send_metadata (RtmpSession *session, AirTrack *video, AirTrack *audio, uint32_t timestamp)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  amf_write_string (body, "onMetaData");
  amf_begin_ecma_array (body, (video ? 3 : 0) + (audio ? 3 : 0));
  if (video)
    {
      amf_member_number (body, "width", air_track_get_width (video));
      amf_member_number (body, "height", air_track_get_height (video));
      write_codec (body, "videocodecid", video, 7);
    }
  if (audio)
    {
      amf_member_number (body, "audiosamplerate", air_track_get_sample_rate (audio));
      amf_member_boolean (body, "stereo", air_track_get_channels (audio) == 2);
      write_codec (body, "audiocodecid", audio, 10);
    }
  amf_end_object (body);
  send_message (session, RTMP_DATA_AMF0, CHUNK_STREAM_DATA, timestamp, body->data, body->len, NULL, 0);
}

/* Everything that the player must know of the tracks before their units. */
static void
send_headers (RtmpSession *session, AirTrack *video, AirTrack *audio)
{
  bool send_video = can_send (session, video), send_audio = can_send (session, audio);
  send_metadata (session, send_video ? video : NULL, send_audio ? audio : NULL, 0);
  if (send_video)
    send_header (session, video, 0);
  if (send_audio)
    send_header (session, audio, 0);
}

static void
refuse_player (RtmpSession *session, uint32_t stream_id, const char *path, const char *code, const char *reason,
               const char *description)
{
  g_autofree char *quoted = g_strescape (path, NULL);
  rtmp_metrics_refused (rtmp_server_get_metrics (session->server), reason);
  g_autofree char *user = rtmp_session_describe_user (session);
  g_message ("%s \"%s\": player%s refused: %s", rtmp_connection_get_address_text (session->connection), quoted, user,
             description);
  rtmp_reply_status (session, stream_id, "error", code, description);
  rtmp_connection_finish (session->connection);
}

static void
on_reader_ready (RtmpWatch *watch, uint32_t events)
{
  RtmpSession *session = (RtmpSession *) ((char *) watch - offsetof (RtmpSession, reader_watch));
  rtmp_session_pump (session);
}

static bool
open_reader (RtmpSession *session, AirStream *stream, AirStart start, GError **error)
{
  const AirReaderConfig config = { .protocol = "rtmp", .start = start };
  session->reader = air_context_add_reader (session->context, stream, &config, error);
  if (!session->reader)
    return false;
  session->reader_watch.ready = on_reader_ready;
  session->waits_for_socket = false;
  rtmp_loop_add (rtmp_server_get_loop (session->server), &session->reader_watch, air_reader_get_fd (session->reader),
                 EPOLLIN);
  return true;
}

static void
close_reader (RtmpSession *session)
{
  rtmp_loop_remove (rtmp_server_get_loop (session->server), &session->reader_watch);
  g_clear_pointer (&session->reader, air_reader_close);
}

static void
greet (RtmpSession *session, AirTrack *video, AirTrack *audio)
{
  rtmp_reply_status (session, session->stream_id, "status", "NetStream.Play.Reset", "Playing starts anew.");
  rtmp_reply_status (session, session->stream_id, "status", "NetStream.Play.Start", "Playing has begun.");
  g_autoptr (GByteArray) body = g_byte_array_new ();
  amf_write_string (body, "|RtmpSampleAccess");
  amf_write_boolean (body, true);
  amf_write_boolean (body, true);
  send_message (session, RTMP_DATA_AMF0, CHUNK_STREAM_DATA, 0, body->data, body->len, NULL, 0);
  send_headers (session, video, audio);
}

static const char *
status_code (const GError *error)
{
  return g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND) ? "NetStream.Play.StreamNotFound"
                                                                 : "NetStream.Play.Failed";
}

/* Authorized and found: begins to play. */
static bool
start_playing (RtmpSession *session, const RtmpCommand *command, AirStream *stream, AirIdentity *identity, GError **error)
{
  g_autoptr (AirTrack) video = air_stream_get_track (stream, AIR_KIND_VIDEO);
  g_autoptr (AirTrack) audio = air_stream_get_track (stream, AIR_KIND_AUDIO);
  if ((video || audio) && !can_send (session, video) && !can_send (session, audio))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED,
                   "The stream's codecs need Enhanced RTMP, which this player has not announced.");
      return false;
    }
  if (!open_reader (session, stream, AIR_START_CACHED, error))
    return false;
  session->paused = session->base_known = session->needs_keyframe = false;
  memset (session->blocked, 0, sizeof session->blocked);
  rtmp_session_begin (session, RTMP_ROLE_PLAYER, air_stream_get_path (stream), command->stream_id, identity);
  rtmp_server_count_player (session->server, 1);
  greet (session, video, audio);
  return true;
}

void
rtmp_session_play (RtmpSession *session, const RtmpCommand *command)
{
  const RtmpSettings *settings = rtmp_server_get_settings (session->server);
  const char *wanted = amf_value_get_string (rtmp_command_argument (command, 0));
  g_autoptr (StreamName) name = stream_name_parse (session->app, session->tc_url, wanted, settings->default_app);
  if (session->role != RTMP_ROLE_NONE)
    {
      rtmp_reply_status (session, command->stream_id, "error", "NetStream.Play.Failed",
                         "This connection publishes or plays already.");
      return;
    }
  if (!name || !air_stream_path_is_valid (name->path))
    {
      refuse_player (session, command->stream_id, name ? name->path : "", "NetStream.Play.StreamNotFound", "path",
                     "There can be no stream of this name.");
      return;
    }
  g_autoptr (GError) error = NULL;
  g_autoptr (AirIdentity) identity = rtmp_session_authorize (session, name, AIR_ACTION_READ, &error);
  g_autoptr (AirStream) stream = identity ? air_context_find_stream (session->context, name->path) : NULL;
  if (identity && !stream)
    g_set_error (&error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "Nobody publishes this stream.");
  if (!stream || !start_playing (session, command, stream, identity, &error))
    {
      refuse_player (session, command->stream_id, name->path, status_code (error), rtmp_refusal_reason (error),
                     error->message);
      return;
    }
  g_autofree char *user = rtmp_session_describe_user (session);
  g_message ("%s %s: playing%s", rtmp_connection_get_address_text (session->connection), session->path, user);
}

void
rtmp_session_stop_playing (RtmpSession *session)
{
  close_reader (session);
  for (unsigned i = 0; i < AIR_KIND_COUNT; i++)
    g_clear_pointer (&session->sent[i], air_track_unref);
  rtmp_server_count_player (session->server, -1);
}

/* A live stream that was paused goes on live. */
void
rtmp_session_pause (RtmpSession *session, bool pause)
{
  if (session->role != RTMP_ROLE_PLAYER || session->paused == pause)
    return;
  g_autoptr (GError) error = NULL;
  if (pause)
    {
      close_reader (session);
      session->paused = true;
      rtmp_reply_status (session, session->stream_id, "status", "NetStream.Pause.Notify", "Paused.");
      return;
    }
  g_autoptr (AirStream) stream = air_context_find_stream (session->context, session->path);
  if (!stream || !open_reader (session, stream, AIR_START_LIVE, &error))
    {
      rtmp_reply_status (session, session->stream_id, "status", "NetStream.Play.UnpublishNotify", "The stream has ended.");
      rtmp_connection_finish (session->connection);
      return;
    }
  session->paused = false;
  rtmp_reply_status (session, session->stream_id, "status", "NetStream.Unpause.Notify", "Playing goes on.");
}

static uint32_t
player_time (RtmpSession *session, int64_t time_ns)
{
  if (!session->base_known)
    {
      session->base_known = true;
      session->base_ns = time_ns;
    }
  return MAX (0, time_ns - session->base_ns) / 1000000;
}

static void
send_unit (RtmpSession *session, const AirUnit *unit)
{
  AirKind kind = air_track_get_kind (unit->track);
  MediaCodec codec;
  GstMapInfo map;
  if (session->blocked[kind] || !can_send (session, unit->track) || !rtmp_track_get_codec (unit->track, &codec))
    return;
  if (kind == AIR_KIND_VIDEO && session->needs_keyframe && !(unit->flags & AIR_UNIT_KEYFRAME))
    return;
  session->needs_keyframe &= kind != AIR_KIND_VIDEO;
  uint32_t timestamp = player_time (session, unit->dts_ns);
  if (session->sent[kind] != unit->track)
    {
      send_header (session, unit->track, timestamp);
      send_metadata (session, session->sent[AIR_KIND_VIDEO], session->sent[AIR_KIND_AUDIO], timestamp);
    }
  if (!gst_buffer_map (unit->buffer, &map, GST_MAP_READ))
    return;
  uint8_t head[8];
  int32_t composition_ms = unit->pts_ns / 1000000 - unit->dts_ns / 1000000;
  size_t length = make_head (head, codec, false, unit->flags & AIR_UNIT_KEYFRAME, composition_ms);
  bool video = kind == AIR_KIND_VIDEO;
  send_message (session, video ? RTMP_VIDEO : RTMP_AUDIO, video ? CHUNK_STREAM_VIDEO : CHUNK_STREAM_AUDIO, timestamp, head,
                length, map.data, map.size);
  gst_buffer_unmap (unit->buffer, &map);
}

static void
end_playing (RtmpSession *session)
{
  chunk_writer_user_control (rtmp_connection_get_writer (session->connection),
                             rtmp_connection_get_out (session->connection), RTMP_STREAM_EOF, session->stream_id);
  rtmp_reply_status (session, session->stream_id, "status", "NetStream.Play.UnpublishNotify", "The stream has ended.");
  rtmp_reply_status (session, session->stream_id, "status", "NetStream.Play.Stop", "The stream has ended.");
  rtmp_connection_finish (session->connection);
}

void
rtmp_session_pump (RtmpSession *session)
{
  for (unsigned i = 0; i < UNITS_PER_TURN && session->reader; i++)
    {
      if (rtmp_connection_get_pending (session->connection) > HIGH_WATER_BYTES)
        {
          session->waits_for_socket = true;
          rtmp_loop_set_events (rtmp_server_get_loop (session->server), &session->reader_watch, 0);
          break;
        }
      AirUnit *unit = air_reader_pop (session->reader);
      if (!unit)
        {
          if (air_reader_get_state (session->reader) != AIR_READER_ENDED)
            break;
          end_playing (session);
          return;
        }
      send_unit (session, unit);
      air_unit_unref (unit);
    }
  rtmp_connection_flush (session->connection);
}

void
rtmp_session_resume (RtmpSession *session)
{
  if (!session->waits_for_socket)
    return;
  session->waits_for_socket = false;
  rtmp_loop_set_events (rtmp_server_get_loop (session->server), &session->reader_watch, EPOLLIN);
}
