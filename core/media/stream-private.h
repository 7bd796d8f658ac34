/* What stands behind streams, publishers and readers.
 *
 * Threads: any. Locks, always taken in this order: the registry's, a stream's, a rendition's stream's, a reader's.
 * Ownership: the registry owns the streams that are published or held; publishers, readers and renditions hold
 * references to their stream; everybody holds a reference to the registry. Publishers and readers belong to whoever asked
 * for them, until he closes them.
 */
#pragma once

#include <airclass/error.h>
#include <airclass/stream.h>

#include "gop-cache.h"
#include "stream-meter.h"
#include "stream-registry.h"
#include "timeline.h"
#include "track.h"

G_BEGIN_DECLS

typedef struct _AirRendition AirRendition;
typedef struct _AirStreamWarning AirStreamWarning; /* of a plugin */

struct _AirPublisher
{
  gatomicrefcount references;
  AirStreamRegistry *registry; /* owned reference */
  AirContext *owner;
  AirStream *stream; /* owned reference */
  char *protocol, *address, *user_agent;
  int64_t wrap_ns;
  int64_t since_us; /* wall clock */
  bool announced[AIR_KIND_COUNT]; /* under the stream's lock */
  void (*ended) (AirPublisher *publisher, AirPublisherEnded reason, void *user_data);
  void *user_data;
  GRecMutex callback_lock; /* held while ended() runs, so that close() waits for it; alone, never with another lock */
  bool closed;             /* under callback_lock */
};

struct _AirStream
{
  gatomicrefcount references;
  AirStreamRegistry *registry; /* owned reference */
  char *path;
  AirStream *parent;        /* of a rendition: owned reference, immutable */
  AirRendition *rendition;  /* of a rendition: borrowed, valid until `ended`; under the lock */
  unsigned kinds;           /* that it may have: a rendition has one; immutable */

  GMutex lock; /* all below */
  AirStreamState state;
  bool ended;
  AirPublisher *publisher; /* owned reference; NULL while nobody publishes */
  char *last_protocol, *last_address; /* of the publisher that went, for the event */
  int64_t hold_until_us;   /* monotonic, while nobody publishes */
  AirTrack *tracks[AIR_KIND_COUNT];
  AirTimeline timeline;
  AirGopCache cache;
  AirStreamMeter meter;
  uint64_t sequence;
  GPtrArray *readers; /* borrowed; a reader takes itself out when it is closed */
  bool readers_changed; /* since the last event */
  GHashTable *told_readers; /* protocol → viewers, as in the last event */
  GHashTable *renditions;   /* name → AirRendition, owned references; not of a rendition */
  GHashTable *failures;     /* name of a rendition → AirRenditionFailure */
  GPtrArray *warnings;      /* (element-type AirStreamWarning) of plugins, owned */
};

struct _AirReader
{
  AirStreamRegistry *registry; /* owned reference */
  AirContext *owner;
  AirStream *stream; /* owned reference */
  const char *protocol; /* interned */
  unsigned kinds;
  size_t max_bytes;
  int64_t max_ns;
  int fd;
  unsigned viewers; /* under the stream's lock */

  GMutex lock; /* all below */
  AirUnit **ring; /* of `capacity`, a power of two */
  unsigned capacity, first, count;
  size_t bytes;
  /* What the start from the cache put into the queue: it counts towards the bounds only once the queue was empty. */
  size_t grace_bytes;
  int64_t grace_ns;
  bool signalled; /* the eventfd is readable */
  bool ended;
  bool waits_for_keyframe;
  bool overflowed;          /* what is dropped until the keyframe counts as skipped */
  bool gap[AIR_KIND_COUNT]; /* the next unit of this kind is the first after a gap */
  uint64_t skipped_units;
};

typedef struct
{
  char *message;
  int64_t until_us; /* monotonic; asked before, the rendition is refused with the message */
} AirRenditionFailure;

/* Counted on the hot path, shown as metrics by the component. */
typedef struct
{
  uint64_t units[AIR_KIND_COUNT], bytes[AIR_KIND_COUNT];
  uint64_t dropped_no_track, dropped_no_publisher, jumps;
  uint64_t reader_skipped;
  uint64_t rendition_restarts, rendition_failures;
  uint64_t pipelines; /* that run now */
  uint64_t standby;   /* of these, that wait for a reader with a shut gate */
} AirStreamCounters;

/* What the component gives and takes. The hooks are called under locks, in order, on any thread, and must only queue. */
typedef struct
{
  void (*state) (AirStream *stream, AirStreamState state, AirStreamState previous, const char *protocol,
                 const char *address, const char *reason, void *data);
  void (*tracks) (AirStream *stream, AirTrack *const tracks[AIR_KIND_COUNT], void *data);
  void (*readers) (AirStream *stream, const char *protocol, unsigned viewers, void *data);
  void *data;
} AirStreamHooks;

typedef struct
{
  const char *const *paths; /* globs; empty or NULL: all */
  int64_t hold_us;
  size_t gop_cache_bytes;
  int64_t gop_cache_ns;
  unsigned max_streams;
  unsigned max_readers; /* of one stream */
  int64_t rendition_grace_us;
  int64_t rendition_retry_us; /* the first delay after an error */
  unsigned max_renditions; /* of all streams, at a time */
  unsigned max_standby;    /* of these, kept ready without a reader */
  const char *pipeline_dir;
} AirStreamSettings;

struct _AirStreamRegistry
{
  gatomicrefcount references;
  AirStreamHooks hooks; /* immutable */

  GMutex lock; /* all below */
  AirStreamSettings settings; /* its strings are owned */
  GHashTable *streams;    /* path → AirStream, owned references */
  GHashTable *publishers; /* set, borrowed */
  GHashTable *readers;    /* set, borrowed */
  bool stopped;
  unsigned renditions;    /* whose threads live */
  GPtrArray *standby_templates; /* (element-type AirPipelineTemplate), immutable once set; NULL until they were read */
  GCond renditions_gone;

  AirStreamCounters counters; /* atomic */
  struct _AirStreamsComponent *component; /* of streams-component.c; NULL without one; main thread */
};

#define AIR_COUNT(counter, n) __atomic_fetch_add (&(counter), (n), __ATOMIC_RELAXED)

/* ---- unit.c */

/* @buffer: (transfer full) */
AirUnit *air_unit_new (AirTrack *track, GstBuffer *buffer, int64_t pts_ns, int64_t dts_ns, unsigned flags);
/* A copy of @unit that shares the buffer and has @flags besides. */
AirUnit *air_unit_with_flags (AirUnit *unit, unsigned flags);

/* ---- stream.c; the stream's lock is held for those in _locked */

AirStream *air_stream_new (AirStreamRegistry *registry, const char *path, size_t gop_cache_bytes, int64_t gop_cache_ns);
void air_stream_set_state_locked (AirStream *stream, AirStreamState state, const char *reason);
/* Attaches @publisher; whatever was there has been detached. */
void air_stream_attach_locked (AirStream *stream, AirPublisher *publisher);
/* Detaches the publisher; the stream is held until @hold_until_us. Returns: (transfer full) (nullable) who it was. */
AirPublisher *air_stream_detach_locked (AirStream *stream, int64_t hold_until_us, const char *reason);
/* Readers see the end, renditions stop. Idempotent. */
void air_stream_end (AirStream *stream, const char *reason);
/* Replaces the track; the tracks hook hears of a change. */
void air_stream_set_track_locked (AirStream *stream, AirTrack *track);
/* Hands a unit whose times are on the timeline to cache and readers. @unit: (transfer full) */
void air_stream_deliver_locked (AirStream *stream, AirUnit *unit);
/* Each quarter of a second: forgets tracks that a returned publisher did not bring again, tells of readers. */
void air_stream_tick (AirStream *stream, int64_t now_us);
/* Fails with AIR_ERROR_NOT_FOUND when the stream has ended, AIR_ERROR_LIMIT when it has @max_readers. */
bool air_stream_add_reader (AirStream *stream, AirReader *reader, AirStart start, unsigned max_readers, GError **error);
void air_stream_remove_reader (AirStream *stream, AirReader *reader);
/* Viewers by protocol, those of the renditions included. Returns: (transfer full) protocol → GUINT_TO_POINTER (n) */
GHashTable *air_stream_count_viewers_locked (AirStream *stream);

/* ---- stream-renditions.c */

/* Shown as a warning; until it is old the rendition is refused with @message. */
void air_stream_remember_failure (AirStream *stream, const char *rendition, const char *message);

/* ---- stream-warnings.c */

void air_stream_remove_warnings_of (AirStream *stream, AirContext *owner);
/* As elements of the array that is open in @json. */
void air_stream_write_warnings_locked (AirStream *stream, JsonBuilder *json);
void air_stream_warning_free (AirStreamWarning *warning);

/* ---- reader.c */

AirReader *air_reader_new (AirStream *stream, AirContext *owner, const AirReaderConfig *config);
/* Makes the eventfd; fails with AIR_ERROR_LIMIT. */
bool air_reader_open (AirReader *reader, GError **error);
/* Puts the cache into the queue. The stream's lock is held. */
void air_reader_start (AirReader *reader, AirStart start);
/* The stream's lock is held. */
void air_reader_push (AirReader *reader, AirUnit *unit);
/* The pictures that come are another publisher's: the next one must be a keyframe. The stream's lock is held. */
void air_reader_wait_for_keyframe (AirReader *reader);
void air_reader_end (AirReader *reader);
/* Frees @reader, which nobody knows any more. */
void air_reader_free (AirReader *reader);

/* ---- publisher.c */

AirPublisher *air_publisher_new (AirStream *stream, AirContext *owner, const AirPublisherInfo *info);
AirPublisher *air_publisher_ref (AirPublisher *publisher);
void air_publisher_unref (AirPublisher *publisher);
/* Calls ended(), unless the publisher has closed. No lock is held. */
void air_publisher_end (AirPublisher *publisher, AirPublisherEnded reason);

/* ---- stream-registry.c */

AirStreamRegistry *air_stream_registry_new (const AirStreamHooks *hooks, const AirStreamSettings *settings);
AirStreamRegistry *air_stream_registry_ref (AirStreamRegistry *registry);
void air_stream_registry_unref (AirStreamRegistry *registry);
void air_stream_registry_configure (AirStreamRegistry *registry, const AirStreamSettings *settings);
/* Ends what is over; to be called a few times a second. */
void air_stream_registry_tick (AirStreamRegistry *registry, int64_t now_us);
/* Ends all streams and publishers; nothing can be published after it. */
void air_stream_registry_stop (AirStreamRegistry *registry);
/* Waits until the threads of all renditions are gone. */
void air_stream_registry_join (AirStreamRegistry *registry);
void air_stream_registry_forget_publisher (AirStreamRegistry *registry, AirPublisher *publisher);
void air_stream_registry_forget_reader (AirStreamRegistry *registry, AirReader *reader);

/* ---- stream-status.c */

/* The status document of @stream; of an idle one when @stream is NULL. @for_teacher: with the publisher's
 * address, and with what is wrong with a template. */
JsonNode *air_stream_status (AirStream *stream, const char *path, bool for_teacher, int64_t now_us);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirPublisher, air_publisher_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirStreamRegistry, air_stream_registry_unref)

G_END_DECLS
