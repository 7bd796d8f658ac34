/* Several loops as one. */
#include "fanout-loops.h"

#include <sys/resource.h>

#define PORT_ATTEMPTS 20u

struct _AirFanoutLoops
{
  AirFanoutDirectory *directory;
  AirFanoutLoop *loops[AIR_FANOUT_MAX_LOOPS];
  unsigned count;
  unsigned next_home;
  AirUdp *udp; /* the first loop's */
  bool has_tcp;
  bool stopped;
};

/* A viewer has a connection or two per address of ours while it tries which way is best; files and HTTP need descriptors, too. */
static AirTcpLimits
tcp_limits (unsigned loops, unsigned max_viewers)
{
  struct rlimit files = { .rlim_cur = RLIM_INFINITY };
  getrlimit (RLIMIT_NOFILE, &files);
  unsigned most = (unsigned)MIN (files.rlim_cur / 2 / loops, AIR_TCP_MAX_CONNECTIONS);
  return (AirTcpLimits){
    .connections = MIN (2 * max_viewers + 256, most),
    .pending = 1024,
    .pending_per_address = 256, /* a school behind one address joins in one second */
  };
}

/* A loop with sockets beside those of the others. */
static bool
add_loop (AirFanoutLoops *loops, AirUdp *udp, unsigned room, const AirTcpLimits *limits, const AirFanoutEvents *events,
          GError **error)
{
  g_autoptr (AirFanoutLoop) loop = NULL;
  if (!udp)
    return false;
  loop = air_fanout_loop_new (loops->count, udp, loops->directory, room, events, error);
  if (!loop || (limits && !air_fanout_loop_listen_tcp (loop, loops->count > 0 ? loops->loops[0] : NULL, limits, error)))
    return false;
  if (loops->count == 0)
    loops->udp = udp;
  loops->loops[loops->count++] = g_steal_pointer (&loop);
  return true;
}

static bool
leaves_port_open (const AirAddress *listen, unsigned n_listen)
{
  for (unsigned i = 0; i < n_listen; i++)
    if (listen[i].port == 0)
      return true;
  return false;
}

/* Any port of UDP that is also free on TCP. */
static bool
add_first_loop (AirFanoutLoops *loops, const AirAddress *listen, unsigned n_listen, unsigned room,
                const AirTcpLimits *limits, const AirFanoutEvents *events, GError **error)
{
  unsigned attempts = limits && leaves_port_open (listen, n_listen) ? PORT_ATTEMPTS : 1;
  for (unsigned i = 1;; i++)
    {
      g_autoptr (GError) reason = NULL;
      if (add_loop (loops, air_udp_new (listen, n_listen, 0, 0, &reason), room, limits, events, &reason))
        return true;
      if (i < attempts && g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
        continue;
      g_propagate_error (error, g_steal_pointer (&reason));
      return false;
    }
}

AirFanoutLoops *
air_fanout_loops_new (unsigned count, const AirAddress *listen, unsigned n_listen, unsigned max_viewers, bool tcp,
                      const AirFanoutEvents *events, GError **error)
{
  g_autoptr (AirFanoutLoops) loops = g_new0 (AirFanoutLoops, 1);
  /* Those who were just told to go are still here when their successors come. */
  unsigned room = max_viewers + max_viewers / 8 + 16;
  AirTcpLimits limits = tcp_limits (count, max_viewers);
  loops->has_tcp = tcp;
  loops->directory = air_fanout_directory_new (room);
  if (!add_first_loop (loops, listen, n_listen, room, tcp ? &limits : NULL, events, error))
    return NULL;
  while (loops->count < count)
    if (!add_loop (loops, air_udp_share (loops->udp, error), room, tcp ? &limits : NULL, events, error))
      return NULL;
  return g_steal_pointer (&loops);
}

void
air_fanout_loops_start (AirFanoutLoops *loops)
{
  for (unsigned i = 0; i < loops->count; i++)
    air_fanout_loop_start (loops->loops[i], loops->count);
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

bool
air_fanout_loops_have_tcp (AirFanoutLoops *loops)
{
  return loops->has_tcp;
}

const AirAddress *
air_fanout_loops_get_address (AirFanoutLoops *loops, unsigned socket)
{
  return air_udp_get_address (loops->udp, socket);
}

AirEngineCounts
air_fanout_loops_take_counts (AirFanoutLoops *loops)
{
  AirEngineCounts counts = { 0 };
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
