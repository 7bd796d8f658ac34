/* AirStream: state, tracks, cache and readers of one path, or of one rendition. Any thread. */
#include <string.h>

#include "rendition.h"
#include "stream-private.h"

#define MAX_PATH_LENGTH 128
/* After this a publisher that returned without one of its tracks is taken to have no more of it. */
#define MISSING_TRACK_US (3 * G_USEC_PER_SEC)

bool
air_stream_path_is_valid (const char *path)
{
  if (path == NULL || strlen (path) > MAX_PATH_LENGTH)
    return false;
  for (const char *segment = path;;)
    {
      size_t length = strcspn (segment, "/");
      if (length == 0 || (segment[0] == '.' && (length == 1 || (length == 2 && segment[1] == '.'))))
        return false;
      for (size_t i = 0; i < length; i++)
        if (!g_ascii_isalnum (segment[i]) && strchr ("_.~-", segment[i]) == NULL)
          return false;
      if (segment[length] == '\0')
        return true;
      segment += length + 1;
    }
}

static void
free_failure (void *data)
{
  AirRenditionFailure *failure = data;
  g_free (failure->message);
  g_free (failure);
}

AirStream *
air_stream_new (AirStreamRegistry *registry, const char *path, size_t gop_cache_bytes, int64_t gop_cache_ns)
{
  AirStream *stream = g_new0 (AirStream, 1);
  g_atomic_ref_count_init (&stream->references);
  stream->registry = air_stream_registry_ref (registry);
  stream->path = g_strdup (path);
  g_mutex_init (&stream->lock);
  air_timeline_init (&stream->timeline);
  air_gop_cache_init (&stream->cache, gop_cache_bytes, gop_cache_ns);
  air_meter_begin (&stream->meter);
  stream->kinds = (1u << AIR_KIND_VIDEO) | (1u << AIR_KIND_AUDIO);
  stream->readers = g_ptr_array_new ();
  stream->told_readers = g_hash_table_new (NULL, NULL);
  stream->renditions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)air_rendition_unref);
  stream->warnings = g_ptr_array_new_with_free_func ((GDestroyNotify)air_stream_warning_free);
  stream->failures = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_failure);
  return stream;
}

AirStream *
air_stream_ref (AirStream *stream)
{
  g_atomic_ref_count_inc (&stream->references);
  return stream;
}

void
air_stream_unref (AirStream *stream)
{
  if (stream == NULL || !g_atomic_ref_count_dec (&stream->references))
    return;
  air_gop_cache_clear (&stream->cache);
  for (int kind = 0; kind < AIR_KIND_COUNT; kind++)
    air_track_unref (stream->tracks[kind]);
  g_ptr_array_unref (stream->readers);
  g_hash_table_unref (stream->told_readers);
  g_hash_table_unref (stream->renditions);
  g_hash_table_unref (stream->failures);
  g_ptr_array_unref (stream->warnings);
  g_free (stream->last_protocol);
  g_free (stream->last_address);
  g_free (stream->path);
  g_mutex_clear (&stream->lock);
  g_clear_pointer (&stream->parent, air_stream_unref);
  air_stream_registry_unref (stream->registry);
  g_free (stream);
}

const char *
air_stream_get_path (AirStream *stream)
{
  return stream->path;
}

AirStreamState
air_stream_get_state (AirStream *stream)
{
  g_mutex_lock (&stream->lock);
  AirStreamState state = stream->state;
  bool ended = stream->ended;
  g_mutex_unlock (&stream->lock);
  return stream->parent != NULL && !ended ? air_stream_get_state (stream->parent) : state;
}

AirTrack *
air_stream_get_track (AirStream *stream, AirKind kind)
{
  g_mutex_lock (&stream->lock);
  AirTrack *track = stream->tracks[kind] != NULL ? air_track_ref (stream->tracks[kind]) : NULL;
  g_mutex_unlock (&stream->lock);
  return track;
}

bool
air_stream_has_bframes (AirStream *stream)
{
  g_mutex_lock (&stream->lock);
  bool bframes = stream->meter.bframes;
  g_mutex_unlock (&stream->lock);
  return bframes;
}

bool
air_stream_get_ingest (AirStream *stream, AirStreamIngest *ret_ingest)
{
  int64_t now_us = g_get_monotonic_time ();
  const AirStreamMeter *meter = &stream->meter;
  g_mutex_lock (&stream->lock);
  bool live = stream->state == AIR_STREAM_LIVE && meter->began_us != 0;
  const AirTrack *video = stream->tracks[AIR_KIND_VIDEO];
  if (live)
    *ret_ingest = (AirStreamIngest){
      .age_us = now_us - meter->began_us,
      .silence_us = air_meter_get_silence_us (meter, now_us),
      .late_us = air_meter_get_late_ns (meter, now_us) / 1000,
      .fps = air_meter_get_fps (meter, now_us),
      .declared_fps = video != NULL ? air_track_get_frame_rate (video) : 0,
      .bitrate_bps = air_meter_get_bitrate_bps (meter, AIR_KIND_VIDEO, now_us)
                     + air_meter_get_bitrate_bps (meter, AIR_KIND_AUDIO, now_us),
    };
  g_mutex_unlock (&stream->lock);
  return live;
}

void
air_stream_request_keyframe (AirStream *stream)
{
  g_mutex_lock (&stream->lock);
  g_autoptr (AirRendition) rendition = stream->rendition != NULL ? air_rendition_ref (stream->rendition) : NULL;
  g_mutex_unlock (&stream->lock);
  if (rendition != NULL) /* RTMP knows no such request */
    air_rendition_request_keyframe (rendition);
}

JsonNode *
air_stream_describe (AirStream *stream)
{
  return air_stream_status (stream, stream->path, true, g_get_monotonic_time ());
}

/* ---- State and publisher */

void
air_stream_set_state_locked (AirStream *stream, AirStreamState state, const char *reason)
{
  AirStreamState previous = stream->state;
  if (state == previous)
    return;
  stream->state = state;
  const AirStreamHooks *hooks = &stream->registry->hooks;
  if (hooks->state != NULL && stream->parent == NULL)
    hooks->state (stream, state, previous, stream->last_protocol, stream->last_address, reason, hooks->data);
}

/* What could not be made of the publisher, or the track, before may be possible now. */
static void
renew_renditions_locked (AirStream *stream)
{
  GHashTableIter iter;
  void *rendition;
  g_hash_table_remove_all (stream->failures);
  g_hash_table_iter_init (&iter, stream->renditions);
  while (g_hash_table_iter_next (&iter, NULL, &rendition))
    air_rendition_renew (rendition);
}

void
air_stream_attach_locked (AirStream *stream, AirPublisher *publisher)
{
  stream->publisher = air_publisher_ref (publisher);
  g_free (stream->last_protocol);
  g_free (stream->last_address);
  stream->last_protocol = g_strdup (publisher->protocol);
  stream->last_address = g_strdup (publisher->address);
  air_timeline_begin (&stream->timeline, publisher->wrap_ns);
  air_gop_cache_clear (&stream->cache);
  air_meter_begin (&stream->meter);
  renew_renditions_locked (stream);
  for (unsigned i = 0; i < stream->readers->len; i++)
    air_reader_wait_for_keyframe (stream->readers->pdata[i]);
}

AirPublisher *
air_stream_detach_locked (AirStream *stream, int64_t hold_until_us, const char *reason)
{
  stream->hold_until_us = hold_until_us;
  if (stream->state == AIR_STREAM_LIVE)
    air_stream_set_state_locked (stream, AIR_STREAM_HELD, reason);
  return g_steal_pointer (&stream->publisher);
}

void
air_stream_end (AirStream *stream, const char *reason)
{
  g_autoptr (GPtrArray) renditions = g_ptr_array_new_with_free_func ((GDestroyNotify)air_rendition_unref);
  g_mutex_lock (&stream->lock);
  if (!stream->ended)
    {
      stream->ended = true;
      stream->rendition = NULL;
      air_stream_set_state_locked (stream, AIR_STREAM_IDLE, reason);
      for (unsigned i = 0; i < stream->readers->len; i++)
        air_reader_end (stream->readers->pdata[i]);
      GHashTableIter iter;
      void *rendition;
      g_hash_table_iter_init (&iter, stream->renditions);
      while (g_hash_table_iter_next (&iter, NULL, &rendition))
        g_ptr_array_add (renditions, air_rendition_ref (rendition));
      g_hash_table_remove_all (stream->renditions);
      air_gop_cache_clear (&stream->cache);
    }
  g_mutex_unlock (&stream->lock);
  for (unsigned i = 0; i < renditions->len; i++)
    {
      air_stream_end (air_rendition_get_stream (renditions->pdata[i]), reason);
      air_rendition_quit (renditions->pdata[i]);
    }
}

/* ---- Tracks and units */

void
air_stream_set_track_locked (AirStream *stream, AirTrack *track)
{
  AirTrack **slot = &stream->tracks[air_track_get_kind (track)];
  if (*slot != NULL && air_track_equal (*slot, track))
    return;
  air_track_unref (*slot);
  *slot = air_track_ref (track);
  renew_renditions_locked (stream);
  const AirStreamHooks *hooks = &stream->registry->hooks;
  if (hooks->tracks != NULL && stream->parent == NULL)
    hooks->tracks (stream, stream->tracks, hooks->data);
}

void
air_stream_deliver_locked (AirStream *stream, AirUnit *unit)
{
  unit->sequence = stream->sequence++;
  air_gop_cache_push (&stream->cache, unit);
  for (unsigned i = 0; i < stream->readers->len; i++)
    air_reader_push (stream->readers->pdata[i], unit);
  air_unit_unref (unit);
}

static void
forget_missing_tracks_locked (AirStream *stream, int64_t now_us)
{
  const AirPublisher *publisher = stream->publisher;
  if (publisher == NULL || stream->meter.began_us == 0 || now_us - stream->meter.began_us < MISSING_TRACK_US)
    return;
  bool changed = false;
  for (int kind = 0; kind < AIR_KIND_COUNT; kind++)
    if (!publisher->announced[kind] && stream->tracks[kind] != NULL)
      {
        g_clear_pointer (&stream->tracks[kind], air_track_unref);
        changed = true;
      }
  const AirStreamHooks *hooks = &stream->registry->hooks;
  if (changed && hooks->tracks != NULL)
    hooks->tracks (stream, stream->tracks, hooks->data);
}

/* ---- Readers */

/* @viewers: protocol → how many watch, for each kind. */
static void
add_viewers_locked (AirStream *stream, GHashTable *viewers[AIR_KIND_COUNT])
{
  for (unsigned i = 0; i < stream->readers->len; i++)
    {
      const AirReader *reader = stream->readers->pdata[i];
      for (unsigned kind = 0; kind < AIR_KIND_COUNT; kind++)
        if (reader->kinds & stream->kinds & 1u << kind)
          {
            unsigned sum = GPOINTER_TO_UINT (g_hash_table_lookup (viewers[kind], reader->protocol)) + reader->viewers;
            g_hash_table_insert (viewers[kind], (void *)reader->protocol, GUINT_TO_POINTER (sum));
          }
    }
}

/* A viewer may get the picture of the stream and the sound of a rendition, by two readers: he counts once. So a protocol
 * has as many as get its pictures or its sound, whichever are more. */
GHashTable *
air_stream_count_viewers_locked (AirStream *stream)
{
  GHashTable *viewers = g_hash_table_new (NULL, NULL);
  g_autoptr (GHashTable) sound = g_hash_table_new (NULL, NULL);
  GHashTable *by_kind[AIR_KIND_COUNT] = { [AIR_KIND_VIDEO] = viewers, [AIR_KIND_AUDIO] = sound };
  GHashTableIter iter;
  void *rendition, *protocol, *count;
  add_viewers_locked (stream, by_kind);
  g_hash_table_iter_init (&iter, stream->renditions);
  while (g_hash_table_iter_next (&iter, NULL, &rendition))
    {
      AirStream *child = air_rendition_get_stream (rendition);
      g_mutex_lock (&child->lock);
      add_viewers_locked (child, by_kind);
      g_mutex_unlock (&child->lock);
    }
  g_hash_table_iter_init (&iter, sound);
  while (g_hash_table_iter_next (&iter, &protocol, &count))
    if (GPOINTER_TO_UINT (count) > GPOINTER_TO_UINT (g_hash_table_lookup (viewers, protocol)))
      g_hash_table_insert (viewers, protocol, count);
  g_hash_table_remove (viewers, g_intern_static_string (AIR_RENDITION_PROTOCOL));
  return viewers;
}

static void
tell_readers_locked (AirStream *stream)
{
  const AirStreamHooks *hooks = &stream->registry->hooks;
  if (!stream->readers_changed || hooks->readers == NULL)
    return;
  stream->readers_changed = false;
  GHashTable *viewers = air_stream_count_viewers_locked (stream);
  GHashTableIter iter;
  void *protocol, *count;
  g_hash_table_iter_init (&iter, viewers);
  while (g_hash_table_iter_next (&iter, &protocol, &count))
    if (g_hash_table_lookup (stream->told_readers, protocol) != count)
      hooks->readers (stream, protocol, GPOINTER_TO_UINT (count), hooks->data);
  g_hash_table_iter_init (&iter, stream->told_readers);
  while (g_hash_table_iter_next (&iter, &protocol, &count))
    if (count != NULL && !g_hash_table_contains (viewers, protocol))
      hooks->readers (stream, protocol, 0, hooks->data);
  g_hash_table_unref (stream->told_readers);
  stream->told_readers = viewers;
}

void
air_stream_tick (AirStream *stream, int64_t now_us)
{
  g_mutex_lock (&stream->lock);
  forget_missing_tracks_locked (stream, now_us);
  tell_readers_locked (stream);
  g_mutex_unlock (&stream->lock);
}

/* A reader came or went. */
static void
readers_changed (AirStream *stream)
{
  AirStream *parent = stream->parent;
  if (parent == NULL)
    return;
  g_mutex_lock (&parent->lock);
  parent->readers_changed = true;
  g_mutex_unlock (&parent->lock);
  g_mutex_lock (&stream->lock);
  g_autoptr (AirRendition) rendition = stream->rendition != NULL ? air_rendition_ref (stream->rendition) : NULL;
  g_mutex_unlock (&stream->lock);
  if (rendition != NULL)
    air_rendition_wake (rendition);
}

bool
air_stream_add_reader (AirStream *stream, AirReader *reader, AirStart start, unsigned max_readers, GError **error)
{
  g_mutex_lock (&stream->lock);
  bool ended = stream->ended;
  bool full = stream->readers->len >= max_readers;
  if (!ended && !full)
    {
      g_ptr_array_add (stream->readers, reader);
      stream->readers_changed = true;
      air_reader_start (reader, start);
    }
  g_mutex_unlock (&stream->lock);
  if (ended)
    g_set_error (error, AIR_ERROR, AIR_ERROR_NOT_FOUND, "the stream %s has ended", stream->path);
  else if (full)
    g_set_error (error, AIR_ERROR, AIR_ERROR_LIMIT, "the stream %s has %u readers already", stream->path, max_readers);
  else
    readers_changed (stream);
  return !ended && !full;
}

void
air_stream_remove_reader (AirStream *stream, AirReader *reader)
{
  g_mutex_lock (&stream->lock);
  g_ptr_array_remove_fast (stream->readers, reader);
  stream->readers_changed = true;
  g_mutex_unlock (&stream->lock);
  readers_changed (stream);
}
