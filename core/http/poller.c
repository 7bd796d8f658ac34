/* An epoll set in one GSource. The events of one round stand in the poller, so that an item that is removed by another
 * one's callback is also taken out of the round. */
#include "http/poller.h"

#include <airclass/error.h>

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ROUND 64

typedef struct
{
  GSource source;
  AirPoller *poller;
} PollerSource;

struct _AirPoller
{
  int fd;
  GSource *source;
  struct epoll_event round[ROUND];
  int count;
};

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  AirPoller *poller = ((PollerSource *)source)->poller;
  /* One round a dispatch: the rest of the main loop gets its turn between. */
  poller->count = epoll_wait (poller->fd, poller->round, ROUND, 0);
  for (int i = 0; i < poller->count; i++)
    {
      AirPollItem *item = poller->round[i].data.ptr;
      if (item != NULL)
        item->ready (item, poller->round[i].events);
    }
  poller->count = 0;
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .dispatch = dispatch };

AirPoller *
air_poller_new (GError **error)
{
  int fd = epoll_create1 (EPOLL_CLOEXEC);
  if (fd < 0)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "epoll: %s", g_strerror (errno));
      return NULL;
    }
  AirPoller *poller = g_new0 (AirPoller, 1);
  poller->fd = fd;
  poller->source = g_source_new (&source_funcs, sizeof (PollerSource));
  ((PollerSource *)poller->source)->poller = poller;
  g_source_set_static_name (poller->source, "air-http-poller");
  g_source_add_unix_fd (poller->source, fd, G_IO_IN);
  g_source_attach (poller->source, g_main_context_get_thread_default ());
  return poller;
}

void
air_poller_free (AirPoller *poller)
{
  if (poller == NULL)
    return;
  g_source_destroy (poller->source);
  g_source_unref (poller->source);
  close (poller->fd);
  g_free (poller);
}

void
air_poller_add (AirPoller *poller, AirPollItem *item)
{
  struct epoll_event event = { .events = item->events, .data.ptr = item };
  epoll_ctl (poller->fd, EPOLL_CTL_ADD, item->fd, &event);
}

void
air_poller_set (AirPoller *poller, AirPollItem *item, uint32_t events)
{
  if (item->events == events)
    return;
  item->events = events;
  struct epoll_event event = { .events = events, .data.ptr = item };
  epoll_ctl (poller->fd, EPOLL_CTL_MOD, item->fd, &event);
}

void
air_poller_remove (AirPoller *poller, AirPollItem *item)
{
  epoll_ctl (poller->fd, EPOLL_CTL_DEL, item->fd, NULL);
  for (int i = 0; i < poller->count; i++)
    if (poller->round[i].data.ptr == item)
      poller->round[i].data.ptr = NULL;
}
