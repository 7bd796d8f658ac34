/* What the engines have in common on the main thread: who watches what, and the news that their threads bring. An engine begins
 * with it, and lends its functions to its AirEngineClass. */
#pragma once

#include "engine-metrics.h"
#include "stream-feed.h"
#include "viewer-record.h"

G_BEGIN_DECLS

typedef struct _AirEngineBase AirEngineBase;

typedef struct
{
  /* Ends @viewer wherever it is now; air_engine_base_tell_left() is called in the end. */
  void (*end_viewer) (AirEngineBase *self, void *viewer, AirViewerReason reason);
  /* Its threads are done with @viewer; NULL: nothing is to be done. */
  void (*forget_viewer) (AirEngineBase *self, void *viewer);
  /* A group for those who watch one stream. */
  AirFeedOutput (*make_output) (AirEngineBase *self);
} AirEngineBaseClass;

struct _AirEngineBase
{
  AirEngine engine;
  const AirEngineBaseClass *class;
  AirContext *context;
  AirEngineEvents events;
  AirBframes bframes;
  unsigned sound_waits_from; /* viewers; 0: never */
  bool sound_waits;          /* so many are there */
  AirLevels levels;
  GHashTable *viewers; /* id → what is known of a viewer and its feed */
  GHashTable *feeds;   /* group → AirStreamFeed */
  AirEngineMetrics metrics;
  AirEngineLoad load;
};

/* @context: its options are read at once. */
void air_engine_base_init (AirEngineBase *self, const AirEngineClass *engine_class, const AirEngineBaseClass *class,
                           AirContext *context, const AirEngineEvents *events);
void air_engine_base_clear (AirEngineBase *self);

/* ---- Viewers and feeds */

/* The feed that @stream has, or a new one. Returns: (transfer none) with nobody in it it must be dropped or added to at once. */
AirStreamFeed *air_engine_base_find_feed (AirEngineBase *self, AirStream *stream);
/* Lets go of @feed when nobody is in it. */
void air_engine_base_drop_feed (AirEngineBase *self, AirStreamFeed *feed);
/* @record: (transfer full) of a viewer that begins. */
void air_engine_base_add_viewer (AirEngineBase *self, AirStreamFeed *feed, AirViewerRecord *record);
/* Returns: (transfer none) (nullable) the viewer. */
void *air_engine_base_find_viewer (AirEngineBase *self, const char *viewer_id);
/* It has left; nothing happens when that was said before. */
void air_engine_base_forget_viewer (AirEngineBase *self, AirViewerRecord *record, AirViewerReason reason);
/* The threads have stopped: all viewers and feeds go. */
void air_engine_base_forget_all (AirEngineBase *self);
/* Once a second, with what was counted since. */
void air_engine_base_second_passed (AirEngineBase *self, const AirEngineCounts *counts);
/* Says to whoever asked that there is no viewer. */
void air_engine_base_refuse (const GError *error, AirEngineAnswered answered, void *data, GDestroyNotify destroy);

/* ---- For AirEngineClass */

void air_engine_base_remove_viewer (AirEngine *engine, const char *viewer_id, AirViewerReason reason);
GPtrArray *air_engine_base_list_viewers (AirEngine *engine, const char *path);
AirViewerInfo *air_engine_base_get_viewer (AirEngine *engine, const char *viewer_id);
void air_engine_base_get_load (AirEngine *engine, AirEngineLoad *ret_load);
void air_engine_base_stream_changed (AirEngine *engine, const char *path);

/* ---- News of viewers and groups. Any thread; a group is looked up, never followed. */

void air_engine_base_tell_joined (AirEngineBase *self, AirViewerRecord *record);
void air_engine_base_tell_left (AirEngineBase *self, AirViewerRecord *record, AirViewerReason reason);
void air_engine_base_tell_reordered (AirEngineBase *self, void *group);
void air_engine_base_tell_reader_ended (AirEngineBase *self, void *group, AirLane lane);
void air_engine_base_tell_rung_wanted (AirEngineBase *self, void *group);

G_END_DECLS
