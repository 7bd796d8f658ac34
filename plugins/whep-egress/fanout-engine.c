/* The fan-out engine's side on the main thread: answers, feeds, and news from the loop. */
#include <string.h>

#include "additional-hosts.h"
#include "fanout-feed.h"
#include "fanout-metrics.h"
#include "ice-candidates.h"

#define REVIEW_EVERY_MS 1000

typedef struct
{
  AirEngine engine;
  AirContext *context;
  AirEngineEvents events;
  AirFanoutLoop *loop;
  AirDtlsIdentity *identity;
  AirBframes bframes;
  GHashTable *viewers; /* id → Entry */
  GHashTable *feeds;   /* group → AirFanoutFeed */
  AirAdditionalHosts *additional;
  AirFanoutMetrics metrics;
  AirEngineLoad load;
  unsigned timer;
} FanoutEngine;

typedef struct
{
  AirFanoutViewer *viewer;
  AirFanoutFeed *feed;
} Entry;

static void
free_entry (void *data)
{
  Entry *entry = data;
  air_fanout_viewer_unref (entry->viewer);
  g_free (entry);
}

/* ---- News from the loop, carried to the main thread */

typedef struct
{
  FanoutEngine *self;
  AirFanoutViewer *viewer; /* a reference; NULL: about a group */
  AirFanoutGroup *group;   /* to be looked up, never followed */
  AirViewerReason reason;
} News;

static void
free_news (void *data)
{
  News *news = data;
  air_fanout_viewer_unref (news->viewer);
  g_free (news);
}

static void
tell (FanoutEngine *self, AirCallback callback, AirFanoutViewer *viewer, AirFanoutGroup *group, AirViewerReason reason)
{
  News *news = g_new (News, 1);
  *news = (News){ self, viewer ? air_fanout_viewer_ref (viewer) : NULL, group, reason };
  air_context_invoke (self->context, callback, news, free_news);
}

static void
on_joined (void *data)
{
  News *news = data;
  AirViewerInfo *info = air_fanout_viewer_get_info (news->viewer);
  if (g_hash_table_contains (news->self->viewers, info->viewer_id))
    news->self->events.joined (info, news->self->events.data);
  air_viewer_info_free (info);
}

/* The viewer is off the loop, or never came to it. */
static void
forget_viewer (FanoutEngine *self, const AirViewerInfo *info, AirViewerReason reason)
{
  Entry *entry = g_hash_table_lookup (self->viewers, info->viewer_id);
  if (!entry)
    return;
  AirFanoutFeed *feed = entry->feed;
  g_hash_table_remove (self->viewers, info->viewer_id);
  if (air_fanout_feed_add_viewers (feed, -1) == 0)
    g_hash_table_remove (self->feeds, air_fanout_feed_get_group (feed));
  self->events.left (info, reason, self->events.data);
}

static void
on_left (void *data)
{
  News *news = data;
  AirViewerInfo *info = air_fanout_viewer_get_info (news->viewer);
  forget_viewer (news->self, info, news->reason);
  air_viewer_info_free (info);
}

static void
end_viewer (AirFanoutLoop *loop, void *data)
{
  News *news = data;
  air_fanout_loop_end_viewer (loop, news->viewer, news->reason);
}

static void
order_end (FanoutEngine *self, AirFanoutViewer *viewer, AirViewerReason reason)
{
  News *news = g_new (News, 1);
  *news = (News){ self, air_fanout_viewer_ref (viewer), NULL, reason };
  air_fanout_loop_invoke (self->loop, end_viewer, news, free_news);
}

static void
end_all_of (FanoutEngine *self, AirFanoutFeed *feed, AirViewerReason reason)
{
  GHashTableIter iter;
  Entry *entry;
  g_hash_table_iter_init (&iter, self->viewers);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&entry))
    if (entry->feed == feed)
      order_end (self, entry->viewer, reason);
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
  if (feed && !air_fanout_feed_take_ended (feed))
    end_all_of (news->self, feed, AIR_VIEWER_STREAM_ENDED);
}

static void
loop_joined (AirFanoutViewer *viewer, void *data)
{
  tell (data, on_joined, viewer, NULL, AIR_VIEWER_LEFT);
}

static void
loop_left (AirFanoutViewer *viewer, AirViewerReason reason, void *data)
{
  tell (data, on_left, viewer, NULL, reason);
}

static void
loop_reordered (AirFanoutGroup *group, void *data)
{
  tell (data, on_reordered, NULL, group, AIR_VIEWER_LEFT);
}

static void
loop_reader_ended (AirFanoutGroup *group, void *data)
{
  tell (data, on_reader_ended, NULL, group, AIR_VIEWER_LEFT);
}

/* ---- Start and stop */

static void
second_passed (void *data)
{
  FanoutEngine *self = data;
  AirFanoutCounts counts;
  air_fanout_loop_take_counts (self->loop, &counts);
  air_fanout_metrics_add (&self->metrics, &counts);
  self->load = (AirEngineLoad){ .packets = counts.packets, .dropped = counts.dropped };

  GHashTableIter iter;
  AirFanoutFeed *feed;
  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&feed))
    air_fanout_feed_review (feed);
}

static bool
read_listen (FanoutEngine *self, AirAddress *ret_listen, unsigned *ret_count, GError **error)
{
  GPtrArray *addresses = air_context_get_addresses (self->context, "udp_listen");
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
  const AirAddress *address = air_fanout_loop_get_address (self->loop, 0);
  char text[AIR_ADDRESS_STRING_BYTES];
  air_context_announce_endpoint (self->context, "webrtc-udp", air_address_ip_string (address, text), address->port);
  for (unsigned i = 0; i < air_fanout_loop_count_sockets (self->loop); i++)
    g_message ("WebRTC on UDP %s", air_address_string (air_fanout_loop_get_address (self->loop, i), text));
}

static bool
start (AirEngine *engine, GError **error)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  AirFanoutEvents events = { loop_joined, loop_left, loop_reordered, loop_reader_ended, self };
  AirAddress listen[AIR_UDP_MAX_SOCKETS];
  unsigned n_listen;
  self->identity = air_dtls_identity_new (error);
  if (!self->identity || !read_listen (self, listen, &n_listen, error))
    return false;
  unsigned max_viewers = (unsigned)air_context_get_int (self->context, "max_viewers");
  self->loop = air_fanout_loop_new (listen, n_listen, max_viewers, &events, error);
  if (!self->loop)
    return false;
  self->additional = air_additional_hosts_new (self->context);
  air_fanout_loop_start (self->loop);
  self->timer = air_context_add_timer (self->context, REVIEW_EVERY_MS, second_passed, self);
  announce (self);
  return true;
}

static void
stop (AirEngine *engine)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  if (!self->loop)
    return;
  air_context_remove_source (self->context, self->timer);
  air_fanout_loop_stop (self->loop);
  g_autofree void **ids = g_hash_table_get_keys_as_array (self->viewers, NULL);
  for (unsigned i = 0; ids[i]; i++)
    {
      Entry *entry = g_hash_table_lookup (self->viewers, ids[i]);
      AirViewerInfo *info = air_fanout_viewer_get_info (entry->viewer);
      forget_viewer (self, info, AIR_VIEWER_SHUTDOWN);
      air_viewer_info_free (info);
    }
  g_hash_table_remove_all (self->feeds);
  air_context_announce_endpoint (self->context, "webrtc-udp", "", 0);
}

static void
free_engine (AirEngine *engine)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  air_fanout_loop_free (self->loop);
  g_hash_table_unref (self->viewers);
  g_hash_table_unref (self->feeds);
  g_clear_pointer (&self->identity, air_dtls_identity_unref);
  air_additional_hosts_free (self->additional);
  g_free (self);
}

/* ---- Viewers */

static AirFanoutFeed *
find_feed (FanoutEngine *self, AirStream *stream)
{
  GHashTableIter iter;
  AirFanoutFeed *feed;
  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&feed))
    if (air_fanout_feed_get_stream (feed) == stream)
      return feed;
  feed = air_fanout_feed_new (self->context, self->loop, stream, self->bframes);
  g_hash_table_insert (self->feeds, air_fanout_feed_get_group (feed), feed);
  return feed;
}

static GStrv
list_candidates (FanoutEngine *self)
{
  AirAddress listen[AIR_UDP_MAX_SOCKETS];
  unsigned count = air_fanout_loop_count_sockets (self->loop);
  for (unsigned i = 0; i < count; i++)
    listen[i] = *air_fanout_loop_get_address (self->loop, i);
  g_autoptr (GArray) addresses = air_ice_gather (listen, count, air_additional_hosts_get (self->additional));
  GStrv lines = g_new0 (char *, addresses->len + 1);
  for (guint i = 0; i < addresses->len; i++)
    lines[i] = air_ice_candidate_line (&g_array_index (addresses, AirAddress, i), i);
  return lines;
}

static bool
prepare_transport (FanoutEngine *self, AirFanoutViewer *viewer, const AirSdpChoice *choice, GError **error)
{
  const char *fingerprints[] = { choice->transport.fingerprint, NULL };
  g_autoptr (GError) reason = NULL;
  viewer->ice = air_ice_new (choice->transport.ice_ufrag);
  viewer->dtls = air_dtls_new (self->identity, choice->dtls_client ? AIR_DTLS_CLIENT : AIR_DTLS_SERVER, fingerprints,
                               air_fanout_loop_send_dtls, viewer, &reason);
  if (viewer->dtls)
    return true;
  g_set_error (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED, "The offer's DTLS fingerprint cannot be used: %s",
               reason->message);
  return false;
}

static char *
write_answer (FanoutEngine *self, AirFanoutViewer *viewer, const AirSdpOffer *offer, const AirSdpChoice *choice)
{
  g_auto (GStrv) candidates = list_candidates (self);
  AirSdpLocal local = {
    .ice_ufrag = air_ice_get_ufrag (viewer->ice),
    .ice_pwd = air_ice_get_pwd (viewer->ice),
    .fingerprint = air_dtls_identity_get_fingerprint (self->identity),
    .candidates = (const char *const *)candidates,
    .cname = viewer->cname,
    .session_id = (uint64_t)g_random_int () << 31 | g_random_int () >> 1,
  };
  return air_sdp_answer_write (offer, choice, &local);
}

static void
attach (AirFanoutLoop *loop, void *viewer)
{
  air_fanout_loop_add_viewer (loop, viewer);
}

static AirFanoutViewer *
make_viewer (FanoutEngine *self, AirFanoutFeed *feed, const AirViewerRequest *request, char **ret_answer,
             GError **error)
{
  AirSdpChoice choice;
  AirSdpSource video = air_fanout_feed_get_video (feed);
  if (!air_sdp_choose (request->offer, &video, &choice, error))
    return NULL;
  g_autoptr (AirFanoutViewer) viewer = air_fanout_viewer_new (request, &choice);
  if (!prepare_transport (self, viewer, &choice, error))
    return NULL;
  viewer->group = air_fanout_feed_get_group (feed);
  *ret_answer = write_answer (self, viewer, request->offer, &choice);
  return g_steal_pointer (&viewer);
}

static void
add_viewer (AirEngine *engine, const AirViewerRequest *request, AirEngineAnswered answered, void *data,
            GDestroyNotify destroy)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = NULL;
  if (air_fanout_feed_check (request->stream, self->bframes, &error))
    {
      AirFanoutFeed *feed = find_feed (self, request->stream);
      AirFanoutViewer *viewer = make_viewer (self, feed, request, &answer, &error);
      if (viewer)
        {
          Entry *entry = g_new (Entry, 1);
          *entry = (Entry){ viewer, feed };
          g_hash_table_insert (self->viewers, g_strdup (request->viewer_id), entry);
          air_fanout_feed_add_viewers (feed, 1);
          air_fanout_loop_invoke (self->loop, attach, air_fanout_viewer_ref (viewer),
                                  (GDestroyNotify)air_fanout_viewer_unref);
        }
      else if (air_fanout_feed_add_viewers (feed, 0) == 0)
        g_hash_table_remove (self->feeds, air_fanout_feed_get_group (feed));
    }
  answered (answer, error, data);
  if (destroy)
    destroy (data);
}

static void
remove_viewer (AirEngine *engine, const char *viewer_id, AirViewerReason reason)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  Entry *entry = g_hash_table_lookup (self->viewers, viewer_id);
  if (entry)
    order_end (self, entry->viewer, reason);
}

typedef struct
{
  FanoutEngine *self;
  AirFanoutViewer *viewer;
  char *remote_ufrag;
  char *ufrag, *pwd; /* the new ones; NULL: the viewer had ended */
  AirEngineAnswered answered;
  void *data;
  GDestroyNotify destroy;
} Restart;

static void
free_restart (void *data)
{
  Restart *restart = data;
  if (restart->destroy)
    restart->destroy (restart->data);
  air_fanout_viewer_unref (restart->viewer);
  g_free (restart->remote_ufrag);
  g_free (restart->ufrag);
  g_free (restart->pwd);
  g_free (restart);
}

static void
on_restarted (void *data)
{
  Restart *restart = data;
  if (!restart->ufrag)
    {
      g_autoptr (GError) error = g_error_new_literal (AIR_ERROR, AIR_ERROR_NOT_FOUND, "The session has ended.");
      restart->answered (NULL, error, restart->data);
      return;
    }
  g_auto (GStrv) candidates = list_candidates (restart->self);
  AirSdpLocal local = {
    .ice_ufrag = restart->ufrag,
    .ice_pwd = restart->pwd,
    .candidates = (const char *const *)candidates,
  };
  g_autofree char *fragment = air_sdp_fragment_write (restart->viewer->mid, &local);
  restart->answered (fragment, NULL, restart->data);
}

/* The command's data goes on to the main thread, so the command itself frees nothing. */
static void
do_restart (AirFanoutLoop *loop, void *data)
{
  Restart **slot = data;
  Restart *restart = g_steal_pointer (slot);
  AirFanoutViewer *viewer = restart->viewer;
  if (viewer->attached)
    {
      air_fanout_loop_restart_viewer (loop, viewer, restart->remote_ufrag);
      restart->ufrag = g_strdup (air_ice_get_ufrag (viewer->ice));
      restart->pwd = g_strdup (air_ice_get_pwd (viewer->ice));
    }
  air_context_invoke (restart->self->context, on_restarted, restart, free_restart);
}

static void
free_restart_slot (void *data)
{
  Restart **slot = data;
  g_clear_pointer (slot, free_restart);
  g_free (slot);
}

static void
restart_viewer (AirEngine *engine, const char *viewer_id, const AirSdpFragment *fragment, AirEngineAnswered answered,
                void *data, GDestroyNotify destroy)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  Entry *entry = g_hash_table_lookup (self->viewers, viewer_id);
  Restart *restart = g_new0 (Restart, 1);
  restart->self = self;
  restart->remote_ufrag = g_strdup (fragment->ice_ufrag);
  restart->answered = answered;
  restart->data = data;
  restart->destroy = destroy;
  if (!entry)
    {
      on_restarted (restart);
      free_restart (restart);
      return;
    }
  restart->viewer = air_fanout_viewer_ref (entry->viewer);
  Restart **slot = g_new (Restart *, 1);
  *slot = restart;
  air_fanout_loop_invoke (self->loop, do_restart, slot, free_restart_slot);
}

static GPtrArray *
list_viewers (AirEngine *engine, const char *path)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  GPtrArray *infos = g_ptr_array_new_with_free_func ((GDestroyNotify)air_viewer_info_free);
  GHashTableIter iter;
  Entry *entry;
  g_hash_table_iter_init (&iter, self->viewers);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&entry))
    if (!path || g_str_equal (air_stream_get_path (air_fanout_feed_get_stream (entry->feed)), path))
      g_ptr_array_add (infos, air_fanout_viewer_get_info (entry->viewer));
  return infos;
}

static AirViewerInfo *
get_viewer (AirEngine *engine, const char *viewer_id)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  Entry *entry = g_hash_table_lookup (self->viewers, viewer_id);
  return entry ? air_fanout_viewer_get_info (entry->viewer) : NULL;
}

static void
get_load (AirEngine *engine, AirEngineLoad *ret_load)
{
  *ret_load = ((FanoutEngine *)engine)->load;
}

static void
stream_changed (AirEngine *engine, const char *path)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  GHashTableIter iter;
  AirFanoutFeed *feed;
  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&feed))
    if (g_str_equal (air_stream_get_path (air_fanout_feed_get_stream (feed)), path))
      air_fanout_feed_review (feed);
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
    .restart = restart_viewer,
    .remove_viewer = remove_viewer,
    .list_viewers = list_viewers,
    .get_viewer = get_viewer,
    .get_load = get_load,
    .stream_changed = stream_changed,
  };
  FanoutEngine *self = g_new0 (FanoutEngine, 1);
  const char *bframes = air_context_get_string (context, "bframes");
  self->engine.class = &class;
  self->context = context;
  self->events = *events;
  self->bframes = g_str_equal (bframes, "drop")     ? AIR_BFRAMES_DROP
                  : g_str_equal (bframes, "refuse") ? AIR_BFRAMES_REFUSE
                                                    : AIR_BFRAMES_TRANSCODE;
  self->viewers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_entry);
  self->feeds = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)air_fanout_feed_free);
  air_fanout_metrics_init (&self->metrics, context);
  return &self->engine;
}
