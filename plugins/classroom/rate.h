/* How often somebody may do something: a bucket of tokens that refills evenly. No clock of its own. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct
{
  double tokens;
  int64_t at_us; /* 0: full, as a bucket of zeros is */
} Rate;

/* Takes one of @per_minute, all of which may be used at once. */
bool rate_take (Rate *rate, unsigned per_minute, int64_t now_us);
