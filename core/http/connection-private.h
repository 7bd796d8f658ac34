/* What connection.c (sockets, deadlines, output) and connection-input.c (heads and bodies) share. */
#pragma once

#include "http/connection.h"

G_BEGIN_DECLS

typedef enum
{
  STATE_OPENING,
  STATE_HEAD,
  STATE_BODY,
  STATE_REPLY,
  STATE_UPGRADED,
  STATE_LINGER,
  STATE_GONE,
} State;

typedef enum
{
  CHUNK_SIZE,
  CHUNK_DATA,
  CHUNK_END,
  CHUNK_TRAILER,
} ChunkState;

struct _AirConnection
{
  AirPollItem item; /* first: the poller gives it back */
  grefcount references;
  AirPoller *poller;
  AirTransport transport;
  const AirConnectionLimits *limits;
  size_t *total_body_bytes;
  const AirConnectionOwner *owner;
  void *owner_data;
  GSocketAddress *remote, *local;

  State state;
  int64_t deadline_us;
  GByteArray *input; /* read, not yet taken; NULL while empty */
  size_t scanned;    /* how much of it is known to hold no end of a head */

  AirHead *head;
  GByteArray *body;
  size_t body_limit, body_counted;
  ChunkState chunk_state;
  uint64_t left; /* of the body, or of the chunk */
  size_t trailer_bytes;

  GByteArray *output; /* last words and WebSocket frames */
  bool end_after_output;
  size_t lingered;
  GSource *waiting; /* of the reply stream */

  unsigned turn; /* the source that goes on with what is buffered; no more is read until then */

  const AirConnectionUpgrade *upgrade;
  void *upgrade_data;
};

/* Relative to now; 0: none. */
void air_connection_set_deadline (AirConnection *connection, int64_t timeout_us);
/* Polls for what the state asks for. */
void air_connection_watch (AirConnection *connection);
void air_connection_queue_output (AirConnection *connection, const void *bytes, size_t length);
void air_connection_flush (AirConnection *connection);
/* Takes what stands in the input buffer, up to the end of one request. */
void air_connection_process (AirConnection *connection);

G_END_DECLS
