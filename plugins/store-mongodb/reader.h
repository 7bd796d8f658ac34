/* Reads, on threads of their own. They go to the primary, and so see all that was acknowledged before, but for what is spooled. */
#pragma once

#include "database.h"

G_BEGIN_DECLS

typedef struct _Readers Readers;

typedef enum
{
  READ_GET,
  READ_FIND,
  READ_COUNT,
  READ_AGGREGATE,
} ReadKind;

typedef struct
{
  ReadKind kind;
  const AirStoreCollection *collection;
  GTask *task;     /* owned */
  bson_t filter;   /* owned */
  bson_t *options; /* owned, NULL: none */
  unsigned limit;  /* of find: the options ask for one more */
  char *group;     /* of aggregate, JSON text, owned */
} Read;

Readers *readers_new (const Database *database, unsigned count);
/* Does what waits, then ends; may wait. NULL is taken. */
void readers_free (Readers *readers);
/* Returns: (transfer full) with the filter set. Main thread. */
Read *read_new (ReadKind kind, const AirStoreCollection *collection, JsonNode *filter, GTask *task);
/* @read: (transfer full) */
void readers_push (Readers *readers, Read *read);

/* groups.c: (transfer full) the groups of what @cursor has, NULL with the error. */
JsonNode *groups_make (mongoc_cursor_t *cursor, JsonNode *group, const char *key, GError **error);

G_END_DECLS
