/* A stream with those who watch it, over all loops. Its source reads and makes packets on one loop, the group's home; a loop
 * where somebody watches gets its own view of them (rtp-view.h), first with what is kept, then batch by batch.
 *
 * Reference-counted (atomic): viewers and commands under way hold it. A share is touched by its loop only.
 */
#pragma once

#include "fanout-loop.h"
#include "rtp-source.h"
#include "rung-demand.h"

G_BEGIN_DECLS

/* One loop's part in a group. */
typedef struct
{
  AirFanoutGroup *group;
  AirFanoutLoop *loop;
  AirRtpView *view;    /* NULL: nobody here needs it */
  GPtrArray *viewers;  /* (element-type AirFanoutViewer) with keys */
  unsigned users;      /* viewers that are attached, with keys or not yet */
  unsigned generation; /* of the view: what was sent for an earlier one is thrown away */
} AirFanoutShare;

/* @home: one of the loops. Main thread. */
AirFanoutGroup *air_fanout_group_new (AirFanoutLoop *const *loops, unsigned n_loops, unsigned home, bool drop_reordered);
AirFanoutGroup *air_fanout_group_ref (AirFanoutGroup *group);
/* NULL is taken. */
void air_fanout_group_unref (AirFanoutGroup *group);
/* Ends its source and gives the caller's reference up; when the loops have stopped, at once. Main thread. */
void air_fanout_group_close (AirFanoutGroup *group);
/* @reader: (transfer full) (nullable) NULL stops that lane. Main thread. */
void air_fanout_group_set_reader (AirFanoutGroup *group, AirLane lane, AirReader *reader);
/* Any thread. */
/* Whether sound waits for pictures. Main thread. */
void air_fanout_group_set_sound_waits (AirFanoutGroup *group, bool waits);
AirRungDemand *air_fanout_group_get_demand (AirFanoutGroup *group);

/* ---- On the loop of the share */

/* For a viewer that is attached to @loop, until air_fanout_share_leave(). */
AirFanoutShare *air_fanout_group_join (AirFanoutGroup *group, AirFanoutLoop *loop);
void air_fanout_share_leave (AirFanoutShare *share);
/* @viewer gets media from now on, until it is removed. */
void air_fanout_share_add (AirFanoutShare *share, AirFanoutViewer *viewer);
void air_fanout_share_remove (AirFanoutShare *share, AirFanoutViewer *viewer);
void air_fanout_share_request_keyframe (AirFanoutShare *share, AirLane lane);
/* One viewer more or less needs @rung. */
void air_fanout_share_want (AirFanoutShare *share, unsigned rung, int change);
bool air_fanout_share_is_possible (AirFanoutShare *share, unsigned rung);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirFanoutGroup, air_fanout_group_unref)

G_END_DECLS
