/* The loop of class-load: descriptors by epoll, and acts that are due at their time. */
#include <sys/epoll.h>

#include "class-load.h"

#define MAX_EVENTS 256

bool
class_loop_watch (LoadClass *class, int fd, LoadWatch *watch)
{
  struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = watch };

  return epoll_ctl (class->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

void
class_loop_add_due (LoadClass *class, int64_t due_us, LoadSeat *seat, unsigned number)
{
  LoadDue due = { due_us, seat, number };

  g_array_append_val (class->schedule, due);
}

static int
compare (const void *a, const void *b)
{
  const LoadDue *x = a, *y = b;

  return (x->due_us > y->due_us) - (x->due_us < y->due_us);
}

/* Returns: when the next is due, or @otherwise_us. */
static int64_t
act_on_due (LoadClass *class, void (*act) (const LoadDue *due), int64_t otherwise_us)
{
  int64_t now_us = g_get_monotonic_time ();

  while (class->next < class->schedule->len)
    {
      const LoadDue *due = &g_array_index (class->schedule, LoadDue, class->next);

      if (due->due_us > now_us)
        return due->due_us;
      class->max_lag_us = MAX (class->max_lag_us, now_us - due->due_us);
      class->next++;
      act (due);
      now_us = g_get_monotonic_time ();
    }
  return otherwise_us;
}

static void
hear (LoadClass *class, int64_t until_us)
{
  struct epoll_event events[MAX_EVENTS];
  int64_t wait_us = MAX (until_us - g_get_monotonic_time (), 0);
  struct timespec wait = { .tv_sec = wait_us / G_USEC_PER_SEC, .tv_nsec = wait_us % G_USEC_PER_SEC * 1000 };
  int count = epoll_pwait2 (class->epoll, events, MAX_EVENTS, &wait, NULL);
  int64_t from_us = g_get_monotonic_time ();

  for (int i = 0; i < count; i++)
    {
      LoadWatch *watch = events[i].data.ptr;

      watch->ready (watch->seat, events[i].events);
    }
  if (count > 0)
    class->max_busy_us = MAX (class->max_busy_us, g_get_monotonic_time () - from_us);
}

bool
class_loop_run (LoadClass *class, void (*act) (const LoadDue *due), bool (*is_over) (LoadClass *class))
{
  int64_t deadline_us = g_get_monotonic_time ();

  g_array_sort (class->schedule, compare);
  if (class->schedule->len > 0)
    deadline_us = MAX (deadline_us, g_array_index (class->schedule, LoadDue, class->schedule->len - 1).due_us);
  deadline_us += (int64_t)(class->options.patience_s * G_USEC_PER_SEC);
  class->next = 0;
  for (;;)
    {
      int64_t until_us = act_on_due (class, act, deadline_us);
      bool is_done = class->next == class->schedule->len && is_over (class);

      if (is_done || g_get_monotonic_time () >= deadline_us)
        {
          g_array_set_size (class->schedule, 0);
          return is_done;
        }
      hear (class, until_us);
    }
}
