/* One TCP connection, plain or under TLS (OpenSSL), read and written without ever waiting. Main thread.
 *
 * OpenSSL is used directly: GIO's TLS handshakes occupy threads of a pool that a handful of slow clients would fill. */
#pragma once

#include <glib.h>
#include <openssl/ssl.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct
{
  int fd;
  SSL *ssl;         /* NULL: plain */
  bool wants_write; /* the last call that would block waits for the socket to become writable */
} AirTransport;

typedef enum
{
  AIR_TRANSPORT_EOF = 0,
  AIR_TRANSPORT_WOULD_BLOCK = -1,
  AIR_TRANSPORT_BROKEN = -2,
} AirTransportResult;

/* @tls: NULL for a plain connection. Takes @fd, which is non-blocking. */
bool air_transport_init (AirTransport *transport, int fd, SSL_CTX *tls);
/* Returns: bytes moved (> 0) or an AirTransportResult. The TLS handshake happens within the first reads. */
gssize air_transport_read (AirTransport *transport, void *buffer, size_t size);
gssize air_transport_write (AirTransport *transport, const void *buffer, size_t size);
bool air_transport_is_established (AirTransport *transport);
/* Says goodbye (close_notify) and ends our direction; reading goes on. */
void air_transport_shutdown (AirTransport *transport);
void air_transport_clear (AirTransport *transport);

G_END_DECLS
