/* The fan-out engine's side on the main thread: viewers and feeds, and news from the loops. */
#include "fanout-engine.h"

#define REVIEW_EVERY_MS 1000
/* Those who never sent a check are looked for so often. */
#define EXPIRE_EVERY_MS 250

typedef AirFanoutEngine FanoutEngine;

/* ---- News from the loops */

static void
loop_joined (AirFanoutViewer *viewer, void *self)
{
  air_engine_base_tell_joined (self, &viewer->record);
}

static void
loop_left (AirFanoutViewer *viewer, AirViewerReason reason, void *self)
{
  air_engine_base_tell_left (self, &viewer->record, reason);
}

static void
loop_reordered (AirFanoutGroup *group, void *self)
{
  air_engine_base_tell_reordered (self, group);
}

static void
loop_reader_ended (AirFanoutGroup *group, AirLane lane, void *self)
{
  air_engine_base_tell_reader_ended (self, group, lane);
}

static void
loop_rung_wanted (AirFanoutGroup *group, void *self)
{
  air_engine_base_tell_rung_wanted (self, group);
}

/* ---- Orders to the loops */

typedef struct
{
  AirFanoutViewer *viewer; /* a reference */
  AirViewerReason reason;
} EndViewer;

static void
do_end_viewer (AirFanoutLoop *loop, void *data)
{
  EndViewer *command = data;
  air_fanout_loop_end_viewer (loop, command->viewer, command->reason);
}

static void
free_end_viewer (void *data)
{
  EndViewer *command = data;
  air_fanout_viewer_unref (command->viewer);
  g_free (command);
}

static void
end_viewer (AirEngineBase *base, void *data, AirViewerReason reason)
{
  FanoutEngine *self = (FanoutEngine *)base;
  AirFanoutViewer *viewer = data;
  AirFanoutLoop *owner = air_fanout_directory_withdraw (air_fanout_loops_get_directory (self->loops), &viewer->listing);
  if (!owner)
    {
      air_engine_base_tell_left (base, &viewer->record, reason);
      return;
    }
  EndViewer *command = g_new (EndViewer, 1);
  *command = (EndViewer){ air_fanout_viewer_ref (viewer), reason };
  air_fanout_loop_invoke (owner, do_end_viewer, command, free_end_viewer);
}

static void
set_reader (void *group, AirLane lane, AirReader *reader)
{
  air_fanout_group_set_reader (group, lane, reader);
}

static void
set_sound_waits (void *group, bool waits)
{
  air_fanout_group_set_sound_waits (group, waits);
}

static void
close_group (void *group)
{
  air_fanout_group_close (group);
}

static AirFeedOutput
make_output (AirEngineBase *base)
{
  AirFanoutGroup *group
    = air_fanout_loops_make_group (((FanoutEngine *)base)->loops, base->bframes == AIR_BFRAMES_DROP);
  return (AirFeedOutput){ group, set_reader, set_sound_waits, close_group, air_fanout_group_get_demand (group) };
}

/* ---- Start and stop */

static void
second_passed (void *data)
{
  FanoutEngine *self = data;
  AirEngineCounts counts = air_fanout_loops_take_counts (self->loops);
  air_engine_base_second_passed (&self->base, &counts);
}

/* Those whose first check never came. */
static void
expire_viewers (void *data)
{
  FanoutEngine *self = data;
  int64_t before_us = g_get_monotonic_time () - AIR_FANOUT_HANDSHAKE_US;
  AirFanoutViewer *viewer;
  while ((viewer = air_fanout_directory_expire (air_fanout_loops_get_directory (self->loops), before_us)))
    air_engine_base_forget_viewer (&self->base, &viewer->record, AIR_VIEWER_NO_HANDSHAKE);
}

static unsigned
count_loops (FanoutEngine *self)
{
  unsigned wanted = (unsigned)air_context_get_int (self->base.context, "loops");
  return wanted > 0 ? wanted : MIN (g_get_num_processors (), AIR_FANOUT_MAX_LOOPS);
}

static bool
read_listen (FanoutEngine *self, AirAddress *ret_listen, unsigned *ret_count, GError **error)
{
  GPtrArray *addresses = air_context_get_addresses (self->base.context, "udp_listen");
  if (addresses->len == 0 || addresses->len > AIR_UDP_MAX_SOCKETS)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "udp_listen: 1 to %d addresses are needed",
                   AIR_UDP_MAX_SOCKETS);
      return false;
    }
  for (guint i = 0; i < addresses->len; i++)
    {
      struct sockaddr_storage storage;
      if (!g_socket_address_to_native (addresses->pdata[i], &storage, sizeof storage, error))
        return false;
      air_address_from_sockaddr ((const struct sockaddr *)&storage, &ret_listen[i]);
    }
  *ret_count = addresses->len;
  return true;
}

static void
announce (FanoutEngine *self)
{
  const AirAddress *address = air_fanout_loops_get_address (self->loops, 0);
  char text[AIR_ADDRESS_STRING_BYTES];
  air_context_announce_endpoint (self->base.context, "webrtc-udp", air_address_ip_string (address, text), address->port);
  for (unsigned i = 0; i < air_fanout_loops_count_sockets (self->loops); i++)
    g_message ("WebRTC on UDP%s %s", air_fanout_loops_have_tcp (self->loops) ? " and TCP" : "",
               air_address_string (air_fanout_loops_get_address (self->loops, i), text));
}

static bool
start (AirEngine *engine, GError **error)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  AirFanoutEvents events = { loop_joined, loop_left, loop_reordered, loop_reader_ended, loop_rung_wanted, self };
  AirAddress listen[AIR_UDP_MAX_SOCKETS];
  unsigned n_listen;
  self->identity = air_dtls_identity_new (error);
  if (!self->identity || !read_listen (self, listen, &n_listen, error))
    return false;
  unsigned max_viewers = (unsigned)air_context_get_int (self->base.context, "max_viewers");
  self->loops = air_fanout_loops_new (count_loops (self), listen, n_listen, max_viewers,
                                      air_context_get_bool (self->base.context, "tcp"), &events, error);
  if (!self->loops)
    return false;
  self->additional = air_additional_hosts_new (self->base.context);
  air_fanout_loops_start (self->loops);
  self->review_timer = air_context_add_timer (self->base.context, REVIEW_EVERY_MS, second_passed, self);
  self->expire_timer = air_context_add_timer (self->base.context, EXPIRE_EVERY_MS, expire_viewers, self);
  announce (self);
  return true;
}

static void
stop (AirEngine *engine)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  if (!self->loops)
    return;
  air_context_remove_source (self->base.context, self->review_timer);
  air_context_remove_source (self->base.context, self->expire_timer);
  air_fanout_loops_stop (self->loops);
  air_engine_base_forget_all (&self->base);
  air_context_announce_endpoint (self->base.context, "webrtc-udp", "", 0);
}

static void
free_engine (AirEngine *engine)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  air_fanout_loops_free (self->loops);
  air_engine_base_clear (&self->base);
  g_clear_pointer (&self->identity, air_dtls_identity_unref);
  air_additional_hosts_free (self->additional);
  g_free (self);
}

/* ---- Viewers */

static void
add_viewer (AirEngine *engine, const AirViewerRequest *request, AirEngineAnswered answered, void *data,
            GDestroyNotify destroy)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = NULL;
  if (air_stream_feed_check (request->stream, self->base.bframes, &error))
    {
      AirStreamFeed *feed = air_engine_base_find_feed (&self->base, request->stream);
      AirFanoutViewer *viewer = air_fanout_engine_make_viewer (self, feed, request, &answer, &error);
      if (viewer)
        air_engine_base_add_viewer (&self->base, feed, &viewer->record);
      else
        air_engine_base_drop_feed (&self->base, feed);
    }
  answered (answer, error, data);
  if (destroy)
    destroy (data);
}

AirEngine *
air_fanout_engine_new (AirContext *context, const AirEngineEvents *events)
{
  static const AirEngineClass class = {
    .name = "fanout",
    .start = start,
    .stop = stop,
    .free = free_engine,
    .add_viewer = add_viewer,
    .restart = air_fanout_engine_restart_viewer,
    .remove_viewer = air_engine_base_remove_viewer,
    .list_viewers = air_engine_base_list_viewers,
    .get_viewer = air_engine_base_get_viewer,
    .get_load = air_engine_base_get_load,
    .stream_changed = air_engine_base_stream_changed,
  };
  static const AirEngineBaseClass base_class = { .end_viewer = end_viewer, .make_output = make_output };
  FanoutEngine *self = g_new0 (FanoutEngine, 1);
  air_engine_base_init (&self->base, &class, &base_class, context, events);
  return &self->base.engine;
}
