/* See gop-cache.h. */
#include "gop-cache.h"

#define SOUND_NS (1000 * INT64_C (1000000))

void
air_gop_cache_init (AirGopCache *cache, size_t max_bytes, int64_t max_ns)
{
  *cache = (AirGopCache){ .max_bytes = max_bytes, .max_ns = max_ns };
  g_queue_init (&cache->units);
}

static void
drop_link (AirGopCache *cache, GList *link)
{
  AirUnit *unit = link->data;
  cache->bytes -= gst_buffer_get_size (unit->buffer);
  g_queue_delete_link (&cache->units, link);
  air_unit_unref (unit);
}

void
air_gop_cache_clear (AirGopCache *cache)
{
  while (cache->units.head != NULL)
    drop_link (cache, cache->units.head);
  cache->has_keyframe = false;
  cache->has_video = false;
}

/* All pictures, and the sound before @from_ns. */
static void
drop_group (AirGopCache *cache, int64_t from_ns)
{
  for (GList *link = cache->units.head, *next; link != NULL; link = next)
    {
      AirUnit *unit = link->data;
      next = link->next;
      if (air_track_get_kind (unit->track) == AIR_KIND_VIDEO || unit->pts_ns < from_ns)
        drop_link (cache, link);
    }
  cache->has_keyframe = false;
}

static bool
overflows (const AirGopCache *cache)
{
  if (cache->units.head == NULL)
    return false;
  const AirUnit *oldest = cache->units.head->data, *newest = cache->units.tail->data;
  return cache->bytes > cache->max_bytes || newest->dts_ns - oldest->dts_ns > cache->max_ns;
}

void
air_gop_cache_push (AirGopCache *cache, AirUnit *unit)
{
  if (air_track_get_kind (unit->track) == AIR_KIND_VIDEO)
    {
      cache->has_video = true;
      if (unit->flags & AIR_UNIT_KEYFRAME)
        {
          drop_group (cache, unit->pts_ns);
          cache->has_keyframe = true;
        }
      else if (!cache->has_keyframe)
        return;
    }
  g_queue_push_tail (&cache->units, air_unit_ref (unit));
  cache->bytes += gst_buffer_get_size (unit->buffer);
  if (cache->has_keyframe && overflows (cache))
    drop_group (cache, unit->dts_ns - SOUND_NS);
  if (cache->has_keyframe)
    return;
  while (cache->units.head != NULL
         && (cache->bytes > cache->max_bytes
             || unit->dts_ns - ((AirUnit *)cache->units.head->data)->dts_ns > MIN (SOUND_NS, cache->max_ns)))
    drop_link (cache, cache->units.head);
}
