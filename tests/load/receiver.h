/* What one viewer makes of the RTP packets that arrive: order, holes, frames, pace.
 *
 * Plain memory of one viewer, one thread; nothing is allocated per packet. Packets go through LoadTrack, which puts them in order and
 * knows the holes; in order they go through LoadFrames, which finds complete access units of H.264 (RFC 6184).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_WINDOW 2048 /* packets between the oldest hole and the newest packet */
#define LOAD_MAX_NACKS 10
#define LOAD_GIVE_UP_US (1 * G_USEC_PER_SEC) /* a packet missing for so long is lost for good */
#define LOAD_STALL_US (200 * 1000)
#define LOAD_PACE_FRAMES 512

/* All that is counted; a difference of two of these is what happened in between. Only uint64_t: see load_counts_add. */
typedef struct
{
  uint64_t packets; /* authentic, first copies */
  uint64_t bytes;   /* of datagrams */
  uint64_t missing; /* sequence numbers that were skipped at first */
  uint64_t reordered; /* of those: came by themselves */
  uint64_t repaired;  /* of those: came after a NACK */
  uint64_t lost;      /* of those: given up, video */
  uint64_t audio_lost; /* and audio, for which nobody asks again */
  uint64_t duplicate;
  uint64_t unauthentic;
  uint64_t dropped_here; /* by --loss */
  uint64_t frames;       /* complete and decodable */
  uint64_t frames_lost;  /* incomplete, or waiting for a keyframe after one */
  uint64_t stalls;
  uint64_t stalled_us;
  uint64_t nacks; /* sequence numbers asked for */
  uint64_t plis;
  uint64_t audio_packets;
  uint64_t audio_samples; /* of 48 kHz, by what the packets say */
  uint64_t messages;      /* datagrams, or runs of them that came as one (--receive-offload) */
} LoadCounts;

void load_counts_add (LoadCounts *sum, const LoadCounts *counts);
void load_counts_subtract (LoadCounts *counts, const LoadCounts *before);

typedef enum
{
  LOAD_MARKER = 1 << 0,
  LOAD_SPS = 1 << 1,
  LOAD_PPS = 1 << 2,
  LOAD_IDR = 1 << 3, /* the start of an IDR slice */
  LOAD_FRAME_OPEN = 1 << 4,
  LOAD_FRAME_BROKEN = 1 << 5,
} LoadPacketFlags;

typedef struct
{
  uint32_t timestamp;
  uint8_t flags; /* LoadPacketFlags */
} LoadPacket;

typedef struct
{
  uint32_t timestamp; /* of the unit being put together */
  uint8_t flags;
  bool have_sets;
  bool wants_keyframe; /* nothing can be decoded until the next one */
  int64_t first_us;    /* when the first decodable picture was complete; 0: not yet */
  int64_t last_us;     /* when the last one was */
  uint32_t last_timestamp;
  unsigned n_pace;
  int32_t pace_us[LOAD_PACE_FRAMES]; /* arrival of the first frames after first_us */
  uint32_t pace_timestamp[LOAD_PACE_FRAMES];
} LoadFrames;

typedef struct
{
  LoadPacket packet;
  bool received;
  uint8_t nacks;
  uint16_t sequence; /* whose this place is: stale ones are not taken for new holes */
  uint32_t due_ms;   /* when to ask (again), low bits of the clock */
  uint32_t seen_ms;  /* when the hole was seen */
} LoadSlot;

typedef struct
{
  bool started;
  bool asks;     /* NACK is negotiated */
  uint64_t next; /* the extended sequence number that order waits for */
  uint64_t end;  /* one beyond the highest that came */
  LoadCounts *counts;
  LoadFrames *frames; /* NULL: audio */
  LoadSlot *slots;    /* LOAD_WINDOW */
} LoadTrack;

void load_track_init (LoadTrack *track, LoadCounts *counts, LoadFrames *frames);
void load_track_clear (LoadTrack *track);
/* Returns: false when it was there already. */
bool load_track_receive (LoadTrack *track, uint16_t sequence, LoadPacket packet, int64_t now_us);
/* Gives up what is missing for too long. Writes the sequence numbers to ask for now, oldest first. Returns: how many (≤ @max). */
unsigned load_track_tick (LoadTrack *track, int64_t now_us, uint16_t *ret_sequences, unsigned max);
static inline bool
load_track_has_holes (const LoadTrack *track)
{
  return track->next < track->end;
}

/* What the payload tells about its access unit. */
uint8_t load_h264_flags (const uint8_t *payload, size_t size);

/* When the viewer had caught up with the stream, µs after its first picture: from then on frames came as the clock of the stream has them.
 * Returns: -1 when not enough frames came to tell. */
int64_t load_frames_caught_up_us (const LoadFrames *frames);
