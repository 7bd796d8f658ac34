/* The limits are reckoned for pictures that must not stand for more than a hundredth of the time. */
#include "repair.h"

#include <math.h>

/* Half of what is sent: at 10% loss a fifth is needed, both ways counted. */
#define EARNED_PER_BYTE 2
#define FIRST_BYTES (64 * 1024)
#define MAX_BYTES (512 * 1024)
#define HALF_LIFE_US (10.0 * G_USEC_PER_SEC)
#define PAST_PACKETS 64u
/* A copy that would have come in this share of the round trip is still under way. */
#define UNDER_WAY(rtt_us) ((rtt_us) * 3 / 4)
/* Receivers look at their gaps this often, and see one when the next picture comes. */
#define ROUND_MS 20
#define NOTICE_MS 35
/* Where the round trip varies, one that is so many times as far off as usual is still waited for. */
#define LATE_OFF 2
/* A picture so much late is not yet seen as standing. */
#define UNSEEN_MS 150
#define MAX_WAIT_MS 500
#define STEP_MS 10

typedef struct _AirRepairPast
{
  uint64_t keys[PAST_PACKETS];
  int64_t sent_us[PAST_PACKETS];
} AirRepairPast;

void
air_repair_init (AirRepair *repair)
{
  *repair = (AirRepair){ .rtt_us = -1, .bytes_left = FIRST_BYTES };
}

void
air_repair_clear (AirRepair *repair)
{
  g_clear_pointer (&repair->past, g_free);
}

void
air_repair_take_loss (AirRepair *repair, double lost, int64_t now_us)
{
  double faded = repair->loss * exp2 (-(double)MAX (0, now_us - repair->reported_us) / HALF_LIFE_US);
  repair->loss = MAX (faded, CLAMP (lost, 0, 1));
  repair->reported_us = now_us;
}

void
air_repair_take_round_trip (AirRepair *repair, int64_t rtt_us)
{
  if (repair->rtt_us < 0)
    repair->rtt_us = rtt_us;
  int64_t off_us = ABS (rtt_us - repair->rtt_us);
  repair->rtt_off_us += (off_us - repair->rtt_off_us) / 4;
  repair->rtt_us += (rtt_us - repair->rtt_us) / 4;
}

void
air_repair_take_sent (AirRepair *repair, size_t bytes)
{
  repair->bytes_left = MIN (MAX_BYTES, repair->bytes_left + (int64_t)(bytes / EARNED_PER_BYTE));
}

bool
air_repair_may_resend (AirRepair *repair, uint64_t key, size_t bytes, int64_t now_us)
{
  if (!repair->past)
    repair->past = g_new0 (AirRepairPast, 1);
  uint64_t *known = &repair->past->keys[key % PAST_PACKETS];
  int64_t *sent_us = &repair->past->sent_us[key % PAST_PACKETS];
  bool under_way = *sent_us != 0 && *known == key && now_us - *sent_us < UNDER_WAY (MAX (0, repair->rtt_us));
  if (under_way || repair->bytes_left < (int64_t)bytes)
    return false;
  repair->bytes_left -= (int64_t)bytes;
  *known = key;
  *sent_us = now_us;
  return true;
}

unsigned
air_repair_get_redundancy (const AirRepair *repair)
{
  return repair->loss < 0.005 ? 0 : repair->loss < 0.03 ? 1 : 2;
}

/* How often a packet may have to be asked for until it is as good as sure to be there. */
static unsigned
count_rounds (double loss)
{
  if (loss < 0.0005)
    return 0;
  return loss < 0.005 ? 1 : loss < 0.02 ? 2 : loss < 0.07 ? 3 : 4;
}

unsigned
air_repair_get_wait_ms (const AirRepair *repair)
{
  unsigned rounds = count_rounds (repair->loss);
  if (rounds == 0 || repair->rtt_us < 0)
    return 0;
  int64_t rtt_ms = (repair->rtt_us + LATE_OFF * repair->rtt_off_us) / 1000;
  int64_t wait_ms = rounds * (rtt_ms + ROUND_MS) + NOTICE_MS - UNSEEN_MS;
  return (unsigned)CLAMP (wait_ms, 0, MAX_WAIT_MS) / STEP_MS * STEP_MS;
}
