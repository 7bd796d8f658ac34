/* SDP between us and webrtcbin. */
#include "webrtcbin-sdp.h"

#include <gio/gio.h>
#include <string.h>

static void
write_section (GString *sdp, const AirSdpChoice *choice, AirKind kind, unsigned mid)
{
  const AirSdpTransport *transport = &choice->transport;
  unsigned payload = choice->kinds[kind].payload;
  g_string_append_printf (sdp, "m=%s 9 UDP/TLS/RTP/SAVPF %u\r\nc=IN IP4 0.0.0.0\r\n",
                          kind == AIR_KIND_VIDEO ? "video" : "audio", payload);
  /* Who begins the DTLS handshake is settled already; so webrtcbin has no choice. */
  g_string_append_printf (sdp, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:%s\r\n",
                          transport->ice_ufrag, transport->ice_pwd, transport->fingerprints[0],
                          choice->dtls_client ? "passive" : "active");
  g_string_append_printf (sdp, "a=mid:%u\r\na=recvonly\r\na=rtcp-mux\r\n", mid);
  if (kind == AIR_KIND_VIDEO)
    g_string_append_printf (sdp, "a=rtpmap:%u H264/90000\r\na=rtcp-fb:%u nack pli\r\n", payload, payload);
  else
    g_string_append_printf (sdp, "a=rtpmap:%u OPUS/48000/2\r\n", payload);
}

char *
air_webrtc_offer_write (const AirSdpChoice *choice)
{
  GString *sdp = g_string_new ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
  unsigned mid = 0;
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (choice->kinds[kind].accepted)
      g_string_append_printf (sdp, " %u", mid++);
  g_string_append (sdp, "\r\n");
  mid = 0;
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (choice->kinds[kind].accepted)
      write_section (sdp, choice, (AirKind)kind, mid++);
  return g_string_free (sdp, FALSE);
}

char *
air_webrtc_caps_write (AirKind kind, const AirSdpSection *section, bool ssrc)
{
  GString *caps = g_string_new ("application/x-rtp,");
  if (kind == AIR_KIND_VIDEO)
    g_string_append (caps, "media=video,encoding-name=H264,clock-rate=90000");
  else
    g_string_append (caps, "media=audio,encoding-name=OPUS,clock-rate=48000,encoding-params=(string)2");
  g_string_append_printf (caps, ",payload=%u", section->payload);
  if (ssrc)
    g_string_append_printf (caps, ",ssrc=(uint)%u", section->ssrc);
  return g_string_free (caps, FALSE);
}

char *
air_webrtc_answer_get (const char *sdp, const char *name)
{
  g_autofree char *prefix = g_strdup_printf ("\na=%s:", name);
  const char *found = strstr (sdp, prefix);
  if (!found)
    return NULL;
  found += strlen (prefix);
  return g_strndup (found, strcspn (found, "\r\n"));
}

/* candidate:1 1 udp 2130706431 192.0.2.9 50000 typ host (RFC 8839 §5.1) */
bool
air_webrtc_candidate_is_usable (const char *candidate)
{
  g_auto (GStrv) fields = g_strsplit (candidate, " ", 9);
  if (g_strv_length (fields) < 8 || g_ascii_strcasecmp (fields[2], "udp") != 0)
    return false;
  return g_hostname_is_ip_address (fields[4]);
}
