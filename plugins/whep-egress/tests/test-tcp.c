/* ICE-TCP: framing at every cut, limits, owners, peers that speak something else or do not read, moving a connection. */
#include "tcp.h"

#include <errno.h>
#include <gio/gio.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 10000

/* ---- Framing */

static void
test_frames (void)
{
  uint8_t data[AIR_TCP_HEADER_BYTES + AIR_TCP_MAX_FRAME_BYTES + 1] = { 0 };
  size_t bytes = 0;

  g_assert_cmpint (air_tcp_frame_find (NULL, 0, &bytes), ==, AIR_TCP_FRAME_PARTIAL);
  g_assert_cmpint (air_tcp_frame_find (data, 1, &bytes), ==, AIR_TCP_FRAME_PARTIAL);
  g_assert_cmpint (air_tcp_frame_find (data, 2, &bytes), ==, AIR_TCP_FRAME_WHOLE);
  g_assert_cmpuint (bytes, ==, 0);
  for (unsigned size = 0; size <= 300; size++)
    {
      air_tcp_frame_write_header (data, 258);
      g_assert_cmpint (air_tcp_frame_find (data, size, &bytes), ==,
                       size < 260 ? AIR_TCP_FRAME_PARTIAL : AIR_TCP_FRAME_WHOLE);
    }
  g_assert_cmpuint (bytes, ==, 258);
  air_tcp_frame_write_header (data, AIR_TCP_MAX_FRAME_BYTES);
  g_assert_cmpint (air_tcp_frame_find (data, sizeof data - 1, &bytes), ==, AIR_TCP_FRAME_WHOLE);
  air_tcp_frame_write_header (data, AIR_TCP_MAX_FRAME_BYTES + 1);
  g_assert_cmpint (air_tcp_frame_find (data, 2, &bytes), ==, AIR_TCP_FRAME_TOO_LONG);
}

/* ---- A server that admits whoever's first byte is 1, to the owner that the second byte names; 2: not here. */

typedef struct
{
  AirTcp *tcp;
  AirTcp *elsewhere; /* who gets connections that begin with 2 */
  AirAddress address;
  AirTcpOwner owners[4];
  GByteArray *received; /* all frames, one after the other */
  unsigned n_frames, n_closed, n_writable;
  AirPath last;
} Server;

static void
on_received (AirUdpDatagram *datagram, void *data)
{
  Server *server = data;

  if (datagram->data[0] == 2 && server->elsewhere != NULL)
    {
      AirTcpConnection *connection = air_tcp_give (server->tcp, &datagram->path);
      g_assert_nonnull (connection);
      air_tcp_take (server->elsewhere, connection, 0);
      return;
    }
  server->n_frames++;
  server->last = datagram->path;
  g_byte_array_append (server->received, datagram->data, (guint)datagram->size);
  if (datagram->data[0] == 1)
    g_assert_true (air_tcp_admit (server->tcp, &datagram->path, &server->owners[datagram->data[1]]));
}

static void
on_writable (AirTcpOwner *owner, const AirPath *path, void *data)
{
  Server *server = data;

  g_assert_true (owner >= server->owners && owner < server->owners + G_N_ELEMENTS (server->owners));
  server->n_writable++;
}

static void
on_closed (AirTcpOwner *owner, const AirPath *path, void *data)
{
  Server *server = data;

  g_assert_true (owner >= server->owners && owner < server->owners + G_N_ELEMENTS (server->owners));
  g_assert_false (air_tcp_has_room (server->tcp, path));
  server->n_closed++;
}

/* With a UDP socket, so that nobody else has the port. */
static Server *
server_new (const char *listen, const AirTcpLimits *limits)
{
  static const AirTcpLimits plenty = { 100, 50, 50 };
  Server *server = g_new0 (Server, 1);
  AirTcpEvents events = { on_received, on_writable, on_closed, server };
  g_autoptr (GError) error = NULL;

  for (unsigned attempt = 0; server->tcp == NULL && attempt < 20; attempt++)
    {
      g_autoptr (AirUdp) udp = NULL;
      AirAddress wanted;
      g_assert_true (air_address_parse_with_port (listen, &wanted));
      udp = air_udp_new (&wanted, 1, 0, 0, &error);
      g_assert_no_error (error);
      server->address = *air_udp_get_address (udp, 0);
      server->tcp = air_tcp_new (&server->address, 1, NULL, limits ? limits : &plenty, &events, NULL);
    }
  g_assert_nonnull (server->tcp);
  server->received = g_byte_array_new ();
  return server;
}

static void
server_free (Server *server)
{
  air_tcp_free (server->tcp);
  g_byte_array_unref (server->received);
  g_free (server);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Server, server_free)

static void
run_once (Server *server, int wait_ms)
{
  struct pollfd poller = { .fd = air_tcp_get_fd (server->tcp), .events = POLLIN };

  if (poll (&poller, 1, wait_ms) > 0)
    air_tcp_dispatch (server->tcp, 0);
  air_tcp_flush (server->tcp);
}

#define RUN_UNTIL(server, condition)                                                                                  \
  for (int64_t until_us = g_get_monotonic_time () + WAIT_MS * 1000; !(condition);)                                    \
    {                                                                                                                 \
      g_assert_cmpint (g_get_monotonic_time (), <, until_us);                                                         \
      run_once ((server), 20);                                                                                        \
    }

/* ---- Peers */

static int
connect_to (const Server *server, const char *ip)
{
  AirAddress to;
  struct sockaddr_storage sa = { 0 };
  g_assert_true (air_address_parse (ip, server->address.port, &to));
  int family = air_address_is_ipv4 (&to) ? AF_INET : AF_INET6;
  socklen_t size = air_address_to_sockaddr (&to, family, &sa);
  int fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), ==, 0);
  g_assert_cmpint (connect (fd, (struct sockaddr *)&sa, size), ==, 0);
  return fd;
}

static void
write_all (int fd, const void *data, size_t bytes)
{
  g_assert_cmpint (send (fd, data, bytes, MSG_NOSIGNAL), ==, (ssize_t)bytes);
}

static void
write_frame (int fd, uint8_t first, uint8_t second, size_t bytes)
{
  uint8_t frame[AIR_TCP_HEADER_BYTES + AIR_TCP_MAX_FRAME_BYTES] = { 0 };

  air_tcp_frame_write_header (frame, bytes);
  frame[2] = first;
  frame[3] = second;
  write_all (fd, frame, AIR_TCP_HEADER_BYTES + bytes);
}

/* Runs @server until @fd has @bytes. */
static void
read_all (Server *server, int fd, uint8_t *data, size_t bytes)
{
  for (size_t at = 0; at < bytes;)
    {
      ssize_t got = recv (fd, data + at, bytes - at, MSG_DONTWAIT);
      g_assert_true (got > 0 || (got < 0 && errno == EAGAIN));
      at += got > 0 ? (size_t)got : 0;
      run_once (server, 1);
    }
}

static bool
is_closed (int fd)
{
  uint8_t byte;
  ssize_t got = recv (fd, &byte, 1, MSG_DONTWAIT);

  return got == 0 || (got < 0 && errno == ECONNRESET);
}

static void
test_every_cut (void)
{
  static const uint8_t stream[] = { 0, 2, 1, 0, 0, 0, 0, 3, 7, 8, 9, 0, 1, 200 };
  g_autoptr (Server) server = server_new ("127.0.0.1:0", NULL);

  for (size_t first = 1; first < sizeof stream; first++)
    for (size_t second = first; second <= sizeof stream; second++)
      {
        int fd = connect_to (server, "127.0.0.1");
        unsigned before = server->n_frames;
        g_byte_array_set_size (server->received, 0);
        RUN_UNTIL (server, air_tcp_count (server->tcp) == 1);
        write_all (fd, stream, first);
        run_once (server, 5);
        if (second > first)
          write_all (fd, stream + first, second - first);
        run_once (server, 5);
        if (second < sizeof stream)
          write_all (fd, stream + second, sizeof stream - second);
        RUN_UNTIL (server, server->n_frames == before + 3);
        g_assert_cmpmem (server->received->data, server->received->len, "\1\0\7\10\11\310", 6);
        close (fd);
        RUN_UNTIL (server, air_tcp_count (server->tcp) == 0);
      }
}

static void
test_both_ways (void)
{
  static const char *const listens[][2]
      = { { "127.0.0.1:0", "127.0.0.1" }, { "[::1]:0", "::1" }, { "[::]:0", "127.0.0.1" }, { "[::]:0", "::1" } };

  for (unsigned i = 0; i < G_N_ELEMENTS (listens); i++)
    {
      g_autoptr (Server) server = server_new (listens[i][0], NULL);
      int fd = connect_to (server, listens[i][1]);
      uint8_t data[1500], echo[3 * (AIR_TCP_HEADER_BYTES + 1500)];
      AirAddress local;

      write_frame (fd, 1, 0, 20);
      RUN_UNTIL (server, server->n_frames == 1);
      g_assert_cmpuint (server->last.remote.tcp, !=, 0);
      g_assert_true (air_address_parse (listens[i][1], server->address.port, &local));
      g_assert_true (air_address_equal (&server->last.local, &local));
      memset (data, 0xa5, sizeof data);
      for (unsigned n = 0; n < 3; n++)
        g_assert_true (air_tcp_send (server->tcp, &server->last, data, sizeof data));
      read_all (server, fd, echo, sizeof echo);
      g_assert_cmpuint (air_tcp_get_stats (server->tcp)->system_calls, ==, 1);
      for (unsigned n = 0; n < 3; n++)
        {
          g_assert_cmpuint (echo[n * 1502] << 8 | echo[n * 1502 + 1], ==, 1500);
          g_assert_cmpmem (echo + n * 1502 + 2, 1500, data, 1500);
        }
      air_tcp_release (server->tcp, &server->owners[0]);
      g_assert_cmpuint (server->n_closed, ==, 0);
      g_assert_true (is_closed (fd));
      close (fd);
    }
}

static void
test_garbage (void)
{
  static const struct
  {
    const char *data;
    size_t bytes;
  } garbage[] = {
    { "GET / HTTP/1.1\r\n\r\n", 18 },    { "\x16\x03\x01\x02\x00\x01", 6 }, { "SSH-2.0-x\r\n", 11 },
    { "\x00\x04\x80\xe0zz", 6 },         { "\x00\x20\x80", 3 },             { "\xff\xff", 2 },
    { "\x08\x01", 2 },
  };
  g_autoptr (Server) server = server_new ("127.0.0.1:0", NULL);

  for (unsigned i = 0; i < G_N_ELEMENTS (garbage); i++)
    {
      int fd = connect_to (server, "127.0.0.1");
      write_all (fd, garbage[i].data, garbage[i].bytes);
      RUN_UNTIL (server, is_closed (fd));
      g_assert_cmpuint (air_tcp_get_stats (server->tcp)->cut, ==, i + 1);
      close (fd);
    }
  g_assert_cmpuint (server->n_frames, ==, 0);

  /* STUN without end from somebody who is nobody's. */
  int fd = connect_to (server, "127.0.0.1");
  for (unsigned i = 0; i < 40; i++)
    write_frame (fd, 3, 0, 20);
  RUN_UNTIL (server, is_closed (fd));
  g_assert_cmpuint (server->n_frames, ==, 32);
  close (fd);

  /* One with an owner may send what it likes, but whole datagrams. */
  fd = connect_to (server, "127.0.0.1");
  write_frame (fd, 1, 0, 20);
  write_frame (fd, 128, 0, 2048);
  RUN_UNTIL (server, server->n_frames == 34);
  write_all (fd, "\x08\x01", 2);
  RUN_UNTIL (server, server->n_closed == 1);
  g_assert_cmpuint (air_tcp_count (server->tcp), ==, 0);
  close (fd);
}

static void
test_deadlines (void)
{
  g_autoptr (Server) server = server_new ("127.0.0.1:0", NULL);
  int silent = connect_to (server, "127.0.0.1"), trickling = connect_to (server, "127.0.0.1"),
      honest = connect_to (server, "127.0.0.1");

  write_all (trickling, "\0", 1);
  write_frame (honest, 1, 0, 20);
  RUN_UNTIL (server, server->n_frames == 1 && air_tcp_count (server->tcp) == 3);
  air_tcp_tick (server->tcp, AIR_TCP_PENDING_US);
  g_assert_cmpuint (air_tcp_count (server->tcp), ==, 3);
  air_tcp_tick (server->tcp, AIR_TCP_PENDING_US + 1);
  g_assert_cmpuint (air_tcp_count (server->tcp), ==, 1);
  g_assert_true (is_closed (silent) && is_closed (trickling));
  air_tcp_tick (server->tcp, 31 * G_USEC_PER_SEC);
  g_assert_cmpuint (server->n_closed, ==, 1);
  g_assert_true (is_closed (honest));
  close (silent);
  close (trickling);
  close (honest);
}

static void
test_limits (void)
{
  static const AirTcpLimits limits = { .connections = 6, .pending = 4, .pending_per_address = 2 };
  g_autoptr (Server) server = server_new ("0.0.0.0:0", &limits);
  int fds[6];

  /* From one address: the oldest gives way. */
  for (unsigned i = 0; i < 3; i++)
    {
      fds[i] = connect_to (server, "127.0.0.1");
      RUN_UNTIL (server, air_tcp_get_stats (server->tcp)->accepted == i + 1);
    }
  g_assert_cmpuint (air_tcp_count (server->tcp), ==, 2);
  g_assert_true (is_closed (fds[0]) && !is_closed (fds[1]) && !is_closed (fds[2]));
  g_assert_cmpuint (air_tcp_get_stats (server->tcp)->refused, ==, 1);
  for (unsigned i = 0; i < 3; i++)
    close (fds[i]);
  RUN_UNTIL (server, air_tcp_count (server->tcp) == 0);

  /* Those that have an owner do not count as pending, but in all. */
  for (unsigned i = 0; i < 6; i++)
    {
      fds[i] = connect_to (server, "127.0.0.1");
      write_frame (fds[i], 1, (uint8_t)(i / 3), 20);
      RUN_UNTIL (server, server->n_frames == i + 1);
    }
  int late = connect_to (server, "127.0.0.1");
  RUN_UNTIL (server, is_closed (late));
  g_assert_cmpuint (air_tcp_count (server->tcp), ==, 6);
  g_assert_cmpuint (server->n_closed, ==, 0);
  for (unsigned i = 0; i < 6; i++)
    close (fds[i]);
  close (late);
}

static void
test_owner_limit (void)
{
  g_autoptr (Server) server = server_new ("127.0.0.1:0", NULL);
  int fds[AIR_TCP_CONNECTIONS_PER_OWNER + 1];

  for (unsigned i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      fds[i] = connect_to (server, "127.0.0.1");
      write_frame (fds[i], 1, 0, 20);
      RUN_UNTIL (server, server->n_frames == i + 1);
    }
  g_assert_cmpuint (air_tcp_count (server->tcp), ==, AIR_TCP_CONNECTIONS_PER_OWNER);
  g_assert_cmpuint (server->n_closed, ==, 1);
  /* A connection is one owner's for good. */
  g_assert_true (air_tcp_admit (server->tcp, &server->last, &server->owners[0]));
  g_assert_false (air_tcp_admit (server->tcp, &server->last, &server->owners[1]));
  for (unsigned i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
  RUN_UNTIL (server, air_tcp_count (server->tcp) == 0);
  g_assert_cmpuint (server->n_closed, ==, G_N_ELEMENTS (fds));
}

/* Who does not read is not sent to, costs a bounded queue, and gets all that was queued once it reads. */
static void
test_full_queue (void)
{
  g_autoptr (Server) server = server_new ("127.0.0.1:0", NULL);
  int fd = connect_to (server, "127.0.0.1");
  uint8_t data[1000] = { 0 }, frame[AIR_TCP_HEADER_BYTES + sizeof data];
  unsigned sent = 0;

  write_frame (fd, 1, 0, 20);
  RUN_UNTIL (server, server->n_frames == 1);
  while (air_tcp_has_room (server->tcp, &server->last))
    {
      data[0] = (uint8_t)sent;
      g_assert_true (air_tcp_send (server->tcp, &server->last, data, sizeof data));
      g_assert_cmpuint (++sent, <, 100000);
    }
  /* Urgent things still go in, up to the bound. */
  while (air_tcp_send (server->tcp, &server->last, data, sizeof data))
    g_assert_cmpuint (++sent, <, 100000);
  g_assert_cmpuint (air_tcp_get_stats (server->tcp)->dropped, ==, 1);
  g_assert_cmpuint (server->n_writable, ==, 0);
  g_test_message ("%u packets were taken", sent);
  for (unsigned i = 0; i < sent; i++)
    read_all (server, fd, frame, sizeof frame);
  RUN_UNTIL (server, server->n_writable >= 1);
  g_assert_true (air_tcp_has_room (server->tcp, &server->last));
  close (fd);
}

static void
test_peer_gone (void)
{
  g_autoptr (Server) server = server_new ("127.0.0.1:0", NULL);
  struct linger reset = { 1, 0 };
  uint8_t data[1000] = { 0 };
  int fd = connect_to (server, "127.0.0.1");

  write_frame (fd, 1, 0, 20);
  RUN_UNTIL (server, server->n_frames == 1);
  g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), ==, 0);
  close (fd);
  for (unsigned i = 0; i < 10; i++)
    {
      air_tcp_send (server->tcp, &server->last, data, sizeof data);
      air_tcp_flush (server->tcp);
    }
  RUN_UNTIL (server, server->n_closed == 1);
  g_assert_false (air_tcp_send (server->tcp, &server->last, data, sizeof data));
}

static void
test_give (void)
{
  g_autoptr (Server) server = server_new ("127.0.0.1:0", NULL);
  g_autoptr (Server) other = server_new ("127.0.0.1:0", NULL);
  int fd = connect_to (server, "127.0.0.1");
  uint8_t echo[6];

  server->elsewhere = other->tcp;
  write_all (fd, "\0\2\2\7\0\2\1\3\0\5\1", 11); /* the last one is not whole yet */
  RUN_UNTIL (server, other->n_frames == 2);
  g_assert_cmpuint (server->n_frames, ==, 0);
  g_assert_cmpuint (air_tcp_count (server->tcp), ==, 0);
  g_assert_cmpuint (air_tcp_count (other->tcp), ==, 1);
  g_assert_nonnull (other->owners[3].connections[0]);
  write_all (fd, "\3abc", 4);
  RUN_UNTIL (other, other->n_frames == 3);
  g_assert_cmpmem (other->received->data, other->received->len, "\2\7\1\3\1\3abc", 9);
  g_assert_true (air_tcp_send (other->tcp, &other->last, (const uint8_t *)"echo", 4));
  read_all (other, fd, echo, sizeof echo);
  g_assert_cmpmem (echo, sizeof echo, "\0\4echo", 6);
  close (fd);
}

/* Two threads' listeners on one port: each connection is accepted by one of them. */
static void
test_beside (void)
{
  g_autoptr (Server) first = server_new ("127.0.0.1:0", NULL);
  AirTcpLimits limits = { 100, 50, 50 };
  AirTcpEvents events = { on_received, on_writable, on_closed, first };
  g_autoptr (GError) error = NULL;
  g_autoptr (AirTcp) second = air_tcp_new (&first->address, 1, first->tcp, &limits, &events, &error);
  int fds[40];

  g_assert_no_error (error);
  for (unsigned i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      fds[i] = connect_to (first, "127.0.0.1");
      write_frame (fds[i], 3, 0, 20);
    }
  RUN_UNTIL (first, (air_tcp_dispatch (second, 0), first->n_frames == G_N_ELEMENTS (fds)));
  g_assert_cmpuint (air_tcp_get_stats (first->tcp)->accepted, >, 0);
  g_assert_cmpuint (air_tcp_get_stats (second)->accepted, >, 0);
  for (unsigned i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
}

static void
test_taken_port (void)
{
  g_autoptr (Server) server = server_new ("127.0.0.1:0", NULL);
  AirTcpLimits limits = { 1, 1, 1 };
  AirTcpEvents events = { on_received, on_writable, on_closed, server };
  g_autoptr (GError) error = NULL;

  g_assert_null (air_tcp_new (&server->address, 1, NULL, &limits, &events, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_assert_nonnull (strstr (error->message, "cannot listen on TCP 127.0.0.1:"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tcp/frames", test_frames);
  g_test_add_func ("/tcp/every-cut", test_every_cut);
  g_test_add_func ("/tcp/both-ways", test_both_ways);
  g_test_add_func ("/tcp/garbage", test_garbage);
  g_test_add_func ("/tcp/deadlines", test_deadlines);
  g_test_add_func ("/tcp/limits", test_limits);
  g_test_add_func ("/tcp/owner-limit", test_owner_limit);
  g_test_add_func ("/tcp/full-queue", test_full_queue);
  g_test_add_func ("/tcp/peer-gone", test_peer_gone);
  g_test_add_func ("/tcp/give", test_give);
  g_test_add_func ("/tcp/beside", test_beside);
  g_test_add_func ("/tcp/taken-port", test_taken_port);
  return g_test_run ();
}
