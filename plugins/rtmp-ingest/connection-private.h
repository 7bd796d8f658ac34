/* Shared by connection.c and connection-deadlines.c. */
#pragma once

#include "chunk-reader.h"
#include "connection.h"
#include "session.h"
#include "transport.h"

G_BEGIN_DECLS

typedef enum
{
  PHASE_C0C1,
  PHASE_C2,
  PHASE_CHUNKS,
} Phase;

struct _RtmpConnection
{
  RtmpWatch watch; /* first: found again from it */
  RtmpServer *server;
  uint64_t id;
  GInetAddress *address;
  char *address_text;
  RtmpTransport transport;

  Phase phase;
  uint8_t *handshake; /* what came of C0, C1 and C2; NULL afterwards */
  size_t handshake_have;
  ChunkReader *reader;
  RtmpSession *session;

  GByteArray *out;
  size_t out_sent;
  size_t reply_bytes; /* of answers, since out was last empty */
  ChunkWriter writer;

  uint64_t bytes_in, bytes_out, counted_in, counted_out;
  uint64_t acknowledged;
  uint32_t ack_window;
  size_t ignored_bytes; /* since closing */

  bool closing, dead;
  int64_t accepted_us, command_since_us, last_in_us, last_out_us, pinged_us, close_deadline_us;
};

G_END_DECLS
