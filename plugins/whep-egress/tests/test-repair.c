/* What is done about a viewer's losses: sending again within limits, sound that goes twice, pictures that wait. */
#include <string.h>

#include "repair.h"
#include "rtp-red.h"

#define SECOND G_GINT64_CONSTANT (1000000)

static void
test_bytes (void)
{
  AirRepair repair;
  unsigned sent = 0;
  air_repair_init (&repair);
  for (uint64_t key = 0; key < 1000; key++)
    sent += air_repair_may_resend (&repair, key, 1000, SECOND);
  g_assert_cmpuint (sent, ==, 65);
  /* Half of what goes out for the first time. */
  for (unsigned i = 0; i < 100; i++)
    air_repair_take_sent (&repair, 1000);
  for (sent = 0; air_repair_may_resend (&repair, 2000 + sent, 1000, SECOND);)
    sent++;
  g_assert_cmpuint (sent, ==, 50);
  /* A viewer that lost nothing for hours may not ask for all of it at once. */
  for (unsigned i = 0; i < 1000000; i++)
    air_repair_take_sent (&repair, 1000);
  for (sent = 0; air_repair_may_resend (&repair, 4000 + sent, 1000, SECOND);)
    sent++;
  g_assert_cmpuint (sent, ==, 524);
  air_repair_clear (&repair);
}

static void
test_under_way (void)
{
  AirRepair repair;
  air_repair_init (&repair);
  g_assert_true (air_repair_may_resend (&repair, 0, 1000, SECOND));
  g_assert_true (air_repair_may_resend (&repair, 0, 1000, SECOND)); /* the round trip is not known */
  air_repair_take_round_trip (&repair, 200000);
  g_assert_false (air_repair_may_resend (&repair, 0, 1000, SECOND + 100000));
  g_assert_true (air_repair_may_resend (&repair, 1, 1000, SECOND + 100000));
  g_assert_true (air_repair_may_resend (&repair, 0, 1000, SECOND + 160000));
  g_assert_false (air_repair_may_resend (&repair, 0, 1000, SECOND + 200000));
  /* One that shares its place is another one. */
  g_assert_true (air_repair_may_resend (&repair, 64, 1000, SECOND + 200000));
  air_repair_clear (&repair);
}

static void
test_loss (void)
{
  AirRepair repair;
  air_repair_init (&repair);
  g_assert_cmpuint (air_repair_get_redundancy (&repair), ==, 0);
  air_repair_take_loss (&repair, 0.01, SECOND);
  g_assert_cmpuint (air_repair_get_redundancy (&repair), ==, 1);
  air_repair_take_loss (&repair, 0.1, 2 * SECOND);
  g_assert_cmpuint (air_repair_get_redundancy (&repair), ==, 2);
  /* One good second does not make a good line; a good minute does. */
  air_repair_take_loss (&repair, 0, 3 * SECOND);
  g_assert_cmpuint (air_repair_get_redundancy (&repair), ==, 2);
  air_repair_take_loss (&repair, 0, 63 * SECOND);
  g_assert_cmpuint (air_repair_get_redundancy (&repair), ==, 0);
}

static void
test_wait (void)
{
  AirRepair repair;
  air_repair_init (&repair);
  air_repair_take_loss (&repair, 0.05, SECOND);
  g_assert_cmpuint (air_repair_get_wait_ms (&repair), ==, 0); /* the round trip is not known */
  air_repair_take_round_trip (&repair, 1000);
  g_assert_cmpuint (air_repair_get_wait_ms (&repair), ==, 0); /* three rounds are over in no time */
  air_repair_init (&repair);
  air_repair_take_round_trip (&repair, 80000);
  g_assert_cmpuint (air_repair_get_wait_ms (&repair), ==, 0); /* nothing is lost */
  unsigned before = 0;
  static const double losses[] = { 0.001, 0.01, 0.05, 0.1 };
  for (unsigned i = 0; i < G_N_ELEMENTS (losses); i++)
    {
      air_repair_take_loss (&repair, losses[i], SECOND);
      g_assert_cmpuint (air_repair_get_wait_ms (&repair), >=, before);
      before = air_repair_get_wait_ms (&repair);
    }
  g_assert_cmpuint (before, ==, 280);
  /* Each round may take longer where the round trip varies. */
  for (unsigned i = 0; i < 20; i++)
    air_repair_take_round_trip (&repair, i % 2 ? 120000 : 40000);
  g_assert_cmpuint (air_repair_get_wait_ms (&repair), ==, 500);
  for (unsigned i = 0; i < 40; i++)
    air_repair_take_round_trip (&repair, 80000);
  g_assert_cmpuint (air_repair_get_wait_ms (&repair), ==, 280);
  air_repair_init (&repair);
  air_repair_take_round_trip (&repair, 3 * SECOND);
  air_repair_take_loss (&repair, 1, SECOND);
  g_assert_cmpuint (air_repair_get_wait_ms (&repair), ==, 500);
}

static AirRtpPacket *
sound (uint32_t timestamp, size_t bytes, uint8_t fill)
{
  AirRtpPacket *packet = air_rtp_packet_new (0, timestamp, bytes);
  memset (packet->payload, fill, bytes);
  return packet;
}

static void
test_red (void)
{
  AirRtpPacket *earlier[] = { sound (0xfffffc40, 3, 1), sound (0, 2, 2) }, *packet = sound (960, 4, 3);
  uint8_t out[AIR_RTP_MAX_PAYLOAD_BYTES];
  /* 1920 samples before: 7 << 18 | …; 960 samples before. */
  static const uint8_t both[] = { 0x80 | 111, 1920 >> 6, (1920 & 0x3f) << 2, 3, 0x80 | 111, 960 >> 6, (960 & 0x3f) << 2, 2,
                                  111, 1, 1, 1, 2, 2, 3, 3, 3, 3 };
  g_assert_cmpmem (out, air_rtp_red_write (out, 111, earlier, 2, packet), both, sizeof both);
  static const uint8_t one[] = { 0x80 | 111, 960 >> 6, (960 & 0x3f) << 2, 2, 111, 2, 2, 3, 3, 3, 3 };
  g_assert_cmpmem (out, air_rtp_red_write (out, 111, earlier + 1, 1, packet), one, sizeof one);
  static const uint8_t alone[] = { 111, 3, 3, 3, 3 };
  g_assert_cmpmem (out, air_rtp_red_write (out, 111, NULL, 0, packet), alone, sizeof alone);
  for (unsigned i = 0; i < 2; i++)
    air_rtp_packet_unref (earlier[i]);
  air_rtp_packet_unref (packet);
}

static void
test_red_limits (void)
{
  uint8_t out[AIR_RTP_MAX_PAYLOAD_BYTES];
  AirRtpPacket *packet = sound (20000, 400, 9);
  AirRtpPacket *old = sound (20000 - 0x4000, 10, 1), *large = sound (19040, 1024, 1), *same = sound (20000, 10, 1);
  AirRtpPacket *middle = sound (19040, 700, 1);
  g_assert_cmpuint (air_rtp_red_write (out, 111, &old, 1, packet), ==, 401);
  g_assert_cmpuint (air_rtp_red_write (out, 111, &large, 1, packet), ==, 401);
  g_assert_cmpuint (air_rtp_red_write (out, 111, &same, 1, packet), ==, 401);
  AirRtpPacket *two[] = { middle, middle };
  g_assert_cmpuint (air_rtp_red_write (out, 111, two, 2, packet), ==, 401 + 4 + 700);
  AirRtpPacket *full = sound (20000, AIR_RTP_MAX_PAYLOAD_BYTES, 9);
  g_assert_cmpuint (air_rtp_red_write (out, 111, &middle, 1, full), ==, 0);
  AirRtpPacket *made[] = { packet, old, large, same, middle, full };
  for (unsigned i = 0; i < G_N_ELEMENTS (made); i++)
    air_rtp_packet_unref (made[i]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/repair/bytes", test_bytes);
  g_test_add_func ("/repair/under-way", test_under_way);
  g_test_add_func ("/repair/loss", test_loss);
  g_test_add_func ("/repair/wait", test_wait);
  g_test_add_func ("/repair/red", test_red);
  g_test_add_func ("/repair/red-limits", test_red_limits);
  return g_test_run ();
}
