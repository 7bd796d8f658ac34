/* See rendition.h. The thread owns the input reader and the pipeline; others only raise flags and write its eventfd. */
#define G_LOG_DOMAIN "air-streams"

#include "rendition.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rendition-pipeline.h"
#include "stream-private.h"

#define MAX_ATTEMPTS 5
/* A pipeline that worked this long begins to count anew. */
#define PROVEN_US (30 * G_USEC_PER_SEC)
/* A gap longer than this starts the decoder anew. */
#define GAP_NS (500 * INT64_C (1000000))
/* A decoder keeps the newest pictures until those that are shown before them have come: a first picture that old comes out
 * at once, and no live one has to be waited for. */
#define REORDERED_NS (150 * INT64_C (1000000))
#define KEYFRAME_PERIOD_US (G_USEC_PER_SEC / 2)
/* While the pipeline is full its need for data wakes the thread; this is for the moment between the two. */
#define FULL_POLL_MS 50
#define KEYFRAME_INTERVAL_S 2

struct _AirRendition
{
  gatomicrefcount references;
  AirPipelineTemplate *pipeline_template;
  AirStream *stream; /* owned reference; its parent is the input */
  int64_t retry_us; /* delay before the second attempt; doubled for each further one */
  int wake_fd;
  int quit;               /* atomic */
  int standby;            /* atomic */
  int keyframe_requested; /* atomic */
  int renewed;            /* atomic */
};

typedef enum
{
  DEMAND_NONE,
  DEMAND_STANDBY, /* nobody reads, but somebody may soon */
  DEMAND_OUTPUT,
} Demand;

/* What the thread keeps to itself. */
typedef struct
{
  AirRendition *rendition;
  AirReader *input;               /* NULL while there is no demand */
  AirRenditionPipeline *pipeline; /* NULL until the first unit */
  Demand demand;
  int64_t join_ns;                /* what was presented before is decoded only */
  int64_t last_dts_ns;
  int64_t idle_since_us;          /* since when nobody reads; 0: somebody does, or its grace is over */
  int64_t retry_at_us;
  int64_t started_us;
  int64_t keyframe_at_us;
  unsigned attempts;
} AirRun;

AirRendition *
air_rendition_ref (AirRendition *rendition)
{
  g_atomic_ref_count_inc (&rendition->references);
  return rendition;
}

void
air_rendition_unref (AirRendition *rendition)
{
  if (rendition == NULL || !g_atomic_ref_count_dec (&rendition->references))
    return;
  air_pipeline_template_unref (rendition->pipeline_template);
  air_stream_unref (rendition->stream);
  close (rendition->wake_fd);
  g_free (rendition);
}

AirStream *
air_rendition_get_stream (AirRendition *rendition)
{
  return rendition->stream;
}

void
air_rendition_wake (AirRendition *rendition)
{
  uint64_t one = 1;
  while (write (rendition->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
    continue;
}

void
air_rendition_request_keyframe (AirRendition *rendition)
{
  g_atomic_int_set (&rendition->keyframe_requested, 1);
  air_rendition_wake (rendition);
}

void
air_rendition_renew (AirRendition *rendition)
{
  g_atomic_int_set (&rendition->renewed, 1);
  air_rendition_wake (rendition);
}

void
air_rendition_set_standby (AirRendition *rendition, bool standby)
{
  if (g_atomic_int_exchange (&rendition->standby, standby) != standby)
    air_rendition_wake (rendition);
}

bool
air_rendition_is_standby (AirRendition *rendition)
{
  return g_atomic_int_get (&rendition->standby);
}

void
air_rendition_quit (AirRendition *rendition)
{
  g_atomic_int_set (&rendition->quit, 1);
  air_rendition_wake (rendition);
}

/* ---- Start and stop of the pipeline; the thread */

static void
close_input (AirRun *run)
{
  g_clear_pointer (&run->pipeline, air_rendition_pipeline_free);
  g_clear_pointer (&run->input, air_reader_close);
  run->idle_since_us = 0;
  AirStream *output = run->rendition->stream;
  g_mutex_lock (&output->lock);
  air_gop_cache_clear (&output->cache); /* who comes after the pause begins with the present */
  g_mutex_unlock (&output->lock);
}

/* The readers see the end; a new request after a while makes a new rendition. */
static void
give_up (AirRun *run)
{
  AirRendition *rendition = run->rendition;
  AirStream *parent = rendition->stream->parent;
  const char *name = rendition->pipeline_template->name;
  g_mutex_lock (&parent->lock);
  if (g_hash_table_lookup (parent->renditions, name) == rendition)
    g_hash_table_remove (parent->renditions, name);
  g_mutex_unlock (&parent->lock);
  air_stream_end (rendition->stream, "the rendition failed");
  g_atomic_int_set (&rendition->quit, 1);
}

/* @error: (transfer full). One that no second attempt mends is not AIR_ERROR_FAILED. */
static void
fail (AirRun *run, GError *error)
{
  AirStreamCounters *counters = &run->rendition->stream->registry->counters;
  int64_t now_us = g_get_monotonic_time ();
  g_autoptr (GError) cause = error;
  close_input (run);
  air_stream_remember_failure (run->rendition->stream->parent, run->rendition->pipeline_template->name, cause->message);
  run->attempts++;
  bool hopeless = !g_error_matches (cause, AIR_ERROR, AIR_ERROR_FAILED) || run->attempts >= MAX_ATTEMPTS;
  g_warning ("rendition of %s: %s%s", run->rendition->stream->parent->path, cause->message,
             hopeless ? "; given up" : "; trying again");
  run->retry_at_us = now_us + (run->rendition->retry_us << (run->attempts - 1));
  AIR_COUNT (*(hopeless ? &counters->rendition_failures : &counters->rendition_restarts), 1);
  if (hopeless)
    give_up (run);
}

static void
open_input (AirRun *run)
{
  AirStream *parent = run->rendition->stream->parent;
  bool video = run->rendition->pipeline_template->kind == AIR_KIND_VIDEO;
  AirReaderConfig config = {
    .protocol = AIR_RENDITION_PROTOCOL,
    .kinds = 1u << run->rendition->pipeline_template->kind,
    .start = video ? AIR_START_CACHED : AIR_START_LIVE, /* sound can be joined anywhere */
  };
  g_autoptr (GError) error = NULL;
  g_mutex_lock (&parent->lock);
  run->join_ns = video ? MAX (parent->meter.newest_pts_ns - REORDERED_NS, 0) : 0;
  g_mutex_unlock (&parent->lock);
  run->input = air_stream_registry_add_reader (parent->registry, NULL, parent, &config, &error);
  if (run->input == NULL)
    fail (run, g_steal_pointer (&error));
}

static AirPipelineValues
values_for (AirStream *parent, const AirTrack *track)
{
  AirPipelineValues values = air_pipeline_default_values;
  g_mutex_lock (&parent->lock);
  unsigned bitrate_bps = air_meter_get_bitrate_bps (&parent->meter, air_track_get_kind (track), g_get_monotonic_time ());
  double fps = air_meter_get_fps (&parent->meter, g_get_monotonic_time ());
  g_mutex_unlock (&parent->lock);
  if (fps < 1)
    fps = air_track_get_frame_rate (track);
  if (bitrate_bps > 0)
    values.bitrate_kbps = CLAMP (bitrate_bps / 1000, 200, 8000);
  if (fps >= 1)
    values.fps = (unsigned)lround (MIN (fps, 120));
  values.keyframe_frames = values.fps * KEYFRAME_INTERVAL_S;
  if (air_track_get_width (track) > 0)
    values.width = air_track_get_width (track);
  if (air_track_get_height (track) > 0)
    values.height = air_track_get_height (track);
  if (air_track_get_sample_rate (track) > 0)
    values.sample_rate = air_track_get_sample_rate (track);
  if (air_track_get_channels (track) > 0)
    values.channels = air_track_get_channels (track);
  return values;
}

static bool
start_pipeline (AirRun *run, const AirUnit *unit)
{
  AirRendition *rendition = run->rendition;
  const AirPipelineTemplate *pipeline_template = rendition->pipeline_template;
  g_autoptr (GError) error = NULL;
  g_clear_pointer (&run->pipeline, air_rendition_pipeline_free);
  if (!gst_caps_can_intersect (air_track_get_caps (unit->track), pipeline_template->input))
    g_set_error (&error, AIR_ERROR, AIR_ERROR_UNSUPPORTED, "%s: it does not take %s", pipeline_template->file,
                 air_codec_to_string (air_track_get_codec (unit->track)));
  else
    {
      AirPipelineValues values = values_for (rendition->stream->parent, unit->track);
      run->pipeline = air_rendition_pipeline_new (pipeline_template, &values, unit->track,
                                                  MAX (run->join_ns, unit->dts_ns), rendition->stream,
                                                  rendition->wake_fd, &error);
    }
  if (run->pipeline == NULL)
    fail (run, g_steal_pointer (&error));
  else
    air_rendition_pipeline_set_open (run->pipeline, run->demand == DEMAND_OUTPUT);
  run->started_us = g_get_monotonic_time ();
  return run->pipeline != NULL;
}

static void
feed (AirRun *run)
{
  while (run->pipeline == NULL || !air_rendition_pipeline_is_full (run->pipeline))
    {
      g_autoptr (AirUnit) unit = air_reader_pop (run->input);
      if (unit == NULL)
        return;
      bool gap = unit->flags & AIR_UNIT_DISCONTINUITY && ABS (unit->dts_ns - run->last_dts_ns) > GAP_NS;
      bool other = run->pipeline == NULL || unit->track != air_rendition_pipeline_get_track (run->pipeline);
      if ((other || gap) && !start_pipeline (run, unit))
        return;
      run->last_dts_ns = unit->dts_ns;
      /* What is decoded only to come to the present, or to stay there, need not be when no other picture refers to it. */
      if (unit->flags & AIR_UNIT_NON_REFERENCE && (run->demand == DEMAND_STANDBY || unit->pts_ns < run->join_ns))
        continue;
      air_rendition_pipeline_push (run->pipeline, unit);
    }
}

static void
answer_keyframe_request (AirRun *run, int64_t now_us)
{
  if (run->pipeline == NULL) /* it will begin with one */
    g_atomic_int_set (&run->rendition->keyframe_requested, 0);
  if (now_us < run->keyframe_at_us || !g_atomic_int_get (&run->rendition->keyframe_requested))
    return;
  g_atomic_int_set (&run->rendition->keyframe_requested, 0);
  run->keyframe_at_us = now_us + KEYFRAME_PERIOD_US;
  air_rendition_pipeline_force_keyframe (run->pipeline);
}

/* ---- The thread */

static Demand
get_demand (AirRun *run, int64_t now_us)
{
  AirStream *stream = run->rendition->stream;
  Demand otherwise = air_rendition_is_standby (run->rendition) ? DEMAND_STANDBY : DEMAND_NONE;
  g_mutex_lock (&stream->lock);
  bool read = stream->readers->len > 0;
  g_mutex_unlock (&stream->lock);
  if (read || run->demand != DEMAND_OUTPUT)
    {
      run->idle_since_us = 0;
      return read ? DEMAND_OUTPUT : otherwise;
    }
  if (run->idle_since_us == 0)
    run->idle_since_us = now_us;
  g_mutex_lock (&stream->registry->lock);
  int64_t grace_us = stream->registry->settings.rendition_grace_us;
  g_mutex_unlock (&stream->registry->lock);
  if (now_us - run->idle_since_us < grace_us)
    return DEMAND_OUTPUT;
  run->idle_since_us = 0;
  return otherwise;
}

static void
wait (AirRun *run, int64_t now_us)
{
  bool full = run->pipeline != NULL && air_rendition_pipeline_is_full (run->pipeline);
  struct pollfd fds[] = {
    { .fd = run->rendition->wake_fd, .events = POLLIN },
    { .fd = run->input != NULL && !full ? air_reader_get_fd (run->input) : -1, .events = POLLIN },
    { .fd = run->pipeline != NULL ? air_rendition_pipeline_get_fd (run->pipeline) : -1, .events = POLLIN },
  };
  int timeout_ms = full ? FULL_POLL_MS : -1;
  if (run->idle_since_us != 0 || g_atomic_int_get (&run->rendition->keyframe_requested))
    timeout_ms = FULL_POLL_MS;
  else if (run->input == NULL && run->retry_at_us > now_us)
    timeout_ms = (int)((run->retry_at_us - now_us) / 1000) + 1;
  poll (fds, G_N_ELEMENTS (fds), timeout_ms);
  uint64_t value;
  if (fds[0].revents & POLLIN && read (run->rendition->wake_fd, &value, sizeof value) < 0)
    g_debug ("nothing to clear");
}

static void *
run_rendition (void *data)
{
  AirRun run = { .rendition = data };
  AirStreamRegistry *registry = air_stream_registry_ref (run.rendition->stream->registry);
  while (!g_atomic_int_get (&run.rendition->quit))
    {
      int64_t now_us = g_get_monotonic_time ();
      g_autoptr (GError) error = NULL;
      run.demand = get_demand (&run, now_us);
      if (g_atomic_int_exchange (&run.rendition->renewed, 0))
        {
          run.attempts = 0;
          run.retry_at_us = 0;
        }
      if (run.demand == DEMAND_NONE && run.input != NULL)
        close_input (&run);
      else if (run.demand != DEMAND_NONE && run.input == NULL && now_us >= run.retry_at_us)
        open_input (&run);
      if (run.pipeline != NULL)
        air_rendition_pipeline_set_open (run.pipeline, run.demand == DEMAND_OUTPUT);
      if (run.input != NULL)
        feed (&run);
      answer_keyframe_request (&run, now_us);
      if (run.pipeline != NULL && !air_rendition_pipeline_check (run.pipeline, &error))
        fail (&run, g_steal_pointer (&error));
      else if (run.pipeline != NULL && now_us - run.started_us > PROVEN_US)
        run.attempts = 0;
      if (!g_atomic_int_get (&run.rendition->quit))
        wait (&run, now_us);
    }
  close_input (&run);
  air_rendition_unref (run.rendition);
  g_mutex_lock (&registry->lock);
  registry->renditions--;
  g_cond_broadcast (&registry->renditions_gone);
  g_mutex_unlock (&registry->lock);
  air_stream_registry_unref (registry);
  return NULL;
}

/* ---- Creation */

AirRendition *
air_rendition_new (AirStream *parent, AirPipelineTemplate *pipeline_template, GError **error)
{
  AirStreamRegistry *registry = parent->registry;
  int wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_LIMIT, "no descriptor for a rendition: %s", g_strerror (errno));
      return NULL;
    }
  g_autofree char *path = g_strdup_printf ("%s#%s", parent->path, pipeline_template->name);
  AirRendition *rendition = g_new0 (AirRendition, 1);
  g_atomic_ref_count_init (&rendition->references);
  rendition->wake_fd = wake_fd;
  g_mutex_lock (&registry->lock);
  rendition->retry_us = registry->settings.rendition_retry_us;
  g_mutex_unlock (&registry->lock);
  rendition->pipeline_template = air_pipeline_template_ref (pipeline_template);
  rendition->stream = air_stream_new (registry, path, parent->cache.max_bytes, parent->cache.max_ns);
  rendition->stream->kinds = 1u << pipeline_template->kind;
  rendition->stream->parent = air_stream_ref (parent);
  rendition->stream->rendition = rendition;
  return rendition;
}

bool
air_rendition_start (AirRendition *rendition, GError **error)
{
  AirStreamRegistry *registry = rendition->stream->registry;
  g_mutex_lock (&registry->lock);
  bool room = !registry->stopped && registry->renditions < registry->settings.max_renditions;
  registry->renditions += room ? 1 : 0;
  g_mutex_unlock (&registry->lock);
  GThread *thread
    = room ? g_thread_try_new ("rendition", run_rendition, air_rendition_ref (rendition), error) : NULL;
  if (thread != NULL)
    {
      g_thread_unref (thread);
      return true;
    }
  if (!room)
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_LIMIT, "there are too many renditions, see [streams] max_renditions");
      return false;
    }
  air_rendition_unref (rendition);
  g_mutex_lock (&registry->lock);
  registry->renditions--;
  g_mutex_unlock (&registry->lock);
  return false;
}
