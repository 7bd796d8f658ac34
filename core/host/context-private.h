/* What stands behind an AirContext. Everything registered is remembered by its manager under the context as owner, and
 * taken back by air_context_undo(). */
#pragma once

#include <airclass/context.h>
#include <airclass/http.h>
#include <airclass/plugin.h>

#include "host/host.h"

G_BEGIN_DECLS

struct _AirContext
{
  gatomicrefcount references; /* the module's, and one for each queued call, job and source */
  AirHost *host;              /* not owned; valid until air_context_undo() */
  const AirPlugin *plugin;    /* not owned */
  const char *name;           /* interned */
  AirSettings *settings;      /* owned */
  void *self;                 /* what create() returned */
  bool active;                /* registrations go straight to the managers */
  GPtrArray *pending;         /* registrations made by create(), which has not yet returned the state to call with */
  char *state_dir;
  GHashTable *sources;        /* id → GSource, borrowed; main thread */

  GMutex lock;
  GQueue calls;         /* of air_context_invoke(), under lock */
  bool calls_scheduled; /* under lock */
  bool closed;          /* under lock: calls are dropped from now on */
  unsigned jobs;        /* in the worker pool, under lock */
  GCond jobs_ended;     /* with lock */
};

/* @settings: (transfer full) */
AirContext *air_context_new (AirHost *host, const AirPlugin *plugin, AirSettings *settings);
AirContext *air_context_ref (AirContext *context);
void air_context_unref (AirContext *context);
/* create() has returned @self: what it registered reaches the managers, in order. */
void air_context_activate (AirContext *context, void *self);
/* Takes back all that was registered, except the metrics. Idempotent. */
void air_context_undo (AirContext *context);
/* After destroy(): nothing of the plugin can update a metric any more. */
void air_context_undo_metrics (AirContext *context);
/* Logs, as critical, each thing that is still there after air_context_undo(). Returns how many. */
unsigned air_context_report_left (AirContext *context);
/* Jobs of this context that still run in the worker pool. Any thread. */
unsigned air_context_count_jobs (AirContext *context);
/* Waits until none runs any more, at most @timeout_ms. Returns: whether none does. Main thread; only for a module that never
 * ran, at whose end nothing else is held up. */
bool air_context_wait_for_jobs (AirContext *context, unsigned timeout_ms);

/* A registration made while create() runs is kept and done by air_context_activate(). */
typedef void (*AirRegister) (AirContext *context, const void *what);
void air_context_register (AirContext *context, AirRegister function, const void *what, size_t size);

/* context-loop.c: drops calls and destroys sources. */
void air_context_undo_loop (AirContext *context);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirContext, air_context_unref)

G_END_DECLS
