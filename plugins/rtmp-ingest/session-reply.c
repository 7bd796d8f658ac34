/* Commands from the server to the client. */
#include "session-private.h"

#define WINDOW_ACK_SIZE 2500000
#define BANDWIDTH_DYNAMIC 2

/* Enhanced RTMP v2: capsEx flags that this server has. */
#define CAPS_RECONNECT 0x01
#define CAPS_MULTITRACK 0x02
#define CAPS_MOD_EX 0x04
#define CAPS_NANOSECONDS 0x08
/* FourCcInfoMask */
#define FOURCC_CAN_FORWARD 0x04

void
rtmp_reply_command (RtmpSession *session, uint32_t stream_id, GByteArray *body)
{
  chunk_writer_write (rtmp_connection_get_writer (session->connection), rtmp_connection_get_out (session->connection),
                      CHUNK_STREAM_COMMAND, RTMP_COMMAND_AMF0, stream_id, 0, body->data, body->len, NULL, 0);
}

static GByteArray *
new_command (const char *name, double transaction)
{
  GByteArray *body = g_byte_array_new ();
  amf_write_string (body, name);
  amf_write_number (body, transaction);
  return body;
}

static void
write_information (GByteArray *body, const char *level, const char *code, const char *description)
{
  amf_begin_object (body);
  amf_member_string (body, "level", level);
  amf_member_string (body, "code", code);
  amf_member_string (body, "description", description);
}

void
rtmp_reply_status (RtmpSession *session, uint32_t stream_id, const char *level, const char *code, const char *description)
{
  g_autoptr (GByteArray) body = new_command ("onStatus", 0);
  amf_write_null (body);
  write_information (body, level, code, description);
  amf_end_object (body);
  rtmp_reply_command (session, stream_id, body);
}

void
rtmp_reply_result (RtmpSession *session, double transaction, double number)
{
  g_autoptr (GByteArray) body = new_command ("_result", transaction);
  amf_write_null (body);
  if (number >= 0)
    amf_write_number (body, number);
  rtmp_reply_command (session, 0, body);
}

void
rtmp_reply_error (RtmpSession *session, double transaction, const char *code, const char *description)
{
  g_autoptr (GByteArray) body = new_command ("_error", transaction);
  amf_write_null (body);
  write_information (body, "error", code, description);
  amf_end_object (body);
  rtmp_reply_command (session, 0, body);
}

/* What is taken beyond H.264 and AAC, as Enhanced RTMP v1 (a list) and v2 (maps) say it. */
static void
write_enhanced (GByteArray *body)
{
  static const MediaCodec video[] = { MEDIA_H264, MEDIA_H265, MEDIA_AV1 };
  static const MediaCodec audio[] = { MEDIA_AAC, MEDIA_OPUS };
  amf_write_name (body, "fourCcList");
  static const uint8_t strict_array[] = { 0x0A, 0, 0, 0, G_N_ELEMENTS (video) + G_N_ELEMENTS (audio) };
  g_byte_array_append (body, strict_array, sizeof strict_array);
  for (size_t i = 0; i < G_N_ELEMENTS (video); i++)
    amf_write_string (body, media_codec_to_fourcc (video[i]));
  for (size_t i = 0; i < G_N_ELEMENTS (audio); i++)
    amf_write_string (body, media_codec_to_fourcc (audio[i]));
  amf_write_name (body, "videoFourCcInfoMap");
  amf_begin_object (body);
  for (size_t i = 0; i < G_N_ELEMENTS (video); i++)
    amf_member_number (body, media_codec_to_fourcc (video[i]), FOURCC_CAN_FORWARD);
  amf_end_object (body);
  amf_write_name (body, "audioFourCcInfoMap");
  amf_begin_object (body);
  for (size_t i = 0; i < G_N_ELEMENTS (audio); i++)
    amf_member_number (body, media_codec_to_fourcc (audio[i]), FOURCC_CAN_FORWARD);
  amf_end_object (body);
  amf_member_number (body, "capsEx", CAPS_RECONNECT | CAPS_MULTITRACK | CAPS_MOD_EX | CAPS_NANOSECONDS);
}

void
rtmp_reply_connected (RtmpSession *session, double transaction)
{
  ChunkWriter *writer = rtmp_connection_get_writer (session->connection);
  GByteArray *out = rtmp_connection_get_out (session->connection);
  chunk_writer_window_ack_size (writer, out, WINDOW_ACK_SIZE);
  chunk_writer_set_peer_bandwidth (writer, out, WINDOW_ACK_SIZE, BANDWIDTH_DYNAMIC);
  chunk_writer_user_control (writer, out, RTMP_STREAM_BEGIN, 0);
  chunk_writer_set_chunk_size (writer, out, CHUNK_WRITER_CHUNK_SIZE);

  g_autoptr (GByteArray) body = new_command ("_result", transaction);
  amf_begin_object (body);
  /* Some encoders look for the version of Flash Media Server before they send H.264. */
  amf_member_string (body, "fmsVer", "FMS/3,5,7,7009");
  amf_member_number (body, "capabilities", 31);
  amf_member_number (body, "mode", 1);
  write_enhanced (body);
  amf_end_object (body);
  write_information (body, "status", "NetConnection.Connect.Success", "Connection succeeded.");
  amf_member_number (body, "objectEncoding", 0);
  write_enhanced (body);
  amf_end_object (body);
  rtmp_reply_command (session, 0, body);
}
