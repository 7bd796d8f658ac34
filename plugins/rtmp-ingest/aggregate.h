/* Aggregate messages (RTMP §7.1.6): several FLV tags in one message. Any thread; no state. */
#pragma once

#include "rtmp.h"

G_BEGIN_DECLS

typedef struct
{
  uint8_t type;
  uint32_t timestamp; /* already moved to the time of the aggregate */
  const uint8_t *data;
  size_t length;
} AggregatePart;

/* Finds the part at *position (0 at first) and advances it. Returns: false at the end, with @error set when the message
 * is malformed there. */
bool aggregate_next (const uint8_t *data, size_t length, uint32_t timestamp, size_t *position, AggregatePart *ret_part,
                     GError **error);

G_END_DECLS
