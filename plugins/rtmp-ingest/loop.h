/* A small epoll loop: file descriptors and who is called when one is ready. All of it on the I/O thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

G_BEGIN_DECLS

typedef struct _RtmpWatch RtmpWatch;

/* Part of whoever waits for @fd. It must stay allocated until the round in which it was removed is over, because an event
 * for it may have been fetched already. */
struct _RtmpWatch
{
  int fd;          /* -1 while not watched */
  uint32_t events; /* EPOLLIN, EPOLLOUT */
  void (*ready) (RtmpWatch *watch, uint32_t events);
};

typedef struct
{
  int epoll_fd;
} RtmpLoop;

bool rtmp_loop_init (RtmpLoop *loop, GError **error);
void rtmp_loop_clear (RtmpLoop *loop);
/* Returns: false when the kernel refuses (too many watches). */
bool rtmp_loop_add (RtmpLoop *loop, RtmpWatch *watch, int fd, uint32_t events);
void rtmp_loop_set_events (RtmpLoop *loop, RtmpWatch *watch, uint32_t events);
/* Does not close the descriptor. */
void rtmp_loop_remove (RtmpLoop *loop, RtmpWatch *watch);
/* Waits at most @timeout_ms and calls whoever is ready. */
void rtmp_loop_run_once (RtmpLoop *loop, int timeout_ms);

G_END_DECLS
