/* The loops of the fan-out engine, one per core: each has sockets of its own on the same addresses, and the kernel spreads
 * viewers over them.
 *
 * Main thread.
 */
#pragma once

#include "fanout-group.h"

G_BEGIN_DECLS

typedef struct _AirFanoutLoops AirFanoutLoops;

/* @count: 1 to AIR_FANOUT_MAX_LOOPS. @tcp: also listens on TCP, on the same addresses and ports. Binds sockets; threads
 * start later. */
AirFanoutLoops *air_fanout_loops_new (unsigned count, const AirAddress *listen, unsigned n_listen, unsigned max_viewers,
                                      bool tcp, const AirFanoutEvents *events, GError **error);
void air_fanout_loops_start (AirFanoutLoops *loops);
/* Ends the threads after a goodbye to all viewers (left() is called for each that a loop had), and waits for them. */
void air_fanout_loops_stop (AirFanoutLoops *loops);
/* NULL is taken. */
void air_fanout_loops_free (AirFanoutLoops *loops);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirFanoutLoops, air_fanout_loops_free)

AirFanoutDirectory *air_fanout_loops_get_directory (AirFanoutLoops *loops);
unsigned air_fanout_loops_count (AirFanoutLoops *loops);
/* As bound. */
unsigned air_fanout_loops_count_sockets (AirFanoutLoops *loops);
bool air_fanout_loops_have_tcp (AirFanoutLoops *loops);
const AirAddress *air_fanout_loops_get_address (AirFanoutLoops *loops, unsigned socket);
/* What was counted since the last call, over all loops. */
AirEngineCounts air_fanout_loops_take_counts (AirFanoutLoops *loops);
/* Returns: (transfer full) end it with air_fanout_group_close(). */
AirFanoutGroup *air_fanout_loops_make_group (AirFanoutLoops *loops, bool drop_reordered);

G_END_DECLS
