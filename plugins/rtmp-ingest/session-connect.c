/* connect: what the client is and can, and who it says it is. */
#include "session-private.h"

#include <string.h>

#define MAX_NAME_BYTES 2048

/* Enhanced RTMP v2 */
#define CAPS_RECONNECT 0x01

static void
note_codec (RtmpSession *session, const char *fourcc)
{
  if (!fourcc)
    return;
  for (unsigned codec = 0; codec <= MEDIA_OPUS; codec++)
    if (strcmp (fourcc, "*") == 0 || strcmp (fourcc, media_codec_to_fourcc (codec)) == 0)
      session->codecs |= 1u << codec;
}

/* Enhanced RTMP: what the client can play, as a list (v1) or as maps (v2). */
static void
note_codecs (RtmpSession *session, const AmfValue *object)
{
  session->codecs = 1u << MEDIA_H264 | 1u << MEDIA_AAC;
  const AmfValue *list = amf_value_lookup (object, "fourCcList");
  for (unsigned i = 0; i < amf_value_get_size (list); i++)
    note_codec (session, amf_value_get_string (amf_value_get_item (list, i)));
  static const char *const maps[] = { "videoFourCcInfoMap", "audioFourCcInfoMap" };
  for (size_t i = 0; i < G_N_ELEMENTS (maps); i++)
    {
      const AmfValue *map = amf_value_lookup (object, maps[i]);
      for (unsigned j = 0; map && map->type == AMF_OBJECT && j < map->members->len; j++)
        note_codec (session, ((const AmfMember *) map->members->pdata[j])->name);
    }
}

static void
reject (RtmpSession *session, double transaction, const char *description)
{
  rtmp_reply_error (session, transaction, "NetConnection.Connect.Rejected", description);
  rtmp_connection_finish (session->connection);
}

static bool
is_anonymous (const StreamName *name)
{
  return !name->key && !name->token && !name->user && !name->password;
}

/* The steps of adobe-auth.h. Returns: (transfer full) why connect is rejected this time, NULL when it is taken. */
static char *
authenticate (RtmpSession *session, const char *app, const char *tc_url)
{
  g_autoptr (StreamName) name = stream_name_parse_connect (app, tc_url);
  AdobeAuth *auth = rtmp_server_get_adobe_auth (session->server);
  int64_t now_us = g_get_monotonic_time ();
  if (g_strcmp0 (name->authmod, "adobe") != 0)
    {
      bool ask = rtmp_server_get_settings (session->server)->challenge && is_anonymous (name)
                 && !rtmp_session_is_trusted (session);
      return ask ? g_strdup (ADOBE_NEED_AUTH) : NULL;
    }
  if (!name->response)
    return adobe_auth_ask (auth, name->raw_user, now_us);
  session->proof = adobe_proof_new (name->user, name->raw_user, name->challenge, name->response, name->opaque);
  if (session->proof && adobe_auth_is_open (auth, name->opaque, now_us))
    return NULL;
  rtmp_metrics_refused (rtmp_server_get_metrics (session->server), "unauthorized");
  g_autofree char *user = rtmp_session_describe_user (session);
  g_message ("%s: refused%s: the answer to a challenge is too old, was used before or is to none of ours",
             rtmp_connection_get_address_text (session->connection), user);
  return g_strdup (ADOBE_AUTH_FAILED);
}

static const char *
find_fault (RtmpSession *session, const char *app, const char *tc_url)
{
  if (session->connected)
    return "connected already";
  if (!app)
    return "connect names no app";
  if (strlen (app) > MAX_NAME_BYTES || (tc_url && strlen (tc_url) > MAX_NAME_BYTES))
    return "app or tcUrl is too long";
  return NULL;
}

void
rtmp_session_connect (RtmpSession *session, const RtmpCommand *command)
{
  const AmfValue *object = command->values->len > 2 ? command->values->pdata[2] : NULL;
  const char *app = amf_value_get_string (amf_value_lookup (object, "app"));
  const char *tc_url = amf_value_get_string (amf_value_lookup (object, "tcUrl"));
  const char *agent = amf_value_get_string (amf_value_lookup (object, "flashVer"));
  const char *fault = find_fault (session, app, tc_url);
  if (fault)
    {
      rtmp_metrics_refused (rtmp_server_get_metrics (session->server), "protocol");
      reject (session, command->transaction, fault);
      return;
    }
  g_autofree char *rejection = authenticate (session, app, tc_url);
  if (rejection)
    {
      reject (session, command->transaction, rejection);
      return;
    }
  session->connected = true;
  session->app = g_strdup (app);
  session->tc_url = g_strdup (tc_url);
  session->user_agent = agent ? g_utf8_substring (agent, 0, MIN (g_utf8_strlen (agent, -1), 100)) : NULL;
  double caps = amf_value_get_number (amf_value_lookup (object, "capsEx"), 0);
  session->can_reconnect = caps >= 0 && caps < 256 && ((unsigned) caps & CAPS_RECONNECT); /* it may be no number at all */
  note_codecs (session, object);
  rtmp_reply_connected (session, command->transaction);
}
