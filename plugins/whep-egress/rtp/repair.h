/* What one viewer's losses cost, and what is done about them: how much is sent again, how much of the sound goes twice, how
 * long pictures wait. Pure arithmetic on what the viewer reports; one thread at a time.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct
{
  double loss;           /* the share that was lost lately, 0 … 1: rises at once, falls slowly */
  int64_t reported_us;   /* when `loss` was last taken */
  int64_t rtt_us;        /* < 0: not known */
  int64_t rtt_off_us;    /* how far single ones are off it, as a rule */
  int64_t bytes_left;    /* that may be sent again */
  struct _AirRepairPast *past; /* what was sent again last; NULL: nothing yet */
} AirRepair;

void air_repair_init (AirRepair *repair);
void air_repair_clear (AirRepair *repair);

/* From a report (RFC 3550 §6.4.1): @lost is its fraction of one track. */
void air_repair_take_loss (AirRepair *repair, double lost, int64_t now_us);
void air_repair_take_round_trip (AirRepair *repair, int64_t rtt_us);
/* @bytes were sent for the first time. */
void air_repair_take_sent (AirRepair *repair, size_t bytes);

/* Whether the packet @key of @bytes is sent again now: not more than a share of what the viewer gets anyway, so that nobody's
 * losses are paid for by others; and not while an earlier copy may still be under way, for a receiver that does not know
 * its round-trip time asks for the same packet several times. */
bool air_repair_may_resend (AirRepair *repair, uint64_t key, size_t bytes, int64_t now_us);
/* How many earlier packets of sound each one carries along (RFC 2198). */
unsigned air_repair_get_redundancy (const AirRepair *repair);
/* How long pictures should wait in the receiver, so that what was lost can come again, and again when that is lost too. */
unsigned air_repair_get_wait_ms (const AirRepair *repair);

G_END_DECLS
