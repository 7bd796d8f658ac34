/* The SDP offer parser: one pass over the lines, each attribute by its own function, then the checks that need the
 * whole. Nothing grows with what a stranger sends: lines, sections and payloads are counted. */
#include "sdp-offer.h"

#include <string.h>

#include <airclass/error.h>

#define MAX_PACKET_MS 1000u /* of a=maxptime: more is as good */

typedef struct
{
  AirSdpOffer *offer;
  AirSdpMedia *media; /* the section that is open; NULL: the session's part */
  AirSdpTransport session;
  bool refuses;       /* the session's part says sendonly or inactive: so do sections that say nothing */
  const char *bundle; /* the mids of the group, separated by blanks; NULL: no group */
  unsigned line;
} Parser;

static const char *const extension_uris[AIR_SDP_EXTENSION_COUNT] = {
  [AIR_SDP_EXTENSION_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
  [AIR_SDP_EXTENSION_CAPTURE_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
  [AIR_SDP_EXTENSION_TRANSPORT_CC] = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  [AIR_SDP_EXTENSION_PLAYOUT_DELAY] = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
};

const char *
air_sdp_extension_uri (AirSdpExtension extension)
{
  return extension_uris[extension];
}

static bool
fail (const Parser *parser, GError **error, const char *what)
{
  g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "line %u of the SDP: %s", parser->line, what);
  return false;
}

static const char *
keep (Parser *parser, const char *text)
{
  return g_string_chunk_insert (parser->offer->strings, text);
}

/* Reads decimal digits up to @limit; moves *@text behind them. */
static bool
read_number (const char **text, unsigned limit, unsigned *ret_value)
{
  const char *at = *text;
  unsigned value = 0;
  if (!g_ascii_isdigit (*at))
    return false;
  for (; g_ascii_isdigit (*at); at++)
    {
      value = value * 10 + (unsigned)(*at - '0');
      if (value > limit)
        return false;
    }
  *text = at;
  *ret_value = value;
  return true;
}

/* ice-char of RFC 8839 §5.4, and the lengths given there. */
static bool
is_ice_text (const char *text, size_t minimum)
{
  size_t length = strlen (text);
  if (length < minimum || length > 256)
    return false;
  for (const char *at = text; *at; at++)
    if (!g_ascii_isalnum (*at) && *at != '+' && *at != '/')
      return false;
  return true;
}

/* token of RFC 8866 §9: what a mid may be made of. */
static bool
is_token (const char *text, size_t maximum)
{
  size_t length = strlen (text);
  if (length == 0 || length > maximum)
    return false;
  for (const char *at = text; *at; at++)
    if (!g_ascii_isgraph (*at) || strchr ("\"(),/:;<=>?@[\\]", *at))
      return false;
  return true;
}

static AirSdpPayload *
find_payload (AirSdpMedia *media, unsigned number)
{
  for (unsigned i = 0; i < media->payload_count; i++)
    if (media->payloads[i].number == number)
      return &media->payloads[i];
  return NULL;
}

/* m=video 9 UDP/TLS/RTP/SAVPF 96 97 */
static bool
parse_media (Parser *parser, const char *value, GError **error)
{
  AirSdpOffer *offer = parser->offer;
  g_auto (GStrv) fields = g_strsplit (value, " ", 4);
  if (g_strv_length (fields) < 4 || !is_token (fields[0], 32))
    return fail (parser, error, "not an m= line");
  if (offer->media_count == AIR_SDP_MAX_MEDIA)
    return fail (parser, error, "too many media sections");
  const char *port_text = fields[1];
  unsigned port;
  if (!read_number (&port_text, 65535, &port) || (*port_text != '\0' && *port_text != '/'))
    return fail (parser, error, "the port of the m= line is not a number");

  AirSdpMedia *media = g_new0 (AirSdpMedia, 1);
  offer->media[offer->media_count++] = media;
  parser->media = media;
  media->media = keep (parser, fields[0]);
  media->protocol = keep (parser, fields[2]);
  media->formats = keep (parser, fields[3]);
  media->mid = "";
  media->disabled = port == 0;
  media->receives = !parser->refuses; /* sendrecv unless said otherwise (RFC 8866 §6.7) */
  bool rtp = g_str_has_suffix (fields[2], "RTP/SAVPF") || g_str_has_suffix (fields[2], "RTP/SAVP");
  media->kind = !rtp                                  ? AIR_SDP_OTHER
                : g_strcmp0 (fields[0], "audio") == 0 ? AIR_SDP_AUDIO
                : g_strcmp0 (fields[0], "video") == 0 ? AIR_SDP_VIDEO
                                                      : AIR_SDP_OTHER;
  if (media->kind == AIR_SDP_OTHER)
    return true;

  g_auto (GStrv) numbers = g_strsplit (fields[3], " ", -1);
  for (char **number = numbers; *number; number++)
    {
      const char *at = *number;
      unsigned payload;
      if (*at == '\0')
        continue;
      if (!read_number (&at, 127, &payload) || *at != '\0')
        return fail (parser, error, "a payload type is not a number from 0 to 127");
      if (media->payload_count == AIR_SDP_MAX_PAYLOADS)
        return fail (parser, error, "too many payload types");
      if (find_payload (media, payload))
        return fail (parser, error, "a payload type stands twice in the m= line");
      media->payloads[media->payload_count++]
          = (AirSdpPayload){ .number = (uint8_t)payload, .encoding = "", .channels = 1, .fmtp = "" };
    }
  return true;
}

/* a=rtpmap:96 H264/90000, a=rtpmap:111 opus/48000/2 */
static bool
parse_rtpmap (Parser *parser, const char *value, GError **error)
{
  unsigned number, rate, channels = 1;
  if (!read_number (&value, 127, &number) || *value != ' ')
    return fail (parser, error, "not an a=rtpmap");
  while (*value == ' ')
    value++;
  g_auto (GStrv) parts = g_strsplit (value, "/", 3);
  unsigned count = g_strv_length (parts);
  if (count < 2 || !is_token (parts[0], 64))
    return fail (parser, error, "not an a=rtpmap");
  const char *rate_text = parts[1];
  if (!read_number (&rate_text, 10000000, &rate) || *rate_text != '\0')
    return fail (parser, error, "the clock rate of an a=rtpmap is not a number");
  if (count == 3)
    {
      const char *channel_text = parts[2];
      if (!read_number (&channel_text, 255, &channels) || *channel_text != '\0')
        return fail (parser, error, "the channels of an a=rtpmap are not a number");
    }
  AirSdpPayload *payload = find_payload (parser->media, number);
  if (!payload)
    return true; /* a payload that the m= line does not list is nobody's */
  payload->encoding = keep (parser, parts[0]);
  payload->clock_rate = rate;
  payload->channels = channels;
  return true;
}

/* a=fmtp:96 packetization-mode=1;profile-level-id=42e01f */
static bool
parse_fmtp (Parser *parser, const char *value, GError **error)
{
  unsigned number;
  if (!read_number (&value, 127, &number) || *value != ' ')
    return fail (parser, error, "not an a=fmtp");
  AirSdpPayload *payload = find_payload (parser->media, number);
  if (payload)
    payload->fmtp = keep (parser, value + strspn (value, " "));
  return true;
}

/* a=rtcp-fb:96 nack pli, a=rtcp-fb:* nack */
static bool
parse_feedback (Parser *parser, const char *value, GError **error)
{
  unsigned number = 128; /* 128: all */
  if (*value == '*')
    value++;
  else if (!read_number (&value, 127, &number))
    return fail (parser, error, "not an a=rtcp-fb");
  value += strspn (value, " ");
  unsigned feedback = g_str_equal (value, "nack")           ? AIR_SDP_FEEDBACK_NACK
                      : g_str_equal (value, "nack pli")     ? AIR_SDP_FEEDBACK_PLI
                      : g_str_equal (value, "ccm fir")      ? AIR_SDP_FEEDBACK_FIR
                      : g_str_equal (value, "transport-cc") ? AIR_SDP_FEEDBACK_TRANSPORT_CC
                      : g_str_equal (value, "goog-remb")    ? AIR_SDP_FEEDBACK_REMB
                      : g_str_equal (value, "rrtr")         ? AIR_SDP_FEEDBACK_ROUND_TRIP
                                                            : 0;
  for (unsigned i = 0; i < parser->media->payload_count; i++)
    if (number == 128 || parser->media->payloads[i].number == number)
      parser->media->payloads[i].feedback |= feedback;
  return true;
}

/* a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid, a=extmap:5/sendonly URI */
static bool
parse_extmap (Parser *parser, const char *value, GError **error)
{
  unsigned number;
  if (!read_number (&value, 4096, &number) || number == 0 || (*value != ' ' && *value != '/'))
    return fail (parser, error, "not an a=extmap");
  const char *uri = strchr (value, ' ');
  /* Only one-byte headers are written (RFC 8285 §4.2); the peer that sends an extension does not want ours. */
  if (!uri || number > 14 || g_str_has_prefix (value, "/sendonly") || g_str_has_prefix (value, "/inactive"))
    return true;
  uri += strspn (uri, " ");
  size_t length = strcspn (uri, " ");
  for (unsigned i = 0; i < AIR_SDP_EXTENSION_COUNT; i++)
    if (strlen (extension_uris[i]) == length && strncmp (uri, extension_uris[i], length) == 0)
      parser->media->extensions[i] = (uint8_t)number;
  return true;
}

/* RFC 8122 §5: of several, those of one hash count, each for a certificate that may be used. That is sha-256, or else the one
 * that came first. */
static void
keep_fingerprint (Parser *parser, AirSdpTransport *transport, const char *algorithm, const char *digest)
{
  g_autofree char *kind = g_strconcat (algorithm, " ", NULL), *text = g_strconcat (kind, digest, NULL);
  unsigned count = g_strv_length ((char **)transport->fingerprints);
  if (count > 0 && !g_str_has_prefix (transport->fingerprints[0], kind))
    {
      if (!g_str_equal (algorithm, "sha-256"))
        return;
      memset (transport->fingerprints, 0, sizeof transport->fingerprints);
      count = 0;
    }
  if (count < AIR_SDP_MAX_FINGERPRINTS && !g_strv_contains (transport->fingerprints, text))
    transport->fingerprints[count] = keep (parser, text);
}

/* a=fingerprint:sha-256 AB:CD:… */
static bool
parse_fingerprint (Parser *parser, AirSdpTransport *transport, const char *value, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (value, " ", 2);
  if (g_strv_length (parts) != 2)
    return fail (parser, error, "not an a=fingerprint");
  g_autofree char *algorithm = g_ascii_strdown (parts[0], -1);
  g_autofree char *digest = g_ascii_strup (g_strstrip (parts[1]), -1);
  size_t length = strlen (digest);
  if (length < 59 || length > 64 * 3 - 1 || length % 3 != 2 || !is_token (algorithm, 16))
    return fail (parser, error, "the fingerprint has a wrong length");
  for (size_t i = 0; i < length; i++)
    if (i % 3 == 2 ? digest[i] != ':' : !g_ascii_isxdigit (digest[i]))
      return fail (parser, error, "the fingerprint is not written as hexadecimal pairs");
  keep_fingerprint (parser, transport, algorithm, digest);
  return true;
}

/* a=candidate:1 1 udp 2130706431 192.0.2.9 50000 typ host (RFC 8839 §5.1). Kept as written; each transport is bundled, so
 * that it does not matter for which section it is. */
static void
keep_candidate (Parser *parser, const char *value)
{
  AirSdpOffer *offer = parser->offer;
  if (offer->candidate_count == AIR_SDP_MAX_CANDIDATES)
    return;
  g_autofree char *candidate = g_strconcat ("candidate:", value, NULL);
  offer->candidates[offer->candidate_count++] = keep (parser, candidate);
}

/* Attributes of the transport: may stand in a section or for the session. *@ret_taken tells whether it was one. */
static bool
parse_transport (Parser *parser, const char *name, const char *value, bool *ret_taken, GError **error)
{
  AirSdpTransport *transport = parser->media ? &parser->media->transport : &parser->session;
  *ret_taken = true;
  if (g_str_equal (name, "ice-ufrag"))
    {
      if (!is_ice_text (value, 4))
        return fail (parser, error, "a=ice-ufrag is not 4 to 256 ICE characters");
      transport->ice_ufrag = keep (parser, value);
    }
  else if (g_str_equal (name, "ice-pwd"))
    {
      if (!is_ice_text (value, 22))
        return fail (parser, error, "a=ice-pwd is not 22 to 256 ICE characters");
      transport->ice_pwd = keep (parser, value);
    }
  else if (g_str_equal (name, "setup"))
    {
      if (!g_str_equal (value, "actpass") && !g_str_equal (value, "active") && !g_str_equal (value, "passive"))
        return fail (parser, error, "a=setup is none of actpass, active, passive");
      transport->setup = keep (parser, value);
    }
  else if (g_str_equal (name, "fingerprint"))
    return parse_fingerprint (parser, transport, value, error);
  else if (g_str_equal (name, "candidate"))
    keep_candidate (parser, value);
  else
    *ret_taken = false;
  return true;
}

/* RFC 8866 §6.7: for a section, or for all that have none. Returns whether it is one. */
static bool
parse_direction (const char *name, bool *ret_receives)
{
  bool receives = g_str_equal (name, "recvonly") || g_str_equal (name, "sendrecv");
  if (!receives && !g_str_equal (name, "sendonly") && !g_str_equal (name, "inactive"))
    return false;
  *ret_receives = receives;
  return true;
}

static bool
parse_media_attribute (Parser *parser, const char *name, const char *value, GError **error)
{
  AirSdpMedia *media = parser->media;
  if (g_str_equal (name, "mid"))
    {
      if (!is_token (value, 64))
        return fail (parser, error, "a=mid is not a token of at most 64 characters");
      media->mid = keep (parser, value);
      return true;
    }
  if (g_str_equal (name, "bundle-only"))
    media->disabled = false; /* RFC 8843 §6: such a section has port 0 and is wanted */
  if (media->kind == AIR_SDP_OTHER)
    return true;
  if (g_str_equal (name, "rtpmap"))
    return parse_rtpmap (parser, value, error);
  if (g_str_equal (name, "fmtp"))
    return parse_fmtp (parser, value, error);
  if (g_str_equal (name, "rtcp-fb"))
    return parse_feedback (parser, value, error);
  if (g_str_equal (name, "extmap"))
    return parse_extmap (parser, value, error);
  if (g_str_equal (name, "maxptime"))
    media->max_packet_ms = (unsigned)MIN (g_ascii_strtoull (value, NULL, 10), MAX_PACKET_MS);
  else if (g_str_equal (name, "rtcp-mux"))
    media->rtcp_mux = true;
  else if (g_str_equal (name, "rtcp-rsize"))
    media->rtcp_rsize = true;
  else
    parse_direction (name, &media->receives);
  return true;
}

static bool
parse_attribute (Parser *parser, const char *text, GError **error)
{
  const char *colon = strchr (text, ':');
  g_autofree char *name = colon ? g_strndup (text, (size_t)(colon - text)) : g_strdup (text);
  const char *value = colon ? colon + 1 : "";
  bool taken;
  if (!parse_transport (parser, name, value, &taken, error))
    return false;
  if (taken)
    return true;
  if (parser->media)
    return parse_media_attribute (parser, name, value, error);
  bool receives;
  if (parse_direction (name, &receives))
    parser->refuses = !receives;
  if (g_str_equal (name, "group") && g_str_has_prefix (value, "BUNDLE") && !parser->bundle)
    parser->bundle = keep (parser, value + strlen ("BUNDLE"));
  return true;
}

static bool
parse_line (Parser *parser, const char *text, GError **error)
{
  if (!g_ascii_islower (text[0]) || text[1] != '=')
    return fail (parser, error, "not of the form x=…");
  if (parser->line == 1 && !g_str_equal (text, "v=0"))
    return fail (parser, error, "an SDP begins with v=0");
  if (text[0] == 'm')
    return parse_media (parser, text + 2, error);
  if (text[0] == 'a')
    return parse_attribute (parser, text + 2, error);
  return true;
}

static const char *
first_of (const char *preferred, const char *otherwise)
{
  return preferred ? preferred : otherwise;
}

static void
fill_fingerprints (AirSdpTransport *transport, const AirSdpTransport *otherwise)
{
  if (!transport->fingerprints[0])
    memcpy (transport->fingerprints, otherwise->fingerprints, sizeof transport->fingerprints);
}

/* The transport of the group is that of its first section (RFC 8843 §7.2); what stands for the session fills gaps. */
static void
join_transport (Parser *parser)
{
  AirSdpOffer *offer = parser->offer;
  AirSdpTransport *ret = &offer->transport;
  for (unsigned i = 0; i < offer->media_count; i++)
    {
      const AirSdpTransport *own = &offer->media[i]->transport;
      if (offer->media[i]->disabled || (offer->has_bundle && !offer->media[i]->bundled))
        continue;
      if (!ret->ice_ufrag && own->ice_ufrag && own->ice_pwd)
        {
          ret->ice_ufrag = own->ice_ufrag;
          ret->ice_pwd = own->ice_pwd;
        }
      fill_fingerprints (ret, own);
      ret->setup = first_of (ret->setup, own->setup);
    }
  const AirSdpTransport *session = &parser->session;
  ret->ice_ufrag = first_of (ret->ice_ufrag, session->ice_ufrag);
  ret->ice_pwd = first_of (ret->ice_pwd, session->ice_pwd);
  fill_fingerprints (ret, session);
  ret->setup = first_of (ret->setup, session->setup);
}

static bool
check_mids (Parser *parser, GError **error)
{
  AirSdpOffer *offer = parser->offer;
  g_auto (GStrv) group = g_strsplit (parser->bundle ? parser->bundle : "", " ", AIR_SDP_MAX_MEDIA * 2);
  offer->has_bundle = parser->bundle != NULL;
  for (unsigned i = 0; i < offer->media_count; i++)
    {
      AirSdpMedia *media = offer->media[i];
      media->bundled = *media->mid != '\0' && g_strv_contains ((const char *const *)group, media->mid);
      for (unsigned k = 0; k < i; k++)
        if (*media->mid != '\0' && g_str_equal (media->mid, offer->media[k]->mid))
          return fail (parser, error, "two media sections have the same a=mid");
    }
  return true;
}

/* Calls @handler for each line without its end. */
static bool
for_each_line (Parser *parser, const char *text, size_t length, bool (*handler) (Parser *, const char *, GError **),
               GError **error)
{
  if (length > AIR_SDP_MAX_BYTES || !g_utf8_validate_len (text, length, NULL))
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID, "the SDP is too long or not UTF-8 text");
      return false;
    }
  for (size_t at = 0; at < length;)
    {
      const char *end = memchr (text + at, '\n', length - at);
      size_t line_length = end ? (size_t)(end - text) - at : length - at;
      g_autofree char *line = g_strndup (text + at, line_length);
      at += line_length + 1;
      if (++parser->line > AIR_SDP_MAX_LINES)
        return fail (parser, error, "too many lines");
      g_strchomp (line);
      if (*line != '\0' && !handler (parser, line, error))
        return false;
    }
  return true;
}

AirSdpOffer *
air_sdp_offer_parse (const char *text, size_t length, GError **error)
{
  g_autoptr (AirSdpOffer) offer = g_new0 (AirSdpOffer, 1);
  offer->strings = g_string_chunk_new (4096);
  Parser parser = { .offer = offer };
  if (!for_each_line (&parser, text, length, parse_line, error))
    return NULL;
  if (parser.line == 0 || offer->media_count == 0)
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID, "the SDP has no media section");
      return NULL;
    }
  if (!check_mids (&parser, error))
    return NULL;
  join_transport (&parser);
  if (!offer->transport.ice_ufrag || !offer->transport.ice_pwd || !offer->transport.fingerprints[0])
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID,
                           "the SDP lacks a=ice-ufrag, a=ice-pwd or a=fingerprint");
      return NULL;
    }
  return g_steal_pointer (&offer);
}

void
air_sdp_offer_free (AirSdpOffer *offer)
{
  if (!offer)
    return;
  for (unsigned i = 0; i < offer->media_count; i++)
    g_free (offer->media[i]);
  g_string_chunk_free (offer->strings);
  g_free (offer);
}

char *
air_sdp_fmtp_get (const char *fmtp, const char *name)
{
  g_auto (GStrv) parameters = g_strsplit (fmtp, ";", 64);
  for (char **parameter = parameters; *parameter; parameter++)
    {
      char *equals = strchr (*parameter, '=');
      if (!equals)
        continue;
      *equals = '\0';
      if (g_ascii_strcasecmp (g_strstrip (*parameter), name) == 0)
        return g_strdup (g_strstrip (equals + 1));
    }
  return NULL;
}

const AirSdpPayload *
air_sdp_media_find_rtx (const AirSdpMedia *media, uint8_t payload)
{
  for (unsigned i = 0; i < media->payload_count; i++)
    {
      const AirSdpPayload *candidate = &media->payloads[i];
      if (g_ascii_strcasecmp (candidate->encoding, "rtx") != 0)
        continue;
      g_autofree char *apt = air_sdp_fmtp_get (candidate->fmtp, "apt");
      if (apt && g_ascii_strtoull (apt, NULL, 10) == payload)
        return candidate;
    }
  return NULL;
}

/* "111/111": every block is of that payload type. */
static bool
names_only (const char *fmtp, uint8_t payload)
{
  g_auto (GStrv) blocks = g_strsplit (fmtp, "/", 8);
  unsigned count = g_strv_length (blocks);
  for (unsigned i = 0; i < count; i++)
    {
      char *end;
      if (g_ascii_strtoull (blocks[i], &end, 10) != payload || end == blocks[i] || *end != '\0')
        return false;
    }
  return count >= 2;
}

const AirSdpPayload *
air_sdp_media_find_red (const AirSdpMedia *media, const AirSdpPayload *payload)
{
  for (unsigned i = 0; i < media->payload_count; i++)
    {
      const AirSdpPayload *candidate = &media->payloads[i];
      if (g_ascii_strcasecmp (candidate->encoding, "red") == 0 && candidate->clock_rate == payload->clock_rate
          && candidate->channels == payload->channels && names_only (candidate->fmtp, payload->number))
        return candidate;
    }
  return NULL;
}

static bool
parse_fragment_line (Parser *parser, const char *text, GError **error)
{
  bool taken;
  if (!g_ascii_islower (text[0]) || text[1] != '=')
    return fail (parser, error, "not of the form x=…");
  if (text[0] != 'a')
    return true;
  const char *colon = strchr (text, ':');
  if (!colon)
    return true;
  g_autofree char *name = g_strndup (text + 2, (size_t)(colon - text - 2));
  return parse_transport (parser, name, colon + 1, &taken, error);
}

bool
air_sdp_fragment_parse (const char *text, size_t length, AirSdpFragment *ret_fragment, GError **error)
{
  g_autoptr (AirSdpOffer) holder = g_new0 (AirSdpOffer, 1);
  holder->strings = g_string_chunk_new (512);
  Parser parser = { .offer = holder };
  *ret_fragment = (AirSdpFragment){ 0 };
  if (!for_each_line (&parser, text, length, parse_fragment_line, error))
    return false;
  if (!parser.session.ice_ufrag != !parser.session.ice_pwd)
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_INVALID,
                           "a=ice-ufrag and a=ice-pwd come together or not at all");
      return false;
    }
  ret_fragment->ice_ufrag = g_strdup (parser.session.ice_ufrag);
  ret_fragment->ice_pwd = g_strdup (parser.session.ice_pwd);
  ret_fragment->candidates = g_strdupv ((GStrv)holder->candidates);
  return true;
}

void
air_sdp_fragment_clear (AirSdpFragment *fragment)
{
  g_clear_pointer (&fragment->ice_ufrag, g_free);
  g_clear_pointer (&fragment->ice_pwd, g_free);
  g_clear_pointer (&fragment->candidates, g_strfreev);
}
