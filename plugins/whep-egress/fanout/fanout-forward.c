/* From the loop on whose socket a datagram arrived to the one that owns its viewer: rare, so a copy and a command do. */
#include "fanout-private.h"

#include <string.h>

/* Datagrams that may wait at a loop. A viewer has a few checks and reports under way; more is a flood. */
#define MAX_FORWARDED 512u

typedef struct
{
  AirFanoutLoop *owner;
  AirUdpDatagram datagram;
  uint8_t data[];
} Forward;

static void
take_forward (AirFanoutLoop *loop, void *data)
{
  Forward *forward = data;
  air_fanout_loop_take_forwarded (loop, &forward->datagram);
}

static void
free_forward (void *data)
{
  Forward *forward = data;
  __atomic_fetch_sub (&forward->owner->forwarded, 1, __ATOMIC_RELAXED);
  g_free (forward);
}

void
air_fanout_loop_forward (AirFanoutLoop *loop, AirFanoutLoop *owner, const AirUdpDatagram *datagram)
{
  if (datagram->path.remote.tcp)
    {
      air_fanout_loop_hand_over (loop, owner, datagram);
      return;
    }
  if (__atomic_fetch_add (&owner->forwarded, 1, __ATOMIC_RELAXED) >= MAX_FORWARDED)
    {
      __atomic_fetch_sub (&owner->forwarded, 1, __ATOMIC_RELAXED);
      loop->counts.overrun++;
      return;
    }
  Forward *forward = g_malloc (sizeof (Forward) + datagram->size);
  forward->owner = owner;
  forward->datagram = *datagram;
  forward->datagram.data = forward->data;
  memcpy (forward->data, datagram->data, datagram->size);
  loop->counts.forwarded++;
  air_fanout_loop_invoke (owner, take_forward, forward, free_forward);
}
