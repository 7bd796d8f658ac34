/* Demultiplexing: classes of packets, both tables, their bounds, and the keyed hash. */
#include "demux.h"
#include "siphash.h"

#include <string.h>

static AirAddress
address (unsigned port)
{
  AirAddress result;

  g_assert_true (air_address_parse ("192.0.2.1", (uint16_t)port, &result));
  return result;
}

static void
test_classify (void)
{
  static const struct
  {
    uint8_t first, second;
    size_t size;
    AirPacketKind kind;
  } cases[] = {
    { 0, 1, 20, AIR_PACKET_STUN },      { 3, 1, 20, AIR_PACKET_STUN },      { 0, 1, 19, AIR_PACKET_UNKNOWN },
    { 4, 0, 20, AIR_PACKET_UNKNOWN },   { 19, 0, 20, AIR_PACKET_UNKNOWN },  { 20, 254, 13, AIR_PACKET_DTLS },
    { 63, 254, 13, AIR_PACKET_DTLS },   { 22, 254, 12, AIR_PACKET_UNKNOWN }, { 64, 0, 20, AIR_PACKET_UNKNOWN },
    { 127, 0, 20, AIR_PACKET_UNKNOWN }, { 128, 96, 12, AIR_PACKET_RTP },    { 191, 0xe0, 12, AIR_PACKET_RTP },
    { 128, 200, 8, AIR_PACKET_RTCP },   { 128, 192, 8, AIR_PACKET_RTCP },   { 128, 223, 8, AIR_PACKET_RTCP },
    { 128, 224, 12, AIR_PACKET_RTP },   { 128, 96, 11, AIR_PACKET_UNKNOWN }, { 192, 96, 20, AIR_PACKET_UNKNOWN },
    { 128, 200, 1, AIR_PACKET_UNKNOWN },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      uint8_t data[20] = { cases[i].first, cases[i].second };
      g_assert_cmpint (air_packet_classify (data, cases[i].size), ==, cases[i].kind);
    }
  g_assert_cmpint (air_packet_classify (NULL, 0), ==, AIR_PACKET_UNKNOWN);
}

static void
test_find (void)
{
  g_autoptr (AirDemux) demux = air_demux_new (4);
  AirDemuxEntry viewer = { 0 };
  AirAddress known = address (1), stranger = address (2);

  g_assert_true (air_demux_add_ufrag (demux, "abcd", &viewer));
  g_assert_null (air_demux_find_address (demux, &known));
  air_demux_add_address (demux, &known, &viewer, NULL);
  g_assert_true (air_demux_find_address (demux, &known) == &viewer);
  g_assert_null (air_demux_find_address (demux, &stranger));

  g_assert_true (air_demux_find_ufrag (demux, "abcdXX", 4) == &viewer);
  g_assert_null (air_demux_find_ufrag (demux, "abcd", 3));
  air_demux_remove (demux, &viewer);
  g_assert_null (air_demux_find_address (demux, &known));
  g_assert_null (air_demux_find_ufrag (demux, "abcd", 4));
}

static void
test_ufrags (void)
{
  g_autoptr (AirDemux) demux = air_demux_new (1);
  AirDemuxEntry a = { 0 }, b = { 0 };

  g_assert_true (air_demux_add_ufrag (demux, "one", &a));
  g_assert_false (air_demux_add_ufrag (demux, "one", &b));
  g_assert_false (air_demux_add_ufrag (demux, "", &b));
  g_assert_false (air_demux_add_ufrag (demux, "123456789012345678901234567890123", &b));
  g_assert_true (air_demux_add_ufrag (demux, "two", &a));
  g_assert_false (air_demux_add_ufrag (demux, "three", &a));
  g_assert_false (air_demux_add_ufrag (demux, "three", &b)); /* full */
  air_demux_remove_ufrag (demux, "one", &b);                 /* not b's */
  g_assert_true (air_demux_find_ufrag (demux, "one", 3) == &a);
  air_demux_remove_ufrag (demux, "one", &a);
  air_demux_remove_ufrag (demux, "one", &a);
  g_assert_true (air_demux_add_ufrag (demux, "three", &a));
  air_demux_remove (demux, &a);
  g_assert_true (air_demux_add_ufrag (demux, "four", &b));
}

static void
test_addresses (void)
{
  g_autoptr (AirDemux) demux = air_demux_new (2);
  AirDemuxEntry a = { 0 }, b = { 0 };
  AirAddress first = address (1), stolen = address (9);

  for (unsigned i = 1; i <= 9; i++)
    {
      AirAddress added = address (i);
      air_demux_add_address (demux, &added, &a, NULL);
      air_demux_add_address (demux, &added, &a, NULL);
      g_assert_true (air_demux_find_address (demux, &added) == &a);
    }
  g_assert_null (air_demux_find_address (demux, &first)); /* the oldest made room */
  air_demux_add_address (demux, &stolen, &b, NULL);
  g_assert_true (air_demux_find_address (demux, &stolen) == &b);
  air_demux_remove (demux, &a);
  g_assert_true (air_demux_find_address (demux, &stolen) == &b);
  air_demux_remove (demux, &b);
  g_assert_null (air_demux_find_address (demux, &stolen));
}

/* However many addresses a viewer checks from, the one in use is found. */
static void
test_address_in_use (void)
{
  g_autoptr (AirDemux) demux = air_demux_new (1);
  AirDemuxEntry viewer = { 0 };
  AirAddress elsewhere = address (1000);

  for (unsigned used = 1; used <= 5; used++)
    {
      AirAddress in_use = address (used);
      air_demux_add_address (demux, &in_use, &viewer, &in_use);
      for (unsigned i = 10 * used; i < 10 * used + 9; i++)
        {
          AirAddress added = address (i);
          air_demux_add_address (demux, &added, &viewer, &in_use);
          g_assert_true (air_demux_find_address (demux, &added) == &viewer);
          g_assert_true (air_demux_find_address (demux, &in_use) == &viewer);
        }
    }
  /* One that is known by another way, as a connection by TCP is, needs no place. */
  for (unsigned i = 100; i < 109; i++)
    {
      AirAddress added = address (i);
      air_demux_add_address (demux, &added, &viewer, &elsewhere);
      g_assert_true (air_demux_find_address (demux, &added) == &viewer);
    }
}

/* Random joins and leaves against a plain GHashTable. */
static void
test_churn (void)
{
  enum { VIEWERS = 200 };
  g_autoptr (AirDemux) demux = air_demux_new (VIEWERS);
  g_autofree AirDemuxEntry *entries = g_new0 (AirDemuxEntry, VIEWERS);
  bool present[VIEWERS] = { false };

  for (unsigned step = 0; step < 20000; step++)
    {
      unsigned i = (unsigned)g_test_rand_int_range (0, VIEWERS);
      char ufrag[16];
      AirAddress own = address (1000 + i);

      g_snprintf (ufrag, sizeof ufrag, "viewer%u", i);
      if (present[i])
        air_demux_remove (demux, &entries[i]);
      else
        {
          g_assert_true (air_demux_add_ufrag (demux, ufrag, &entries[i]));
          air_demux_add_address (demux, &own, &entries[i], NULL);
        }
      present[i] = !present[i];
      i = (unsigned)g_test_rand_int_range (0, VIEWERS);
      own = address (1000 + i);
      g_snprintf (ufrag, sizeof ufrag, "viewer%u", i);
      g_assert_true (air_demux_find_ufrag (demux, ufrag, strlen (ufrag)) == (present[i] ? &entries[i] : NULL));
      g_assert_true (air_demux_find_address (demux, &own) == (present[i] ? &entries[i] : NULL));
    }
}

/* Appendix A of the SipHash paper: key 00 … 0f, message 00 … 0e. */
static void
test_siphash (void)
{
  uint8_t bytes[16];
  uint64_t key[2];

  for (unsigned i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)i;
  memcpy (key, bytes, sizeof key);
  key[0] = GUINT64_FROM_LE (key[0]);
  key[1] = GUINT64_FROM_LE (key[1]);
  g_assert_cmphex (air_siphash (key, bytes, 15), ==, G_GUINT64_CONSTANT (0xa129ca6149be45e5));
}

/* The same numbers by UDP and on a TCP connection are two addresses. */
static void
test_tcp (void)
{
  g_autoptr (AirDemux) demux = air_demux_new (4);
  AirDemuxEntry a = { 0 }, b = { 0 };
  AirAddress by_udp = address (5000), by_tcp = address (5000);

  by_tcp.tcp = 1;
  air_demux_add_address (demux, &by_udp, &a, NULL);
  air_demux_add_address (demux, &by_tcp, &b, NULL);
  g_assert_true (air_demux_find_address (demux, &by_udp) == &a);
  g_assert_true (air_demux_find_address (demux, &by_tcp) == &b);
  air_demux_remove (demux, &b);
  g_assert_null (air_demux_find_address (demux, &by_tcp));
  air_demux_remove (demux, &a);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/demux/classify", test_classify);
  g_test_add_func ("/demux/find", test_find);
  g_test_add_func ("/demux/ufrags", test_ufrags);
  g_test_add_func ("/demux/addresses", test_addresses);
  g_test_add_func ("/demux/address-in-use", test_address_in_use);
  g_test_add_func ("/demux/churn", test_churn);
  g_test_add_func ("/demux/siphash", test_siphash);
  g_test_add_func ("/demux/tcp", test_tcp);
  return g_test_run ();
}
