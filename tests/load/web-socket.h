/* A WebSocket client (RFC 6455) that costs little, without waiting for anything: text frames, pings, no extensions.
 *
 * A LoadSocket belongs to one thread. What the server sends has limits: a head of 16 KiB, a message of 8 MiB.
 */
#pragma once

#include "http-exchange.h"

typedef struct
{
  int fd; /* -1: none */
  bool is_open;
  unsigned status;           /* of the handshake's answer, 0 before */
  unsigned short close_code; /* that the server gave, 0: none */
  char accept[32];           /* what the handshake's answer must prove */
  GByteArray *in;            /* not yet taken */
  GByteArray *message;       /* the fragments so far */
  GByteArray *out;
  size_t sent;
} LoadSocket;

/* @text: ends with a NUL; only valid in the call. @at_us: when it was read, monotonic. The socket must not be cleared in it. */
typedef void (*LoadSocketText) (void *owner, const char *text, size_t bytes, int64_t at_us);

/* Begins to connect; poll socket->fd (edge-triggered, with EPOLLRDHUP) and call step. Returns: false when no socket could be
 * had. */
bool load_socket_start (LoadSocket *socket, const LoadUrl *url, const char *target, const char *token);
/* Returns: false when the connection is over; why: status, close_code. */
bool load_socket_step (LoadSocket *socket, LoadSocketText text, void *owner);
/* Returns: false when the connection is over. */
bool load_socket_send (LoadSocket *socket, const char *text);
/* Says goodbye as far as that needs no waiting. */
void load_socket_clear (LoadSocket *socket);
