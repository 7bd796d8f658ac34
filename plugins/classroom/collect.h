/* Several questions to the store, one after the other, each with all its pages. */
#pragma once

#include "classroom.h"

typedef struct
{
  const char *collection; /* static; one that nobody keeps is empty */
  JsonNode *filter;       /* (transfer full) */
  const char *sort;       /* static */
} CollectQuery;

#define COLLECT_MAX_QUERIES 6

/* @results: for each query its documents (element-type JsonNode), borrowed; NULL with the error. Main thread, later. */
typedef void (*CollectDone) (GPtrArray *const *results, const GError *error, void *data);
void collect (Classroom *classroom, const CollectQuery *queries, unsigned count, CollectDone done, void *data);
