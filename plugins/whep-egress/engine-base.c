/* See engine-base.h. */
#include "engine-base.h"

typedef struct
{
  AirViewerRecord *record;
  AirStreamFeed *feed;
} Entry;

static void
free_entry (void *data)
{
  Entry *entry = data;
  air_viewer_record_unref (entry->record);
  g_free (entry);
}

void
air_engine_base_init (AirEngineBase *self, const AirEngineClass *engine_class, const AirEngineBaseClass *class,
                      AirContext *context, const AirEngineEvents *events)
{
  self->engine.class = engine_class;
  self->class = class;
  self->context = context;
  self->events = *events;
  self->bframes = air_bframes_from_string (air_context_get_string (context, "bframes"));
  self->sound_waits_from = (unsigned)air_context_get_int (context, "sound_waits_from");
  self->levels = air_levels_from_string (air_context_get_string (context, "levels"));
  self->viewers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_entry);
  self->feeds = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)air_stream_feed_free);
  air_engine_metrics_init (&self->metrics, context);
}

void
air_engine_base_clear (AirEngineBase *self)
{
  g_hash_table_unref (self->viewers);
  g_hash_table_unref (self->feeds);
}

/* ---- Viewers and feeds */

static void
viewers_changed (AirEngineBase *self)
{
  GHashTableIter iter;
  AirStreamFeed *feed;
  unsigned count = g_hash_table_size (self->viewers), from = self->sound_waits_from;
  unsigned limit = self->sound_waits ? from - from / 4 : from; /* who comes and goes does not turn it on and off */
  self->sound_waits = from > 0 && count >= limit;
  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&feed))
    air_stream_feed_set_sound_waits (feed, self->sound_waits);
}

AirStreamFeed *
air_engine_base_find_feed (AirEngineBase *self, AirStream *stream)
{
  GHashTableIter iter;
  AirStreamFeed *feed;
  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&feed))
    if (air_stream_feed_get_stream (feed) == stream)
      return feed;
  AirFeedOutput output = self->class->make_output (self);
  feed = air_stream_feed_new (self->context, stream, self->bframes, &output);
  g_hash_table_insert (self->feeds, output.group, feed);
  return feed;
}

void
air_engine_base_drop_feed (AirEngineBase *self, AirStreamFeed *feed)
{
  if (air_stream_feed_add_viewers (feed, 0) == 0)
    g_hash_table_remove (self->feeds, air_stream_feed_get_group (feed));
}

void
air_engine_base_add_viewer (AirEngineBase *self, AirStreamFeed *feed, AirViewerRecord *record)
{
  Entry *entry = g_new (Entry, 1);
  *entry = (Entry){ record, feed };
  g_hash_table_insert (self->viewers, g_strdup (record->info.viewer_id), entry);
  air_stream_feed_add_viewers (feed, 1);
  air_stream_feed_add_short_viewers (feed, record->short_sound);
  viewers_changed (self);
}

void *
air_engine_base_find_viewer (AirEngineBase *self, const char *viewer_id)
{
  Entry *entry = g_hash_table_lookup (self->viewers, viewer_id);
  return entry ? entry->record->viewer : NULL;
}

void
air_engine_base_forget_viewer (AirEngineBase *self, AirViewerRecord *record, AirViewerReason reason)
{
  Entry *entry = g_hash_table_lookup (self->viewers, record->info.viewer_id);
  if (!entry)
    return;
  /* The entry's reference to the record may be the last one. */
  AirStreamFeed *feed = entry->feed;
  AirViewerInfo *info = air_viewer_record_get_info (record);
  int short_sound = record->short_sound;
  if (self->class->forget_viewer)
    self->class->forget_viewer (self, record->viewer);
  g_hash_table_remove (self->viewers, info->viewer_id);
  air_stream_feed_add_viewers (feed, -1);
  air_stream_feed_add_short_viewers (feed, -short_sound);
  air_engine_base_drop_feed (self, feed);
  viewers_changed (self);
  self->events.left (info, reason, self->events.data);
  air_viewer_info_free (info);
}

void
air_engine_base_forget_all (AirEngineBase *self)
{
  g_autofree void **ids = g_hash_table_get_keys_as_array (self->viewers, NULL);
  for (unsigned i = 0; ids[i]; i++)
    {
      Entry *entry = g_hash_table_lookup (self->viewers, ids[i]);
      g_autoptr (AirViewerRecord) record = air_viewer_record_ref (entry->record);
      air_engine_base_forget_viewer (self, record, AIR_VIEWER_SHUTDOWN);
    }
  g_hash_table_remove_all (self->feeds);
}

void
air_engine_base_second_passed (AirEngineBase *self, const AirEngineCounts *counts)
{
  GHashTableIter iter;
  AirStreamFeed *feed;
  air_engine_metrics_add (&self->metrics, counts);
  self->load = (AirEngineLoad){
    .packets = counts->packets,
    .dropped = counts->dropped,
    .late_us = air_delay_percentile_us (&counts->delays[AIR_KIND_VIDEO], 95),
  };
  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&feed))
    air_stream_feed_review (feed);
}

void
air_engine_base_refuse (const GError *error, AirEngineAnswered answered, void *data, GDestroyNotify destroy)
{
  answered (NULL, error, data);
  if (destroy)
    destroy (data);
}

/* ---- For AirEngineClass */

void
air_engine_base_remove_viewer (AirEngine *engine, const char *viewer_id, AirViewerReason reason)
{
  AirEngineBase *self = (AirEngineBase *)engine;
  void *viewer = air_engine_base_find_viewer (self, viewer_id);
  if (viewer)
    self->class->end_viewer (self, viewer, reason);
}

GPtrArray *
air_engine_base_list_viewers (AirEngine *engine, const char *path)
{
  AirEngineBase *self = (AirEngineBase *)engine;
  GPtrArray *infos = g_ptr_array_new_with_free_func ((GDestroyNotify)air_viewer_info_free);
  GHashTableIter iter;
  Entry *entry;
  g_hash_table_iter_init (&iter, self->viewers);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&entry))
    if (!path || g_str_equal (air_stream_get_path (air_stream_feed_get_stream (entry->feed)), path))
      g_ptr_array_add (infos, air_viewer_record_get_info (entry->record));
  return infos;
}

AirViewerInfo *
air_engine_base_get_viewer (AirEngine *engine, const char *viewer_id)
{
  Entry *entry = g_hash_table_lookup (((AirEngineBase *)engine)->viewers, viewer_id);
  return entry ? air_viewer_record_get_info (entry->record) : NULL;
}

void
air_engine_base_get_load (AirEngine *engine, AirEngineLoad *ret_load)
{
  *ret_load = ((AirEngineBase *)engine)->load;
}

void
air_engine_base_stream_changed (AirEngine *engine, const char *path)
{
  AirEngineBase *self = (AirEngineBase *)engine;
  GHashTableIter iter;
  AirStreamFeed *feed;
  g_hash_table_iter_init (&iter, self->feeds);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&feed))
    if (g_str_equal (air_stream_get_path (air_stream_feed_get_stream (feed)), path))
      air_stream_feed_take_change (feed);
}

/* ---- News, carried to the main thread */

typedef struct
{
  AirEngineBase *self;
  AirViewerRecord *record; /* a reference; NULL: about a group */
  void *group;
  AirViewerReason reason;
  AirLane lane;
} News;

static void
free_news (void *data)
{
  News *news = data;
  air_viewer_record_unref (news->record);
  g_free (news);
}

static void
tell (AirCallback callback, News news)
{
  News *told = g_new (News, 1);
  *told = news;
  if (told->record)
    air_viewer_record_ref (told->record);
  air_context_invoke (told->self->context, callback, told, free_news);
}

/* Returns: (nullable) */
static AirStreamFeed *
find_feed (const News *news)
{
  return g_hash_table_lookup (news->self->feeds, news->group);
}

static void
end_all_of (AirEngineBase *self, AirStreamFeed *feed, AirViewerReason reason)
{
  GHashTableIter iter;
  Entry *entry;
  g_hash_table_iter_init (&iter, self->viewers);
  while (g_hash_table_iter_next (&iter, NULL, (void **)&entry))
    if (entry->feed == feed)
      self->class->end_viewer (self, entry->record->viewer, reason);
}

static void
on_joined (void *data)
{
  News *news = data;
  AirViewerInfo *info = air_viewer_record_get_info (news->record);
  if (g_hash_table_contains (news->self->viewers, info->viewer_id))
    news->self->events.joined (info, news->self->events.data);
  air_viewer_info_free (info);
}

static void
on_left (void *data)
{
  News *news = data;
  air_engine_base_forget_viewer (news->self, news->record, news->reason);
}

static void
on_reordered (void *data)
{
  News *news = data;
  AirStreamFeed *feed = find_feed (news);
  if (feed && !air_stream_feed_take_reordered (feed))
    end_all_of (news->self, feed, AIR_VIEWER_BFRAMES);
}

static void
on_reader_ended (void *data)
{
  News *news = data;
  AirStreamFeed *feed = find_feed (news);
  if (feed && !air_stream_feed_take_ended (feed, news->lane))
    end_all_of (news->self, feed, AIR_VIEWER_STREAM_ENDED);
}

static void
on_rung_wanted (void *data)
{
  AirStreamFeed *feed = find_feed (data);
  if (feed)
    air_stream_feed_review (feed);
}

void
air_engine_base_tell_joined (AirEngineBase *self, AirViewerRecord *record)
{
  tell (on_joined, (News){ .self = self, .record = record });
}

void
air_engine_base_tell_left (AirEngineBase *self, AirViewerRecord *record, AirViewerReason reason)
{
  tell (on_left, (News){ .self = self, .record = record, .reason = reason });
}

void
air_engine_base_tell_reordered (AirEngineBase *self, void *group)
{
  tell (on_reordered, (News){ .self = self, .group = group });
}

void
air_engine_base_tell_reader_ended (AirEngineBase *self, void *group, AirLane lane)
{
  tell (on_reader_ended, (News){ .self = self, .group = group, .lane = lane });
}

void
air_engine_base_tell_rung_wanted (AirEngineBase *self, void *group)
{
  tell (on_rung_wanted, (News){ .self = self, .group = group });
}
