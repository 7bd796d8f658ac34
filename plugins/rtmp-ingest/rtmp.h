/* Numbers of the RTMP 1.0 specification (Adobe, December 2012) that several files share, and the error domain of the
 * protocol layer. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

/* §5.4 and §7.1: message type ids */
typedef enum
{
  RTMP_SET_CHUNK_SIZE = 1,
  RTMP_ABORT = 2,
  RTMP_ACKNOWLEDGEMENT = 3,
  RTMP_USER_CONTROL = 4,
  RTMP_WINDOW_ACK_SIZE = 5,
  RTMP_SET_PEER_BANDWIDTH = 6,
  RTMP_AUDIO = 8,
  RTMP_VIDEO = 9,
  RTMP_DATA_AMF3 = 15,
  RTMP_COMMAND_AMF3 = 17,
  RTMP_DATA_AMF0 = 18,
  RTMP_COMMAND_AMF0 = 20,
  RTMP_AGGREGATE = 22,
} RtmpMessageType;

/* §7.1.7: user control events */
typedef enum
{
  RTMP_STREAM_BEGIN = 0,
  RTMP_STREAM_EOF = 1,
  RTMP_SET_BUFFER_LENGTH = 3,
  RTMP_PING_REQUEST = 6,
  RTMP_PING_RESPONSE = 7,
} RtmpUserControl;

#define RTMP_DEFAULT_CHUNK_SIZE 128u
/* A message is at most this long, so a larger chunk size means the same (§5.4.1). */
#define RTMP_MAX_CHUNK_SIZE 0xFFFFFFu
/* The value of the 24-bit timestamp field which says that 32 bits follow (§5.3.1.3). */
#define RTMP_EXTENDED_TIMESTAMP 0xFFFFFFu

typedef enum
{
  RTMP_ERROR_INVALID,     /* the peer's bytes break the protocol */
  RTMP_ERROR_LIMIT,       /* the peer wants more than it may have */
  RTMP_ERROR_UNSUPPORTED, /* well-formed, and not taken here */
} RtmpErrorCode;

#define RTMP_ERROR (rtmp_error_quark ())
GQuark rtmp_error_quark (void);

static inline uint32_t
rtmp_read_be16 (const uint8_t *data)
{
  return (uint32_t) data[0] << 8 | data[1];
}

static inline uint32_t
rtmp_read_be24 (const uint8_t *data)
{
  return (uint32_t) data[0] << 16 | (uint32_t) data[1] << 8 | data[2];
}

static inline uint32_t
rtmp_read_be32 (const uint8_t *data)
{
  return (uint32_t) data[0] << 24 | rtmp_read_be24 (data + 1);
}

static inline void
rtmp_write_be24 (uint8_t *data, uint32_t value)
{
  data[0] = value >> 16;
  data[1] = value >> 8;
  data[2] = value;
}

static inline void
rtmp_write_be32 (uint8_t *data, uint32_t value)
{
  data[0] = value >> 24;
  rtmp_write_be24 (data + 1, value);
}

G_END_DECLS
