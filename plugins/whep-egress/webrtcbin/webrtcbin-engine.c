/* The webrtcbin engine's side on the main thread: a pipeline per viewer, for a server that is itself behind NAT.
 *
 * A viewer is negotiated by a worker (it takes some ms, or as long as candidates are gathered), fed by the loop, and ended by
 * a worker again, for taking a pipeline down waits for its threads. The table here is what commands are looked up in.
 */
#include <string.h>

#include "additional-hosts.h"
#include "engine-base.h"
#include "ice-candidates.h"
#include "udp.h"
#include "webrtcbin-workers.h"

#define REVIEW_EVERY_MS 1000
/* Candidates of STUN and TURN servers come within some round trips or not at all. */
#define GATHERING_MS 2000u

typedef struct
{
  AirEngineBase base;
  AirWebrtcLoop *loop;
  AirWebrtcNetwork network;
  AirAdditionalHosts *additional;
  AirWebrtcWorkers *workers;
  unsigned timer;
} WebrtcEngine;

/* ---- News from the loop */

static void
loop_joined (AirWebrtcViewer *viewer, void *self)
{
  air_engine_base_tell_joined (self, &viewer->record);
}

static void
loop_left (AirWebrtcViewer *viewer, AirViewerReason reason, void *self)
{
  air_engine_base_tell_left (self, &viewer->record, reason);
}

static void
loop_reordered (AirWebrtcGroup *group, void *self)
{
  air_engine_base_tell_reordered (self, group);
}

static void
loop_reader_ended (AirWebrtcGroup *group, AirLane lane, void *self)
{
  air_engine_base_tell_reader_ended (self, group, lane);
}

static void
loop_rung_wanted (AirWebrtcGroup *group, void *self)
{
  air_engine_base_tell_rung_wanted (self, group);
}

/* ---- Orders to the loop */

typedef struct
{
  AirWebrtcViewer *viewer; /* a reference */
  AirViewerReason reason;
} EndViewer;

static void
do_end_viewer (AirWebrtcLoop *loop, void *data)
{
  EndViewer *command = data;
  air_webrtc_loop_end_viewer (loop, command->viewer, command->reason);
}

static void
free_end_viewer (void *data)
{
  EndViewer *command = data;
  air_webrtc_viewer_unref (command->viewer);
  g_free (command);
}

static void
end_viewer (AirEngineBase *base, void *viewer, AirViewerReason reason)
{
  EndViewer *command = g_new (EndViewer, 1);
  *command = (EndViewer){ air_webrtc_viewer_ref (viewer), reason };
  air_webrtc_loop_invoke (((WebrtcEngine *)base)->loop, do_end_viewer, command, free_end_viewer);
}

/* The viewer is off the loop. */
static void
forget_viewer (AirEngineBase *base, void *viewer)
{
  air_webrtc_workers_close (((WebrtcEngine *)base)->workers, viewer);
}

typedef struct
{
  AirWebrtcGroup *group;
  AirLane lane;
  AirReader *reader;
} SetReader;

static void
do_set_reader (AirWebrtcLoop *loop, void *data)
{
  SetReader *command = data;
  air_rtp_source_set_reader (command->group->source, command->lane, g_steal_pointer (&command->reader));
}

static void
free_set_reader (void *data)
{
  SetReader *command = data;
  g_clear_pointer (&command->reader, air_reader_close);
  g_free (command);
}

static void
set_reader (void *group, AirLane lane, AirReader *reader)
{
  SetReader *command = g_new (SetReader, 1);
  *command = (SetReader){ group, lane, reader };
  air_webrtc_loop_invoke (command->group->loop, do_set_reader, command, free_set_reader);
}

typedef struct
{
  AirWebrtcGroup *group;
  bool waits;
} SetSoundWaits;

static void
do_set_sound_waits (AirWebrtcLoop *loop, void *data)
{
  SetSoundWaits *command = data;
  air_rtp_source_set_sound_waits (command->group->source, command->waits);
}

static void
set_sound_waits (void *group, bool waits)
{
  SetSoundWaits *command = g_new (SetSoundWaits, 1);
  *command = (SetSoundWaits){ group, waits };
  air_webrtc_loop_invoke (command->group->loop, do_set_sound_waits, command, g_free);
}

static void
keep_group (AirWebrtcLoop *loop, void *group)
{
}

/* Whether the command runs or is dropped at stop, the group goes when it is destroyed. */
static void
close_group (void *data)
{
  AirWebrtcGroup *group = data;
  air_webrtc_loop_invoke (group->loop, keep_group, group, (GDestroyNotify)air_webrtc_group_free);
}

static AirFeedOutput
make_output (AirEngineBase *base)
{
  AirWebrtcGroup *group = air_webrtc_group_new (((WebrtcEngine *)base)->loop, base->bframes == AIR_BFRAMES_DROP);
  return (AirFeedOutput){ group, set_reader, set_sound_waits, close_group, &group->demand };
}

static void
second_passed (void *data)
{
  WebrtcEngine *self = data;
  AirEngineCounts counts = air_webrtc_loop_take_counts (self->loop);
  air_engine_base_second_passed (&self->base, &counts);
}

/* ---- Start and stop */

/* "40000-40999" */
static bool
read_ports (WebrtcEngine *self, GError **error)
{
  guint64 first, last;
  const char *text = air_context_get_string (self->base.context, "webrtcbin_ports");
  g_auto (GStrv) ports = g_strsplit (text, "-", 2);
  if (*text == '\0')
    return true;
  if (g_strv_length (ports) != 2 || !g_ascii_string_to_unsigned (ports[0], 10, 1024, 65535, &first, NULL)
      || !g_ascii_string_to_unsigned (ports[1], 10, first, 65535, &last, NULL))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "webrtcbin_ports: \"%s\" is not of the form 40000-40999", text);
      return false;
    }
  self->network.min_port = (unsigned)first;
  self->network.max_port = (unsigned)last;
  return true;
}

static bool
read_network (WebrtcEngine *self, GError **error)
{
  AirAddress listen[AIR_UDP_MAX_SOCKETS];
  GPtrArray *addresses = air_context_get_addresses (self->base.context, "udp_listen");
  unsigned count = MIN (addresses->len, AIR_UDP_MAX_SOCKETS);
  for (unsigned i = 0; i < count; i++)
    {
      struct sockaddr_storage storage;
      if (!g_socket_address_to_native (addresses->pdata[i], &storage, sizeof storage, error))
        return false;
      air_address_from_sockaddr ((const struct sockaddr *)&storage, &listen[i]);
      listen[i].port = 1; /* each viewer has a port of its own; this one is only there to be valid */
    }
  self->network.addresses = air_ice_gather (listen, count, NULL);
  self->network.gathering_ms = GATHERING_MS;
  return true;
}

static bool
start (AirEngine *engine, GError **error)
{
  WebrtcEngine *self = (WebrtcEngine *)engine;
  AirWebrtcLoopEvents events = { loop_joined, loop_left, loop_reordered, loop_reader_ended, loop_rung_wanted, self };
  if (!read_ports (self, error) || !read_network (self, error))
    return false;
  self->additional = air_additional_hosts_new (self->base.context);
  self->loop = air_webrtc_loop_new (&events);
  self->workers = air_webrtc_workers_new (self->base.context, &self->network, self->additional);
  self->timer = air_context_add_timer (self->base.context, REVIEW_EVERY_MS, second_passed, self);
  g_message ("WebRTC by webrtcbin, a UDP port for each viewer");
  return true;
}

static void
stop (AirEngine *engine)
{
  WebrtcEngine *self = (WebrtcEngine *)engine;
  if (!self->loop)
    return;
  air_context_remove_source (self->base.context, self->timer);
  air_webrtc_loop_stop (self->loop);
  air_engine_base_forget_all (&self->base);
  air_webrtc_workers_stop (self->workers);
}

static void
free_engine (AirEngine *engine)
{
  WebrtcEngine *self = (WebrtcEngine *)engine;
  air_webrtc_workers_free (self->workers);
  air_webrtc_loop_free (self->loop);
  air_engine_base_clear (&self->base);
  air_additional_hosts_free (self->additional);
  g_clear_pointer (&self->network.addresses, g_array_unref);
  g_free (self);
}

/* ---- Viewers */

static void
attach (AirWebrtcLoop *loop, void *viewer)
{
  air_webrtc_loop_add_viewer (loop, viewer);
}

static bool
accept_viewer (WebrtcEngine *self, const AirViewerRequest *request, AirSdpChoice *ret_choice,
               AirWebrtcViewer **ret_viewer, GError **error)
{
  if (!air_stream_feed_check (request->stream, self->base.bframes, error))
    return false;
  AirStreamFeed *feed = air_engine_base_find_feed (&self->base, request->stream);
  AirSdpSource video = air_stream_feed_get_video (feed);
  if (!air_sdp_choose (request->offer, &video, ret_choice, error))
    {
      air_engine_base_drop_feed (&self->base, feed);
      return false;
    }
  *ret_viewer = air_webrtc_viewer_new (request, ret_choice, air_stream_feed_get_group (feed), self->loop,
                                       self->base.levels);
  air_engine_base_add_viewer (&self->base, feed, &(*ret_viewer)->record);
  return true;
}

static void
add_viewer (AirEngine *engine, const AirViewerRequest *request, AirEngineAnswered answered, void *data,
            GDestroyNotify destroy)
{
  WebrtcEngine *self = (WebrtcEngine *)engine;
  g_autoptr (GError) error = NULL;
  AirSdpChoice choice;
  AirWebrtcViewer *viewer;
  if (accept_viewer (self, request, &choice, &viewer, &error))
    {
      air_webrtc_loop_invoke (self->loop, attach, air_webrtc_viewer_ref (viewer),
                              (GDestroyNotify)air_webrtc_viewer_unref);
      air_webrtc_workers_negotiate (self->workers, viewer, request->offer, &choice, answered, data, destroy);
      return;
    }
  air_engine_base_refuse (error, answered, data, destroy);
}

static void
restart_viewer (AirEngine *engine, const char *viewer_id, const AirSdpFragment *fragment, AirEngineAnswered answered,
                void *data, GDestroyNotify destroy)
{
  WebrtcEngine *self = (WebrtcEngine *)engine;
  AirWebrtcViewer *viewer = air_engine_base_find_viewer (&self->base, viewer_id);
  if (viewer)
    {
      air_webrtc_workers_restart (self->workers, viewer, fragment, answered, data, destroy);
      return;
    }
  g_autoptr (GError) error = g_error_new_literal (AIR_ERROR, AIR_ERROR_NOT_FOUND, "The session has ended.");
  air_engine_base_refuse (error, answered, data, destroy);
}

static void
add_candidates (AirEngine *engine, const char *viewer_id, const AirSdpFragment *fragment)
{
  AirWebrtcViewer *viewer = air_engine_base_find_viewer ((AirEngineBase *)engine, viewer_id);
  if (viewer)
    air_webrtc_peer_add_candidates (viewer->peer, (const char *const *)fragment->candidates);
}

AirEngine *
air_webrtcbin_engine_new (AirContext *context, const AirIceServers *servers, const AirEngineEvents *events)
{
  static const AirEngineClass class = {
    .name = "webrtcbin",
    .prepare = air_webrtc_peer_check,
    .start = start,
    .stop = stop,
    .free = free_engine,
    .add_viewer = add_viewer,
    .restart = restart_viewer,
    .add_candidates = add_candidates,
    .remove_viewer = air_engine_base_remove_viewer,
    .list_viewers = air_engine_base_list_viewers,
    .get_viewer = air_engine_base_get_viewer,
    .get_load = air_engine_base_get_load,
    .stream_changed = air_engine_base_stream_changed,
  };
  static const AirEngineBaseClass base_class
    = { .end_viewer = end_viewer, .forget_viewer = forget_viewer, .make_output = make_output };
  WebrtcEngine *self = g_new0 (WebrtcEngine, 1);
  air_engine_base_init (&self->base, &class, &base_class, context, events);
  self->network.servers = servers;
  return &self->base.engine;
}
