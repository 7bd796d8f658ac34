/* Pictures are cut so that the kernel takes them as one message. */
#include "rtp-cut.h"
#include "rtp-h264.h"

#define MAX_BYTES AIR_RTP_MAX_PAYLOAD_BYTES

static void
test_one (void)
{
  for (size_t bytes = 3; bytes < 150000; bytes += 1 + bytes / 50)
    {
      size_t size = air_rtp_cut_choose (&bytes, 1, MAX_BYTES), packets = air_rtp_cut_count (bytes, size);
      g_assert_cmpuint (size, >, 0);
      g_assert_cmpuint (size, <=, MAX_BYTES);
      g_assert_cmpuint (packets, <=, air_rtp_cut_count (bytes, MAX_BYTES) + 1);
      g_assert_cmpuint (packets * size, <, bytes + 3 * packets);
    }
}

static void
test_refused (void)
{
  size_t uneven[] = { 400, 9000 }, many[AIR_RTP_CUT_MAX_NALS + 1];
  for (size_t i = 0; i < G_N_ELEMENTS (many); i++)
    many[i] = 500;
  g_assert_cmpuint (air_rtp_cut_choose (NULL, 0, MAX_BYTES), ==, 0);
  g_assert_cmpuint (air_rtp_cut_choose (uneven, 2, MAX_BYTES), ==, 0);
  g_assert_cmpuint (air_rtp_cut_choose (many, AIR_RTP_CUT_MAX_NALS, MAX_BYTES), ==, 500);
  g_assert_cmpuint (air_rtp_cut_choose (many, G_N_ELEMENTS (many), MAX_BYTES), ==, 0);
}

/* Whatever the slices are, what is chosen can be made and does not cost much. */
static void
test_property (void)
{
  unsigned even = 0;
  for (unsigned round = 0; round < 5000; round++)
    {
      size_t nals[6], sum = 0, padded = 0, packets = 0, fewest = 0;
      size_t count = (size_t)g_test_rand_int_range (2, 7);
      int usual = g_test_rand_int_range (200, 6000);
      for (size_t i = 0; i < count; i++)
        sum += nals[i] = (size_t)g_test_rand_int_range (usual * 3 / 4, usual * 5 / 4);
      size_t size = air_rtp_cut_choose (nals, count, MAX_BYTES);
      even += size > 0;
      for (size_t i = 0; i < count && size > 0; i++)
        {
          size_t own = air_rtp_cut_count (nals[i], size);
          g_assert_cmpuint (own * size, >=, nals[i]);
          padded += own * size;
          packets += own;
          fewest += air_rtp_cut_count (nals[i], MAX_BYTES);
        }
      g_assert_cmpuint (size, <=, MAX_BYTES);
      if (size > 0)
        g_assert_cmpuint (padded + 60 * (packets - fewest), <=, sum + 62 * fewest / 16 + sum / 16 + 100 + 2 * packets);
    }
  g_assert_cmpuint (even, >, 2500);
}

static void
collect (AirRtpPacket *packet, void *data)
{
  g_ptr_array_add (data, packet);
}

/* @slices: sizes, ended by 0. Returns: the packets of the picture that they make. */
static GPtrArray *
packetize (const size_t *slices)
{
  g_autoptr (AirRtpH264) rtp = air_rtp_h264_new ();
  g_autoptr (GByteArray) unit = g_byte_array_new ();
  GPtrArray *packets = g_ptr_array_new_with_free_func ((GDestroyNotify)air_rtp_packet_unref);
  for (; *slices > 0; slices++)
    {
      const uint8_t begin[]
          = { (uint8_t)(*slices >> 24), (uint8_t)(*slices >> 16), (uint8_t)(*slices >> 8), (uint8_t)*slices, 0x41 };
      g_byte_array_append (unit, begin, sizeof begin);
      for (size_t i = 1; i < *slices; i++)
        g_byte_array_append (unit, (const uint8_t *)"x", 1);
    }
  air_rtp_h264_push (rtp, unit->data, unit->len, false, 0, collect, packets);
  return packets;
}

static void
check_even (const size_t *slices, unsigned count)
{
  g_autoptr (GPtrArray) packets = packetize (slices);
  const AirRtpPacket *first = packets->pdata[0];
  g_assert_cmpuint (packets->len, ==, count);
  for (guint i = 0; i < packets->len; i++)
    {
      const AirRtpPacket *packet = packets->pdata[i];
      size_t all = (size_t)packet->payload_bytes + packet->padding_bytes;
      g_assert_cmpuint (all, ==, (size_t)first->payload_bytes + first->padding_bytes);
      if (packet->padding_bytes > 0)
        g_assert_cmpuint (packet->payload[all - 1], ==, packet->padding_bytes);
    }
}

static void
test_pictures (void)
{
  check_even ((const size_t[]){ 8301, 0 }, 8);
  check_even ((const size_t[]){ 2799, 2650, 2900, 0 }, 9);
  check_even ((const size_t[]){ 900, 880, 870, 0 }, 3);
  /* One packet has room for all. */
  g_autoptr (GPtrArray) small = packetize ((const size_t[]){ 300, 100, 280, 0 });
  g_assert_cmpuint (small->len, ==, 1);
  const AirRtpPacket *packet = small->pdata[0];
  g_assert_cmpuint (packet->payload[0] & 0x1f, ==, 24);
  g_assert_cmpuint (packet->payload_bytes, ==, 1 + 3 * 2 + 680);
  /* Not worth it. */
  g_autoptr (GPtrArray) uneven = packetize ((const size_t[]){ 400, 9001, 0 });
  g_assert_cmpuint (uneven->len, ==, 9);
  for (guint i = 0; i < uneven->len; i++)
    g_assert_cmpuint (((AirRtpPacket *)uneven->pdata[i])->padding_bytes, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/whep/cut/one", test_one);
  g_test_add_func ("/whep/cut/refused", test_refused);
  g_test_add_func ("/whep/cut/property", test_property);
  g_test_add_func ("/whep/cut/pictures", test_pictures);
  return g_test_run ();
}
