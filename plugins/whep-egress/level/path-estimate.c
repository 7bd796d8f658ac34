/* See path-estimate.h. Time is cut into slots of 50 ms, by the time of sending for delay and loss, by the time of
 * arrival for what arrives. */
#include "path-estimate.h"

#define SLOT_US 50000
#define SLOTS 64u /* 3.2 s */
#define HISTORY 512u
#define WINDOW_SLOTS 3 /* 150 ms: enough packets for one of them to be lucky, even of sound alone */
#define BASE_BUCKET_US (20 * G_USEC_PER_SEC)
#define NO_DELAY INT64_MAX
/* Reference times are 24 bits of 64 ms. */
#define ARRIVAL_WRAP_US ((int64_t)64000 << 24)
#define STALE_US (2 * G_USEC_PER_SEC)

/* A queue that grows so much from window to window, three in a row, and is so long, is no chance. */
#define GROWTH_US 20000
#define GROWN_US 80000
/* One that stands so long for a second costs as much. */
#define STANDING_US 300000
/* Where the path has all but stopped, what would tell of the queue stands in it: feedback comes, and speaks of ever older
 * packets. */
#define LAG_EVERY_US 100000
#define LAG_US 350000
#define LAG_GROWTH_US 30000
#define HOPELESS_US (1200 * 1000)
#define ARRIVING_PERCENT 93u
/* A full queue loses, too. */
#define FULL_QUEUE_US 40000
#define FULL_QUEUE_LOSS 0.08
/* What waits so evenly for two seconds while hardly more than this is lost, is no queue: the path has become longer. */
#define FLAT_WINDOWS 13
#define FLAT_US 20000
#define FLAT_LOSS 0.07
#define LONGER_US 10000
/* Even with more losses, when far less is sent than went through it. */
#define FAR_LESS_PERCENT 60u
#define FAR_LESS_LOSS 0.13
/* All that was sent for 300 ms: a path that carries too little carries something. */
#define OUTAGE_SLOTS 6u
/* Up to 10% are lost by chance. */
#define MUCH_LOSS 0.17
#define SUDDEN_LOSS 0.35
#define FEW_PACKETS 25u
#define GROW_PER_S 0.08
#define LIMITED_FACTOR 1.5

enum
{
  WAITING,
  LOST,
  ARRIVED,
};

typedef struct
{
  uint32_t sent_us; /* low bits */
  uint16_t sequence;
  uint16_t bytes : 14;
  uint16_t fate : 2;
} Sent;

/* By time of sending. */
typedef struct
{
  int64_t delay_us; /* the least of those that arrived, plus the unknown offset of the clocks */
  uint32_t number;
  uint32_t bytes;
  uint16_t packets, lost; /* of which feedback spoke */
} Slot;

/* By time of arrival. */
typedef struct
{
  uint32_t number;
  uint32_t bytes;
} Arrival;

struct _AirPathEstimate
{
  Sent history[HISTORY];
  Slot slots[SLOTS];
  Arrival arrivals[16];
  bool any_feedback;
  int64_t first_us;      /* when feedback first came */
  int64_t feedback_us;   /* when feedback last came; reports and REMB do not count */
  int64_t newest_us;     /* when the newest packet of which feedback spoke was sent */
  int64_t least_lag_us;  /* the least time between that and the feedback: the round trip */
  int64_t lags_us[3];    /* beyond it, each 100 ms or more apart; the newest first */
  int64_t lag_us;        /* when the newest of them was taken */
  int64_t arrival_us;    /* the last one, unwrapped */
  int64_t first_arrival_us;
  int64_t base_us[2];    /* the least delay: of this bucket and of the one before */
  int64_t bucket_us;
  int64_t own_us;        /* the delay that turned out to be the path's own since; below the base: none did */
  uint64_t through_bps;  /* the most that arrived while something waited */
  int64_t grown_us;      /* when the estimate last grew */
  AirPathTrend trend;    /* as of feedback_us: whoever takes feedback asks at once what it says */
  double estimate_bps;
  uint64_t goodput_bps;
  uint64_t burst_bps;
  uint64_t sent_bytes, arrived_bytes;
  uint64_t remb_bps;
  int64_t remb_us, remb_low_us; /* when it was said; since when it is below what is sent, 0: it is not */
  double report_loss[2];
  int64_t report_us;
};

G_STATIC_ASSERT (sizeof (AirPathEstimate) <= 6 * 1024);

AirPathEstimate *
air_path_estimate_new (void)
{
  AirPathEstimate *path = g_new0 (AirPathEstimate, 1);
  path->base_us[0] = path->base_us[1] = NO_DELAY;
  path->own_us = INT64_MIN;
  for (unsigned i = 0; i < SLOTS; i++)
    path->slots[i] = (Slot){ .number = G_MAXUINT32, .delay_us = NO_DELAY };
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

static Slot *
open_slot (AirPathEstimate *path, int64_t sent_us)
{
  uint32_t number = (uint32_t)(sent_us / SLOT_US);
  Slot *slot = &path->slots[number % SLOTS];
  if (slot->number != number)
    *slot = (Slot){ .number = number, .delay_us = NO_DELAY };
  return slot;
}

/* NULL: nothing was sent in it, or it is too long ago. */
static const Slot *
find_slot (const AirPathEstimate *path, int64_t number)
{
  const Slot *slot = &path->slots[(uint32_t)number % SLOTS];
  return slot->number == (uint32_t)number ? slot : NULL;
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
  path->history[sequence % HISTORY]
    = (Sent){ .sent_us = (uint32_t)now_us, .sequence = sequence, .bytes = bytes & 0x3fff, .fate = WAITING };
  air_path_estimate_sent_unnumbered (path, bytes, now_us);
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
take_delay (AirPathEstimate *path, Slot *slot, int64_t delay_us, int64_t now_us)
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
  uint32_t number = (uint32_t)((uint64_t)arrival_us / SLOT_US);
  Arrival *arrival = &path->arrivals[number % G_N_ELEMENTS (path->arrivals)];
  if (arrival->number != number)
    *arrival = (Arrival){ .number = number };
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
  Sent *sent = &path->history[packet->sequence % HISTORY];
  if (sent->sequence != packet->sequence || sent->bytes == 0 || sent->fate == ARRIVED)
    return;
  int64_t sent_us = now_us - (int64_t)(uint32_t)((uint32_t)now_us - sent->sent_us);
  if (sent_us <= now_us - (SLOTS - 1) * SLOT_US)
    return;
  Slot *slot = open_slot (path, sent_us);
  path->newest_us = MAX (path->newest_us, sent_us);
  if (sent->fate == WAITING)
    slot->packets++;
  if (!packet->received)
    {
      slot->lost += sent->fate == WAITING;
      sent->fate = LOST;
      return;
    }
  slot->lost -= sent->fate == LOST && slot->lost > 0; /* it only came later than others */
  sent->fate = ARRIVED;
  int64_t arrival_us = unwrap (path, packet->arrival_us);
  path->arrival_us = MAX (path->arrival_us, arrival_us);
  if (path->first_arrival_us == 0)
    path->first_arrival_us = arrival_us;
  take_delay (path, slot, arrival_us - sent_us, now_us);
  take_arrival (path, arrival_us, sent->bytes);
  take_train (path, train, sent_us, arrival_us, sent->bytes);
}

/* Over so many slots and the present one, as far as that is filled: what is read in bunches is there in the end. */
static uint64_t
measure_goodput (const AirPathEstimate *path, unsigned slots)
{
  uint32_t now = (uint32_t)((uint64_t)path->arrival_us / SLOT_US);
  uint64_t bytes = 0;
  int64_t since_us = (path->arrival_us - path->first_arrival_us) / SLOT_US;
  slots = (unsigned)CLAMP (since_us, 1, (int64_t)slots);
  for (uint32_t number = now - slots; number != now + 1; number++)
    {
      const Arrival *arrival = &path->arrivals[number % G_N_ELEMENTS (path->arrivals)];
      bytes += arrival->number == number ? arrival->bytes : 0;
    }
  uint64_t filled_us = (uint64_t)path->arrival_us % SLOT_US;
  return bytes * 8 * G_USEC_PER_SEC / (slots * (uint64_t)SLOT_US + filled_us);
}

/* Of @windows windows ago; NO_DELAY: nothing arrived of what was sent then. */
static int64_t
least_delay (const AirPathEstimate *path, int windows)
{
  int64_t newest = path->newest_us / SLOT_US - (int64_t)windows * WINDOW_SLOTS;
  int64_t least_us = NO_DELAY;
  for (int64_t number = newest; number > newest - WINDOW_SLOTS; number--)
    {
      const Slot *slot = find_slot (path, number);
      if (slot)
        least_us = MIN (least_us, slot->delay_us);
    }
  return least_us;
}

/* The least delay of @windows windows ago, beyond the base. */
static int64_t
queue_of (const AirPathEstimate *path, int windows)
{
  int64_t least_us = least_delay (path, windows);
  return least_us == NO_DELAY ? -1 : MAX (0, least_us - MIN (path->base_us[0], path->base_us[1]));
}

/* The same beyond what seems to be the path's own delay. */
static int64_t
waiting_of (const AirPathEstimate *path, int windows)
{
  int64_t base_us = MIN (path->base_us[0], path->base_us[1]);
  return MAX (-1, queue_of (path, windows) - MAX (0, path->own_us - MIN (base_us, path->own_us)));
}

typedef struct
{
  unsigned packets, lost;
} Count;

/* Without outages: while nothing at all arrived, nothing was to be learned of what the path carries. */
static Count
count_of (const AirPathEstimate *path, unsigned slots)
{
  int64_t newest = path->newest_us / SLOT_US;
  Count count = { 0 }, silence = { 0 };
  unsigned silent = 0;
  for (int64_t number = newest; number >= newest - (int64_t)slots; number--)
    {
      const Slot *slot = number > newest - (int64_t)slots ? find_slot (path, number) : NULL;
      bool all = slot && slot->packets == slot->lost;
      if (all)
        {
          silent += slot->packets > 0;
          silence.packets += slot->packets;
          silence.lost += slot->lost;
          continue;
        }
      if (silent < OUTAGE_SLOTS)
        {
          count.packets += silence.packets;
          count.lost += silence.lost;
        }
      silent = 0;
      silence = (Count){ 0 };
      count.packets += slot ? slot->packets : 0;
      count.lost += slot ? slot->lost : 0;
    }
  return count;
}

static double
loss_of (const AirPathEstimate *path, unsigned slots)
{
  Count count = count_of (path, slots);
  /* A share of a few packets says nothing. */
  return count.packets < FEW_PACKETS ? 0 : (double)count.lost / count.packets;
}

/* Whether more is lost than @share, and more than chance makes of 10%: four standard deviations. */
static bool
loses_more (const AirPathEstimate *path, unsigned slots, double share)
{
  Count count = count_of (path, slots);
  double beyond = count.lost - 0.1 * count.packets;
  return count.packets >= FEW_PACKETS && count.lost >= share * count.packets && beyond > 0
         && beyond * beyond > 16 * 0.09 * count.packets;
}

static uint64_t
sent_bps (const AirPathEstimate *path, int64_t until_us)
{
  int64_t newest = until_us / SLOT_US - 1;
  uint64_t bytes = 0;
  for (int64_t number = newest; number > newest - 20; number--)
    {
      const Slot *slot = find_slot (path, number);
      bytes += slot ? slot->bytes : 0;
    }
  return bytes * 8;
}

static AirPathTrend
trend_of (const AirPathEstimate *path)
{
  int64_t now_us = queue_of (path, 0), before_us = queue_of (path, 1), earlier_us = queue_of (path, 2);
  int64_t second_ago_us = queue_of (path, 7);
  bool grows = earlier_us >= 0 && now_us >= GROWN_US && now_us >= before_us + GROWTH_US
               && before_us >= earlier_us + GROWTH_US;
  /* Falling by a tenth in a second it is on its way to be gone: a keyframe does that. */
  bool stands = now_us >= STANDING_US && second_ago_us >= STANDING_US && now_us > second_ago_us * 9 / 10;
  bool lags = path->lags_us[0] >= LAG_US && path->lags_us[0] >= path->lags_us[1] + LAG_GROWTH_US
              && path->lags_us[1] >= path->lags_us[2] + LAG_GROWTH_US;
  bool loses = loss_of (path, 40) >= FULL_QUEUE_LOSS || loses_more (path, 6, FULL_QUEUE_LOSS);
  bool full = loses && waiting_of (path, 0) >= FULL_QUEUE_US && waiting_of (path, 1) >= FULL_QUEUE_US
              && loss_of (path, 6) >= FULL_QUEUE_LOSS;
  bool hopeless = now_us >= HOPELESS_US && before_us >= HOPELESS_US && now_us >= before_us;
  /* What is only late, as by a receiver that was busy, arrives as fast as it is sent. */
  bool behind = path->goodput_bps * 100 < sent_bps (path, path->feedback_us) * ARRIVING_PERCENT;
  if (stands || full || (behind && (grows || lags || hopeless)))
    return AIR_PATH_OVERUSED;
  if (loses_more (path, 40, MUCH_LOSS) && path->feedback_us >= path->first_us + 2 * G_USEC_PER_SEC)
    return AIR_PATH_LOSSY;
  return loses_more (path, 12, SUDDEN_LOSS) ? AIR_PATH_LOSSY : AIR_PATH_NORMAL;
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
  path->goodput_bps = measure_goodput (path, 8);
  double goodput = (double)path->goodput_bps;
  path->trend = trend_of (path);
  if (path->trend == AIR_PATH_NORMAL)
    path->estimate_bps = CLAMP (path->estimate_bps * (1 + GROW_PER_S * elapsed_s), goodput,
                                LIMITED_FACTOR * MAX (goodput, (double)measure_goodput (path, 14)));
  else
    path->estimate_bps = goodput;
}

/* From one network to another, say: what is longer stays so, whatever is sent. A queue that is taken for that shows by
 * shrinking, and is one for `stands` in any case. Returns whether anything was learnt. */
static bool
learn_own_delay (AirPathEstimate *path)
{
  int64_t least_us = NO_DELAY, most_us = INT64_MIN;
  int64_t queue_us = queue_of (path, 0);
  if (queue_us >= 0)
    path->through_bps = queue_us < LONGER_US ? 0 : MAX (path->through_bps, path->goodput_bps);
  for (int windows = 0; windows < FLAT_WINDOWS; windows++)
    {
      int64_t delay_us = least_delay (path, windows);
      least_us = MIN (least_us, delay_us);
      most_us = MAX (most_us, delay_us);
    }
  if (most_us == NO_DELAY || most_us > least_us + FLAT_US
      || least_us < MIN (path->base_us[0], path->base_us[1]) + LONGER_US)
    return false;
  double loss = loss_of (path, 40);
  if (loss < FAR_LESS_LOSS && sent_bps (path, path->newest_us) * 100 < path->through_bps * FAR_LESS_PERCENT)
    path->base_us[0] = path->base_us[1] = least_us;
  else if (loss < FLAT_LOSS)
    path->own_us = least_us;
  else
    return false;
  return true;
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
  if (learn_own_delay (path))
    path->trend = trend_of (path);
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
  if (bps * 10 >= sent_bps (path, now_us) * 7)
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
  state->sent_bps = sent_bps (path, now_us);
  state->goodput_bps = (uint64_t)((double)state->sent_bps * (1 - state->loss));
  state->estimate_bps = remb ? path->remb_bps : 0;
  state->limited = true;
  if (state->known && MIN (path->report_loss[0], path->report_loss[1]) >= MUCH_LOSS)
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
    ret_state->trend = now_us == path->feedback_us ? path->trend : trend_of (path);
  ret_state->estimate_bps = (uint64_t)path->estimate_bps;
  ret_state->goodput_bps = path->goodput_bps;
  ret_state->sent_bps = sent_bps (path, now_us);
  ret_state->limited = ret_state->trend == AIR_PATH_NORMAL;
  ret_state->newest_us = path->newest_us;
  if (!ret_state->known)
    return;
  ret_state->queue_us = MAX (waiting_of (path, 0), ret_state->trend == AIR_PATH_OVERUSED ? path->lags_us[0] : 0);
  ret_state->loss = loss_of (path, 40);
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
