/* The frames of RFC 6455, server side. No I/O; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef enum
{
  AIR_FRAME_CONTINUATION = 0,
  AIR_FRAME_TEXT = 1,
  AIR_FRAME_BINARY = 2,
  AIR_FRAME_CLOSE = 8,
  AIR_FRAME_PING = 9,
  AIR_FRAME_PONG = 10,
} AirFrameType;

typedef struct
{
  size_t max_message_bytes;
  GByteArray *input;   /* an unfinished frame */
  GByteArray *message; /* the fragments of an unfinished message; NULL between messages */
  AirFrameType type;   /* of that message */
  unsigned fragments;
} AirFrameReader;

typedef struct
{
  AirFrameType type; /* a whole message or a control frame; never CONTINUATION */
  GBytes *payload;   /* unmasked */
} AirFrame;

void air_frame_reader_init (AirFrameReader *reader, size_t max_message_bytes);
void air_frame_reader_clear (AirFrameReader *reader);
/* At most @max_message_bytes and one frame's header more are ever kept, if air_frame_reader_next() is called until it
 * returns false after each. */
void air_frame_reader_push (AirFrameReader *reader, const guint8 *bytes, size_t length);
/* Returns true with the next frame in @ret_frame (its payload: transfer full); false when more input is needed, or with
 * the code to close with in @ret_close (0: none). */
bool air_frame_reader_next (AirFrameReader *reader, AirFrame *ret_frame, unsigned short *ret_close);
/* Returns: (transfer full) one unmasked frame. */
GByteArray *air_frame_build (AirFrameType type, const void *payload, size_t length);
/* The code and reason of a close frame's payload. Returns the code to answer with: the peer's own, or 1002 or 1007 for
 * a malformed one. */
unsigned short air_frame_parse_close (GBytes *payload);
/* RFC 6455 §4.2.2. Returns: (transfer full) the value of Sec-WebSocket-Accept; NULL for a malformed key. */
char *air_websocket_accept (const char *key);

G_END_DECLS
