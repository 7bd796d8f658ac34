/* The one thread that writes, with the spool behind it. Whatever waits is done as one batch and acknowledged after one sync; while the
 * database is away, what can be is spooled and acknowledged, the rest is AIR_ERROR_UNAVAILABLE. */
#pragma once

#include "spool.h"
#include "write.h"

G_BEGIN_DECLS

typedef struct _Writer Writer;

typedef struct
{
  AirContext *context;
  AirStore *store;
  const Database *database;
  Spool *spool; /* (transfer full) */
  AirMetric *commits, *spooled_bytes, *replayed;
} WriterConfig;

/* Returns when the thread has looked whether the database is there: a worker thread. */
Writer *writer_new (const WriterConfig *config);
/* Does or spools what waits, then ends the thread; may wait for the time-outs of the database. NULL is taken. */
void writer_free (Writer *writer);
/* @write: (transfer full). Main thread. */
void writer_push (Writer *writer, Write *write);

G_END_DECLS
