/* Chance, limits and a heap of packets by the time of their delivery. */
#include "link-lane.h"

#include <netinet/in.h>
#include <string.h>

#define NS_PER_MS 1e6
#define MAX_WAITING 50000u

typedef struct
{
  int64_t due_ns;
  uint64_t order; /* of those due at the same time */
  size_t size;
  uint8_t *bytes;
} Waiting;

struct _Lane
{
  LaneRules rules;
  LaneCounts counts;
  LaneDeliver deliver;
  void *data;
  GRand *random;
  GArray *heap; /* of Waiting; the soonest first */
  bool losing;  /* within a burst */
  int64_t free_ns; /* when the line has sent all that it took */
  int64_t last_due_ns;
};

Lane *
lane_new (uint32_t seed, LaneDeliver deliver, void *data)
{
  Lane *lane = g_new0 (Lane, 1);
  lane->rules = (LaneRules){ .burst = 1, .queue_ms = 200 };
  lane->random = g_rand_new_with_seed (seed);
  lane->heap = g_array_new (FALSE, FALSE, sizeof (Waiting));
  lane->deliver = deliver;
  lane->data = data;
  return lane;
}

void
lane_free (Lane *lane)
{
  for (unsigned i = 0; i < lane->heap->len; i++)
    g_free (g_array_index (lane->heap, Waiting, i).bytes);
  g_array_unref (lane->heap);
  g_rand_free (lane->random);
  g_free (lane);
}

LaneRules *
lane_get_rules (Lane *lane)
{
  return &lane->rules;
}

const LaneCounts *
lane_get_counts (Lane *lane)
{
  return &lane->counts;
}

/* ---- The heap */

static bool
sooner (const Waiting *a, const Waiting *b)
{
  return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void
swap (Waiting *a, Waiting *b)
{
  Waiting kept = *a;
  *a = *b;
  *b = kept;
}

static void
put (Lane *lane, const Waiting *waiting)
{
  g_array_append_vals (lane->heap, waiting, 1);
  Waiting *heap = (Waiting *)(void *)lane->heap->data;
  for (unsigned at = lane->heap->len - 1; at > 0 && sooner (&heap[at], &heap[(at - 1) / 2]); at = (at - 1) / 2)
    swap (&heap[at], &heap[(at - 1) / 2]);
}

static Waiting
take (Lane *lane)
{
  Waiting *heap = (Waiting *)(void *)lane->heap->data, first = heap[0];
  unsigned count = lane->heap->len - 1;
  heap[0] = heap[count];
  g_array_set_size (lane->heap, count);
  for (unsigned at = 0, child; (child = 2 * at + 1) < count; at = child)
    {
      if (child + 1 < count && sooner (&heap[child + 1], &heap[child]))
        child++;
      if (!sooner (&heap[child], &heap[at]))
        break;
      swap (&heap[child], &heap[at]);
    }
  return first;
}

/* ---- What happens to a packet */

/* Ports stand first in both UDP's and TCP's header; of a fragment only the first part has them. */
static bool
is_blocked (const LaneRules *rules, const uint8_t *packet, size_t size)
{
  bool v6 = packet[0] >> 4 == 6;
  size_t header = v6 ? 40 : 4u * (packet[0] & 15);
  if (rules->block == LANE_BLOCK_ALL)
    return true;
  if (size < header + 4)
    return false;
  uint8_t protocol = packet[v6 ? 6 : 9];
  bool first = v6 || ((packet[6] & 0x1f) == 0 && packet[7] == 0);
  if ((rules->block == LANE_BLOCK_UDP && protocol == IPPROTO_UDP)
      || (rules->block == LANE_BLOCK_TCP && protocol == IPPROTO_TCP))
    return true;
  if (rules->port == 0 || !first || (protocol != IPPROTO_UDP && protocol != IPPROTO_TCP))
    return false;
  const uint8_t *ports = packet + header;
  return (unsigned)(ports[0] << 8 | ports[1]) == rules->port || (unsigned)(ports[2] << 8 | ports[3]) == rules->port;
}

/* Two states (Gilbert's model): within a burst all is lost. It ends with the chance that gives the bursts their mean
 * length, and begins with the one that gives the whole its share. */
static bool
is_lost (Lane *lane)
{
  double share = CLAMP (lane->rules.loss / 100, 0, 1), end = 1 / MAX (lane->rules.burst, 1);
  if (share <= 0 || share >= 1)
    return share >= 1;
  double chance = lane->losing ? 1 - end : MIN (1, share * end / (1 - share));
  if (lane->rules.burst <= 1)
    chance = share;
  lane->losing = g_rand_double (lane->random) < chance;
  return lane->losing;
}

static int64_t
due_ns (Lane *lane, int64_t sent_ns)
{
  const LaneRules *rules = &lane->rules;
  int64_t due = sent_ns + (int64_t)(rules->delay_ms * NS_PER_MS);
  if (rules->jitter_ms > 0)
    due += (int64_t)(g_rand_double (lane->random) * rules->jitter_ms * NS_PER_MS);
  if (!rules->reorder)
    due = MAX (due, lane->last_due_ns);
  lane->last_due_ns = due;
  return due;
}

void
lane_push (Lane *lane, const uint8_t *packet, size_t size, int64_t now_ns)
{
  const LaneRules *rules = &lane->rules;
  lane->counts.packets++;
  lane->counts.bytes += size;
  if (is_blocked (rules, packet, size))
    {
      lane->counts.blocked++;
      return;
    }
  if (is_lost (lane))
    {
      lane->counts.lost++;
      return;
    }
  int64_t start_ns = MAX (now_ns, lane->free_ns);
  if (rules->stall_ms > 0)
    {
      lane->free_ns = start_ns += (int64_t)(rules->stall_ms * NS_PER_MS);
      lane->rules.stall_ms = 0;
    }
  if (lane->heap->len >= MAX_WAITING
      || (rules->rate_kbps > 0 && start_ns - now_ns > (int64_t)(rules->queue_ms * NS_PER_MS)))
    {
      lane->counts.overflowed++;
      return;
    }
  if (rules->rate_kbps > 0)
    lane->free_ns = start_ns += (int64_t)((double)size * 8 / rules->rate_kbps * NS_PER_MS);
  else
    start_ns = now_ns;
  int64_t due = due_ns (lane, start_ns);
  if (due <= now_ns && lane->heap->len == 0)
    {
      lane->counts.delivered++;
      lane->deliver (packet, size, lane->data);
      return;
    }
  put (lane, &(Waiting){ due, lane->counts.packets, size, g_memdup2 (packet, size) });
}

void
lane_run (Lane *lane, int64_t now_ns)
{
  while (lane_next_ns (lane) <= now_ns)
    {
      Waiting first = take (lane);
      lane->counts.delivered++;
      lane->deliver (first.bytes, first.size, lane->data);
      g_free (first.bytes);
    }
}

int64_t
lane_next_ns (Lane *lane)
{
  return lane->heap->len > 0 ? g_array_index (lane->heap, Waiting, 0).due_ns : INT64_MAX;
}
