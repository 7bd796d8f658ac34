/* A sender, a bottleneck and a receiver in virtual time: rate, queue, random loss, jitter; feedback each 100 ms.
 *
 * For tests of the path's estimate and of what is made of it. All of it follows from the seed.
 */
#pragma once

#include "path-estimate.h"

G_BEGIN_DECLS

#define LINK_PACKETS 65536u

typedef struct
{
  int64_t arrival_us; /* receiver's clock; 0: lost */
} LinkPacket;

typedef struct
{
  /* May change at any time. */
  uint64_t rate_bps; /* 0: without limit */
  unsigned queue_bytes;
  double loss;
  int64_t jitter_us;
  int64_t longer_us; /* the way itself, than at first */
  bool dead;         /* nothing arrives */

  AirPathEstimate *path;
  GRand *random;
  int64_t now_us;
  int64_t free_us; /* when the bottleneck is done with what it has */
  int64_t next_feedback_us;
  uint16_t next_sequence;
  uint16_t reported; /* the first of which feedback has not spoken for the last time */
  uint16_t spoken;   /* behind the newest of which it spoke */
  LinkPacket packets[LINK_PACKETS];
  uint64_t sent, lost;
  int64_t worst_queue_us;
} Link;

#define LINK_DELAY_US 20000
#define LINK_CLOCK_US (977 * G_USEC_PER_SEC) /* the receiver's clock is another one */
#define LINK_FEEDBACK_US 100000

static inline Link *
link_new (uint64_t rate_bps, unsigned queue_bytes)
{
  Link *link = g_new0 (Link, 1);
  link->rate_bps = rate_bps;
  link->queue_bytes = queue_bytes;
  link->path = air_path_estimate_new ();
  link->random = g_rand_new_with_seed (7);
  link->now_us = 5 * G_USEC_PER_SEC;
  link->next_feedback_us = link->now_us + LINK_FEEDBACK_US;
  return link;
}

static inline void
link_free (Link *link)
{
  air_path_estimate_free (link->path);
  g_rand_free (link->random);
  g_free (link);
}

static inline void
link_send (Link *link, unsigned bytes)
{
  uint16_t sequence = link->next_sequence++;
  LinkPacket *packet = &link->packets[sequence];
  int64_t waits_us = MAX (0, link->free_us - link->now_us);
  bool full = link->rate_bps > 0 && (uint64_t)waits_us * link->rate_bps / 8 / G_USEC_PER_SEC > link->queue_bytes;
  air_path_estimate_sent (link->path, sequence, bytes, link->now_us);
  link->sent++;
  packet->arrival_us = 0;
  if (link->dead || full || g_rand_double (link->random) < link->loss)
    {
      link->lost++;
      return;
    }
  if (link->rate_bps > 0)
    link->free_us = MAX (link->free_us, link->now_us) + (int64_t)(bytes * 8ull * G_USEC_PER_SEC / link->rate_bps);
  else
    link->free_us = link->now_us;
  link->worst_queue_us = MAX (link->worst_queue_us, waits_us);
  int64_t jitter_us = link->jitter_us > 0 ? g_rand_int_range (link->random, 0, (int)link->jitter_us) : 0;
  packet->arrival_us = link->free_us + LINK_DELAY_US + link->longer_us + jitter_us;
}

/* What arrived until a way back ago. Those that are not yet there, though later ones are, count as lost until they come. */
static inline void
link_feedback (Link *link)
{
  static AirTransportCcPacket packets[LINK_PACKETS];
  int64_t seen_us = link->now_us - LINK_DELAY_US;
  unsigned count = 0, last = 0;
  for (uint16_t sequence = link->reported; sequence != link->next_sequence; sequence++)
    {
      const LinkPacket *packet = &link->packets[sequence];
      bool arrived = packet->arrival_us > 0 && packet->arrival_us <= seen_us;
      packets[count] = (AirTransportCcPacket){ sequence, arrived, 0 };
      if (arrived)
        packets[count].arrival_us = (packet->arrival_us + LINK_CLOCK_US) / 250 * 250;
      count++;
      last = arrived ? count : last;
    }
  /* Some are spoken of again, so that late ones are seen; but not while nothing arrives. */
  uint16_t newest = (uint16_t)(link->reported + last);
  if (last > 0 && newest != link->spoken)
    {
      AirPathState at_once, after;
      air_path_estimate_take_feedback (link->path, packets, last, link->now_us);
      /* Asked at the same moment or later, it is the same path. */
      air_path_estimate_get (link->path, link->now_us, &at_once);
      air_path_estimate_get (link->path, link->now_us + 1, &after);
      g_assert_cmpint (at_once.trend, ==, after.trend);
    }
  link->spoken = newest;
  link->reported = (uint16_t)(link->reported + (last > 30 ? last - 30 : 0));
}

static inline void
link_advance (Link *link, int64_t by_us)
{
  link->now_us += by_us;
  if (link->now_us < link->next_feedback_us)
    return;
  link->next_feedback_us += LINK_FEEDBACK_US;
  link_feedback (link);
}

/* 1 ms of a stream of @video_bps at 30 pictures a second with a keyframe each 2 s, and of its sound. @at_ms counts. */
static inline void
link_send_stream (Link *link, int64_t at_ms, uint64_t video_bps)
{
  int64_t frame = at_ms * 3 / 100;
  if (at_ms % 20 == 0)
    link_send (link, 200);
  if (video_bps == 0 || (at_ms > 0 && (at_ms - 1) * 3 / 100 == frame))
    return;
  /* A keyframe is as large as six others. */
  unsigned bytes = (unsigned)(video_bps / 8 / 30 * 60 / 65 * (frame % 60 == 0 ? 6 : 1));
  while (bytes > 0)
    {
      unsigned part = MIN (bytes, 1190);
      link_send (link, part);
      bytes -= part;
    }
}

G_END_DECLS
