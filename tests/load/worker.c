/* The thread behind a share of the viewers. */
#include "worker.h"

#include <errno.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BATCH 64
#define DATAGRAM_BYTES 2048
#define OFFLOADED_BYTES 65536 /* what the kernel put together again (UDP_GRO) */
#define EVENTS 1024
#define NAP_US 2000
#define HELD_UP_US 400     /* longer between two steps: the processor was somebody else's */
#define GIVE_WAY_US 20000  /* not when a tick is that late: buffers are to be read */
#define STARVED_US 250000  /* a tick that late: others leave nothing */
#define FED_US (10 * G_USEC_PER_SEC)
#define LEAVE_PER_TICK 50
#define UDP_TAG 1

/* Buffers of one thread. */
typedef struct
{
  struct mmsghdr headers[BATCH];
  struct iovec vectors[BATCH];
  uint8_t control[BATCH][CMSG_SPACE (sizeof (int)) + CMSG_SPACE (sizeof (struct timespec))];
  size_t buffer_bytes;
  uint8_t *data;
} Receiver;

LoadWorker *
load_worker_new (const LoadPlan *plan, unsigned n_viewers, unsigned first_number)
{
  LoadWorker *worker = g_new0 (LoadWorker, 1);

  worker->plan = plan;
  worker->n_viewers = n_viewers;
  worker->viewers = g_new0 (LoadViewer, MAX (n_viewers, 1));
  worker->epoll = epoll_create1 (EPOLL_CLOEXEC);
  worker->random = 0x9e3779b97f4a7c15u + first_number;
  worker->stays = g_array_new (FALSE, FALSE, sizeof (LoadStay));
  worker->origin_us = g_get_monotonic_time ();
  worker->join_offset_us = g_new0 (int64_t, MAX (n_viewers, 1));
  for (unsigned i = 0; i < n_viewers; i++)
    load_viewer_init (&worker->viewers[i], worker, plan, first_number + i);
  return worker;
}

/* xorshift64* */
double
load_worker_random (LoadWorker *worker)
{
  worker->random ^= worker->random >> 12;
  worker->random ^= worker->random << 25;
  worker->random ^= worker->random >> 27;
  return (double)((worker->random * 0x2545f4914f6cdd1du) >> 11) / (double)(UINT64_C (1) << 53);
}

void
load_worker_watch (LoadWorker *worker, LoadViewer *viewer, int fd, bool udp)
{
  struct epoll_event event = { .events = udp ? EPOLLIN : EPOLLIN | EPOLLOUT | EPOLLET,
                               .data.u64 = (uintptr_t)viewer | (udp ? UDP_TAG : 0) };
  int one = 1;

  if (udp)
    (void)setsockopt (fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
  if (udp && worker->plan->receive_offload)
    (void)setsockopt (fd, IPPROTO_UDP, UDP_GRO, &one, sizeof one);
  if (epoll_ctl (worker->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
    g_error ("epoll: %s", g_strerror (errno));
}

static Receiver *
receiver_new (const LoadPlan *plan)
{
  Receiver *receiver = g_new0 (Receiver, 1);

  receiver->buffer_bytes = plan->receive_offload ? OFFLOADED_BYTES : DATAGRAM_BYTES;
  receiver->data = g_malloc (BATCH * receiver->buffer_bytes);
  for (unsigned i = 0; i < BATCH; i++)
    {
      receiver->vectors[i]
          = (struct iovec){ receiver->data + i * receiver->buffer_bytes, receiver->buffer_bytes };
      receiver->headers[i].msg_hdr.msg_iov = &receiver->vectors[i];
      receiver->headers[i].msg_hdr.msg_iovlen = 1;
    }
  return receiver;
}

static void
receiver_free (Receiver *receiver)
{
  g_free (receiver->data);
  g_free (receiver);
}

/* What the kernel tells of a datagram: the size of those it put together (0: there is only one), and when it came, by the wall clock. That is
 * when the network delivered it: how late this process looks is not the server's doing, and must not look like a congested path to it. */
static void
read_control (struct msghdr *header, size_t *ret_segment_bytes, int64_t *ret_real_us)
{
  struct timespec time;
  int bytes;

  *ret_segment_bytes = 0;
  for (struct cmsghdr *control = CMSG_FIRSTHDR (header); control; control = CMSG_NXTHDR (header, control))
    if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO)
      {
        memcpy (&bytes, CMSG_DATA (control), sizeof bytes);
        *ret_segment_bytes = (size_t)MAX (bytes, 0);
      }
    else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_TIMESTAMPNS)
      {
        memcpy (&time, CMSG_DATA (control), sizeof time);
        *ret_real_us = time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
      }
}

static void
take_datagrams (LoadViewer *viewer, struct mmsghdr *header, uint8_t *data, int64_t now_us, int64_t real_us)
{
  size_t size = header->msg_len, segment;
  int64_t arrival_us = real_us;

  read_control (&header->msg_hdr, &segment, &arrival_us);
  if (segment == 0)
    segment = size;
  viewer->stay.counts.messages++;
  for (size_t at = 0; at < size && viewer->udp >= 0; at += segment)
    load_viewer_datagram (viewer, data + at, MIN (segment, size - at), now_us - MAX (0, real_us - arrival_us));
}

static void
receive (LoadWorker *worker, Receiver *receiver, LoadViewer *viewer)
{
  int count = BATCH;

  while (count == BATCH && viewer->udp >= 0)
    {
      for (unsigned i = 0; i < BATCH; i++)
        {
          receiver->headers[i].msg_hdr.msg_control = receiver->control[i];
          receiver->headers[i].msg_hdr.msg_controllen = sizeof receiver->control[i];
        }
      count = recvmmsg (viewer->udp, receiver->headers, BATCH, MSG_DONTWAIT, NULL);
      int64_t now_us = g_get_monotonic_time (), real_us = g_get_real_time ();
      for (int i = 0; i < count; i++)
        take_datagrams (viewer, &receiver->headers[i], receiver->vectors[i].iov_base, now_us, real_us);
    }
}

static void
change_phase (LoadWorker *worker, LoadPhase phase, int64_t now_us)
{
  if (phase == LOAD_PHASE_MEASURING || phase == LOAD_PHASE_MEASURED)
    for (unsigned i = 0; i < worker->n_viewers; i++)
      load_viewer_measure (&worker->viewers[i], phase == LOAD_PHASE_MEASURING, now_us);
  g_atomic_int_set (&worker->reached, phase);
}

/* In the end all leave, a few each tick: the server takes only so many connections of one address. */
static void
let_leave (LoadWorker *worker, int64_t now_us)
{
  unsigned leaving = 0;

  for (unsigned i = 0; i < worker->n_viewers && leaving < LEAVE_PER_TICK; i++)
    {
      LoadViewer *viewer = &worker->viewers[i];

      if (viewer->state == LOAD_GONE || viewer->state == LOAD_IDLE)
        continue;
      leaving++;
      if (viewer->state != LOAD_LEAVING)
        load_viewer_leave (viewer, viewer->state == LOAD_STOPPED, now_us);
    }
}

/* Those that wait for their time join; a place that was left is taken again. */
static void
tick_idle (LoadWorker *worker, unsigned i, int64_t now_us)
{
  LoadViewer *viewer = &worker->viewers[i];
  unsigned go_ms = (unsigned)g_atomic_int_get (&worker->go_ms);

  if (worker->reached == LOAD_PHASE_LEAVING)
    return;
  if (viewer->state == LOAD_GONE && worker->plan->stay_s > 0 && now_us >= viewer->due_us)
    load_viewer_join (viewer, now_us);
  else if (viewer->state == LOAD_IDLE
           && (worker->join_offset_us[i] < 0
               || (go_ms > 0 && now_us >= (int64_t)go_ms * 1000 + worker->origin_us + worker->join_offset_us[i])))
    load_viewer_join (viewer, now_us);
}

/* Whether somebody waits for an answer, whose delay is measured. */
static bool
is_urgent (const LoadViewer *viewer)
{
  return viewer->state != LOAD_PLAYING || viewer->frames.first_us == 0;
}

static void
tick (LoadWorker *worker, int64_t now_us)
{
  int phase = g_atomic_int_get (&worker->phase);

  worker->urgent = worker->plan->wakes;
  if (worker->reached == LOAD_PHASE_LEAVING)
    let_leave (worker, now_us);
  if (phase != worker->reached)
    change_phase (worker, (LoadPhase)phase, now_us);
  for (unsigned i = 0; i < worker->n_viewers; i++)
    {
      LoadState state = worker->viewers[i].state;

      if (state == LOAD_IDLE || state == LOAD_GONE)
        tick_idle (worker, i, now_us);
      else
        {
          worker->urgent |= is_urgent (&worker->viewers[i]);
          load_viewer_tick (&worker->viewers[i], now_us);
        }
    }
}

/* In a network nobody who receives takes the sender's processor. So, while nobody waits for an answer, the thread takes only what a server on
 * the same machine leaves, if that is wanted and it may come back, which takes CAP_SYS_NICE. A processor with such a thread counts as idle when
 * the kernel looks for one for the server's threads. Others than the server may leave nothing at all: then it is as all are, for a while. */
static void
choose_priority (LoadWorker *worker, int64_t now_us)
{
  static const struct sched_param none;

  if (now_us > worker->next_tick_us + STARVED_US)
    worker->fed_until_us = now_us + FED_US;
  bool behind = !worker->urgent && worker->may_come_back && now_us >= worker->fed_until_us;

  if (behind != worker->behind
      && (behind ? sched_setscheduler (0, SCHED_IDLE, &none) : sched_setscheduler (0, worker->policy, &worker->priority)) == 0)
    worker->behind = behind;
}

/* The lowest priority gets its turn all the same, of a whole tick of the kernel (4 ms), whenever a thread with another has used its own up.
 * So the thread that sees that it was held up gives its turn back. */
static void
give_way (LoadWorker *worker)
{
  int64_t now_us = g_get_monotonic_time ();

  while (worker->behind && now_us - worker->step_us > HELD_UP_US && now_us < worker->next_tick_us + GIVE_WAY_US)
    {
      worker->step_us = now_us + NAP_US;
      g_usleep (NAP_US);
      now_us = g_get_monotonic_time ();
    }
  if (now_us > worker->next_tick_us + STARVED_US)
    choose_priority (worker, now_us);
  worker->step_us = now_us;
}

/* Waits for sockets. A thread that sleeps in epoll_wait() is woken by the process that sends: on one machine the server would pay for what
 * in a network nobody pays. So, while nobody waits for an answer, it looks by itself each 2 ms. */
static int
wait_for_sockets (LoadWorker *worker, struct epoll_event *events)
{
  int64_t left_us = worker->next_tick_us - g_get_monotonic_time ();

  if (worker->urgent)
    return epoll_wait (worker->epoll, events, EVENTS, (int)MAX (0, (left_us + 999) / 1000));
  if (left_us > 0)
    {
      left_us = MIN (left_us, NAP_US);
      worker->step_us = g_get_monotonic_time () + left_us;
      g_usleep ((gulong)left_us);
      give_way (worker);
    }
  return epoll_wait (worker->epoll, events, EVENTS, 0);
}

static void
learn_priority (LoadWorker *worker)
{
  static const struct sched_param none;

  worker->policy = sched_getscheduler (0);
  worker->may_come_back = worker->plan->gives_way && sched_getparam (0, &worker->priority) == 0 && sched_setscheduler (0, SCHED_IDLE, &none) == 0
                          && sched_setscheduler (0, worker->policy, &worker->priority) == 0;
}

static gpointer
run (gpointer data)
{
  LoadWorker *worker = data;
  Receiver *receiver = receiver_new (worker->plan);
  struct epoll_event events[EVENTS];

  worker->next_tick_us = g_get_monotonic_time ();
  learn_priority (worker);
  while (!g_atomic_int_get (&worker->stop))
    {
      int64_t now_us = g_get_monotonic_time ();

      if (now_us >= worker->next_tick_us)
        {
          if (worker->reached == LOAD_PHASE_MEASURING)
            worker->max_lag_us = MAX (worker->max_lag_us, (uint64_t)(now_us - worker->next_tick_us));
          tick (worker, now_us);
          choose_priority (worker, now_us);
          worker->next_tick_us = MAX (worker->next_tick_us + LOAD_TICK_US, now_us);
        }
      int count = wait_for_sockets (worker, events);
      for (int i = 0; i < count; i++)
        {
          LoadViewer *viewer = (LoadViewer *)(uintptr_t)(events[i].data.u64 & ~(uint64_t)UDP_TAG);

          give_way (worker);
          if (events[i].data.u64 & UDP_TAG)
            receive (worker, receiver, viewer);
          else
            load_viewer_http_ready (viewer, g_get_monotonic_time ());
        }
    }
  receiver_free (receiver);
  return NULL;
}

void
load_worker_start (LoadWorker *worker)
{
  worker->thread = g_thread_new ("viewers", run, worker);
}

void
load_worker_go (LoadWorker *worker, int64_t from_us)
{
  g_atomic_int_set (&worker->go_ms, (int)MAX (1, (from_us - worker->origin_us) / 1000));
}

void
load_worker_stop (LoadWorker *worker)
{
  g_atomic_int_set (&worker->stop, true);
  g_clear_pointer (&worker->thread, g_thread_join);
  for (unsigned i = 0; i < worker->n_viewers; i++)
    load_viewer_stop (&worker->viewers[i], g_get_monotonic_time ());
}

void
load_worker_free (LoadWorker *worker)
{
  for (unsigned i = 0; i < worker->n_viewers; i++)
    load_viewer_clear (&worker->viewers[i]);
  g_free (worker->viewers);
  g_free (worker->join_offset_us);
  g_array_unref (worker->stays);
  close (worker->epoll);
  g_free (worker);
}
