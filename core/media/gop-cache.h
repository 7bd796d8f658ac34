/* The group of pictures that a new reader starts with: the units from the last keyframe on, with the sound that belongs
 * to them. Bounded in bytes and in time. Without locks: the stream calls it under its own.
 *
 * On overflow the pictures go all at once, because none of them is of use without the keyframe, and none is kept until
 * the next keyframe; of the sound the newest second stays. A stream without pictures keeps the newest second of sound.
 */
#pragma once

#include <airclass/stream.h>

G_BEGIN_DECLS

typedef struct
{
  GQueue units; /* of AirUnit, in the order of the stream */
  size_t bytes;
  size_t max_bytes;
  int64_t max_ns;
  bool has_keyframe; /* the pictures in it begin with a keyframe; without it there are none */
  bool has_video;    /* the stream has pictures */
} AirGopCache;

void air_gop_cache_init (AirGopCache *cache, size_t max_bytes, int64_t max_ns);
/* Takes a reference of its own. */
void air_gop_cache_push (AirGopCache *cache, AirUnit *unit);
/* Forgets all, and that there were pictures: the publisher changed. */
void air_gop_cache_clear (AirGopCache *cache);

G_END_DECLS
