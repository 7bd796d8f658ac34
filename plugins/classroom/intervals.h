/* Time that somebody was there: several stays and sockets may overlap. No state. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct
{
  int64_t start_us, end_us;
} Interval;

/* Unites what overlaps or touches: @intervals (of Interval, in any order) are in order and apart afterwards; those that end before they
 * begin are dropped. Returns: the length of all together. */
int64_t intervals_unite (GArray *intervals);
