/* DTLS handshakes in slices: a step costs up to a millisecond (keys are made, signed, checked), and when a whole class joins
 * at once, those who watch already must not wait for hundreds of them. What comes in for a handshake waits here, and each
 * turn of the loop works on it for a short while, after media. */
#include "fanout-private.h"

#include <string.h>

#define SPEND_US 1000
/* Datagrams that wait; the peers send again (RFC 6347 §4.2.4). */
#define MAX_WAITING 4096u

typedef struct
{
  AirFanoutViewer *viewer; /* a reference */
  size_t size;
  uint8_t data[];
} Step;

static void
free_step (void *data)
{
  Step *step = data;
  air_fanout_viewer_unref (step->viewer);
  g_free (step);
}

void
air_fanout_loop_queue_handshake (AirFanoutLoop *loop, AirFanoutViewer *viewer, const AirUdpDatagram *datagram)
{
  if (loop->handshakes.length >= MAX_WAITING)
    {
      loop->counts.overrun++;
      return;
    }
  Step *step = g_malloc (sizeof (Step) + datagram->size);
  step->viewer = air_fanout_viewer_ref (viewer);
  step->size = datagram->size;
  memcpy (step->data, datagram->data, datagram->size);
  g_queue_push_tail (&loop->handshakes, step);
}

void
air_fanout_loop_shake_hands (AirFanoutLoop *loop)
{
  int64_t end_us = g_get_monotonic_time () + SPEND_US;
  Step *step;
  while ((step = g_queue_pop_head (&loop->handshakes)))
    {
      if (step->viewer->attached)
        air_fanout_loop_take_dtls (loop, step->viewer, step->data, step->size);
      free_step (step);
      if (g_get_monotonic_time () >= end_us)
        return;
    }
}

void
air_fanout_loop_drop_handshakes (AirFanoutLoop *loop)
{
  g_queue_clear_full (&loop->handshakes, free_step);
}
