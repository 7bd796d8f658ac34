/* What the parts of the broker share: redis-broker.c (life, connections), broker-keys.c, broker-list.c, broker-presence.c,
 * broker-events.c, broker-restore.c. Main thread. */
#pragma once

#include "redis-broker.h"

G_BEGIN_DECLS

#define LEASE (1u << 0)  /* was set as a lease: never taken from another node */
#define UNSAVED (1u << 1) /* Redis has not confirmed it */

#define PRESENCE_MS 15000
#define REFRESH_S 5

struct _RedisBroker
{
  GObject parent_instance;
  AirContext *context; /* not owned */
  const RedisBrokerSettings *settings;
  const RedisBrokerMetrics *metrics;
  char node[17]; /* of this process, new at each start */

  RedisLink *commands, *events; /* owned; two, because one that is subscribed takes no other commands */
  bool subscribed;
  bool in_touch;        /* both are ready, and what was kept here has been written */
  bool was_away;        /* since the start, or since it was last in touch */
  unsigned generation;  /* counts the losses: answers from before are told by it */
  unsigned ticks;
  char *run_id;         /* of the Redis that has what was written; NULL: none had it */
  GTask *starting, *stopping;

  AirBrokerMemory *own; /* the keys that this node set */
  GHashTable *removed;  /* key → stamp (int64_t *): removed here while Redis was away */
  int64_t last_stamp;
  AirBrokerRooms *rooms; /* this node's members */
  GHashTable *heard;     /* other node → set of rooms it spoke of */
};

/* A text of several parts, for keys and channels: PREFIX:PART… (transfer full) */
char *redis_broker_name (RedisBroker *self, const char *kind, const char *rest);
/* Sends a command of texts, ended by NULL. */
bool redis_broker_send (RedisBroker *self, RedisReplyFunc reply, void *data, ...) G_GNUC_NULL_TERMINATED;

/* broker-keys.c */
void redis_broker_keys_init (AirBrokerInterface *iface);

/* broker-list.c */
void redis_broker_list (AirBroker *broker, const char *prefix, GTask *task);

/* broker-presence.c */
void redis_broker_presence_init (AirBrokerInterface *iface);
/* All rooms that this node knows of changed, or may have. */
void redis_broker_queue_all_presence (RedisBroker *self);
void redis_broker_write_room (RedisBroker *self, const char *room, GHashTable *members, RedisReplyFunc reply, void *data);
/* Says that this node is there. */
bool redis_broker_refresh (RedisBroker *self, RedisReplyFunc reply, void *data);
/* And that its members are; finds nodes that have died. */
void redis_broker_refresh_all (RedisBroker *self);
void redis_broker_heard_presence (RedisBroker *self, const char *text, size_t length);
/* Every room of this node is emptied in Redis; @reply comes for the last command. Returns: whether it will. */
bool redis_broker_leave_all (RedisBroker *self, RedisReplyFunc reply, void *data);

/* broker-events.c */
void redis_broker_on_message (const char *channel, const char *text, size_t length, void *data);

/* broker-restore.c: writes what was kept here, then calls redis_broker_restored(). */
void redis_broker_restore (RedisBroker *self);
void redis_broker_restored (RedisBroker *self);

G_END_DECLS
