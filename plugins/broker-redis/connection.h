/* One connection to Redis, from its opening to its one end. Bytes go over GIO, which finds addresses and speaks TLS without holding
 * up the main loop; hiredis makes the commands and reads the answers.
 *
 * Main thread. The callbacks come from the main loop, except that close() answers what is pending at once. `ended` is called at
 * most once, never after close(). */
#pragma once

#include <gio/gio.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct _RedisConnection RedisConnection;

/* @reply: borrowed; NULL: the connection ended before the answer came. */
typedef void (*RedisReplyFunc) (redisReply *reply, void *data);

typedef struct
{
  void (*opened) (void *data);
  /* Of a channel; both borrowed. */
  void (*message) (const char *channel, const char *text, size_t length, void *data);
  void (*ended) (const char *why, void *data);
} RedisCallbacks;

typedef struct
{
  GSocketConnectable *address;
  bool tls;
  GTlsDatabase *authorities; /* NULL: the system's */
} RedisTarget;

/* @target, @callbacks: outlive the connection. */
RedisConnection *redis_connection_open (const RedisTarget *target, const RedisCallbacks *callbacks, void *data);
/* Every pending command is answered with NULL. Frees @connection. */
void redis_connection_close (RedisConnection *connection);
/* @lengths NULL: texts. false when too much waits to be sent or answered: @reply is not called. */
bool redis_connection_send (RedisConnection *connection, RedisReplyFunc reply, void *data, int argc, const char **argv,
                            const size_t *lengths);
/* Since when the oldest thing has been waited for (the opening, or an answer), monotonic; 0: nothing is. */
int64_t redis_connection_get_waiting_since_us (RedisConnection *connection);
/* Ends it from the main loop, as if it had broken. */
void redis_connection_fail (RedisConnection *connection, const char *why);

G_END_DECLS
