/* A WebSocket over a connection: bounded both ways, kept alive, ended by its token. Main thread. */
#pragma once

#include <airclass/http.h>

#include "http/request.h"

G_BEGIN_DECLS

/* What a socket asks of the server. */
typedef struct
{
  /* Returns: (transfer full) the identity of @token; NULL: it is not good. */
  AirIdentity *(*authenticate) (const char *token, GInetAddress *address, void *user_data);
  /* The handlers have been told that it is closed: the server drops its reference. */
  void (*closed) (AirSocket *socket, void *user_data);
} AirSocketOwner;

/* The request has been checked; its connection waits for a reply. @accept: the value of Sec-WebSocket-Accept. The
 * caller owns the result. */
AirSocket *air_socket_new (AirRequest *request, const char *accept, int64_t ping_interval_us,
                           const AirSocketOwner *owner, void *user_data);
/* Sends 101 and tells the handler, unless the token is yet to come by the first frame. */
void air_socket_start (AirSocket *socket);
AirRouteEntry *air_socket_get_entry (AirSocket *socket);
/* Tells the handlers now rather than from the loop. */
void air_socket_finish (AirSocket *socket);

G_END_DECLS
