/* Writing offers and reading answers (RFC 8866, RFC 8839). */
#include "session-description.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRANSPORT_CC "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
#define VIDEO_PAYLOAD 108
#define RTX_PAYLOAD 109
#define AUDIO_PAYLOAD 111
#define TRANSPORT_ID 4

static void
write_transport (GString *sdp, const LoadOffer *offer, unsigned mid)
{
  g_string_append_printf (sdp,
                          "c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n"
                          "a=ice-options:trickle\r\na=fingerprint:%s\r\na=setup:actpass\r\na=mid:%u\r\n",
                          offer->ice_ufrag, offer->ice_pwd, offer->fingerprint, mid);
  if (offer->transport_cc)
    g_string_append_printf (sdp, "a=extmap:%u " TRANSPORT_CC "\r\n", TRANSPORT_ID);
  g_string_append (sdp, "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid\r\n");
}

char *
load_offer_write (const LoadOffer *offer)
{
  GString *sdp = g_string_sized_new (2048);

  g_string_append (sdp, "v=0\r\no=- 5714576219621860371 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
                        "a=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n");
  g_string_append_printf (sdp, "m=video 9 UDP/TLS/RTP/SAVPF %u", VIDEO_PAYLOAD);
  if (offer->rtx)
    g_string_append_printf (sdp, " %u", RTX_PAYLOAD);
  g_string_append (sdp, "\r\n");
  write_transport (sdp, offer, 0);
  g_string_append_printf (sdp, "a=recvonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:%u H264/90000\r\n", VIDEO_PAYLOAD);
  if (offer->transport_cc)
    g_string_append_printf (sdp, "a=rtcp-fb:%u transport-cc\r\n", VIDEO_PAYLOAD);
  g_string_append_printf (sdp, "a=rtcp-fb:%u ccm fir\r\n", VIDEO_PAYLOAD);
  if (offer->nack)
    g_string_append_printf (sdp, "a=rtcp-fb:%u nack\r\n", VIDEO_PAYLOAD);
  g_string_append_printf (sdp,
                          "a=rtcp-fb:%u nack pli\r\n"
                          "a=fmtp:%u level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n",
                          VIDEO_PAYLOAD, VIDEO_PAYLOAD);
  if (offer->rtx)
    g_string_append_printf (sdp, "a=rtpmap:%u rtx/90000\r\na=fmtp:%u apt=%u\r\n", RTX_PAYLOAD, RTX_PAYLOAD,
                            VIDEO_PAYLOAD);
  g_string_append_printf (sdp, "m=audio 9 UDP/TLS/RTP/SAVPF %u\r\n", AUDIO_PAYLOAD);
  write_transport (sdp, offer, 1);
  g_string_append_printf (sdp, "a=recvonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:%u opus/48000/2\r\n", AUDIO_PAYLOAD);
  if (offer->transport_cc)
    g_string_append_printf (sdp, "a=rtcp-fb:%u transport-cc\r\n", AUDIO_PAYLOAD);
  g_string_append_printf (sdp, "a=fmtp:%u minptime=10;useinbandfec=1\r\n", AUDIO_PAYLOAD);
  return g_string_free (sdp, FALSE);
}

/* The first line that begins so. */
static bool
copy_attribute (const char *sdp, const char *prefix, char *ret_value, size_t size)
{
  const char *line = strstr (sdp, prefix);

  if (!line)
    return false;
  line += strlen (prefix);
  size_t length = strcspn (line, "\r\n");
  if (length == 0 || length >= size)
    return false;
  memcpy (ret_value, line, length);
  ret_value[length] = '\0';
  return true;
}

/* "candidate:1 1 udp 2130706431 127.0.0.1 8189 typ host" (RFC 8839 §5.1) */
static bool
read_candidate (const char *line, AirAddress *ret_address)
{
  char ip[AIR_ADDRESS_STRING_BYTES], protocol[8];
  unsigned component, port;

  return sscanf (line, "a=candidate:%*s %u %7s %*u %63s %u", &component, protocol, ip, &port) == 4 && component == 1
         && g_ascii_strcasecmp (protocol, "udp") == 0 && port > 0 && port < 65536
         && air_address_parse (ip, (uint16_t)port, ret_address);
}

static bool
choose_candidate (const char *sdp, const AirAddress *server, AirAddress *ret_address)
{
  AirAddress found;
  bool any = false;

  for (const char *line = strstr (sdp, "a=candidate:"); line; line = strstr (line + 1, "a=candidate:"))
    if (read_candidate (line, &found))
      {
        bool same_host = memcmp (found.ip, server->ip, sizeof found.ip) == 0;

        if (!any || same_host)
          *ret_address = found;
        any = true;
        if (same_host)
          return true;
      }
  return any;
}

const char *
load_answer_read (const char *sdp, const AirAddress *server, LoadAnswer *ret_answer)
{
  g_autofree char *rtx = g_strdup_printf ("a=fmtp:%u apt=%u", RTX_PAYLOAD, VIDEO_PAYLOAD);
  g_autofree char *nack = g_strdup_printf ("a=rtcp-fb:%u nack\r\n", VIDEO_PAYLOAD);
  g_autofree char *transport = g_strdup_printf ("a=extmap:%u " TRANSPORT_CC, TRANSPORT_ID);
  g_autofree char *video = g_strdup_printf ("a=rtpmap:%u H264/90000", VIDEO_PAYLOAD);
  g_autofree char *audio = g_strdup_printf ("a=rtpmap:%u opus/48000/2", AUDIO_PAYLOAD);

  *ret_answer = (LoadAnswer){ 0 };
  if (!copy_attribute (sdp, "a=ice-ufrag:", ret_answer->ice_ufrag, sizeof ret_answer->ice_ufrag)
      || !copy_attribute (sdp, "a=ice-pwd:", ret_answer->ice_pwd, sizeof ret_answer->ice_pwd))
    return "the answer lacks ICE credentials";
  if (!copy_attribute (sdp, "a=fingerprint:", ret_answer->fingerprint, sizeof ret_answer->fingerprint))
    return "the answer lacks a fingerprint";
  if (!choose_candidate (sdp, server, &ret_answer->target))
    return "the answer has no UDP candidate";
  ret_answer->video_payload = strstr (sdp, video) ? VIDEO_PAYLOAD : 0;
  ret_answer->audio_payload = strstr (sdp, audio) ? AUDIO_PAYLOAD : 0;
  ret_answer->rtx_payload = strstr (sdp, rtx) ? RTX_PAYLOAD : 0;
  ret_answer->nack = strstr (sdp, nack);
  ret_answer->transport_id = strstr (sdp, transport) ? TRANSPORT_ID : 0;
  if (!ret_answer->video_payload && !ret_answer->audio_payload)
    return "the answer has neither H.264 nor Opus";
  return NULL;
}
