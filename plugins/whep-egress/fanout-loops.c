/* Several loops as one. */
#include "fanout-loops.h"

struct _AirFanoutLoops
{
  AirFanoutDirectory *directory;
  AirFanoutLoop *loops[AIR_FANOUT_MAX_LOOPS];
  unsigned count;
  unsigned next_home;
  AirUdp *udp; /* the first loop's */
  bool stopped;
};

AirFanoutLoops *
air_fanout_loops_new (unsigned count, const AirAddress *listen, unsigned n_listen, unsigned max_viewers,
                      const AirFanoutEvents *events, GError **error)
{
  g_autoptr (AirFanoutLoops) loops = g_new0 (AirFanoutLoops, 1);
  /* Those who were just told to go are still here when their successors come. */
  unsigned room = max_viewers + max_viewers / 8 + 16;
  loops->directory = air_fanout_directory_new (room);
  for (unsigned i = 0; i < count; i++)
    {
      AirUdp *udp = i == 0 ? air_udp_new (listen, n_listen, 0, 0, error) : air_udp_share (loops->udp, error);
      if (!udp)
        return NULL;
      loops->udp = i == 0 ? udp : loops->udp;
      loops->loops[i] = air_fanout_loop_new (i, udp, loops->directory, room, events, error);
      if (!loops->loops[i])
        return NULL;
      loops->count++;
    }
  return g_steal_pointer (&loops);
}

void
air_fanout_loops_start (AirFanoutLoops *loops)
{
  for (unsigned i = 0; i < loops->count; i++)
    air_fanout_loop_start (loops->loops[i]);
}

void
air_fanout_loops_stop (AirFanoutLoops *loops)
{
  if (loops->stopped)
    return;
  loops->stopped = true;
  for (unsigned i = 0; i < loops->count; i++)
    air_fanout_loop_begin_stop (loops->loops[i]);
  for (unsigned i = 0; i < loops->count; i++)
    air_fanout_loop_wait (loops->loops[i]);
  for (unsigned i = 0; i < loops->count; i++)
    air_fanout_loop_drain (loops->loops[i]);
}

void
air_fanout_loops_free (AirFanoutLoops *loops)
{
  if (!loops)
    return;
  air_fanout_loops_stop (loops);
  for (unsigned i = 0; i < loops->count; i++)
    air_fanout_loop_free (loops->loops[i]);
  air_fanout_directory_free (loops->directory);
  g_free (loops);
}

AirFanoutDirectory *
air_fanout_loops_get_directory (AirFanoutLoops *loops)
{
  return loops->directory;
}

unsigned
air_fanout_loops_count (AirFanoutLoops *loops)
{
  return loops->count;
}

unsigned
air_fanout_loops_count_sockets (AirFanoutLoops *loops)
{
  return air_udp_count (loops->udp);
}

const AirAddress *
air_fanout_loops_get_address (AirFanoutLoops *loops, unsigned socket)
{
  return air_udp_get_address (loops->udp, socket);
}

AirFanoutCounts
air_fanout_loops_take_counts (AirFanoutLoops *loops)
{
  AirFanoutCounts counts = { 0 };
  for (unsigned i = 0; i < loops->count; i++)
    air_fanout_loop_take_counts (loops->loops[i], &counts);
  return counts;
}

AirFanoutGroup *
air_fanout_loops_make_group (AirFanoutLoops *loops, bool drop_reordered)
{
  unsigned home = loops->next_home++ % loops->count;
  return air_fanout_group_new (loops->loops, loops->count, home, drop_reordered);
}
