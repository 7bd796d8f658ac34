/* A non-blocking socket, plain or with TLS on it. I/O thread only. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct
{
  int fd;
  SSL *ssl;         /* (nullable) put there by its owner; freed here */
  bool wants_write; /* TLS has something of its own to send */
  bool is_shut;
} RtmpTransport;

#define RTMP_TRANSPORT_WAIT (-1)
#define RTMP_TRANSPORT_BROKEN (-2)

/* Takes @fd. */
void rtmp_transport_init (RtmpTransport *transport, int fd);
/* Closes. May be called again. */
void rtmp_transport_clear (RtmpTransport *transport);
/* Returns: bytes, 0 at the end, or one of those above. */
ssize_t rtmp_transport_read (RtmpTransport *transport, void *data, size_t size);
ssize_t rtmp_transport_write (RtmpTransport *transport, const void *data, size_t size);
/* Whether TLS has decrypted more than was read: the socket will not tell. */
bool rtmp_transport_has_more (const RtmpTransport *transport);
/* Our side is done: the peer sees the end after the last byte. */
void rtmp_transport_shut (RtmpTransport *transport);
