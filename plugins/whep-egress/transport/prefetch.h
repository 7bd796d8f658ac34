/* A hint to the processor: what is about to be read or written, before it is needed. Changes nothing else; any address. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define AIR_CACHE_LINE_BYTES 64u

static inline void
air_prefetch (const void *from, size_t bytes)
{
  uintptr_t line = (uintptr_t)from & ~(uintptr_t)(AIR_CACHE_LINE_BYTES - 1);
  for (; line < (uintptr_t)from + bytes; line += AIR_CACHE_LINE_BYTES)
    __builtin_prefetch ((const void *)line, 1);
}
