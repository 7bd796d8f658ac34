/* AirPublisher: who feeds a stream.
 *
 * push() runs on the publisher's own thread and takes the stream's lock only. A publisher that was replaced or ended keeps
 * its handle, whose pushes go nowhere, until it closes it.
 */
#include "stream-private.h"

AirPublisher *
air_publisher_new (AirStream *stream, AirContext *owner, const AirPublisherInfo *info)
{
  AirPublisher *publisher = g_new0 (AirPublisher, 1);
  g_atomic_ref_count_init (&publisher->references);
  publisher->registry = air_stream_registry_ref (stream->registry);
  publisher->owner = owner;
  publisher->stream = air_stream_ref (stream);
  publisher->protocol = g_strdup (info->protocol != NULL ? info->protocol : "other");
  publisher->address = g_strdup (info->address != NULL ? info->address : "");
  publisher->user_agent = g_strdup (info->user_agent);
  publisher->wrap_ns = info->wrap_ns;
  publisher->since_us = g_get_real_time ();
  publisher->ended = info->ended;
  publisher->user_data = info->user_data;
  g_rec_mutex_init (&publisher->callback_lock);
  return publisher;
}

AirPublisher *
air_publisher_ref (AirPublisher *publisher)
{
  g_atomic_ref_count_inc (&publisher->references);
  return publisher;
}

void
air_publisher_unref (AirPublisher *publisher)
{
  if (publisher == NULL || !g_atomic_ref_count_dec (&publisher->references))
    return;
  g_free (publisher->protocol);
  g_free (publisher->address);
  g_free (publisher->user_agent);
  g_rec_mutex_clear (&publisher->callback_lock);
  air_stream_unref (publisher->stream);
  air_stream_registry_unref (publisher->registry);
  g_free (publisher);
}

void
air_publisher_end (AirPublisher *publisher, AirPublisherEnded reason)
{
  g_rec_mutex_lock (&publisher->callback_lock);
  void (*ended) (AirPublisher *, AirPublisherEnded, void *) = publisher->closed ? NULL : publisher->ended;
  publisher->ended = NULL;
  if (ended != NULL)
    ended (publisher, reason, publisher->user_data);
  g_rec_mutex_unlock (&publisher->callback_lock);
}

AirStream *
air_publisher_get_stream (AirPublisher *publisher)
{
  return publisher->stream;
}

void
air_publisher_set_track (AirPublisher *publisher, AirTrack *track)
{
  AirStream *stream = publisher->stream;
  g_mutex_lock (&stream->lock);
  if (stream->publisher == publisher)
    {
      publisher->announced[air_track_get_kind (track)] = true;
      air_stream_set_track_locked (stream, track);
    }
  g_mutex_unlock (&stream->lock);
}

void
air_publisher_push (AirPublisher *publisher, AirKind kind, GstBuffer *buffer, int64_t pts_ns, int64_t dts_ns,
                    unsigned flags)
{
  AirStream *stream = publisher->stream;
  AirStreamCounters *counters = &publisher->registry->counters;
  g_mutex_lock (&stream->lock);
  bool known = stream->publisher == publisher;
  if (!known || !publisher->announced[kind])
    {
      g_mutex_unlock (&stream->lock);
      AIR_COUNT (*(known ? &counters->dropped_no_track : &counters->dropped_no_publisher), 1);
      gst_buffer_unref (buffer);
      return;
    }
  uint64_t jumps = stream->timeline.jumps;
  AirTimelinePoint point
    = air_timeline_map (&stream->timeline, kind, pts_ns, dts_ns, g_get_monotonic_time () * INT64_C (1000));
  AIR_COUNT (counters->jumps, stream->timeline.jumps - jumps);
  flags &= AIR_UNIT_KEYFRAME | AIR_UNIT_NON_REFERENCE;
  flags |= (kind == AIR_KIND_AUDIO ? AIR_UNIT_KEYFRAME : 0) | (point.discontinuity ? AIR_UNIT_DISCONTINUITY : 0);
  AirUnit *unit = air_unit_new (stream->tracks[kind], buffer, point.pts_ns, point.dts_ns, flags);
  AIR_COUNT (counters->units[kind], 1);
  AIR_COUNT (counters->bytes[kind], gst_buffer_get_size (unit->buffer));
  air_meter_add (&stream->meter, unit);
  air_stream_set_state_locked (stream, AIR_STREAM_LIVE, NULL);
  air_stream_deliver_locked (stream, unit);
  g_mutex_unlock (&stream->lock);
}

void
air_publisher_close (AirPublisher *publisher)
{
  g_rec_mutex_lock (&publisher->callback_lock);
  publisher->closed = true;
  g_rec_mutex_unlock (&publisher->callback_lock);
  air_stream_registry_forget_publisher (publisher->registry, publisher);
  air_publisher_unref (publisher);
}
