/* RTCP: what is written is what RFC 3550 draws, every kind of feedback is read, broken framing is not. */
#include "rtcp.h"

#include <string.h>

static void
test_sender_report (void)
{
  AirRtcpSenderInfo info = { 0x01020304, G_GUINT64_CONSTANT (0x1112131415161718), 0x21222324, 0x31323334, 0x41424344 };
  static const uint8_t wanted[] = { 0x80, 200,  0,    6,    1,    2,    3,    4,    0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
                                    0x17, 0x18, 0x21, 0x22, 0x23, 0x24, 0x31, 0x32, 0x33, 0x34, 0x41, 0x42, 0x43, 0x44,
                                    0x81, 202,  0,    3,    1,    2,    3,    4,    1,    3,    'a',  'b',  'c',  0,
                                    0,    0 };
  uint8_t out[64];
  AirRtcpIter iter;
  AirRtcpItem item;

  g_assert_cmpmem (out, air_rtcp_build_sr (out, sizeof out, &info, "abc"), wanted, sizeof wanted);
  g_assert_cmpuint (air_rtcp_build_sr (out, sizeof wanted - 1, &info, "abc"), ==, 0);
  g_assert_cmpuint (air_rtcp_build_sr (out, sizeof out, &info, ""), ==, 0);
  /* A zero byte ends the list of items also when the name fills its word. */
  g_assert_cmpuint (air_rtcp_build_sr (out, sizeof out, &info, "ab"), ==, 28 + 8 + 8);

  g_assert_true (air_rtcp_iter_init (&iter, wanted, sizeof wanted));
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpint (item.type, ==, AIR_RTCP_SENDER_REPORT);
  g_assert_cmphex (item.sender_info.ssrc, ==, info.ssrc);
  g_assert_cmphex (item.sender_info.ntp, ==, info.ntp);
  g_assert_cmphex (item.sender_info.rtp_timestamp, ==, info.rtp_timestamp);
  g_assert_cmphex (item.sender_info.packets, ==, info.packets);
  g_assert_cmphex (item.sender_info.octets, ==, info.octets);
  g_assert_false (air_rtcp_iter_next (&iter, &item));
  g_assert_false (air_rtcp_iter_next (&iter, &item));
}

static void
test_compound (void)
{
  static const uint8_t packet[] = {
    0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 9, 64, 0xff, 0xff, 0xfe, 0, 1, 0, 5, 0, 0, 0, 90, 1, 2, 3, 4, 0, 1, 0, 0, /* RR */
    0x81, 202, 0, 2, 0, 0, 0, 1, 1, 0, 0, 0,                                                     /* SDES */
    0x80, 207, 0, 5, 0, 0, 0, 1, 99, 0, 0, 0, 4, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8,                 /* XR: unknown, RRTR */
    0x80, 207, 0, 2, 0, 0, 0, 1, 4, 0, 0, 0,                                                     /* XR: cut short */
    0x80, 207, 0, 2, 0, 0, 0, 1, 4, 0, 0, 9,                                                     /* XR: announces more */
    0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 9, 0x12, 0x34, 0, 3, 0xff, 0xff, 0x80, 0,              /* two NACK entries */
    0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9,                                                     /* PLI */
    0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 77, 0, 0, 0,                            /* FIR */
    0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 1, 0x0b, 0xd0, 0x90, 0, 0, 0, 9, /* REMB */
    0x82, 203, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2,                                                     /* BYE */
  };
  AirRtcpIter iter;
  AirRtcpItem item;

  g_assert_true (air_rtcp_iter_init (&iter, packet, sizeof packet));
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpint (item.type, ==, AIR_RTCP_REPORT_BLOCK);
  g_assert_cmpuint (item.sender_ssrc, ==, 1);
  g_assert_cmpuint (item.media_ssrc, ==, 9);
  g_assert_cmpuint (item.report.fraction_lost, ==, 64);
  g_assert_cmpint (item.report.cumulative_lost, ==, -2);
  g_assert_cmphex (item.report.highest_sequence, ==, 0x00010005);
  g_assert_cmpuint (item.report.jitter, ==, 90);
  g_assert_cmphex (item.report.lsr, ==, 0x01020304);
  g_assert_cmphex (item.report.dlsr, ==, 0x00010000);
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpint (item.type, ==, AIR_RTCP_REFERENCE_TIME);
  g_assert_cmpuint (item.sender_ssrc, ==, 1);
  g_assert_cmphex (item.reference, ==, 0x03040506);
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpint (item.type, ==, AIR_RTCP_NACK);
  g_assert_cmphex (item.nack.sequence, ==, 0x1234);
  g_assert_cmphex (item.nack.bitmask, ==, 3);
  g_assert_cmpuint (item.media_ssrc, ==, 9);
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmphex (item.nack.sequence, ==, 0xffff);
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpint (item.type, ==, AIR_RTCP_PLI);
  g_assert_cmpuint (item.media_ssrc, ==, 9);
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpint (item.type, ==, AIR_RTCP_FIR);
  g_assert_cmpuint (item.media_ssrc, ==, 9);
  g_assert_cmpuint (item.fir.sequence, ==, 77);
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpint (item.type, ==, AIR_RTCP_REMB);
  g_assert_cmpuint (item.remb_bps, ==, 0x3d090 << 2);
  g_assert_cmpuint (item.media_ssrc, ==, 9);
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpint (item.type, ==, AIR_RTCP_BYE);
  g_assert_cmpuint (item.media_ssrc, ==, 1);
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpuint (item.media_ssrc, ==, 2);
  g_assert_false (air_rtcp_iter_next (&iter, &item));

  for (size_t size = 0; size < sizeof packet; size++)
    {
      g_autofree uint8_t *cut = g_memdup2 (packet, size);
      if (air_rtcp_iter_init (&iter, cut, size))
        while (air_rtcp_iter_next (&iter, &item))
          ;
    }
}

/* What nobody's network is like does not come out. */
static void
test_absurd (void)
{
  static const struct
  {
    uint8_t exponent;
    uint32_t mantissa;
    uint64_t bps;
  } estimates[] = {
    { 0, 0, 0 },          { 63, 0, 0 },       { 0, 1, 1 }, { 20, 2000, UINT64_C (2000) << 20 }, { 15, 0x3ffff, UINT64_C (0x3ffff) << 15 },
    { 16, 0x3ffff, AIR_RTCP_MAX_REMB_BPS },   { 45, 0x3ffff, AIR_RTCP_MAX_REMB_BPS }, { 46, 0x20000, AIR_RTCP_MAX_REMB_BPS },
    { 63, 0x3ffff, AIR_RTCP_MAX_REMB_BPS },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (estimates); i++)
    {
      uint32_t mantissa = estimates[i].mantissa;
      const uint8_t packet[] = { 0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 1, (uint8_t)(estimates[i].exponent << 2 | mantissa >> 16),
                                 (uint8_t)(mantissa >> 8), (uint8_t)mantissa, 0, 0, 0, 9 };
      AirRtcpIter iter;
      AirRtcpItem item;

      g_assert_true (air_rtcp_iter_init (&iter, packet, sizeof packet));
      g_assert_true (air_rtcp_iter_next (&iter, &item));
      g_assert_cmpint (item.type, ==, AIR_RTCP_REMB);
      g_assert_cmpuint (item.remb_bps, ==, estimates[i].bps);
    }
  g_assert_cmpint (air_rtcp_jitter_us (900, 90000), ==, 10000);
  g_assert_cmpint (air_rtcp_jitter_us (480000, 48000), ==, 10 * G_USEC_PER_SEC);
  g_assert_cmpint (air_rtcp_jitter_us (900001, 90000), ==, -1);
  g_assert_cmpint (air_rtcp_jitter_us (UINT32_MAX, 90000), ==, -1);
}

static void
test_framing (void)
{
  static const uint8_t padded[] = { 0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4 };
  static const uint8_t long_padding[] = { 0xa0, 201, 0, 1, 0, 0, 0, 8 };
  static const uint8_t odd_padding[] = { 0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3 };
  static const uint8_t inner_padding[] = { 0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0x80, 201, 0, 1, 0, 0, 0, 1 };
  static const uint8_t version[] = { 0x40, 201, 0, 1, 0, 0, 0, 1 };
  static const uint8_t too_long[] = { 0x80, 201, 0, 2, 0, 0, 0, 1 };
  static const uint8_t promised[] = { 0x9f, 201, 0, 1, 0, 0, 0, 1 }; /* 31 blocks and none there */
  static const uint8_t empty[] = { 0x80, 205, 0, 0 };
  AirRtcpIter iter;
  AirRtcpItem item;

  g_assert_true (air_rtcp_iter_init (&iter, padded, sizeof padded));
  g_assert_false (air_rtcp_iter_next (&iter, &item));
  g_assert_false (air_rtcp_iter_init (&iter, long_padding, sizeof long_padding));
  /* As libwebrtc does with its feedback. */
  g_assert_true (air_rtcp_iter_init (&iter, odd_padding, sizeof odd_padding));
  g_assert_true (air_rtcp_iter_init (&iter, inner_padding, sizeof inner_padding));
  g_assert_false (air_rtcp_iter_init (&iter, version, sizeof version));
  g_assert_false (air_rtcp_iter_init (&iter, too_long, sizeof too_long));
  g_assert_true (air_rtcp_iter_init (&iter, promised, sizeof promised));
  g_assert_false (air_rtcp_iter_next (&iter, &item));
  g_assert_true (air_rtcp_iter_init (&iter, empty, sizeof empty));
  g_assert_false (air_rtcp_iter_next (&iter, &item));
}

static void
test_bye_and_pli (void)
{
  uint8_t out[128];
  uint32_t ssrcs[] = { 5, 6 };
  AirRtcpIter iter;
  AirRtcpItem item;

  g_assert_true (air_rtcp_iter_init (&iter, out, air_rtcp_build_bye (out, sizeof out, ssrcs, 2, "name")));
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpint (item.type, ==, AIR_RTCP_BYE);
  g_assert_cmpuint (item.media_ssrc, ==, 5);
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpuint (item.media_ssrc, ==, 6);
  g_assert_false (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpuint (air_rtcp_build_bye (out, 20, ssrcs, 2, "name"), ==, 0);
  g_assert_cmpuint (air_rtcp_build_bye (out, sizeof out, ssrcs, 0, "name"), ==, 0);

  g_assert_true (air_rtcp_iter_init (&iter, out, air_rtcp_build_pli (out, sizeof out, 1, 2)));
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpint (item.type, ==, AIR_RTCP_PLI);
  g_assert_cmpuint (item.sender_ssrc, ==, 1);
  g_assert_cmpuint (item.media_ssrc, ==, 2);
}

static void
test_times (void)
{
  uint64_t ntp = air_ntp_from_unix_us (G_USEC_PER_SEC / 2);

  g_assert_cmphex (ntp, ==, G_GUINT64_CONSTANT (0x83aa7e8080000000));
  g_assert_cmphex (air_ntp_middle (ntp), ==, 0x7e808000);
  /* The example of RFC 3550 §6.4.1: 6.125 s */
  g_assert_cmpint (air_rtcp_round_trip_us (0xb7108000, 0xb7052000, 0x00054000), ==, 6125000);
  g_assert_cmpint (air_rtcp_round_trip_us (0xb7108000, 0, 0x00054000), ==, -1);
  g_assert_cmpint (air_rtcp_round_trip_us (0xb7052000, 0xb7108000, 0), ==, -1);
  g_assert_cmpint (air_rtcp_round_trip_us (0x00000010, 0xfffffff0, 0), ==, 488); /* wraps after 18 hours */
}

static void
test_transport_cc (void)
{
  /* Base 65534, 9 packets from 64 ms: run of 2 small, vector of 7 wide: lost, small, large, lost, lost, small, lost. */
  static const uint8_t packet[] = { 0x8f, 205, 0, 7, 0, 0, 0, 1,    0,    0,    0,    9, 0xff, 0xfe, 0, 9,
                                    0,    0,   1, 3, 0x20, 2, 0xc6, 0x04 | 0x00, 4, 8, 12, 0xff, 0xfc, 4, 0, 0 };
  AirRtcpIter iter;
  AirRtcpItem item;
  AirTransportCcPacket packets[16];
  static const struct { uint16_t sequence; bool received; int64_t arrival_us; } wanted[] = {
    { 65534, true, 65000 }, { 65535, true, 67000 }, { 0, false, 0 }, { 1, true, 70000 }, { 2, true, 69000 },
    { 3, false, 0 }, { 4, false, 0 }, { 5, true, 70000 }, { 6, false, 0 },
  };

  g_assert_true (air_rtcp_iter_init (&iter, packet, sizeof packet));
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpint (item.type, ==, AIR_RTCP_TRANSPORT_CC);
  g_assert_cmpuint (item.transport_cc.feedback_count, ==, 3);
  g_assert_cmpuint (air_rtcp_read_transport_cc (&item, packets, 16), ==, G_N_ELEMENTS (wanted));
  for (size_t i = 0; i < G_N_ELEMENTS (wanted); i++)
    {
      g_assert_cmpuint (packets[i].sequence, ==, wanted[i].sequence);
      g_assert_cmpint (packets[i].received, ==, wanted[i].received);
      g_assert_cmpint (packets[i].arrival_us, ==, wanted[i].arrival_us);
    }
  g_assert_cmpuint (air_rtcp_read_transport_cc (&item, packets, 3), ==, 3);
  item.transport_cc.chunks_bytes = 5; /* deltas missing */
  g_assert_cmpuint (air_rtcp_read_transport_cc (&item, packets, 16), ==, 0);
  item.transport_cc.chunks_bytes = 2; /* statuses missing */
  g_assert_cmpuint (air_rtcp_read_transport_cc (&item, packets, 16), ==, 0);
  g_assert_false (air_rtcp_iter_next (&iter, &item));
}

/* RFC 3611 §4.5: how the receiver's round trip is found. */
static void
test_reference_answer (void)
{
  static const uint8_t wanted[] = { 0x80, 207, 0, 5, 1, 2, 3, 4, 5, 0, 0, 3, 0, 0, 0, 9, 0xa, 0xb, 0xc, 0xd, 0, 0, 0, 0 };
  uint8_t out[24];

  g_assert_cmpmem (out, air_rtcp_build_reference_answer (out, sizeof out, 0x01020304, NULL, 9, 0x0a0b0c0d), wanted,
                   sizeof wanted);
  g_assert_cmpuint (air_rtcp_build_reference_answer (out, sizeof out - 1, 1, NULL, 9, 2), ==, 0);

  /* RFC 3550 §6.1: without a=rtcp-rsize a report stands first, and a CNAME is there. */
  static const uint8_t begin[] = { 0x80, 201, 0, 1, 1, 2, 3, 4, 0x81, 202, 0, 3, 1, 2, 3, 4, 1, 4, 'n', 'a', 'm', 'e', 0, 0 };
  uint8_t compound[sizeof begin + sizeof wanted];
  g_assert_cmpuint (air_rtcp_build_reference_answer (compound, sizeof compound, 0x01020304, "name", 9, 0x0a0b0c0d), ==,
                    sizeof compound);
  g_assert_cmpmem (compound, sizeof begin, begin, sizeof begin);
  g_assert_cmpmem (compound + sizeof begin, sizeof wanted, wanted, sizeof wanted);
  g_assert_cmpuint (air_rtcp_build_reference_answer (compound, sizeof compound - 1, 1, "name", 9, 2), ==, 0);
}

static void
hear (AirRtcpSources *sources, const uint8_t *packet, size_t size)
{
  AirRtcpIter iter;
  AirRtcpItem item;

  g_assert_true (air_rtcp_iter_init (&iter, packet, size));
  while (air_rtcp_iter_next (&iter, &item))
    air_rtcp_sources_note (sources, &iter);
  air_rtcp_sources_note (sources, &iter);
}

/* Who says BYE must have said something else before, if only that there is nothing to report. */
static void
test_sources (void)
{
  static const uint8_t report[] = { 0x80, 201, 0, 1, 0, 0, 0, 7 };
  static const uint8_t goodbye[] = { 0x81, 203, 0, 1, 0, 0, 0, 9 };
  static const uint8_t request[] = { 0x81, 206, 0, 2, 0, 0, 0, 8, 0, 0, 0, 1, 0x81, 203, 0, 1, 0, 0, 0, 10 };
  AirRtcpSources sources = { 0 };

  g_assert_false (air_rtcp_sources_has (&sources, 0));
  hear (&sources, goodbye, sizeof goodbye);
  g_assert_false (air_rtcp_sources_has (&sources, 9));
  hear (&sources, report, sizeof report);
  hear (&sources, request, sizeof request);
  g_assert_true (air_rtcp_sources_has (&sources, 7));
  g_assert_true (air_rtcp_sources_has (&sources, 8));
  g_assert_false (air_rtcp_sources_has (&sources, 9));
  g_assert_false (air_rtcp_sources_has (&sources, 10));
  for (uint8_t i = 20; i < 30; i++)
    {
      const uint8_t other[] = { 0x80, 201, 0, 1, 0, 0, 0, i };
      hear (&sources, other, sizeof other);
      g_assert_true (air_rtcp_sources_has (&sources, i));
    }
  g_assert_false (air_rtcp_sources_has (&sources, 7));
}

static void
test_transport_cc_bound (void)
{
  uint8_t packet[] = { 0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0xff, 0xff, 0, 0, 1, 3, 0x1f, 0xff, 0x1f, 0xff };
  AirRtcpIter iter;
  AirRtcpItem item;

  g_assert_true (air_rtcp_iter_init (&iter, packet, sizeof packet));
  g_assert_false (air_rtcp_iter_next (&iter, &item));
}

/* Feedback that libwebrtc sent: one packet, a byte of delta, one of padding. */
static void
test_padded_transport_cc (void)
{
  static const uint8_t feedback[] = { 0xaf, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 7, 0, 1, 0, 0, 3, 9, 0x20, 0x01, 0x04, 1 };
  AirRtcpIter iter;
  AirRtcpItem item;
  AirTransportCcPacket packet;
  g_assert_true (air_rtcp_iter_init (&iter, feedback, sizeof feedback));
  g_assert_true (air_rtcp_iter_next (&iter, &item));
  g_assert_cmpint (item.type, ==, AIR_RTCP_TRANSPORT_CC);
  g_assert_cmpuint (air_rtcp_read_transport_cc (&item, &packet, 1), ==, 1);
  g_assert_cmpuint (packet.sequence, ==, 7);
  g_assert_true (packet.received);
  g_assert_cmpint (packet.arrival_us, ==, 3 * 64000 + 4 * 250);
  g_assert_false (air_rtcp_iter_next (&iter, &item));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtcp/padded-transport-cc", test_padded_transport_cc);
  g_test_add_func ("/rtcp/sender-report", test_sender_report);
  g_test_add_func ("/rtcp/compound", test_compound);
  g_test_add_func ("/rtcp/framing", test_framing);
  g_test_add_func ("/rtcp/absurd", test_absurd);
  g_test_add_func ("/rtcp/bye-and-pli", test_bye_and_pli);
  g_test_add_func ("/rtcp/times", test_times);
  g_test_add_func ("/rtcp/reference-answer", test_reference_answer);
  g_test_add_func ("/rtcp/sources", test_sources);
  g_test_add_func ("/rtcp/transport-cc", test_transport_cc);
  g_test_add_func ("/rtcp/transport-cc/bound", test_transport_cc_bound);
  return g_test_run ();
}
