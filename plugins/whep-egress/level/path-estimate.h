/* What is known of the path to one viewer: what it carries, how long packets wait on it, how many it loses.
 *
 * Fed with what was sent and with transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01); where a
 * viewer gives none, REMB and receiver reports say less. A queue shows in the delay of the luckiest packets, so it is
 * the minimum of short windows that is looked at: jitter does not move it, a queue does. Loss alone, at a flat delay,
 * is the nature of Wi-Fi and no sign that less should be sent, until it is much.
 *
 * Pure; belongs to one thread. All times are monotonic µs, given by the caller. Under 6 KiB, no allocation after new().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rtcp.h"

G_BEGIN_DECLS

typedef enum
{
  AIR_PATH_NORMAL,
  AIR_PATH_OVERUSED, /* a queue grows or stands: more is sent than is carried */
  AIR_PATH_LOSSY,    /* so much is lost that it cannot be chance */
} AirPathTrend;

typedef struct
{
  bool known; /* feedback came lately; else only what was said at last */
  AirPathTrend trend;
  uint64_t estimate_bps; /* what the path carries, as far as that was tried; 0: not known */
  uint64_t goodput_bps;  /* what arrived lately */
  uint64_t sent_bps;     /* what was sent lately */
  bool limited;          /* less is sent than would be carried: the estimate says "at least" */
  int64_t queue_us;      /* how long packets wait beyond the path's own delay; -1: not known */
  int64_t newest_us;     /* when the newest packet of which this speaks was sent; 0: not known */
  double loss;           /* 0 to 1, over the last 2 s */
} AirPathState;

typedef struct _AirPathEstimate AirPathEstimate;

AirPathEstimate *air_path_estimate_new (void);
void air_path_estimate_free (AirPathEstimate *path);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirPathEstimate, air_path_estimate_free)

/* Hot path. @sequence: transport-wide; @bytes: of the datagram. */
void air_path_estimate_sent (AirPathEstimate *path, uint16_t sequence, size_t bytes, int64_t now_us);
/* Packets from the number @sequence on are about to be sent: brings what keeps them into the cache. */
void air_path_estimate_prefetch (const AirPathEstimate *path, uint16_t sequence, int64_t now_us);
/* For viewers without transport-wide numbers: only that it was sent. */
void air_path_estimate_sent_unnumbered (AirPathEstimate *path, size_t bytes, int64_t now_us);
/* One feedback message, as read by air_rtcp_read_transport_cc(). */
void air_path_estimate_take_feedback (AirPathEstimate *path, const AirTransportCcPacket *packets, unsigned count,
                                      int64_t now_us);
/* A receiver report of the video; of the sound where there is no video. @loss: 0 to 1 since the one before. */
void air_path_estimate_take_report (AirPathEstimate *path, double loss, int64_t now_us);
void air_path_estimate_take_remb (AirPathEstimate *path, uint64_t bps, int64_t now_us);

void air_path_estimate_get (AirPathEstimate *path, int64_t now_us, AirPathState *ret_state);
/* Bytes of which feedback said that they arrived, and what was sent so far: what is between is under way or lost. */
uint64_t air_path_estimate_get_arrived (const AirPathEstimate *path);
uint64_t air_path_estimate_get_sent (const AirPathEstimate *path);
/* Whether any transport-wide feedback came yet. */
bool air_path_estimate_has_feedback (const AirPathEstimate *path);
/* The rate at which the packets of the last feedback arrived when they were sent faster than that: what a burst shows
 * of the bottleneck. 0: no burst was among them. */
uint64_t air_path_estimate_get_burst_bps (const AirPathEstimate *path);

G_END_DECLS
