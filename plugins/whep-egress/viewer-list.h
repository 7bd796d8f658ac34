/* The documents about viewers (ViewerList, Viewer and WhepStatus in schemas/openapi.yaml). Any thread: a list of
 * thousands is written in the worker pool. */
#pragma once

#include "engine.h"
#include "level-policy.h"

G_BEGIN_DECLS

#define AIR_VIEWER_LIST_DEFAULT_LIMIT 200u
#define AIR_VIEWER_LIST_MAX_LIMIT 2000u

typedef struct
{
  AirViewerInfo *info; /* owned */
  char *user_id;       /* (nullable) owned */
  AirRole role;
} AirViewerRow;

void air_viewer_row_free (AirViewerRow *row);

typedef enum
{
  AIR_VIEWER_SORT_SINCE,
  AIR_VIEWER_SORT_WORST,
  AIR_VIEWER_SORT_LEVEL,
  AIR_VIEWER_SORT_ADDRESS,
  AIR_VIEWER_SORT_BITRATE,
  AIR_VIEWER_SORT_ESTIMATE,
  AIR_VIEWER_SORT_LOSS,
  AIR_VIEWER_SORT_RTT,
  AIR_VIEWER_SORT_JITTER,
  AIR_VIEWER_SORT_NACKS,
  AIR_VIEWER_SORT_KEYFRAME_REQUESTS,
} AirViewerSortKey;

typedef struct
{
  AirViewerSortKey key;
  bool descending; /* WORST is descending by nature: the worst first */
} AirViewerSort;

/* @text: "since", "-since", "worst", "-loss", …; Returns false when it is none of them. */
bool air_viewer_sort_parse (const char *text, AirViewerSort *ret_sort);

/* FULL while it is not known. */
AirLevel air_viewer_level (const AirViewerInfo *info);
/* Whether the level is the network's fault, and neither the operator's nor the viewer's wish. */
bool air_viewer_is_held_down (const AirViewerInfo *info);
/* How badly a viewer is off, from 0: at 1 and more it suffers, by loss, round trip, jitter, or a level that its network
 * forced on it. Nothing is known of one who has not yet connected: 0. */
double air_viewer_trouble (const AirViewerInfo *info);

/* Sorts @rows (element-type AirViewerRow), and writes at most @limit of them from @first on, with a summary of all.
 * Returns: (transfer full) JSON text */
char *air_viewer_list_write (GPtrArray *rows, const AirViewerSort *sort, unsigned first, unsigned limit);
/* What a viewer is told of itself. Returns: (transfer full) */
JsonNode *air_viewer_status (const AirViewerInfo *info);

G_END_DECLS
