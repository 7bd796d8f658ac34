/* Reads, on threads of their own, each with a connection of its own: a read sees all that was acknowledged before it began, and waits
 * for no write. */
#pragma once

#include "statement.h"

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
  GTask *task;          /* owned */
  Statement *statement; /* owned */
  unsigned limit;       /* of find: the statement asks for one more */
  char **names;         /* of aggregate: of the columns, owned */
  unsigned by_count;    /* of them, the first are those it is grouped by, each followed by a column "is boolean" */
} Read;

/* Returns NULL with the error when the database cannot be opened. */
Readers *readers_new (const char *path, unsigned count, GError **error);
/* Does what waits, then ends; may wait. NULL is taken. */
void readers_free (Readers *readers);

/* @statement: (transfer full). Returns: (transfer full) */
Read *read_new (ReadKind kind, GTask *task, Statement *statement);
/* @read: (transfer full) */
void readers_push (Readers *readers, Read *read);

G_END_DECLS
