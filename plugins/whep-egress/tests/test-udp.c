/* UDP: binding, batches both ways, runs cut by the kernel, source addresses, full sockets, strange destinations. */
#include "udp.h"

#include <gio/gio.h>
#include <poll.h>
#include <string.h>

static AirAddress
parse (const char *text)
{
  AirAddress address;

  g_assert_true (air_address_parse_with_port (text, &address));
  return address;
}

static AirUdp *
open_udp (const char *listen, unsigned buffer_bytes)
{
  g_autoptr (GError) error = NULL;
  AirAddress address = parse (listen);
  AirUdp *udp = air_udp_new (&address, 1, buffer_bytes, 0, &error);

  g_assert_no_error (error);
  return udp;
}

/* A path from @from's first socket to @to's. */
static AirPath
path_between (const AirUdp *from, const AirUdp *to, const char *ip)
{
  AirPath path = { .local = *air_udp_get_address (from, 0) };

  g_assert_true (air_address_parse (ip, air_udp_get_address (to, 0)->port, &path.remote));
  return path;
}

/* Waits up to 10 s. */
static unsigned
receive (AirUdp *udp, AirUdpReceiver *receiver, AirUdpDatagram **ret_datagrams)
{
  struct pollfd poller = { .fd = air_udp_get_fd (udp, 0), .events = POLLIN };

  g_assert_cmpint (poll (&poller, 1, 10000), ==, 1);
  return air_udp_receive (receiver, 0, ret_datagrams);
}

/* Packet i has sizes[i % n_sizes] bytes of value i. */
static void
check_transfer (AirUdp *from, AirUdp *to, const char *ip, bool segmentation, const uint16_t *sizes, unsigned n_sizes,
                unsigned n_packets)
{
  g_autoptr (AirUdpSender) sender = air_udp_sender_new (from, segmentation);
  g_autoptr (AirUdpReceiver) receiver = air_udp_receiver_new (to);
  AirPath path = path_between (from, to, ip);
  AirUdpDatagram *datagrams;

  for (unsigned i = 0; i < n_packets; i++)
    {
      uint16_t size = sizes[i % n_sizes];
      memset (air_udp_sender_reserve (sender, size), (int)i, size);
      air_udp_sender_commit (sender, &path, size);
    }
  air_udp_sender_flush (sender);
  g_assert_cmpuint (air_udp_sender_get_stats (sender)->packets, ==, n_packets);
  g_assert_cmpuint (air_udp_sender_get_stats (sender)->dropped, ==, 0);
  if (!segmentation)
    g_assert_cmpuint (air_udp_sender_get_stats (sender)->segmented, ==, 0);
  for (unsigned done = 0; done < n_packets;)
    {
      unsigned n = receive (to, receiver, &datagrams);
      for (unsigned i = 0; i < n; i++, done++)
        {
          g_assert_cmpuint (datagrams[i].size, ==, sizes[done % n_sizes]);
          g_assert_cmpuint (datagrams[i].data[0], ==, (uint8_t)done);
          g_assert_cmpuint (datagrams[i].data[datagrams[i].size - 1], ==, (uint8_t)done);
          g_assert_cmpuint (datagrams[i].path.remote.port, ==, air_udp_get_address (from, 0)->port);
          g_assert_true (air_address_equal (&datagrams[i].path.local, &path.remote));
        }
    }
  g_assert_cmpuint (air_udp_receive (receiver, 0, &datagrams), ==, 0);
}

static void
test_transfer (void)
{
  static const uint16_t frame[] = { 1200, 1200, 1200, 1200, 700, 160 }, equal[] = { 1200 }, rising[] = { 100, 200, 300 };
  static const char *const listens[][2] = { { "127.0.0.1:0", "127.0.0.1" }, { "[::1]:0", "::1" }, { "[::]:0", "127.0.0.1" },
                                            { "0.0.0.0:0", "127.0.0.1" } };

  for (unsigned i = 0; i < G_N_ELEMENTS (listens); i++)
    for (int segmentation = 0; segmentation <= 1; segmentation++)
      {
        g_autoptr (AirUdp) from = open_udp (listens[i][0], 0);
        g_autoptr (AirUdp) to = open_udp (listens[i][0], 0);
        check_transfer (from, to, listens[i][1], segmentation, frame, G_N_ELEMENTS (frame), 60);
        check_transfer (from, to, listens[i][1], segmentation, equal, 1, 70);
        check_transfer (from, to, listens[i][1], segmentation, rising, G_N_ELEMENTS (rising), 70);
      }
}

static void
test_segments (void)
{
  g_autoptr (AirUdp) from = open_udp ("127.0.0.1:0", 0);
  g_autoptr (AirUdp) to = open_udp ("127.0.0.1:0", 0);
  g_autoptr (AirUdpSender) sender = air_udp_sender_new (from, true);
  AirPath path = path_between (from, to, "127.0.0.1");
  uint8_t data[1200] = { 0 };

  if (!air_udp_sender_is_segmenting (sender))
    {
      g_test_skip ("this kernel has no UDP_SEGMENT");
      return;
    }
  for (unsigned i = 0; i < 8; i++)
    air_udp_sender_push (sender, &path, data, i == 7 ? 300 : sizeof data);
  air_udp_sender_flush (sender);
  g_assert_cmpuint (air_udp_sender_get_stats (sender)->packets, ==, 8);
  if (air_udp_sender_is_segmenting (sender))
    {
      g_assert_cmpuint (air_udp_sender_get_stats (sender)->segmented, ==, 8);
      g_assert_cmpuint (air_udp_sender_get_stats (sender)->system_calls, ==, 1);
    }
}

/* An answer leaves from the address that was asked, also from a wildcard socket. */
static void
test_source_address (void)
{
  static const char *const listens[] = { "0.0.0.0:0", "[::]:0" };

  for (unsigned i = 0; i < G_N_ELEMENTS (listens); i++)
    {
      g_autoptr (AirUdp) server = open_udp (listens[i], 0);
      g_autoptr (AirUdp) client = open_udp ("127.0.0.1:0", 0);
      g_autoptr (AirUdpSender) asks = air_udp_sender_new (client, true);
      g_autoptr (AirUdpSender) answers = air_udp_sender_new (server, true);
      g_autoptr (AirUdpReceiver) server_in = air_udp_receiver_new (server);
      g_autoptr (AirUdpReceiver) client_in = air_udp_receiver_new (client);
      AirPath path = path_between (client, server, "127.0.0.77"), answered = path;
      AirUdpDatagram *datagrams;

      air_udp_sender_push (asks, &path, (const uint8_t *)"?", 1);
      air_udp_sender_flush (asks);
      g_assert_cmpuint (receive (server, server_in, &datagrams), ==, 1);
      answered = datagrams[0].path;
      g_assert_true (air_address_equal (&answered.local, &path.remote));
      air_udp_sender_push (answers, &answered, (const uint8_t *)"!", 1);
      air_udp_sender_flush (answers);
      g_assert_cmpuint (receive (client, client_in, &datagrams), ==, 1);
      g_assert_true (air_address_equal (&datagrams[0].path.remote, &path.remote));
    }
}

/* One impossible destination costs its own packets only. */
static void
test_unreachable (void)
{
  g_autoptr (AirUdp) from = open_udp ("127.0.0.1:0", 0);
  g_autoptr (AirUdp) to = open_udp ("127.0.0.1:0", 0);
  g_autoptr (AirUdpSender) sender = air_udp_sender_new (from, true);
  g_autoptr (AirUdpReceiver) receiver = air_udp_receiver_new (to);
  AirPath good = path_between (from, to, "127.0.0.1"), ipv6 = path_between (from, to, "2001:db8::1"),
          far = path_between (from, to, "192.0.2.1"); /* not from a loopback address */
  AirUdpDatagram *datagrams;
  uint8_t data[100] = { 0 };
  unsigned n = 0;

  for (unsigned i = 0; i < 3; i++)
    {
      air_udp_sender_push (sender, &good, data, sizeof data);
      air_udp_sender_push (sender, &ipv6, data, sizeof data);
      air_udp_sender_push (sender, &far, data, sizeof data);
      air_udp_sender_push (sender, &far, data, sizeof data);
    }
  air_udp_sender_flush (sender);
  g_assert_cmpuint (air_udp_sender_get_stats (sender)->packets, ==, 3);
  g_assert_cmpuint (air_udp_sender_get_stats (sender)->failed, ==, 9);
  while (n < 3)
    n += receive (to, receiver, &datagrams);
}

static void
test_truncated (void)
{
  g_autoptr (AirUdp) to = open_udp ("127.0.0.1:0", 0);
  g_autoptr (AirUdpReceiver) receiver = air_udp_receiver_new (to);
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);
  g_autoptr (GSocketAddress) address
      = g_inet_socket_address_new_from_string ("127.0.0.1", air_udp_get_address (to, 0)->port);
  char data[AIR_UDP_MAX_DATAGRAM_BYTES + 1] = { 0 };
  AirUdpDatagram *datagrams;

  g_socket_send_to (socket, address, data, sizeof data, NULL, NULL);
  g_socket_send_to (socket, address, data, sizeof data - 1, NULL, NULL);
  g_assert_cmpuint (receive (to, receiver, &datagrams), ==, 1);
  g_assert_cmpuint (datagrams[0].size, ==, AIR_UDP_MAX_DATAGRAM_BYTES);
  g_assert_cmpuint (air_udp_receiver_get_truncated (receiver), ==, 1);
}

static void
test_listen (void)
{
  AirAddress both[2] = { parse ("0.0.0.0:0"), parse ("[::]:0") };
  g_autoptr (GError) error = NULL;
  g_autoptr (AirUdp) udp = air_udp_new (both, 2, 0, 46, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (air_udp_count (udp), ==, 2);
  g_assert_cmpuint (air_udp_get_address (udp, 0)->port, !=, 0);
  g_assert_cmpuint (air_udp_get_receive_buffer (udp), >, 65536);

  AirAddress taken = *air_udp_get_address (udp, 0);
  g_assert_null (air_udp_new (&taken, 1, 0, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_clear_error (&error);
  g_assert_null (air_udp_new (&taken, 0, 0, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

/* Sockets of two threads on one address: every remote address keeps to one of them; the port is still ours alone. */
static void
test_share (void)
{
  enum { REMOTES = 64 };
  g_autoptr (AirUdp) first = open_udp ("127.0.0.1:0", 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (AirUdp) second = air_udp_share (first, &error);
  g_assert_no_error (error);
  AirAddress address = *air_udp_get_address (first, 0);
  g_assert_true (air_address_equal (air_udp_get_address (second, 0), &address));
  g_assert_null (air_udp_new (&address, 1, 0, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);

  g_autoptr (AirUdpReceiver) receiver_of_first = air_udp_receiver_new (first);
  g_autoptr (AirUdpReceiver) receiver_of_second = air_udp_receiver_new (second);
  unsigned counts[2] = { 0 };
  for (unsigned i = 0; i < REMOTES; i++)
    {
      g_autoptr (AirUdp) remote = open_udp ("127.0.0.1:0", 0);
      g_autoptr (AirUdpSender) sender = air_udp_sender_new (remote, false);
      AirPath path = { .remote = address };
      for (unsigned n = 0; n < 2; n++)
        {
          air_udp_sender_push (sender, &path, (const uint8_t *)"ping", 4);
          air_udp_sender_flush (sender);
        }
      AirUdpDatagram *datagrams;
      unsigned of_first = air_udp_receive (receiver_of_first, 0, &datagrams);
      unsigned of_second = air_udp_receive (receiver_of_second, 0, &datagrams);
      g_assert_cmpuint (of_first + of_second, ==, 2);
      g_assert_true (of_first == 0 || of_second == 0);
      counts[0] += of_first;
      counts[1] += of_second;
    }
  g_assert_cmpuint (counts[0], >, 0);
  g_assert_cmpuint (counts[1], >, 0);
}

/* IPv4 and IPv6 wildcards on one port do not collide. */
static void
test_twins (void)
{
  g_autoptr (AirUdp) first = open_udp ("0.0.0.0:0", 0);
  AirAddress twins[2] = { parse ("0.0.0.0:0"), parse ("[::]:0") };
  g_autoptr (GError) error = NULL;

  twins[0].port = twins[1].port = air_udp_get_address (first, 0)->port;
  g_clear_pointer (&first, air_udp_free);
  g_autoptr (AirUdp) udp = air_udp_new (twins, 2, 0, 0, &error);
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/udp/transfer", test_transfer);
  g_test_add_func ("/udp/segments", test_segments);
  g_test_add_func ("/udp/source-address", test_source_address);
  g_test_add_func ("/udp/unreachable", test_unreachable);
  g_test_add_func ("/udp/truncated", test_truncated);
  g_test_add_func ("/udp/listen", test_listen);
  g_test_add_func ("/udp/share", test_share);
  g_test_add_func ("/udp/twins", test_twins);
  return g_test_run ();
}
