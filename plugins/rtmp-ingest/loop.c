/* epoll, level-triggered, so that one busy peer cannot keep the thread: each gets one turn a round. */
#include "loop.h"

#include <errno.h>
#include <gio/gio.h>
#include <unistd.h>

#define EVENTS_PER_ROUND 128

bool
rtmp_loop_init (RtmpLoop *loop, GError **error)
{
  loop->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  if (loop->epoll_fd >= 0)
    return true;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "epoll: %s", g_strerror (errno));
  return false;
}

void
rtmp_loop_clear (RtmpLoop *loop)
{
  if (loop->epoll_fd >= 0)
    close (loop->epoll_fd);
  loop->epoll_fd = -1;
}

bool
rtmp_loop_add (RtmpLoop *loop, RtmpWatch *watch, int fd, uint32_t events)
{
  struct epoll_event event = { .events = events, .data.ptr = watch };
  if (epoll_ctl (loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
    return false;
  watch->fd = fd;
  watch->events = events;
  return true;
}

void
rtmp_loop_set_events (RtmpLoop *loop, RtmpWatch *watch, uint32_t events)
{
  if (watch->fd < 0 || watch->events == events)
    return;
  struct epoll_event event = { .events = events, .data.ptr = watch };
  epoll_ctl (loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event);
  watch->events = events;
}

void
rtmp_loop_remove (RtmpLoop *loop, RtmpWatch *watch)
{
  if (watch->fd < 0)
    return;
  epoll_ctl (loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
  watch->fd = -1;
}

void
rtmp_loop_run_once (RtmpLoop *loop, int timeout_ms)
{
  struct epoll_event events[EVENTS_PER_ROUND];
  int count = epoll_wait (loop->epoll_fd, events, EVENTS_PER_ROUND, timeout_ms);
  for (int i = 0; i < count; i++)
    {
      RtmpWatch *watch = events[i].data.ptr;
      if (watch->fd >= 0)
        watch->ready (watch, events[i].events);
    }
}
