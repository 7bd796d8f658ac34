/* Choosing from an offer and writing the answer. */
#include "sdp-answer.h"

#include <string.h>

#include <airclass/error.h>

#include "rtp-header.h"
#include "rtp-sound.h"

#define LONG_PACKET_MS (AIR_RTP_SOUND_MAX_SAMPLES / 48)
/* What we serve of the feedback that is offered. */
#define SERVED_FEEDBACK                                                                                                \
  (AIR_SDP_FEEDBACK_NACK | AIR_SDP_FEEDBACK_PLI | AIR_SDP_FEEDBACK_FIR | AIR_SDP_FEEDBACK_TRANSPORT_CC                 \
   | AIR_SDP_FEEDBACK_REMB | AIR_SDP_FEEDBACK_ROUND_TRIP)

/* The H.264 profiles of live video from the simplest to the richest; each decodes those before it (ITU-T H.264 §A.2),
 * for baseline's own tools (FMO, ASO) are used by nobody. */
typedef enum
{
  RANK_CONSTRAINED_BASELINE,
  RANK_BASELINE,
  RANK_MAIN,
  RANK_HIGH,
  RANK_OTHER,
} ProfileRank;

static ProfileRank
profile_rank (uint8_t profile_idc, uint8_t constraints)
{
  switch (profile_idc)
    {
    case 66:
      return constraints & 0x40 ? RANK_CONSTRAINED_BASELINE : RANK_BASELINE;
    case 77:
      return constraints & 0x80 ? RANK_CONSTRAINED_BASELINE : RANK_MAIN;
    case 100:
      return RANK_HIGH;
    default:
      return RANK_OTHER;
    }
}

/* How well an offered payload fits, 0: not at all. RFC 6184 §8.2.2 wants the same profile on both sides; browsers
 * decode high whatever they offer, so a lesser one is taken when there is nothing better. */
static unsigned
rate_profile (const AirSdpSource *source, uint8_t profile_idc, uint8_t constraints)
{
  ProfileRank offered = profile_rank (profile_idc, constraints);
  if (!source->has_profile)
    return 100u - 10u * offered;
  ProfileRank sent = profile_rank (source->profile_idc, source->constraints);
  if (sent == RANK_OTHER || offered == RANK_OTHER)
    return source->profile_idc == profile_idc ? 100 : 0;
  if (offered >= sent)
    return 100u - 10u * (offered - sent);
  return 55u - 10u * (sent - offered);
}

/* 0: not H.264 as we send it. No fmtp at all is what GStreamer's whepsrc offers, and it takes what mode 1 brings. */
static unsigned
rate_h264 (const AirSdpPayload *payload, const AirSdpSource *source)
{
  if (g_ascii_strcasecmp (payload->encoding, "H264") != 0 || payload->clock_rate != 90000)
    return 0;
  g_autofree char *mode = air_sdp_fmtp_get (payload->fmtp, "packetization-mode");
  if (mode && !g_str_equal (mode, "1"))
    return 0;
  uint8_t profile_idc = 66, constraints = 0; /* RFC 6184 §8.1: baseline when not given */
  g_autofree char *text = air_sdp_fmtp_get (payload->fmtp, "profile-level-id");
  if (text)
    {
      char *end;
      guint64 value = g_ascii_strtoull (text, &end, 16);
      if (strlen (text) != 6 || *end != '\0')
        return 0;
      profile_idc = (uint8_t)(value >> 16);
      constraints = (uint8_t)(value >> 8);
    }
  unsigned rate = rate_profile (source, profile_idc, constraints);
  return mode || rate == 0 ? rate : 1;
}

static const AirSdpPayload *
choose_h264 (const AirSdpMedia *media, const AirSdpSource *source)
{
  const AirSdpPayload *best = NULL;
  unsigned best_rate = 0;
  for (unsigned i = 0; i < media->payload_count; i++)
    {
      unsigned rate = rate_h264 (&media->payloads[i], source);
      if (rate > best_rate)
        {
          best = &media->payloads[i];
          best_rate = rate;
        }
    }
  return best;
}

/* RFC 7587 §7: always opus/48000/2. */
static const AirSdpPayload *
choose_opus (const AirSdpMedia *media)
{
  for (unsigned i = 0; i < media->payload_count; i++)
    {
      const AirSdpPayload *payload = &media->payloads[i];
      if (g_ascii_strcasecmp (payload->encoding, "opus") == 0 && payload->clock_rate == 48000 && payload->channels == 2)
        return payload;
    }
  return NULL;
}

/* RFC 7587 §6.1: up to 120 ms unless a=maxptime says less. Some players count on 20 ms without saying so; who has nothing to say of
 * Opus is taken for such a one. */
static bool
takes_long_packets (const AirSdpMedia *media, const AirSdpPayload *payload)
{
  return *payload->fmtp != '\0' && (media->max_packet_ms == 0 || media->max_packet_ms >= LONG_PACKET_MS);
}

static uint32_t
new_ssrc (const AirSdpChoice *choice)
{
  for (;;)
    {
      uint32_t ssrc = g_random_int ();
      bool taken = ssrc == 0;
      for (unsigned i = 0; i < AIR_KIND_COUNT; i++)
        taken |= ssrc == choice->kinds[i].ssrc || ssrc == choice->kinds[i].rtx_ssrc;
      if (!taken)
        return ssrc;
    }
}

static void
refuse_transport_cc (AirSdpSection *section)
{
  section->feedback &= ~(unsigned)AIR_SDP_FEEDBACK_TRANSPORT_CC;
  section->extensions[AIR_SDP_EXTENSION_TRANSPORT_CC] = 0;
}

static void
accept_section (AirSdpChoice *choice, AirKind kind, unsigned index, const AirSdpMedia *media,
                const AirSdpPayload *payload)
{
  AirSdpSection *section = &choice->kinds[kind];
  section->accepted = true;
  section->section = index;
  section->payload = payload->number;
  section->reduced_size = media->rtcp_rsize;
  section->ssrc = new_ssrc (choice);
  section->feedback = payload->feedback & SERVED_FEEDBACK;
  memcpy (section->extensions, media->extensions, sizeof section->extensions);
  const AirSdpPayload *rtx = air_sdp_media_find_rtx (media, payload->number);
  if (rtx && kind == AIR_KIND_VIDEO && section->feedback & AIR_SDP_FEEDBACK_NACK)
    {
      section->rtx_payload = rtx->number;
      section->rtx_ssrc = new_ssrc (choice);
    }
  section->long_packets = kind == AIR_KIND_AUDIO && takes_long_packets (media, payload);
  const AirSdpPayload *red = kind == AIR_KIND_AUDIO ? air_sdp_media_find_red (media, payload) : NULL;
  if (red)
    {
      /* How much a packet carries along changes with the losses; sent again, it would not be the same (RFC 7714 §8.4). */
      section->red_payload = red->number;
      section->feedback &= ~(unsigned)AIR_SDP_FEEDBACK_NACK;
    }
  /* Browsers with this extension (those on libwebrtc) take "rrtr", though they do not offer it; without a round trip
   * they ask only every 100 ms for what they lost. */
  if (kind == AIR_KIND_VIDEO && section->feedback & AIR_SDP_FEEDBACK_NACK
      && section->extensions[AIR_SDP_EXTENSION_PLAYOUT_DELAY])
    section->feedback |= AIR_SDP_FEEDBACK_ROUND_TRIP;
  /* A transport-wide sequence number changes with each sending; a retransmission on the same SSRC must not change
   * (RFC 7714 §8.4). So there is one only where retransmissions have an SSRC of their own, or there are none. */
  bool repeats = section->feedback & AIR_SDP_FEEDBACK_NACK && !section->rtx_payload;
  if (repeats || !(section->feedback & AIR_SDP_FEEDBACK_TRANSPORT_CC)
      || !section->extensions[AIR_SDP_EXTENSION_TRANSPORT_CC])
    refuse_transport_cc (section);
  if (kind != AIR_KIND_VIDEO)
    section->extensions[AIR_SDP_EXTENSION_PLAYOUT_DELAY] = 0;
  /* A longer one would eat the room of the payload. */
  if (strlen (media->mid) > AIR_RTP_MAX_MID_BYTES)
    section->extensions[AIR_SDP_EXTENSION_MID] = 0;
}

static bool
refuse (GError **error, const char *why)
{
  g_set_error_literal (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED, why);
  return false;
}

static const char *
why_nothing (const AirSdpOffer *offer, const AirSdpSource *source)
{
  bool muxed = false, receives = false;
  for (unsigned i = 0; i < offer->media_count; i++)
    {
      muxed |= offer->media[i]->kind != AIR_SDP_OTHER && offer->media[i]->rtcp_mux;
      receives |= offer->media[i]->kind != AIR_SDP_OTHER && offer->media[i]->receives;
    }
  if (!receives)
    return "The offer has no audio or video section that receives.";
  if (!muxed)
    return "The offer lacks a=rtcp-mux: RTP and RTCP share one port here.";
  if (source->has_profile && profile_rank (source->profile_idc, source->constraints) == RANK_OTHER)
    return "The stream's H.264 profile (10 bit, 4:2:2 or 4:4:4) is not in the offer: browsers cannot play it. "
           "Let the publisher send H.264 high, main or baseline.";
  return "The offer has neither H.264 with packetization-mode=1 nor Opus; nothing else is sent.";
}

static bool
find_accepted (const AirSdpChoice *choice, unsigned index, AirKind *ret_kind)
{
  for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (choice->kinds[kind].accepted && choice->kinds[kind].section == index)
      {
        *ret_kind = (AirKind)kind;
        return true;
      }
  return false;
}

/* Sections of a group may be offered with a transport each; the group then takes that of its first accepted section
 * (RFC 8843 §7.3.1). */
static AirSdpTransport
find_transport (const AirSdpOffer *offer, const AirSdpChoice *choice)
{
  AirSdpTransport transport = offer->transport;
  for (unsigned i = 0; i < offer->media_count; i++)
    {
      AirKind kind;
      const AirSdpTransport *own = &offer->media[i]->transport;
      if (!find_accepted (choice, i, &kind))
        continue;
      if (own->ice_ufrag && own->ice_pwd)
        {
          transport.ice_ufrag = own->ice_ufrag;
          transport.ice_pwd = own->ice_pwd;
        }
      if (own->fingerprints[0])
        memcpy (transport.fingerprints, own->fingerprints, sizeof transport.fingerprints);
      if (own->setup)
        transport.setup = own->setup;
      break;
    }
  return transport;
}

bool
air_sdp_choose (const AirSdpOffer *offer, const AirSdpSource *source, AirSdpChoice *ret_choice, GError **error)
{
  AirSdpChoice choice = { 0 };
  unsigned accepted = 0;
  bool video_wanted = false;
  for (unsigned i = 0; i < offer->media_count; i++)
    {
      const AirSdpMedia *media = offer->media[i];
      if (media->kind == AIR_SDP_OTHER || media->disabled || !media->receives || !media->rtcp_mux
          || (offer->has_bundle && !media->bundled))
        continue;
      AirKind kind = media->kind == AIR_SDP_VIDEO ? AIR_KIND_VIDEO : AIR_KIND_AUDIO;
      if (choice.kinds[kind].accepted)
        continue;
      video_wanted |= kind == AIR_KIND_VIDEO;
      const AirSdpPayload *payload = kind == AIR_KIND_VIDEO ? choose_h264 (media, source) : choose_opus (media);
      if (!payload)
        continue;
      accept_section (&choice, kind, i, media, payload);
      accepted++;
    }
  if (accepted == 0 || (video_wanted && !choice.kinds[AIR_KIND_VIDEO].accepted))
    return refuse (error, why_nothing (offer, source));
  if (accepted > 1 && !offer->has_bundle)
    return refuse (error, "The offer lacks a=group:BUNDLE: audio and video share one port here. (In a browser: "
                          "bundlePolicy \"max-bundle\"; in GStreamer's webrtcbin: bundle-policy=max-bundle.)");
  /* What is told of sound alone says nothing of the path that the picture takes. */
  const AirSdpSection *video = &choice.kinds[AIR_KIND_VIDEO];
  if (video->accepted && !(video->feedback & AIR_SDP_FEEDBACK_TRANSPORT_CC))
    refuse_transport_cc (&choice.kinds[AIR_KIND_AUDIO]);
  choice.transport = find_transport (offer, &choice);
  choice.dtls_client = g_strcmp0 (choice.transport.setup, "passive") == 0;
  *ret_choice = choice;
  return true;
}

static void
write_feedback (GString *sdp, uint8_t payload, unsigned feedback)
{
  static const struct
  {
    unsigned flag;
    const char *text;
  } names[] = {
    { AIR_SDP_FEEDBACK_REMB, "goog-remb" }, { AIR_SDP_FEEDBACK_TRANSPORT_CC, "transport-cc" },
    { AIR_SDP_FEEDBACK_FIR, "ccm fir" },    { AIR_SDP_FEEDBACK_NACK, "nack" },
    { AIR_SDP_FEEDBACK_PLI, "nack pli" },   { AIR_SDP_FEEDBACK_ROUND_TRIP, "rrtr" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (feedback & names[i].flag)
      g_string_append_printf (sdp, "a=rtcp-fb:%u %s\r\n", payload, names[i].text);
}

static void
write_video_codec (GString *sdp, const AirSdpMedia *media, const AirSdpSection *section)
{
  const char *fmtp = "";
  for (unsigned i = 0; i < media->payload_count; i++)
    if (media->payloads[i].number == section->payload)
      fmtp = media->payloads[i].fmtp;
  g_autofree char *profile = air_sdp_fmtp_get (fmtp, "profile-level-id");
  g_string_append_printf (sdp, "a=rtpmap:%u H264/90000\r\n", section->payload);
  g_string_append_printf (sdp, "a=fmtp:%u level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=%s\r\n",
                          section->payload, profile ? profile : "42000a");
  write_feedback (sdp, section->payload, section->feedback);
  if (section->rtx_payload)
    g_string_append_printf (sdp, "a=rtpmap:%u rtx/90000\r\na=fmtp:%u apt=%u\r\n", section->rtx_payload,
                            section->rtx_payload, section->payload);
}

static void
write_audio_codec (GString *sdp, const AirSdpSection *section)
{
  g_string_append_printf (sdp, "a=rtpmap:%u opus/48000/2\r\n", section->payload);
  g_string_append_printf (sdp, "a=fmtp:%u minptime=10;stereo=1;sprop-stereo=1;useinbandfec=1\r\n", section->payload);
  write_feedback (sdp, section->payload, section->feedback);
  if (section->red_payload)
    g_string_append_printf (sdp, "a=rtpmap:%u red/48000/2\r\na=fmtp:%u %u/%u\r\n", section->red_payload,
                            section->red_payload, section->payload, section->payload);
}

static void
write_ssrcs (GString *sdp, const AirSdpSection *section, const char *cname, const char *track)
{
  g_string_append_printf (sdp, "a=msid:%s %s\r\n", cname, track);
  if (section->rtx_payload)
    g_string_append_printf (sdp, "a=ssrc-group:FID %u %u\r\n", section->ssrc, section->rtx_ssrc);
  g_string_append_printf (sdp, "a=ssrc:%u cname:%s\r\n", section->ssrc, cname);
  if (section->rtx_payload)
    g_string_append_printf (sdp, "a=ssrc:%u cname:%s\r\n", section->rtx_ssrc, cname);
}

static void
write_candidates (GString *sdp, const AirSdpLocal *local)
{
  for (const char *const *candidate = local->candidates; *candidate; candidate++)
    g_string_append_printf (sdp, "a=%s\r\n", *candidate);
  g_string_append (sdp, "a=end-of-candidates\r\n");
}

static void
write_transport (GString *sdp, const AirSdpChoice *choice, const AirSdpLocal *local)
{
  g_string_append_printf (sdp, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:%s\r\n", local->ice_ufrag,
                          local->ice_pwd, local->fingerprint, choice->dtls_client ? "active" : "passive");
}

static void
write_accepted (GString *sdp, const AirSdpMedia *media, const AirSdpChoice *choice, AirKind kind,
                const AirSdpLocal *local)
{
  const AirSdpSection *section = &choice->kinds[kind];
  g_string_append_printf (sdp, "m=%s 9 %s %u", media->media, media->protocol, section->payload);
  if (section->rtx_payload)
    g_string_append_printf (sdp, " %u", section->rtx_payload);
  if (section->red_payload)
    g_string_append_printf (sdp, " %u", section->red_payload);
  g_string_append (sdp, "\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n");
  write_transport (sdp, choice, local);
  if (*media->mid)
    g_string_append_printf (sdp, "a=mid:%s\r\n", media->mid);
  for (unsigned i = 0; i < AIR_SDP_EXTENSION_COUNT; i++)
    if (section->extensions[i])
      g_string_append_printf (sdp, "a=extmap:%u %s\r\n", section->extensions[i], air_sdp_extension_uri (i));
  g_string_append (sdp, "a=sendonly\r\na=rtcp-mux\r\n");
  if (section->reduced_size)
    g_string_append (sdp, "a=rtcp-rsize\r\n");
  if (kind == AIR_KIND_VIDEO)
    write_video_codec (sdp, media, section);
  else
    write_audio_codec (sdp, section);
  write_ssrcs (sdp, section, local->cname, kind == AIR_KIND_VIDEO ? "video" : "audio");
  write_candidates (sdp, local);
}

/* RFC 3264 §6: a section is rejected by port 0 and keeps its place. It needs no transport, but GStreamer's
 * webrtcbin takes no answer in which a section lacks one. */
static void
write_rejected (GString *sdp, const AirSdpMedia *media, const AirSdpChoice *choice, const AirSdpLocal *local)
{
  g_string_append_printf (sdp, "m=%s 0 %s %.*s\r\nc=IN IP4 0.0.0.0\r\n", media->media, media->protocol,
                          (int)strcspn (media->formats, " "), media->formats);
  if (*media->mid)
    g_string_append_printf (sdp, "a=mid:%s\r\n", media->mid);
  g_string_append (sdp, "a=inactive\r\n");
  write_transport (sdp, choice, local);
}

char *
air_sdp_answer_write (const AirSdpOffer *offer, const AirSdpChoice *choice, const AirSdpLocal *local)
{
  GString *sdp = g_string_sized_new (2048);
  AirKind kind;
  g_string_append_printf (sdp, "v=0\r\no=- %" G_GUINT64_FORMAT " 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
                          local->session_id);
  if (offer->has_bundle)
    {
      g_string_append (sdp, "a=group:BUNDLE");
      for (unsigned i = 0; i < offer->media_count; i++)
        if (find_accepted (choice, i, &kind))
          g_string_append_printf (sdp, " %s", offer->media[i]->mid);
      g_string_append (sdp, "\r\n");
    }
  g_string_append_printf (sdp, "a=msid-semantic: WMS %s\r\n%s", local->cname, local->full_ice ? "" : "a=ice-lite\r\n");
  for (unsigned i = 0; i < offer->media_count; i++)
    if (find_accepted (choice, i, &kind))
      write_accepted (sdp, offer->media[i], choice, kind, local);
    else
      write_rejected (sdp, offer->media[i], choice, local);
  return g_string_free (sdp, FALSE);
}

char *
air_sdp_fragment_write (const char *mid, const AirSdpLocal *local)
{
  GString *sdp = g_string_sized_new (512);
  g_string_append_printf (sdp, "%sa=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", local->full_ice ? "" : "a=ice-lite\r\n",
                          local->ice_ufrag, local->ice_pwd);
  if (*mid)
    g_string_append_printf (sdp, "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:%s\r\n", mid);
  write_candidates (sdp, local);
  return g_string_free (sdp, FALSE);
}
