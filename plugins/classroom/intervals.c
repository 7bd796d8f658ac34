/* The union of intervals. */
#include "intervals.h"

static int
compare_starts (gconstpointer a, gconstpointer b)
{
  const Interval *first = a, *second = b;
  return (first->start_us > second->start_us) - (first->start_us < second->start_us);
}

int64_t
intervals_unite (GArray *intervals)
{
  unsigned kept = 0;
  int64_t length_us = 0;
  g_array_sort (intervals, compare_starts);
  for (unsigned i = 0; i < intervals->len; i++)
    {
      Interval next = g_array_index (intervals, Interval, i);
      Interval *last = kept > 0 ? &g_array_index (intervals, Interval, kept - 1) : NULL;
      if (next.end_us < next.start_us)
        continue;
      if (last != NULL && next.start_us <= last->end_us)
        last->end_us = MAX (last->end_us, next.end_us);
      else
        g_array_index (intervals, Interval, kept++) = next;
    }
  g_array_set_size (intervals, kept);
  for (unsigned i = 0; i < kept; i++)
    length_us += g_array_index (intervals, Interval, i).end_us - g_array_index (intervals, Interval, i).start_us;
  return length_us;
}
