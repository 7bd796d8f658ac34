/* The broker of several nodes: Redis carries events, keys and presence; this node serves itself while Redis is away. Main thread. */
#pragma once

#include <airclass/airclass.h>

#include "link.h"

G_BEGIN_DECLS

#define REDIS_TYPE_BROKER (redis_broker_get_type ())
G_DECLARE_FINAL_TYPE (RedisBroker, redis_broker, REDIS, BROKER, GObject)

typedef struct
{
  RedisLinkSettings link;
  const char *address; /* for people */
  const char *prefix;
  bool required;       /* /readyz needs it */
} RedisBrokerSettings;

typedef struct
{
  AirMetric *connected, *reconnects, *messages, *dropped;
} RedisBrokerMetrics;

/* @settings, @metrics, @context: outlive the use of it. Returns: (transfer full) */
RedisBroker *redis_broker_new (AirContext *context, const RedisBrokerSettings *settings, const RedisBrokerMetrics *metrics);
/* Begins to connect; returns @task when that has succeeded or failed for the first time: a node starts without Redis, too. */
void redis_broker_start (RedisBroker *broker, GTask *task);
/* Takes this node's members out of their rooms, where Redis can be told of it, and ends the connections. */
void redis_broker_stop (RedisBroker *broker, GTask *task);
/* Tells the other nodes of @event. */
void redis_broker_send_event (RedisBroker *broker, AirEvent *event);

G_END_DECLS
