/* What one packet costs: encryption with our SRTP and with libsrtp2, and sending with and without UDP segmentation.
 *
 * One thread. Prints nanoseconds per packet and ratios; takes the number of viewers as its argument (default 500), since caches
 * matter: each packet is encrypted for every viewer in turn, as the fan-out does. Not a test: asserts no timing. */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "srtp.h"
#include "udp.h"

#define HEADER_BYTES 20
#define PAYLOAD_BYTES 1160
#define PACKETS_PER_FRAME 7 /* 2 Mbit/s at 30 frames a second */
#define ROUNDS 60

static uint8_t header[HEADER_BYTES]
    = { 0x90, 0xe0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 0xbe, 0xde, 0, 1, 0x10, 0, 0, 0 };
static uint8_t payload[PAYLOAD_BYTES];

static AirSrtpMaster
make_master (unsigned viewer)
{
  AirSrtpMaster master = { 0 };

  memcpy (master.key, &viewer, sizeof viewer);
  return master;
}

static void
set_sequence (unsigned sequence)
{
  header[2] = (uint8_t)(sequence >> 8);
  header[3] = (uint8_t)sequence;
}

static double
report (const char *what, int64_t begin_us, unsigned viewers)
{
  double ns = (double)(g_get_monotonic_time () - begin_us) * 1000 / ((double)ROUNDS * PACKETS_PER_FRAME * viewers);

  printf ("%-44s %8.0f ns per packet\n", what, ns);
  return ns;
}

static double
measure_ours (AirSrtpProfile profile, unsigned viewers)
{
  AirSrtp **srtp = g_new (AirSrtp *, viewers);
  uint8_t out[2048];
  size_t bytes = 0;
  int64_t begin_us;
  double ns;

  for (unsigned v = 0; v < viewers; v++)
    {
      AirSrtpMaster master = make_master (v);
      srtp[v] = air_srtp_new (profile, &master);
      set_sequence (0);
      air_srtp_protect_rtp (srtp[v], header, HEADER_BYTES, payload, PAYLOAD_BYTES, out, sizeof out, &bytes);
    }
  begin_us = g_get_monotonic_time ();
  for (unsigned round = 0; round < ROUNDS; round++)
    for (unsigned v = 0; v < viewers; v++)
      for (unsigned p = 0; p < PACKETS_PER_FRAME; p++)
        {
          set_sequence (round * PACKETS_PER_FRAME + p + 1);
          if (air_srtp_protect_rtp (srtp[v], header, HEADER_BYTES, payload, PAYLOAD_BYTES, out, sizeof out, &bytes)
              != AIR_SRTP_OK)
            abort ();
        }
  ns = report (profile == AIR_SRTP_AEAD_AES_128_GCM ? "AES-128-GCM, ours" : "AES-CM-128-HMAC-SHA1-80, ours", begin_us,
               viewers);
  for (unsigned v = 0; v < viewers; v++)
    air_srtp_free (srtp[v]);
  g_free (srtp);
  return ns;
}

static double
measure_libsrtp (AirSrtpProfile profile, unsigned viewers)
{
  srtp_t *srtp = g_new (srtp_t, viewers);
  uint8_t out[2048];
  int64_t begin_us;
  double ns;

  for (unsigned v = 0; v < viewers; v++)
    {
      uint8_t key[46] = { 0 };
      srtp_policy_t policy = { .ssrc.type = ssrc_any_outbound, .key = key, .window_size = 128 };

      memcpy (key, &v, sizeof v);
      srtp_crypto_policy_set_from_profile_for_rtp (&policy.rtp, (srtp_profile_t)profile);
      srtp_crypto_policy_set_from_profile_for_rtcp (&policy.rtcp, (srtp_profile_t)profile);
      if (srtp_create (&srtp[v], &policy) != srtp_err_status_ok)
        abort ();
    }
  begin_us = g_get_monotonic_time ();
  for (unsigned round = 0; round < ROUNDS; round++)
    for (unsigned v = 0; v < viewers; v++)
      for (unsigned p = 0; p < PACKETS_PER_FRAME; p++)
        {
          int bytes = HEADER_BYTES + PAYLOAD_BYTES;

          set_sequence (round * PACKETS_PER_FRAME + p + 1);
          memcpy (out, header, HEADER_BYTES);
          memcpy (out + HEADER_BYTES, payload, PAYLOAD_BYTES);
          if (srtp_protect (srtp[v], out, &bytes) != srtp_err_status_ok)
            abort ();
        }
  ns = report (profile == AIR_SRTP_AEAD_AES_128_GCM ? "AES-128-GCM, libsrtp2" : "AES-CM-128-HMAC-SHA1-80, libsrtp2",
               begin_us, viewers);
  for (unsigned v = 0; v < viewers; v++)
    srtp_dealloc (srtp[v]);
  g_free (srtp);
  return ns;
}

/* To a bound port that nobody reads: its buffer overflows, which costs the sender nothing. */
static double
measure_send (bool segmentation, unsigned viewers, unsigned batch_packets, const char *what)
{
  AirAddress listen;
  air_address_parse ("127.0.0.1", 0, &listen);
  g_autoptr (AirUdp) from = air_udp_new (&listen, 1, 0, 0, NULL);
  g_autoptr (AirUdp) to = air_udp_new (&listen, 1, 65536, 0, NULL);
  g_autoptr (AirUdpSender) sender = air_udp_sender_new (from, segmentation);
  AirPath path = { .local = *air_udp_get_address (from, 0), .remote = *air_udp_get_address (to, 0) };
  size_t bytes = HEADER_BYTES + PAYLOAD_BYTES + 16;
  int64_t begin_us = g_get_monotonic_time ();
  unsigned n = 0;
  double ns;

  for (unsigned i = 0; i < ROUNDS * viewers * PACKETS_PER_FRAME; i++)
    {
      memcpy (air_udp_sender_reserve (sender, bytes), payload, PAYLOAD_BYTES);
      /* The last packet of a frame is shorter, which also ends its run. */
      air_udp_sender_commit (sender, &path, i % PACKETS_PER_FRAME == PACKETS_PER_FRAME - 1 ? bytes - 100 : bytes);
      if (++n == batch_packets)
        {
          air_udp_sender_flush (sender);
          n = 0;
        }
    }
  air_udp_sender_flush (sender);
  ns = report (what, begin_us, viewers);
  const AirUdpStats *stats = air_udp_sender_get_stats (sender);
  printf ("%44s %8.1f packets per system call, %" G_GUINT64_FORMAT " dropped\n", "",
          (double)stats->packets / (double)MAX (stats->system_calls, 1), stats->dropped);
  return ns;
}

int
main (int argc, char **argv)
{
  unsigned viewers = argc > 1 ? (unsigned)MAX (atoi (argv[1]), 1) : 500;
  double gcm, gcm_lib, sha1, sha1_lib, single, batched, segmented;

  srtp_init ();
  printf ("%u viewers, %d bytes a packet, %d packets a frame\n", viewers, HEADER_BYTES + PAYLOAD_BYTES,
          PACKETS_PER_FRAME);
  gcm = measure_ours (AIR_SRTP_AEAD_AES_128_GCM, viewers);
  gcm_lib = measure_libsrtp (AIR_SRTP_AEAD_AES_128_GCM, viewers);
  sha1 = measure_ours (AIR_SRTP_AES128_CM_SHA1_80, viewers);
  sha1_lib = measure_libsrtp (AIR_SRTP_AES128_CM_SHA1_80, viewers);
  single = measure_send (false, viewers, 1, "one system call a packet");
  batched = measure_send (false, viewers, UINT32_MAX, "sendmmsg");
  segmented = measure_send (true, viewers, UINT32_MAX, "sendmmsg with UDP segmentation");
  printf ("ratios: GCM ours/libsrtp2 %.2f, CM ours/libsrtp2 %.2f, CM/GCM ours %.2f, batched/single %.2f, "
          "segmented/batched %.2f\n",
          gcm / gcm_lib, sha1 / sha1_lib, sha1 / gcm, batched / single, segmented / batched);
  printf ("encrypt and send: %.0f ns per packet; %.0f packets a second on one core\n", gcm + segmented,
          1e9 / (gcm + segmented));
  return 0;
}
