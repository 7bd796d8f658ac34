/* A connection to Redis that comes back: opens one, logs in, and when it ends opens another after a while (100 ms doubling up to 3 s,
 * with jitter). Main thread. */
#pragma once

#include <airclass/airclass.h>

#include "connection.h"

G_BEGIN_DECLS

typedef struct _RedisLink RedisLink;

typedef struct
{
  RedisTarget target;
  const char *user, *password; /* "": none */
  unsigned database;
  unsigned timeout_ms; /* for opening, and for each answer */
} RedisLinkSettings;

typedef struct
{
  /* Logged in: commands may be sent. */
  void (*ready) (void *data);
  void (*message) (const char *channel, const char *text, size_t length, void *data);
  /* Each try that failed, and each end; @why is for people. Pending commands have been answered with NULL. */
  void (*lost) (const char *why, void *data);
} RedisLinkCallbacks;

/* @settings, @callbacks: outlive the link. @context: the timers' owner. */
RedisLink *redis_link_new (AirContext *context, const RedisLinkSettings *settings, const RedisLinkCallbacks *callbacks, void *data);
void redis_link_free (RedisLink *link);
void redis_link_start (RedisLink *link);
bool redis_link_is_ready (RedisLink *link);
/* false when it is not ready, or too much waits: @reply is not called. */
bool redis_link_send (RedisLink *link, RedisReplyFunc reply, void *data, int argc, const char **argv, const size_t *lengths);
/* Gives the connection up, as if it had broken, from the main loop. */
void redis_link_fail (RedisLink *link, const char *why);
/* To be called about once a second: asks a silent server whether it is there, and gives up one that does not answer. */
void redis_link_check (RedisLink *link);

G_END_DECLS
