/* The webrtcbin engine's side on the main thread: a pipeline per viewer, for a server that is itself behind NAT.
 *
 * A viewer is negotiated by a worker (it takes some ms, or as long as candidates are gathered), fed by the loop, and ended by
 * a worker again, for taking a pipeline down waits for its threads. The table here is what commands are looked up in.
 */
#include <string.h>

#include "additional-hosts.h"
#include "fanout-feed.h"
#include "ice-candidates.h"
#include "udp.h"
#include "webrtcbin-workers.h"

#define REVIEW_EVERY_MS 1000
/* Candidates of STUN and TURN servers come within some round trips or not at all. */
#define GATHERING_MS 2000u

typedef struct
{
  AirEngine engine;
  AirContext *context;
  AirEngineEvents events;
  AirBframes bframes;
  AirLevels levels;
  AirWebrtcLoop *loop;
  AirWebrtcNetwork network;
  AirAdditionalHosts *additional;
  AirWebrtcWorkers *workers;
  GHashTable *viewers; /* id → Entry */
  GHashTable *feeds;   /* group → AirFanoutFeed */
  AirEngineMetrics metrics;
  unsigned timer;
} WebrtcEngine;

typedef struct
{
  AirWebrtcViewer *viewer;
  AirFanoutFeed *feed;
} Entry;

static void
free_entry (void *data)
{
  Entry *entry = data;
  air_webrtc_viewer_unref (entry->viewer);
  g_free (entry);
}

/* ---- News from the loop, carried to the main thread */

typedef struct
{
  WebrtcEngine *self;
  AirWebrtcViewer *viewer; /* a reference; NULL: about a group */
  AirWebrtcGroup *group;   /* to be looked up, never followed */
  AirViewerReason reason;
  AirLane lane;
} News;

static void
free_news (void *data)
{
  News *news = data;
  air_webrtc_viewer_unref (news->viewer);
  g_free (news);
}

static News *
news_new (WebrtcEngine *self, AirWebrtcViewer *viewer, AirWebrtcGroup *group, AirViewerReason reason)
{
  News *news = g_new (News, 1);
  *news = (News){ self, viewer ? air_webrtc_viewer_ref (viewer) : NULL, group, reason };
  return news;
}

static void
on_joined (void *data)
{
  News *news = data;
  AirViewerInfo *info = air_viewer_record_get_info (&news->viewer->record);
  if (g_hash_table_contains (news->self->viewers, info->viewer_id))
    news->self->events.joined (info, news->self->events.data);
  air_viewer_info_free (info);
}

/* The viewer is off the loop. */
static void
forget_viewer (WebrtcEngine *self, AirWebrtcViewer *viewer, AirViewerReason reason)
{
  AirViewerInfo *info = air_viewer_record_get_info (&viewer->record);
  Entry *entry = g_hash_table_lookup (self->viewers, info->viewer_id);
  if (entry)
    {
      AirFanoutFeed *feed = entry->feed;
      air_webrtc_workers_close (self->workers, viewer);
      g_hash_table_remove (self->viewers, info->viewer_id);
      if (air_fanout_feed_add_viewers (feed, -1) == 0)
        g_hash_table_remove (self->feeds, air_fanout_feed_get_group (feed));
      self->events.left (info, reason, self->events.data);
    }
  air_viewer_info_free (info);
}

static void
on_left (void *data)
{
  News *news = data;
  forget_viewer (news->self, news->viewer, news->reason);
}

static void
end_viewer (AirWebrtcLoop *loop, void *data)
{
  News *news = data;
  air_webrtc_loop_end_viewer (loop, news->viewer, news->reason);
}

static void
end_all_of (WebrtcEngine *self, AirFanoutFeed *feed, AirViewerReason reason)
{
  GHashTableIter iter;
  Entry *entry;
  g_hash_table_iter_init (&iter, self->viewers);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&entry))
    if (entry->feed == feed)
      air_webrtc_loop_invoke (self->loop, end_viewer, news_new (self, entry->viewer, NULL, reason), free_news);
}

static void
on_reordered (void *data)
{
  News *news = data;
  AirFanoutFeed *feed = g_hash_table_lookup (news->self->feeds, news->group);
  if (feed && !air_fanout_feed_take_reordered (feed))
    end_all_of (news->self, feed, AIR_VIEWER_BFRAMES);
}

static void
on_reader_ended (void *data)
{
  News *news = data;
  AirFanoutFeed *feed = g_hash_table_lookup (news->self->feeds, news->group);
  if (feed && !air_fanout_feed_take_ended (feed, news->lane))
    end_all_of (news->self, feed, AIR_VIEWER_STREAM_ENDED);
}

static void
on_rung_wanted (void *data)
{
  News *news = data;
  AirFanoutFeed *feed = g_hash_table_lookup (news->self->feeds, news->group);
  if (feed)
    air_fanout_feed_review (feed);
}

static void
loop_joined (AirWebrtcViewer *viewer, void *data)
{
  WebrtcEngine *self = data;
  air_context_invoke (self->context, on_joined, news_new (self, viewer, NULL, AIR_VIEWER_LEFT), free_news);
}

static void
loop_left (AirWebrtcViewer *viewer, AirViewerReason reason, void *data)
{
  WebrtcEngine *self = data;
  air_context_invoke (self->context, on_left, news_new (self, viewer, NULL, reason), free_news);
}

static void
loop_reordered (AirWebrtcGroup *group, void *data)
{
  WebrtcEngine *self = data;
  air_context_invoke (self->context, on_reordered, news_new (self, NULL, group, AIR_VIEWER_LEFT), free_news);
}

static void
loop_reader_ended (AirWebrtcGroup *group, AirLane lane, void *data)
{
  WebrtcEngine *self = data;
  News *news = news_new (self, NULL, group, AIR_VIEWER_LEFT);
  news->lane = lane;
  air_context_invoke (self->context, on_reader_ended, news, free_news);
}

static void
loop_rung_wanted (AirWebrtcGroup *group, void *data)
{
  WebrtcEngine *self = data;
  air_context_invoke (self->context, on_rung_wanted, news_new (self, NULL, group, AIR_VIEWER_LEFT), free_news);
}

/* ---- Feeds */

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

static AirFanoutFeed *
find_feed (WebrtcEngine *self, AirStream *stream)
{
  GHashTableIter iter;
  AirFanoutFeed *feed;
  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&feed))
    if (air_fanout_feed_get_stream (feed) == stream)
      return feed;
  AirWebrtcGroup *group = air_webrtc_group_new (self->loop, self->bframes == AIR_BFRAMES_DROP);
  AirFeedOutput output = { group, set_reader, close_group, &group->demand };
  feed = air_fanout_feed_new (self->context, stream, self->bframes, &output);
  g_hash_table_insert (self->feeds, output.group, feed);
  return feed;
}

static void
second_passed (void *data)
{
  WebrtcEngine *self = data;
  AirEngineCounts counts = air_webrtc_loop_take_counts (self->loop);
  air_engine_metrics_add (&self->metrics, &counts);

  GHashTableIter iter;
  AirFanoutFeed *feed;
  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&feed))
    air_fanout_feed_review (feed);
}

/* ---- Start and stop */

/* "40000-40999" */
static bool
read_ports (WebrtcEngine *self, GError **error)
{
  guint64 first, last;
  const char *text = air_context_get_string (self->context, "webrtcbin_ports");
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
  GPtrArray *addresses = air_context_get_addresses (self->context, "udp_listen");
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
  self->additional = air_additional_hosts_new (self->context);
  self->loop = air_webrtc_loop_new (&events);
  self->workers = air_webrtc_workers_new (self->context, &self->network, self->additional);
  self->timer = air_context_add_timer (self->context, REVIEW_EVERY_MS, second_passed, self);
  g_message ("WebRTC by webrtcbin, a UDP port for each viewer");
  return true;
}

static void
stop (AirEngine *engine)
{
  WebrtcEngine *self = (WebrtcEngine *)engine;
  if (!self->loop)
    return;
  air_context_remove_source (self->context, self->timer);
  air_webrtc_loop_stop (self->loop);
  g_autofree void **ids = g_hash_table_get_keys_as_array (self->viewers, NULL);
  for (unsigned i = 0; ids[i]; i++)
    {
      Entry *entry = g_hash_table_lookup (self->viewers, ids[i]);
      g_autoptr (AirWebrtcViewer) viewer = air_webrtc_viewer_ref (entry->viewer);
      forget_viewer (self, viewer, AIR_VIEWER_SHUTDOWN);
    }
  g_hash_table_remove_all (self->feeds);
  air_webrtc_workers_stop (self->workers);
}

static void
free_engine (AirEngine *engine)
{
  WebrtcEngine *self = (WebrtcEngine *)engine;
  air_webrtc_workers_free (self->workers);
  air_webrtc_loop_free (self->loop);
  g_hash_table_unref (self->viewers);
  g_hash_table_unref (self->feeds);
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
  if (!air_fanout_feed_check (request->stream, self->bframes, error))
    return false;
  AirFanoutFeed *feed = find_feed (self, request->stream);
  AirSdpSource video = air_fanout_feed_get_video (feed);
  if (!air_sdp_choose (request->offer, &video, ret_choice, error))
    {
      if (air_fanout_feed_add_viewers (feed, 0) == 0)
        g_hash_table_remove (self->feeds, air_fanout_feed_get_group (feed));
      return false;
    }
  air_webrtc_viewer_limit_choice (ret_choice);
  Entry *entry = g_new (Entry, 1);
  *entry = (Entry){
    air_webrtc_viewer_new (request, ret_choice, air_fanout_feed_get_group (feed), self->loop, self->levels), feed
  };
  g_hash_table_insert (self->viewers, g_strdup (request->viewer_id), entry);
  air_fanout_feed_add_viewers (feed, 1);
  *ret_viewer = entry->viewer;
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
  answered (NULL, error, data);
  if (destroy)
    destroy (data);
}

static void
restart_viewer (AirEngine *engine, const char *viewer_id, const AirSdpFragment *fragment, AirEngineAnswered answered,
                void *data, GDestroyNotify destroy)
{
  WebrtcEngine *self = (WebrtcEngine *)engine;
  Entry *entry = g_hash_table_lookup (self->viewers, viewer_id);
  if (entry)
    {
      air_webrtc_workers_restart (self->workers, entry->viewer, fragment, answered, data, destroy);
      return;
    }
  g_autoptr (GError) error = g_error_new_literal (AIR_ERROR, AIR_ERROR_NOT_FOUND, "The session has ended.");
  answered (NULL, error, data);
  if (destroy)
    destroy (data);
}

static void
add_candidates (AirEngine *engine, const char *viewer_id, const AirSdpFragment *fragment)
{
  WebrtcEngine *self = (WebrtcEngine *)engine;
  Entry *entry = g_hash_table_lookup (self->viewers, viewer_id);
  if (entry)
    air_webrtc_peer_add_candidates (entry->viewer->peer, (const char *const *)fragment->candidates);
}

static void
remove_viewer (AirEngine *engine, const char *viewer_id, AirViewerReason reason)
{
  WebrtcEngine *self = (WebrtcEngine *)engine;
  Entry *entry = g_hash_table_lookup (self->viewers, viewer_id);
  if (entry)
    air_webrtc_loop_invoke (self->loop, end_viewer, news_new (self, entry->viewer, NULL, reason), free_news);
}

static GPtrArray *
list_viewers (AirEngine *engine, const char *path)
{
  WebrtcEngine *self = (WebrtcEngine *)engine;
  GPtrArray *infos = g_ptr_array_new_with_free_func ((GDestroyNotify)air_viewer_info_free);
  GHashTableIter iter;
  Entry *entry;
  g_hash_table_iter_init (&iter, self->viewers);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&entry))
    if (!path || g_str_equal (air_stream_get_path (air_fanout_feed_get_stream (entry->feed)), path))
      g_ptr_array_add (infos, air_viewer_record_get_info (&entry->viewer->record));
  return infos;
}

static AirViewerInfo *
get_viewer (AirEngine *engine, const char *viewer_id)
{
  WebrtcEngine *self = (WebrtcEngine *)engine;
  Entry *entry = g_hash_table_lookup (self->viewers, viewer_id);
  return entry ? air_viewer_record_get_info (&entry->viewer->record) : NULL;
}

static void
stream_changed (AirEngine *engine, const char *path)
{
  WebrtcEngine *self = (WebrtcEngine *)engine;
  GHashTableIter iter;
  AirFanoutFeed *feed;
  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&feed))
    if (g_str_equal (air_stream_get_path (air_fanout_feed_get_stream (feed)), path))
      air_fanout_feed_review (feed);
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
    .remove_viewer = remove_viewer,
    .list_viewers = list_viewers,
    .get_viewer = get_viewer,
    .stream_changed = stream_changed,
  };
  WebrtcEngine *self = g_new0 (WebrtcEngine, 1);
  self->engine.class = &class;
  self->context = context;
  self->events = *events;
  self->network.servers = servers;
  self->bframes = air_bframes_from_string (air_context_get_string (context, "bframes"));
  self->levels = air_levels_from_string (air_context_get_string (context, "levels"));
  self->viewers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_entry);
  self->feeds = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)air_fanout_feed_free);
  air_engine_metrics_init (&self->metrics, context);
  return &self->engine;
}
