/* What was sent and what was said of it, kept and asked for: see path-estimate.h. */
#include "path-private.h"

#include "prefetch.h"

#define BASE_BUCKET_US (20 * G_USEC_PER_SEC)
/* Reference times are 24 bits of 64 ms. */
#define ARRIVAL_WRAP_US ((int64_t)64000 << 24)
#define STALE_US (2 * G_USEC_PER_SEC)
#define LAG_EVERY_US 100000
#define GROW_PER_S 0.08
#define LIMITED_FACTOR 1.5

G_STATIC_ASSERT (sizeof (AirPathEstimate) <= 6 * 1024);

AirPathEstimate *
air_path_estimate_new (void)
{
  AirPathEstimate *path = g_new0 (AirPathEstimate, 1);
  path->base_us[0] = path->base_us[1] = AIR_PATH_NO_DELAY;
  path->own_us = INT64_MIN;
  for (unsigned i = 0; i < AIR_PATH_SLOTS; i++)
    path->slots[i] = (AirPathSlot){ .number = G_MAXUINT32, .delay_us = AIR_PATH_NO_DELAY };
  for (unsigned i = 0; i < G_N_ELEMENTS (path->arrivals); i++)
    path->arrivals[i].number = G_MAXUINT32;
  return path;
}

void
air_path_estimate_free (AirPathEstimate *path)
{
  g_free (path);
}

/* ---- Sent */

static AirPathSlot *
open_slot (AirPathEstimate *path, int64_t sent_us)
{
  uint32_t number = (uint32_t)(sent_us / AIR_PATH_SLOT_US);
  AirPathSlot *slot = &path->slots[number % AIR_PATH_SLOTS];
  if (slot->number != number)
    *slot = (AirPathSlot){ .number = number, .delay_us = AIR_PATH_NO_DELAY };
  return slot;
}

void
air_path_estimate_sent_unnumbered (AirPathEstimate *path, size_t bytes, int64_t now_us)
{
  open_slot (path, now_us)->bytes += (uint32_t)bytes;
  path->sent_bytes += bytes;
}

void
air_path_estimate_sent (AirPathEstimate *path, uint16_t sequence, size_t bytes, int64_t now_us)
{
  path->history[sequence % AIR_PATH_HISTORY]
    = (AirPathSent){ (uint32_t)now_us, .sequence = sequence, .bytes = bytes & 0x3fff, .fate = AIR_FATE_WAITING };
  air_path_estimate_sent_unnumbered (path, bytes, now_us);
}

#define PREFETCHED_PACKETS 8u /* two cache lines: a picture at 2 Mbit/s */

void
air_path_estimate_prefetch (const AirPathEstimate *path, uint16_t sequence, int64_t now_us)
{
  unsigned place = sequence % AIR_PATH_HISTORY;
  air_prefetch (&path->history[place], MIN (PREFETCHED_PACKETS, AIR_PATH_HISTORY - place) * sizeof (AirPathSent));
  air_prefetch (&path->slots[(uint32_t)(now_us / AIR_PATH_SLOT_US) % AIR_PATH_SLOTS], sizeof (AirPathSlot));
  air_prefetch (&path->sent_bytes, sizeof path->sent_bytes);
}

/* ---- Feedback */

/* On one line, whatever the 24 bits did. */
static int64_t
unwrap (AirPathEstimate *path, int64_t arrival_us)
{
  if (path->arrival_us == 0)
    return arrival_us + ARRIVAL_WRAP_US;
  int64_t turns = (path->arrival_us - arrival_us + (path->arrival_us > arrival_us ? 1 : -1) * ARRIVAL_WRAP_US / 2)
                  / ARRIVAL_WRAP_US;
  return arrival_us + turns * ARRIVAL_WRAP_US;
}

static void
take_delay (AirPathEstimate *path, AirPathSlot *slot, int64_t delay_us, int64_t now_us)
{
  slot->delay_us = MIN (slot->delay_us, delay_us);
  if (now_us >= path->bucket_us + BASE_BUCKET_US)
    {
      path->bucket_us = now_us;
      path->base_us[1] = path->base_us[0];
      path->base_us[0] = delay_us;
    }
  path->base_us[0] = MIN (path->base_us[0], delay_us);
  path->own_us = MIN (path->own_us, delay_us);
}

static void
take_arrival (AirPathEstimate *path, int64_t arrival_us, unsigned bytes)
{
  uint32_t number = (uint32_t)((uint64_t)arrival_us / AIR_PATH_SLOT_US);
  AirPathArrival *arrival = &path->arrivals[number % G_N_ELEMENTS (path->arrivals)];
  if (arrival->number != number)
    *arrival = (AirPathArrival){ .number = number };
  arrival->bytes += bytes;
  path->arrived_bytes += bytes;
}

/* What a run of packets that were sent at once shows of the bottleneck: how far apart they arrive. */
typedef struct
{
  int64_t sent_us, first_us, last_us;
  uint64_t bytes; /* behind the first */
  unsigned packets;
} Train;

#define TRAIN_US 5000
#define TRAIN_PACKETS 10u

static void
end_train (AirPathEstimate *path, const Train *train)
{
  if (train->packets >= TRAIN_PACKETS)
    path->burst_bps
      = MAX (path->burst_bps, train->bytes * 8 * G_USEC_PER_SEC / (uint64_t)MAX (train->last_us - train->first_us, 250));
}

static void
take_train (AirPathEstimate *path, Train *train, int64_t sent_us, int64_t arrival_us, unsigned bytes)
{
  if (train->packets > 0 && sent_us - train->sent_us <= TRAIN_US && arrival_us >= train->last_us)
    {
      train->bytes += bytes;
      train->last_us = arrival_us;
      train->packets++;
    }
  else
    {
      end_train (path, train);
      *train = (Train){ .first_us = arrival_us, .last_us = arrival_us, .packets = 1 };
    }
  train->sent_us = sent_us;
}

static void
take_packet (AirPathEstimate *path, Train *train, const AirTransportCcPacket *packet, int64_t now_us)
{
  AirPathSent *sent = &path->history[packet->sequence % AIR_PATH_HISTORY];
  if (sent->sequence != packet->sequence || sent->bytes == 0 || sent->fate == AIR_FATE_ARRIVED)
    return;
  int64_t sent_us = now_us - (int64_t)(uint32_t)((uint32_t)now_us - sent->sent_us);
  if (sent_us <= now_us - (AIR_PATH_SLOTS - 1) * AIR_PATH_SLOT_US)
    return;
  AirPathSlot *slot = open_slot (path, sent_us);
  path->newest_us = MAX (path->newest_us, sent_us);
  if (sent->fate == AIR_FATE_WAITING)
    slot->packets++;
  if (!packet->received)
    {
      slot->lost += sent->fate == AIR_FATE_WAITING;
      sent->fate = AIR_FATE_LOST;
      path->lost_us = MAX (path->lost_us, sent_us);
      return;
    }
  slot->lost -= sent->fate == AIR_FATE_LOST && slot->lost > 0; /* it only came later than others */
  sent->fate = AIR_FATE_ARRIVED;
  int64_t arrival_us = unwrap (path, packet->arrival_us);
  path->arrival_us = MAX (path->arrival_us, arrival_us);
  if (path->first_arrival_us == 0)
    path->first_arrival_us = arrival_us;
  take_delay (path, slot, arrival_us - sent_us, now_us);
  take_arrival (path, arrival_us, sent->bytes);
  take_train (path, train, sent_us, arrival_us, sent->bytes);
}

static void
take_lag (AirPathEstimate *path, int64_t now_us)
{
  int64_t lag_us = now_us - path->newest_us;
  path->least_lag_us = path->any_feedback ? MIN (path->least_lag_us, lag_us) : lag_us;
  if (now_us < path->lag_us + LAG_EVERY_US * 9 / 10)
    return;
  path->lag_us = now_us;
  path->lags_us[2] = path->lags_us[1];
  path->lags_us[1] = path->lags_us[0];
  path->lags_us[0] = lag_us - path->least_lag_us;
}

/* What is carried shows when the path is full; else it is more than arrives, which is tried slowly (as the additive and
 * multiplicative growth of draft-ietf-rmcat-gcc-02 §5.5). */
static void
update_estimate (AirPathEstimate *path, int64_t now_us)
{
  double elapsed_s = (double)CLAMP (now_us - path->grown_us, 0, G_USEC_PER_SEC) / G_USEC_PER_SEC;
  path->grown_us = now_us;
  path->goodput_bps = air_path_measure_goodput (path, 8);
  double goodput = (double)path->goodput_bps;
  path->trend = air_path_trend_of (path);
  if (path->trend == AIR_PATH_NORMAL)
    path->estimate_bps = CLAMP (path->estimate_bps * (1 + GROW_PER_S * elapsed_s), goodput,
                                LIMITED_FACTOR * MAX (goodput, (double)air_path_measure_goodput (path, 14)));
  else
    path->estimate_bps = goodput;
}

void
air_path_estimate_take_feedback (AirPathEstimate *path, const AirTransportCcPacket *packets, unsigned count,
                                 int64_t now_us)
{
  Train train = { 0 };
  if (!path->any_feedback)
    path->first_us = path->bucket_us = path->grown_us = now_us;
  path->burst_bps = 0;
  for (unsigned i = 0; i < count; i++)
    take_packet (path, &train, &packets[i], now_us);
  end_train (path, &train);
  if (path->arrival_us == 0)
    return;
  take_lag (path, now_us);
  path->any_feedback = true;
  path->feedback_us = now_us;
  update_estimate (path, now_us);
  if (air_path_learn_own_delay (path))
    path->trend = air_path_trend_of (path);
}

/* ---- Without transport-wide feedback */

void
air_path_estimate_take_report (AirPathEstimate *path, double loss, int64_t now_us)
{
  path->report_loss[1] = path->report_loss[0];
  path->report_loss[0] = loss;
  path->report_us = now_us;
}

void
air_path_estimate_take_remb (AirPathEstimate *path, uint64_t bps, int64_t now_us)
{
  path->remb_bps = bps;
  path->remb_us = now_us;
  /* Its estimate follows what arrives; only one that stays far below is a statement. */
  if (bps * 10 >= air_path_sent_bps (path, now_us) * 7)
    path->remb_low_us = 0;
  else if (path->remb_low_us == 0)
    path->remb_low_us = now_us;
}

static void
get_reported (const AirPathEstimate *path, int64_t now_us, AirPathState *state)
{
  bool remb = path->remb_us != 0 && now_us < path->remb_us + 5 * G_USEC_PER_SEC;
  state->known = remb || (path->report_us != 0 && now_us < path->report_us + 10 * G_USEC_PER_SEC);
  state->loss = path->report_loss[0];
  state->sent_bps = air_path_sent_bps (path, now_us);
  state->goodput_bps = (uint64_t)((double)state->sent_bps * (1 - state->loss));
  state->estimate_bps = remb ? path->remb_bps : 0;
  state->limited = true;
  if (state->known && MIN (path->report_loss[0], path->report_loss[1]) >= AIR_PATH_MUCH_LOSS)
    state->trend = AIR_PATH_LOSSY;
  if (remb && path->remb_low_us != 0 && now_us >= path->remb_low_us + 3 * G_USEC_PER_SEC)
    state->trend = AIR_PATH_OVERUSED;
}

/* ---- Said */

void
air_path_estimate_get (AirPathEstimate *path, int64_t now_us, AirPathState *ret_state)
{
  *ret_state = (AirPathState){ .queue_us = -1 };
  if (!path->any_feedback)
    {
      get_reported (path, now_us, ret_state);
      return;
    }
  ret_state->known = now_us < path->feedback_us + STALE_US;
  if (ret_state->known)
    ret_state->trend = now_us == path->feedback_us ? path->trend : air_path_trend_of (path);
  ret_state->estimate_bps = (uint64_t)path->estimate_bps;
  ret_state->goodput_bps = path->goodput_bps;
  ret_state->sent_bps = air_path_sent_bps (path, now_us);
  ret_state->limited = ret_state->trend == AIR_PATH_NORMAL;
  ret_state->newest_us = path->newest_us;
  if (!ret_state->known)
    return;
  int64_t lag_us = ret_state->trend == AIR_PATH_OVERUSED ? path->lags_us[0] : 0;
  ret_state->queue_us = MAX (air_path_waiting_of (path, 0), lag_us);
  ret_state->loss = air_path_loss_of (path, 40);
}

uint64_t
air_path_estimate_get_arrived (const AirPathEstimate *path)
{
  return path->arrived_bytes;
}

uint64_t
air_path_estimate_get_sent (const AirPathEstimate *path)
{
  return path->sent_bytes;
}

bool
air_path_estimate_has_feedback (const AirPathEstimate *path)
{
  return path->any_feedback;
}

uint64_t
air_path_estimate_get_burst_bps (const AirPathEstimate *path)
{
  return path->burst_bps;
}
