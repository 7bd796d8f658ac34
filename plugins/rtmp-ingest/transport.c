/* Reads and writes that never wait. */
#include "transport.h"

#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

void
rtmp_transport_init (RtmpTransport *transport, int fd)
{
  /* A peer that vanished while bytes wait for it is gone after the user timeout, one for which nothing waits after
   * idle + interval × probes. */
  int on = 1, user_timeout_ms = 10000, idle_s = 10, interval_s = 5, probes = 3;
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt (fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms);
  setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt (fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt (fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  setsockopt (fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  *transport = (RtmpTransport){ .fd = fd };
}

void
rtmp_transport_clear (RtmpTransport *transport)
{
  SSL_free (transport->ssl);
  transport->ssl = NULL;
  if (transport->fd >= 0)
    close (transport->fd);
  transport->fd = -1;
}

static ssize_t
tls_result (RtmpTransport *transport, int result)
{
  if (result > 0)
    return result;
  switch (SSL_get_error (transport->ssl, result))
    {
    case SSL_ERROR_WANT_READ:
      return RTMP_TRANSPORT_WAIT;
    case SSL_ERROR_WANT_WRITE:
      transport->wants_write = true;
      return RTMP_TRANSPORT_WAIT;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      return RTMP_TRANSPORT_BROKEN;
    }
}

static ssize_t
socket_result (ssize_t result)
{
  if (result >= 0)
    return result;
  return errno == EAGAIN || errno == EINTR ? RTMP_TRANSPORT_WAIT : RTMP_TRANSPORT_BROKEN;
}

ssize_t
rtmp_transport_read (RtmpTransport *transport, void *data, size_t size)
{
  if (!transport->ssl)
    return socket_result (recv (transport->fd, data, size, 0));
  /* OpenSSL's error queue is the thread's: what another connection left there would be taken for ours. */
  ERR_clear_error ();
  return tls_result (transport, SSL_read (transport->ssl, data, MIN (size, G_MAXINT)));
}

ssize_t
rtmp_transport_write (RtmpTransport *transport, const void *data, size_t size)
{
  if (!transport->ssl)
    return socket_result (send (transport->fd, data, size, MSG_NOSIGNAL));
  ERR_clear_error ();
  return tls_result (transport, SSL_write (transport->ssl, data, MIN (size, G_MAXINT)));
}

bool
rtmp_transport_has_more (const RtmpTransport *transport)
{
  return transport->ssl && SSL_pending (transport->ssl) > 0;
}

void
rtmp_transport_shut (RtmpTransport *transport)
{
  if (transport->is_shut)
    return;
  transport->is_shut = true;
  if (transport->ssl)
    {
      ERR_clear_error ();
      SSL_shutdown (transport->ssl);
    }
  shutdown (transport->fd, SHUT_WR);
}
