/* A thread that serves its share of the viewers: one epoll, a tick of 10 ms.
 *
 * The controlling thread makes workers, starts and stops them, and reads the atomic counts; viewers and stays are for it only after
 * load_worker_stop().
 */
#pragma once

#include <sched.h>

#include "viewer.h"

#define LOAD_TICK_US 10000

typedef enum
{
  LOAD_PHASE_JOINING,
  LOAD_PHASE_MEASURING,
  LOAD_PHASE_MEASURED,
  LOAD_PHASE_LEAVING, /* all leave */
} LoadPhase;

struct _LoadWorker
{
  const LoadPlan *plan;
  LoadViewer *viewers;
  unsigned n_viewers;
  int epoll;
  GThread *thread;
  int stop;            /* atomic */
  int phase;           /* LoadPhase, atomic: what is wanted */
  int reached;         /* LoadPhase, atomic: what all viewers have been told */
  int64_t origin_us;       /* when the worker was made: go_ms counts from here */
  unsigned go_ms;          /* atomic: when joining begins; 0: not yet */
  int64_t *join_offset_us; /* of each viewer, after go_ms; -1: joins without waiting for it */
  unsigned started;        /* atomic: stays that began */
  unsigned playing;        /* atomic: are connected now */
  unsigned ended;          /* atomic: stays that are over */
  bool urgent;             /* somebody waits for an answer */
  int policy;                  /* of the thread's scheduling, as it was started */
  struct sched_param priority;
  bool may_come_back;          /* from a lower one */
  bool behind;                 /* has a lower one */
  int64_t next_tick_us;
  int64_t fed_until_us;        /* keeps its priority until then */
  int64_t step_us;             /* when the thread last saw that it had the processor */
  uint64_t random;
  GArray *stays;       /* LoadStay: those that are over */
  uint64_t max_lag_us; /* the worst lateness of a tick while measuring: how far to trust arrival times */
};

/* The caller fills join_offset_us before start. */
LoadWorker *load_worker_new (const LoadPlan *plan, unsigned n_viewers, unsigned first_number);
void load_worker_start (LoadWorker *worker);
/* Joining begins at @from_us (monotonic). */
void load_worker_go (LoadWorker *worker, int64_t from_us);
/* Ends the thread, and all stays. */
void load_worker_stop (LoadWorker *worker);
void load_worker_free (LoadWorker *worker);

/* For viewers. */
double load_worker_random (LoadWorker *worker); /* 0 ≤ x < 1 */
void load_worker_watch (LoadWorker *worker, LoadViewer *viewer, int fd, bool udp);
