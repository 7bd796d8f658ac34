/* What the slots tell: how long packets waited, how many were lost, how much arrived. */
#include "path-private.h"

#define WINDOW_SLOTS 3 /* 150 ms: enough packets for one of them to be lucky, even of sound alone */
/* All that was sent for 300 ms: a path that carries too little carries something. */
#define OUTAGE_SLOTS 6u
#define FEW_PACKETS 25u

/* NULL: nothing was sent in it, or it is too long ago. */
static const AirPathSlot *
find_slot (const AirPathEstimate *path, int64_t number)
{
  const AirPathSlot *slot = &path->slots[(uint32_t)number % AIR_PATH_SLOTS];
  return slot->number == (uint32_t)number ? slot : NULL;
}

uint64_t
air_path_measure_goodput (const AirPathEstimate *path, unsigned slots)
{
  uint32_t now = (uint32_t)((uint64_t)path->arrival_us / AIR_PATH_SLOT_US);
  uint64_t bytes = 0;
  int64_t since_us = (path->arrival_us - path->first_arrival_us) / AIR_PATH_SLOT_US;
  slots = (unsigned)CLAMP (since_us, 1, (int64_t)slots);
  for (uint32_t number = now - slots; number != now + 1; number++)
    {
      const AirPathArrival *arrival = &path->arrivals[number % G_N_ELEMENTS (path->arrivals)];
      bytes += arrival->number == number ? arrival->bytes : 0;
    }
  uint64_t filled_us = (uint64_t)path->arrival_us % AIR_PATH_SLOT_US;
  return bytes * 8 * G_USEC_PER_SEC / (slots * (uint64_t)AIR_PATH_SLOT_US + filled_us);
}

int64_t
air_path_least_delay (const AirPathEstimate *path, int windows)
{
  int64_t newest = path->newest_us / AIR_PATH_SLOT_US - (int64_t)windows * WINDOW_SLOTS;
  int64_t least_us = AIR_PATH_NO_DELAY;
  for (int64_t number = newest; number > newest - WINDOW_SLOTS; number--)
    {
      const AirPathSlot *slot = find_slot (path, number);
      if (slot)
        least_us = MIN (least_us, slot->delay_us);
    }
  return least_us;
}

int64_t
air_path_queue_of (const AirPathEstimate *path, int windows)
{
  int64_t least_us = air_path_least_delay (path, windows);
  return least_us == AIR_PATH_NO_DELAY ? -1 : MAX (0, least_us - MIN (path->base_us[0], path->base_us[1]));
}

int64_t
air_path_waiting_of (const AirPathEstimate *path, int windows)
{
  int64_t base_us = MIN (path->base_us[0], path->base_us[1]);
  return MAX (-1, air_path_queue_of (path, windows) - MAX (0, path->own_us - MIN (base_us, path->own_us)));
}

typedef struct
{
  unsigned packets, lost;
} Count;

/* Without outages: while nothing at all arrived, nothing was to be learned of what the path carries. */
static Count
count_of (const AirPathEstimate *path, unsigned slots)
{
  int64_t newest = path->newest_us / AIR_PATH_SLOT_US;
  Count count = { 0 }, silence = { 0 };
  unsigned silent = 0;
  for (int64_t number = newest; number >= newest - (int64_t)slots; number--)
    {
      const AirPathSlot *slot = number > newest - (int64_t)slots ? find_slot (path, number) : NULL;
      bool all = slot && slot->packets == slot->lost;
      if (all)
        {
          silent += slot->packets > 0;
          silence.packets += slot->packets;
          silence.lost += slot->lost;
          continue;
        }
      if (silent < OUTAGE_SLOTS)
        {
          count.packets += silence.packets;
          count.lost += silence.lost;
        }
      silent = 0;
      silence = (Count){ 0 };
      count.packets += slot ? slot->packets : 0;
      count.lost += slot ? slot->lost : 0;
    }
  return count;
}

/* Most paths lose nothing for long, and need no counting. */
static bool
lost_none (const AirPathEstimate *path, unsigned slots)
{
  return path->lost_us == 0 || path->lost_us / AIR_PATH_SLOT_US <= path->newest_us / AIR_PATH_SLOT_US - (int64_t)slots;
}

double
air_path_loss_of (const AirPathEstimate *path, unsigned slots)
{
  if (lost_none (path, slots))
    return 0;
  Count count = count_of (path, slots);
  /* A share of a few packets says nothing. */
  return count.packets < FEW_PACKETS ? 0 : (double)count.lost / count.packets;
}

bool
air_path_loses_more (const AirPathEstimate *path, unsigned slots, double share)
{
  if (lost_none (path, slots))
    return false;
  Count count = count_of (path, slots);
  /* Four standard deviations beyond what chance makes of 10%. */
  double beyond = count.lost - 0.1 * count.packets;
  return count.packets >= FEW_PACKETS && count.lost >= share * count.packets && beyond > 0
         && beyond * beyond > 16 * 0.09 * count.packets;
}

uint64_t
air_path_sent_bps (const AirPathEstimate *path, int64_t until_us)
{
  int64_t newest = until_us / AIR_PATH_SLOT_US - 1;
  uint64_t bytes = 0;
  for (int64_t number = newest; number > newest - 20; number--)
    {
      const AirPathSlot *slot = find_slot (path, number);
      bytes += slot ? slot->bytes : 0;
    }
  return bytes * 8;
}
