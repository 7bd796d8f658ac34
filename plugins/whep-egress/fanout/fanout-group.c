/* Groups: what goes between the home loop and the others. */
#include "fanout-private.h"

#include <string.h>

/* What the home knows of another loop. */
typedef struct
{
  bool subscribed;
  unsigned generation;
  unsigned viewers;
} Subscriber;

struct _AirFanoutGroup
{
  gatomicrefcount references;
  AirFanoutLoop *home;
  AirFanoutShare shares[AIR_FANOUT_MAX_LOOPS];
  AirRungDemand demand;
  /* Of the home's thread. */
  AirRtpSource *source; /* NULL: closed */
  uint64_t sent[AIR_LANE_COUNT]; /* up to where subscribers have the packets */
  unsigned subscribed;
  Subscriber subscribers[AIR_FANOUT_MAX_LOOPS];
};

typedef struct
{
  AirFanoutGroup *group; /* a reference */
  unsigned index;        /* which loop it is about */
  unsigned value;        /* a generation, a count, or a boolean */
  AirLane lane;
  AirReader *reader;
  AirRtpBatch *batch;
} Message;

static void
free_message (void *data)
{
  Message *message = data;
  g_clear_pointer (&message->reader, air_reader_close);
  air_rtp_batch_unref (message->batch);
  air_fanout_group_unref (message->group);
  g_free (message);
}

static void
send_message (AirFanoutLoop *to, AirFanoutCommand command, Message message)
{
  Message *sent = g_new (Message, 1);
  *sent = message;
  air_fanout_group_ref (sent->group);
  air_fanout_loop_invoke (to, command, sent, free_message);
}

/* ---- At the other loops */

static void
take_batch (AirFanoutLoop *loop, void *data)
{
  Message *message = data;
  AirFanoutShare *share = &message->group->shares[message->index];
  if (!share->view || share->generation != message->value)
    return;
  bool begins = !share->view->ready;
  air_rtp_view_take (share->view, message->batch);
  for (unsigned i = 0; begins && i < share->viewers->len; i++)
    air_fanout_viewer_report (share->viewers->pdata[i], loop->now_us, true);
  air_fanout_loop_pump_all (loop, share);
}

/* ---- At home */

static void
send_batch (AirFanoutGroup *group, unsigned index, AirRtpBatch *batch)
{
  AirFanoutShare *share = &group->shares[index];
  send_message (share->loop, take_batch,
                (Message){ .group = group,
                           .index = index,
                           .value = group->subscribers[index].generation,
                           .batch = air_rtp_batch_ref (batch) });
}

static void
share_packets (AirFanoutGroup *group)
{
  g_autoptr (AirRtpBatch) batch = air_rtp_view_collect (group->shares[group->home->index].view, group->sent);
  for (unsigned i = 0; i < AIR_FANOUT_MAX_LOOPS; i++)
    if (group->subscribers[i].subscribed)
      send_batch (group, i, batch);
}

static void
packets_ready (AirRtpSource *source, void *data)
{
  AirFanoutGroup *group = data;
  AirFanoutShare *share = &group->shares[group->home->index];
  /* First, so that the other loops begin before this one is done. */
  if (group->subscribed > 0)
    share_packets (group);
  air_fanout_loop_pump_all (group->home, share);
}

static void
video_reordered (AirRtpSource *source, void *data)
{
  AirFanoutGroup *group = data;
  group->home->events.reordered (group, group->home->events.data);
}

static void
reader_ended (AirRtpSource *source, AirLane lane, void *data)
{
  AirFanoutGroup *group = data;
  group->home->events.reader_ended (group, lane, group->home->events.data);
}

static void
subscribe (AirFanoutLoop *loop, void *data)
{
  const Message *message = data;
  AirFanoutGroup *group = message->group;
  Subscriber *subscriber = &group->subscribers[message->index];
  group->subscribed += subscriber->subscribed ? 0 : 1;
  subscriber->subscribed = true;
  subscriber->generation = message->value;
  /* Nothing is under way to the others: packets are shared as soon as they are made. */
  memset (group->sent, 0, sizeof group->sent);
  g_autoptr (AirRtpBatch) everything = air_rtp_view_collect (group->shares[loop->index].view, group->sent);
  send_batch (group, message->index, everything);
}

static void
unsubscribe (AirFanoutLoop *loop, void *data)
{
  const Message *message = data;
  Subscriber *subscriber = &message->group->subscribers[message->index];
  message->group->subscribed -= subscriber->subscribed ? 1 : 0;
  subscriber->subscribed = false;
}

static void
count_viewers (AirFanoutLoop *loop, void *data)
{
  const Message *message = data;
  AirFanoutGroup *group = message->group;
  unsigned sum = 0;
  group->subscribers[message->index].viewers = message->value;
  for (unsigned i = 0; i < AIR_FANOUT_MAX_LOOPS; i++)
    sum += group->subscribers[i].viewers;
  if (group->source)
    air_rtp_source_set_viewers (group->source, sum);
}

static void
request_keyframe (AirFanoutLoop *loop, void *data)
{
  const Message *message = data;
  if (message->group->source)
    air_rtp_source_request_keyframe (message->group->source, message->lane);
}

static void
set_reader (AirFanoutLoop *loop, void *data)
{
  Message *message = data;
  air_rtp_source_set_reader (message->group->source, message->lane, g_steal_pointer (&message->reader));
}

static void
set_sound_waits (AirFanoutLoop *loop, void *data)
{
  const Message *message = data;
  if (message->group->source)
    air_rtp_source_set_sound_waits (message->group->source, message->value);
}

/* ---- For the main thread */

AirFanoutGroup *
air_fanout_group_new (AirFanoutLoop *const *loops, unsigned n_loops, unsigned home, bool drop_reordered)
{
  static const AirRtpSourceEvents events = { packets_ready, video_reordered, reader_ended };
  AirFanoutGroup *group = g_new0 (AirFanoutGroup, 1);
  g_atomic_ref_count_init (&group->references);
  group->home = loops[home];
  for (unsigned i = 0; i < n_loops; i++)
    group->shares[i] = (AirFanoutShare){ .group = group, .loop = loops[i], .viewers = g_ptr_array_new () };
  AirRtpView *view = air_rtp_view_new ();
  view->ready = true;
  group->shares[home].view = view;
  group->source = air_rtp_source_new (view, drop_reordered, &events, group);
  air_rtp_source_attach (group->source, group->home->epoll);
  return group;
}

AirFanoutGroup *
air_fanout_group_ref (AirFanoutGroup *group)
{
  g_atomic_ref_count_inc (&group->references);
  return group;
}

void
air_fanout_group_unref (AirFanoutGroup *group)
{
  if (!group || !g_atomic_ref_count_dec (&group->references))
    return;
  for (unsigned i = 0; i < AIR_FANOUT_MAX_LOOPS && group->shares[i].loop; i++)
    {
      air_rtp_view_free (group->shares[i].view);
      g_ptr_array_unref (group->shares[i].viewers);
    }
  g_free (group);
}

static void
keep_order (AirFanoutLoop *loop, void *group)
{
}

static void
close_source (void *data)
{
  AirFanoutGroup *group = data;
  g_clear_pointer (&group->source, air_rtp_source_free);
  air_fanout_group_unref (group);
}

void
air_fanout_group_close (AirFanoutGroup *group)
{
  /* Whether the command runs or is dropped at stop, the source goes when it is destroyed: on the home's thread or without it. */
  air_fanout_loop_invoke (group->home, keep_order, group, close_source);
}

void
air_fanout_group_set_reader (AirFanoutGroup *group, AirLane lane, AirReader *reader)
{
  send_message (group->home, set_reader, (Message){ .group = group, .lane = lane, .reader = reader });
}

void
air_fanout_group_set_sound_waits (AirFanoutGroup *group, bool waits)
{
  send_message (group->home, set_sound_waits, (Message){ .group = group, .value = waits });
}

AirRungDemand *
air_fanout_group_get_demand (AirFanoutGroup *group)
{
  return &group->demand;
}

/* ---- For a share's loop */

AirFanoutShare *
air_fanout_group_join (AirFanoutGroup *group, AirFanoutLoop *loop)
{
  AirFanoutShare *share = &group->shares[loop->index];
  if (share->users++ == 0 && loop != group->home)
    {
      share->view = air_rtp_view_new ();
      share->generation++;
      send_message (group->home, subscribe,
                    (Message){ .group = group, .index = loop->index, .value = share->generation });
    }
  return share;
}

void
air_fanout_share_leave (AirFanoutShare *share)
{
  AirFanoutGroup *group = share->group;
  if (--share->users > 0 || share->loop == group->home)
    return;
  g_clear_pointer (&share->view, air_rtp_view_free);
  send_message (group->home, unsubscribe, (Message){ .group = group, .index = share->loop->index });
}

static void
tell_count (AirFanoutShare *share)
{
  send_message (share->group->home, count_viewers,
                (Message){ .group = share->group, .index = share->loop->index, .value = share->viewers->len });
}

void
air_fanout_share_add (AirFanoutShare *share, AirFanoutViewer *viewer)
{
  g_ptr_array_add (share->viewers, viewer);
  tell_count (share);
}

void
air_fanout_share_remove (AirFanoutShare *share, AirFanoutViewer *viewer)
{
  g_ptr_array_remove_fast (share->viewers, viewer);
  tell_count (share);
}

void
air_fanout_share_request_keyframe (AirFanoutShare *share, AirLane lane)
{
  send_message (share->group->home, request_keyframe, (Message){ .group = share->group, .lane = lane });
}

void
air_fanout_share_want (AirFanoutShare *share, unsigned rung, int change)
{
  if (air_rung_demand_change (&share->group->demand, rung, change))
    share->loop->events.rung_wanted (share->group, share->loop->events.data);
}

bool
air_fanout_share_is_possible (AirFanoutShare *share, unsigned rung)
{
  return air_rung_demand_is_possible (&share->group->demand, rung);
}
