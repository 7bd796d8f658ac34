/* Reads bits, most significant first, from bytes that a stranger sent. Reading past the end yields zeros and sets
 * `overrun`, so that a parser checks once at its end. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct
{
  const uint8_t *data;
  size_t size_bits, position;
  bool overrun;
} AirBitReader;

static inline AirBitReader
air_bit_reader (const uint8_t *data, size_t size_bytes)
{
  return (AirBitReader){ .data = data, .size_bits = size_bytes * 8 };
}

/* @count ≤ 32. */
static inline uint32_t
air_bits (AirBitReader *reader, unsigned count)
{
  uint64_t value = 0;
  for (unsigned i = 0; i < count; i++)
    {
      unsigned bit = 0;
      if (reader->position < reader->size_bits)
        bit = (reader->data[reader->position / 8] >> (7 - reader->position % 8)) & 1;
      else
        reader->overrun = true;
      reader->position++;
      value = value << 1 | bit;
    }
  return (uint32_t)value;
}

static inline void
air_bits_skip (AirBitReader *reader, size_t count)
{
  reader->position += count;
  if (reader->position > reader->size_bits)
    {
      reader->position = reader->size_bits;
      reader->overrun = true;
    }
}

/* Exp-Golomb, unsigned (H.264 §9.1). */
static inline uint32_t
air_bits_ue (AirBitReader *reader)
{
  unsigned zeros = 0;
  while (!reader->overrun && zeros < 32 && air_bits (reader, 1) == 0)
    zeros++;
  if (zeros >= 32 || reader->overrun)
    {
      reader->overrun = true;
      return 0;
    }
  return (uint32_t)((1ull << zeros) - 1 + air_bits (reader, zeros));
}

/* Exp-Golomb, signed (H.264 §9.1.1). */
static inline int32_t
air_bits_se (AirBitReader *reader)
{
  uint32_t code = air_bits_ue (reader);
  return code & 1 ? (int32_t)(code / 2 + 1) : -(int32_t)(code / 2);
}
