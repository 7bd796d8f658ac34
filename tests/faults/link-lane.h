/* One direction of the link: what happens to a packet on its way. Single-threaded. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum
{
  LANE_BLOCK_NONE,
  LANE_BLOCK_UDP,
  LANE_BLOCK_TCP,
  LANE_BLOCK_ALL,
} LaneBlock;

typedef struct
{
  double loss;       /* percent of the packets */
  double burst;      /* how many in a row on average; 1: each by itself */
  double delay_ms;   /* of each */
  double jitter_ms;  /* up to so much more, evenly distributed */
  double rate_kbps;  /* 0: without a limit */
  double queue_ms;   /* what would wait longer for its turn is dropped */
  double stall_ms;   /* of a line with a limit: it stands for so long from the next packet on, once */
  bool reorder;      /* whether jitter may let one packet overtake another */
  LaneBlock block;
  unsigned port;     /* what comes from or goes to it is dropped; 0: none */
} LaneRules;

typedef struct
{
  uint64_t packets, bytes; /* that came in */
  uint64_t lost;           /* by chance */
  uint64_t overflowed;     /* for want of room */
  uint64_t blocked;
  uint64_t delivered;
} LaneCounts;

typedef void (*LaneDeliver) (const uint8_t *packet, size_t size, void *data);
typedef struct _Lane Lane;

Lane *lane_new (uint32_t seed, LaneDeliver deliver, void *data);
void lane_free (Lane *lane);
LaneRules *lane_get_rules (Lane *lane);
const LaneCounts *lane_get_counts (Lane *lane);
/* An IPv4 or IPv6 packet. It is delivered at once when nothing holds it up. */
void lane_push (Lane *lane, const uint8_t *packet, size_t size, int64_t now_ns);
/* Delivers what is due. */
void lane_run (Lane *lane, int64_t now_ns);
/* INT64_MAX: nothing waits. */
int64_t lane_next_ns (Lane *lane);
