/* AirReader: a bounded queue of units with an eventfd.
 *
 * The publisher's thread fills it under the stream's and the reader's lock, one other thread empties it under the
 * reader's lock alone. The eventfd is written when the queue stops being empty and read when it is empty again, so that a
 * reader that keeps up costs one write and one read a unit, and one that is behind costs none.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rendition.h"
#include "stream-private.h"

#define DEFAULT_QUEUE_BYTES (16 * 1024 * 1024)
#define DEFAULT_QUEUE_MS 10000
#define FIRST_CAPACITY 64

AirReader *
air_reader_new (AirStream *stream, AirContext *owner, const AirReaderConfig *config)
{
  AirReader *reader = g_new0 (AirReader, 1);
  reader->registry = air_stream_registry_ref (stream->registry);
  reader->owner = owner;
  reader->stream = air_stream_ref (stream);
  reader->protocol = g_intern_string (config->protocol != NULL ? config->protocol : "other");
  reader->kinds = config->kinds != 0 ? config->kinds : (1u << AIR_KIND_VIDEO) | (1u << AIR_KIND_AUDIO);
  reader->max_bytes = config->queue_bytes > 0 ? config->queue_bytes : DEFAULT_QUEUE_BYTES;
  reader->max_ns = (config->queue_ms > 0 ? config->queue_ms : DEFAULT_QUEUE_MS) * INT64_C (1000000);
  reader->fd = -1;
  reader->viewers = 1;
  g_mutex_init (&reader->lock);
  return reader;
}

bool
air_reader_open (AirReader *reader, GError **error)
{
  reader->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (reader->fd < 0)
    g_set_error (error, AIR_ERROR, AIR_ERROR_LIMIT, "no descriptor for a reader: %s", g_strerror (errno));
  return reader->fd >= 0;
}

void
air_reader_free (AirReader *reader)
{
  for (unsigned i = 0; i < reader->count; i++)
    air_unit_unref (reader->ring[(reader->first + i) & (reader->capacity - 1)]);
  g_free (reader->ring);
  if (reader->fd >= 0)
    close (reader->fd);
  g_mutex_clear (&reader->lock);
  air_stream_unref (reader->stream);
  air_stream_registry_unref (reader->registry);
  g_free (reader);
}

static void
raise_signal (AirReader *reader)
{
  if (reader->signalled)
    return;
  reader->signalled = true;
  uint64_t one = 1;
  while (write (reader->fd, &one, sizeof one) < 0 && errno == EINTR)
    continue;
}

static void
clear_signal (AirReader *reader)
{
  if (!reader->signalled)
    return;
  reader->signalled = false;
  uint64_t value;
  while (read (reader->fd, &value, sizeof value) < 0 && errno == EINTR)
    continue;
}

static void
grow (AirReader *reader)
{
  unsigned capacity = reader->capacity > 0 ? reader->capacity * 2 : FIRST_CAPACITY;
  AirUnit **ring = g_new (AirUnit *, capacity);
  for (unsigned i = 0; i < reader->count; i++)
    ring[i] = reader->ring[(reader->first + i) & (reader->capacity - 1)];
  g_free (reader->ring);
  reader->ring = ring;
  reader->capacity = capacity;
  reader->first = 0;
}

/* @unit: (transfer full) */
static void
append (AirReader *reader, AirUnit *unit)
{
  if (reader->count == reader->capacity)
    grow (reader);
  reader->ring[(reader->first + reader->count++) & (reader->capacity - 1)] = unit;
  reader->bytes += gst_buffer_get_size (unit->buffer);
}

static AirUnit *
take (AirReader *reader)
{
  AirUnit *unit = reader->ring[reader->first];
  reader->first = (reader->first + 1) & (reader->capacity - 1);
  reader->count--;
  reader->bytes -= gst_buffer_get_size (unit->buffer);
  if (reader->count == 0)
    {
      reader->grace_bytes = 0;
      reader->grace_ns = 0;
    }
  return unit;
}

/* Empties the queue: pictures go on at the next keyframe, sound at once. */
static void
skip (AirReader *reader)
{
  unsigned dropped = reader->count;
  while (reader->count > 0)
    air_unit_unref (take (reader));
  reader->waits_for_keyframe = true;
  reader->overflowed = true;
  reader->gap[AIR_KIND_VIDEO] = reader->gap[AIR_KIND_AUDIO] = true;
  reader->skipped_units += dropped;
  AIR_COUNT (reader->registry->counters.reader_skipped, dropped);
}

static bool
is_full (const AirReader *reader, const AirUnit *unit)
{
  if (reader->count == 0)
    return false;
  int64_t span = unit->dts_ns - reader->ring[reader->first]->dts_ns;
  return reader->bytes + gst_buffer_get_size (unit->buffer) > reader->max_bytes + reader->grace_bytes
         || span > reader->max_ns + reader->grace_ns;
}

static void
push_locked (AirReader *reader, AirUnit *unit)
{
  AirKind kind = air_track_get_kind (unit->track);
  if (!(reader->kinds & 1u << kind))
    return;
  if (is_full (reader, unit))
    skip (reader);
  if (kind == AIR_KIND_VIDEO && reader->waits_for_keyframe)
    {
      if (!(unit->flags & AIR_UNIT_KEYFRAME))
        {
          if (reader->overflowed)
            {
              reader->skipped_units++;
              AIR_COUNT (reader->registry->counters.reader_skipped, 1);
            }
          if (unit->flags & AIR_UNIT_DISCONTINUITY)
            reader->gap[kind] = true;
          return;
        }
      reader->waits_for_keyframe = reader->overflowed = false;
    }
  bool first = reader->gap[kind];
  reader->gap[kind] = false;
  append (reader, first ? air_unit_with_flags (unit, AIR_UNIT_DISCONTINUITY) : air_unit_ref (unit));
}

void
air_reader_push (AirReader *reader, AirUnit *unit)
{
  g_mutex_lock (&reader->lock);
  push_locked (reader, unit);
  if (reader->count > 0)
    raise_signal (reader);
  g_mutex_unlock (&reader->lock);
}

void
air_reader_start (AirReader *reader, AirStart start)
{
  const AirGopCache *cache = &reader->stream->cache;
  g_mutex_lock (&reader->lock);
  reader->waits_for_keyframe = true;
  if (start == AIR_START_CACHED)
    {
      for (GList *link = cache->units.head; link != NULL; link = link->next)
        {
          AirUnit *unit = link->data;
          AirKind kind = air_track_get_kind (unit->track);
          if (!(reader->kinds & 1u << kind))
            continue;
          if (kind == AIR_KIND_VIDEO)
            reader->waits_for_keyframe = false; /* the pictures of the cache begin with one */
          append (reader, air_unit_ref (unit));
        }
      if (reader->count > 0)
        {
          reader->grace_bytes = reader->bytes;
          reader->grace_ns = ((AirUnit *)cache->units.tail->data)->dts_ns - reader->ring[reader->first]->dts_ns;
          raise_signal (reader);
        }
    }
  g_mutex_unlock (&reader->lock);
}

void
air_reader_wait_for_keyframe (AirReader *reader)
{
  g_mutex_lock (&reader->lock);
  reader->waits_for_keyframe = true;
  g_mutex_unlock (&reader->lock);
}

void
air_reader_end (AirReader *reader)
{
  g_mutex_lock (&reader->lock);
  reader->ended = true;
  raise_signal (reader);
  g_mutex_unlock (&reader->lock);
}

int
air_reader_get_fd (AirReader *reader)
{
  return reader->fd;
}

AirUnit *
air_reader_pop (AirReader *reader)
{
  AirUnit *unit = NULL;
  g_mutex_lock (&reader->lock);
  if (reader->count > 0)
    {
      unit = take (reader);
      /* An end that was not seen yet keeps the descriptor readable until a pop finds nothing. */
      if (reader->count == 0 && !reader->ended)
        clear_signal (reader);
    }
  else
    clear_signal (reader);
  g_mutex_unlock (&reader->lock);
  return unit;
}

AirReaderState
air_reader_get_state (AirReader *reader)
{
  g_mutex_lock (&reader->lock);
  AirReaderState state = reader->ended ? AIR_READER_ENDED : AIR_READER_OPEN;
  g_mutex_unlock (&reader->lock);
  return state;
}

AirStream *
air_reader_get_stream (AirReader *reader)
{
  return reader->stream;
}

void
air_reader_set_viewers (AirReader *reader, unsigned viewers)
{
  AirStream *stream = reader->stream;
  g_mutex_lock (&stream->lock);
  reader->viewers = viewers;
  stream->readers_changed = true;
  g_mutex_unlock (&stream->lock);
  if (stream->parent != NULL)
    {
      g_mutex_lock (&stream->parent->lock);
      stream->parent->readers_changed = true;
      g_mutex_unlock (&stream->parent->lock);
    }
}

uint64_t
air_reader_get_skipped (AirReader *reader)
{
  g_mutex_lock (&reader->lock);
  uint64_t skipped = reader->skipped_units;
  g_mutex_unlock (&reader->lock);
  return skipped;
}

void
air_reader_close (AirReader *reader)
{
  if (reader == NULL)
    return;
  air_stream_registry_forget_reader (reader->registry, reader);
  air_stream_remove_reader (reader->stream, reader);
  air_reader_free (reader);
}
