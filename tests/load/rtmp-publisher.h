/* One RTMP publisher that sends a file again and again, at its own pace, with timestamps that go on.
 *
 * One thread; the socket is the caller's to poll. Nothing is copied but what the socket does not take at once.
 */
#pragma once

#include <sys/socket.h>

#include "flv-file.h"

typedef enum
{
  LOAD_PUBLISHER_IDLE,
  LOAD_PUBLISHER_HANDSHAKE,
  LOAD_PUBLISHER_CONNECT, /* waits for _result of connect */
  LOAD_PUBLISHER_CREATE,  /* of createStream */
  LOAD_PUBLISHER_PUBLISH, /* waits for onStatus */
  LOAD_PUBLISHER_LIVE,
  LOAD_PUBLISHER_FAILED,
} LoadPublisherState;

typedef struct
{
  const struct sockaddr *address;
  socklen_t address_bytes;
  const char *app, *tc_url;
  const LoadFlv *flv;
  unsigned chunk_bytes;
} LoadPublisherPlan;

typedef struct
{
  const LoadPublisherPlan *plan;
  LoadPublisherState state;
  const char *failure; /* static */
  int fd;
  char *name; /* of the stream, with its query */
  GByteArray *in;
  GByteArray *out; /* what the socket did not take yet */
  size_t out_sent;
  uint32_t message_stream;
  int64_t started_us; /* the instant of timestamp 0 */
  guint next;         /* message of the file */
  uint32_t round_ms;  /* timestamp at which the present round began */
  uint64_t bytes, messages;
  int64_t late_us; /* the worst delay of a message by a full socket or a late caller */
} LoadPublisher;

void load_publisher_init (LoadPublisher *publisher, const LoadPublisherPlan *plan, char *name);
/* Returns: false when no socket could be had. */
bool load_publisher_connect (LoadPublisher *publisher);
/* The socket is ready. */
void load_publisher_ready (LoadPublisher *publisher);
/* Sends what is due. */
void load_publisher_tick (LoadPublisher *publisher, int64_t now_us);
bool load_publisher_wants_to_write (const LoadPublisher *publisher);
void load_publisher_clear (LoadPublisher *publisher);
