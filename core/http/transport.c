/* See transport.h. Errors of a connection are the peer's business: they end it and are not logged one by one. */
#include "http/transport.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

bool
air_transport_init (AirTransport *transport, int fd, SSL_CTX *tls)
{
  *transport = (AirTransport){ .fd = fd };
  if (tls == NULL)
    return true;
  transport->ssl = SSL_new (tls);
  if (transport->ssl == NULL || SSL_set_fd (transport->ssl, fd) != 1)
    {
      ERR_clear_error ();
      return false;
    }
  SSL_set_accept_state (transport->ssl);
  return true;
}

static gssize
ssl_result (AirTransport *transport, int result)
{
  int reason = SSL_get_error (transport->ssl, result);
  ERR_clear_error ();
  transport->wants_write = reason == SSL_ERROR_WANT_WRITE;
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
    return AIR_TRANSPORT_WOULD_BLOCK;
  return reason == SSL_ERROR_ZERO_RETURN ? AIR_TRANSPORT_EOF : AIR_TRANSPORT_BROKEN;
}

static gssize
socket_result (AirTransport *transport, bool is_write)
{
  transport->wants_write = is_write;
  return errno == EAGAIN || errno == EINTR ? AIR_TRANSPORT_WOULD_BLOCK : AIR_TRANSPORT_BROKEN;
}

gssize
air_transport_read (AirTransport *transport, void *buffer, size_t size)
{
  if (transport->ssl != NULL)
    {
      int count = SSL_read (transport->ssl, buffer, (int)MIN (size, G_MAXINT));
      return count > 0 ? count : ssl_result (transport, count);
    }
  gssize count = recv (transport->fd, buffer, size, 0);
  return count >= 0 ? count : socket_result (transport, false);
}

gssize
air_transport_write (AirTransport *transport, const void *buffer, size_t size)
{
  if (size == 0)
    return 0;
  if (transport->ssl != NULL)
    {
      int count = SSL_write (transport->ssl, buffer, (int)MIN (size, G_MAXINT));
      return count > 0 ? count : ssl_result (transport, count);
    }
  gssize count = send (transport->fd, buffer, size, MSG_NOSIGNAL);
  return count >= 0 ? count : socket_result (transport, true);
}

bool
air_transport_is_established (AirTransport *transport)
{
  return transport->ssl == NULL || SSL_is_init_finished (transport->ssl);
}

void
air_transport_shutdown (AirTransport *transport)
{
  if (transport->ssl != NULL && SSL_is_init_finished (transport->ssl))
    {
      SSL_shutdown (transport->ssl);
      ERR_clear_error ();
    }
  shutdown (transport->fd, SHUT_WR);
}

void
air_transport_clear (AirTransport *transport)
{
  g_clear_pointer (&transport->ssl, SSL_free);
  if (transport->fd >= 0)
    close (transport->fd);
  transport->fd = -1;
}
