/* AirStreamRegistry: all streams by path, who publishes and who reads. Any thread. */
#define G_LOG_DOMAIN "air-streams"

#include "rendition.h"
#include "stream-private.h"

static void
copy_settings (AirStreamSettings *to, const AirStreamSettings *from)
{
  g_strfreev ((char **)to->paths);
  g_free ((char *)to->pipeline_dir);
  *to = *from;
  to->paths = (const char *const *)g_strdupv ((char **)from->paths);
  to->pipeline_dir = g_strdup (from->pipeline_dir);
}

AirStreamRegistry *
air_stream_registry_new (const AirStreamHooks *hooks, const AirStreamSettings *settings)
{
  AirStreamRegistry *registry = g_new0 (AirStreamRegistry, 1);
  g_atomic_ref_count_init (&registry->references);
  if (hooks != NULL)
    registry->hooks = *hooks;
  copy_settings (&registry->settings, settings);
  g_mutex_init (&registry->lock);
  g_cond_init (&registry->renditions_gone);
  registry->streams = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)air_stream_unref);
  registry->publishers = g_hash_table_new (NULL, NULL);
  registry->readers = g_hash_table_new (NULL, NULL);
  return registry;
}

AirStreamRegistry *
air_stream_registry_ref (AirStreamRegistry *registry)
{
  g_atomic_ref_count_inc (&registry->references);
  return registry;
}

void
air_stream_registry_unref (AirStreamRegistry *registry)
{
  if (registry == NULL || !g_atomic_ref_count_dec (&registry->references))
    return;
  g_hash_table_unref (registry->streams);
  g_hash_table_unref (registry->publishers);
  g_hash_table_unref (registry->readers);
  g_clear_pointer (&registry->standby_templates, g_ptr_array_unref);
  g_strfreev ((char **)registry->settings.paths);
  g_free ((char *)registry->settings.pipeline_dir);
  g_mutex_clear (&registry->lock);
  g_cond_clear (&registry->renditions_gone);
  g_free (registry);
}

void
air_stream_registry_configure (AirStreamRegistry *registry, const AirStreamSettings *settings)
{
  g_mutex_lock (&registry->lock);
  copy_settings (&registry->settings, settings);
  g_mutex_unlock (&registry->lock);
}

/* ---- Publishing */

static bool
may_be_published (const AirStreamSettings *settings, const char *path)
{
  if (settings->paths == NULL || settings->paths[0] == NULL)
    return true;
  for (unsigned i = 0; settings->paths[i] != NULL; i++)
    if (g_pattern_match_simple (settings->paths[i], path))
      return true;
  return false;
}

/* Returns: (transfer none) the stream at @path, made when there is none; NULL with @error. */
static AirStream *
open_stream_locked (AirStreamRegistry *registry, const char *path, GError **error)
{
  const AirStreamSettings *settings = &registry->settings;
  AirStream *stream = g_hash_table_lookup (registry->streams, path);
  if (stream != NULL)
    return stream;
  if (g_hash_table_size (registry->streams) >= settings->max_streams)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_LIMIT, "there are %u streams already, see [streams] max_streams",
                   settings->max_streams);
      return NULL;
    }
  stream = air_stream_new (registry, path, settings->gop_cache_bytes, settings->gop_cache_ns);
  g_hash_table_insert (registry->streams, stream->path, stream);
  return stream;
}

static AirPublisher *
publish_locked (AirStreamRegistry *registry, AirContext *owner, const char *path, const AirPublisherInfo *info,
                AirPublisher **ret_replaced, GError **error)
{
  if (registry->stopped)
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "the server is stopping");
      return NULL;
    }
  if (!may_be_published (&registry->settings, path))
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FORBIDDEN, "\"%s\" may not be published here, see [streams] paths", path);
      return NULL;
    }
  AirStream *stream = open_stream_locked (registry, path, error);
  if (stream == NULL)
    return NULL;
  AirPublisher *publisher = NULL;
  g_mutex_lock (&stream->lock);
  if (stream->publisher == NULL || info->takeover)
    {
      if (stream->publisher != NULL)
        *ret_replaced = air_stream_detach_locked (stream, g_get_monotonic_time () + registry->settings.hold_us,
                                                  "another publisher took over");
      publisher = air_publisher_new (stream, owner, info);
      air_stream_attach_locked (stream, publisher);
      g_hash_table_add (registry->publishers, publisher);
    }
  else
    g_set_error (error, AIR_ERROR, AIR_ERROR_CONFLICT, "\"%s\" is being published by somebody else", path);
  g_mutex_unlock (&stream->lock);
  return publisher;
}

AirPublisher *
air_stream_registry_publish (AirStreamRegistry *registry, AirContext *owner, const char *path,
                             const AirPublisherInfo *info, GError **error)
{
  if (!air_stream_path_is_valid (path))
    {
      g_autofree char *escaped = g_strescape (path != NULL ? path : "", NULL);
      g_set_error (error, AIR_ERROR, AIR_ERROR_INVALID, "\"%.200s\" is no stream path", escaped);
      return NULL;
    }
  g_autoptr (AirPublisher) replaced = NULL;
  g_mutex_lock (&registry->lock);
  AirPublisher *publisher = publish_locked (registry, owner, path, info, &replaced, error);
  g_mutex_unlock (&registry->lock);
  if (replaced != NULL)
    air_publisher_end (replaced, AIR_PUBLISHER_ENDED_TAKEN_OVER);
  return publisher;
}

void
air_stream_registry_forget_publisher (AirStreamRegistry *registry, AirPublisher *publisher)
{
  AirStream *stream = publisher->stream;
  g_autoptr (AirPublisher) detached = NULL;
  g_autoptr (AirStream) over = NULL;
  g_mutex_lock (&registry->lock);
  g_hash_table_remove (registry->publishers, publisher);
  int64_t hold_us = registry->settings.hold_us;
  g_mutex_lock (&stream->lock);
  if (stream->publisher == publisher)
    {
      detached = air_stream_detach_locked (stream, g_get_monotonic_time () + hold_us, "the publisher left");
      /* Nothing to hold for when nothing was ever seen. */
      if ((stream->state == AIR_STREAM_IDLE || hold_us <= 0)
          && g_hash_table_lookup (registry->streams, stream->path) == stream)
        over = air_stream_ref (stream);
    }
  g_mutex_unlock (&stream->lock);
  if (over != NULL)
    g_hash_table_remove (registry->streams, stream->path);
  g_mutex_unlock (&registry->lock);
  if (over != NULL)
    air_stream_end (over, "the publisher left");
}

/* ---- Finding */

AirStream *
air_stream_registry_find (AirStreamRegistry *registry, const char *path)
{
  g_mutex_lock (&registry->lock);
  AirStream *stream = path != NULL ? g_hash_table_lookup (registry->streams, path) : NULL;
  if (stream != NULL)
    {
      g_mutex_lock (&stream->lock);
      AirStreamState state = stream->state;
      g_mutex_unlock (&stream->lock);
      stream = state == AIR_STREAM_IDLE ? NULL : air_stream_ref (stream);
    }
  g_mutex_unlock (&registry->lock);
  return stream;
}

static int
compare_paths (const void *a, const void *b)
{
  return g_strcmp0 ((*(AirStream *const *)a)->path, (*(AirStream *const *)b)->path);
}

/* Returns: (transfer full) (element-type AirStream) all, those that nobody has sent to yet included. */
static GPtrArray *
all_streams (AirStreamRegistry *registry)
{
  GPtrArray *streams = g_ptr_array_new_with_free_func ((GDestroyNotify)air_stream_unref);
  g_mutex_lock (&registry->lock);
  GHashTableIter iter;
  void *stream;
  g_hash_table_iter_init (&iter, registry->streams);
  while (g_hash_table_iter_next (&iter, NULL, &stream))
    g_ptr_array_add (streams, air_stream_ref (stream));
  g_mutex_unlock (&registry->lock);
  return streams;
}

GPtrArray *
air_stream_registry_list (AirStreamRegistry *registry)
{
  GPtrArray *streams = all_streams (registry);
  for (unsigned i = streams->len; i-- > 0;)
    if (air_stream_get_state (streams->pdata[i]) == AIR_STREAM_IDLE)
      g_ptr_array_remove_index_fast (streams, i);
  g_ptr_array_sort (streams, compare_paths);
  return streams;
}

/* ---- Reading */

AirReader *
air_stream_registry_add_reader (AirStreamRegistry *registry, AirContext *owner, AirStream *stream,
                                const AirReaderConfig *config, GError **error)
{
  g_return_val_if_fail (stream != NULL && config != NULL, NULL);
  AirReader *reader = air_reader_new (stream, owner, config);
  if (!air_reader_open (reader, error))
    {
      air_reader_free (reader);
      return NULL;
    }
  g_mutex_lock (&registry->lock);
  unsigned max_readers = registry->settings.max_readers;
  g_hash_table_add (registry->readers, reader);
  g_mutex_unlock (&registry->lock);
  if (air_stream_add_reader (stream, reader, config->start, max_readers, error))
    return reader;
  air_stream_registry_forget_reader (registry, reader);
  air_reader_free (reader);
  return NULL;
}

void
air_stream_registry_forget_reader (AirStreamRegistry *registry, AirReader *reader)
{
  g_mutex_lock (&registry->lock);
  g_hash_table_remove (registry->readers, reader);
  g_mutex_unlock (&registry->lock);
}

void
air_stream_registry_remove_owner (AirStreamRegistry *registry, AirContext *owner)
{
  g_autoptr (GPtrArray) streams = all_streams (registry);
  for (unsigned i = 0; i < streams->len; i++)
    air_stream_remove_warnings_of (streams->pdata[i], owner);
}

unsigned
air_stream_registry_count_owner (AirStreamRegistry *registry, AirContext *owner)
{
  unsigned count = 0;
  GHashTableIter iter;
  void *key;
  g_mutex_lock (&registry->lock);
  g_hash_table_iter_init (&iter, registry->publishers);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      const AirPublisher *publisher = key;
      if (publisher->owner != owner)
        continue;
      g_warning ("publisher of %s by %s was not closed", publisher->stream->path, publisher->protocol);
      count++;
    }
  g_hash_table_iter_init (&iter, registry->readers);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      const AirReader *reader = key;
      if (reader->owner != owner)
        continue;
      g_warning ("reader of %s by %s was not closed", reader->stream->path, reader->protocol);
      count++;
    }
  g_mutex_unlock (&registry->lock);
  return count;
}

/* ---- Time and end */

bool
air_stream_registry_end_publisher (AirStreamRegistry *registry, const char *path)
{
  g_autoptr (AirStream) stream = air_stream_registry_find (registry, path);
  if (stream == NULL)
    return false;
  g_mutex_lock (&stream->lock);
  g_autoptr (AirPublisher) publisher = stream->publisher != NULL ? air_publisher_ref (stream->publisher) : NULL;
  g_mutex_unlock (&stream->lock);
  if (publisher != NULL)
    air_publisher_end (publisher, AIR_PUBLISHER_ENDED_KICKED);
  return publisher != NULL;
}

void
air_stream_registry_tick (AirStreamRegistry *registry, int64_t now_us)
{
  g_autoptr (GPtrArray) streams = all_streams (registry);
  for (unsigned i = 0; i < streams->len; i++)
    {
      AirStream *stream = streams->pdata[i];
      g_mutex_lock (&registry->lock);
      g_mutex_lock (&stream->lock);
      bool over = stream->publisher == NULL && stream->state == AIR_STREAM_HELD && now_us >= stream->hold_until_us;
      g_mutex_unlock (&stream->lock);
      if (over && g_hash_table_lookup (registry->streams, stream->path) == stream)
        g_hash_table_remove (registry->streams, stream->path);
      g_mutex_unlock (&registry->lock);
      if (over)
        air_stream_end (stream, "the publisher did not return");
      else
        air_stream_tick (stream, now_us);
    }
  air_renditions_review_standby (registry, streams);
}

void
air_stream_registry_stop (AirStreamRegistry *registry)
{
  g_mutex_lock (&registry->lock);
  registry->stopped = true;
  g_mutex_unlock (&registry->lock);
  g_autoptr (GPtrArray) streams = all_streams (registry);
  g_mutex_lock (&registry->lock);
  g_hash_table_remove_all (registry->streams);
  g_mutex_unlock (&registry->lock);
  for (unsigned i = 0; i < streams->len; i++)
    {
      AirStream *stream = streams->pdata[i];
      g_mutex_lock (&stream->lock);
      g_autoptr (AirPublisher) publisher = air_stream_detach_locked (stream, 0, "the server stops");
      g_mutex_unlock (&stream->lock);
      if (publisher != NULL)
        air_publisher_end (publisher, AIR_PUBLISHER_ENDED_SHUTDOWN);
      air_stream_end (stream, "the server stops");
    }
}

void
air_stream_registry_join (AirStreamRegistry *registry)
{
  g_mutex_lock (&registry->lock);
  while (registry->renditions > 0)
    g_cond_wait (&registry->renditions_gone, &registry->lock);
  g_mutex_unlock (&registry->lock);
}
