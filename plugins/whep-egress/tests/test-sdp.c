/* Offers as the clients send them, and what strangers might send. */
#include <airclass/error.h>
#include <string.h>

#include "sdp-answer.h"

typedef struct
{
  const char *file;
  unsigned sections;
  unsigned video_payload, video_rtx; /* for a constrained baseline stream */
  unsigned high_payload;             /* for a high stream */
  unsigned audio_payload;
  bool transport_cc, remb, fir;
  const char *group; /* in the answer */
} Client;

static const Client clients[] = {
  { "chrome.sdp", 2, 108, 109, 116, 111, true, true, true, "a=group:BUNDLE 0 1\r\n" },
  { "firefox.sdp", 2, 126, 127, 105, 109, true, true, true, "a=group:BUNDLE 0 1\r\n" },
  { "safari.sdp", 3, 98, 99, 96, 111, true, true, true, "a=group:BUNDLE 0 1\r\n" },
  { "gstreamer.sdp", 2, 102, 0, 102, 96, false, false, true, "a=group:BUNDLE audio0 video1\r\n" },
  { "aiortc.sdp", 2, 101, 102, 99, 96, false, true, false, "a=group:BUNDLE 0 1\r\n" },
  { "libdatachannel.sdp", 2, 96, 0, 96, 111, false, true, false, "a=group:BUNDLE audio video\r\n" },
};

static const AirSdpSource baseline = { true, 66, 0xc0 };
static const AirSdpSource high = { true, 100, 0 };
static const AirSdpSource high10 = { true, 110, 0 };

static const char *const candidates[] = { "candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host", NULL };
static const AirSdpLocal local = {
  .ice_ufrag = "abcdefgh",
  .ice_pwd = "0123456789abcdef01234567",
  .fingerprint = "sha-256 00:11",
  .candidates = candidates,
  .cname = "airclass-1",
  .session_id = 42,
};

static char *
load (const char *file)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "offers", file, NULL);
  char *text = NULL;
  g_autoptr (GError) error = NULL;
  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  return text;
}

static AirSdpOffer *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  AirSdpOffer *offer = air_sdp_offer_parse (text, strlen (text), &error);
  g_assert_no_error (error);
  return offer;
}

static void
assert_invalid (const char *text, size_t length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (AirSdpOffer) offer = air_sdp_offer_parse (text, length, &error);
  g_assert_null (offer);
  g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
}

static unsigned
count (const char *text, const char *part)
{
  unsigned found = 0;
  for (const char *at = text; (at = strstr (at, part)); at += strlen (part))
    found++;
  return found;
}

static void
check_answer (const Client *client, const AirSdpOffer *offer, const AirSdpChoice *choice)
{
  g_autofree char *answer = air_sdp_answer_write (offer, choice, &local);
  g_assert_nonnull (strstr (answer, client->group));
  g_assert_cmpuint (count (answer, "\r\nm="), ==, client->sections);
  g_assert_cmpuint (count (answer, "a=sendonly\r\n"), ==, 2);
  g_assert_cmpuint (count (answer, "a=setup:passive\r\n"), ==, client->sections); /* see write_rejected() */
  g_assert_cmpuint (count (answer, "a=msid:airclass-1 "), ==, 2);
  g_assert_cmpuint (count (answer, candidates[0]), ==, 2);
  g_assert_cmpuint (count (answer, "a=ice-lite\r\n"), ==, 1);
  g_assert_cmpuint (count (answer, "packetization-mode=1"), ==, 1);
  g_assert_cmpuint (count (answer, " 0 UDP/"), ==, client->sections - 2);
  /* No line ends without CR LF, none is empty. */
  g_assert_cmpuint (count (answer, "\n"), ==, count (answer, "\r\n"));
  g_assert_null (strstr (answer, "\r\n\r\n"));
}

static void
test_client (gconstpointer data)
{
  const Client *client = data;
  g_autofree char *text = load (client->file);
  g_autoptr (AirSdpOffer) offer = parse (text);
  g_autoptr (GError) error = NULL;
  g_assert_cmpuint (offer->media_count, ==, client->sections);

  AirSdpChoice choice;
  g_assert_true (air_sdp_choose (offer, &high, &choice, &error));
  g_assert_cmpuint (choice.kinds[AIR_KIND_VIDEO].payload, ==, client->high_payload);
  g_assert_true (air_sdp_choose (offer, &baseline, &choice, &error));
  const AirSdpSection *video = &choice.kinds[AIR_KIND_VIDEO];
  g_assert_cmpuint (video->payload, ==, client->video_payload);
  g_assert_cmpuint (video->rtx_payload, ==, client->video_rtx);
  g_assert_cmpuint (choice.kinds[AIR_KIND_AUDIO].payload, ==, client->audio_payload);
  g_assert_cmpint (!!(video->feedback & AIR_SDP_FEEDBACK_TRANSPORT_CC), ==, client->transport_cc);
  g_assert_cmpint (!!(video->feedback & AIR_SDP_FEEDBACK_REMB), ==, client->remb);
  g_assert_cmpint (!!(video->feedback & AIR_SDP_FEEDBACK_FIR), ==, client->fir);
  g_assert_true (video->feedback & AIR_SDP_FEEDBACK_PLI);
  g_assert_false (choice.dtls_client);
  check_answer (client, offer, &choice);

  g_assert_false (air_sdp_choose (offer, &high10, &choice, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED);
}

/* The offer of Chrome with one text replaced by another. */
static char *
with (const char *from, const char *to)
{
  g_autofree char *text = load ("chrome.sdp");
  GString *changed = g_string_new (text);
  g_assert_cmpuint (g_string_replace (changed, from, to, 0), >, 0);
  return g_string_free (changed, FALSE);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *from, *to, *why;
  } cases[] = {
    { "H264/90000", "H266/90000", "H.264" },    { "packetization-mode=1", "packetization-mode=0", "H.264" },
    { "a=rtcp-mux\r\n", "", "rtcp-mux" },       { "a=recvonly", "a=sendonly", "receives" },
    { "a=group:BUNDLE 0 1\r\n", "", "BUNDLE" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = with (cases[i].from, cases[i].to);
      g_autoptr (AirSdpOffer) offer = parse (text);
      g_autoptr (GError) error = NULL;
      AirSdpChoice choice;
      g_assert_false (air_sdp_choose (offer, &baseline, &choice, &error));
      g_assert_error (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED);
      g_assert_nonnull (strstr (error->message, cases[i].why));
    }
}

static void
test_setup (void)
{
  g_autofree char *text = with ("a=setup:actpass", "a=setup:passive");
  g_autoptr (AirSdpOffer) offer = parse (text);
  AirSdpChoice choice;
  g_assert_true (air_sdp_choose (offer, &baseline, &choice, NULL));
  g_assert_true (choice.dtls_client);
  g_autofree char *answer = air_sdp_answer_write (offer, &choice, &local);
  g_assert_nonnull (strstr (answer, "a=setup:active\r\n"));
}

/* Retransmission on the video's own SSRC must not carry what changes with each sending. */
static void
test_transport_cc_needs_rtx (void)
{
  g_autofree char *text = with ("rtx/90000", "xtr/90000");
  g_autoptr (AirSdpOffer) offer = parse (text);
  AirSdpChoice choice;
  g_assert_true (air_sdp_choose (offer, &baseline, &choice, NULL));
  const AirSdpSection *video = &choice.kinds[AIR_KIND_VIDEO];
  g_assert_cmpuint (video->rtx_payload, ==, 0);
  g_assert_true (video->feedback & AIR_SDP_FEEDBACK_NACK);
  g_assert_false (video->feedback & AIR_SDP_FEEDBACK_TRANSPORT_CC);
  g_assert_cmpuint (video->extensions[AIR_SDP_EXTENSION_TRANSPORT_CC], ==, 0);
  /* Nor for the sound, of which alone it would speak. */
  const AirSdpSection *audio = &choice.kinds[AIR_KIND_AUDIO];
  g_assert_true (audio->accepted);
  g_assert_false (audio->feedback & AIR_SDP_FEEDBACK_TRANSPORT_CC);
  g_assert_cmpuint (audio->extensions[AIR_SDP_EXTENSION_TRANSPORT_CC], ==, 0);
}

/* What a packet of sound carries along changes, so it cannot be sent again as it was. */
static void
test_redundant_sound (void)
{
  g_autofree char *text = with ("a=rtcp-fb:111 transport-cc", "a=rtcp-fb:111 nack");
  g_autoptr (AirSdpOffer) offer = parse (text);
  AirSdpChoice choice;
  g_assert_true (air_sdp_choose (offer, &baseline, &choice, NULL));
  g_assert_cmpuint (choice.kinds[AIR_KIND_AUDIO].red_payload, ==, 63);
  g_assert_cmpuint (choice.kinds[AIR_KIND_VIDEO].red_payload, ==, 0);
  g_autofree char *answer = air_sdp_answer_write (offer, &choice, &local);
  g_assert_nonnull (strstr (answer, "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n"));
  g_assert_nonnull (strstr (answer, "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n"));
  g_assert_null (strstr (answer, "a=rtcp-fb:111 nack\r\n"));

  static const char *const others[] = { "a=fmtp:63 111/110", "a=fmtp:63 111", "a=fmtp:63 111/", "a=fmtp:64 111/111" };
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *changed = with ("a=fmtp:63 111/111", others[i]);
      g_autoptr (AirSdpOffer) other = parse (changed);
      g_assert_true (air_sdp_choose (other, &baseline, &choice, NULL));
      g_assert_cmpuint (choice.kinds[AIR_KIND_AUDIO].red_payload, ==, 0);
    }
}

/* Browsers, and who else has something to say of Opus, take packets of 60 ms, unless they say that they do not. */
static void
test_long_sound (void)
{
  static const struct
  {
    const char *file, *line, *instead;
    bool takes;
  } cases[] = {
    { "chrome.sdp", "", "", true },
    { "firefox.sdp", "", "", true },
    { "safari.sdp", "", "", true },
    { "libdatachannel.sdp", "", "", true },
    { "aiortc.sdp", "", "", false },
    { "gstreamer.sdp", "", "", false },
    { "chrome.sdp", "a=rtpmap:111 opus", "a=maxptime:20\r\na=rtpmap:111 opus", false },
    { "chrome.sdp", "a=rtpmap:111 opus", "a=maxptime:59.9\r\na=rtpmap:111 opus", false },
    { "chrome.sdp", "a=rtpmap:111 opus", "a=maxptime:60\r\na=rtpmap:111 opus", true },
    { "chrome.sdp", "a=rtpmap:111 opus", "a=maxptime:99999999999999999999\r\na=rtpmap:111 opus", true },
    { "chrome.sdp", "a=rtpmap:111 opus", "a=maxptime:soon\r\na=rtpmap:111 opus", true },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = load (cases[i].file);
      g_auto (GStrv) parts = *cases[i].line ? g_strsplit (text, cases[i].line, 2) : g_strsplit (text, "\n\n\n", 1);
      g_autofree char *changed = g_strjoinv (cases[i].instead, parts);
      g_autoptr (AirSdpOffer) offer = parse (changed);
      AirSdpChoice choice;
      g_assert_true (air_sdp_choose (offer, &baseline, &choice, NULL));
      g_assert_cmpint (choice.kinds[AIR_KIND_AUDIO].long_packets, ==, cases[i].takes);
      g_assert_false (choice.kinds[AIR_KIND_VIDEO].long_packets);
    }
}

/* Only those are told so that take it. */
static void
test_round_trip (void)
{
  AirSdpChoice choice;
  g_autofree char *chrome = load ("chrome.sdp"), *gstreamer = load ("gstreamer.sdp");
  g_autoptr (AirSdpOffer) taken = parse (chrome), other = parse (gstreamer);
  g_assert_true (air_sdp_choose (taken, &baseline, &choice, NULL));
  g_autofree char *answer = air_sdp_answer_write (taken, &choice, &local);
  g_assert_cmpuint (count (answer, "a=rtcp-fb:108 rrtr\r\n"), ==, 1);
  g_assert_true (air_sdp_choose (other, &baseline, &choice, NULL));
  g_autofree char *plain = air_sdp_answer_write (other, &choice, &local);
  g_assert_cmpuint (count (plain, "rrtr"), ==, 0);
}

/* RFC 8866 §6.7: what stands for the session is for the sections that say nothing. */
static void
test_direction_of_the_session (void)
{
  static const struct
  {
    const char *session, *section;
    bool receives;
  } cases[] = {
    { "a=sendonly", "a=x", false },    { "a=inactive", "a=x", false },        { "a=recvonly", "a=x", true },   { "a=sendrecv", "a=x", true },
    { "a=x", "a=x", true },            { "a=inactive", "a=recvonly", true },  { "a=recvonly", "a=inactive", false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *section = with ("a=recvonly", cases[i].section);
      g_autofree char *begin = g_strconcat ("t=0 0\r\n", cases[i].session, "\r\n", NULL);
      g_auto (GStrv) parts = g_strsplit (section, "t=0 0\r\n", 2);
      g_autofree char *text = g_strjoinv (begin, parts);
      g_autoptr (AirSdpOffer) offer = parse (text);
      AirSdpChoice choice;
      g_assert_cmpuint (g_strv_length (parts), ==, 2);
      for (unsigned k = 0; k < offer->media_count; k++)
        g_assert_cmpint (offer->media[k]->receives, ==, cases[i].receives);
      g_assert_cmpint (air_sdp_choose (offer, &baseline, &choice, NULL), ==, cases[i].receives);
    }
}

#define DIGEST_OF(pair) pair ":" pair ":" pair ":" pair ":" pair ":" pair ":" pair ":" pair
#define DIGEST(pair) DIGEST_OF (pair) ":" DIGEST_OF (pair) ":" DIGEST_OF (pair) ":" DIGEST_OF (pair)

/* RFC 8122 §5: any of one hash may be the certificate's. */
static void
test_fingerprints (void)
{
  static const char *const orders[] = {
    "sha-512 " DIGEST ("00") ":" DIGEST ("00"), "sha-256 " DIGEST ("aa"), "SHA-256 " DIGEST ("BB"), "sha-256 " DIGEST ("AA"),
    "sha-1 " DIGEST_OF ("11") ":" DIGEST_OF ("11") ":11:11:11:11",
  };
  g_autoptr (GString) lines = g_string_new (NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (orders); i++)
    g_string_append_printf (lines, "a=fingerprint:%s\r\n", orders[i]);
  g_string_append (lines, "a=x:");
  g_autofree char *text = with ("a=fingerprint:", lines->str);
  g_autoptr (AirSdpOffer) offer = parse (text);
  AirSdpChoice choice;
  g_assert_true (air_sdp_choose (offer, &baseline, &choice, NULL));
  const char *const *chosen = choice.transport.fingerprints;
  g_assert_cmpuint (g_strv_length ((char **)chosen), ==, 2);
  g_assert_cmpstr (chosen[0], ==, "sha-256 " DIGEST ("AA"));
  g_assert_cmpstr (chosen[1], ==, "sha-256 " DIGEST ("BB"));

  /* However many there are. */
  g_string_truncate (lines, 0);
  for (unsigned i = 0; i < 3 * AIR_SDP_MAX_FINGERPRINTS; i++)
    g_string_append_printf (lines, "a=fingerprint:sha-256 %02X:" DIGEST_OF ("00") ":" DIGEST_OF ("00") ":" DIGEST_OF ("00") ":00:00:00:00:00:00:00\r\n", i);
  g_string_append (lines, "a=x:");
  g_autofree char *many = with ("a=fingerprint:", lines->str);
  g_autoptr (AirSdpOffer) bounded = parse (many);
  g_assert_cmpuint (g_strv_length ((char **)bounded->transport.fingerprints), ==, AIR_SDP_MAX_FINGERPRINTS);
}

static void
test_malformed (void)
{
  static const struct
  {
    const char *from, *to;
  } cases[] = {
    { "v=0", "v=1" },
    { "a=ice-ufrag:", "a=ice-ufrag:a"
                      "\x01" },
    { "a=ice-pwd:", "a=ice-pwd:short\r\na=x:" },
    { "a=fingerprint:sha-256 E8", "a=fingerprint:sha-256 G8" },
    { "a=fingerprint", "a=fingerprints" },
    { "a=mid:1", "a=mid:0" },
    { "a=mid:1", "a=mid:" },
    { "a=rtpmap:111", "a=rtpmap:x" },
    { "a=rtcp-fb:111", "a=rtcp-fb:999" },
    { "a=extmap:4 ", "a=extmap:0 " },
    { "m=audio 9 ", "m=audio 99999 " },
    { "m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9 UDP/TLS/RTP/SAVPF 128" },
    { "m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9 UDP/TLS/RTP/SAVPF 63" },
    { "m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9\r\na=x:" },
    { "s=-", "nonsense" },
    { "a=setup:actpass", "a=setup:holdconn" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = with (cases[i].from, cases[i].to);
      assert_invalid (text, strlen (text));
    }
  assert_invalid ("", 0);
  assert_invalid ("v=0\r\n", 5);
  assert_invalid ("v=0\0\r\n", 6);
  assert_invalid ("v=0\r\n\xff", 6);
}

static void
test_limits (void)
{
  GString *text = g_string_new ("v=0\r\n");
  for (unsigned i = 0; i < 40; i++)
    g_string_append (text, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
  assert_invalid (text->str, text->len);
  g_string_assign (text, "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF");
  for (unsigned i = 0; i < 128; i++)
    g_string_append_printf (text, " %u", i);
  assert_invalid (text->str, text->len);
  g_string_assign (text, "v=0\r\n");
  for (unsigned i = 0; i < AIR_SDP_MAX_LINES + 1; i++)
    g_string_append (text, "a=x\r\n");
  assert_invalid (text->str, text->len);
  g_string_set_size (text, AIR_SDP_MAX_BYTES + 1);
  assert_invalid (text->str, text->len);
  g_string_free (text, TRUE);
}

/* Any prefix and any single damaged byte is taken or refused, never more (sanitizers watch). */
static void
test_damage (void)
{
  g_autofree char *text = load ("safari.sdp");
  size_t length = strlen (text);
  for (size_t i = 0; i < length; i += 7)
    {
      g_autoptr (AirSdpOffer) prefix = air_sdp_offer_parse (text, i, NULL);
      g_autofree char *damaged = g_strdup (text);
      damaged[i] = (char)g_test_rand_int_range (1, 127);
      g_autoptr (AirSdpOffer) offer = air_sdp_offer_parse (damaged, length, NULL);
      AirSdpChoice choice;
      if (offer && air_sdp_choose (offer, &baseline, &choice, NULL))
        g_free (air_sdp_answer_write (offer, &choice, &local));
    }
}

static void
test_fragment (void)
{
  static const char good[] = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\n"
                             "a=mid:0\r\na=candidate:1 1 UDP 1 host.local 9 typ host\r\na=end-of-candidates\r\n";
  static const char half[] = "a=ice-ufrag:EsAw\r\n";
  g_autoptr (GError) error = NULL;
  g_auto (AirSdpFragment) fragment = { 0 };
  g_assert_true (air_sdp_fragment_parse (good, strlen (good), &fragment, &error));
  g_assert_cmpstr (fragment.ice_ufrag, ==, "EsAw");
  g_assert_cmpstr (fragment.ice_pwd, ==, "P2uYro0UCOQ4zxjKXaWCBui1");
  g_assert_cmpuint (g_strv_length (fragment.candidates), ==, 1);
  g_assert_cmpstr (fragment.candidates[0], ==, "candidate:1 1 UDP 1 host.local 9 typ host");
  g_auto (AirSdpFragment) none = { 0 };
  g_assert_false (air_sdp_fragment_parse (half, strlen (half), &none, &error));
  g_assert_error (error, AIR_ERROR, AIR_ERROR_INVALID);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      g_autofree char *name = g_strdup_printf ("/whep/sdp/client/%s", clients[i].file);
      g_test_add_data_func (name, &clients[i], test_client);
    }
  g_test_add_func ("/whep/sdp/refused", test_refused);
  g_test_add_func ("/whep/sdp/setup", test_setup);
  g_test_add_func ("/whep/sdp/transport-cc-needs-rtx", test_transport_cc_needs_rtx);
  g_test_add_func ("/whep/sdp/redundant-sound", test_redundant_sound);
  g_test_add_func ("/whep/sdp/long-sound", test_long_sound);
  g_test_add_func ("/whep/sdp/round-trip", test_round_trip);
  g_test_add_func ("/whep/sdp/direction-of-the-session", test_direction_of_the_session);
  g_test_add_func ("/whep/sdp/fingerprints", test_fingerprints);
  g_test_add_func ("/whep/sdp/malformed", test_malformed);
  g_test_add_func ("/whep/sdp/limits", test_limits);
  g_test_add_func ("/whep/sdp/damage", test_damage);
  g_test_add_func ("/whep/sdp/fragment", test_fragment);
  return g_test_run ();
}
