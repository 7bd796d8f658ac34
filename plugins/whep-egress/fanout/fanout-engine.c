/* The fan-out engine's side on the main thread: viewers and feeds, and news from the loops. */
#include "fanout-engine.h"

#define REVIEW_EVERY_MS 1000
/* Those who never sent a check are looked for so often. */
#define EXPIRE_EVERY_MS 250

typedef AirFanoutEngine FanoutEngine;
typedef AirFanoutEntry Entry;

static void
free_entry (void *data)
{
  Entry *entry = data;
  air_fanout_viewer_unref (entry->viewer);
  g_free (entry);
}

/* ---- News from the loops, carried to the main thread */

typedef struct
{
  FanoutEngine *self;
  AirFanoutViewer *viewer; /* a reference; NULL: about a group */
  AirFanoutGroup *group;   /* to be looked up, never followed */
  AirViewerReason reason;
  AirLane lane;
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
  *news = (News){ self, viewer ? air_fanout_viewer_ref (viewer) : NULL, group, reason, AIR_LANE_AUDIO };
  air_context_invoke (self->context, callback, news, free_news);
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

/* The viewer is off its loop, or never came to one. */
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
  AirViewerInfo *info = air_viewer_record_get_info (&news->viewer->record);
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
  AirFanoutLoop *owner = air_fanout_directory_withdraw (air_fanout_loops_get_directory (self->loops), &viewer->listing);
  if (!owner)
    {
      tell (self, on_left, viewer, NULL, reason);
      return;
    }
  News *news = g_new (News, 1);
  *news = (News){ self, air_fanout_viewer_ref (viewer), NULL, reason, AIR_LANE_AUDIO };
  air_fanout_loop_invoke (owner, end_viewer, news, free_news);
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
loop_reader_ended (AirFanoutGroup *group, AirLane lane, void *data)
{
  FanoutEngine *self = data;
  News *news = g_new (News, 1);
  *news = (News){ self, NULL, group, AIR_VIEWER_LEFT, lane };
  air_context_invoke (self->context, on_reader_ended, news, free_news);
}

static void
loop_rung_wanted (AirFanoutGroup *group, void *data)
{
  tell (data, on_rung_wanted, NULL, group, AIR_VIEWER_LEFT);
}

/* ---- Start and stop */

static void
second_passed (void *data)
{
  FanoutEngine *self = data;
  AirEngineCounts counts = air_fanout_loops_take_counts (self->loops);
  air_engine_metrics_add (&self->metrics, &counts);
  self->load = (AirEngineLoad){
    .packets = counts.packets,
    .dropped = counts.dropped,
    .late_us = air_delay_percentile_us (&counts.delays, 95),
  };

  GHashTableIter iter;
  AirFanoutFeed *feed;
  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&feed))
    air_fanout_feed_review (feed);
}

/* Those whose first check never came. */
static void
expire_viewers (void *data)
{
  FanoutEngine *self = data;
  int64_t before_us = g_get_monotonic_time () - AIR_FANOUT_HANDSHAKE_US;
  AirFanoutViewer *viewer;
  while ((viewer = air_fanout_directory_expire (air_fanout_loops_get_directory (self->loops), before_us)))
    {
      AirViewerInfo *info = air_viewer_record_get_info (&viewer->record);
      forget_viewer (self, info, AIR_VIEWER_NO_HANDSHAKE);
      air_viewer_info_free (info);
    }
}

static unsigned
count_loops (FanoutEngine *self)
{
  unsigned wanted = (unsigned)air_context_get_int (self->context, "loops");
  return wanted > 0 ? wanted : MIN (g_get_num_processors (), AIR_FANOUT_MAX_LOOPS);
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
  const AirAddress *address = air_fanout_loops_get_address (self->loops, 0);
  char text[AIR_ADDRESS_STRING_BYTES];
  air_context_announce_endpoint (self->context, "webrtc-udp", air_address_ip_string (address, text), address->port);
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
  unsigned max_viewers = (unsigned)air_context_get_int (self->context, "max_viewers");
  self->loops = air_fanout_loops_new (count_loops (self), listen, n_listen, max_viewers,
                                      air_context_get_bool (self->context, "tcp"), &events, error);
  if (!self->loops)
    return false;
  self->additional = air_additional_hosts_new (self->context);
  air_fanout_loops_start (self->loops);
  self->review_timer = air_context_add_timer (self->context, REVIEW_EVERY_MS, second_passed, self);
  self->expire_timer = air_context_add_timer (self->context, EXPIRE_EVERY_MS, expire_viewers, self);
  announce (self);
  return true;
}

static void
stop (AirEngine *engine)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  if (!self->loops)
    return;
  air_context_remove_source (self->context, self->review_timer);
  air_context_remove_source (self->context, self->expire_timer);
  air_fanout_loops_stop (self->loops);
  g_autofree void **ids = g_hash_table_get_keys_as_array (self->viewers, NULL);
  for (unsigned i = 0; ids[i]; i++)
    {
      Entry *entry = g_hash_table_lookup (self->viewers, ids[i]);
      AirViewerInfo *info = air_viewer_record_get_info (&entry->viewer->record);
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
  air_fanout_loops_free (self->loops);
  g_hash_table_unref (self->viewers);
  g_hash_table_unref (self->feeds);
  g_clear_pointer (&self->identity, air_dtls_identity_unref);
  air_additional_hosts_free (self->additional);
  g_free (self);
}

/* ---- Viewers */

static void
set_reader (void *group, AirLane lane, AirReader *reader)
{
  air_fanout_group_set_reader (group, lane, reader);
}

static void
close_group (void *group)
{
  air_fanout_group_close (group);
}

static AirFanoutFeed *
find_feed (FanoutEngine *self, AirStream *stream)
{
  GHashTableIter iter;
  AirFanoutFeed *feed;
  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&feed))
    if (air_fanout_feed_get_stream (feed) == stream)
      return feed;
  AirFanoutGroup *group = air_fanout_loops_make_group (self->loops, self->bframes == AIR_BFRAMES_DROP);
  AirFeedOutput output = { group, set_reader, close_group, air_fanout_group_get_demand (group) };
  feed = air_fanout_feed_new (self->context, stream, self->bframes, &output);
  g_hash_table_insert (self->feeds, air_fanout_feed_get_group (feed), feed);
  return feed;
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
      AirFanoutViewer *viewer = air_fanout_engine_make_viewer (self, feed, request, &answer, &error);
      if (viewer)
        {
          Entry *entry = g_new (Entry, 1);
          *entry = (Entry){ viewer, feed };
          g_hash_table_insert (self->viewers, g_strdup (request->viewer_id), entry);
          air_fanout_feed_add_viewers (feed, 1);
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
      g_ptr_array_add (infos, air_viewer_record_get_info (&entry->viewer->record));
  return infos;
}

static AirViewerInfo *
get_viewer (AirEngine *engine, const char *viewer_id)
{
  FanoutEngine *self = (FanoutEngine *)engine;
  Entry *entry = g_hash_table_lookup (self->viewers, viewer_id);
  return entry ? air_viewer_record_get_info (&entry->viewer->record) : NULL;
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
    .restart = air_fanout_engine_restart_viewer,
    .remove_viewer = remove_viewer,
    .list_viewers = list_viewers,
    .get_viewer = get_viewer,
    .get_load = get_load,
    .stream_changed = stream_changed,
  };
  FanoutEngine *self = g_new0 (FanoutEngine, 1);
  self->engine.class = &class;
  self->context = context;
  self->events = *events;
  self->bframes = air_bframes_from_string (air_context_get_string (context, "bframes"));
  self->levels = air_levels_from_string (air_context_get_string (context, "levels"));
  self->viewers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_entry);
  self->feeds = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)air_fanout_feed_free);
  air_engine_metrics_init (&self->metrics, context);
  return &self->engine;
}
