/* Commands from the client (RTMP §7.2). Unknown ones are tolerated: publishers send many that mean nothing here. */
#include "session-private.h"

#include <string.h>

#define MAX_STREAMS 64

typedef struct
{
  const char *name;
  bool before_connect;
  void (*run) (RtmpSession *session, const RtmpCommand *command);
} CommandEntry;

static void
on_create_stream (RtmpSession *session, const RtmpCommand *command)
{
  if (session->streams_created >= MAX_STREAMS)
    rtmp_reply_error (session, command->transaction, "NetConnection.Call.Failed", "too many streams");
  else
    rtmp_reply_result (session, command->transaction, ++session->streams_created);
}

/* releaseStream, FCSubscribe and others that only want an answer. */
static void
on_tolerated (RtmpSession *session, const RtmpCommand *command)
{
  rtmp_reply_result (session, command->transaction, -1);
}

static void
reply_fc (RtmpSession *session, const char *name, const char *code)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  amf_write_string (body, name);
  amf_write_number (body, 0);
  amf_write_null (body);
  amf_begin_object (body);
  amf_member_string (body, "code", code);
  amf_member_string (body, "description", "");
  amf_end_object (body);
  rtmp_reply_command (session, 0, body);
}

static void
on_fc_publish (RtmpSession *session, const RtmpCommand *command)
{
  reply_fc (session, "onFCPublish", "NetStream.Publish.Start");
  rtmp_reply_result (session, command->transaction, -1);
}

static void
end_role (RtmpSession *session)
{
  RtmpRole role = session->role;
  uint32_t stream_id = session->stream_id;
  rtmp_session_stop (session);
  if (role == RTMP_ROLE_PUBLISHER)
    rtmp_reply_status (session, stream_id, "status", "NetStream.Unpublish.Success", "Publishing has ended.");
}

static void
on_fc_unpublish (RtmpSession *session, const RtmpCommand *command)
{
  if (session->role == RTMP_ROLE_PUBLISHER)
    end_role (session);
  reply_fc (session, "onFCUnpublish", "NetStream.Unpublish.Success");
  rtmp_reply_result (session, command->transaction, -1);
}

static void
on_delete_stream (RtmpSession *session, const RtmpCommand *command)
{
  if (amf_value_get_number (rtmp_command_argument (command, 0), -1) == session->stream_id)
    end_role (session);
}

static void
on_close_stream (RtmpSession *session, const RtmpCommand *command)
{
  if (command->stream_id == session->stream_id)
    end_role (session);
}

static void
on_pause (RtmpSession *session, const RtmpCommand *command)
{
  rtmp_session_pause (session, amf_value_get_number (rtmp_command_argument (command, 0), 1) != 0);
}

static void
receive (RtmpSession *session, const RtmpCommand *command, AirKind kind)
{
  session->blocked[kind] = amf_value_get_number (rtmp_command_argument (command, 0), 1) == 0;
  session->needs_keyframe |= kind == AIR_KIND_VIDEO;
}

static void
on_receive_audio (RtmpSession *session, const RtmpCommand *command)
{
  receive (session, command, AIR_KIND_AUDIO);
}

static void
on_receive_video (RtmpSession *session, const RtmpCommand *command)
{
  receive (session, command, AIR_KIND_VIDEO);
}

static void
on_seek (RtmpSession *session, const RtmpCommand *command)
{
  rtmp_reply_status (session, command->stream_id, "error", "NetStream.Seek.Failed", "A live stream cannot be sought in.");
}

/* The recorded length, which a live stream has not. */
static void
on_get_stream_length (RtmpSession *session, const RtmpCommand *command)
{
  rtmp_reply_result (session, command->transaction, 0);
}

static const CommandEntry commands[] = {
  { "connect", true, rtmp_session_connect },
  { "createStream", false, on_create_stream },
  { "releaseStream", false, on_tolerated },
  { "FCPublish", false, on_fc_publish },
  { "FCUnpublish", false, on_fc_unpublish },
  { "FCSubscribe", false, on_tolerated },
  { "_checkbw", false, on_tolerated },
  { "getStreamLength", false, on_get_stream_length },
  { "publish", false, rtmp_session_publish },
  { "play", false, rtmp_session_play },
  { "pause", false, on_pause },
  { "pauseRaw", false, on_pause },
  { "seek", false, on_seek },
  { "receiveAudio", false, on_receive_audio },
  { "receiveVideo", false, on_receive_video },
  { "closeStream", false, on_close_stream },
  { "deleteStream", false, on_delete_stream },
};

bool
rtmp_session_take_command (RtmpSession *session, const RtmpMessage *message, GError **error)
{
  g_autoptr (GPtrArray) values = amf_parse (message->data, message->length, message->type == RTMP_COMMAND_AMF3, error);
  if (!values)
    return false;
  RtmpCommand command = { .values = values, .stream_id = message->stream_id };
  command.name = values->len > 0 ? amf_value_get_string (values->pdata[0]) : NULL;
  command.transaction = values->len > 1 ? amf_value_get_number (values->pdata[1], 0) : 0;
  if (!command.name)
    {
      g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "a command without a name");
      return false;
    }
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      if (strcmp (commands[i].name, command.name) != 0)
        continue;
      if (!session->connected && !commands[i].before_connect)
        {
          g_set_error (error, RTMP_ERROR, RTMP_ERROR_INVALID, "%s before connect", commands[i].name);
          return false;
        }
      commands[i].run (session, &command);
      return true;
    }
  /* A transaction id asks for an answer. */
  if (command.transaction > 0 && strcmp (command.name, "_result") != 0 && strcmp (command.name, "_error") != 0)
    rtmp_reply_error (session, command.transaction, "NetConnection.Call.Failed", "This call is not known here.");
  return true;
}
