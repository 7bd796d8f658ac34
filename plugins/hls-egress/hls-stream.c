/* Reading a stream, and when a new run of the mux begins.
 *
 * A run is one pipeline with fixed tracks. Another one follows, with EXT-X-DISCONTINUITY, when the publisher was away, a track
 * has new codec headers, came late or fell silent, or the pipeline failed. */
#include "hls-stream.h"

#include <glib-unix.h>
#include <math.h>

#include "hls-mux.h"
#include "hls-playlist.h"

#define NS_PER_MS G_GINT64_CONSTANT (1000000)
#define NS_PER_S (1000 * NS_PER_MS)
#define UNITS_PER_TURN 128
#define MAX_PENDING 2000u /* units, where their time does not go on */
#define MAX_WAITING 1000u
#define MAX_VIEWERS 10000u
#define PATIENCE_US (12 * G_USEC_PER_SEC) /* for the first segment */
#define VIEWER_US (30 * G_USEC_PER_SEC)   /* who has not asked for so long watches no more */
#define IDLE_US (60 * G_USEC_PER_SEC)
#define FAILED_US (2 * G_USEC_PER_SEC)    /* between a run that failed and the next */
#define TOGETHER_NS (500 * NS_PER_MS)     /* how long the other track is waited for at the beginning */
#define ALONE_NS (5 * NS_PER_S)           /* sound begins without a picture after so long, and a silent track is left out */
#define MIN_TARGET_S 4u
#define MAX_TARGET_S 15u
#define SEGMENT_MAX_BYTES (16 * 1024 * 1024)
#define PLAYLIST_TYPE "application/vnd.apple.mpegurl"
#define SEGMENT_TYPE "video/mp2t"

/* One pipeline, and what is to be known when something comes from it. */
typedef struct
{
  gatomicrefcount references;
  AirContext *context;
  HlsStream *stream; /* main thread; NULL: nobody wants its segments any more */
  HlsMux *mux;
  bool has_begun; /* main thread: it has a segment in the playlist */
} Run;

typedef struct
{
  Run *run;
  GBytes *media; /* NULL: the run has ended */
  int64_t duration_ns;
  char *failure; /* why it ended; NULL: it was finished */
} News;

typedef struct
{
  AirRequest *request;
  char *token;
  int64_t until_us;
} Waiting;

struct _HlsStream
{
  AirContext *context;
  HlsSettings settings;
  AirReader *reader;
  unsigned source_id;
  HlsPlaylist *playlist;
  int64_t longest_ns;
  GHashTable *viewers; /* who → when last asked, µs */
  GPtrArray *waiting;  /* (element-type Waiting) for the first segment */
  int64_t asked_us;
  bool ended;

  Run *run;             /* NULL: one is about to begin */
  GPtrArray *finishing; /* (element-type Run) earlier ones whose last segment is on its way */
  GQueue pending;       /* of AirUnit: the beginning of the next run */
  bool wants_run;       /* at the next keyframe */
  int64_t retry_us;     /* no run before */
};

/* ---- Runs */

static void
run_unref (void *data)
{
  Run *run = data;
  if (g_atomic_ref_count_dec (&run->references))
    g_free (run);
}

static Run *
run_ref (Run *run)
{
  g_atomic_ref_count_inc (&run->references);
  return run;
}

static void
free_mux (void *data)
{
  Run *run = data;
  hls_mux_free (run->mux);
}

/* (transfer full) */
static void
run_close (void *data)
{
  Run *run = data;
  run->stream = NULL;
  air_context_run_in_pool (run->context, free_mux, NULL, run, run_unref);
}

static void
news_free (void *data)
{
  News *news = data;
  g_clear_pointer (&news->media, g_bytes_unref);
  g_free (news->failure);
  run_unref (news->run);
  g_free (news);
}

static const char *
get_path (HlsStream *self)
{
  return air_stream_get_path (air_reader_get_stream (self->reader));
}

static void reply_waiting (HlsStream *self, const char *refusal);

static void
take_segment (HlsStream *self, News *news)
{
  Run *run = news->run;
  if (run != self->run && self->run && self->run->has_begun)
    return; /* too late: it would stand behind what follows it */
  bool breaks = !run->has_begun && !hls_playlist_is_empty (self->playlist);
  run->has_begun = true;
  hls_playlist_add (self->playlist, g_steal_pointer (&news->media), news->duration_ns, breaks);
  air_metric_add (self->settings.segments, 1, NULL);
  reply_waiting (self, NULL);
}

static void
consider_end (HlsStream *self)
{
  if (!self->ended || self->run || self->finishing->len > 0)
    return;
  hls_playlist_end (self->playlist);
  reply_waiting (self, "The stream has ended.");
}

static void
take_news (void *data)
{
  News *news = data;
  HlsStream *self = news->run->stream;
  if (!self)
    return;
  if (news->media)
    {
      take_segment (self, news);
      return;
    }
  if (news->failure)
    g_warning ("%s cannot be put into MPEG-TS: %s", get_path (self), news->failure);
  if (self->run == news->run) /* it failed */
    {
      self->retry_us = g_get_monotonic_time () + FAILED_US;
      run_close (g_steal_pointer (&self->run));
    }
  else
    g_ptr_array_remove (self->finishing, news->run);
  consider_end (self);
}

static void
on_segment (HlsMux *mux, GBytes *media, int64_t duration_ns, void *data)
{
  Run *run = data;
  News *news = g_new (News, 1);
  *news = (News){ .run = run_ref (run), .media = media, .duration_ns = duration_ns };
  air_context_invoke (run->context, take_news, news, news_free);
}

static void
on_ended (HlsMux *mux, const GError *error, void *data)
{
  Run *run = data;
  News *news = g_new (News, 1);
  *news = (News){ .run = run_ref (run), .failure = error ? g_strdup (error->message) : NULL };
  air_context_invoke (run->context, take_news, news, news_free);
}

/* The newest run makes its last segment, beside the next one. */
static void
finish_run (HlsStream *self)
{
  Run *run = g_steal_pointer (&self->run);
  if (!run)
    return;
  g_ptr_array_add (self->finishing, run);
  hls_mux_finish (run->mux);
}

static void
begin_run (HlsStream *self, AirTrack *const tracks[AIR_KIND_COUNT])
{
  g_autoptr (GError) error = NULL;
  Run *run = g_new0 (Run, 1);
  HlsMuxConfig config = {
    .segment_ns = self->settings.segment_ms * NS_PER_MS,
    .longest_ns = self->longest_ns,
    .max_bytes = SEGMENT_MAX_BYTES,
    .segment = on_segment,
    .ended = on_ended,
    .data = run,
  };
  g_atomic_ref_count_init (&run->references);
  run->context = self->context;
  run->stream = self;
  run->mux = hls_mux_new (tracks, &config, &error);
  if (!run->mux)
    {
      g_warning ("%s cannot be put into MPEG-TS: %s", get_path (self), error->message);
      self->retry_us = g_get_monotonic_time () + FAILED_US;
      run->stream = NULL; /* news of the failure may be on its way */
      run_unref (run);
      return;
    }
  self->run = run;
}

/* ---- Units */

static void
clear_pending (HlsStream *self)
{
  g_queue_clear_full (&self->pending, (GDestroyNotify)air_unit_unref);
}

static bool
is_usable (const AirTrack *track)
{
  return track && hls_mux_takes (air_track_get_codec (track));
}

/* What the stream has, as far as it can be carried: a mask of AirKind. */
static unsigned
find_kinds (AirStream *stream)
{
  unsigned kinds = 0;
  for (AirKind kind = 0; kind < AIR_KIND_COUNT; kind++)
    {
      g_autoptr (AirTrack) track = air_stream_get_track (stream, kind);
      if (is_usable (track))
        kinds |= 1u << kind;
    }
  return kinds;
}

static void
push (HlsStream *self, AirUnit *unit)
{
  if (hls_mux_push (self->run->mux, unit))
    return;
  g_warning ("%s: putting it into MPEG-TS takes too long", get_path (self));
  run_close (g_steal_pointer (&self->run));
  self->retry_us = g_get_monotonic_time () + FAILED_US;
}

/* Units are kept until it is known which tracks there are: a pipeline with one that never comes would wait for it. */
static void
consider_run (HlsStream *self)
{
  AirTrack *tracks[AIR_KIND_COUNT] = { NULL };
  AirUnit *first = g_queue_peek_head (&self->pending), *last = g_queue_peek_tail (&self->pending);
  unsigned wanted = find_kinds (air_reader_get_stream (self->reader)), found = 0;
  if (!first || g_get_monotonic_time () < self->retry_us)
    return;
  for (GList *item = self->pending.head; item; item = item->next)
    {
      AirUnit *unit = item->data;
      AirKind kind = air_track_get_kind (unit->track);
      tracks[kind] = unit->track;
      found |= 1u << kind;
    }
  int64_t patience_ns = tracks[AIR_KIND_VIDEO] ? TOGETHER_NS : ALONE_NS;
  if ((wanted & ~found) && last->dts_ns - first->dts_ns < patience_ns && self->pending.length < MAX_PENDING)
    return;
  self->wants_run = false;
  begin_run (self, tracks);
  while (self->run && (first = g_queue_pop_head (&self->pending)))
    {
      push (self, first);
      air_unit_unref (first);
    }
  clear_pending (self); /* where there is no run: the next one begins with what comes then */
}

static bool
has_picture (const GQueue *units)
{
  for (GList *item = units->head; item; item = item->next)
    if (air_track_get_kind (((AirUnit *)item->data)->track) == AIR_KIND_VIDEO)
      return true;
  return false;
}

static bool
has_other_track (const GQueue *units, AirTrack *track)
{
  for (GList *item = units->head; item; item = item->next)
    {
      AirTrack *other = ((AirUnit *)item->data)->track;
      if (other != track && air_track_get_kind (other) == air_track_get_kind (track))
        return true;
    }
  return false;
}

/* A picture comes first where there is one, sound that is older than it is left out, and so is what came before new headers. */
static void
keep (HlsStream *self, AirUnit *unit)
{
  if (has_other_track (&self->pending, unit->track))
    clear_pending (self);
  if (air_track_get_kind (unit->track) == AIR_KIND_VIDEO && !has_picture (&self->pending))
    {
      if (!(unit->flags & AIR_UNIT_KEYFRAME))
        return;
      for (AirUnit *older; (older = g_queue_peek_head (&self->pending)) && older->dts_ns < unit->dts_ns;)
        air_unit_unref (g_queue_pop_head (&self->pending));
    }
  g_queue_push_tail (&self->pending, air_unit_ref (unit));
  consider_run (self);
}

/* Whether @unit cannot be in this run, and begins the next one. */
static bool
begins_run (HlsStream *self, AirUnit *unit)
{
  AirKind kind = air_track_get_kind (unit->track);
  AirKind other = kind == AIR_KIND_VIDEO ? AIR_KIND_AUDIO : AIR_KIND_VIDEO;
  AirTrack *track = hls_mux_get_track (self->run->mux, kind);
  bool pictured = hls_mux_get_track (self->run->mux, AIR_KIND_VIDEO) != NULL;
  bool key = (unit->flags & AIR_UNIT_KEYFRAME) && (kind == AIR_KIND_VIDEO || !pictured);
  if (track && track != unit->track)
    return true;
  if (!track && kind == AIR_KIND_AUDIO) /* it came late */
    self->wants_run = true;
  bool silent = hls_mux_get_track (self->run->mux, other) && hls_mux_get_silence_ns (self->run->mux, other) > ALONE_NS;
  if (silent && other == AIR_KIND_VIDEO)
    return true;
  return (key && (self->wants_run || silent || (unit->flags & AIR_UNIT_DISCONTINUITY)))
         || (kind == AIR_KIND_VIDEO && !pictured && (unit->flags & AIR_UNIT_KEYFRAME));
}

static void
take_unit (HlsStream *self, AirUnit *unit)
{
  if (!is_usable (unit->track))
    return;
  if (self->run && begins_run (self, unit))
    {
      finish_run (self);
      self->wants_run = false;
    }
  if (!self->run)
    keep (self, unit);
  else if (hls_mux_get_track (self->run->mux, air_track_get_kind (unit->track)))
    push (self, unit);
}

static void
take_end (HlsStream *self)
{
  self->ended = true;
  finish_run (self);
  consider_end (self);
}

static gboolean
on_units (gint fd, GIOCondition condition, gpointer data)
{
  HlsStream *self = data;
  for (unsigned i = 0; i < UNITS_PER_TURN; i++)
    {
      g_autoptr (AirUnit) unit = air_reader_pop (self->reader);
      if (unit)
        take_unit (self, unit);
      else if (air_reader_get_state (self->reader) == AIR_READER_ENDED && !self->ended)
        take_end (self);
      if (!unit)
        break;
    }
  return G_SOURCE_CONTINUE;
}

/* ---- Requests */

static void
waiting_free (void *data)
{
  Waiting *waiting = data;
  air_request_unref (waiting->request);
  g_free (waiting->token);
  g_free (waiting);
}

void
hls_refuse_idle (AirRequest *request, const char *detail)
{
  air_request_set_header (request, "Retry-After", "2");
  air_request_reply_problem (request, 409, "not-live", detail);
}

static void
reply_text (HlsStream *self, AirRequest *request, const char *token)
{
  g_autofree char *text = hls_playlist_to_text (self->playlist, token);
  air_request_set_header (request, "Cache-Control", "no-store");
  air_request_reply_text (request, 200, PLAYLIST_TYPE, text);
}

/* @refusal: why those who wait get nothing, where there is no segment. */
static void
reply_waiting (HlsStream *self, const char *refusal)
{
  g_autoptr (GPtrArray) waiting = g_steal_pointer (&self->waiting);
  self->waiting = g_ptr_array_new_with_free_func (waiting_free);
  for (unsigned i = 0; i < waiting->len; i++)
    {
      Waiting *one = waiting->pdata[i];
      if (!hls_playlist_is_empty (self->playlist))
        reply_text (self, one->request, one->token);
      else
        hls_refuse_idle (one->request, refusal);
    }
}

static void
count_viewer (HlsStream *self, const char *viewer)
{
  int64_t now_us = g_get_monotonic_time ();
  self->asked_us = now_us;
  if (g_hash_table_size (self->viewers) < MAX_VIEWERS || g_hash_table_contains (self->viewers, viewer))
    g_hash_table_insert (self->viewers, g_strdup (viewer), g_memdup2 (&now_us, sizeof now_us));
  air_reader_set_viewers (self->reader, g_hash_table_size (self->viewers));
}

void
hls_stream_reply_playlist (HlsStream *self, AirRequest *request, const char *viewer, const char *token)
{
  count_viewer (self, viewer);
  if (!hls_playlist_is_empty (self->playlist))
    {
      reply_text (self, request, token);
      return;
    }
  if (self->waiting->len >= MAX_WAITING)
    {
      air_request_reply_problem (request, 503, "not-ready", "The first segment is not ready yet.");
      return;
    }
  Waiting *waiting = g_new (Waiting, 1);
  *waiting = (Waiting){ air_request_ref (request), g_strdup (token), self->asked_us + PATIENCE_US };
  g_ptr_array_add (self->waiting, waiting);
}

void
hls_stream_reply_segment (HlsStream *self, AirRequest *request, const char *viewer, const char *name)
{
  GBytes *media = hls_playlist_find (self->playlist, name);
  count_viewer (self, viewer);
  if (!media)
    {
      air_request_reply_problem (request, 404, "not-found", "There is no such segment, or no longer.");
      return;
    }
  air_request_set_header (request, "Cache-Control", "private, max-age=60");
  air_request_reply_bytes (request, 200, SEGMENT_TYPE, media);
}

/* ---- The stream */

static void
forget_viewers (HlsStream *self, int64_t now_us)
{
  GHashTableIter iter;
  gpointer asked_us;
  g_hash_table_iter_init (&iter, self->viewers);
  while (g_hash_table_iter_next (&iter, NULL, &asked_us))
    if (now_us - *(int64_t *)asked_us > VIEWER_US)
      g_hash_table_iter_remove (&iter);
  air_reader_set_viewers (self->reader, g_hash_table_size (self->viewers));
}

bool
hls_stream_check (HlsStream *self, int64_t now_us)
{
  forget_viewers (self, now_us);
  for (unsigned i = self->waiting->len; i > 0; i--)
    {
      Waiting *waiting = self->waiting->pdata[i - 1];
      if (now_us < waiting->until_us)
        continue;
      air_request_reply_problem (waiting->request, 503, "not-ready", "The first segment is not ready yet.");
      g_ptr_array_remove_index (self->waiting, i - 1);
    }
  if (!self->run)
    consider_run (self);
  return now_us - self->asked_us < IDLE_US || self->waiting->len > 0;
}

bool
hls_stream_has_ended (const HlsStream *self)
{
  return self->ended;
}

/* EXT-X-TARGETDURATION never changes: by the keyframe interval as it is now. A publisher whose interval grows gets segments that
 * begin without a keyframe. */
static unsigned
choose_target_s (AirStream *stream, int64_t segment_ms)
{
  g_autoptr (JsonNode) node = air_stream_describe (stream);
  double interval_ms = json_object_get_double_member_with_default (json_node_get_object (node), "keyframe_interval_ms", 0);
  double longest_s = ceil (((double)segment_ms + interval_ms) / 1000);
  return (unsigned)CLAMP (longest_s, MIN_TARGET_S, MAX_TARGET_S);
}

HlsStream *
hls_stream_new (AirContext *context, AirStream *stream, const HlsSettings *settings, GError **error)
{
  AirReaderConfig config = { .protocol = "hls", .start = AIR_START_CACHED };
  g_autoptr (AirTrack) video = air_stream_get_track (stream, AIR_KIND_VIDEO);
  g_autoptr (AirTrack) audio = air_stream_get_track (stream, AIR_KIND_AUDIO);
  if (!video && !audio)
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "The stream has no picture and no sound yet.");
      return NULL;
    }
  if (find_kinds (stream) == 0)
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_UNSUPPORTED, "HLS takes H.264 and AAC, and the publisher sends neither.");
      return NULL;
    }
  AirReader *reader = air_context_add_reader (context, stream, &config, error);
  if (!reader)
    return NULL;
  HlsStream *self = g_new0 (HlsStream, 1);
  unsigned target_s = choose_target_s (stream, settings->segment_ms);
  g_autofree char *name = g_strdup_printf ("%08x", g_random_int ());
  self->context = context;
  self->settings = *settings;
  self->reader = reader;
  self->playlist = hls_playlist_new (name, target_s, settings->window);
  self->longest_ns = target_s * NS_PER_S;
  self->viewers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->waiting = g_ptr_array_new_with_free_func (waiting_free);
  self->finishing = g_ptr_array_new_with_free_func (run_close);
  g_queue_init (&self->pending);
  self->asked_us = g_get_monotonic_time ();
  GSource *source = g_unix_fd_source_new (air_reader_get_fd (reader), G_IO_IN);
  g_source_set_callback (source, G_SOURCE_FUNC (on_units), self, NULL);
  self->source_id = air_context_add_source (context, source);
  return self;
}

void
hls_stream_free (HlsStream *self)
{
  if (!self)
    return;
  air_context_remove_source (self->context, self->source_id);
  reply_waiting (self, "The server stops.");
  g_clear_pointer (&self->run, run_close);
  g_ptr_array_unref (self->finishing);
  clear_pending (self);
  air_reader_close (self->reader);
  hls_playlist_free (self->playlist);
  g_hash_table_unref (self->viewers);
  g_ptr_array_unref (self->waiting);
  g_free (self);
}
