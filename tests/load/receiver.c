/* Order, holes, frames and pace of what one viewer receives. */
#include "receiver.h"

#include <string.h>

#define FIRST_NACK_MS 10 /* reordering within so long is nobody's loss */
#define NACK_AGAIN_MS 40
#define CAUGHT_UP_US (50 * 1000)
#define SETTLED_FRAMES 30
#define CATCHING_UP_US (2 * G_USEC_PER_SEC) /* nobody is settled before */

void
load_counts_add (LoadCounts *sum, const LoadCounts *counts)
{
  uint64_t *to = (uint64_t *)sum;
  const uint64_t *from = (const uint64_t *)counts;

  for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
    to[i] += from[i];
}

void
load_counts_subtract (LoadCounts *counts, const LoadCounts *before)
{
  uint64_t *from = (uint64_t *)counts;
  const uint64_t *what = (const uint64_t *)before;

  for (size_t i = 0; i < sizeof *counts / sizeof *from; i++)
    from[i] -= what[i];
}

static uint8_t
nal_flag (uint8_t type)
{
  switch (type & 0x1f)
    {
    case 5:
      return LOAD_IDR;
    case 7:
      return LOAD_SPS;
    case 8:
      return LOAD_PPS;
    default:
      return 0;
    }
}

uint8_t
load_h264_flags (const uint8_t *payload, size_t size)
{
  uint8_t flags = 0;

  if (size < 2)
    return 0;
  switch (payload[0] & 0x1f)
    {
    case 24: /* STAP-A */
      for (size_t at = 1; at + 2 < size; at += 2 + (size_t)(payload[at] << 8 | payload[at + 1]))
        flags |= nal_flag (payload[at + 2]);
      return flags;
    case 28: /* FU-A: its start tells */
      return payload[1] & 0x80 ? nal_flag (payload[1]) : 0;
    default:
      return nal_flag (payload[0]);
    }
}

static void
finish_frame (LoadFrames *frames, LoadCounts *counts, int64_t now_us)
{
  const uint8_t sets = LOAD_SPS | LOAD_PPS;

  frames->have_sets |= (frames->flags & sets) == sets;
  if (!(frames->flags & LOAD_FRAME_BROKEN) && frames->flags & LOAD_IDR && frames->have_sets)
    frames->wants_keyframe = false;
  if (frames->flags & LOAD_FRAME_BROKEN || frames->wants_keyframe)
    {
      frames->wants_keyframe = true;
      counts->frames_lost++;
      return;
    }
  counts->frames++;
  if (frames->first_us == 0)
    frames->first_us = now_us;
  else if (now_us - frames->last_us > LOAD_STALL_US)
    {
      counts->stalls++;
      counts->stalled_us += (uint64_t)(now_us - frames->last_us);
    }
  frames->last_us = now_us;
  frames->last_timestamp = frames->timestamp;
  if (frames->n_pace < LOAD_PACE_FRAMES)
    {
      frames->pace_timestamp[frames->n_pace] = frames->timestamp;
      frames->pace_us[frames->n_pace++] = (int32_t)(now_us - frames->first_us);
    }
}

static void
push_in_order (LoadFrames *frames, LoadCounts *counts, LoadPacket packet, int64_t now_us)
{
  if (frames->flags & LOAD_FRAME_OPEN && packet.timestamp != frames->timestamp)
    {
      finish_frame (frames, counts, now_us);
      frames->flags = 0;
    }
  frames->timestamp = packet.timestamp;
  frames->flags |= LOAD_FRAME_OPEN | packet.flags;
  if (packet.flags & LOAD_MARKER)
    {
      finish_frame (frames, counts, now_us);
      frames->flags = 0;
    }
}

/* A packet that will not come: the unit it belongs to, open or not, cannot be shown. */
static void
push_hole (LoadTrack *track)
{
  if (!track->frames)
    {
      track->counts->audio_lost++;
      return;
    }
  track->counts->lost++;
  track->frames->flags |= LOAD_FRAME_BROKEN;
  track->frames->wants_keyframe = true;
}

void
load_track_init (LoadTrack *track, LoadCounts *counts, LoadFrames *frames)
{
  *track = (LoadTrack){ .counts = counts, .frames = frames, .slots = g_new0 (LoadSlot, LOAD_WINDOW) };
}

void
load_track_clear (LoadTrack *track)
{
  g_clear_pointer (&track->slots, g_free);
}

static LoadSlot *
slot_of (LoadTrack *track, uint64_t sequence)
{
  return &track->slots[sequence % LOAD_WINDOW];
}

/* Hands on what is in order now. */
static void
drain (LoadTrack *track, int64_t now_us)
{
  for (; track->next < track->end && slot_of (track, track->next)->received; track->next++)
    if (track->frames)
      push_in_order (track->frames, track->counts, slot_of (track, track->next)->packet, now_us);
}

static void
give_up_next (LoadTrack *track, int64_t now_us)
{
  push_hole (track);
  track->next++;
  drain (track, now_us);
}

/* Makes places for all up to @sequence, which came; those in between are missing. */
static void
extend (LoadTrack *track, uint64_t sequence, int64_t now_us)
{
  for (; track->end < sequence; track->end++)
    {
      if (track->end - track->next >= LOAD_WINDOW - 1)
        give_up_next (track, now_us);
      track->counts->missing++;
      *slot_of (track, track->end) = (LoadSlot){ .sequence = (uint16_t)track->end,
                                                 .seen_ms = (uint32_t)(now_us / 1000),
                                                 .due_ms = (uint32_t)(now_us / 1000) + FIRST_NACK_MS };
    }
  track->end = sequence + 1;
}

bool
load_track_receive (LoadTrack *track, uint16_t sequence, LoadPacket packet, int64_t now_us)
{
  if (G_UNLIKELY (!track->started))
    {
      /* Room below, so that a packet from before the first one is not negative. */
      track->next = track->end = (1u << 16) + sequence;
      track->started = true;
    }
  uint64_t extended = track->end + (uint64_t)(int64_t)(int16_t)(uint16_t)(sequence - (uint16_t)track->end);
  if (G_LIKELY (extended == track->end && track->next == track->end))
    {
      track->next = ++track->end;
      track->counts->packets++;
      if (track->frames)
        push_in_order (track->frames, track->counts, packet, now_us);
      return true;
    }
  if (extended < track->next || (extended < track->end && slot_of (track, extended)->received))
    {
      track->counts->duplicate++;
      return false;
    }
  LoadSlot *slot = slot_of (track, extended);
  if (extended < track->end)
    *(slot->nacks > 0 ? &track->counts->repaired : &track->counts->reordered) += 1;
  else
    {
      extend (track, extended, now_us);
      slot->nacks = 0;
      slot->sequence = sequence;
    }
  slot->packet = packet;
  slot->received = true;
  track->counts->packets++;
  drain (track, now_us);
  return true;
}

unsigned
load_track_tick (LoadTrack *track, int64_t now_us, uint16_t *ret_sequences, unsigned max)
{
  uint32_t now_ms = (uint32_t)(now_us / 1000);
  unsigned count = 0;

  while (load_track_has_holes (track) && now_ms - slot_of (track, track->next)->seen_ms > LOAD_GIVE_UP_US / 1000)
    give_up_next (track, now_us);
  if (!track->asks)
    return 0;
  for (uint64_t sequence = track->next; sequence < track->end && count < max; sequence++)
    {
      LoadSlot *slot = slot_of (track, sequence);

      if (slot->received || slot->nacks >= LOAD_MAX_NACKS || (int32_t)(now_ms - slot->due_ms) < 0)
        continue;
      slot->nacks++;
      slot->due_ms = now_ms + NACK_AGAIN_MS;
      ret_sequences[count++] = slot->sequence;
    }
  track->counts->nacks += count;
  return count;
}

int64_t
load_frames_caught_up_us (const LoadFrames *frames)
{
  unsigned last = frames->n_pace - 1, settled = frames->n_pace - SETTLED_FRAMES;
  double edge_us = G_MAXDOUBLE;

  if (frames->n_pace < 2 * SETTLED_FRAMES || frames->pace_us[last] < CATCHING_UP_US)
    return -1;
  /* What was cached came with timestamps of its own, so the interval is that of the last frames. */
  double step_us = (uint32_t)(frames->pace_timestamp[last] - frames->pace_timestamp[settled]) / 90e3 * 1e6
                   / (SETTLED_FRAMES - 1);
  /* The live edge is where the last frames are: the earliest of them, as the others were only delayed. */
  for (unsigned i = settled; i <= last; i++)
    edge_us = MIN (edge_us, frames->pace_us[i] - i * step_us);
  for (unsigned i = 0; i < frames->n_pace; i++)
    if (frames->pace_us[i] - i * step_us <= edge_us + CAUGHT_UP_US)
      return frames->pace_us[i];
  return -1;
}
