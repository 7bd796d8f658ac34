/* Watches thousands of sockets as one source of the main loop: GLib's own loop asks every source and polls every
 * descriptor each time around, which with 10,000 idle clients would cost each frame of every class. Main thread. */
#pragma once

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct _AirPoller AirPoller;
typedef struct _AirPollItem AirPollItem;

struct _AirPollItem
{
  int fd;
  uint32_t events; /* EPOLLIN | EPOLLOUT; 0: registered, but only errors are told */
  void (*ready) (AirPollItem *item, uint32_t events);
};

AirPoller *air_poller_new (GError **error);
void air_poller_free (AirPoller *poller);
/* @item is borrowed until removed; ready() may remove any item. */
void air_poller_add (AirPoller *poller, AirPollItem *item);
void air_poller_set (AirPoller *poller, AirPollItem *item, uint32_t events);
void air_poller_remove (AirPoller *poller, AirPollItem *item);

G_END_DECLS
