/* SRTP: byte for byte what libsrtp2 makes, both ways, all profiles; rollover, replay, forgery, bounds. */
#include "srtp.h"

#include <srtp2/srtp.h>
#include <string.h>

#define HEADER_BYTES 20 /* 12, and an extension of one word */
#define SSRC 0x11223344u

static const AirSrtpProfile profiles[]
    = { AIR_SRTP_AEAD_AES_128_GCM, AIR_SRTP_AEAD_AES_256_GCM, AIR_SRTP_AES128_CM_SHA1_80 };

static AirSrtpMaster
make_master (void)
{
  AirSrtpMaster master;

  for (size_t i = 0; i < sizeof master.key; i++)
    master.key[i] = (uint8_t)g_test_rand_int ();
  for (size_t i = 0; i < sizeof master.salt; i++)
    master.salt[i] = (uint8_t)g_test_rand_int ();
  return master;
}

static srtp_t
make_peer_that (AirSrtpProfile profile, const AirSrtpMaster *master, srtp_ssrc_type_t direction, bool encrypts_rtcp)
{
  uint8_t key[AIR_SRTP_MAX_KEY_BYTES + AIR_SRTP_MAX_SALT_BYTES];
  size_t key_bytes = air_srtp_profile_key_bytes (profile);
  srtp_policy_t policy = { .ssrc.type = direction, .key = key, .window_size = 128, .allow_repeat_tx = 1 };
  srtp_t peer;

  memcpy (key, master->key, key_bytes);
  memcpy (key + key_bytes, master->salt, air_srtp_profile_salt_bytes (profile));
  g_assert_cmpint (srtp_crypto_policy_set_from_profile_for_rtp (&policy.rtp, (srtp_profile_t)profile), ==, 0);
  g_assert_cmpint (srtp_crypto_policy_set_from_profile_for_rtcp (&policy.rtcp, (srtp_profile_t)profile), ==, 0);
  if (!encrypts_rtcp)
    policy.rtcp.sec_serv = sec_serv_auth;
  g_assert_cmpint (srtp_create (&peer, &policy), ==, srtp_err_status_ok);
  return peer;
}

static srtp_t
make_peer (AirSrtpProfile profile, const AirSrtpMaster *master, srtp_ssrc_type_t direction)
{
  return make_peer_that (profile, master, direction, true);
}

/* A header with an extension and @payload_bytes of noise behind it. */
static size_t
make_rtp (uint8_t *packet, uint16_t sequence, size_t payload_bytes)
{
  static const uint8_t start[HEADER_BYTES] = { 0x90, 0xe0, 0,    0,    0,    1, 2, 3, 0x11, 0x22,
                                               0x33, 0x44, 0xbe, 0xde, 0x00, 1, 0x10, 0xff, 0, 0 };

  memcpy (packet, start, sizeof start);
  packet[2] = (uint8_t)(sequence >> 8);
  packet[3] = (uint8_t)sequence;
  for (size_t i = 0; i < payload_bytes; i++)
    packet[HEADER_BYTES + i] = (uint8_t)g_test_rand_int ();
  return HEADER_BYTES + payload_bytes;
}

static size_t
protect (AirSrtp *srtp, const uint8_t *packet, size_t bytes, uint8_t out[1600])
{
  size_t out_bytes = 0;

  g_assert_cmpint (air_srtp_protect_rtp (srtp, packet, HEADER_BYTES, packet + HEADER_BYTES, bytes - HEADER_BYTES, out,
                                         1600, &out_bytes),
                   ==, AIR_SRTP_OK);
  return out_bytes;
}

/* Two full turns of the sequence number, in steps that also go back. */
static void
test_rtp_same_as_libsrtp (gconstpointer data)
{
  AirSrtpProfile profile = *(const AirSrtpProfile *)data;
  AirSrtpMaster master = make_master ();
  g_autoptr (AirSrtp) ours = air_srtp_new (profile, &master);
  g_autoptr (AirSrtp) ours_in = air_srtp_new (profile, &master);
  srtp_t theirs = make_peer (profile, &master, ssrc_any_outbound);
  srtp_t theirs_in = make_peer (profile, &master, ssrc_any_inbound);
  uint8_t packet[1600], out[1600], reference[1600];
  size_t last_bytes = 0;

  for (unsigned step = 0; step < 3000; step++)
    {
      uint16_t sequence = (uint16_t)(30000 + step * 97 - (step % 5 == 4 ? 150 : 0));
      size_t bytes = make_rtp (packet, sequence, (size_t)g_test_rand_int_range (0, 1300));
      int their_bytes = (int)bytes;
      size_t our_bytes = protect (ours, packet, bytes, out);

      memcpy (reference, packet, bytes);
      g_assert_cmpint (srtp_protect (theirs, reference, &their_bytes), ==, srtp_err_status_ok);
      g_assert_cmpmem (out, our_bytes, reference, (size_t)their_bytes);
      g_assert_cmpuint (our_bytes, ==, bytes + air_srtp_profile_rtp_overhead (profile));

      g_assert_cmpint (srtp_unprotect (theirs_in, reference, &their_bytes), ==, srtp_err_status_ok);
      g_assert_cmpmem (reference, (size_t)their_bytes, packet, bytes);
      g_assert_cmpint (air_srtp_unprotect_rtp (ours_in, out, our_bytes, &last_bytes), ==, AIR_SRTP_OK);
      g_assert_cmpmem (out, last_bytes, packet, bytes);
    }
  srtp_dealloc (theirs);
  srtp_dealloc (theirs_in);
}

/* libsrtp's first SRTCP index is 1, ours is 0 as RFC 3711 §3.4 says: so its n-th packet is our n+1-st. */
static void
test_rtcp_same_as_libsrtp (gconstpointer data)
{
  AirSrtpProfile profile = *(const AirSrtpProfile *)data;
  AirSrtpMaster master = make_master ();
  g_autoptr (AirSrtp) ours = air_srtp_new (profile, &master);
  g_autoptr (AirSrtp) ours_in = air_srtp_new (profile, &master);
  srtp_t theirs = make_peer (profile, &master, ssrc_any_outbound);
  srtp_t theirs_in = make_peer (profile, &master, ssrc_any_inbound);
  uint8_t packet[200] = { 0x80, 201, 0, 1, 0x11, 0x22, 0x33, 0x44 }, out[300], reference[300];
  size_t our_bytes, plain_bytes;

  for (unsigned i = 8; i < sizeof packet; i++)
    packet[i] = (uint8_t)g_test_rand_int ();
  g_assert_cmpint (air_srtp_protect_rtcp (ours, packet, 8, out, sizeof out, &our_bytes), ==, AIR_SRTP_OK);
  for (unsigned step = 0; step < 100; step++)
    {
      size_t bytes = 8 + 4 * (size_t)g_test_rand_int_range (0, 40);
      int their_bytes = (int)bytes;

      g_assert_cmpint (air_srtp_protect_rtcp (ours, packet, bytes, out, sizeof out, &our_bytes), ==, AIR_SRTP_OK);
      memcpy (reference, packet, bytes);
      g_assert_cmpint (srtp_protect_rtcp (theirs, reference, &their_bytes), ==, srtp_err_status_ok);
      g_assert_cmpmem (out, our_bytes, reference, (size_t)their_bytes);

      g_assert_cmpint (srtp_unprotect_rtcp (theirs_in, reference, &their_bytes), ==, srtp_err_status_ok);
      g_assert_cmpmem (reference, (size_t)their_bytes, packet, bytes);
      g_assert_cmpint (air_srtp_unprotect_rtcp (ours_in, out, our_bytes, &plain_bytes), ==, AIR_SRTP_OK);
      g_assert_cmpmem (out, plain_bytes, packet, bytes);
    }
  srtp_dealloc (theirs);
  srtp_dealloc (theirs_in);
}

/* A peer may authenticate its reports only (RFC 3711 §3.4, RFC 7714 §9.3: E is 0, the whole packet is associated data). */
static void
test_rtcp_not_encrypted (gconstpointer data)
{
  AirSrtpProfile profile = *(const AirSrtpProfile *)data;
  AirSrtpMaster master = make_master ();
  g_autoptr (AirSrtp) in = air_srtp_new (profile, &master);
  srtp_t theirs = make_peer_that (profile, &master, ssrc_any_outbound, false);
  uint8_t packet[1400] = { 0x80, 201, 0, 1, 0x11, 0x22, 0x33, 0x44 }, sent[1500], broken[1500];
  size_t plain_bytes;

  for (unsigned i = 8; i < sizeof packet; i++)
    packet[i] = (uint8_t)g_test_rand_int ();
  for (size_t bytes = 8; bytes <= sizeof packet; bytes += 232)
    {
      int their_bytes = (int)bytes;
      memcpy (sent, packet, bytes);
      g_assert_cmpint (srtp_protect_rtcp (theirs, sent, &their_bytes), ==, srtp_err_status_ok);
      g_assert_cmpmem (sent, bytes, packet, bytes);
      memcpy (broken, sent, (size_t)their_bytes);
      broken[bytes - 1] ^= 1;
      g_assert_cmpint (air_srtp_unprotect_rtcp (in, broken, (size_t)their_bytes, &plain_bytes), ==, AIR_SRTP_FORGED);
      g_assert_cmpint (air_srtp_unprotect_rtcp (in, sent, (size_t)their_bytes, &plain_bytes), ==, AIR_SRTP_OK);
      g_assert_cmpmem (sent, plain_bytes, packet, bytes);
    }
  srtp_dealloc (theirs);
}

static void
test_forgery (gconstpointer data)
{
  AirSrtpProfile profile = *(const AirSrtpProfile *)data;
  AirSrtpMaster master = make_master ();
  g_autoptr (AirSrtp) out = air_srtp_new (profile, &master);
  g_autoptr (AirSrtp) in = air_srtp_new (profile, &master);
  uint8_t packet[1600], sealed[1600], copy[1600];
  uint8_t report[28] = { 0x81, 201, 0, 6, 1, 2, 3, 4 };
  size_t bytes = protect (out, packet, make_rtp (packet, 7, 40), sealed), plain;

  for (size_t bit = 16; bit < 8 * bytes; bit++) /* version and payload type may make another kind of packet of it */
    {
      memcpy (copy, sealed, bytes);
      copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
      g_assert_cmpint (air_srtp_unprotect_rtp (in, copy, bytes, &plain), !=, AIR_SRTP_OK);
    }
  for (size_t cut = 0; cut < bytes; cut++)
    {
      g_autofree uint8_t *shorter = g_memdup2 (sealed, cut);
      g_assert_cmpint (air_srtp_unprotect_rtp (in, shorter, cut, &plain), !=, AIR_SRTP_OK);
    }
  g_assert_cmpint (air_srtp_unprotect_rtp (in, sealed, bytes, &plain), ==, AIR_SRTP_OK);

  g_assert_cmpint (air_srtp_protect_rtcp (out, report, sizeof report, sealed, sizeof sealed, &bytes), ==, AIR_SRTP_OK);
  for (size_t bit = 0; bit < 8 * bytes; bit++)
    {
      memcpy (copy, sealed, bytes);
      copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
      g_assert_cmpint (air_srtp_unprotect_rtcp (in, copy, bytes, &plain), !=, AIR_SRTP_OK);
    }
  for (size_t cut = 0; cut < bytes; cut++)
    {
      g_autofree uint8_t *shorter = g_memdup2 (sealed, cut);
      g_assert_cmpint (air_srtp_unprotect_rtcp (in, shorter, cut, &plain), !=, AIR_SRTP_OK);
    }
  g_assert_cmpint (air_srtp_unprotect_rtcp (in, sealed, bytes, &plain), ==, AIR_SRTP_OK);
}

static void
test_replay (void)
{
  AirSrtpMaster master = make_master ();
  g_autoptr (AirSrtp) out = air_srtp_new (AIR_SRTP_AEAD_AES_128_GCM, &master);
  g_autoptr (AirSrtp) in = air_srtp_new (AIR_SRTP_AEAD_AES_128_GCM, &master);
  static uint8_t sealed[300][64], copy[64];
  uint8_t packet[64];
  size_t bytes = 0, plain;

  for (unsigned i = 0; i < 300; i++)
    bytes = protect (out, packet, make_rtp (packet, (uint16_t)i, 8), sealed[i]);
  /* Every other packet, then the rest: those within the window come in, once. */
  for (unsigned pass = 0; pass < 3; pass++)
    for (unsigned i = pass == 0 ? 0 : 1; i < 300; i += 2)
      {
        bool in_window = pass == 0 || (pass == 1 && i > 298 - 128);
        memcpy (copy, sealed[i], bytes);
        g_assert_cmpint (air_srtp_unprotect_rtp (in, copy, bytes, &plain), ==,
                         in_window ? AIR_SRTP_OK : AIR_SRTP_REPLAYED);
      }
}

/* A retransmission with the same content gives the same bytes and does not disturb the rollover counter. */
static void
test_retransmission (void)
{
  AirSrtpMaster master = make_master ();
  g_autoptr (AirSrtp) srtp = air_srtp_new (AIR_SRTP_AEAD_AES_128_GCM, &master);
  uint8_t old[64], newer[64], first[1600], again[1600];
  size_t old_bytes = make_rtp (old, 65530, 30), newer_bytes = make_rtp (newer, 3, 30);
  size_t bytes = protect (srtp, old, old_bytes, first);

  protect (srtp, newer, newer_bytes, again);
  g_assert_cmpmem (first, bytes, again, protect (srtp, old, old_bytes, again));
}

static void
test_bounds (void)
{
  AirSrtpMaster master = make_master ();
  g_autoptr (AirSrtp) srtp = air_srtp_new (AIR_SRTP_AEAD_AES_128_GCM, &master);
  uint8_t packet[64], out[64];
  size_t bytes = make_rtp (packet, 1, 8), ret;

  g_assert_null (air_srtp_new (AIR_SRTP_NONE, &master));
  g_assert_null (air_srtp_new ((AirSrtpProfile)0x0005, &master));
  g_assert_cmpint (air_srtp_protect_rtp (srtp, packet, HEADER_BYTES, packet, 8, out, HEADER_BYTES + 8 + 15, &ret), ==,
                   AIR_SRTP_MALFORMED);
  g_assert_cmpint (air_srtp_protect_rtp (srtp, packet, 12, packet, 8, out, sizeof out, &ret), ==, AIR_SRTP_MALFORMED);
  g_assert_cmpint (air_srtp_protect_rtcp (srtp, packet, 4, out, sizeof out, &ret), ==, AIR_SRTP_MALFORMED);
  for (unsigned i = 0; i <= AIR_SRTP_MAX_SSRCS; i++)
    {
      packet[8] = (uint8_t)i;
      g_assert_cmpint (air_srtp_protect_rtp (srtp, packet, HEADER_BYTES, packet, bytes - HEADER_BYTES, out, sizeof out,
                                             &ret),
                       ==, i < AIR_SRTP_MAX_SSRCS ? AIR_SRTP_OK : AIR_SRTP_EXHAUSTED);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (srtp_init (), ==, srtp_err_status_ok);
  for (size_t i = 0; i < G_N_ELEMENTS (profiles); i++)
    {
      const char *name = air_srtp_profile_to_string (profiles[i]);
      g_autofree char *rtp = g_strconcat ("/srtp/rtp/", name, NULL), *rtcp = g_strconcat ("/srtp/rtcp/", name, NULL),
                      *forgery = g_strconcat ("/srtp/forgery/", name, NULL),
                      *clear = g_strconcat ("/srtp/rtcp-not-encrypted/", name, NULL);
      g_test_add_data_func (rtp, &profiles[i], test_rtp_same_as_libsrtp);
      g_test_add_data_func (rtcp, &profiles[i], test_rtcp_same_as_libsrtp);
      g_test_add_data_func (clear, &profiles[i], test_rtcp_not_encrypted);
      g_test_add_data_func (forgery, &profiles[i], test_forgery);
    }
  g_test_add_func ("/srtp/replay", test_replay);
  g_test_add_func ("/srtp/retransmission", test_retransmission);
  g_test_add_func ("/srtp/bounds", test_bounds);
  int result = g_test_run ();
  srtp_shutdown ();
  return result;
}
