/* The fan-out thread. One turn: wait, take in what came (datagrams, media, commands), pace those who are behind, look
 * at the clock, send what was queued. */
#include "fanout-private.h"

#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK_US (100 * 1000)
#define PACE_US 1000
#define MAX_EVENTS 64
#define STRAINED_US 40000
#define MAX_RECEIVE_BATCHES 4 /* per socket and turn, so that media is not starved by a flood */
#define PACE_SPEND_US 2000     /* for those who are behind, each turn, so that those who are not do not wait for them */
#define READ_EVERY_US 5000
#define MANY_VIEWERS 100u

struct _FanoutCommand
{
  FanoutCommand *next;
  AirFanoutCommand function;
  void *data;
  GDestroyNotify destroy;
};

/* Returns: whether more may wait there. */
static bool
read_socket (AirFanoutLoop *loop, unsigned index)
{
  unsigned count = AIR_UDP_BATCH;
  for (unsigned batch = 0; batch < MAX_RECEIVE_BATCHES && count == AIR_UDP_BATCH; batch++)
    {
      AirUdpDatagram *datagrams;
      count = air_udp_receive (loop->receiver, index, &datagrams);
      for (unsigned i = 0; i < count; i++)
        air_fanout_loop_take_datagram (loop, &datagrams[i]);
    }
  return count == AIR_UDP_BATCH;
}

static void
socket_ready (AirWatch *watch)
{
  const SocketWatch *socket = (SocketWatch *)watch;
  read_socket (socket->loop, socket->index);
}

/* Reports of many viewers come all the time, and to be woken for each costs more than to read it: then sockets are looked at by the
 * clock instead. Not while somebody joins, whose checks and handshake wait for each other. */
static void
choose_reading (AirFanoutLoop *loop)
{
  unsigned many = loop->reads_by_clock ? MANY_VIEWERS * 3 / 4 : MANY_VIEWERS;
  bool by_clock = loop->joining == 0 && loop->viewers->len >= many;
  if (by_clock == loop->reads_by_clock)
    return;
  bool watched = true;
  for (unsigned i = 0; i < air_udp_count (loop->udp); i++)
    if (by_clock)
      epoll_ctl (loop->epoll, EPOLL_CTL_DEL, air_udp_get_fd (loop->udp, i), NULL);
    else
      watched &= air_fanout_loop_watch (loop, air_udp_get_fd (loop->udp, i), &loop->sockets[i].watch);
  /* A socket that the kernel has no room to watch would never be read. */
  loop->reads_by_clock = by_clock || !watched;
  loop->next_read_us = loop->now_us;
}

static void
read_all (AirFanoutLoop *loop)
{
  bool more = false;
  for (unsigned i = 0; i < air_udp_count (loop->udp); i++)
    more |= read_socket (loop, i);
  loop->next_read_us = loop->now_us + (more ? 0 : READ_EVERY_US);
}

/* ---- Time */

static void
pace (AirFanoutLoop *loop)
{
  int64_t end_us = g_get_monotonic_time () + PACE_SPEND_US;
  loop->next_pace_us = loop->now_us + PACE_US;
  for (unsigned left = loop->behind->len; left > 0 && g_get_monotonic_time () < end_us; left--)
    {
      if (loop->next_behind >= loop->behind->len)
        loop->next_behind = 0;
      AirFanoutViewer *viewer = loop->behind->pdata[loop->next_behind];
      viewer->behind = air_fanout_viewer_pump (viewer, loop->now_us);
      if (viewer->behind)
        loop->next_behind++;
      else
        g_ptr_array_remove_index_fast (loop->behind, loop->next_behind);
    }
}

static void
publish_counts (AirFanoutLoop *loop)
{
  const AirUdpStats *sent = air_udp_sender_get_stats (loop->sender);
  loop->counts.packets = sent->packets;
  loop->counts.bytes = sent->bytes;
  loop->counts.dropped = sent->dropped;
  loop->counts.failed = sent->failed;
  if (loop->tcp)
    {
      const AirTcpStats *tcp = air_tcp_get_stats (loop->tcp);
      loop->counts.packets += tcp->packets;
      loop->counts.bytes += tcp->bytes;
      loop->counts.tcp_accepted = tcp->accepted;
      loop->counts.tcp_refused = tcp->refused;
      loop->counts.tcp_cut = tcp->cut;
      loop->counts.tcp_dropped = tcp->dropped;
    }
  g_mutex_lock (&loop->lock);
  loop->shared = loop->counts;
  g_mutex_unlock (&loop->lock);
}

static void
tick (AirFanoutLoop *loop)
{
  loop->next_tick_us = loop->now_us + TICK_US;
  /* Backwards: ending one moves the last into its place. */
  for (unsigned i = loop->viewers->len; i > 0; i--)
    air_fanout_loop_check_viewer (loop, loop->viewers->pdata[i - 1]);
  if (loop->tcp)
    air_tcp_tick (loop->tcp, loop->now_us);
  if (loop->now_us < loop->next_second_us)
    return;
  loop->next_second_us = loop->now_us + G_USEC_PER_SEC;
  for (unsigned i = 0; i < loop->viewers->len; i++)
    air_fanout_loop_publish_viewer (loop->viewers->pdata[i]);
  publish_counts (loop);
}

/* ---- The thread */

static void
wake_ready (AirWatch *watch)
{
  WakeWatch *wake = (WakeWatch *)watch;
  uint64_t count;
  /* Only to wake up; the commands run after the events, for they may free what an event speaks of. */
  if (read (wake->loop->wake, &count, sizeof count) < 0 && errno != EAGAIN)
    g_warning ("eventfd: %s", g_strerror (errno));
}

static void
free_command (FanoutCommand *command)
{
  if (command->destroy)
    command->destroy (command->data);
  g_free (command);
}

/* Returns: (transfer full) the oldest first. */
static FanoutCommand *
take_commands (AirFanoutLoop *loop)
{
  FanoutCommand *newest = __atomic_exchange_n (&loop->commands, NULL, __ATOMIC_ACQUIRE), *oldest = NULL;
  while (newest)
    {
      FanoutCommand *next = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = next;
    }
  return oldest;
}

static void
run_commands (AirFanoutLoop *loop)
{
  FanoutCommand *next;
  for (FanoutCommand *command = take_commands (loop); command; command = next)
    {
      next = command->next;
      command->function (loop, command->data);
      free_command (command);
    }
}

static int
timeout_ms (const AirFanoutLoop *loop)
{
  if (loop->handshakes.length > 0)
    return 0;
  int64_t next_us = loop->next_tick_us;
  if (loop->behind->len > 0)
    next_us = MIN (next_us, loop->next_pace_us);
  if (loop->reads_by_clock)
    next_us = MIN (next_us, loop->next_read_us);
  int64_t until_us = next_us - g_get_monotonic_time ();
  return until_us <= 0 ? 0 : (int)((until_us + 999) / 1000);
}

static void
turn (AirFanoutLoop *loop)
{
  struct epoll_event events[MAX_EVENTS];
  int wait_ms = timeout_ms (loop);
  int count = epoll_wait (loop->epoll, events, MAX_EVENTS, wait_ms);
  int64_t before_us = loop->now_us;
  loop->now_us = g_get_monotonic_time ();
  /* From turn to turn, waiting included: what is measured meanwhile tells of this machine, not of the viewers' paths. */
  if (loop->now_us > before_us + wait_ms * 1000 + STRAINED_US)
    loop->strained_us = loop->now_us;
  for (int i = 0; i < count; i++)
    {
      AirWatch *watch = events[i].data.ptr;
      watch->ready (watch);
    }
  run_commands (loop);
  if (loop->reads_by_clock && loop->now_us >= loop->next_read_us)
    read_all (loop);
  if (loop->behind->len > 0 && loop->now_us >= loop->next_pace_us)
    pace (loop);
  if (loop->now_us >= loop->next_tick_us)
    tick (loop);
  air_fanout_loop_flush (loop);
  air_fanout_loop_shake_hands (loop);
  air_fanout_loop_flush (loop);
  choose_reading (loop);
}

/* A thread that wakes up goes to the processor where it was last, and with few processors, half of them busy, the kernel looks for no other
 * one. Two loops on one processor take turns of milliseconds, so that the viewers of one wait until the other has served its own. */
static void
keep_apart (AirFanoutLoop *loop)
{
  cpu_set_t all, own;
  unsigned n = 0;
  if (sched_getaffinity (0, sizeof all, &all) != 0 || (unsigned)CPU_COUNT (&all) < loop->beside)
    return;
  CPU_ZERO (&own);
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET (cpu, &all) && n++ % loop->beside == loop->index)
      CPU_SET (cpu, &own);
  if (sched_setaffinity (0, sizeof own, &own) != 0)
    g_info ("a loop is on any processor: %s", g_strerror (errno));
}

static void *
run (void *data)
{
  AirFanoutLoop *loop = data;
  keep_apart (loop);
  while (!loop->stopping)
    turn (loop);
  while (loop->viewers->len > 0)
    air_fanout_loop_end_viewer (loop, loop->viewers->pdata[loop->viewers->len - 1], AIR_VIEWER_SHUTDOWN);
  air_fanout_loop_drop_handshakes (loop);
  air_fanout_loop_flush (loop);
  publish_counts (loop);
  return NULL;
}

/* ---- For the main thread */

bool
air_fanout_loop_watch (AirFanoutLoop *loop, int fd, AirWatch *watch)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = watch };
  return epoll_ctl (loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool
watch_all (AirFanoutLoop *loop, GError **error)
{
  loop->epoll = epoll_create1 (EPOLL_CLOEXEC);
  loop->wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  loop->wake_watch = (WakeWatch){ { wake_ready }, loop };
  bool watched = loop->epoll >= 0 && loop->wake >= 0 && air_fanout_loop_watch (loop, loop->wake, &loop->wake_watch.watch);
  for (unsigned i = 0; watched && i < air_udp_count (loop->udp); i++)
    {
      loop->sockets[i] = (SocketWatch){ { socket_ready }, loop, i };
      watched = air_fanout_loop_watch (loop, air_udp_get_fd (loop->udp, i), &loop->sockets[i].watch);
    }
  if (!watched)
    g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "epoll: %s", g_strerror (errno));
  return watched;
}

AirFanoutLoop *
air_fanout_loop_new (unsigned index, AirUdp *udp, AirFanoutDirectory *directory, unsigned max_viewers,
                     const AirFanoutEvents *events, GError **error)
{
  AirFanoutLoop *loop = g_new0 (AirFanoutLoop, 1);
  loop->index = index;
  loop->udp = udp;
  loop->directory = directory;
  loop->events = *events;
  loop->epoll = loop->wake = -1;
  loop->viewers = g_ptr_array_new ();
  loop->behind = g_ptr_array_new ();
  g_mutex_init (&loop->lock);
  loop->now_us = g_get_monotonic_time ();
  loop->ahead_us = g_get_real_time () - loop->now_us;
  if (!watch_all (loop, error))
    {
      air_fanout_loop_free (loop);
      return NULL;
    }
  loop->receiver = air_udp_receiver_new (loop->udp);
  loop->sender = air_udp_sender_new (loop->udp, true);
  /* Those who were just told to go are still here when their successors come. */
  loop->demux = air_demux_new (max_viewers + max_viewers / 8 + 16);
  return loop;
}

void
air_fanout_loop_start (AirFanoutLoop *loop, unsigned count)
{
  loop->beside = count;
  loop->thread = g_thread_new ("whep-fanout", run, loop);
}

static void
begin_stop (AirFanoutLoop *loop, void *data)
{
  loop->stopping = true;
}

void
air_fanout_loop_begin_stop (AirFanoutLoop *loop)
{
  air_fanout_loop_invoke (loop, begin_stop, NULL, NULL);
}

void
air_fanout_loop_wait (AirFanoutLoop *loop)
{
  g_clear_pointer (&loop->thread, g_thread_join);
}

void
air_fanout_loop_drain (AirFanoutLoop *loop)
{
  FanoutCommand *next;
  loop->stopped = true;
  for (FanoutCommand *command = take_commands (loop); command; command = next)
    {
      next = command->next;
      free_command (command);
    }
}

void
air_fanout_loop_free (AirFanoutLoop *loop)
{
  if (!loop)
    return;
  air_udp_sender_free (loop->sender);
  air_udp_receiver_free (loop->receiver);
  air_demux_free (loop->demux);
  air_tcp_free (loop->tcp);
  air_udp_free (loop->udp);
  g_ptr_array_unref (loop->viewers);
  g_ptr_array_unref (loop->behind);
  g_mutex_clear (&loop->lock);
  if (loop->epoll >= 0)
    close (loop->epoll);
  if (loop->wake >= 0)
    close (loop->wake);
  g_free (loop);
}

void
air_fanout_loop_invoke (AirFanoutLoop *loop, AirFanoutCommand function, void *data, GDestroyNotify destroy)
{
  static const uint64_t one = 1;
  FanoutCommand *command = g_new (FanoutCommand, 1);
  *command = (FanoutCommand){ NULL, function, data, destroy };
  if (loop->stopped)
    {
      free_command (command);
      return;
    }
  FanoutCommand *newest = __atomic_load_n (&loop->commands, __ATOMIC_RELAXED);
  do
    command->next = newest;
  while (!__atomic_compare_exchange_n (&loop->commands, &newest, command, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
  /* Whoever put the first one there has woken the loop, or is about to. */
  if (!newest && write (loop->wake, &one, sizeof one) < 0)
    g_warning ("eventfd: %s", g_strerror (errno));
}

void
air_fanout_loop_take_counts (AirFanoutLoop *loop, AirEngineCounts *counts)
{
  g_mutex_lock (&loop->lock);
  uint64_t *sum = (uint64_t *)counts, *taken = (uint64_t *)&loop->taken;
  const uint64_t *shared = (const uint64_t *)&loop->shared;
  for (size_t i = 0; i < sizeof (AirEngineCounts) / sizeof (uint64_t); i++)
    {
      sum[i] += shared[i] - taken[i];
      taken[i] = shared[i];
    }
  g_mutex_unlock (&loop->lock);
}

AirEngineCounts *
air_fanout_loop_get_counts (AirFanoutLoop *loop)
{
  return &loop->counts;
}

uint64_t
air_fanout_loop_ntp (AirFanoutLoop *loop, int64_t monotonic_us)
{
  return air_ntp_from_unix_us (monotonic_us + loop->ahead_us);
}
