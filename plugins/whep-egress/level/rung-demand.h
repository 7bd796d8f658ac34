/* Which rungs of a stream's video its viewers need, and which cannot be made. Any thread. */
#pragma once

#include "rtp-packet.h"

G_BEGIN_DECLS

typedef struct
{
  /* Atomic. */
  int wanted[AIR_RUNG_COUNT];     /* by how many viewers */
  int impossible[AIR_RUNG_COUNT]; /* as far as is known; at first: none */
} AirRungDemand;

/* One viewer more or less. Returns whether it is the first. */
static inline bool
air_rung_demand_change (AirRungDemand *demand, unsigned rung, int change)
{
  return g_atomic_int_add (&demand->wanted[rung], change) == 0;
}

static inline bool
air_rung_demand_is_wanted (AirRungDemand *demand, unsigned rung)
{
  return g_atomic_int_get (&demand->wanted[rung]) > 0;
}

static inline void
air_rung_demand_set_possible (AirRungDemand *demand, unsigned rung, bool possible)
{
  g_atomic_int_set (&demand->impossible[rung], !possible);
}

static inline bool
air_rung_demand_is_possible (AirRungDemand *demand, unsigned rung)
{
  return !g_atomic_int_get (&demand->impossible[rung]);
}

G_END_DECLS
